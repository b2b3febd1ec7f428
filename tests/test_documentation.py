"""The documentation: what it shows runs, what it links to exists, and what it takes from the code is up to date."""

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from loadfit.cli.__main__ import _COMMANDS as COMMANDS
from loadfit.core.prices import _NAT_GATEWAY as NAT_GATEWAY_PRICES
from loadfit.egress import Scenario
from loadfit.egress.alarms import alarms
from loadfit.egress.codes import EXPLANATIONS
from loadfit.reports.data import plan_data
from loadfit.stack import StackPlan
from tests.reports.samples import example, keys
from tests.strategies import Document, documents

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUNBOOK = (ROOT / "docs/runbooks/snat-port-exhaustion.md").read_text(encoding="utf-8")
EXAMPLES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").iterdir()) if path.is_file()}

generate = runpy.run_path(str(ROOT / "docs/generate.py"))


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fenced(page: Path, language: str) -> list[str]:
    """The blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    titles = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_in_the_repository_leads_somewhere(page: Path) -> None:
    """To a file, and to a heading in it where one is named."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text(page)):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), anchor


def test_snippets_are_files_under_examples() -> None:
    """A snippet is a whole part of a file that runs."""
    snippets = [block for language in ("python", "yaml") for block in fenced(ROOT / "README.md", language)]
    assert len(snippets) >= 3
    for snippet in snippets:
        assert any(snippet in content for content in EXAMPLES.values()), snippet


def test_the_example_tests_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = runpy.run_path("examples/test_egress_program.py")
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_yaml_is_yaml_and_whole_documents_are_loads(page: Path) -> None:
    for block in fenced(page, "yaml"):
        document = yaml.safe_load(block)
        if document and "region" in document:
            validator().validate(document)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", text(ROOT / "Makefile"), re.MULTILINE))
    code = " \n".join(re.findall(r"`([^`\n]+)`", text(page)) + fenced(page, "sh") + fenced(page, "console"))
    assert set(re.findall(r"(?:^|\s)make ([a-z]+)", code)) <= targets
    assert set(re.findall(r"(?:^|\s|/)loadfit ([a-z]+)", code)) <= {command.NAME for command in COMMANDS}


