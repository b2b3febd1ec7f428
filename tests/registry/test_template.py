"""The reference stacks' resources of AWS as CloudFormation templates, and what linters find in them."""

from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pulumi_aws as aws
import pytest
import yaml

from loadfit import WarmLambda
from loadfit.testing import deploy
from tests.engine.doubles.aws import KINDS
from tests.engine.test_functions import API, load
from tests.registry.linters import Finding, checkov, found_by_cfn_lint, found_by_checkov
from tests.registry.table import TABLE
from tests.registry.template import main, referring, stack_template, template
from tests.test_platform import platform

STACKS = ("prod", "dev")
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"


class Accepted(NamedTuple):
    check: str
    type: str


EXCEPTIONS: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("exceptions.yaml").read_text(encoding="utf-8")
)


def accepted(linter: str) -> set[Accepted]:
    return {Accepted(check, row["type"]) for check, row in EXCEPTIONS[linter].items()}


def new(findings: list[Finding], linter: str) -> list[Finding]:
    return [one for one in findings if Accepted(one.check, one.type) not in accepted(linter)]


def changed(template: dict[str, Any], values: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """A template with other values for properties of resources."""
    made = deepcopy(template)
    for (resource, path), value in values.items():
        made["Resources"][resource]["Properties"][path] = value
    return made


@pytest.fixture(scope="module")
def prod() -> dict[str, Any]:
    return stack_template("prod")


class TestTable:
    def test_every_resource_of_the_stacks_is_in_their_templates(self, prod: dict[str, Any]) -> None:
        made = [one for one in platform().resources if one.type.startswith(("aws:", "eks:"))]
        whole = [one for one in made if TABLE[one.type].part_of is None]
        beside = [name for one in whole for name in TABLE[one.type].beside if one.inputs.get(name)]
        assert len(prod["Resources"]) == len(whole) + len(beside)
        assert prod["Resources"]["StorefrontAliasAlias"]["Properties"]["ProvisionedConcurrencyConfig"] == {
            "ProvisionedConcurrentExecutions": 5
        }
        assert len(prod["Resources"]["NodesRole"]["Properties"]["ManagedPolicyArns"]) == 3

    def test_what_is_another_resource_is_a_reference_to_it(self, prod: dict[str, Any]) -> None:
        gateway = prod["Resources"]["EgressUse1Az1GatewayNatGateway"]
        assert gateway["Properties"]["SubnetId"] == {"Ref": "PublicUse1Az1Subnet"}
        assert gateway["Properties"]["AllocationId"] == {"Fn::GetAtt": ["EgressUse1Az1Address0Eip", "AllocationId"]}
        assert gateway["DependsOn"] == ["InternetInternetGateway", "InternetInternetGatewayAttachment"]
        target = prod["Resources"]["StorefrontScalingTarget"]["Properties"]
        assert target["ResourceId"] == {"Fn::Sub": "function:${StorefrontFunctionFunction}:live"}
        assert prod["Resources"]["EgressUse1Az1Address0Eip"]["DeletionPolicy"] == "Retain"
        assert set(prod["Parameters"]) == {"ClusterRoleArn", "CodeBucket", "CodeKey"}

    def test_a_type_that_the_table_does_not_know_is_told(self) -> None:
        made = deploy(lambda: aws.sqs.Queue("jobs"), state=referring({}))
        with pytest.raises(
            LookupError, match=r"types\.yaml does not say what in CloudFormation is aws:sqs/queue:Queue"
        ):
            template(made)

    def test_no_row_of_the_table_is_for_nothing(self) -> None:
        """Those that neither stack makes, another program of the tests on the engine does."""
        made = {one.type for one in platform().resources}
        assert set(TABLE) - made - set(KINDS) == set()

    def test_it_is_printed(self, capsys: pytest.CaptureFixture[str], prod: dict[str, Any]) -> None:
        main(["prod"])
        assert yaml.safe_load(capsys.readouterr().out) == prod


class TestCfnLint:
    def test_it_finds_nothing_in_the_stacks_but_what_is_accepted(self, prod: dict[str, Any]) -> None:
        findings = [*found_by_cfn_lint(prod), *found_by_cfn_lint(stack_template("dev"))]
        assert new(findings, "cfn-lint") == []
        assert accepted("cfn-lint") == {Accepted(one.check, one.type) for one in findings}, "what is found no longer"

    def test_it_finds_nothing_in_a_function_with_all_that_it_can_have(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text("def handler(event, context): ...\n", encoding="utf-8")

        def program() -> None:
            topic = "arn:aws:sns:us-east-1:123456789012:alarms"
            args: Any = {
                "load": load(),
                "code": str(tmp_path),
                "handler": "app.handler",
                "environment": {"STAGE": "prod"},
                "callers": {"api": API},
                "event_sources": {"orders": {"kind": "sqs", "arn": QUEUE, "batch_size": 5, "maximum_concurrency": 2}},
                "function_url": {"authorization": "NONE", "cors": {"allow_origins": ["https://example.com"]}},
                "on_failure_arn": f"{QUEUE}-failed",
                "alarm_actions": [topic],
            }
            WarmLambda("warm", args)

        made = template(deploy(program, state=referring({})))
        types = {one["Type"] for one in made["Resources"].values()}
        assert types > {"AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"}
        assert made["Resources"]["WarmCallerApiPermission"]["Properties"]["FunctionName"] == {"Ref": "WarmAliasAlias"}
        assert len(made["Resources"]["WarmScalingTarget"]["Properties"]["ScheduledActions"]) == 2
        assert list(found_by_cfn_lint(made)) == []

    def test_it_finds_what_is_wrong(self, prod: dict[str, Any]) -> None:
        planted: dict[tuple[str, str], Any] = {
            ("EgressUse1Az1GatewayNatGateway", "SubnetId"): {"Ref": "NoSubnet"},
            ("EgressUse1Az2GatewayNatGateway", "SubnetId"): {"Ref": "NetworkVpc"},
            ("StorefrontFunctionFunction", "VpcConfig"): {"SubnetIDs": []},
            ("StorefrontScalingTarget", "MaxCapacity"): "many",
            ("PublicUse1Az1Subnet", "CidrBlock"): "10.0.0.0/33",
        }
        assert {
            (one.check, one.resource) for one in new(list(found_by_cfn_lint(changed(prod, planted))), "cfn-lint")
        } == {
            ("E1020", "EgressUse1Az1GatewayNatGateway"),  # there is no such resource
            ("E1041", "EgressUse1Az2GatewayNatGateway"),  # a VPC is no subnet
            ("E3002", "StorefrontFunctionFunction"),  # no such property, inside of one
            ("E3012", "StorefrontScalingTarget"),  # not a number
            ("E3002", "PublicUse1Az1Subnet"),  # no block of addresses
        }


def test_checkov_finds_what_is_open_and_nothing_in_the_stacks_but_what_is_accepted(
    prod: dict[str, Any], tmp_path: Path
) -> None:
    program = checkov()
    planted: dict[tuple[str, str], Any] = {
        ("OrdersInstance", "StorageEncrypted"): False,
        ("OrdersInstance", "PubliclyAccessible"): True,
        ("OrdersDatabaseSecurityGroupIngressRule", "Description"): None,
        ("StorefrontUrlFunctionUrl", "AuthType"): "NONE",
        ("ClusterKey", "EnableKeyRotation"): False,
    }
    wrong = changed(prod, planted)
    found = found_by_checkov(program, tmp_path, prod=prod, dev=stack_template("dev"), wrong=wrong)
    assert {(one.check, one.resource) for one in new(found["wrong"], "checkov")} == {
        ("CKV_AWS_16", "OrdersInstance"),
        ("CKV_AWS_17", "OrdersInstance"),
        ("CKV_AWS_23", "OrdersDatabaseSecurityGroupIngressRule"),
        ("CKV_AWS_258", "StorefrontUrlFunctionUrl"),
        ("CKV_AWS_7", "ClusterKey"),
    }
    findings = [*found["prod"], *found["dev"]]
    assert new(findings, "checkov") == []
    assert accepted("checkov") == {Accepted(one.check, one.type) for one in findings}, "what is found no longer"
