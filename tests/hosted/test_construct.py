"""The components as the engine constructs them for programs in other languages."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import grpc
import pytest

from loadfit import InvalidInputs, MultiAzNatEgress, MultiAzNatEgressArgs, PgBouncerPool, WarmLambda
from loadfit.hosting import Components
from loadfit.testing import UNKNOWN, Resource, deploy
from tests.hosted.provider import PROJECT, STACK, Provider, Refused, output, resource

EGRESS = "loadfit:index:MultiAzNatEgress"
POOL = "loadfit:index:PgBouncerPool"
FUNCTION = "loadfit:index:WarmLambda"
VPC_URN = f"urn:pulumi:{STACK}::{PROJECT}::aws:ec2/vpc:Vpc::network"
GATEWAY_URN = f"urn:pulumi:{STACK}::{PROJECT}::aws:ec2/internetGateway:InternetGateway::internet"
PROVIDER_URN = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:providers:aws::account"

Args = dict[str, Any]


def egress(load: Args | None = None, **given: Any) -> Args:
    """The case study's egress under the names of the schema, its numbers as the engine sends them: all are floats."""
    flow = {"client": "checkout", "pods": 200.0, "to": "api.stripe.com:443", "connectionsPerPod": 300.0}
    return {
        "load": {"region": "us-east-1", "zones": 3.0, "flows": [flow], **(load or {})},
        "vpcId": "vpc-1",
        "zones": {
            f"use1-az{n}": {"publicSubnetId": f"subnet-{n}a", "privateSubnetIds": [f"subnet-{n}b"]} for n in (1, 2, 4)
        },
        **given,
    }


def pool(load: Args | None = None, **given: Any) -> Args:
    """The case study's pool."""
    clients = {
        "client": "orders",
        "pods": 20.0,
        "poolSize": 10.0,
        "maxOverflow": 0.0,
        "transactionsPerSecond": 2000.0,
        "meanTransactionMs": 10.0,
    }
    return {
        "load": {"name": "orders", "maxConnections": 200.0, "replicas": 2.0, "clients": [clients], **(load or {})},
        "endpoint": "orders.example.com:5432",
        "credentials": "orders-credentials",
        "serverCaConfigMap": "rds-ca",
        "clientTlsSecret": "pgbouncer-tls",
        **given,
    }


def function(load: Args | None = None, **given: Any) -> Args:
    """The case study's function."""
    day = {"peakRequestsPerSecond": 26.0, "meanDurationMs": 50.0, "p99DurationMs": 100.0}
    use = {"name": "orders", "connectionsPerInstance": 1.0, "transactionsPerRequest": 1.0, "meanTransactionMs": 10.0}
    targets = {"initMs": 800.0, "targetP99Ms": 200.0, "reservedConcurrency": 12.0, "database": use}
    declared = {
        "name": "storefront",
        "region": "us-east-1",
        "runtime": "python3.13",
        "windows": {"day": day},
        **targets,
    }
    return {
        "load": {**declared, **(load or {})},
        "codeObject": {"bucket": "releases", "key": "storefront.zip", "version": "1"},
        "handler": "app.handler",
        **given,
    }


def in_python(value: Any) -> Any:
    """What a Python program gives in the place of inputs; no key of these tests is one that a user chooses."""
    if isinstance(value, Mapping):
        named = {"".join(f"_{one.lower()}" if one.isupper() else one for one in key): value[key] for key in value}
        return {name: in_python(named[name]) for name in sorted(named)}
    return [in_python(item) for item in value] if isinstance(value, list) else value


def added(one: Resource) -> Mapping[str, Any]:
    """What AWS adds to what it was asked for."""
    if one.type == "aws:ec2/eip:Eip":
        return {"publicIp": f"ip-of-{one.name}"}
    return {"arn": f"arn-of-{one.name}"} if "MetricAlarm" in one.type else {}


def asked(resources: Mapping[str, Resource]) -> dict[str, Resource]:
    """The resources; the engine gives every option a value, where a Python program leaves it open."""

    def as_open(one: Resource) -> Resource:
        options = replace(
            one.options, protect=one.options.protect or None, retain_on_delete=one.options.retain_on_delete or None
        )
        return replace(one, options=options)

    return {name: as_open(one) for name, one in resources.items()}


