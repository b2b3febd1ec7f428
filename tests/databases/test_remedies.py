"""Remedies of database findings: each does what it says, is tight, and together they make a document fit."""

import copy
from collections.abc import Iterator, Sequence
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings

from loadfit import stack
from loadfit.core.findings import Change, Remedied, Remedy, RemedyKind, Severity, Verdict, told
from loadfit.core.paths import set_path, show_path
from loadfit.core.problems import InvalidLoad
from loadfit.databases.instance_classes import estimated_max_connections, larger_classes
from loadfit.stack import StackPlan
from tests.databases.strategies import documents
from tests.databases.test_sizing import simple
from tests.strategies import Document

HERE = Path(__file__).parent
INCIDENT: Document = yaml.safe_load((HERE / "incident.yaml").read_text())
slow = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def sized(document: Document) -> StackPlan:
    """The plans of a document."""
    return stack.size(stack.resolve(stack.parse_load(document)))


def applied(document: Document, changes: Sequence[Change]) -> Document:
    """The document with the changes written into it, as plain data."""
    changed = copy.deepcopy(document)
    for change in changes:
        set_path(changed, change.path, change.after.value if isinstance(change.after, Enum) else change.after)
    return changed


def keys(plan: StackPlan) -> set[tuple[str, str]]:
    """The keys of what was found."""
    return {finding.key for finding in plan.findings}


def errors(plan: StackPlan) -> set[tuple[str, str]]:
    """The keys of what cannot be carried."""
    return {finding.key for finding in plan.findings if finding.severity is Severity.ERROR}


def one_step_less(document: Document, remedy: Remedy) -> Iterator[tuple[str, Document]]:
    """The remedied document, with one number of the remedy at a time moved one step back to what was declared."""
    remedied = applied(document, remedy.changes)
    (plan,) = sized(remedied).databases.values()
    for change in remedy.changes:
        if isinstance(change.after, bool | str):
            continue
        less = copy.deepcopy(remedied)
        up = change.before is None or change.before > change.after
        step: float = 1
        if change.path[-1] == "mean_transaction_ms":
            tenths = round(change.after * 10) + 1
            set_path(less, change.path, min(change.before, tenths / 10))
        else:
            if change.path[-1] == "server_connections" and up:
                step = plan.replicas  # one on each replica: what is over is not used
            set_path(less, change.path, change.after + step if up else change.after - step)
        yield show_path(change.path), less


def leaves_something(less: Document, remedied: StackPlan) -> bool:
    """Whether a document has a finding that the remedied one does not have, or is none at all."""
    try:
        plan = sized(less)
    except InvalidLoad:
        return True
    return bool(keys(plan) - keys(remedied))


class TestEveryRemedy:
    @slow
    @given(documents())
    def test_removes_its_finding_adds_no_error_and_is_tight(self, document: Document) -> None:
        """Written into the document, it takes its finding away; one step less of any number leaves a finding."""
        before = sized(document)
        for item in before.remedies():
            for remedy in item.remedies:
                after = sized(applied(document, remedy.changes))
                assert item.finding.key not in keys(after), told(item)
                assert errors(after) <= errors(before), told(item)
                for number, less in one_step_less(document, remedy):
                    assert leaves_something(less, after), f"{number} of {remedy.sentence}\n{told(item)}"

    @slow
    @given(documents())
    def test_says_what_it_changes_in_yaml_and_comes_by_kind(self, document: Document) -> None:
        """No change writes what is there; its text is YAML of the value that was sized; configuration comes first."""
        order = list(RemedyKind)
        for item in sized(document).remedies():
            kinds = [order.index(remedy.kind) for remedy in item.remedies]
            assert kinds == sorted(kinds)
            assert len({tuple(map(str, remedy.changes)) for remedy in item.remedies}) == len(item.remedies)
            for remedy in item.remedies:
                assert remedy.changes
                for change in remedy.changes:
                    owner: Any = document
                    for step in change.path:
                        owner = owner[step] if isinstance(step, int) else (owner or {}).get(step)
                    assert change.before == owner != change.after, told(item)
                    path, _, text = str(change).partition(": ")
                    assert path == show_path(change.path)
                    assert yaml.safe_load(text) == change.after, str(change)

    @slow
    @given(documents())
    def test_the_next_smaller_class_would_not_do(self, document: Document) -> None:
        """Where a larger instance class is the way out, each one between leaves a finding."""
        held = document["databases"]["orders"].get("instance_class")
        for item in sized(document).remedies():
            for remedy in item.remedies:
                to = {change.path[-1]: change.after for change in remedy.changes}
                if "instance_class" not in to:
                    continue
                assert remedy.monthly_cost_usd is None
                for smaller in larger_classes(held):
                    if smaller == to["instance_class"]:
                        break
                    if "max_connections" in to:
                        assert estimated_max_connections(smaller) < to["max_connections"]
                    else:
                        less = applied(document, remedy.changes)
                        less["databases"]["orders"]["instance_class"] = smaller
                        assert leaves_something(less, sized(applied(document, remedy.changes)))


