"""Remedies of egress findings: each does what it says, is tight, and together they make a document fit."""

import copy
from collections.abc import Iterator, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings

from loadfit import stack
from loadfit.core.findings import Change, Remedied, Remedy, RemedyKind, Severity, Verdict, told
from loadfit.core.paths import Path, set_path, show_path
from loadfit.core.problems import InvalidLoad
from loadfit.stack import StackPlan
from tests.egress.test_sizing import INCIDENT
from tests.strategies import Document, documents

slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
REUSE = ("new_connections_per_second_per_pod", "connection_duration_ms", "requests_per_connection")


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
    """The remedied document, with one change of the remedy at a time moved one unit to the less generous side."""
    done = {change.path: change for change in remedy.changes}
    remedied = applied(document, remedy.changes)
    for path, change in done.items():
        name, less = path[-1], copy.deepcopy(remedied)
        if isinstance(change.after, bool | str | Enum) or change.after is None:
            continue
        if name in ("connections_per_pod", "idle_timeout_seconds"):
            set_path(less, path, change.after + 1)
        elif name == "requests_per_connection":
            _reuse_less(less, path[:-1], done)
        elif name in REUSE:
            continue  # moves with the requests
        elif name == "gateways" and ("zones",) in done:
            continue  # moves with the zones
        else:
            set_path(less, path, change.after - 1)
            if name == "zones" and (gateways := next((path for path in done if path[-1] == "gateways"), None)):
                set_path(less, gateways, change.after - 1)
        yield show_path(path), less


def _reuse_less(document: Document, flow: tuple[str | int, ...], done: dict[Any, Change]) -> None:
    # A connection that is in use for no time has no duration to change.
    rate, duration, requests = (done.get((*flow, name)) for name in REUSE)
    assert rate is not None
    assert requests is not None
    fewer = requests.after - 1
    if fewer <= requests.before:
        for change in (rate, duration, requests):
            if change is not None:
                set_path(document, change.path, change.before)
        return
    more = Fraction(fewer) / Fraction(str(requests.before))
    set_path(document, rate.path, float(Fraction(str(rate.before)) / more))
    if duration is not None:
        set_path(document, duration.path, float(Fraction(str(duration.before)) * more))
    set_path(document, requests.path, fewer)


def leaves_something(less: Document, remedied: StackPlan) -> bool:
    """Whether a document has a finding that the remedied one does not have, or is none at all."""
    try:
        plan = sized(less)
    except InvalidLoad:
        return True
    return bool(keys(plan) - keys(remedied))


def remedied(plan: StackPlan, code: str) -> Remedied:
    """The finding of a code, with its remedies."""
    return next(item for item in plan.remedies() if item.finding.code == code)


def one_pod(
    zones: int = 3, pods: int = 1, region: str = "us-east-1", flow: Document | None = None, **egress: Any
) -> Document:
    """A document of one flow, of one pod that holds one connection unless said otherwise."""
    held = {"from": "shop", "to": "a.com:443", **(flow or {"connections_per_pod": 1})}
    return {
        "region": region,
        "zones": zones,
        "workloads": {"shop": {"pods": pods}},
        "egress": {"flows": [held], **egress},
    }


CLOSED_AT_ONCE: Document = {
    "new_connections_per_second_per_pod": 10,
    "connection_duration_ms": 200,
    "idle_timeout_seconds": 0,
}


