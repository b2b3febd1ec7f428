"""The policy pack: the checks as pulumi-policy runs them, on what the engine gives it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel

from pack import POLICIES
from tests.policies import programs
from tests.policies.programs import function, pool, server, warm, warm_lambda
from tests.policies.stacks import run, violations

ROOT = Path(__file__).parents[2]


def faults() -> None:
    programs.network(1)
    one = function(tags={"loadfit:database": "orders"})
    warm(one.version, one)
    instance = server()
    for name in ("orders", "stock", "bills", "users"):
        pool(name, instance.endpoint)
    for name in ("shop", "search"):
        warm_lambda(name, package_type="image", reserved_concurrency=500)
    flow = {"client": "shop", "pods": 200, "to": "api.example.com:443", "connectionsPerPod": 300}
    load = {"region": "us-east-1", "zones": 3, "gateways": 1, "addressesPerGateway": 1, "flows": [flow]}
    pulumi.ComponentResource("loadfit:index:MultiAzNatEgress", "egress", {"load": load})


def repaired() -> None:
    programs.network(3)
    one = function(tags={"loadfit:database": "orders"}, reserved_concurrent_executions=10)
    warm(programs.alias(one).name, one)
    instance = server()
    for name in ("orders", "stock"):
        pool(name, instance.endpoint)
    for name in ("shop", "search"):
        warm_lambda(name, package_type="image", reserved_concurrency=100)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "deployed"])
def test_every_policy_finds_its_fault_in_a_whole_stack(preview: bool) -> None:
    found = violations(run(faults, preview=preview), preview=preview)
    assert set(found) == {policy.name for policy in POLICIES} - {"not-checked"}
    assert {name: len(messages) for name, messages in found.items()} == dict.fromkeys(found, 1)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "deployed"])
def test_no_policy_finds_one_where_there_is_none(preview: bool) -> None:
    found = violations(run(repaired, preview=preview), preview=preview)
    assert found == {
        "not-checked": ["not checked: nothing in this stack calls shop: whoever does has to call the alias live"]
    }


def test_what_is_not_known_before_deployment_fails_nothing() -> None:
    def program() -> None:
        pool("orders", programs.not_known_yet())

    found = violations(run(program, preview=True), preview=True)
    assert found == {"not-checked": ["not checked: not known before deployment: the server of orders"]}
    (told,) = (policy for policy in POLICIES if policy.name == "not-checked")
    assert told.enforcement_level is EnforcementLevel.ADVISORY


def test_the_account_s_quota_is_a_policy_s_configuration() -> None:
    assert "account-concurrency" not in violations(run(faults), config={"quota_concurrency": 2000.0})


def test_the_reference_stack_passes() -> None:
    from loadfit.projects import find_project
    from loadfit.testing import deploy

    config = find_project(ROOT).stack("prod").config
    deployment = deploy(ROOT / "stacks", preview=True, config=config, project="loadfit", stack="prod")
    assert set(violations(deployment, preview=True)) <= {"not-checked"}


def test_the_pack_starts_as_the_engine_starts_it_and_tells_its_policies() -> None:
    # Unbuffered, as Pulumi starts Python: the SDK writes its port and does not flush.
    process = subprocess.Popen([sys.executable, "-u", str(ROOT / "policies")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info: Any = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(empty_pb2.Empty(), timeout=30)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert info.name == "loadfit"
    assert [policy.name for policy in info.policies] == [policy.name for policy in POLICIES]


def test_the_documentation_has_every_policy_with_its_level() -> None:
    text = (ROOT / "docs" / "policies.md").read_text()
    for policy in POLICIES:
        assert policy.enforcement_level is not None
        assert f"| `{policy.name}` | {policy.enforcement_level.value} |" in text


def test_the_project_file_names_an_environment_that_has_the_pack_s_packages() -> None:
    project = yaml.safe_load((ROOT / "policies" / "PulumiPolicy.yaml").read_text())
    assert (ROOT / "policies" / project["runtime"]["options"]["virtualenv"]).resolve() == (ROOT / ".venv").resolve()
