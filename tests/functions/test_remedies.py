"""Remedies of function findings: each does what it says, is tight, and together they make a document fit."""

import copy
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings

from loadfit.core.exact import exact
from loadfit.core.findings import Remedied, Remedy, RemedyKind, Verdict, told
from loadfit.core.paths import set_path, show_path
from loadfit.core.problems import InvalidLoad
from loadfit.functions import FunctionPlan, codes
from tests.functions.loads import INCIDENT, REPAIRED, Document, applied, documents, errors, keys, one, sized, window

slow = settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much])

LESS_IS_MORE = frozenset({"mean_duration_ms", "init_ms", "download_ms", "code_ms", "zipped_mb", "unzipped_mb"})
"""What a remedy lowers: one step less of it is one more."""


def one_step_less(document: Document, plan: FunctionPlan, remedy: Remedy) -> Iterator[tuple[str, Document]]:
    """The remedied section, with one change of the remedy at a time moved one unit to the less generous side."""
    after = applied(document, remedy.changes)
    for change in remedy.changes:
        name = str(change.path[-1])
        if isinstance(change.after, bool | str | Enum) or change.after is None or name == "p99_duration_ms":
            continue
        lowered = name in LESS_IS_MORE or (change.before is not None and change.after < change.before)
        less = {"functions": {"storefront": copy.deepcopy(after)}}
        value = change.after + (1 if lowered else -1)
        set_path(less, change.path, value)
        if name == "mean_duration_ms":
            declared = document["windows"][change.path[3]]
            p99 = exact(declared["p99_duration_ms"]) * value / exact(declared["mean_duration_ms"])
            set_path(less, (*change.path[:-1], "p99_duration_ms"), float(p99))
        yield show_path(change.path), less["functions"]["storefront"]


def leaves_something(less: Document, after: FunctionPlan) -> bool:
    """Whether a section has a finding, or an error, that the remedied one does not have, or is none at all."""
    try:
        plan = sized(less)
    except InvalidLoad:
        return True
    return bool((keys(plan) - keys(after)) | (errors(plan) - errors(after)))


def remedied(plan: FunctionPlan, code: str) -> Remedied:
    """The finding of a code, with its remedies."""
    return next(item for item in plan.remedies() if item.finding.code == code)


class TestEveryRemedy:
    @slow
    @given(documents())
    @example(INCIDENT)
    @example({**one(100, 1, target=45), "init_ms": 0, "provisioned_concurrency": 40, "reserved_concurrency": 10})
    @example({**one(0.01, 120.5, 2410, target=1000.5), "init_ms": 550, "reserved_concurrency": 1})
    @example({"windows": {"a": window(1, 120.5, 120.5), "b": window(1, 1000, 1000)}, "target_p99_ms": 200})
    def test_keeps_its_contract(self, document: Document) -> None:
        """Written into the section it removes its finding and adds no error; it is tight; its cost is the difference.

        Every change says what was there before and is YAML of what was sized; remedies come by kind and by cost.
        """
        before = sized(document)
        order = list(RemedyKind)
        for item in before.remedies():
            for remedy in item.remedies:
                after = sized(applied(document, remedy.changes))
                assert item.finding.key not in keys(after), told(item)
                assert errors(after) <= errors(before), told(item)
                for number, less in one_step_less(document, before, remedy):
                    assert leaves_something(less, after), f"{number} of {remedy.sentence}\n{told(item)}"
                costs = before.monthly_cost_usd, after.monthly_cost_usd
                assert costs[0] is not None
                assert costs[1] is not None
                assert remedy.monthly_cost_usd == costs[1]["total"] - costs[0]["total"]
                check_changes(document, remedy)
            ranks = [(order.index(remedy.kind), remedy.monthly_cost_usd or 0) for remedy in item.remedies]
            assert ranks == sorted(ranks)
            assert len({tuple(map(str, remedy.changes)) for remedy in item.remedies}) == len(item.remedies)


