"""WarmLambda on the engine: what a deployment and a change of the load touch, and what stays warm meanwhile."""

from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError

from loadfit import WarmLambda
from proofs.engine.stack import Program
from tests.engine.doubles.aws import ALIAS, FUNCTION, PROVISIONED, SCHEDULED, TARGET, VERSION
from tests.engine.engine import REGION, Engine
from tests.functions.loads import DAY, REPAIRED, window

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

API = {
    "principal": "apigateway.amazonaws.com",
    "source_arn": "arn:aws:execute-api:us-east-1:123456789012:api/*",
}


def load(requests_per_second: float = 26, **more: Any) -> dict[str, Any]:
    """The case study, with a night that needs less, and room for both pools of a deployment."""
    day = {**DAY, "peak_requests_per_second": requests_per_second, "schedule": "mon-fri 08:00-18:00"}
    windows = {"day": {**day, "timezone": "Europe/Berlin"}, "rest": window(0.1, 50, 100)}
    given = {**REPAIRED, "windows": windows, "reserved_concurrency": 100, "runtime": "python3.13"}
    return {"name": "storefront", "region": REGION, **given, **more}


def warm(code: Path, requests_per_second: float = 26, **args: Any) -> Program:
    """A warm function; ``args`` are further arguments of the component."""

    def program() -> None:
        given: Any = {"load": load(requests_per_second), "code": str(code), "handler": "app.handler", **args}
        WarmLambda("warm", given)

    return program


def versions(engine: Engine) -> int:
    return len(list(engine.aws.of_type(VERSION)))


def only(engine: Engine, token: str) -> Any:
    (found,) = engine.aws.of_type(token)
    return found


def done(engine: Engine, *types: str) -> list[str]:
    return [str(one) for one in engine.aws.journal if one.type in types]


class TestLifeCycle:
    def test_a_preview_does_nothing_and_names_what_up_does(self, engine: Engine, code: Path) -> None:
        program = warm(code, function_url={"authorization": "NONE"})
        previewed = engine.preview(program)
        assert engine.aws.journal == []
        assert set(previewed.operations.values()) == {"create"}
        assert engine.up(program).operations == previewed.operations
        assert engine.unaccounted() == []
        assert only(engine, ALIAS).get("functionVersion") == "1"

    def test_a_second_up_changes_nothing(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code))
        assert engine.up(warm(code)).touched == {}
        assert engine.up(warm(code), refresh=True).touched == {}
        assert versions(engine) == 1

    def test_what_autoscaling_has_set_stays_also_after_a_refresh(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code))
        scaled = only(engine, PROVISIONED)
        scaled.inputs["provisionedConcurrentExecutions"] += 4
        most = scaled.get("provisionedConcurrentExecutions")
        engine.aws.journal.clear()
        assert engine.up(warm(code), refresh=True).touched == {}
        assert only(engine, PROVISIONED).get("provisionedConcurrentExecutions") == most

    def test_destroy_leaves_nothing(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code, callers={"api": API}))
        engine.destroy()
        assert engine.aws.objects == {}
        assert engine.state == []

    @pytest.mark.parametrize("failing", ["warm-function", "warm-alias", "warm-scaling"])
    def test_a_creation_that_fails_in_the_middle_leaks_nothing(self, engine: Engine, code: Path, failing: str) -> None:
        engine.aws.fail("create", failing, "ServiceException")
        with pytest.raises(CommandError, match="ServiceException"):
            engine.up(warm(code))
        engine.up(warm(code))
        assert engine.unaccounted() == []
        assert versions(engine) == 1
        assert engine.up(warm(code)).touched == {}


