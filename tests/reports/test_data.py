"""The JSON report: a contract of names."""

import json
from collections import Counter
from typing import Any, NoReturn

import pytest

from loadfit.reports import Format, render
from loadfit.reports.data import SCHEMA_VERSION
from loadfit.stack import StackPlan, parse_load, resolve, size
from tests.reports.samples import example, keys, many

BY_SCENARIO = ("ports_needed", "busiest_gateway_ports")
NUMBERS = (
    *("ports_per_address", "addresses_per_gateway", "gateways"),
    *("ports_total", "ports_with_zone_lost", "utilization"),
)
SIZES = (*BY_SCENARIO, *NUMBERS, "binding_scenario", "verdict", "findings", "assumptions", "monthly_cost_usd")
DATABASE_NUMBERS = (
    *("budget", "replicas", "server_connections_per_replica", "server_connections", "free_connections"),
    *("max_client_conn", "file_descriptors"),
)
WAITS = ("offered_erlangs", "app_pool_p99_wait_ms")
DATABASE_SIZES = (
    *DATABASE_NUMBERS,
    *WAITS,
    *("clients", "p99_wait_ms", "verdict", "findings", "assumptions", "monthly_cost_usd"),
)
FUNCTION_SIZES = (
    *("autoscaling", "database_connections", "account_concurrency", "windows"),
    *("verdict", "findings", "assumptions", "monthly_cost_usd"),
)
WINDOW_SIZES = (
    *("offered_erlangs", "warm_instances", "bound_by"),
    *("spillover_bound", "expected_cold_share", "p99_ms"),
)
SCENARIOS = {"steady", "rollout", "zone_lost"}


