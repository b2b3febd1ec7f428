"""The whole document: its form, its references, and what its sections are sized from."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from loadfit import stack
from loadfit.core.findings import Verdict
from loadfit.core.problems import InvalidLoad
from loadfit.egress import EgressLoad, Flow, size_egress
from tests.strategies import Document, documents


def checkout() -> Document:
    """The egress of the repaired case study, fresh."""
    return {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {"checkout": {"pods": 200}},
        "egress": {"flows": [{"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 300}]},
    }


def problems(document: Any) -> list[str]:
    """What is wrong with a document, as text."""
    with pytest.raises(InvalidLoad) as refused:
        stack.parse_load(document)
    return [str(problem) for problem in refused.value.problems]


def test_a_section_is_sized_as_if_it_were_declared_by_itself() -> None:
    """References and crossings are resolved before sizing: the same numbers come out."""
    plan = stack.size(stack.resolve(stack.parse_load(checkout()))).egress
    alone = size_egress(
        EgressLoad(
            region="us-east-1",
            zones=3,
            flows=[Flow(client="checkout", pods=200, to="api.stripe.com:443", connections_per_pod=300)],
        )
    )
    assert plan is not None
    assert plan.ports_needed == alone.ports_needed
    assert plan.busiest_gateway_ports == alone.busiest_gateway_ports
    assert plan.monthly_cost_usd == alone.monthly_cost_usd


def test_every_field_of_workload_and_flow_reaches_the_section() -> None:
    """What is declared in the document stands in the resolved flow."""
    document = checkout()
    workload = {
        "pods": 200,
        "max_pods": 300,
        "kind": "daemonset",
        "rollout_surge": 0.1,
        "rollout_seconds": 90,
        "max_skew": 2,
    }
    traffic = {
        "to": "a.com:443",
        "protocol": "udp",
        "via": "nat",
        "addresses": 4,
        "new_connections_per_second_per_pod": 2,
        "connection_duration_ms": 5,
        "idle_timeout_seconds": 9,
        "closed_by": "client",
        "requests_per_connection": 3,
    }
    document["workloads"]["checkout"] = workload
    document["egress"]["flows"] = [{"from": "checkout", **traffic}]
    egress = stack.resolve(stack.parse_load(document)).egress
    assert egress is not None
    (flow,) = egress.flows
    assert {name: getattr(flow, name) for name in (*workload, *traffic)} == workload | traffic


def test_paths_lead_back_to_what_was_declared() -> None:
    """A finding about pods points at the workload, one about connections at the flow."""
    egress = stack.resolve(stack.parse_load(checkout())).egress
    assert egress is not None
    assert egress.where(("flows", 0, "pods")) == ("workloads", "checkout", "pods")
    assert egress.where(("flows", 0, "connections_per_pod")) == ("egress", "flows", 0, "connections_per_pod")
    assert egress.where(("zones",)) == ("zones",)
    assert egress.where(("policy", "zone_skew")) == ("egress", "policy", "zone_skew")


def test_a_misspelt_reference_is_told_with_the_name_that_was_meant() -> None:
    """Expected, found, way out."""
    document = checkout()
    document["egress"]["flows"][0]["from"] = "chekout"
    (problem,) = problems(document)
    assert problem.startswith("egress.flows[0].from: expected the name of a workload (checkout)")
    assert 'Did you mean "checkout"?' in problem


def test_a_document_needs_a_section() -> None:
    """Region and zones alone are nothing to size."""
    (problem,) = problems({"region": "us-east-1", "zones": 3})
    assert "at least one section" in problem


@pytest.mark.parametrize("name", ["Checkout", "check_out", "-checkout", "checkout-", "c" * 64, ""])
def test_names_are_those_that_kubernetes_takes(name: str) -> None:
    """Labels of at most 63 characters."""
    document = checkout()
    document["workloads"] = {name: {"pods": 1}, "checkout": {"pods": 1}}
    assert len(problems(document)) == 1


@pytest.mark.parametrize("wrong", [True, "3", 0, -1, 2.5, float("nan"), float("inf"), None, [3], 10**40])
def test_zones_are_a_whole_number_of_at_least_one(wrong: Any) -> None:
    """Booleans, text, fractions and what is not finite are refused by the model, not by luck."""
    assert any(problem.startswith("zones: ") for problem in problems({**checkout(), "zones": wrong}))


def test_a_whole_float_is_the_number_that_it_is() -> None:
    """Hosted programs send 200 as 200.0."""
    document = checkout()
    document["zones"] = 3.0
    document["workloads"]["checkout"]["pods"] = 200.0
    document["egress"]["flows"][0]["connections_per_pod"] = 300.0
    assert stack.parse_load(document) == stack.parse_load(checkout())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gateways": 2}, "egress.gateways: "),
        ({"gatways": 1}, 'Did you mean "gateways"?'),
        ({"flows": []}, "egress.flows: "),
        ({"allocations": {"use1-az1": ["eipalloc-1"]}}, "egress.allocations: "),
        ({"policy": {"target_utilization": 1.01}}, "egress.policy.target_utilization: "),
        ({"policy": {"zone_skew": 0.9}}, "egress.policy.zone_skew: "),
        ({"addresses_per_gateway": 0}, "egress.addresses_per_gateway: "),
    ],
)
def test_a_mistake_is_told_where_it_stands(change: dict[str, Any], said: str) -> None:
    """Each with its path in the document."""
    document = checkout()
    document["egress"] |= change
    assert any(said in problem for problem in problems(document))


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"connections_per_pod": 1, "new_connections_per_second_per_pod": 1}, "egress.flows[0]"),
        ({}, "egress.flows[0]"),
        ({"new_connections_per_second_per_pod": 1}, "egress.flows[0].connection_duration_ms"),
        ({"connections_per_pod": 1, "idle_timeout_seconds": 5}, "egress.flows[0].idle_timeout_seconds"),
        ({"connections_per_pod": 1, "to": "api.stripe.com"}, "egress.flows[0].to"),
        ({"connections_per_pod": 1, "to": "api.stripe.com:0"}, "egress.flows[0].to"),
        ({"connections_per_pod": 1, "to": "api.stripe.com:65536"}, "egress.flows[0].to"),
        ({"connections_per_pod": 1, "via": "vpn"}, "egress.flows[0].via"),
        (
            {
                "new_connections_per_second_per_pod": 1,
                "connection_duration_ms": 1,
                "closed_by": "nat_timeout",
                "idle_timeout_seconds": 5,
            },
            "egress.flows[0].idle_timeout_seconds",
        ),
    ],
)
def test_a_flow_is_held_or_churning(fields: dict[str, Any], at: str) -> None:
    """One of the two, with the fields that go with it."""
    document = checkout()
    document["egress"]["flows"] = [{"from": "checkout", "to": "a.com:443", **fields}]
    (problem,) = problems(document)
    assert problem.startswith(f"{at}: ")


def test_one_destination_has_one_number_of_addresses() -> None:
    """Two flows that disagree are a mistake in the form."""
    document = checkout()
    (flow,) = document["egress"]["flows"]
    document["egress"]["flows"] = [flow, {**flow, "addresses": 4}]
    (problem,) = problems(document)
    assert problem.startswith("egress.flows[1].addresses: expected 1,")


def test_every_problem_is_told_at_once() -> None:
    """Two mistakes, two problems."""
    document = checkout()
    document["zones"] = 0
    document["egress"]["flows"][0]["to"] = "nowhere"
    assert len(problems(document)) == 2


@pytest.mark.parametrize("data", [None, [], "text", 1, True, {}])
def test_what_is_not_a_document_is_refused(data: Any) -> None:
    """With a message, never a traceback."""
    assert problems(data)


@settings(max_examples=40, deadline=None)
@given(documents())
def test_the_whole_plan_is_that_of_its_sections(document: Document) -> None:
    """Findings, remedies and verdict of the document are those of its section; parsing leaves the data alone."""
    before = copy.deepcopy(document)
    plan = stack.size(stack.resolve(stack.parse_load(document)))
    assert document == before
    assert plan.egress is not None
    assert dict(plan.sections) == {"egress": plan.egress}
    assert plan.findings == plan.egress.findings
    assert (plan.verdict is Verdict.FITS) == (plan.egress.verdict is Verdict.FITS)
    assert [item.finding for item in plan.remedies()] == list(plan.findings)
