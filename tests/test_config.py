"""`from_config()`: the stack's load from its configuration, or one refusal with everything that is wrong with it."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import loadfit
from loadfit.testing import UNKNOWN, Deployment, deploy

ROOT = Path(__file__).parents[1]


def document(**egress: Any) -> dict[str, Any]:
    flow = {"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 300}
    return {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {"checkout": {"pods": 200}},
        "egress": {"flows": [flow], **egress},
    }


def run(load: Any = None, *, root: Path = ROOT, **options: Any) -> tuple[Deployment, list[loadfit.ResolvedLoad]]:
    """Runs a program that reads its load, and then registers something."""
    loads: list[loadfit.ResolvedLoad] = []

    def program() -> None:
        loads.append(loadfit.from_config())
        pulumi.ComponentResource("demo:index:Group", "after")

    config = {} if load is None else {"loadfit:load": load}
    deployment = deploy(program, config=config, root_directory=root, stack="dev", check=False, **options)
    return deployment, loads


def loaded(load: Any, **options: Any) -> loadfit.ResolvedLoad:
    deployment, loads = run(load, **options)
    assert deployment.error is None, deployment.error
    return loads[0]


def refusal(load: Any, **options: Any) -> str:
    """What is said; nothing is registered after it."""
    deployment, loads = run(load, **options)
    assert type(deployment.error) is loadfit.InvalidInputs, deployment.error
    assert isinstance(deployment.error, pulumi.RunError), "the CLI prints a RunError without a traceback"
    assert (loads, deployment.resources) == ([], ())
    return str(deployment.error)


def test_the_load_is_the_document_itself_or_a_path_from_the_projects_folder() -> None:
    written = yaml.safe_load((ROOT / "examples" / "case-study.yaml").read_text())
    inline, by_path = loaded(written), loaded("examples/case-study.yaml")
    assert inline == by_path
    assert inline.egress is not None
    assert inline.egress.flows[0].pods == 200
    assert inline.databases["orders"].max_connections == 200
    assert inline.stack.zones == 3


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    assert loaded(str(ROOT / "examples" / "case-study.yaml"), root=tmp_path) == loaded("examples/case-study.yaml")


def test_it_is_read_at_preview_too() -> None:
    """Sizes are known before anything is deployed."""

    def program() -> None:
        load = loadfit.from_config()
        plan = loadfit.size(load).egress
        assert plan is not None
        pulumi.export("gateways", plan.gateways)

    outputs = deploy(program, config={"loadfit:load": document()}, preview=True).outputs
    assert outputs == {"gateways": 3}
    assert outputs["gateways"] is not UNKNOWN


def test_a_load_that_is_kept_secret_is_read_as_any() -> None:
    """The engine has decrypted it."""
    assert loaded(document(), secrets=["loadfit:load"]).stack.zones == 3


def test_no_load_is_told_with_the_file_to_declare_it_in() -> None:
    assert refusal(None) == (
        "loadfit:load: expected the declared load, or the path of a document that holds it, found nothing. "
        "Declare it under config in Pulumi.dev.yaml."
    )


@pytest.mark.parametrize("path", ["examples/nothing.yaml", "", "5", "examples", "a\0b"])
def test_a_path_to_nothing_is_told_with_its_key(path: str) -> None:
    text = refusal(path)
    assert text.startswith("loadfit:load of stack dev: expected the declared load, or the path of a document")
    assert "which leads to no file" in text


@pytest.mark.parametrize("text", ["{region: us-east-1}", "[secret]", "{"])
def test_a_text_that_is_no_json_is_no_load(text: str) -> None:
    """YAML is turned into JSON by the engine; `pulumi config set` of YAML text is a mistake."""
    assert f'found the text "{text}"' in refusal(text)


@pytest.mark.parametrize("load", [[1], [document()]])
def test_a_list_is_no_load(load: Any) -> None:
    assert refusal(load) == "loadfit:load of stack dev: expected a mapping, found a list"


def test_a_file_that_is_no_load_is_told_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "load.yaml").write_text("region: us-east-1\nzones: 0\nworkload: {}\n")
    lines = refusal("load.yaml", root=tmp_path).splitlines()
    assert any(f"{tmp_path}/load.yaml:2: zones: expected at least 1, found 0" in line for line in lines)
    assert any('load.yaml:3: workload: expected "workloads"' in line for line in lines)


def test_every_problem_of_the_form_is_told_at_once() -> None:
    load = document(gateways="one")
    load.update(zones=0, regoin="us-east-1")
    load["workloads"]["checkout"]["pods"] = True
    lines = refusal(load).splitlines()
    assert all(line.startswith("loadfit:load of stack dev: ") for line in lines)
    assert {line.split(": ")[1] for line in lines} == {
        "zones",
        "regoin",
        "workloads.checkout.pods",
        "egress.gateways",
    }


def test_an_unknown_workload_is_told_with_the_nearest() -> None:
    load = document()
    load["egress"]["flows"][0]["from"] = "chekout"
    assert "egress.flows[0].from: expected the name of a workload (checkout)" in refusal(load)
    assert 'Did you mean "checkout"?' in refusal(load)


def test_a_load_that_does_not_fit_is_told_with_every_finding_and_its_ways_out() -> None:
    load = document(gateways=1, addresses_per_gateway=1, gateways_in_use=5, peak_gbps=200)
    text = refusal(load)
    assert text.startswith("The declared load of stack dev does not fit.\n")
    for code in ("NAT_PORTS_SHORT", "ZONE_GATEWAYS_OVER_QUOTA", "NAT_BANDWIDTH_SHORT", "ZONE_LOSS_STOPS_EGRESS"):
        assert text.count(f" {code} at egress.") == 1
    assert "+$3.65 a month" in text
    assert "250 pods x 300 connections = 75,000 ports" in text


def test_a_load_with_warnings_alone_goes_through() -> None:
    """The component warns of them where they arise."""
    load = document(gateways=1)
    load["workloads"]["checkout"]["pods"] = 20
    deployment, loads = run(load)
    assert deployment.error is None
    assert loadfit.size(loads[0]).findings[0].severity is loadfit.Severity.WARNING
    assert [one.name for one in deployment.resources] == ["after"]


def test_a_load_of_another_region_than_the_provider_is_refused() -> None:
    def program() -> None:
        loadfit.from_config()

    config = {"loadfit:load": document(), "aws:region": "eu-west-1"}
    with pytest.raises(loadfit.InvalidInputs, match=r"region: expected eu-west-1.*found us-east-1"):
        deploy(program, config=config)
