"""How far numbers can grow: every figure is confirmed by sizing the plain document at it, and one step beyond."""

import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadfit.core.findings import Severity
from loadfit.core.paths import Path as LoadPath
from loadfit.core.paths import parse_path, set_path, show_path
from loadfit.core.problems import InvalidLoad
from loadfit.stack import StackPlan, parse_load, resolve, size
from loadfit.stack.growth import Growth, Limits, find_limits
from loadfit.stack.growth import search as searching
from tests.databases.strategies import documents as database_documents
from tests.functions.loads import documents as function_documents
from tests.strategies import Document, documents

EXAMPLES = Path(__file__).parents[2] / "examples"
UNUSED_ROOM = "APP_POOL_OVERSIZED"
WARM = ("PC_TOO_SMALL", "RATE_10X", "BURST")


def example(name: str) -> Document:
    return yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))


def planned(document: Document) -> StackPlan:
    return size(resolve(parse_load(document)))


def limits(document: Document) -> Limits:
    return find_limits(planned(document))


def named(found: Limits) -> dict[str, Growth]:
    return {show_path(growth.number.path): growth for growth in found.growths}


def held(document: Document, plan: StackPlan, path: LoadPath) -> Document:
    """The document with what the plan computed written into it, by the names of the documentation."""
    document = copy.deepcopy(document)

    def hold(section: Any, name: str, value: int) -> None:
        if section.get(name) is None:
            section[name] = value

    if plan.egress is not None:
        hold(document["egress"], "gateways", plan.egress.gateways)
        if "allocations" not in document["egress"]:
            hold(document["egress"], "addresses_per_gateway", plan.egress.addresses_per_gateway)
    for name, database in plan.databases.items():
        if database.pools:
            hold(document["databases"][name], "replicas", database.replicas)
            servers = database.replicas * database.server_connections_per_replica
            hold(document["databases"][name], "server_connections", servers)
            hold(document["databases"][name], "max_client_conn", database.max_client_conn)
    for name, function in plan.functions.items():
        of_window = path[:2] == ("functions", name) and path[2] == "windows"
        warm = function.windows[str(path[3])].warm_instances if of_window else function.instances
        hold(document["functions"][name], "provisioned_concurrency", warm)
    return document


Found = dict[tuple[str, str], tuple[Severity, Fraction]]


def found(plan: StackPlan) -> Found:
    """What is short, by code and subject, with how bad it is and the need."""
    return {
        ("warm" if one.code in WARM else one.code, one.subject): (one.severity, one.needed)
        for one in reversed(plan.findings)
        if one.code != UNUSED_ROOM
    }


def errors(short: Found) -> Found:
    return {key: one for key, one in short.items() if one[0] is Severity.ERROR}


def moved(document: Document, growth: Growth, value: float) -> Document:
    document = copy.deepcopy(document)
    at: Any = document
    for step in growth.number.path[:-1]:
        at = at[step]
    field = growth.number.path[-1]
    if field == "mean_duration_ms":
        proportion = Fraction(repr(at["p99_duration_ms"])) / Fraction(repr(at[field]))
        at["p99_duration_ms"] = float(proportion * Fraction(repr(value)))
    set_path(document, growth.number.path, value)
    return document


def confirm(document: Document, growth: Growth, plan: StackPlan) -> None:
    """Nothing that the number causes at each figure; beyond the target a finding, beyond the other an error."""
    base = held(document, plan, growth.number.path)
    today = found(planned(base))

    def at(value: float) -> Found:
        return found(planned(moved(base, growth, value)))

    declared, step = growth.number.declared, growth.number.step
    for value, beyond, counted in (
        (growth.exhausted_after, growth.beyond_exhaustion, errors),
        (growth.target_at, growth.beyond_target, lambda short: short),
    ):
        had = counted(today)
        if value is None:
            # Over at every value: what is short today is so at the least one, and by less.
            assert beyond is not None
            key = ("warm" if beyond.finding.code in WARM else beyond.finding.code, beyond.finding.subject)
            least = counted(at(growth.number.value(growth.number.fewest)))
            assert had[key][1] > least[key][1]
            continue
        over = Fraction(repr(value)) < declared
        here = counted(at(value))
        if over:
            assert had.keys() - here.keys(), "less of it is better"
        else:
            assert here.keys() <= had.keys()
        exact_next = Fraction(repr(value)) + step
        following = int(exact_next) if isinstance(value, int) else float(exact_next)
        if beyond is None:
            # Either the largest that the field takes, or the document takes no more.
            assert value == growth.number.value(growth.number.most) or refused(moved(base, growth, following))
            continue
        there = counted(at(following))
        key = ("warm" if beyond.finding.code in WARM else beyond.finding.code, beyond.finding.subject)
        assert key in there, "what is said to break, breaks"
        assert there[key][1] == beyond.finding.needed
        if counted is errors:
            assert key not in here
        else:
            assert here.get(key, (None,))[0] is not there[key][0]