class TestOrder:
    def test_its_role_is_complete_before_a_function_in_a_network_is_made(self, engine: Engine, code: Path) -> None:
        engine.aws.plant("aws:ec2/subnet:Subnet", "subnet-1")
        engine.aws.plant("aws:ec2/securityGroup:SecurityGroup", "sg-1")
        engine.aws.pause("create", "aws:iam/rolePolicy:RolePolicy", until=("create", FUNCTION), seconds=0.5)
        wired: dict[str, Any] = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
        engine.up(warm(code, load=load(in_vpc=True), **wired))
        assert only(engine, FUNCTION).get("vpcConfig.subnetIds") == ["subnet-1"]

    def test_it_is_warm_before_it_is_scaled(self, engine: Engine, code: Path) -> None:
        engine.aws.pause("create", PROVISIONED, until=("create", TARGET), seconds=0.5)
        engine.up(warm(code))
        assert [one.split()[1] for one in done(engine, ALIAS, PROVISIONED, TARGET)] == [
            "Alias",
            "ProvisionedConcurrencyConfig",
            "Target",
        ]

    def test_schedules_are_set_one_after_the_other(self, engine: Engine, code: Path) -> None:
        engine.aws.pause("create", SCHEDULED, until=("create", SCHEDULED), seconds=0.3)
        engine.up(warm(code))
        assert len(list(engine.aws.of_type(SCHEDULED))) == 2

    def test_instances_are_given_the_time_to_start(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code))
        (seconds,) = [one["customTimeouts"] for one in engine.state if one["type"] == PROVISIONED]
        assert seconds["create"] == seconds["update"] >= 15 * 60


class TestDeployment:
    def test_new_code_is_a_new_version_under_the_same_alias_and_the_warm_pool_stays(
        self, engine: Engine, code: Path
    ) -> None:
        engine.begin(warm(code))
        (code / "app.py").write_text("def handler(event, context): return 1\n", encoding="utf-8")
        engine.aws.journal.clear()
        touched = engine.up(warm(code)).touched
        assert touched == {"Function warm-function": "update", "Alias warm-alias": "update"}
        assert done(engine, FUNCTION, ALIAS) == ["update Function warm-function", "update Alias warm-alias"]
        assert only(engine, ALIAS).get("functionVersion") == "2"
        assert versions(engine) == 2

    def test_an_update_of_the_alias_that_fails_is_made_by_the_next_up(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code))
        (code / "app.py").write_text("def handler(event, context): return 1\n", encoding="utf-8")
        engine.aws.fail("update", "warm-alias", "TooManyRequestsException")
        with pytest.raises(CommandError, match="TooManyRequestsException"):
            engine.up(warm(code))
        assert only(engine, ALIAS).get("functionVersion") == "1", "what is called still works"
        engine.up(warm(code))
        assert only(engine, ALIAS).get("functionVersion") == "2"
        assert versions(engine) == 2

    def test_a_changed_load_leaves_versions_and_aliases_alone(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code))
        touched = engine.up(warm(code, 60)).touched
        # Schedules are named after their times, and more instances need more time before.
        rest = {name: one for name, one in touched.items() if not name.startswith("ScheduledAction")}
        assert set(rest.values()) == {"update"}
        assert {name.split()[0] for name in rest} <= {"WarmLambda", "Target", "Policy", "MetricAlarm", "Dashboard"}
        assert "Target warm-scaling" in rest
        assert versions(engine) == 1

    def test_a_caller_with_another_source_is_admitted_anew(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code, callers={"api": API}))
        other = {**API, "source_arn": f"{API['source_arn']}/orders"}
        touched = engine.up(warm(code, callers={"api": other})).touched
        assert {name: one for name, one in touched.items() if "Permission" in name} == {
            "Permission warm-caller-api": "replace"
        }
        assert engine.unaccounted() == []

    def test_under_another_alias_the_same_version_is_warm_again(self, engine: Engine, code: Path) -> None:
        engine.begin(warm(code))
        engine.up(warm(code, alias_name="green"))
        assert only(engine, ALIAS).get("name") == "green"
        assert only(engine, PROVISIONED).get("qualifier") == "green"
        assert versions(engine) == 1
        assert engine.unaccounted() == []