@pytest.mark.parametrize(
    ("token", "component", "inputs"),
    [
        (EGRESS, MultiAzNatEgress, egress()),
        (EGRESS, MultiAzNatEgress, egress({"addressesPerGateway": 2.0, "quotaAddressesPerRegion": 6.0}, alarms=False)),
        (EGRESS, MultiAzNatEgress, egress(addressRetention="release", tags={"team": "platform"}, gatewayEndpoints=[])),
        (POOL, PgBouncerPool, pool()),
        (
            POOL,
            PgBouncerPool,
            pool(clientPods=[{"namespace": "shop", "labels": {"app": "web"}}], monitoring="operator"),
        ),
    ],
)
def test_it_makes_what_a_python_program_makes(
    provider: Provider, token: str, component: Callable[..., Any], inputs: Args
) -> None:
    """The same resources with the same inputs, parents and options, and the same outputs."""
    made = provider.construct(token, "shop", inputs, state=added)
    expected = deploy(lambda: component("shop", in_python(inputs)), project=PROJECT, stack=STACK, state=added)
    resources = {one.name: one for one in expected.resources}
    assert len(resources) > 5
    assert asked(made.resources) == asked(resources)
    assert made.urn == resources["shop"].urn
    assert made.outputs == resources["shop"].registered_outputs
    assert made.outputs["sizing"]["verdict"] == "fits"


def test_what_is_known_only_after_deployment_stays_unknown_at_preview(provider: Provider) -> None:
    """And what it came from is what children depend on."""
    made = provider.construct(
        EGRESS, "egress", egress(vpcId=output(None, dependencies=(VPC_URN,))), known={VPC_URN: {}}, preview=True
    )
    assert made.outputs["gatewayIds"] is UNKNOWN
    assert made.outputs["sizing"]["gateways"] == 3
    table = made.resources["egress-use1-az1-routes"]
    assert table.inputs["vpcId"] is UNKNOWN
    assert VPC_URN in table.dependencies


def test_an_unknown_value_without_a_source_is_unknown_too(provider: Provider) -> None:
    made = provider.construct(EGRESS, "egress", egress(vpcId=UNKNOWN), preview=True)
    assert made.resources["egress-use1-az1-routes"].inputs["vpcId"] is UNKNOWN


@pytest.mark.parametrize("preview", [True, False])
def test_gateways_wait_for_the_internet_gateway_of_the_program(provider: Provider, preview: bool) -> None:
    made = provider.construct(
        EGRESS,
        "egress",
        egress(internetGateway=resource(GATEWAY_URN, "" if preview else "igw-1")),
        dependencies={"internetGateway": (GATEWAY_URN,)},
        known={GATEWAY_URN: {}},
        preview=preview,
    )
    assert GATEWAY_URN in made.resources["egress-use1-az1-gateway"].dependencies


def test_children_are_made_by_the_provider_of_the_component(provider: Provider) -> None:
    made = provider.construct(
        EGRESS,
        "egress",
        egress(),
        known={PROVIDER_URN: {}},
        providers={"aws": f"{PROVIDER_URN}::account-id"},
    )
    children = [one for one in made.resources.values() if one.parent == made.urn]
    assert len(children) > 5
    assert {one.provider for one in children} == {PROVIDER_URN}


def test_protection_reaches_the_children(provider: Provider) -> None:
    made = provider.construct(EGRESS, "egress", egress(), protect=True)
    assert all(one.options.protect for one in made.resources.values())


def test_passwords_stay_secret(provider: Provider) -> None:
    inputs = pool(passwords={"orders": output("hunter2", secret=True)})
    del inputs["credentials"]
    made = provider.construct(POOL, "orders", inputs)
    secret = made.resources["orders-credentials"]
    assert "hunter2" in secret.inputs["stringData"]["userlist.txt"]
    assert secret.secret_inputs == {"stringData"}
    others = [one for one in made.resources.values() if one is not secret]
    assert "hunter2" not in repr((others, made.outputs, made.logs))


def test_warnings_are_on_the_component(provider: Provider) -> None:
    made = provider.construct(
        EGRESS, "egress", egress({"gateways": 1.0, "addressesPerGateway": 2.0}, gatewayZone="use1-az1")
    )
    warnings = [log for log in made.logs if log.severity == "warning"]
    assert any("zone" in log.message for log in warnings)
    assert {log.urn for log in warnings} == {made.urn}


def refusal(provider: Provider, token: str, inputs: Args, **options: Any) -> str:
    with pytest.raises(Refused) as error:
        provider.construct(token, "shop", inputs, **options)
    # The code whose message the engine prints as it is, behind "TOKEN resource 'shop' has a problem: ".
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "Traceback" not in error.value.message
    return error.value.message


