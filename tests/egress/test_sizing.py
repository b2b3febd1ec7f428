"""Egress sizes: the worked cases of docs/sizing-egress.md, brute force over placements, what must hold for all."""

import copy
import itertools
import json
import math
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadfit import stack
from loadfit.core.findings import Severity, Verdict
from loadfit.egress import EgressLoad, EgressPlan, EgressPolicy, Flow, Scenario, size_egress
from tests.egress.oracle import PORTS, target, worst_ports
from tests.strategies import Document, documents, small_documents

STEADY, ROLLOUT, ZONE_LOST = Scenario.STEADY, Scenario.ROLLOUT, Scenario.ZONE_LOST


def sized(document: Document) -> EgressPlan:
    """The egress plan of a document."""
    plan = stack.size(stack.resolve(stack.parse_load(document))).egress
    assert plan is not None
    return plan


def load(
    *, zones: int = 3, policy: dict[str, Any] | None = None, egress: dict[str, Any] | None = None, **flow: Any
) -> EgressLoad:
    """A load of one flow: 200 pods that hold 300 connections each, unless said otherwise."""
    if "new_connections_per_second_per_pod" not in flow:
        flow.setdefault("connections_per_pod", 300)
    flow = {"client": "checkout", "pods": 200, "to": "api.stripe.com:443", **flow}
    return EgressLoad(
        region="us-east-1",
        zones=zones,
        flows=[Flow(**flow)],
        policy=EgressPolicy(**policy) if policy else None,
        **(egress or {}),
    )


def cost_of(plan: EgressPlan) -> float:
    """What gateways and addresses cost a month."""
    assert plan.monthly_cost_usd is not None
    return float(plan.monthly_cost_usd["total"])