class TestEveryRemedy:
    @slow
    @given(documents())
    def test_removes_its_finding_and_adds_no_error(self, document: Document) -> None:
        """Its changes, written into the document, give a valid document without the finding and without a new error."""
        before = sized(document)
        for item in before.remedies():
            for remedy in item.remedies:
                after = sized(applied(document, remedy.changes))
                assert item.finding.key not in keys(after), told(item)
                assert errors(after) <= errors(before), told(item)

    @slow
    @given(documents())
    @example(one_pod(zones=1))
    @example(one_pod(zones=2, gateways=1))
    @example(one_pod(zones=2, addresses_per_gateway=3))
    @example(one_pod(zones=1, peak_gbps=8.1))
    def test_is_tight(self, document: Document) -> None:
        """One step less of any one number leaves a finding that the remedy takes away, or is not a valid document."""
        for item in sized(document).remedies():
            for remedy in item.remedies:
                after = sized(applied(document, remedy.changes))
                for number, less in one_step_less(document, remedy):
                    assert leaves_something(less, after), f"{number} of {remedy.sentence}\n{told(item)}"

    @slow
    @given(documents())
    def test_costs_what_the_two_plans_differ_by(self, document: Document) -> None:
        """The cost difference is that of the two totals; nothing where no price is known."""
        before = sized(document)
        for item in before.remedies():
            for remedy in item.remedies:
                after = sized(applied(document, remedy.changes))
                assert before.egress is not None
                assert after.egress is not None
                costs = before.egress.monthly_cost_usd, after.egress.monthly_cost_usd
                if costs[0] is None or costs[1] is None:
                    sizes = [(plan.gateways, plan.addresses_per_gateway) for plan in (before.egress, after.egress)]
                    assert remedy.monthly_cost_usd == (0 if sizes[0] == sizes[1] else None)
                else:
                    assert remedy.monthly_cost_usd == costs[1]["total"] - costs[0]["total"]

    @slow
    @given(documents())
    def test_changes_something_and_says_what_was_there(self, document: Document) -> None:
        """Each change's ``before`` is the declared value; one that says what stays undoes an earlier remedy's."""
        earlier: set[Path] = set()
        for item in sized(document).remedies():
            for remedy in item.remedies:
                assert any(change.before != change.after for change in remedy.changes)
                for change in remedy.changes:
                    owner: Any = document
                    for step in change.path:
                        owner = owner[step] if isinstance(step, int) else (owner or {}).get(step)
                    assert change.before == owner, told(item)
                    assert change.before != change.after or change.path in earlier, told(item)
            if item.remedies:
                earlier |= {change.path for change in item.remedies[0].changes}

    @slow
    @given(documents())
    def test_can_be_copied_from_its_text(self, document: Document) -> None:
        """A change's text is YAML of exactly the value that was sized."""
        for item in sized(document).remedies():
            for remedy in item.remedies:
                for change in remedy.changes:
                    path, _, text = str(change).partition(": ")
                    assert path == show_path(change.path)
                    after = change.after.value if isinstance(change.after, Enum) else change.after
                    assert yaml.safe_load(text) == after, str(change)

    @slow
    @given(documents())
    def test_comes_by_kind_and_within_a_kind_by_cost(self, document: Document) -> None:
        """Configuration first, what AWS has to grant last, the cheapest of each kind first; none comes twice."""
        order = list(RemedyKind)
        for item in sized(document).remedies():
            ranks = [(order.index(remedy.kind), remedy.monthly_cost_usd or 0) for remedy in item.remedies]
            assert ranks == sorted(ranks)
            assert len({tuple(map(str, remedy.changes)) for remedy in item.remedies}) == len(item.remedies)