def refused(document: Document) -> bool:
    try:
        planned(document)
    except InvalidLoad:
        return True
    return False


CASE_STUDY = example("case-study")
INCIDENT = example("incident")
CASE_STUDY_LIMITS = limits(CASE_STUDY)


@pytest.mark.parametrize(
    ("path", "target", "exhausted", "cause"),
    [
        # ceil(pods x 0.6) x 300 <= 44,000 and <= 55,000: 146 and 183 pods in a zone.
        ("workloads.checkout.pods", 243, 305, "NAT ports to api.stripe.com:443 with 1 zone lost"),
        # 120 pods in a zone: 44,000 / 120 and 55,000 / 120.
        ("egress.flows[0].connections_per_pod", 366, 458, "NAT ports to api.stripe.com:443 with 1 zone lost"),
        # (79 + 20) pods x 10 + 10 instances = 1,000.
        ("workloads.orders.pods", 79, 79, "max_client_conn in a rollout"),
        # 25 pods x 39 + 10 = 985.
        ("databases.orders.clients[0].pool_size", 39, 39, "max_client_conn in a rollout"),
        # 250 + 750 = 1,000.
        ("functions.storefront.reserved_concurrency", 750, 750, "max_client_conn in a rollout"),
        # B(5, a) + rate term <= the 1% that the target allows: 1.3609 erlangs.
        ("functions.storefront.windows.day.peak_requests_per_second", 27.21, 27.21, "provisioned_concurrency"),
        # Both replicas' load on one of 25: below 25 busy with 0.26 of the function's.
        (
            "databases.orders.clients[0].transactions_per_second",
            2349.0,
            2473.0,
            "server_connections while replicas restart",
        ),
    ],
)
def test_the_case_studys_numbers_can_grow_as_far_as_by_hand(
    path: str, target: float, exhausted: float, cause: str
) -> None:
    growth = named(CASE_STUDY_LIMITS)[path]
    assert (growth.target_at, growth.exhausted_after) == (target, exhausted)
    assert str(growth.beyond_exhaustion) == cause


@pytest.mark.parametrize("name", ["case-study", "incident"])
def test_every_figure_of_the_examples_is_confirmed_at_it_and_one_beyond(name: str) -> None:
    document = example(name)
    plan = planned(document)
    result = find_limits(plan)
    assert len(result.growths) >= 9
    for growth in result.growths:
        confirm(document, growth, plan)


def test_the_widest_risk_comes_first() -> None:
    rooms = [growth.room for growth in CASE_STUDY_LIMITS.growths]
    known = [room for room in rooms if room is not None]
    assert known == sorted(known)
    assert rooms[: len(known)] == known


def test_computed_sizes_are_held_and_given_ones_are_not_held_twice() -> None:
    assert [str(change) for change in CASE_STUDY_LIMITS.held] == [
        "egress.gateways: 3",
        "egress.addresses_per_gateway: 1",
        "functions.storefront.provisioned_concurrency: 5",
    ]


def test_what_is_short_already_is_told_with_the_value_that_would_do() -> None:
    """176 and 220 connections at 250 pods; 4 pods of 30 connections with one more in a rollout; no pool at all."""
    found_limits = named(limits(INCIDENT))
    connections = found_limits["egress.flows[0].connections_per_pod"]
    assert (connections.target_at, connections.exhausted_after, connections.is_over) == (176, 220, True)
    assert found_limits["workloads.orders.pods"].exhausted_after == 4
    pool = found_limits["databases.orders.clients[0].pool_size"]
    assert (pool.target_at, pool.exhausted_after, pool.room, pool.is_over) == (None, None, -1, True)


