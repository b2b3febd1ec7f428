"""WarmLambda through `deploy()`: what it asks for, what it refuses, and what a change of its inputs changes."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.component import ComponentProvider

from loadfit import FunctionLoad, InvalidInputs, WarmLambda, WarmLambdaArgs, Window
from loadfit.bundle import pack
from loadfit.functions import alarms
from loadfit.testing import UNKNOWN, Changes, Deployment, Resource, changes, deploy
from tests.functions.loads import DAY, REPAIRED, window

COMPONENT = "loadfit:index:WarmLambda"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
QUERY = "aws:cloudwatch/queryDefinition:QueryDefinition"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
TARGET = "aws:appautoscaling/target:Target"
TRACKING = "aws:appautoscaling/policy:Policy"
ACTION = "aws:appautoscaling/scheduledAction:ScheduledAction"
PERMISSION = "aws:lambda/permission:Permission"
URL = "aws:lambda/functionUrl:FunctionUrl"
SOURCE = "aws:lambda/eventSourceMapping:EventSourceMapping"
DESTINATION = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
TAGGED = {LOG_GROUP, ALARM, ROLE, FUNCTION, TARGET, SOURCE}
"""Of the component's children, those that AWS has tags for."""
GLOBAL = {ROLE, POLICY}
"""Of the component's children, those that are in no Region."""

CODE = str(Path(__file__).parent / "code")
OTHER_CODE = str(Path(__file__).parent / "changed_code")
NAME = "project-stack-warm"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:work"
STREAM_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
TABLE_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
API_ARN = "arn:aws:execute-api:us-east-1:123456789012:api/*"

Args = dict[str, Any]


def load(**more: Any) -> Args:
    """The case study: five warm instances, and room for both pools of a deployment."""
    given = {"name": "storefront", "region": "us-east-1", **REPAIRED, "reserved_concurrency": 12}
    return {key: value for key, value in {**given, "runtime": "python3.13", **more}.items() if value is not None}


def rate(requests_per_second: float) -> Args:
    """The same with other requests."""
    return load(windows={"day": {**DAY, "peak_requests_per_second": requests_per_second}}, reserved_concurrency=100)


def scheduled(requests_per_second: float = 26) -> Args:
    """The same by day, and a request now and then at night."""
    day = {**DAY, "peak_requests_per_second": requests_per_second, "schedule": "mon-fri 08:00-18:00"}
    day["timezone"] = "Europe/Berlin"
    return load(windows={"day": day, "rest": window(0.1, 50, 100)}, reserved_concurrency=100)


COLD = load(provisioned_concurrency=0, max_cold_share=1, target_p99_ms=None, reserved_concurrency=None, database=None)
"""Nothing is kept warm."""


def arguments(**given: Any) -> Any:
    """The component's arguments; whatever is not given is the case study's.

    What holds an output is given as a function: outputs belong to the run that makes them.
    """
    args: Args = {"load": load(), "code": CODE, "handler": "app.handler", **given}
    return {name: value() if callable(value) else value for name, value in args.items() if value is not None}


def packed(code: str) -> str:
    """Where the packed code is."""
    return str(pack(code, handler="app.handler", runtime="python3.13", architecture="x86_64").path)


def added(one: Resource) -> Mapping[str, Any]:
    """What AWS would add to the outputs. Other code is another version."""
    if one.type == FUNCTION:
        version = "2" if one.inputs.get("code") == {"path": packed(OTHER_CODE)} else "1"
        return {"version": version, "arn": f"arn-of-{one.name}"}
    if one.type == ALIAS:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{one.inputs['functionName']}:{one.inputs['name']}"
        return {"arn": arn, "invokeArn": f"invoke-{arn}"}
    if one.type == URL:
        return {"functionUrl": "https://abc.lambda-url.us-east-1.on.aws/"}
    return {"arn": f"arn-of-{one.name}", **({"name": f"{one.name}-0a1b2c"} if one.type == ROLE else {})}


def made(**given: Any) -> Deployment:
    """A deployment of the component alone."""
    return deploy(lambda: WarmLambda("warm", arguments(**given)), state=added)


def refusal(**given: Any) -> str:
    """What the component says, having registered nothing."""
    deployment = deploy(lambda: WarmLambda("warm", arguments(**given)), check=False)
    assert isinstance(deployment.error, InvalidInputs), deployment.error
    assert isinstance(deployment.error, pulumi.RunError)
    assert deployment.resources == ()
    text = str(deployment.error)
    assert text.startswith("WarmLambda 'warm':")
    assert "Traceback" not in text
    return text


def component(deployment: Deployment) -> Resource:
    return deployment.resource("warm", COMPONENT)


def children(deployment: Deployment) -> tuple[Resource, ...]:
    return deployment.children(component(deployment))


def only(deployment: Deployment, token: str) -> Resource:
    (found,) = deployment.of_type(token)
    return found


def outputs(deployment: Deployment) -> Mapping[str, Any]:
    found = component(deployment).registered_outputs
    assert found is not None
    return found


def statements(deployment: Deployment) -> dict[str, Any]:
    """What the role may do, by what it is for."""
    document = json.loads(only(deployment, POLICY).inputs["policy"])
    return {one.pop("Sid"): one for one in document["Statement"]}


EVERYTHING: Args = {
    "load": {**scheduled(), "in_vpc": True, "ephemeral_storage_mb": 1024, "memory_mb": 512, "architecture": "arm64"},
    "alias_name": "blue",
    "description": "The storefront's API",
    "environment": {"TABLE": "orders"},
    "environment_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1",
    "layers": ["arn:aws:lambda:us-east-1:123456789012:layer:shared:3"],
    "subnet_ids": ["subnet-1", "subnet-2"],
    "security_group_ids": ["sg-1"],
    "callers": {"api": {"principal": "apigateway.amazonaws.com", "source_arn": API_ARN}},
    "event_sources": {
        "work": {
            "kind": "sqs",
            "arn": QUEUE_ARN,
            "batch_size": 5,
            "batching_window_seconds": 2,
            "maximum_concurrency": 4,
            "report_batch_item_failures": True,
        },
        "clicks": {"kind": "kinesis", "arn": STREAM_ARN, "starting_position": "LATEST"},
        "orders": {"kind": "dynamodb", "arn": TABLE_ARN, "starting_position": "TRIM_HORIZON"},
    },
    "function_url": {
        "callers": {
            "cdn": {
                "principal": "cloudfront.amazonaws.com",
                "source_arn": "arn:aws:cloudfront::123456789012:distribution/E1",
            }
        },
        "invoke_mode": "RESPONSE_STREAM",
        "cors": {
            "allow_origins": ["https://example.com"],
            "allow_methods": ["GET"],
            "allow_headers": ["content-type"],
            "expose_headers": ["etag"],
            "allow_credentials": True,
            "max_age_seconds": 600,
        },
    },
    "on_failure_arn": "arn:aws:sns:us-east-1:123456789012:failed",
    "role_statements": [{"actions": ["dynamodb:GetItem"], "resources": [TABLE_ARN.partition("/stream")[0]]}],
    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
    "log_retention_days": 90,
    "log_key_arn": "arn:aws:kms:us-east-1:123456789012:key/2",
    "alarm_actions": ["arn:topic"],
    "tags": lambda: {"team": "platform", "cost-center": pulumi.Output.from_input("42")},
}


