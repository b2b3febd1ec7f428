"""What a change of a document does: every number that changed, and none that did not."""

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings

from loadfit.core.paths import show_path
from loadfit.stack import StackPlan, parse_load, resolve, size
from loadfit.stack.comparison import Comparison
from tests.databases.strategies import documents as database_documents
from tests.strategies import Document, documents

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))


def planned(document: Document) -> StackPlan:
    return size(resolve(parse_load(document)))


CASE_STUDY, INCIDENT = example("case-study"), example("incident")


def compared(before: Document | None, after: Document | None) -> Comparison:
    base, head = (None if one is None else planned(one) for one in (before, after))
    return Comparison(base, head)


def sizes(comparison: Comparison) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    return {(one.section, one.name, one.subject): (s.before, s.after) for one, s in comparison.sizes.items()}


def declared(comparison: Comparison) -> list[tuple[str, Any, Any]]:
    return [(show_path(one.path), one.before, one.after) for one in comparison.declared]


def test_the_repair_of_the_incident_by_hand() -> None:
    """75,000 ports on one gateway become 36,000 on the busiest of three; 750 connections become 2 x 25."""
    repair = compared(INCIDENT, CASE_STUDY)
    found = sizes(repair)
    assert found[("egress", "busiest_gateway_ports", "api.stripe.com:443")] == (75_000, 36_000)
    assert found[("egress", "gateways", "")] == (1, 3)
    assert found[("databases.orders", "server_connections", "")] == (750, 50)
    assert found[("databases.orders", "free_connections", "")] == (-550, 150)
    assert found[("functions.storefront", "warm_instances", "day")] == (0, 5)
    assert ("egress", "addresses_per_gateway", "") not in found, "1 before and after"
    egress = repair.costs["egress"]
    assert (egress.before, egress.after, egress.difference) == (36.5, 109.5, 73)
    total = repair.total_cost
    assert total.before is not None
    assert total.after is not None
    assert round(float(total.before), 2) == 57.28
    assert round(float(total.after), 2) == 134.19
    assert repair.appearing == ()
    assert repair.staying == ()
    assert {one.code for one in repair.going} == {
        *("NAT_PORTS_SHORT", "DATABASE_CONNECTIONS_SHORT", "PC_TOO_SMALL"),
        *("ZONE_LOSS_STOPS_EGRESS", "APP_POOL_OVERSIZED"),
    }


def test_the_way_back_brings_the_findings_with_their_ways_out() -> None:
    back = compared(CASE_STUDY, INCIDENT)
    assert [item.finding.severity.value for item in back.appearing] == ["error"] * 3 + ["warning"] * 2
    assert all(item.remedies for item in back.appearing)
    assert back.going == ()


def test_a_warning_that_becomes_an_error_is_new() -> None:
    """244 pods are above the target, 306 above the limit; the warning goes."""
    documents = []
    for pods in (244, 306):
        document = copy.deepcopy(CASE_STUDY)
        document["workloads"]["checkout"]["pods"] = pods
        document["egress"]["addresses_per_gateway"] = 1
        documents.append(document)
    worse = compared(*documents)
    assert [(item.finding.code, item.finding.severity.value) for item in worse.appearing] == [
        ("NAT_PORTS_SHORT", "error")
    ]
    assert [(one.code, one.severity.value) for one in worse.going] == [("NAT_PORTS_SHORT", "warning")]
    assert declared(worse) == [("workloads.checkout.pods", 244, 306)]


def test_a_new_document_is_all_new_and_a_deleted_one_goes() -> None:
    new, gone = compared(None, CASE_STUDY), compared(CASE_STUDY, None)
    assert {before for before, _ in sizes(new).values()} == {None}
    assert {after for _, after in sizes(gone).values()} == {None}
    assert sizes(new).keys() == sizes(gone).keys()
    assert new.costs["egress"].after == gone.costs["egress"].before == 109.5
    assert (new.total_cost.before, gone.total_cost.after) == (0, 0)
    assert {change.before for change in new.declared} == {None}
    assert [change.path for change in new.declared] == [change.path for change in gone.declared]


def test_flows_and_clients_are_matched_by_what_they_are_of() -> None:
    """One more flow in front of another changes nothing of that one."""
    document = copy.deepcopy(CASE_STUDY)
    flow = {"from": "orders", "to": "a.com:443", "connections_per_pod": 1}
    document["egress"]["flows"].insert(0, flow)
    clients = {**document["databases"]["orders"]["clients"][0], "user": "batch", "pool_size": 3}
    document["databases"]["orders"]["clients"].insert(0, clients)
    document["databases"]["orders"]["clients"][1]["pool_size"] = 9
    found = declared(compared(CASE_STUDY, document))
    assert ("egress.flows[0].to", None, "a.com:443") in found
    assert ("databases.orders.clients[1].pool_size", 10, 9) in found
    assert not any(path.startswith("egress.flows[1]") for path, _, _ in found)
    assert len(found) == len(flow) + len(clients) + 1


def test_what_has_no_known_price_is_named() -> None:
    document = {**copy.deepcopy(CASE_STUDY), "region": "sa-east-1"}
    elsewhere = compared(CASE_STUDY, document)
    assert set(elsewhere.unpriced) == {"egress", "functions.storefront"}
    assert elsewhere.costs["egress"].after is None
    assert compared(CASE_STUDY, CASE_STUDY).unpriced == ()


@settings(max_examples=15, deadline=None)
@given(documents() | database_documents(), documents() | database_documents())
def test_a_document_differs_from_itself_in_nothing_and_the_way_back_is_the_way_there(
    one: Document, other: Document
) -> None:
    same = compared(one, one)
    assert (same.declared, same.sizes, same.costs, same.appearing, same.going) == ((), {}, {}, (), ())
    there, back = compared(one, other), compared(other, one)
    assert sizes(there) == {key: (after, before) for key, (before, after) in sizes(back).items()}
    assert {key: (s.after, s.before) for key, s in there.costs.items()} == {
        key: (s.before, s.after) for key, s in back.costs.items()
    }
    assert len(there.declared) == len(back.declared)
    assert {(item.finding.key, item.finding.path) for item in there.appearing} == {
        (finding.key, finding.path) for finding in back.going
    }