@pytest.mark.parametrize(
    ("token", "component", "inputs"),
    [
        (EGRESS, MultiAzNatEgress, egress({"gateways": 1.0, "addressesPerGateway": 1.0}, gatewayZone="use1-az1")),
        (EGRESS, MultiAzNatEgress, egress({"zones": 2.5})),
        (EGRESS, MultiAzNatEgress, egress({"zones": "3"})),
        (
            EGRESS,
            MultiAzNatEgress,
            egress({"flows": [{"client": "a", "pods": 1.0, "to": "a:1", "via": "nat_gateway"}]}),
        ),
        (EGRESS, MultiAzNatEgress, egress(addressRetention="keep")),
        (EGRESS, MultiAzNatEgress, egress(gatewayEndpoints=["s3", "ec2"])),
        (EGRESS, MultiAzNatEgress, {"load": {}, "vpcId": 7.0}),
        (EGRESS, MultiAzNatEgress, {}),
        (POOL, PgBouncerPool, pool({"pooled": True, "replicas": 1.0, "serverConnections": 10.0})),
        (POOL, PgBouncerPool, pool(sessionFeatures=["advisory_locks", "listen"])),
        (POOL, PgBouncerPool, pool(endpoint="postgres://orders")),
        (POOL, PgBouncerPool, pool(drain={"mode": "fast"})),
        (FUNCTION, WarmLambda, function({"provisionedConcurrency": 0.0})),
        (FUNCTION, WarmLambda, function(logRetentionDays=7.5, functionUrl={"invokeMode": "STREAM"})),
        (FUNCTION, WarmLambda, function(handler=None)),
    ],
)
def test_what_a_python_program_is_refused_is_refused_in_the_same_words(
    provider: Provider, token: str, component: Callable[..., Any], inputs: Args
) -> None:
    """From the first line on, and nothing is made."""
    expected = deploy(lambda: component("shop", in_python(inputs)), check=False)
    assert isinstance(expected.error, InvalidInputs)
    message = refusal(provider, token, inputs)
    assert message == str(expected.error)
    assert message.startswith(f"{component.__name__} 'shop': ")


def test_an_input_that_is_not_known_is_refused_not_dropped(provider: Provider) -> None:
    """The SDK by itself drops it without a word; a misspelled limit would be none."""
    message = refusal(provider, EGRESS, egress({"gateway": 1.0}, dashbord=False))
    assert 'load.gateway: expected "gateways", found the unknown key "gateway"' in message
    assert 'found the unknown input "dashbord". Did you mean "dashboard"?' in message


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        (egress({"zones": output(3.0, dependencies=(VPC_URN,))}), "load.zones"),
        (egress({"zones": UNKNOWN}), "load.zones"),
        (egress(load={"flows": [{"client": "a", "pods": output(None), "to": "a:1"}]}), "load.flows[0].pods"),
        (egress() | {"load": output({"region": "us-east-1"}, secret=True)}, "load"),
    ],
)
def test_a_load_that_is_not_plain_is_refused_by_its_place(provider: Provider, inputs: Args, place: str) -> None:
    """The SDK by itself says `int() argument must be a string, ... not 'Output'`."""
    message = refusal(provider, EGRESS, inputs, preview=True)
    assert message.startswith(f"MultiAzNatEgress 'shop': {place}: expected a plain value, known at preview")


def test_what_turns_out_wrong_only_once_it_is_known_is_told_in_the_first_line(provider: Provider) -> None:
    """Behind a class name, which the SDK puts there: by then it no longer asks us."""
    with pytest.raises(Refused) as error:
        provider.construct(POOL, "shop", pool(endpoint=output("postgres://orders")))
    (line,) = error.value.message.splitlines()
    assert line.startswith("Unexpected <class 'pulumi.errors.RunError'>: PgBouncerPool 'shop': endpoint: expected host")


def test_one_refusal_leaves_the_provider_as_it_was(provider: Provider) -> None:
    refusal(provider, EGRESS, {})
    made = provider.construct(EGRESS, "egress", egress())
    assert set(made.outputs["gatewayIds"]) == {"use1-az1", "use1-az2", "use1-az4"}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the SDK's, when it reads another's version
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fault_of_ours_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a component refuses is told as refused inputs; anything else is a bug, with its traceback."""
    hosted = Components("loadfit", [MultiAzNatEgress], "1.2.3")
    monkeypatch.setattr(MultiAzNatEgress, "__init__", broken)
    with pytest.raises(ZeroDivisionError):
        hosted.construct("egress", EGRESS, {})


def broken(self: MultiAzNatEgress, name: str, args: MultiAzNatEgressArgs, opts: object = None) -> None:
    raise ZeroDivisionError