@cache
def output(command: str) -> list[str]:
    """What a command of the documentation prints."""
    if command == "make preview":
        recipe = re.search(r"^preview:.*\n\t@\$\(BIN\)/(.+)$", text(ROOT / "Makefile"), re.MULTILINE)
        assert recipe is not None
        command = recipe[1]
    words = command.removeprefix(".venv/bin/").split()
    assert words[0] == "loadfit"
    done = subprocess.run(
        [sys.executable, "-m", "loadfit.cli", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("block", fenced(ROOT / "README.md", "console"), ids=lambda block: block.splitlines()[0])
def test_shown_output_is_what_the_command_prints(block: str) -> None:
    """Lines stand together as they do in the output; ``...`` stands for some that are left out."""
    command, *shown = block.splitlines()
    assert command.startswith("$ ")
    printed = "\n".join(output(command.removeprefix("$ "))) + "\n"
    start = 0
    for excerpt in "\n".join(shown).split("\n...\n"):
        found = printed.find(f"{excerpt.rstrip()}\n", start)
        assert found >= start, excerpt
        start = found + len(excerpt)


def test_what_the_code_generates_is_up_to_date() -> None:
    """`make docs` writes it."""
    stale = [path.name for path, content in generate["files"]().items() if content != path.read_text(encoding="utf-8")]
    assert stale == []


def fields() -> Iterator[tuple[str, Any]]:
    """Every field of the schema, as often as it is declared."""
    whole = schema()
    for model in [whole, *whole["$defs"].values()]:
        yield from model.get("properties", {}).items()


def schema() -> Any:
    return json.loads((ROOT / "docs/load.schema.json").read_text(encoding="utf-8"))


@cache
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_every_number_has_a_unit() -> None:
    numbers = {name for name, field in fields() if re.search('"(integer|number)"', json.dumps(field))}
    assert numbers == set(generate["UNITS"])


def test_every_default_is_one_of_a_field_and_is_told_by_its_docstring_too() -> None:
    described = {name: field.get("description", "") for name, field in fields()}
    for name, default in generate["DEFAULTS"].items():
        assert name in described
        if re.fullmatch(r"[\d.,]+", default) and default != "0":
            assert default in described[name], name


def test_every_choice_is_explained() -> None:
    page = text(ROOT / "docs/load-document.md")
    choices = [choice for model in schema()["$defs"].values() for choice in model.get("enum", [])]
    assert choices
    assert [choice for choice in choices if f"`{choice}`" not in page] == []


@settings(max_examples=25)
@given(documents())
def test_whatever_is_a_load_is_valid_by_the_schema(document: Document) -> None:
    validator().validate(document)


@pytest.mark.parametrize(
    "changes",
    [
        {"region": "Virginia"},
        {"zones": "3"},
        {"zones": True},
        {"workload": {}},
        {"workloads": {"Check_out": {"pods": 1}}},
        {"workloads": {"checkout": {"pods": 0}}},
        {"workloads": {"checkout": {"pods": 1, "kind": "replicaset"}}},
        {"egress": {"flows": [{"to": "a.com:443"}]}},
    ],
)
def test_the_schema_refuses_what_is_not_a_load(changes: Document) -> None:
    document = {"region": "us-east-1", "zones": 3, **changes}
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(document)


def test_the_schema_names_no_host() -> None:
    assert schema()["$id"] == "urn:loadfit:load"
    hosts = set(re.findall(r"https?://([^/\"]+)", json.dumps(schema())))
    assert hosts == {"json-schema.org"}


@pytest.mark.parametrize(
    ("case", "scenario", "ports", "addresses", "cost"),
    [
        ("200 pods x 300 connections, one gateway with one address", Scenario.ROLLOUT, 75_000, 1, 36.50),
        ("one gateway in each of 3 zones", Scenario.ZONE_LOST, 36_000, 1, 109.50),
        ("the same, `max_skew: 1`", Scenario.ZONE_LOST, 30_000, 1, 109.50),
        ("in 2 zones", Scenario.ZONE_LOST, 60_000, 2, 80.30),
        ("400 pods", Scenario.ZONE_LOST, 72_000, 2, 120.45),
        ("a rollout of 600 s declared, one gateway", Scenario.ROLLOUT, 81_000, 2, 40.15),
        ("the same requests, 100 on each connection", Scenario.ZONE_LOST, 840, 1, 109.50),
    ],
)
def test_worked_cases_come_out_as_by_hand(
    case: str, scenario: Scenario, ports: int, addresses: int, cost: float
) -> None:
    plan = generate["case"](dict(generate["CASES"])[case])
    assert (plan.binding_scenario, plan.busiest_gateway_ports[scenario]) == (scenario, ports)
    assert plan.addresses_per_gateway == addresses
    assert float(plan.monthly_cost_usd["total"]) == cost


def test_the_regions_with_verified_prices_are_those_that_there_are() -> None:
    said = re.search(r"verified for (.+?); elsewhere", text(ROOT / "docs/sizing-egress.md"))
    assert said is not None
    assert set(re.findall(r"[a-z]+-[a-z]+-\d", said[1])) == set(NAT_GATEWAY_PRICES)


@pytest.mark.parametrize("name", ["case-study", "incident"])
def test_every_name_of_the_json_report_is_documented(name: str) -> None:
    page = text(ROOT / "docs/json-report.md")
    assert [key for key in set(keys(plan_data(example(name)))) if f"`{key}`" not in page] == []


def plan() -> StackPlan:
    return example("case-study")


def test_every_alarm_has_a_section_in_the_runbook() -> None:
    egress = plan().egress
    assert egress is not None
    sections = re.findall(r"^### (.+)$", RUNBOOK, re.MULTILINE)
    assert sorted(sections) == sorted(alarm.suffix for alarm in alarms(egress))


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_finding_is_documented(code: str) -> None:
    assert f"| `{code}` |" in RUNBOOK
    assert f"### {code}\n" in text(ROOT / "docs/sizing-egress.md")


def test_the_runbook_reads_the_metrics_that_the_alarms_read() -> None:
    """By the names and statistics of the manual, in the namespace that exists."""
    egress = plan().egress
    assert egress is not None
    known = {f"{metric.name}:{metric.statistic}" for alarm in alarms(egress) for metric in alarm.metrics}
    read = set(re.findall(r"\b(\w+:(?:Sum|Maximum))\b", RUNBOOK))
    assert read
    assert read <= known
    assert "--namespace AWS/NATGateway " in RUNBOOK