class TestTogether:
    @slow
    @given(documents())
    def test_the_first_remedies_of_all_findings_make_the_document_fit(self, document: Document) -> None:
        """Applied in order: none of the remedied findings is left, and where every error had one, no error."""
        plan = sized(document)
        found = [item for item in plan.remedies() if item.remedies]
        assume(found)
        changes = [change for item in found for change in item.remedies[0].changes]
        after = sized(applied(document, changes))
        texts = "\n".join(told(item) for item in found)
        assert not {item.finding.key for item in found} & keys(after), texts
        assert errors(after) <= errors(plan), texts
        if errors(plan) <= {item.finding.key for item in found}:
            assert after.verdict is Verdict.FITS, texts


def changes_of(document: Document, code: str) -> list[dict[str, Any]]:
    """What each remedy of a finding changes."""
    return [
        {show_path(change.path).removeprefix("databases.orders."): change.after for change in remedy.changes}
        for remedy in remedied(document, code).remedies
    ]


def remedied(document: Document, code: str) -> Remedied:
    """The finding of a code, with its remedies."""
    return next(item for item in sized(document).remedies() if item.finding.code == code)


class TestTheIncident:
    def test_three_ways_out(self) -> None:
        """PgBouncer, max_connections 846 (750 + 5 + 6 + 85 left free), or pools of 6: 25 pods x 6 = 150 of 169."""
        assert changes_of(INCIDENT, "DATABASE_CONNECTIONS_SHORT") == [
            {"pooled": True},
            {"max_connections": 846},
            {"clients[0].pool_size": 6, "clients[0].max_overflow": 0},
        ]
        item = remedied(INCIDENT, "DATABASE_CONNECTIONS_SHORT")
        assert [(one.kind, one.cost) for one in item.remedies] == [
            (RemedyKind.CONFIGURATION, "no extra cost"),
            (RemedyKind.CONFIGURATION, "price not known"),
            (RemedyKind.APPLICATION, "no extra cost"),
        ]
        assert "2 replicas x 22 = 44 server connections for 750 clients" in item.remedies[0].sentence

    def test_the_pool_that_is_used_has_10_connections_and_no_overflow(self) -> None:
        """The overflow goes first."""
        assert changes_of(INCIDENT, "APP_POOL_OVERSIZED") == [
            {"clients[0].pool_size": 10, "clients[0].max_overflow": 0}
        ]

    def test_together_it_fits_like_the_repaired_document(self) -> None:
        """The first remedies of all findings, also of the egress: nothing is left, and 250 clients in a rollout."""
        changes = [change for item in sized(INCIDENT).remedies() for change in item.remedies[0].changes]
        plan = sized(applied(INCIDENT, changes))
        assert plan.findings == ()
        assert plan.databases["orders"].server_connections == 44