def test_a_number_that_nothing_bounds_is_told_so() -> None:
    """A flow past the gateways, of pods with nothing else to do."""
    flow = {"from": "shop", "to": "a.com:443", "via": "ipv6", "connections_per_pod": 10}
    document = {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {"shop": {"pods": 20}, "idle": {"pods": 3}},
        "egress": {"flows": [flow], "addresses_per_gateway": 1},
    }
    found_limits = named(limits(document))
    assert set(found_limits) == {"workloads.shop.pods", "egress.flows[0].connections_per_pod"}, "idle has no load"
    pods = found_limits["workloads.shop.pods"]
    assert (pods.target_at, pods.beyond_target, pods.exhausted_after, pods.room) == (10**9, None, 10**9, None)
    # A pod's own ports bound its connections.
    assert found_limits["egress.flows[0].connections_per_pod"].exhausted_after == 28_232


def test_each_window_is_moved_against_its_own_instances() -> None:
    """At night two instances are there, not the five of the day."""
    day = {"peak_requests_per_second": 26, "mean_duration_ms": 50, "p99_duration_ms": 100}
    night = {**day, "peak_requests_per_second": 2, "schedule": "daily 22:00-06:00"}
    document = {
        "region": "us-east-1",
        "zones": 3,
        "functions": {"shop": {"init_ms": 800, "target_p99_ms": 200, "windows": {"day": day, "night": night}}},
    }
    plan = planned(document)
    warm = {name: window.warm_instances for name, window in plan.functions["shop"].windows.items()}
    assert warm == {"day": 5, "night": 2}
    found_limits = named(find_limits(plan))
    at_night = found_limits["functions.shop.windows.night.peak_requests_per_second"]
    assert at_night.exhausted_after is not None
    assert at_night.exhausted_after < 5
    for growth in found_limits.values():
        confirm(document, growth, plan)


def test_the_p99_keeps_its_proportion_to_the_mean() -> None:
    growth = named(CASE_STUDY_LIMITS)["functions.storefront.windows.day.mean_duration_ms"]
    document = growth.number.moved(planned(CASE_STUDY).load.stack, 100)
    window = (document.functions or {})["storefront"].windows["day"]
    assert (window.mean_duration_ms, window.p99_duration_ms) == (51, 102)


def large(workloads: int) -> Document:
    names = [f"shop-{number}" for number in range(workloads)]
    return {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {name: {"pods": 20} for name in names},
        "egress": {
            "flows": [
                {"from": name, "to": f"{name}.example.com:443", "connections_per_pod": number + 1}
                for number, name in enumerate(names)
            ]
        },
    }


def test_a_large_document_is_cut_to_its_heaviest_numbers_and_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searching, "MOST_NUMBERS", 4)
    result = limits(large(50))
    assert (len(result.growths), result.not_moved) == (4, 96)
    paths = {show_path(growth.number.path) for growth in result.growths}
    assert paths == {
        *("workloads.shop-49.pods", "workloads.shop-48.pods"),
        *("egress.flows[49].connections_per_pod", "egress.flows[48].connections_per_pod"),
    }


def test_no_number_is_begun_once_the_document_was_sized_often_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_SIZINGS", 50)
    result = limits(large(10))
    assert 50 <= result.sizings <= 50 + 70
    assert 0 < len(result.growths) < 20
    assert result.not_moved == 20 - len(result.growths)


@st.composite
def whole_documents(draw: st.DrawFn) -> Document:
    """Documents of any of the sections, of which a function may use the database."""
    document = draw(documents() | database_documents())
    if draw(st.booleans()):
        function = draw(function_documents())
        if "databases" in document and draw(st.booleans()):
            function["database"] = {
                "name": "orders",
                "connections_per_instance": draw(st.integers(1, 3)),
                "transactions_per_request": 1.5,
                "mean_transaction_ms": 10,
            }
        else:
            function.pop("database", None)
        document["functions"] = {"storefront": function}
    return document


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=whole_documents(), data=st.data())
def test_every_figure_of_any_document_is_confirmed_at_it_and_one_beyond(
    document: Document, data: st.DataObject
) -> None:
    plan = planned(document)
    result = find_limits(plan)
    assert result.not_moved == 0
    for growth in data.draw(st.permutations(result.growths))[:4]:
        confirm(document, growth, plan)


def test_every_path_leads_to_the_declared_number() -> None:
    document = CASE_STUDY
    for path, growth in named(CASE_STUDY_LIMITS).items():
        value: Any = document
        for step in parse_path(path):
            value = value[step]
        assert growth.number.declared == Fraction(repr(value))
