"""Ways out that reach beyond their section: each holds for the whole document, and the first ones go together."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from loadfit.core.findings import Remedied, Severity, told
from loadfit.core.paths import show_path
from loadfit.stack import StackPlan
from tests.stack.documents import Edit, applied, case_study, documents, errors, found, sized
from tests.stack.test_crossings import PAYMENTS, PLANTED, another, database, storefront, use
from tests.strategies import Document

slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def remedies(*edits: Edit) -> tuple[Document, Remedied]:
    """A document and the ways out of its one error."""
    document = case_study(*edits)
    (item,) = (one for one in sized(document).remedies() if one.finding.severity is Severity.ERROR)
    return document, item


def changes(item: Remedied) -> list[list[str]]:
    return [[str(change) for change in one.changes] for one in item.remedies]


def total(plan: StackPlan) -> Fraction:
    """What all sections cost a month."""
    lines = [section.monthly_cost_usd for section in plan.sections.values()]
    return sum((one["total"] for one in lines if one is not None), Fraction(0))


def check(document: Document, items: Sequence[Remedied]) -> None:
    """Each remedy, written into the document, takes its finding away, brings no error, and costs what it says."""
    before = sized(document)
    had = errors(before)
    for item in items:
        for remedy in item.remedies:
            after = sized(applied(document, remedy.changes))
            text = f"{told(item)}\n{remedy.sentence}"
            left = [one for one in after.findings if (one.key, one.path) == (item.finding.key, item.finding.path)]
            assert not left, text
            if remedy.monthly_cost_usd is not None:
                assert remedy.monthly_cost_usd == total(after) - total(before), text
            assert {error.split(" at ")[0] for error in errors(after) - had} == set(), text


@pytest.mark.parametrize("edits", [case[1] for case in PLANTED], ids=[case[0] for case in PLANTED])
def test_every_planted_fault_has_ways_out_that_hold(edits: list[Edit]) -> None:
    document = case_study(*edits)
    items = sized(document).remedies()
    assert all(item.remedies for item in items)
    check(document, items)


def test_ways_out_lie_on_either_side_of_a_crossing() -> None:
    """A pooler that clients do not fit into: more room, fewer instances, smaller pools of pods or of instances."""
    both = [database(max_client_conn=275), storefront(reserved_concurrency=20), use(connections_per_instance=2)]
    _, item = remedies(*both)
    assert changes(item) == [
        ["databases.orders.max_client_conn: 290"],
        ["functions.storefront.reserved_concurrency: 12"],
        ["databases.orders.clients[0].pool_size: 9"],
        ["functions.storefront.database.connections_per_instance: 1"],
    ]


def test_the_account_is_eased_by_any_of_its_functions() -> None:
    _, item = remedies(another("images", reserved_concurrency=500), another("pdf", reserved_concurrency=480))
    assert changes(item) == [
        ["functions.pdf.reserved_concurrency: 390"],
        ["functions.images.reserved_concurrency: 410"],
        ["functions.images.quota_concurrency: 1090"],
    ]


def test_a_quota_is_raised_where_it_is_declared() -> None:
    edits = [storefront(quota_concurrency=900), another("images", reserved_concurrency=850)]
    _, item = remedies(*edits)
    assert ["functions.storefront.quota_concurrency: 960"] in changes(item)


def test_max_connections_are_raised_wherever_a_database_of_the_server_declares_them() -> None:
    payments = {"server": "main", "max_connections": 200, "clients": [PAYMENTS]}
    document, item = remedies(database(server="main"), database("payments", **payments))
    raised = next(one for one in item.remedies if one.changes[0].path[-1] == "max_connections")
    assert [show_path(change.path) for change in raised.changes] == [
        "databases.orders.max_connections",
        "databases.payments.max_connections",
    ]
    assert len({change.after for change in raised.changes}) == 1
    check(document, [item])


def test_a_server_is_eased_by_any_of_its_databases() -> None:
    """60 connections too many: those of a database that has more than it needs, or of the one that says it."""
    payments = database(
        "payments",
        server="main",
        server_connections=100,
        replicas=2,
        clients=[{**PAYMENTS, "transactions_per_second": 1000}],
    )
    document, item = remedies(database(server="main", server_connections=120, replicas=2), payments)
    touched = {show_path(change.path) for one in item.remedies for change in one.changes}
    assert {"databases.orders.server_connections", "databases.payments.server_connections"} <= touched
    check(document, [item])


def test_what_a_remedy_needs_in_another_section_is_part_of_it() -> None:
    """Reserved concurrency that refuses requests is raised, and with it the clients that the pooler accepts."""
    document, item = remedies(storefront(reserved_concurrency=5), database(max_client_conn=257))
    assert item.finding.code == "RESERVED_THROTTLES"
    first = item.remedies[0]
    assert [str(change) for change in first.changes] == [
        "functions.storefront.reserved_concurrency: 10",
        "databases.orders.max_client_conn: 260",
    ]
    assert "with max_client_conn 260 in each replica" in first.sentence
    check(document, [item])


@slow
@given(documents())
def test_every_remedy_holds_for_the_whole_document(document: Document) -> None:
    check(document, sized(document).remedies())


@slow
@given(documents())
@example(case_study(storefront(reserved_concurrency=5), database(max_client_conn=257)))
def test_the_first_remedies_of_all_findings_make_the_document_fit(document: Document) -> None:
    items = sized(document).remedies()
    assume(items and all(item.remedies for item in items))
    after = sized(applied(document, [change for item in items for change in item.remedies[0].changes]))
    text = "\n".join(told(item) for item in items)
    assert errors(after) == set(), text
    assert not {item.finding.key for item in items} & {one.key for one in after.findings}, text


def test_sections_that_do_not_cross_keep_their_own_remedies() -> None:
    document = case_study(lambda load: load.pop("functions"), database(max_client_conn=100))
    plan = sized(document)
    assert plan.remedies() == plan.databases["orders"].remedies()
    assert found(plan, "CLIENT_CONNECTIONS_SHORT")