def check_changes(document: Document, remedy: Remedy) -> None:
    """No change writes what is there already, and its text is YAML of its value."""
    assert remedy.changes
    for change in remedy.changes:
        owner: Any = document
        for step in change.path[2:]:
            owner = (owner or {}).get(step)
        assert change.before == owner
        assert change.before != change.after
        path, _, text = str(change).partition(": ")
        assert path == show_path(change.path)
        after = change.after.value if isinstance(change.after, Enum) else change.after
        assert yaml.safe_load(text) == after


class TestTogether:
    @slow
    @given(documents())
    @example(INCIDENT)
    @example({**INCIDENT, "provisioned_concurrency": 600, "reserved_concurrency": 950, "quota_concurrency": 130})
    @example({**REPAIRED, "reserved_concurrency": 7, "quota_concurrency": 100})
    @example({**REPAIRED, "reserved_concurrency": None, "provisioned_concurrency": 600})
    @example({**one(100, 167, share=0.001), "provisioned_concurrency": 600, "reserved_concurrency": 60})
    @example({**one(26, 0.9, target=45), "init_ms": 0, "quota_concurrency": 10, "database": REPAIRED["database"]})
    @example({**one(0.1, 50, 75, target=45), "init_ms": 80, "provisioned_concurrency": 1, "snapstart": True})
    @example({**one(0.1, 1, target=45), "init_ms": 12_000, "provisioned_concurrency": 0, "snapstart": True})
    @example({**REPAIRED, "reserved_concurrency": 1, "provisioned_concurrency": 600, "target_p99_ms": 5000})
    def test_the_first_remedies_of_all_findings_make_the_function_fit(self, document: Document) -> None:
        """Applied in order, where every finding has one: no error is left, and none of the findings."""
        items = sized(document).remedies()
        assume(items and all(item.remedies for item in items))
        changes = [change for item in items for change in item.remedies[0].changes]
        after = sized(applied(document, changes))
        texts = "\n".join(told(item) for item in items)
        assert errors(after) == set(), texts
        assert not {item.finding.key for item in items} & keys(after), texts
        assert after.verdict is Verdict.FITS


def shown(item: Remedied) -> list[dict[str, Any]]:
    """What each remedy changes."""
    return [{show_path(change.path[2:]): change.after for change in remedy.changes} for remedy in item.remedies]