@pytest.fixture(scope="module")
def case_study() -> Deployment:
    return made()


@pytest.fixture(scope="module")
def everything() -> Deployment:
    return made(**EVERYTHING)


class TestCaseStudy:
    def test_its_children_are_exactly_these(self, case_study: Deployment) -> None:
        found: dict[str, set[str]] = {}
        for child in children(case_study):
            found.setdefault(child.type, set()).add(child.name.removeprefix("warm-"))
        assert found == {
            LOG_GROUP: {"logs"},
            ROLE: {"role"},
            POLICY: {"policy"},
            FUNCTION: {"function"},
            ALIAS: {"alias"},
            PROVISIONED: {"provisioned"},
            TARGET: {"scaling"},
            TRACKING: {"tracking"},
            ALARM: {
                "spillover",
                "utilization",
                "past-alias",
                "requests-beyond-load",
                "duration",
                "throttles",
                "errors",
                "account-concurrency",
            },
            DASHBOARD: {"dashboard"},
            QUERY: {"init-duration", "cold-share", "slowest-inits"},
        }
        assert len(case_study.resources) == len(children(case_study)) + 1, "no grandchildren, nothing beside it"

    def test_their_inputs_are_exactly_these(self, case_study: Deployment) -> None:
        """Alarms, dashboard and role have tests of their own."""
        scaled = {
            "serviceNamespace": "lambda",
            "scalableDimension": "lambda:function:ProvisionedConcurrency",
            "resourceId": f"function:{NAME}:live",
        }
        expected = {
            "logs": {"name": f"/aws/lambda/{NAME}", "retentionInDays": 30},
            "function": {
                "name": NAME,
                "role": "arn-of-warm-role",
                "packageType": "Zip",
                "code": {"path": packed(CODE)},
                "handler": "app.handler",
                "runtime": "python3.13",
                "architectures": ["x86_64"],
                "memorySize": 128,
                "timeout": 3,
                "ephemeralStorage": {"size": 512},
                "reservedConcurrentExecutions": 12,
                "publish": True,
                "loggingConfig": {"logFormat": "Text", "logGroup": f"/aws/lambda/{NAME}"},
                "tracingConfig": {"mode": "Active"},
            },
            "alias": {"name": "live", "functionName": NAME, "functionVersion": "1"},
            "provisioned": {"functionName": NAME, "qualifier": "live", "provisionedConcurrentExecutions": 5},
            "scaling": {**scaled, "minCapacity": 5, "maxCapacity": 10},
            "tracking": {
                **scaled,
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": {
                    "targetValue": 0.272,
                    "predefinedMetricSpecification": {
                        "predefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
                    },
                },
            },
        }
        for suffix, inputs in expected.items():
            found = dict(case_study.resource(f"warm-{suffix}").inputs)
            found.pop("tags", None)
            assert found == {**inputs, "region": "us-east-1"}, suffix

    def test_each_waits_for_what_has_to_be_there_before_it(self, case_study: Deployment) -> None:
        """Autoscaling is refused without provisioned concurrency, and a log group is made by whoever comes first."""
        order = {
            "function": {"logs", "policy", "role"},
            "alias": {"function"},
            "provisioned": {"function", "alias"},
            "scaling": {"provisioned"},
            "tracking": {"scaling"},
        }
        for suffix, before in order.items():
            waits = set(case_study.resource(f"warm-{suffix}").dependencies)
            assert waits >= {case_study.resource(f"warm-{one}").urn for one in before}, suffix

    def test_under_another_alias_provisioned_concurrency_begins_anew(self, case_study: Deployment) -> None:
        """A version cannot have it through two aliases, so the old one's goes first."""
        assert only(case_study, PROVISIONED).options.delete_before_replace is True
        found = touched(case_study, made(alias_name="blue"))
        assert found[PROVISIONED] == {"qualifier"}
        assert FUNCTION not in found

    def test_provisioned_concurrency_is_autoscalings_and_takes_its_time(self, case_study: Deployment) -> None:
        found = only(case_study, PROVISIONED).options
        assert found.ignore_changes == ("provisionedConcurrentExecutions",)
        assert found.custom_timeouts == {"create": "15m", "update": "15m"}
        assert [one.name for one in case_study.resources if one.options.ignore_changes] == ["warm-provisioned"]

    def test_many_instances_get_the_time_that_they_take(self) -> None:
        """2 x (2 minutes + 100,000 / 6,000 a minute + 0.8 s)."""
        many = load(
            provisioned_concurrency=50_000,
            reserved_concurrency=None,
            database=None,
            quota_concurrency=200_000,
        )
        assert only(made(load=many), PROVISIONED).options.custom_timeouts == {"create": "38m", "update": "38m"}

    def test_the_declared_load_is_in_the_components_inputs(self, case_study: Deployment) -> None:
        """So it is in state, shows in the preview's diff and is what policies see; in camelCase, as declared."""
        inputs = component(case_study).inputs
        assert inputs["load"]["windows"]["day"] == {
            "peakRequestsPerSecond": 26,
            "meanDurationMs": 50,
            "p99DurationMs": 100,
        }
        assert inputs["load"]["reservedConcurrency"] == 12
        assert (inputs["handler"], inputs["aliasName"]) == ("app.handler", "live")
        assert CODE not in repr(inputs), "another machine has the same code elsewhere"

    def test_nothing_is_warned_of(self, case_study: Deployment) -> None:
        assert case_study.logs == ()

    def test_outputs(self, case_study: Deployment) -> None:
        found = dict(outputs(case_study))
        sizing = found.pop("sizing")
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}:live"
        assert found == {
            "aliasArn": arn,
            "aliasInvokeArn": f"invoke-{arn}",
            "aliasName": "live",
            "version": "1",
            "functionName": NAME,
            "functionUrl": "",
            "logGroupName": f"/aws/lambda/{NAME}",
            "roleArn": "arn-of-warm-role",
            "roleName": "warm-role-0a1b2c",
            "provisionedConcurrency": 5,
            "alarmArns": [f"arn-of-warm-{alarm.suffix}" for alarm in alarms.alarms(plan_of(load()))],
        }
        assert (sizing["verdict"], sizing["windows"]["day"]["warm_instances"]) == ("fits", 5)
        assert sizing["autoscaling"] == {"min": 5, "max": 10, "target": 0.272}

    def test_no_output_leads_past_the_alias(self, everything: Deployment) -> None:
        """Whoever called the function's own ARN would get no warm instance."""
        text = json.dumps(outputs(everything))
        assert "arn-of-warm-function" not in text
        assert "$LATEST" not in text

    def test_at_preview_the_plan_is_plain_and_the_sizes_are_known(self) -> None:
        plans: list[Any] = []

        def program() -> None:
            warm = WarmLambda("warm", arguments())
            plans.append(warm.plan)
            for name in ("alias_arn", "alias_name", "version", "function_name", "provisioned_concurrency", "sizing"):
                pulumi.export(name, getattr(warm, name))

        deployment = deploy(program, preview=True)
        assert plans[0].instances == 5
        sizing = deployment.outputs["sizing"]
        assert {**deployment.outputs, "sizing": sizing["verdict"]} == {
            "alias_arn": UNKNOWN,
            "alias_name": "live",
            "version": UNKNOWN,
            "function_name": NAME,
            "provisioned_concurrency": 5,
            "sizing": "fits",
        }
        assert deployment.resource("warm-scaling").inputs["resourceId"] == f"function:{NAME}:live"


