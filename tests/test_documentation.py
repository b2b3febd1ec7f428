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

from docs import cases, generate
from loadfit.cli.__main__ import _COMMANDS as COMMANDS
from loadfit.core.prices import _NAT_GATEWAY as NAT_GATEWAY_PRICES
from loadfit.databases import ClientState, PoolState
from loadfit.databases import codes as database_codes
from loadfit.databases.alerts import Watched, alerts
from loadfit.databases.features import SessionFeature
from loadfit.egress import Scenario
from loadfit.egress import codes as egress_codes
from loadfit.egress.alarms import alarms
from loadfit.reports.data import plan_data
from loadfit.stack import StackPlan
from tests.databases.strategies import documents as database_documents
from tests.reports.samples import example, keys
from tests.strategies import Document, documents

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUNBOOK = (ROOT / "docs/runbooks/snat-port-exhaustion.md").read_text(encoding="utf-8")
POOL_RUNBOOK = (ROOT / "docs/runbooks/connection-pool-starvation.md").read_text(encoding="utf-8")
EXAMPLES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").iterdir()) if path.is_file()}


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


@pytest.mark.parametrize("name", [path.name for path in EXAMPLES if path.name.startswith("test_")])
def test_the_example_tests_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = runpy.run_path(f"examples/{name}")
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
    targets = set(re.findall(r"^([a-z-]+):.*##", text(ROOT / "Makefile"), re.MULTILINE))
    code = " \n".join(re.findall(r"`([^`\n]+)`", text(page)) + fenced(page, "sh") + fenced(page, "console"))
    assert set(re.findall(r"(?:^|\s)make ([a-z-]+)", code)) <= targets
    assert set(re.findall(r"(?:^|\s|/)loadfit ([a-z]+)", code)) <= set(COMMANDS)


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


SHOWING = ("README.md", "docs/consequences.md", "docs/diff.md", "docs/growth.md")
SHOWN = [block for page in SHOWING for block in fenced(ROOT / page, "console")]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.splitlines()[0])
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
    stale = [path.name for path, content in generate.files().items() if content != path.read_text(encoding="utf-8")]
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
    assert numbers == set(generate.UNITS)


def test_every_default_is_one_of_a_field_and_is_told_by_its_docstring_too() -> None:
    described = {name: field.get("description", "") for name, field in fields()}
    for key, default in generate.DEFAULTS.items():
        name = key.rpartition(".")[-1]
        assert name in described
        if re.fullmatch(r"[\d.,]+", default) and default != "0":
            assert default in described[name], name


def test_every_choice_is_explained() -> None:
    page = text(ROOT / "docs/load-document.md")
    choices = [choice for model in schema()["$defs"].values() for choice in model.get("enum", [])]
    assert choices
    assert [choice for choice in choices if f"`{choice}`" not in page] == []


@settings(max_examples=25)
@given(documents() | database_documents())
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
        {"databases": {"orders": {"max_connections": 0}}},
        {"databases": {"orders": {"max_connections": 200, "clients": [{"from": "orders", "pool_size": 10}]}}},
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
def test_worked_cases_of_an_egress_come_out_as_by_hand(
    case: str, scenario: Scenario, ports: int, addresses: int, cost: float
) -> None:
    plan = cases.egress(dict(cases.EGRESS)[case])
    assert (plan.binding_scenario, plan.busiest_gateway_ports[scenario]) == (scenario, ports)
    assert plan.addresses_per_gateway == addresses
    assert plan.monthly_cost_usd is not None
    assert float(plan.monthly_cost_usd["total"]) == cost


@pytest.mark.parametrize(
    ("case", "clients", "replicas", "each", "free", "max_client_conn"),
    [
        ("as it stood: 20 pods x (20 + 10), straight to PostgreSQL", (600, 750, 1350), 0, 0, -550, 0),
        ("through PgBouncer, 20 pods x (10 + 0), sizes computed", (200, 250, 450), 2, 22, 156, 300),
        (
            "the repair: `replicas: 2`, `server_connections: 50`, `max_client_conn: 1000`",
            (200, 250, 450),
            2,
            25,
            150,
            1000,
        ),
        ("`replicas: 3`", (200, 250, 450), 3, 16, 152, 300),
        ("`replicas: 4`", (200, 250, 450), 4, 13, 148, 300),
        ("`replicas: 5`", (200, 250, 450), 5, 11, 145, 300),
        ("`max_overflow: 10`, SQLAlchemy's default", (400, 500, 900), 2, 22, 156, 500),
        ("80 pods, `max_client_conn: 1000`", (800, 1000, 1800), 2, 22, 156, 1000),
        ("100 pods", (1000, 1250, 2250), 2, 22, 156, 1300),
        ("100 pods, `terminating_overlap: 1`", (1000, 1250, 2250), 2, 22, 156, 2300),
    ],
)
def test_worked_cases_of_a_database_come_out_as_by_hand(
    case: str, clients: tuple[int, int, int], replicas: int, each: int, free: int, max_client_conn: int
) -> None:
    plan = cases.database(dict(cases.DATABASE)[case])
    assert tuple(plan.clients[state] for state in ClientState) == clients
    assert (plan.replicas, plan.server_connections_per_replica, plan.free_connections) == (replicas, each, free)
    assert plan.max_client_conn == max_client_conn


