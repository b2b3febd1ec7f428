"""Ways out of what a database plan breaks, each found by sizing again.

A remedy is a draft that was checked: completed with the shared sizes that it needs besides (connections, limits), moved
no further than it has to be, free of new errors. Where the first remedies of all findings do not fit together, one
remedy for all of them takes their place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadfit.core.exact import ceiling, exact, flooring
from loadfit.core.findings import Change, Finding, Remedied, Remedy, RemedyKind
from loadfit.core.model import validate
from loadfit.core.paths import Path, value_at
from loadfit.core.problems import InvalidLoad
from loadfit.core.tightening import tightened
from loadfit.core.wording import few
from loadfit.databases import codes
from loadfit.databases.drafts import TENTHS, Changes, Draft, applied, drafts, new_errors, raised_limits
from loadfit.databases.instance_classes import estimated_max_connections, larger_classes
from loadfit.databases.load import ClientGroup, DatabaseLoad, DatabaseSettings
from loadfit.databases.plan import DatabasePlan
from loadfit.databases.sizing import size_database

__all__ = ["find_remedies"]

MOST_REMEDIED = 20
"""Findings of one database that get remedies, errors first: those that reports show. Each takes several sizings."""

_ORDER = list(RemedyKind)
_ROUNDS = 6
"""Sizes that one change can need besides: pool, limits, clients."""
_PASSES = 3
"""How often each change is moved back: one that has moved may let another move further."""
_MOST_ROUNDS = 20
"""Remedies that are tried one after the other to make everything fit."""


@dataclass(frozen=True)
class _Way:
    """A remedy, with its changes as paths of the load itself."""

    remedy: Remedy
    changes: Changes


def find_remedies(plan: DatabasePlan) -> tuple[Remedied, ...]:
    """Each finding of a plan with its remedies, by kind."""
    ways = [
        (finding, _ways(plan, finding) if position < MOST_REMEDIED else [])
        for position, finding in enumerate(plan.findings)
    ]
    if not _fit_together(plan, ways):
        ways = _with_one_for_all(plan, ways)
    return tuple(Remedied(finding, tuple(way.remedy for way in found)) for finding, found in ways)


def _ways(plan: DatabasePlan, finding: Finding) -> list[_Way]:
    found: dict[tuple[tuple[Path, str], ...], _Way] = {}
    for draft in drafts(plan, finding):
        way = _checked(plan, (finding,), _completed(plan, draft))
        if way is not None:
            found.setdefault(tuple(sorted((path, str(value)) for path, value in way.changes)), way)
    return sorted(found.values(), key=lambda way: _ORDER.index(way.remedy.kind))


def _first_way(plan: DatabasePlan, finding: Finding) -> _Way | None:
    """A remedy that does, without looking for others."""
    return next(
        (way for one in drafts(plan, finding) if (way := _checked(plan, (finding,), _completed(plan, one)))), None
    )


def _completed(plan: DatabasePlan, draft: Draft) -> Draft:
    """The draft with the shared sizes that it needs besides: where it made one short, or shorter than it was."""
    short = {finding.key: finding.needed - finding.available for finding in plan.findings}
    changes, added = draft.changes, dict[Path, Any]()
    for _ in range(_ROUNDS):
        after = size_database(applied(plan.load, changes))
        grown = {
            finding.code for finding in after.findings if finding.needed - finding.available > short.get(finding.key, 0)
        }
        extra: Changes = ()
        if codes.SERVER_POOL_SHORT in grown:
            needed = after.replicas * sum(pool.needed_per_replica for pool in after.pools)
            extra = ((("server_connections",), needed),)
        elif codes.CLIENT_CONNECTIONS_SHORT in grown:
            extra = ((("max_client_conn",), after.clients_to_hold),)
        elif grown & {codes.DATABASE_CONNECTIONS_SHORT, codes.ROLE_CONNECTIONS_SHORT}:
            extra = raised_limits(after)
        if not extra:
            break
        added |= dict(extra)
        changes = tuple({**dict(changes), **dict(extra)}.items())
    if not added:
        return draft
    besides = few(
        (f"{path[-1]} {value:,}" if isinstance(value, int) else str(value) for path, value in added.items()), most=4
    )
    return Draft(draft.kind, changes, lambda after: f"{draft.says(after)}, with {besides}")


def _checked(plan: DatabasePlan, findings: Sequence[Finding], draft: Draft) -> _Way | None:
    """The draft as a remedy of findings; ``None`` where it does not do."""
    changes = _changing(plan.load, draft.changes)
    if not changes or not _valid(applied(plan.load, changes), changes):
        return None
    changes = _tight(plan.load, changes)
    after = size_database(applied(plan.load, changes))
    left = {finding.key for finding in after.findings}
    if new_errors(plan, after) or any(finding.key in left for finding in findings):
        return None
    told = tuple(Change(plan.load.where(path), value_at(plan.load, path), value) for path, value in changes)
    # Another instance class has another price, which is not known here; nothing else is on AWS's bill.
    names = {path[0] for path, _ in changes}
    # More connections take memory: what they cost depends on the instance class, which may have to grow.
    grows = "instance_class" in names or ("max_connections" in names and plan.load.instance_class is None)
    cost = None if grows else Fraction(0)
    return _Way(Remedy(draft.kind, told, draft.says(after), cost), changes)


def _changing(load: DatabaseLoad, changes: Changes) -> Changes:
    return tuple((path, value) for path, value in dict(changes).items() if value_at(load, path) != value)


def _valid(load: DatabaseLoad, changes: Changes) -> bool:
    """Whether the changed parts of a load could have been declared so."""
    try:
        validate(DatabaseSettings, load.model_dump(include=set(DatabaseSettings.model_fields), exclude_unset=True))
        for index in {int(path[1]) for path, _ in changes if path[0] == "clients"}:
            validate(ClientGroup, load.clients[index].model_dump(exclude_unset=True))
    except InvalidLoad:
        return False
    return True


def _tight(load: DatabaseLoad, changes: Changes) -> Changes:
    """The changes, each moved back towards what is declared as far as that leaves nothing more than before."""
    found = {finding.key for finding in size_database(applied(load, changes)).findings}

    def meets(tried: dict[Path, Any]) -> bool:
        changed = applied(load, tuple(tried.items()))
        return _valid(changed, changes) and {finding.key for finding in size_database(changed).findings} <= found

    values = dict(changes)
    for _ in range(_PASSES):
        before = dict(values)
        # The class comes last: it follows max_connections.
        for path in sorted(before, key=lambda path: path == ("instance_class",)):
            values = _moved_back(load, values, path, meets)
        if values == before:
            break
    return _changing(load, tuple(values.items()))


def _moved_back(
    load: DatabaseLoad, values: dict[Path, Any], path: Path, meets: Callable[[dict[Path, Any]], bool]
) -> dict[Path, Any]:
    """The values with one of them as near to what is declared as the condition allows."""
    declared, value = value_at(load, path), values[path]
    if declared == value:
        return values
    if path == ("instance_class",):
        most = values.get(("max_connections",), load.max_connections)
        for one in (declared, *larger_classes(declared)):
            moved = {**values, path: one}
            if one == value or (meets(moved) and (most is None or estimated_max_connections(one) >= most)):
                return moved
        return values
    if isinstance(value, bool):
        moved = {**values, path: declared}
        return moved if meets(moved) else values
    if declared is None:
        return values
    # Fewer server connections go by one from each replica, a remainder is not used; times go by tenths.
    step: Fraction | int = 1
    if path[-1] == "mean_transaction_ms":
        step = Fraction(1, TENTHS)
    elif path == ("server_connections",) and declared > value:
        step = size_database(applied(load, tuple(values.items()))).replicas
    now, most = ceiling(exact(declared) / step), flooring(exact(value) / step)

    def to(steps: int) -> dict[Path, Any]:
        number = declared if steps == now else steps * step
        return {**values, path: float(number) if isinstance(number, Fraction) else number}

    if not meets(to(most + (1 if now > most else -1))):
        return values
    closer = tightened([now], [most], lambda steps: meets(to(steps[0])))
    return values if closer is None else to(closer[0])


_Found = list[tuple[Finding, list[_Way]]]


def _fit_together(plan: DatabasePlan, found: _Found) -> bool:
    """Whether the first remedies, made one after the other, take all of their findings away."""
    firsts = [(finding, ways[0]) for finding, ways in found if ways]
    if len(firsts) <= 1:
        return True
    changes = tuple(change for _, way in firsts for change in way.changes)
    load = applied(plan.load, changes)
    if not _valid(load, changes):
        return False
    after = size_database(load)
    left = {finding.key for finding in after.findings}
    return not new_errors(plan, after) and not any(finding.key in left for finding, _ in firsts)


def _with_one_for_all(plan: DatabasePlan, found: _Found) -> _Found:
    """The findings with one remedy for all of them before those that come after it by kind."""
    remedied = [finding for finding, ways in found if ways]
    whole = _one_for_all(plan)
    way = None if whole is None else _checked(plan, remedied, whole)
    if way is None:
        return found
    rank = _ORDER.index(way.remedy.kind)
    return [
        (
            finding,
            [way, *(one for one in ways if _ORDER.index(one.remedy.kind) >= rank and one.changes != way.changes)]
            if ways
            else ways,
        )
        for finding, ways in found
    ]


def _one_for_all(plan: DatabasePlan) -> Draft | None:
    """Remedies, each of what the ones before it have left, until nothing is left that has one."""
    load, values = plan.load, dict[Path, Any]()
    ways: list[_Way] = []
    for _ in range(_MOST_ROUNDS):
        after = size_database(load)
        way = next((way for finding in after.findings if (way := _first_way(after, finding))), None)
        if way is None:
            break
        ways.append(way)
        values |= dict(way.changes)
        load = applied(load, way.changes)
    if not ways:
        return None
    kind = max((way.remedy.kind for way in ways), key=_ORDER.index)
    sentence = few((way.remedy.sentence for way in ways), separator="; ", most=5)
    return Draft(kind, tuple(values.items()), lambda _: sentence)