def plan_of(declared: Args) -> Any:
    from loadfit.functions import size_function

    return size_function(FunctionLoad.model_validate(declared))


class TestEveryChild:
    """Asserted over all children of everything that can be switched on."""

    def test_carries_the_region_of_the_load(self, everything: Deployment) -> None:
        for child in children(everything):
            assert child.inputs.get("region") == (None if child.type in GLOBAL else "us-east-1"), child.name

    def test_carries_the_tags_where_it_takes_any(self, everything: Deployment) -> None:
        for child in children(everything):
            assert ("tags" in child.inputs) == (child.type in TAGGED), child.name
            if child.type in TAGGED:
                assert child.inputs["tags"] == {"Name": child.name, "team": "platform", "cost-center": "42"}
        assert {child.type for child in children(everything)} >= TAGGED

    def test_is_named_after_the_component(self, everything: Deployment) -> None:
        assert all(child.name.startswith("warm-") for child in children(everything))
        assert all(child.urn.split("::")[2].startswith(f"{COMPONENT}$aws:") for child in children(everything))

    def test_is_made_by_the_provider_of_the_component(self) -> None:
        def program() -> None:
            west = aws.Provider("west", region="us-east-1")
            WarmLambda("warm", arguments(), pulumi.ResourceOptions(providers=[west]))

        deployment = deploy(program, state=added)
        west = deployment.resource("west").urn
        assert {child.provider for child in children(deployment)} == {west}
        assert [one.name for one in deployment.resources if one.type.startswith("pulumi:providers:")] == ["west"]

    def test_of_a_name_of_its_own_is_one_that_aws_takes(self) -> None:
        """Projects, stacks and components may be called otherwise."""
        deployment = deploy(lambda: WarmLambda("warm v2", arguments()), project="shop.web", stack="eu", state=added)
        assert only(deployment, FUNCTION).inputs["name"] == "shop-web-eu-warm-v2"
        assert only(deployment, LOG_GROUP).inputs["name"] == "/aws/lambda/shop-web-eu-warm-v2"
        assert only(deployment, DASHBOARD).inputs["dashboardName"] == "shop-web-eu-warm-v2"
        assert {query.inputs["name"] for query in deployment.of_type(QUERY)} == {
            f"shop-web-eu-warm-v2/{suffix}" for suffix in ("init-duration", "cold-share", "slowest-inits")
        }

    def test_of_two_functions_is_another(self) -> None:
        def program() -> None:
            WarmLambda("blue", arguments())
            WarmLambda("green", arguments())

        names = [one.inputs["name"] for one in deploy(program, state=added).of_type(FUNCTION)]
        assert names == ["project-stack-blue", "project-stack-green"]


class TestAlias:
    """Nothing else is warm."""

    def test_everything_that_calls_carries_it(self, everything: Deployment) -> None:
        alias = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}:blue"
        for token in (PERMISSION, URL, DESTINATION, PROVISIONED):
            found = everything.of_type(token)
            assert found
            assert {one.inputs["qualifier"] for one in found} == {"blue"}, token
        assert {one.inputs["functionName"] for one in everything.of_type(SOURCE)} == {alias}
        assert len(everything.of_type(SOURCE)) == 3
        assert {one.inputs["resourceId"] for one in everything.of_type(ACTION)} == {f"function:{NAME}:blue"}

    def test_everything_else_names_the_function_and_no_arn(self, everything: Deployment) -> None:
        """Ids are parsed at their colons."""
        for token in (ALIAS, PROVISIONED, URL, DESTINATION):
            assert only(everything, token).inputs["functionName"] == NAME
        assert {one.inputs["function"] for one in everything.of_type(PERMISSION)} == {NAME}

    def test_nothing_enters_before_instances_are_warm(self, everything: Deployment) -> None:
        provisioned = only(everything, PROVISIONED).urn
        for token in (PERMISSION, URL, SOURCE):
            assert all(provisioned in one.dependencies for one in everything.of_type(token)), token