def test_worked_cases_of_a_database_have_the_budgets_waits_and_findings_of_the_page() -> None:
    plans = {name: cases.database(changes) for name, changes in cases.DATABASE}
    codes = {name: {finding.code for finding in plan.findings} for name, plan in plans.items()}
    repair = next(plan for name, plan in plans.items() if name.startswith("the repair"))
    assert repair.budget == 200 - 5 - 6 - 20
    assert plans["10 connections of others"].budget == repair.budget - 10
    assert plans["`role_limit: 40`"].budget == 40
    assert repair.p99_wait_ms[PoolState.DEGRADED] == pytest.approx(6.080, abs=0.001)
    assert database_codes.CLIENT_CONNECTIONS_SHORT not in codes["80 pods, `max_client_conn: 1000`"]
    assert database_codes.CLIENT_CONNECTIONS_SHORT in codes["100 pods, `max_client_conn: 1000`"]
    assert database_codes.SERVER_POOL_SHORT in codes["`server_connections: 40`"]


@pytest.mark.parametrize(("replicas", "share"), [(2, 1), (3, 0.75), (4, 0.593), (5, 0.488)])
def test_the_degraded_shares_of_the_page_are_those_of_restarts_one_by_one(replicas: int, share: float) -> None:
    """Clients of a replica that restarts move to the others evenly and stay; then the next one restarts."""
    clients = [1 / replicas] * replicas
    for stopped in range(replicas - 1):
        moved, clients[stopped] = clients[stopped] / (replicas - 1), 0
        clients = [held if place == stopped else held + moved for place, held in enumerate(clients)]
    assert round(max(clients), 3) == share
    row = re.search(r"^\| degraded share \|(.+)\|$", text(ROOT / "docs/sizing-databases.md"), re.MULTILINE)
    assert row is not None
    assert float(row[1].split("|")[replicas - 2]) == share


def test_the_regions_with_verified_prices_are_those_that_there_are() -> None:
    said = re.search(r"verified for (.+?); elsewhere", text(ROOT / "docs/sizing-egress.md"))
    assert said is not None
    assert set(re.findall(r"[a-z]+-[a-z]+-\d", said[1])) == set(NAT_GATEWAY_PRICES)


@pytest.mark.parametrize("name", ["case-study", "incident"])
def test_every_name_of_the_json_report_is_documented(name: str) -> None:
    page, report = text(ROOT / "docs/json-report.md"), plan_data(example(name))
    databases, functions = report.pop("databases"), report.pop("functions")
    windows = [list(function.pop("windows").values()) for function in functions.values()]
    named = {"databases", "functions", "windows", *keys(report)}
    named |= {*keys(list(databases.values())), *keys(list(functions.values())), *keys(windows)}
    assert [key for key in named if f"`{key}`" not in page] == []


def plan() -> StackPlan:
    return example("case-study")


def sections(page: str) -> list[str]:
    """The headings of the third level."""
    return re.findall(r"^### (.+)$", page, re.MULTILINE)


def test_every_alarm_has_a_section_in_the_runbook() -> None:
    egress = plan().egress
    assert egress is not None
    assert sorted(sections(RUNBOOK)) == sorted(alarm.suffix for alarm in alarms(egress))


def test_every_alert_has_a_section_in_the_runbook() -> None:
    watched = Watched("orders", "default", "orders")
    assert sections(POOL_RUNBOOK) == [alert.name for alert in alerts(plan().databases["orders"], watched)]


@pytest.mark.parametrize(
    ("code", "runbook", "page"),
    [
        *((code, RUNBOOK, "sizing-egress.md") for code in egress_codes.EXPLANATIONS),
        *((code, POOL_RUNBOOK, "sizing-databases.md") for code in database_codes.EXPLANATIONS),
    ],
    ids=[*egress_codes.EXPLANATIONS, *database_codes.EXPLANATIONS],
)
def test_every_finding_is_documented(code: str, runbook: str, page: str) -> None:
    assert f"| `{code}` |" in runbook
    assert f"### {code}\n" in text(ROOT / "docs" / page)


def test_every_session_feature_is_documented() -> None:
    page = text(ROOT / "docs/pgbouncer-pool.md")
    assert [one.value for one in SessionFeature if f"| `{one.value}` |" not in page] == []


def test_the_runbook_reads_the_metrics_that_the_alarms_read() -> None:
    """By the names and statistics of the manual, in the namespace that exists."""
    egress = plan().egress
    assert egress is not None
    known = {f"{metric.name}:{metric.statistic}" for alarm in alarms(egress) for metric in alarm.metrics}
    read = set(re.findall(r"\b(\w+:(?:Sum|Maximum))\b", RUNBOOK))
    assert read
    assert read <= known
    assert "--namespace AWS/NATGateway " in RUNBOOK