INCIDENT: Document = {
    "region": "us-east-1",
    "zones": 3,
    "workloads": {"checkout": {"pods": 200}},
    "egress": {
        "gateways": 1,
        "addresses_per_gateway": 1,
        "flows": [{"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 300}],
    },
}
REPAIRED: Document = {**INCIDENT, "egress": {"flows": INCIDENT["egress"]["flows"]}}


class TestTheIncident:
    def test_needs_60_000_ports_of_55_000_and_75_000_in_a_rollout(self) -> None:
        """200 pods x 300 connections = 60,000 on one gateway; 75,000 in a 25% rollout; 44,000 is the target."""
        plan = sized(INCIDENT)
        assert plan.ports_needed == {STEADY: 60_000, ROLLOUT: 75_000, ZONE_LOST: 60_000}
        assert plan.busiest_gateway_ports == plan.ports_needed
        assert (plan.binding_scenario, plan.verdict) == (ROLLOUT, Verdict.DOES_NOT_FIT)
        assert (plan.ports_per_gateway, plan.target_ports_per_gateway) == (55_000, 44_000)
        assert (plan.ports_total, plan.ports_with_zone_lost) == (55_000, 0)

    def test_says_all_of_it_in_one_error(self) -> None:
        """The error carries both needs, both limits and the equation."""
        (error,) = (finding for finding in sized(INCIDENT).findings if finding.severity is Severity.ERROR)
        assert (error.code, error.needed, error.available) == ("NAT_PORTS_SHORT", 75_000, 55_000)
        assert error.path == ("egress", "flows", 0, "to")
        for number in ("75,000", "60,000", "55,000", "44,000"):
            assert number in error.message
        assert error.equation == "250 pods x 300 connections = 75,000 ports"

    def test_warns_that_the_one_gateway_is_lost_with_its_zone(self) -> None:
        """One gateway for three zones is an explicit choice: a warning, not an error."""
        warnings = [finding.code for finding in sized(INCIDENT).findings if finding.severity is Severity.WARNING]
        assert warnings == ["ZONE_LOSS_STOPS_EGRESS"]


class TestTheRepairedDocument:
    def test_fits_with_165_000_ports_and_110_000_with_a_zone_lost(self) -> None:
        """Three zones of one address: 36,000 of 55,000 ports (65%) on the busiest gateway with a zone lost."""
        plan = sized(REPAIRED)
        assert plan.ports_needed == {STEADY: 60_000, ROLLOUT: 75_000, ZONE_LOST: 60_000}
        assert plan.busiest_gateway_ports == {STEADY: 24_000, ROLLOUT: 30_000, ZONE_LOST: 36_000}
        assert (plan.gateways, plan.addresses_per_gateway, plan.ports_per_address) == (3, 1, 55_000)
        assert (plan.ports_total, plan.ports_with_zone_lost) == (165_000, 110_000)
        assert (plan.binding_scenario, plan.utilization) == (ZONE_LOST, Fraction(36, 55))
        assert f"{float(plan.utilization):.0%}" == "65%"
        assert (plan.verdict, plan.findings) == (Verdict.FITS, ())

    def test_costs_109_50_a_month(self) -> None:
        """3 x 730 h x $0.045 for gateways and 3 x 730 h x $0.005 for addresses; $73.00 more than one gateway."""
        plan = sized(REPAIRED)
        assert plan.monthly_cost_usd == {
            "nat_gateways": Fraction("98.55"),
            "addresses": Fraction("10.95"),
            "total": Fraction("109.50"),
        }
        assert cost_of(plan) - cost_of(sized(INCIDENT)) == pytest.approx(73.00)


NO_REUSE: dict[str, Any] = {
    "new_connections_per_second_per_pod": 10,
    "connection_duration_ms": 200,
    "idle_timeout_seconds": 0,
}
REUSE: dict[str, Any] = {
    "new_connections_per_second_per_pod": 0.1,
    "connection_duration_ms": 10_000,
    "idle_timeout_seconds": 0,
}
LEFT_OPEN: dict[str, Any] = {"new_connections_per_second_per_pod": 1, "connection_duration_ms": 200}

WORKED = [
    # what, load, scenario, ports, on the busiest gateway, addresses per gateway, in all, dollars a month
    ("one gateway, steady", load(egress={"gateways": 1}), STEADY, 60_000, 60_000, 2, 2, 40.15),
    ("one gateway, rollout", load(egress={"gateways": 1}), ROLLOUT, 75_000, 75_000, 2, 2, 40.15),
    ("max_skew 1, steady", load(max_skew=1), STEADY, 60_000, 20_100, 1, 3, 109.50),
    ("max_skew 1, zone lost", load(max_skew=1), ZONE_LOST, 60_000, 30_000, 1, 3, 109.50),
    ("zone lost", load(), ZONE_LOST, 60_000, 36_000, 1, 3, 109.50),
    ("zone skew 1.5", load(policy={"zone_skew": 1.5}), ZONE_LOST, 60_000, 45_000, 2, 6, 120.45),
    ("two zones", load(zones=2), ZONE_LOST, 60_000, 60_000, 2, 4, 80.30),
    ("400 pods", load(pods=400), ZONE_LOST, 120_000, 72_000, 2, 6, 120.45),
    ("4 destination addresses", load(addresses=4), ZONE_LOST, 60_000, 11_250, 1, 3, 109.50),
    ("no reuse", load(**NO_REUSE), ZONE_LOST, 120_400, 72_240, 2, 6, 120.45),
    ("100 requests a connection", load(**REUSE), ZONE_LOST, 1_400, 840, 1, 3, 109.50),
    ("never closed", load(**LEFT_OPEN, closed_by="nat_timeout"), ZONE_LOST, 70_040, 42_024, 1, 3, 109.50),
    ("closed after 30 s", load(**LEFT_OPEN, idle_timeout_seconds=30), ZONE_LOST, 18_040, 10_824, 1, 3, 109.50),
]


_NOT_AND_DECLARED: list[dict[str, Any]] = [{}, {"rollout_seconds": 600}]


class TestWorkedCases:
    @pytest.mark.parametrize(
        ("case", "scenario", "ports", "busiest", "each", "total", "dollars"),
        [row[1:] for row in WORKED],
        ids=[row[0] for row in WORKED],
    )
    def test_facts_table(
        self, case: EgressLoad, scenario: Scenario, ports: int, busiest: int, each: int, total: int, dollars: float
    ) -> None:
        """Every row of the table in docs/sizing-egress.md."""
        plan = size_egress(case)
        assert plan.ports_needed[scenario] == ports
        assert plan.busiest_gateway_ports[scenario] == busiest
        assert (plan.addresses_per_gateway, plan.gateways * plan.addresses_per_gateway) == (each, total)
        assert cost_of(plan) == pytest.approx(dollars)
        over = [finding.code for finding in plan.findings if finding.severity is Severity.ERROR]
        assert over == (["REGION_ADDRESSES_OVER_QUOTA"] if total > 5 else [])

    def test_one_address_is_an_error_where_two_are_needed(self) -> None:
        """60,000 of 55,000 (109%)."""
        plan = size_egress(load(egress={"gateways": 1, "addresses_per_gateway": 1}, rollout_surge=0))
        assert plan.utilization == Fraction(60, 55)
        assert plan.findings[0].code == "NAT_PORTS_SHORT"
        assert plan.findings[0].severity is Severity.ERROR

    def test_replaced_pods_take_6_000_ports_more_in_a_rollout_of_ten_minutes(self) -> None:
        """200 pods over 600 s with a cool-down of 60 s: 20 of them x 300 connections cool down."""
        without, declared = (size_egress(load(egress={"gateways": 1}, **fields)) for fields in _NOT_AND_DECLARED)
        assert declared.ports_needed[ROLLOUT] - without.ports_needed[ROLLOUT] == 6_000
        assert declared.ports_needed[STEADY] == without.ports_needed[STEADY]

    def test_a_rollout_shorter_than_the_cool_down_counts_each_pod_once(self) -> None:
        """min(1, 60 / 30): all 200 replaced pods cool down, not 400."""
        plan = size_egress(load(egress={"gateways": 1}, rollout_seconds=30))
        assert plan.ports_needed[ROLLOUT] == 75_000 + 60_000

    def test_two_pods_can_land_in_one_zone(self) -> None:
        """2 pods x 28,000 in three zones with one lost: 56,000, where a fractional share says 33,600."""
        plan = size_egress(load(pods=2, connections_per_pod=28_000))
        assert plan.busiest_gateway_ports[ZONE_LOST] == 56_000

    def test_cool_down_of_60_s_gives_aws_rate_of_900_connections_a_second(self) -> None:
        """55,000 / 60 s = 917 a second and address, which AWS called approximately 900."""

        def at(rate: int) -> EgressPlan:
            return size_egress(
                load(
                    pods=1,
                    new_connections_per_second_per_pod=rate,
                    connection_duration_ms=0,
                    idle_timeout_seconds=0,
                    rollout_surge=0,
                    egress={"gateways": 1},
                    policy={"target_utilization": 1},
                )
            )

        assert at(916).addresses_per_gateway == 1
        assert at(917).addresses_per_gateway == 2

    def test_24_connections_a_second_take_1_440_ports(self) -> None:
        """24/s x 60 s of cool-down, nothing else."""
        plan = size_egress(
            load(
                pods=1, zones=1, new_connections_per_second_per_pod=24, connection_duration_ms=0, idle_timeout_seconds=0
            )
        )
        assert plan.ports_needed[STEADY] == 1_440


class TestExactness:
    def test_surge_is_taken_through_its_decimal_text(self) -> None:
        """A surge of 1.1 on 100 pods is 110 more, not 111."""
        plan = size_egress(load(pods=100, connections_per_pod=1, rollout_surge=1.1, egress={"gateways": 1}))
        assert plan.ports_needed[ROLLOUT] == 210

    def test_an_exact_fit_needs_no_further_address(self) -> None:
        """44,000 ports are the target of one address, 44,001 are not."""
        for ports, addresses in ((44_000, 1), (44_001, 2), (88_000, 2), (88_001, 3)):
            assert (
                size_egress(load(pods=1, connections_per_pod=ports, rollout_surge=0)).addresses_per_gateway == addresses
            )

    def test_flows_to_one_destination_are_summed_and_destinations_are_not(self) -> None:
        """The worst destination counts; case and a trailing dot make no other one, protocol and port do."""

        def at(*to: str, **fields: Any) -> int:
            flows = [{"from": "checkout", "to": one, "connections_per_pod": 100, **fields} for one in to]
            return sized({**INCIDENT, "egress": {"gateways": 1, "flows": flows}}).ports_needed[STEADY]

        assert at("a.com:443", "a.com:443") == at("A.com:443", "a.COM.:443") == 40_000
        assert at("a.com:443", "b.com:443") == at("a.com:443", "a.com:444") == 20_000

    def test_ways_past_the_gateway_take_no_port(self) -> None:
        """Endpoints and IPv6 need no NAT port."""
        for via in ("gateway_endpoint", "interface_endpoint", "ipv6"):
            plan = size_egress(load(via=via))
            assert set(plan.ports_needed.values()) == {0}
            assert plan.findings == ()


class TestBruteForce:
    @settings(max_examples=120, deadline=None)
    @given(small_documents())
    def test_no_placement_that_the_skew_allows_needs_more_than_planned(self, document: Document) -> None:
        """For each destination and scenario the plan is what the worst placement needs: no less, and no more."""
        plan = sized(document)
        planned = {
            (f"{one.destination.host}:{one.destination.port}", one.destination.protocol.value): {
                scenario.value: ports for scenario, ports in one.busiest_gateway_ports.items()
            }
            for one in plan.destinations
        }
        assert planned == worst_ports(document)

    @settings(max_examples=80, deadline=None)
    @given(small_documents())
    def test_a_computed_plan_has_the_addresses_that_the_target_asks_for_and_none_more(self, document: Document) -> None:
        """All worst placements stay at the target, and with one address less one of them would not."""
        plan = sized(document)
        worst = max((max(ports.values()) for ports in worst_ports(document).values()), default=0)
        assert worst <= plan.addresses_per_gateway * PORTS * target(document)
        if plan.addresses_per_gateway > 1:
            assert worst > (plan.addresses_per_gateway - 1) * PORTS * target(document)


GROWTH: list[tuple[str, dict[str, Any], str, list[Any]]] = [
    ("pods", {}, "pods", [1, 2, 3, 7, 50, 199, 200, 201]),
    ("pods with a hard spread", {"max_skew": 2}, "pods", [1, 2, 3, 7, 50, 199, 200, 201]),
    ("connections", {}, "connections_per_pod", [1, 2, 299, 300, 301]),
    ("the autoscaler's maximum", {}, "max_pods", [200, 201, 400]),
    ("rates", NO_REUSE, "new_connections_per_second_per_pod", [0.01, 0.1, 1, 1.1, 10]),
    ("durations", NO_REUSE, "connection_duration_ms", [0, 0.1, 200, 10_000]),
    ("idle time", NO_REUSE, "idle_timeout_seconds", [0, 0.5, 30, 349, 350, 351, 1e6]),
    ("surge", {}, "rollout_surge", [0, 0.01, 0.25, 1, 10]),
    ("the allowed skew", {}, "max_skew", [1, 2, 10, 1_000]),
]


class TestMonotony:
    @pytest.mark.parametrize(("base", "field", "values"), [row[1:] for row in GROWTH], ids=[row[0] for row in GROWTH])
    def test_ports_never_fall_when_the_load_grows(self, base: dict[str, Any], field: str, values: list[Any]) -> None:
        """In every scenario, on all gateways and on the busiest one."""
        for zones in (1, 2, 3, 5):
            plans = [size_egress(load(zones=zones, rollout_seconds=600, **{**base, field: value})) for value in values]
            for less, more in itertools.pairwise(plans):
                for scenario in Scenario:
                    assert less.ports_needed[scenario] <= more.ports_needed[scenario]
                    assert less.busiest_gateway_ports[scenario] <= more.busiest_gateway_ports[scenario]
                assert less.addresses_per_gateway <= more.addresses_per_gateway

    @settings(max_examples=60, deadline=None)
    @given(documents(), st.data())
    def test_more_of_anything_in_any_document_never_needs_fewer_ports(
        self, document: Document, data: st.DataObject
    ) -> None:
        """One number of one flow or workload grows: no destination needs less in any scenario."""
        grown = copy.deepcopy(document)
        owners = [*grown["workloads"].values(), *grown["egress"]["flows"]]
        growing = [
            (owner, name)
            for owner in owners
            for name in owner
            if name in {row[2] for row in GROWTH} and not (name == "pods" and "max_pods" in owner)
        ]
        owner, name = data.draw(st.sampled_from(growing))
        owner[name] = owner[name] + data.draw(st.sampled_from([1, 2, 5]))
        before, after = ({one.destination: one for one in sized(each).destinations} for each in (document, grown))
        for destination, one in before.items():
            for scenario in Scenario:
                assert after[destination].ports[scenario] >= one.ports[scenario]
                assert after[destination].busiest_gateway_ports[scenario] >= one.busiest_gateway_ports[scenario]

    def test_more_addresses_behind_a_name_never_need_more_ports(self) -> None:
        """The busiest of more addresses takes less, never more."""
        needs = [size_egress(load(addresses=addresses)).busiest_gateway_ports for addresses in (1, 2, 3, 4, 10, 1_000)]
        for fewer, more in itertools.pairwise(needs):
            assert all(more[scenario] <= fewer[scenario] for scenario in Scenario)

    def test_more_zones_never_need_more_ports_on_the_busiest_gateway(self) -> None:
        """A zone more is a gateway more."""
        needs = [size_egress(load(zones=zones)).worst for zones in range(1, 12)]
        most = [need.most_ports for need in needs if need]
        assert most == sorted(most, reverse=True)


class TestGivenAndComputed:
    @settings(max_examples=60, deadline=None)
    @given(documents())
    def test_given_numbers_stay_and_computed_ones_are_not_capped(self, document: Document) -> None:
        """A declared number of gateways or addresses is the plan's; a computed one is as the formula gives it."""
        plan, egress = sized(document), document["egress"]
        assert plan.gateways == egress.get("gateways", document["zones"])
        most = plan.worst.most_ports if plan.worst else 0
        needed = max(1, math.ceil(most / (PORTS * target(document))))
        assert plan.addresses_needed == needed
        brought = [len(ids) for ids in egress.get("allocations", {}).values()]
        assert plan.addresses_per_gateway == egress.get("addresses_per_gateway", brought[0] if brought else needed)

    def test_a_number_beyond_every_limit_is_still_computed(self) -> None:
        """A million pods need 4,091 addresses on a gateway; the verdict says that they cannot be had."""
        plan = size_egress(load(pods=1_000_000))
        assert plan.addresses_per_gateway == math.ceil(180_000_000 / 44_000) == 4_091
        assert plan.verdict is Verdict.DOES_NOT_FIT

    def test_between_target_and_limit_is_a_warning(self) -> None:
        """44,000 fit, 44,001 to 55,000 fit with too little margin, 55,001 do not."""

        def severity(ports: int) -> str:
            case = load(
                pods=1,
                connections_per_pod=ports,
                rollout_surge=0,
                policy={"zones_lost": 0, "pod_ephemeral_ports": 65_535},
                egress={"gateways": 1, "addresses_per_gateway": 1},
            )
            return next((finding.severity.value for finding in size_egress(case).findings), "fits")

        assert [severity(ports) for ports in (44_000, 44_001, 55_000, 55_001)] == [
            "fits",
            "warning",
            "warning",
            "error",
        ]


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        assert math.isfinite(float(value))
        return float(value)
    return value


class TestPlan:
    @settings(max_examples=40, deadline=None)
    @given(documents())
    def test_every_size_is_a_plain_finite_number(self, document: Document) -> None:
        """What goes into JSON is an int, or a fraction that a float can hold; JSON itself takes it."""
        plan = sized(document)
        numbers = {
            name: getattr(plan, name)
            for name in (
                "ports_per_address",
                "addresses_per_gateway",
                "gateways",
                "ports_total",
                "ports_with_zone_lost",
                "open_connections",
                "addresses_needed",
                "ports_per_gateway",
                "target_ports_per_gateway",
            )
        }
        assert all(type(number) is int and number >= 0 for number in numbers.values())
        for by_scenario in (plan.ports_needed, plan.busiest_gateway_ports):
            assert list(by_scenario) == list(Scenario)
            assert all(type(ports) is int and ports >= 0 for ports in by_scenario.values())
        whole = {
            **numbers,
            "ports_needed": {scenario.value: ports for scenario, ports in plan.ports_needed.items()},
            "binding_scenario": plan.binding_scenario.value,
            "utilization": _plain(plan.utilization),
            "cost": {line: _plain(amount) for line, amount in (plan.monthly_cost_usd or {}).items()},
            "verdict": plan.verdict.value,
            "findings": [[one.code, one.message, _plain(one.needed), _plain(one.available)] for one in plan.findings],
            "assumptions": [[_plain(one.value), one.unit, one.meaning] for one in plan.assumptions],
        }
        assert json.loads(json.dumps(whole, allow_nan=False)) == whole

    @settings(max_examples=40, deadline=None)
    @given(documents())
    def test_the_same_document_gives_the_same_plan(self, document: Document) -> None:
        """Nothing depends on anything but the document, and sizing does not change it."""
        before = copy.deepcopy(document)
        assert sized(document) == sized(before)
        assert document == before

    @settings(max_examples=40, deadline=None)
    @given(documents())
    def test_the_worst_destination_comes_first(self, document: Document) -> None:
        """The sizes that the plan shows are those of the destination that needs most."""
        plan = sized(document)
        most = [one.most_ports for one in plan.destinations]
        assert most == sorted(most, reverse=True)
        assert max(plan.busiest_gateway_ports.values(), default=0) == (most[0] if most else 0)
        assert plan.busiest_gateway_ports[plan.binding_scenario] == max(plan.busiest_gateway_ports.values())

    def test_10_000_flows_are_sized(self) -> None:
        """A document of ten thousand flows to a thousand destinations; how long it takes is printed, not asserted."""
        document: Document = {
            "region": "us-east-1",
            "zones": 3,
            "workloads": {f"w{n}": {"pods": 10 + n % 7} for n in range(100)},
            "egress": {
                "flows": [
                    {"from": f"w{n % 100}", "to": f"host{n % 1000}.example.com:443", "connections_per_pod": 1 + n % 50}
                    for n in range(10_000)
                ]
            },
        }
        started = time.perf_counter()
        plan = sized(document)
        print(f"10,000 flows parsed, resolved and sized in {time.perf_counter() - started:.2f} s")  # noqa: T201
        assert len(plan.destinations) == 1_000