class TestEntrances:
    def test_a_caller_is_let_in_on_behalf_of_its_source(self, everything: Deployment) -> None:
        found = dict(everything.resource("warm-caller-api").inputs)
        assert found == {
            "action": "lambda:InvokeFunction",
            "function": NAME,
            "qualifier": "blue",
            "principal": "apigateway.amazonaws.com",
            "sourceArn": API_ARN,
            "region": "us-east-1",
        }

    def test_a_function_url_takes_signed_requests(self, everything: Deployment) -> None:
        assert only(everything, URL).inputs == {
            "functionName": NAME,
            "qualifier": "blue",
            "authorizationType": "AWS_IAM",
            "invokeMode": "RESPONSE_STREAM",
            "cors": {
                "allowOrigins": ["https://example.com"],
                "allowMethods": ["GET"],
                "allowHeaders": ["content-type"],
                "exposeHeaders": ["etag"],
                "allowCredentials": True,
                "maxAge": 600,
            },
            "region": "us-east-1",
        }
        assert outputs(everything)["functionUrl"] == "https://abc.lambda-url.us-east-1.on.aws/"

    def test_each_of_its_callers_has_both_permissions(self, everything: Deployment) -> None:
        """Without the second, every request is answered with 403."""
        first, second = (everything.resource(f"warm-url-cdn{suffix}").inputs for suffix in ("", "-invoke"))
        assert (first["action"], first["functionUrlAuthType"]) == ("lambda:InvokeFunctionUrl", "AWS_IAM")
        assert (second["action"], second["invokedViaFunctionUrl"]) == ("lambda:InvokeFunction", True)
        for one in (first, second):
            assert one["principal"] == "cloudfront.amazonaws.com"
            assert one["sourceArn"] == "arn:aws:cloudfront::123456789012:distribution/E1"

    def test_by_default_it_is_open_to_nobody_else(self) -> None:
        deployment = made(function_url={})
        assert only(deployment, URL).inputs["authorizationType"] == "AWS_IAM"
        assert deployment.of_type(PERMISSION) == ()

    def test_it_is_open_to_everybody_where_that_is_said(self) -> None:
        deployment = made(function_url={"authorization": "NONE"})
        assert only(deployment, URL).inputs["authorizationType"] == "NONE"
        found = {one.inputs["action"]: one.inputs for one in deployment.of_type(PERMISSION)}
        assert found["lambda:InvokeFunctionUrl"]["functionUrlAuthType"] == "NONE"
        assert found["lambda:InvokeFunction"]["invokedViaFunctionUrl"] is True
        assert {one["principal"] for one in found.values()} == {"*"}

    def test_a_queue_is_worked_on_in_batches(self, everything: Deployment) -> None:
        found = dict(everything.resource("warm-source-work").inputs)
        assert {name: found[name] for name in found if name not in ("tags", "functionName", "region")} == {
            "eventSourceArn": QUEUE_ARN,
            "batchSize": 5,
            "maximumBatchingWindowInSeconds": 2,
            "scalingConfig": {"maximumConcurrency": 4},
            "functionResponseTypes": ["ReportBatchItemFailures"],
        }
        assert only(everything, POLICY).urn in everything.resource("warm-source-work").dependencies

    def test_a_stream_is_read_from_where_it_is_said(self, everything: Deployment) -> None:
        positions = {suffix: everything.resource(f"warm-source-{suffix}").inputs for suffix in ("clicks", "orders")}
        assert positions["clicks"]["startingPosition"] == "LATEST"
        assert positions["orders"]["startingPosition"] == "TRIM_HORIZON"

    def test_failed_asynchronous_requests_are_kept(self, everything: Deployment) -> None:
        assert only(everything, DESTINATION).inputs["destinationConfig"] == {
            "onFailure": {"destination": "arn:aws:sns:us-east-1:123456789012:failed"}
        }