class TestEachFinding:
    def test_max_connections_goes_no_further_than_the_class(self) -> None:
        """750 connections need 846, a db.t4g.medium is good for 391, a large one for 797: an xlarge it is."""
        document = copy.deepcopy(INCIDENT)
        document["databases"]["orders"]["instance_class"] = "db.t4g.medium"
        ways = changes_of(document, "DATABASE_CONNECTIONS_SHORT")
        assert {"max_connections": 846, "instance_class": "db.t4g.xlarge"} in ways
        document["databases"]["orders"]["instance_class"] = "db.t4g.2xlarge"
        assert {"max_connections": 846} in changes_of(document, "DATABASE_CONNECTIONS_SHORT")

    def test_an_estimate_is_asked_for_and_a_larger_class_named(self) -> None:
        """Nothing but the server knows its max_connections."""
        document = simple(max_connections=None, instance_class="db.t3.micro", pooled=False)
        del document["databases"]["orders"]["max_connections"]
        estimated = remedied(document, "MAX_CONNECTIONS_ESTIMATED")
        assert estimated.remedies == ()
        assert "max_connections" in estimated.finding.asks[0]
        assert {"instance_class": "db.t3.medium"} in changes_of(document, "DATABASE_CONNECTIONS_SHORT")

    @pytest.mark.parametrize(
        ("given", "ways"),
        [
            # 5 replicas of 10 need 11 each; 4 of 12 need 13, 3 of 16 are enough.
            (
                {"replicas": 5, "server_connections": 50},
                [{"server_connections": 55}, {"replicas": 3}, {"clients[0].mean_transaction_ms": 9.7}],
            ),
            (
                {"replicas": 2, "server_connections": 40},
                [{"server_connections": 44}, {"clients[0].mean_transaction_ms": 9.5}],
            ),
        ],
    )
    def test_a_short_server_pool(self, given: Document, ways: list[Document]) -> None:
        """More connections, fewer replicas, or shorter transactions."""
        assert changes_of(simple(**given), "SERVER_POOL_SHORT") == ways

    def test_too_many_server_connections_are_fewer(self) -> None:
        """2 x 100 do not fit into 169, 2 x 84 do."""
        ways = changes_of(simple(replicas=2, server_connections=200), "DATABASE_CONNECTIONS_SHORT")
        assert ways[0] == {"server_connections": 168}

    def test_a_single_replica_gets_a_second_with_connections_of_its_own(self) -> None:
        """One replica of 24 is two of 22."""
        document = simple(replicas=1, server_connections=24)
        assert changes_of(document, "POOLER_REPLICAS_SHORT") == [{"replicas": 2, "server_connections": 44}]

    def test_100_pods_need_1250_client_connections(self) -> None:
        """Or pools of 8: 125 pods x 8 = 1,000."""
        ways = changes_of(simple(workload={"pods": 100}, max_client_conn=1000), "CLIENT_CONNECTIONS_SHORT")
        assert ways == [{"max_client_conn": 1250}, {"clients[0].pool_size": 8}]

    def test_a_short_pool_of_the_application_takes_its_client_connections_along(self) -> None:
        """20 pods with 1 connection for 1 erlang: 4 each, 25 x 4 = 100 in a rollout where 60 were declared."""
        document = simple(max_client_conn=60)
        document["databases"]["orders"]["clients"][0]["pool_size"] = 1
        assert changes_of(document, "APP_POOL_SHORT") == [{"clients[0].pool_size": 4, "max_client_conn": 100}]

    def test_a_roles_own_limit_is_raised_or_kept(self) -> None:
        """Two roles of 22 x 2 on limits of 40."""
        document = simple(role_limit=40, max_connections=500)
        (clients,) = document["databases"]["orders"]["clients"]
        document["databases"]["orders"]["clients"] = [{**clients, "user": "a"}, {**clients, "user": "b"}]
        for item in sized(document).remedies():
            if item.finding.code in ("ROLE_CONNECTIONS_SHORT", "DATABASE_CONNECTIONS_SHORT"):
                assert {show_path(change.path): change.after for change in item.remedies[0].changes} == {
                    "databases.orders.role_limit": 44
                }

    def test_file_descriptors(self) -> None:
        """2^19 - 2 x 22 - 2 - 64 clients are the most that a process can hold."""
        ways = changes_of(simple(max_client_conn=600_000), "POOLER_FILE_DESCRIPTORS_SHORT")
        assert ways[0] == {"max_client_conn": 524_288 - 2 * 22 - 2 - 64}

    def test_findings_of_fitting_documents_have_none(self) -> None:
        """A document that fits has nothing to remedy."""
        assert sized(simple()).remedies() == ()

    def test_costs_are_those_of_the_bill(self) -> None:
        """Nothing but another instance class changes it, and more connections may need one where none is declared."""
        for item in sized(INCIDENT).databases["orders"].remedies():
            for remedy in item.remedies:
                grows = any(change.path[-1] == "max_connections" for change in remedy.changes)
                assert remedy.monthly_cost_usd == (None if grows else Fraction(0)), remedy.sentence