class TestWhatTheySay:
    def test_the_incident_needs_five_warm_instances_or_a_cold_start_of_100_ms(self) -> None:
        """200 ms leave 100 ms beside a warm p99 of 100."""
        item = remedied(sized(INCIDENT), codes.PC_TOO_SMALL)
        assert shown(item) == [{"provisioned_concurrency": 5}, {"init_ms": 100}]
        assert [remedy.kind for remedy in item.remedies] == [RemedyKind.CONFIGURATION, RemedyKind.APPLICATION]
        assert item.remedies[0].sentence == "5 warm instances"

    def test_shorter_requests_where_instances_are_fixed(self) -> None:
        """Five instances carry 1.36079 erlangs: 20 requests a second of 68 ms."""
        item = remedied(sized({**one(20, 100), "provisioned_concurrency": 5}), codes.PC_TOO_SMALL)
        durations = {"windows.day.mean_duration_ms": 68, "windows.day.p99_duration_ms": 136}
        assert shown(item) == [{"provisioned_concurrency": 7}, durations]

    def test_what_a_change_needs_besides_is_part_of_it(self) -> None:
        """Ten reserved ones need ten connections, where eight hold the seven that are reserved."""
        document = {**REPAIRED, "reserved_concurrency": 7, "database": {**REPAIRED["database"], "budget": 8}}
        item = remedied(sized(document), codes.RESERVED_LT_PC)
        assert shown(item) == [{"reserved_concurrency": 10, "database.budget": 10}]
        assert item.remedies[0].sentence == "a reserved concurrency of 10, with 10 connections for the function"

    def test_fewer_instances_and_the_reserved_concurrency_for_them_come_together(self) -> None:
        """600 instances, of which one is needed: 450 fit the account, and 900 reserved ones hold both pools of them."""
        document = {**REPAIRED, **one(1, 5), "provisioned_concurrency": 600}
        for name in ("reserved_concurrency", "target_p99_ms"):
            del document[name]
        assert shown(remedied(sized(document), codes.DB_UNBOUNDED))[0] == {
            "provisioned_concurrency": 450,
            "reserved_concurrency": 900,
        }
        assert shown(remedied(sized(document), codes.ACCOUNT_LIMIT))[0] == {"provisioned_concurrency": 450}

    def test_phases_of_the_cold_start_are_shortened_but_the_runtime(self) -> None:
        """Download and own code together; the runtime is not the application's."""
        document = {**INCIDENT, "init": {"download_ms": 500, "runtime_ms": 60, "code_ms": 1500}}
        del document["init_ms"]
        change = shown(remedied(sized(document), codes.PC_TOO_SMALL))[1]
        assert set(change) == {"init.download_ms", "init.code_ms"}
        assert sum(change.values()) == 40

    def test_a_database_needs_reserved_concurrency_for_both_pools(self) -> None:
        """Twice the warm instances."""
        document = {key: value for key, value in REPAIRED.items() if key != "reserved_concurrency"}
        assert shown(remedied(sized(document), codes.DB_UNBOUNDED)) == [{"reserved_concurrency": 10}]

    def test_the_lowest_target_that_holds_is_named(self) -> None:
        """Warm requests have a p99 of 100 ms: 101 is the first whole target above it; or they take half as long."""
        item = remedied(sized({**REPAIRED, "target_p99_ms": 50}), codes.LATENCY_INFEASIBLE)
        first = shown(item)[0]
        assert first["target_p99_ms"] == 101
        assert shown(item)[-1]["windows.day.mean_duration_ms"] == 24

    @pytest.mark.parametrize(
        ("fields", "code", "changes"),
        [
            ({"zipped_mb": 60}, codes.ZIP_TOO_BIG, [{"code_in_s3": True}, {"zipped_mb": 50}]),
            ({"unzipped_mb": 300}, codes.UNZIPPED_TOO_BIG, [{"unzipped_mb": 250}, {"package_type": "image"}]),
            (
                {"unzipped_mb": 20_000, "package_type": "image"},
                codes.UNZIPPED_TOO_BIG,
                [{"unzipped_mb": 10_240}],
            ),
            ({"init_ms": 12_000}, codes.INIT_OVER_10S, [{"init_ms": 10_000}]),
            (
                {"snapstart": True},
                codes.SNAPSTART_CONFLICT,
                [{"provisioned_concurrency": 0}, {"snapstart": None}],
            ),
            (
                {"snapstart": True, "provisioned_concurrency": 0, "ephemeral_storage_mb": 1024},
                codes.SNAPSTART_CONFLICT,
                [{"snapstart": None}, {"ephemeral_storage_mb": 512}],
            ),
            ({"windows": {"day": window(1, 2000, 5000)}}, codes.TIMEOUT_LT_P99, [{"timeout_seconds": 5}]),
            (
                {"reserved_concurrency": 7},
                codes.RESERVED_LT_PC,
                [{"provisioned_concurrency": 3}, {"reserved_concurrency": 10}],
            ),
            ({"concurrency_in_use": 891}, codes.ACCOUNT_LIMIT, [{"quota_concurrency": 1001}]),
        ],
    )
    def test_of_the_other_findings(self, fields: Document, code: str, changes: list[Document]) -> None:
        """Each with the numbers of its limit."""
        document = {**REPAIRED, "target_p99_ms": 20_000, "provisioned_concurrency": 5, **fields}
        assert shown(remedied(sized(document), code)) == changes