class TestRole:
    def test_it_may_write_its_own_log_and_no_more(self, case_study: Deployment) -> None:
        """It may not make log groups: one that nobody manages would be kept for ever."""
        logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"]}
        assert statements(case_study)["Logs"] == {**logs, "Resource": "arn-of-warm-logs:*"}
        assert set(statements(case_study)) == {"Logs", "Tracing"}
        assert set(statements(made(tracing=False))) == {"Logs"}

    def test_it_may_do_what_is_wired(self, everything: Deployment) -> None:
        found = statements(everything)
        assert set(found) == {
            "Logs",
            "Tracing",
            "NetworkInterfaces",
            "EnvironmentKey",
            "OnFailure",
            "Source0",
            "Source1",
            "Source2",
            "Given0",
        }
        assert found["EnvironmentKey"] == {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": "arn:aws:kms:us-east-1:123456789012:key/1",
        }
        sources = {found[f"Source{number}"]["Resource"]: found[f"Source{number}"]["Action"] for number in range(3)}
        assert set(sources) == {QUEUE_ARN, STREAM_ARN, TABLE_ARN}
        assert sources[QUEUE_ARN] == ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        assert {action.partition(":")[0] for action in sources[STREAM_ARN]} == {"kinesis"}
        assert {action.partition(":")[0] for action in sources[TABLE_ARN]} == {"dynamodb"}
        assert found["Given0"]["Action"] == ["dynamodb:GetItem"]
        assert found["Given0"]["Resource"] == ["arn:aws:dynamodb:us-east-1:123456789012:table/orders"]

    def test_only_what_has_no_resources_to_name_is_allowed_on_all(self, everything: Deployment) -> None:
        """X-Ray has none, network interfaces have no ARN before they are made, and descriptions take none."""
        found = statements(everything)
        assert {sid for sid, one in found.items() if one["Resource"] == "*"} == {"Tracing", "NetworkInterfaces"}
        actions = [action for one in found.values() for action in [one["Action"]] if isinstance(action, str)]
        actions += [action for one in found.values() if isinstance(one["Action"], list) for action in one["Action"]]
        assert [action for action in actions if "*" in action or "CreateLogGroup" in action] == []

    @pytest.mark.parametrize(
        ("service", "action"),
        [
            ("sqs", "sqs:SendMessage"),
            ("sns", "sns:Publish"),
            ("lambda", "lambda:InvokeFunction"),
            ("events", "events:PutEvents"),
        ],
    )
    @pytest.mark.parametrize("known", [True, False])
    def test_it_may_send_to_the_destination(self, service: str, action: str, known: bool) -> None:
        arn = f"arn:aws:{service}:us-east-1:123456789012:failed"
        deployment = made(on_failure_arn=arn if known else lambda: pulumi.Output.from_input(arn))
        assert statements(deployment)["OnFailure"] == {"Effect": "Allow", "Action": action, "Resource": arn}

    def test_a_destination_that_is_known_later_is_refused_then(self) -> None:
        with pytest.raises(InvalidInputs, match=r"on_failure_arn: expected the ARN of a destination \(sqs, sns"):
            made(on_failure_arn=lambda: pulumi.Output.from_input("arn:aws:s3:::failed"))

    def test_lambda_alone_may_take_it(self, everything: Deployment) -> None:
        role = only(everything, ROLE).inputs
        (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert role["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/boundary"


class TestFunction:
    def test_what_the_load_says_of_it(self, everything: Deployment) -> None:
        found = only(everything, FUNCTION).inputs
        assert (found["memorySize"], found["architectures"]) == (512, ["arm64"])
        assert found["ephemeralStorage"] == {"size": 1024}
        assert found["vpcConfig"] == {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}

    def test_what_else_is_wired(self, everything: Deployment) -> None:
        found = only(everything, FUNCTION).inputs
        assert found["description"] == "The storefront's API"
        assert found["environment"] == {"variables": {"TABLE": "orders"}}
        assert found["kmsKeyArn"] == "arn:aws:kms:us-east-1:123456789012:key/1"
        assert found["layers"] == ["arn:aws:lambda:us-east-1:123456789012:layer:shared:3"]
        logs = only(everything, LOG_GROUP).inputs
        assert (logs["retentionInDays"], logs["kmsKeyId"]) == (90, "arn:aws:kms:us-east-1:123456789012:key/2")

    def test_secrets_stay_secret(self) -> None:
        deployment = made(environment=lambda: {"PASSWORD": pulumi.Output.secret("hunter2"), "TABLE": "orders"})
        assert "environment" in only(deployment, FUNCTION).secret_inputs
        holding = [one.name for one in deployment.resources if "hunter2" in repr((one.inputs, one.registered_outputs))]
        assert holding == ["warm-function"]

    def test_without_a_reserve_it_has_none(self) -> None:
        """-1, because the provider would keep one that is no longer named."""
        deployment = made(load=load(reserved_concurrency=None, database=None))
        assert only(deployment, FUNCTION).inputs["reservedConcurrentExecutions"] == -1

    def test_ephemeral_storage_that_is_no_longer_declared_is_lambdas_default_again(self) -> None:
        """Named, because the provider would keep the size that the function has."""
        before, after = made(load=load(ephemeral_storage_mb=1024)), made()
        assert only(after, FUNCTION).inputs["ephemeralStorage"] == {"size": 512}
        assert touched(before, after)[FUNCTION] == {"ephemeralStorage"}

    def test_code_in_s3(self) -> None:
        where = {"bucket": "builds", "key": "storefront.zip", "version": "v1"}
        found = only(made(code=None, code_object=where, load=load(code_in_s3=True)), FUNCTION).inputs
        assert (found["s3Bucket"], found["s3Key"], found["s3ObjectVersion"]) == ("builds", "storefront.zip", "v1")
        assert "code" not in found

    def test_a_container_image(self) -> None:
        image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/storefront@sha256:1"
        deployment = made(code=None, handler=None, image_uri=image, load=load(package_type="image", runtime=None))
        found = only(deployment, FUNCTION).inputs
        assert (found["packageType"], found["imageUri"]) == ("Image", image)
        assert not {"code", "handler", "runtime", "s3Bucket"} & set(found)

    def test_a_zip_file(self, tmp_path: Path) -> None:
        shutil.copyfile(packed(CODE), tmp_path / "app.zip")
        found = only(made(code=str(tmp_path / "app.zip")), FUNCTION).inputs
        assert found["code"] == {"path": str(tmp_path / "app.zip")}

    def test_paths_begin_at_the_programs_folder(self, tmp_path: Path) -> None:
        shutil.copytree(CODE, tmp_path / "api")
        (tmp_path / "__main__.py").write_text(
            f"import loadfit\nloadfit.WarmLambda('warm', {arguments(code='api')!r})\n"
        )
        assert only(deploy(tmp_path, state=added), FUNCTION).inputs["code"] == {"path": packed(CODE)}


class TestSchedule:
    def test_actions_are_the_plans_in_its_timezone(self) -> None:
        deployment = made(load=scheduled())
        plan = plan_of(scheduled())
        found = {
            one.inputs["name"]: (one.inputs["schedule"], one.inputs["timezone"], one.inputs["scalableTargetAction"])
            for one in deployment.of_type(ACTION)
        }
        assert found == {
            action.name: (action.cron, "Europe/Berlin", {"minCapacity": action.min, "maxCapacity": action.max})
            for action in plan.schedule
        }
        assert len(found) == 2
        assert {one.name for one in deployment.of_type(ACTION)} == {f"warm-schedule-{name}" for name in found}

    def test_none_of_them_goes_to_nothing(self) -> None:
        """Provisioned concurrency that was scheduled to none cannot be scheduled back."""
        asleep = load(windows={"day": {**DAY, "schedule": "mon-fri 08:00-18:00"}})
        found = [one.inputs["scalableTargetAction"]["minCapacity"] for one in made(load=asleep).of_type(ACTION)]
        assert sorted(found) == [1, 5]

    def test_they_are_made_one_after_the_other(self) -> None:
        """The service takes one change at a time."""
        deployment = made(load=scheduled())
        chain = {one.urn: set(one.dependencies) for one in deployment.of_type(ACTION)}
        tracking = only(deployment, TRACKING).urn
        first = [urn for urn, before in chain.items() if tracking in before]
        later = [urn for urn, before in chain.items() if before & set(chain)]
        assert len(first) == 1
        assert len(later) == len(chain) - 1

    def test_until_the_first_of_them_the_peak_holds(self) -> None:
        found = only(made(load=scheduled()), TARGET).inputs
        assert (found["minCapacity"], found["maxCapacity"]) == (5, 10)


class TestNothingWarm:
    def test_without_provisioned_concurrency_nothing_scales_it(self) -> None:
        deployment = made(load=COLD, function_url={"authorization": "NONE"})
        for token in (PROVISIONED, TARGET, TRACKING, ACTION):
            assert deployment.of_type(token) == ()
        assert only(deployment, FUNCTION).inputs["publish"] is True
        assert outputs(deployment)["provisionedConcurrency"] == 0
        assert only(deployment, URL).inputs["qualifier"] == "live"

    def test_snapstart_takes_its_place(self) -> None:
        deployment = made(load={**COLD, "snapstart": True, "init_ms": 400})
        assert only(deployment, FUNCTION).inputs["snapStart"] == {"applyOn": "PublishedVersions"}
        assert deployment.of_type(PROVISIONED) == ()
        assert "Restore Duration" in deployment.resource("warm-cold-share").inputs["queryString"]


@pytest.mark.parametrize(("option", "tokens"), [("alarms", {ALARM}), ("dashboard", {DASHBOARD, QUERY})])
def test_what_watches_can_be_left_out(option: str, tokens: set[str], case_study: Deployment) -> None:
    difference = changes(case_study, made(**{option: False}))
    assert {urn.split("$")[1].split("::")[0] for urn in difference.deleted} == tokens
    # A dashboard has no lines of alarms that are not there.
    changed = {case_study.resource("warm-dashboard").urn: {"dashboardBody"}} if option == "alarms" else {}
    assert (difference.created, difference.changed) == ((), changed)


def test_a_dashboard_has_the_lines_of_the_alarms_that_there_are(case_study: Deployment) -> None:
    for deployment, expected in ((case_study, True), (made(alarms=False), False)):
        body = only(deployment, DASHBOARD).inputs["dashboardBody"]
        assert ('"label": "alarm ' in body) is expected
        assert '"label": "warm 5"' in body


NOTHING = Changes(created=(), deleted=(), changed={}, options={})


def touched(before: Deployment, after: Deployment) -> dict[str, set[str]]:
    """The inputs that a change of the program changes, by the resource's type; nothing is lost but schedules."""
    difference = changes(before, after)
    assert difference.options == {}
    assert {urn.split("$")[1].split("::")[0] for urn in (*difference.created, *difference.deleted)} <= {ACTION}
    found: dict[str, set[str]] = {}
    for urn, names in difference.changed.items():
        found.setdefault(before.resource(urn).type, set()).update(names)
    return found


class TestChanges:
    """A version that nobody needs replaces all warm instances: what publishes one, and what does not."""

    def test_changed_code_leads_the_alias_to_another_version_and_touches_nothing_else(
        self, case_study: Deployment
    ) -> None:
        """The warm instances stay where they are, on the alias."""
        after = made(code=OTHER_CODE)
        assert touched(case_study, after) == {FUNCTION: {"code"}, ALIAS: {"functionVersion"}}
        assert outputs(after)["version"] == "2"

    def test_a_changed_load_touches_scaling_and_what_watches_it(self) -> None:
        before, after = made(load=rate(26)), made(load=rate(60))
        found = touched(before, after)
        assert set(found) == {COMPONENT, TARGET, TRACKING, ALARM, DASHBOARD}
        assert found[TARGET] == {"minCapacity", "maxCapacity"}
        assert found[TRACKING] == {"targetTrackingScalingPolicyConfiguration"}
        assert found[ALARM] == {"threshold", "alarmDescription"}
        assert outputs(after)["provisionedConcurrency"] > outputs(before)["provisionedConcurrency"]

    def test_with_a_schedule_it_touches_the_schedule_too(self) -> None:
        before, after = made(load=scheduled(26)), made(load=scheduled(60))
        assert set(touched(before, after)) == {COMPONENT, TARGET, TRACKING, ALARM, DASHBOARD}
        assert {one.name for one in before.of_type(ACTION)} != {one.name for one in after.of_type(ACTION)}
        # The new peak holds at once, whatever an action has set meanwhile.
        assert only(after, TARGET).inputs["minCapacity"] == outputs(after)["provisionedConcurrency"]

    @pytest.mark.parametrize("given", [{"tags": {"commit": "0a1b2c"}}, {"alarm_actions": ["arn:topic"]}])
    def test_tags_and_what_watches_publish_nothing(self, given: Args, case_study: Deployment) -> None:
        found = touched(case_study, made(**given))
        assert found.get(FUNCTION, set()) <= {"tags"}
        assert not {ALIAS, PROVISIONED, TRACKING} & set(found)

    def test_the_reserve_alone_changes_with_the_reserve(self, case_study: Deployment) -> None:
        """Which publishes nothing."""
        found = touched(case_study, made(load=load(reserved_concurrency=20)))
        assert found[FUNCTION] == {"reservedConcurrentExecutions"}

    def test_the_same_twice_changes_nothing(self, everything: Deployment) -> None:
        assert changes(everything, made(**EVERYTHING)) == NOTHING

    def test_an_option_that_is_none_counts_as_not_given(self, case_study: Deployment) -> None:
        """As `Config.get_bool` gives what is not configured."""
        args = arguments()
        args.update(dict.fromkeys(("tracing", "alarms", "dashboard", "tags", "alias_name", "image_uri", "callers")))
        assert changes(case_study, deploy(lambda: WarmLambda("warm", args), state=added)) == NOTHING


class TestFormsOfALoad:
    def test_model_and_plain_data_and_hosted_numbers_are_one(self) -> None:
        """Hosted programs send every number as a float."""
        day = Window(peak_requests_per_second=26, mean_duration_ms=50, p99_duration_ms=100)
        model = FunctionLoad(
            name="storefront",
            region="us-east-1",
            windows={"day": day},
            init_ms=800,
            target_p99_ms=200,
            reserved_concurrency=12,
            runtime="python3.13",
        )
        plain = load(database=None)
        hosted = {**plain, "reserved_concurrency": 12.0, "init_ms": 800.0}
        assert changes(made(load=model), made(load=plain)) == NOTHING
        assert changes(made(load=hosted, log_retention_days=30.0), made(load=plain)) == NOTHING

    @pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the SDK's, when it reads another's version
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_hosted_component_is_the_same_one(self) -> None:
        """Through the SDK's own mapping of names and types, as for programs in YAML and other languages."""
        provider = ComponentProvider([WarmLambda], "loadfit")
        source = {"kind": "sqs", "arn": QUEUE_ARN, "batch_size": 5}
        url = {"authorization": "NONE", "cors": {"allow_origins": ["*"], "max_age_seconds": 60}}
        native = made(log_retention_days=90, event_sources={"work": source}, function_url=url)
        day = {"peakRequestsPerSecond": 26.0, "meanDurationMs": 50.0, "p99DurationMs": 100.0}
        database = {"name": "orders", "connectionsPerInstance": 1.0}
        database |= {"transactionsPerRequest": 1.0, "meanTransactionMs": 10.0}
        inputs: Any = {
            "load": {
                "name": "storefront",
                "region": "us-east-1",
                "windows": {"day": day},
                "initMs": 800.0,
                "targetP99Ms": 200.0,
                "reservedConcurrency": 12.0,
                "runtime": "python3.13",
                "database": database,
            },
            "code": CODE,
            "handler": "app.handler",
            "logRetentionDays": 90.0,
            "eventSources": {"work": {"kind": "sqs", "arn": QUEUE_ARN, "batchSize": 5.0}},
            "functionUrl": {"authorization": "NONE", "cors": {"allowOrigins": ["*"], "maxAgeSeconds": 60.0}},
        }

        def program() -> None:
            result = provider.construct("warm", COMPONENT, inputs, None)
            for name, value in result.state.items():
                pulumi.export(name, value)

        hosted = deploy(program, state=added)
        assert changes(native, hosted) == NOTHING
        assert hosted.outputs == component(native).registered_outputs


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the SDK's, when it reads another's version
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestHosted:
    """The schema that the SDK infers, for YAML and other languages."""

    def analyzed(self) -> Any:
        return Analyzer("loadfit").analyze([WarmLambda])

    def test_the_load_alone_is_always_needed(self) -> None:
        """Code and handler are, too, but in one of three ways."""
        found = self.analyzed()["component_definitions"]["WarmLambda"]
        assert {name for name, one in found.inputs.items() if not one.optional} == {"load"}
        assert set(found.inputs_mapping.values()) == set(WarmLambdaArgs.__annotations__)

    def test_its_outputs_are_those_that_it_registers(self, case_study: Deployment) -> None:
        found = self.analyzed()["component_definitions"]["WarmLambda"]
        assert set(found.outputs) == set(outputs(case_study))

    def test_everything_is_described(self) -> None:
        """The SDK reads descriptions from the class itself, not from those that it inherits from."""
        found = self.analyzed()
        warm = found["component_definitions"]["WarmLambda"]
        assert warm.description
        assert [name for name, one in {**warm.inputs, **warm.outputs}.items() if not one.description] == []
        for token, kind in found["type_definitions"].items():
            assert kind.description, token
            own = kind.python_type.__annotations__
            declared = {name: one for name, one in kind.properties.items() if kind.properties_mapping[name] in own}
            assert [name for name, one in declared.items() if not one.description] == [], token

    def test_only_what_has_no_default_is_required(self) -> None:
        found = self.analyzed()["type_definitions"]
        required = {
            token: {name for name, one in kind.properties.items() if not one.optional} for token, kind in found.items()
        }
        assert {token: names for token, names in required.items() if names} == {
            "FunctionLoad": {"name", "region", "windows"},
            "Window": {"peakRequestsPerSecond"},
            "InitPhases": {"downloadMs", "runtimeMs", "codeMs"},
            "DatabaseUse": {"name", "connectionsPerInstance", "transactionsPerRequest", "meanTransactionMs"},
            "DeclaredFunctionPrices": {
                "provisionedGbSecond",
                "provisionedDurationGbSecond",
                "durationGbSecond",
                "millionRequests",
            },
            "CodeObject": {"bucket", "key"},
            "FunctionCaller": {"principal"},
            "FunctionUrlCors": {"allowOrigins"},
            "EventSource": {"kind", "arn"},
            "RoleStatement": {"actions", "resources"},
        }


class TestRefusals:
    """Each before anything is registered: `refusal` asserts it."""

    def test_a_load_that_does_not_fit(self) -> None:
        text = refusal(load=load(provisioned_concurrency=3))
        assert "error PC_TOO_SMALL at provisioned_concurrency" in text
        assert "5 are needed" in text

    def test_a_database_and_nothing_that_bounds_its_clients(self) -> None:
        assert "error DB_UNBOUNDED at reserved_concurrency" in refusal(load=load(reserved_concurrency=None))

    def test_a_load_that_leaves_too_little_margin_is_warned_of(self) -> None:
        deployment = made(load=load(reserved_concurrency=9))
        (warning,) = deployment.logs
        assert (warning.severity, warning.urn) == ("warning", component(deployment).urn)
        assert warning.message.startswith("RESERVED_LT_PC at ")
        assert "\n" not in warning.message

    @pytest.mark.parametrize("preview", [False, True])
    def test_a_load_that_is_known_only_after_deployment(self, preview: bool) -> None:
        def program() -> None:
            WarmLambda("warm", arguments(load=load(init_ms=pulumi.Output.from_input(800))))

        deployment = deploy(program, preview=preview, check=False)
        assert isinstance(deployment.error, InvalidInputs)
        assert "load.init_ms: expected a plain value, known at preview" in str(deployment.error)
        assert deployment.resources == ()

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"code": None}, "code: expected one of code, code_object and image_uri, found none of them"),
            ({"image_uri": "image"}, "expected one of code, code_object and image_uri, found code and image_uri"),
            ({"code": "absent/"}, 'code: expected the path of a folder or a .zip file, found nothing at "absent/"'),
            ({"code": __file__}, "code: expected the path of a folder or a .zip file, found a file of another kind at"),
            ({"handler": None}, "handler: expected the entry point, such as app.handler, found nothing"),
            ({"load": load(runtime=None)}, "load.runtime: expected the runtime's identifier, such as python3.13"),
            (
                {"code": None, "image_uri": "image", "handler": None},
                "load.package_type: expected image, as image_uri is given, found nothing, which is zip",
            ),
            ({"load": load(package_type="image")}, "load.package_type: expected zip, as code is given"),
            (
                {"code": None, "image_uri": "image", "load": load(package_type="image")},
                "handler: expected nothing beside image_uri",
            ),
            (
                {"code": None, "image_uri": "image", "layers": ["arn"], "load": load(package_type="image")},
                "layers: expected nothing beside image_uri",
            ),
            ({"load": load(code_in_s3=True)}, "load.code_in_s3: expected false, as code is given, found true"),
            ({"load": load(uses_efs=True)}, "load.uses_efs: expected false, found true"),
            ({"load": load(in_vpc=True)}, "subnet_ids: expected the subnets, as the load says in_vpc, found none"),
            (
                {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
                "load.in_vpc: expected true, as subnet_ids are given, found false",
            ),
            (
                {"subnet_ids": ["subnet-1"], "load": load(in_vpc=True)},
                "security_group_ids: expected both subnet_ids and security_group_ids, or neither, found none",
            ),
            (
                {"security_group_ids": ["sg-1"]},
                "subnet_ids: expected both subnet_ids and security_group_ids, or neither, found none",
            ),
            ({"function_name": "store front"}, "function_name: expected at most 64 letters, digits, dashes"),
            ({"alias_name": "1"}, "alias_name: expected at most 128 letters, digits, dashes and underscores, not"),
            ({"environment": {"1ST": "a"}}, "environment.1ST: expected a name of letters, digits and underscores"),
            ({"environment": {"SIZE": 5}}, "environment.SIZE: expected a text, found 5"),
            ({"environment_key_arn": "arn"}, "environment_key_arn: expected nothing without environment"),
            ({"layers": ["arn"] * 6}, "layers: expected at most 5, found 6"),
            ({"layers": "arn"}, "layers: expected a list, found the text"),
            ({"log_retention_days": 31}, "log_retention_days: expected one of 1, 3, 5, 7, 14, 30, 60"),
            ({"log_retention_days": True}, "log_retention_days: expected a whole number, found true"),
            ({"log_retention_days": 1.5}, "log_retention_days: expected a whole number, found 1.5"),
            ({"log_retention_days": "30"}, 'log_retention_days: expected a whole number, found the text "30"'),
            ({"on_failure_arn": "failed"}, "on_failure_arn: expected the ARN of a destination (sqs, sns"),
            ({"on_failure_arn": "arn:aws:s3:::failed"}, "on_failure_arn: expected the ARN of a destination"),
            ({"callers": {"a b": {"principal": "1"}}}, "callers.a b: expected a name of at most 40 letters"),
            ({"callers": {"api": {}}}, 'callers.api.principal: expected the input "principal", found nothing'),
            (
                {"callers": {"api": {"principal": "apigateway.amazonaws.com"}}},
                "callers.api: expected the source_arn or the source_account on whose behalf the service calls",
            ),
            ({"callers": {"all": {"principal": "*"}}}, "callers.all.principal: expected a service, an account"),
            ({"function_url": {"authorization": "none"}}, "function_url.authorization: expected one of AWS_IAM, NONE"),
            (
                {"function_url": {"authorization": "NONE", "callers": {"a": {"principal": "123456789012"}}}},
                "function_url.callers: expected nobody, with authorization NONE, found a",
            ),
            ({"function_url": "NONE"}, "function_url: expected a mapping, found the text"),
            ({"role_statements": [{"actions": [], "resources": ["*"]}]}, "role_statements[0].actions: expected at"),
            ({"handlers": "app.handler"}, 'Did you mean "handler"?'),
            ({"tags": {"replicas": 3}}, "tags.replicas: expected a text, found 3"),
        ],
    )
    def test_inputs_that_cannot_be(self, given: Args, expected: str) -> None:
        assert expected in refusal(**given)

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ({"kind": "kafka"}, "kind: expected one of sqs, kinesis, dynamodb"),
            ({"kind": "kinesis"}, "starting_position: expected LATEST or TRIM_HORIZON, for a stream, found nothing"),
            ({"starting_position": "LATEST"}, "starting_position: expected nothing, for a queue"),
            (
                {"kind": "kinesis", "starting_position": "LATEST", "maximum_concurrency": 2},
                "maximum_concurrency: expected nothing, for a stream, found 2",
            ),
            ({"maximum_concurrency": 1}, "maximum_concurrency: expected 2 to 1,000, found 1"),
            ({"maximum_concurrency": 13}, "maximum_concurrency: expected at most the 12 of load.reserved_concurrency"),
            ({"batch_size": 0}, "batch_size: expected 1 to 10,000, found 0"),
            ({"batching_window_seconds": 301}, "batching_window_seconds: expected 0 to 300, found 301"),
            ({"batch_size": 10.5}, "batch_size: expected a whole number, found 10.5"),
        ],
    )
    def test_event_sources_that_cannot_be(self, source: Args, expected: str) -> None:
        text = refusal(event_sources={"work": {"kind": "sqs", "arn": QUEUE_ARN, **source}})
        assert f"event_sources.work.{expected}" in text

    def test_a_name_that_is_too_long_names_the_way_out(self) -> None:
        args = arguments()
        deployment = deploy(lambda: WarmLambda("warm" * 16, args), check=False)
        assert "function_name: expected at most 64 letters" in str(deployment.error)
        assert "Made of project, stack and component: give a shorter one." in str(deployment.error)
        assert made(function_name="w" * 64).error is None

    @pytest.mark.parametrize("name", ["code", "handler", "subnet_ids", "callers", "function_url", "tracing", "layers"])
    def test_an_output_where_the_layout_depends_on_it(self, name: str) -> None:
        def program() -> None:
            WarmLambda("warm", arguments(**{name: pulumi.Output.from_input("app.handler")}))

        deployment = deploy(program, check=False)
        assert f"{name}: expected a plain value, known at preview" in str(deployment.error)
        assert deployment.resources == ()

    @pytest.mark.parametrize("args", [None, [], "load"])
    def test_arguments_that_are_no_mapping(self, args: Any) -> None:
        deployment = deploy(lambda: WarmLambda("warm", args), check=False)
        assert str(deployment.error).startswith("WarmLambda 'warm': expected a mapping, found ")

    def test_all_problems_at_once(self) -> None:
        """Those of the form together, and where the form is right, those of the wiring together."""
        form = refusal(load=load(initms=1), handler=1, tracing="no", dashbord=True).splitlines()
        assert len(form) == 4
        wiring = refusal(
            load=load(in_vpc=True, runtime=None), code="absent/", handler=None, alias_name="a b", log_retention_days=2
        ).splitlines()
        assert len(wiring) == 6
        assert all(line.startswith("WarmLambda 'warm': ") for line in wiring)