QUOTA_FOR_BOTH: Document = {
    "region": "us-east-1",
    "zones": 1,
    "workloads": {"checkout": {"pods": 120, "rollout_surge": 1.1}},
    "egress": {
        "quota_addresses_per_region": 8,
        "flows": [
            {"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 616},
            {
                "from": "checkout",
                "to": "api.stripe.com:443",
                "new_connections_per_second_per_pod": 7,
                "connection_duration_ms": 0,
            },
        ],
    },
}
"""Fewer addresses, which fit the quota, and a second zone, which needs more of it once they are there."""


class TestTogether:
    @slow
    @given(documents())
    @example(one_pod(zones=1, quota_addresses_per_region=1, addresses_in_use=1))
    @example(one_pod(zones=1, peak_gbps=8.1))
    @example(one_pod(zones=2, region="sa-east-1", gateways=1, addresses_per_gateway=3))
    @example(one_pod(zones=3, pods=600, flow=CLOSED_AT_ONCE, addresses_per_gateway=3))
    @example(one_pod(zones=1, pods=1_000, flow=CLOSED_AT_ONCE))
    @example(QUOTA_FOR_BOTH)
    def test_the_first_remedies_of_all_findings_make_the_document_fit(self, document: Document) -> None:
        """Applied in order, where every finding has one: no error is left, and none of the findings."""
        plan = sized(document)
        found = plan.remedies()
        assume(found and all(item.remedies for item in found))
        changes = [change for item in found for change in item.remedies[0].changes]
        after = sized(applied(document, changes))
        texts = "\n".join(told(item) for item in found)
        assert errors(after) == set(), texts
        assert not {item.finding.key for item in found} & keys(after), texts
        assert after.verdict is Verdict.FITS


class TestBeyondTheHardLimit:
    """One gateway, 1,000 pods x 10/s: 117 addresses are needed, and a gateway has at most 8."""

    DOCUMENT = one_pod(
        zones=3,
        pods=1_000,
        flow={"new_connections_per_second_per_pod": 10, "connection_duration_ms": 200, "requests_per_connection": 3},
        gateways=1,
    )

    def test_no_quota_is_asked_for_that_no_gateway_can_use(self) -> None:
        for item in sized(self.DOCUMENT).remedies():
            for remedy in item.remedies:
                quotas = [change.after for change in remedy.changes if str(change.path[-1]).startswith("quota")]
                assert all(quota <= 24 for quota in quotas), told(item)

    def test_more_reuse_is_found(self) -> None:
        """180 requests on each connection bring it to 2 addresses; 179 would need 88,394 > 88,000 ports."""
        item = remedied(sized(self.DOCUMENT), "NAT_ADDRESSES_OVER_LIMIT")
        assert [
            change.after for change in item.remedies[0].changes if change.path[-1] == "requests_per_connection"
        ] == [180]


def test_many_flows_to_one_destination_are_remedied_without_trying_them_all() -> None:
    """The heaviest few are moved, not each of hundreds against each other."""
    document = one_pod(gateways=1, addresses_per_gateway=1)
    document["egress"]["flows"] = [
        {
            "from": "shop",
            "to": "a.com:443",
            "new_connections_per_second_per_pod": 100 + number % 7,
            "connection_duration_ms": 200,
            "requests_per_connection": 2,
        }
        for number in range(300)
    ]
    (ports, *_) = sized(document).remedies()
    assert ports.finding.severity is Severity.ERROR


class TestTheIncident:
    def test_three_ways_out(self) -> None:
        """A second address for $3.65, a gateway in each zone for $73.00, or at most 176 connections in each pod."""
        item = remedied(sized(INCIDENT), "NAT_PORTS_SHORT")
        shown = [
            (remedy.kind, remedy.cost, {show_path(change.path): change.after for change in remedy.changes})
            for remedy in item.remedies
        ]
        assert [one[:2] for one in shown] == [
            (RemedyKind.CONFIGURATION, "+$3.65 a month"),
            (RemedyKind.CONFIGURATION, "+$73.00 a month"),
            (RemedyKind.APPLICATION, "no extra cost"),
        ]
        assert shown[0][2] == {"egress.addresses_per_gateway": 2}
        assert shown[1][2]["egress.gateways"] == 3
        assert shown[2][2] == {"egress.flows[0].connections_per_pod": 176}
        assert [remedy.sentence for remedy in item.remedies] == [
            "2 addresses on the gateway",
            "one gateway in each of the 3 zones",
            "at most 176 connections per pod from checkout to api.stripe.com:443",
        ]

    def test_asks_for_the_rate_that_reuse_needs(self) -> None:
        """No rate is declared, so neither reuse nor idle time is sized: the text asks for the rate instead."""
        item = remedied(sized(INCIDENT), "NAT_PORTS_SHORT")
        touched = {change.path[-1] for remedy in item.remedies for change in remedy.changes}
        assert not touched & {"idle_timeout_seconds", *REUSE}
        assert "new_connections_per_second_per_pod" in told(item)

    def test_together_it_fits(self) -> None:
        """The first remedies of both findings: one gateway in each zone, no finding left."""
        changes = [change for item in sized(INCIDENT).remedies() for change in item.remedies[0].changes]
        assert sized(applied(INCIDENT, changes)).findings == ()


def churning(**fields: Any) -> Document:
    """200 pods of 10 connections a second, closed at once, through one gateway of one address."""
    flow = {
        "from": "checkout",
        "to": "api.stripe.com:443",
        "new_connections_per_second_per_pod": 10,
        "connection_duration_ms": 200,
        **fields,
    }
    return {**INCIDENT, "egress": {"gateways": 1, "addresses_per_gateway": 1, "flows": [flow]}}


class TestReuseAndIdleTime:
    def changes(self, document: Document) -> list[dict[str | int, Any]]:
        """What the application remedies of the port finding change."""
        item = remedied(sized(document), "NAT_PORTS_SHORT")
        return [
            {change.path[-1]: change.after for change in remedy.changes}
            for remedy in item.remedies
            if remedy.kind is RemedyKind.APPLICATION
        ]

    def test_more_reuse_is_sized_where_requests_are_declared(self) -> None:
        """250 pods x 10/s / k x (0.2 s x k + 60 s) <= 44,000 from k = 4 on."""
        (reuse,) = self.changes(churning(requests_per_connection=1, idle_timeout_seconds=0))
        assert reuse == {
            "requests_per_connection": 4,
            "new_connections_per_second_per_pod": 2.5,
            "connection_duration_ms": 800,
        }

    def test_requests_are_asked_for_where_they_are_not_declared(self) -> None:
        """A rate alone does not say how much can be reused."""
        document = churning(idle_timeout_seconds=0)
        assert self.changes(document) == []
        asks = remedied(sized(document), "NAT_PORTS_SHORT").finding.asks
        assert len(asks) == 1
        assert "requests_per_connection for checkout" in asks[0]

    @pytest.mark.parametrize("ending", [{}, {"idle_timeout_seconds": 300}, {"closed_by": "nat_timeout"}])
    def test_idle_time_is_sized_where_a_rate_is_declared(self, ending: dict[str, Any]) -> None:
        """250 pods x 1/s x (0.2 s + idle + 60 s) <= 44,000 up to 115 s."""
        rate = {"new_connections_per_second_per_pod": 1}
        idle, *_ = self.changes(churning(**rate, **ending))
        assert idle["idle_timeout_seconds"] == 115
        assert idle.get("closed_by") == ("client" if "closed_by" in ending else None)


class TestWhereNothingHelps:
    def test_no_remedy_is_made_up(self) -> None:
        """A million pods of one connection: nothing that a document can change carries them."""
        document: Document = {**INCIDENT, "workloads": {"checkout": {"pods": 1_000_000}}}
        document["egress"] = {"flows": [{"from": "checkout", "to": "a.com:443", "connections_per_pod": 1}]}
        item = remedied(sized(document), "NAT_ADDRESSES_OVER_LIMIT")
        assert item.remedies == ()

    def test_findings_of_fitting_documents_have_none(self) -> None:
        """A document that fits has nothing to remedy."""
        assert sized({**INCIDENT, "egress": {"flows": INCIDENT["egress"]["flows"]}}).remedies() == ()