def read(plan: StackPlan) -> Any:
    """The report, read strictly: NaN and Infinity are no JSON."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    return json.loads(render(plan, Format.JSON, "ignored"), parse_constant=refuse)


@pytest.mark.parametrize("name", ["case-study", "incident"])
def test_every_name_stands_once_directly_in_its_section(name: str) -> None:
    data = read(example(name))
    orders, storefront = data["databases"]["orders"], data["functions"]["storefront"]
    day = storefront["windows"].pop("day")
    parts = ((data["egress"], SIZES), (orders, DATABASE_SIZES), (storefront, FUNCTION_SIZES), (day, WINDOW_SIZES))
    for section, sizes in parts:
        counted = Counter(keys(section))
        assert {size: counted[size] for size in sizes} == dict.fromkeys(sizes, 1)
        assert set(sizes) <= set(section)
        for other, others in parts:
            assert other is section or not set(keys(section)) & (set(others) - set(sizes))
    assert set(data) == {"schema_version", "fits", "egress", "databases", "functions"}
    assert (set(data["databases"]), set(data["functions"])) == ({"orders"}, {"storefront"})
    above = Counter(keys({**data, "egress": None, "databases": None, "functions": None}))
    assert not set(above) & {size for _, sizes in parts for size in sizes}


@pytest.mark.parametrize("name", ["case-study", "incident"])
def test_sizes_are_numbers_or_objects_by_scenario(name: str) -> None:
    section = read(example(name))["egress"]
    for size_name in BY_SCENARIO:
        assert set(section[size_name]) == SCENARIOS
        assert all(type(value) is int for value in section[size_name].values())
    for number in NUMBERS:
        assert type(section[number]) is (float if number == "utilization" else int)
    assert section["binding_scenario"] in SCENARIOS


@pytest.mark.parametrize("name", ["case-study", "incident"])
def test_a_databases_sizes_are_numbers_or_objects_by_state(name: str) -> None:
    section = read(example(name))["databases"]["orders"]
    assert set(section["clients"]) == {"steady", "rollout", "terminating"}
    assert set(section["p99_wait_ms"]) == {"steady", "degraded"}
    for whole in (*section["clients"].values(), *(section[number] for number in DATABASE_NUMBERS)):
        assert type(whole) is int
    for real in (*section["p99_wait_ms"].values(), *(section[number] for number in WAITS)):
        assert type(real) is float


def test_the_case_studys_database() -> None:
    section = read(example("case-study"))["databases"]["orders"]
    expected = {
        "verdict": "fits",
        "clients": {"steady": 210, "rollout": 260, "terminating": 460},
        "budget": 169,
        "offered_erlangs": 20.26,
        "replicas": 2,
        "server_connections_per_replica": 25,
        "server_connections": 50,
        "free_connections": 150,
        "max_client_conn": 1000,
        "findings": [],
    }
    assert {name: section[name] for name in expected} == expected


def test_the_incidents_database_is_not_capped() -> None:
    section = read(example("incident"))["databases"]["orders"]
    assert section["verdict"] == "does not fit"
    assert (section["server_connections"], section["budget"], section["free_connections"]) == (750, 169, -550)
    assert section["clients"] == {"steady": 600, "rollout": 750, "terminating": 1350}
    first = section["findings"][0]
    assert (first["code"], first["needed"], first["available"]) == ("DATABASE_CONNECTIONS_SHORT", 750, 189)


def test_the_case_studys_function() -> None:
    """26/s x 50 ms = 1.3 erlangs: 5 warm instances, of which 0.85% spill over at the most; a deployment takes 10."""
    section = read(example("case-study"))["functions"]["storefront"]
    expected = {
        "verdict": "fits",
        "autoscaling": {"min": 5, "max": 10, "target": 0.272},
        "database_connections": 10,
        "account_concurrency": 10,
        "findings": [],
    }
    assert {name: section[name] for name in expected} == expected
    day = section["windows"]["day"]
    assert (day["offered_erlangs"], day["warm_instances"], day["bound_by"]) == (1.3, 5, "erlang_b")
    assert round(day["spillover_bound"], 4) == 0.0085
    assert 0 < day["expected_cold_share"] < day["spillover_bound"]
    assert day["p99_ms"] < 200


def test_the_incidents_function_says_why() -> None:
    section = read(example("incident"))["functions"]["storefront"]
    (error,) = section["findings"]
    assert (error["code"], error["needed"], error["available"]) == ("PC_TOO_SMALL", 5, 0)
    assert "26/s x 50 ms = 1.3 erlangs" in error["equation"]
    assert "for a p99 of 200 ms at a cold start of 3,500 ms" in error["equation"]
    assert "with no warm instance" in error["message"]
    assert section["windows"]["day"]["p99_ms"] == pytest.approx(3600, abs=1)


def test_the_case_studys_sizes() -> None:
    section = read(example("case-study"))["egress"]
    expected = {
        "verdict": "fits",
        "ports_needed": {"steady": 60_000, "rollout": 75_000, "zone_lost": 60_000},
        "busiest_gateway_ports": {"steady": 24_000, "rollout": 30_000, "zone_lost": 36_000},
        "binding_scenario": "zone_lost",
        "ports_per_address": 55_000,
        "addresses_per_gateway": 1,
        "gateways": 3,
        "ports_total": 165_000,
        "ports_with_zone_lost": 110_000,
        "monthly_cost_usd": {"nat_gateways": 98.55, "addresses": 10.95, "total": 109.5},
        "findings": [],
    }
    assert {name: section[name] for name in expected} == expected
    assert section["utilization"] == pytest.approx(36 / 55)


def test_the_incidents_sizes_are_not_capped() -> None:
    """What does not fit is reported as large as it is."""
    section = read(example("incident"))["egress"]
    assert section["verdict"] == "does not fit"
    assert section["busiest_gateway_ports"]["rollout"] == 75_000
    assert section["utilization"] == pytest.approx(75 / 55)
    first = section["findings"][0]
    assert (first["code"], first["needed"], first["available"]) == ("NAT_PORTS_SHORT", 75_000, 55_000)
    assert [remedy["monthly_cost_difference_usd"] for remedy in first["remedies"]] == [3.65, 73.0, 0.0]
    (refused,) = first["consequences"]
    assert (refused["name"], refused["amount"], refused["unit"], refused["basis"]) == (
        *("connections_refused", 20_000),
        *("connections", "counted"),
    )


def test_json_lists_what_the_other_formats_cut() -> None:
    assert len(read(many(30))["egress"]["findings"]) == 31


def test_the_verdict_is_above_the_sections_as_a_boolean() -> None:
    data = read(example("incident"))
    assert (data["schema_version"], data["fits"]) == (SCHEMA_VERSION, False)


def test_an_unknown_price_is_null() -> None:
    document = {"region": "sa-east-1", "zones": 2, "egress": {"addresses_per_gateway": 1}}
    assert read(size(resolve(parse_load(document))))["egress"]["monthly_cost_usd"] is None
