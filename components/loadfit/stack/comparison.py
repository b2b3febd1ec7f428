"""What a change of a document does to its plan: sizes, cost, findings, and the declared numbers that changed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

from loadfit.core.findings import Change, Finding, Remedied, Severity
from loadfit.core.paths import Path
from loadfit.databases import ClientState, DatabasePlan
from loadfit.egress import EgressPlan
from loadfit.functions import FunctionPlan
from loadfit.stack.document import StackLoad
from loadfit.stack.plan import Identity, SectionPlan, StackPlan

__all__ = ["Comparison", "Shift", "Size"]


@dataclass(frozen=True, slots=True)
class Size:
    """What a number of a plan is of."""

    section: str
    """The path of the section, such as ``databases.orders``."""
    name: str
    """As in the JSON report."""
    subject: str
    """The destination or the window that it is of, where the section has several."""
    unit: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A number before and after; ``None`` where there is none."""

    before: Fraction | None
    after: Fraction | None

    @property
    def difference(self) -> Fraction | None:
        """How much more it is after; ``None`` where it is not there before or after."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True)
class Comparison:
    """Two plans, the first of which may be missing (a new document), or the second (a deleted one)."""

    base: StackPlan | None
    head: StackPlan | None
    base_problems: tuple[str, ...] = field(default=())
    """What is wrong with the document that should have been the base, which then is missing."""

    @cached_property
    def declared(self) -> tuple[Change, ...]:
        """Values of the document that changed, those that are new or gone included.

        Flows and clients are matched by what they are of, not by their position; a path is that of the document after,
        or of the one before where the value is gone.
        """
        before, after = (_declared(plan) for plan in (self.base, self.head))
        return tuple(
            Change((after.get(key) or before[key])[0], *(_value(side, key) for side in (before, after)))
            for key in dict.fromkeys((*before, *after))
            if _value(before, key) != _value(after, key)
        )

    @cached_property
    def sizes(self) -> Mapping[Size, Shift]:
        """The sizes that changed, section by section."""
        before, after = (dict(_sizes(plan)) for plan in (self.base, self.head))
        shifts = {size: Shift(before.get(size), after.get(size)) for size in dict.fromkeys((*before, *after))}
        return {size: shift for size, shift in shifts.items() if shift.before != shift.after}

    @cached_property
    def costs(self) -> Mapping[str, Shift]:
        """US dollars a month of each section that changes them; ``None`` where there is none or no known price."""
        before, after = (_costs(plan) for plan in (self.base, self.head))
        shifts = {path: Shift(before.get(path), after.get(path)) for path in dict.fromkeys((*before, *after))}
        return {path: shift for path, shift in shifts.items() if shift.before != shift.after}

    @property
    def total_cost(self) -> Shift:
        """US dollars a month of all sections whose price is known."""
        before, after = (sum(_costs(plan).values(), Fraction(0)) for plan in (self.base, self.head))
        return Shift(before, after)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Sections, before or after, that have a price which is not known."""
        return tuple(
            dict.fromkeys(path for plan in (self.base, self.head) for path in _sections(plan) if _unpriced(plan, path))
        )

    @cached_property
    def appearing(self) -> tuple[Remedied, ...]:
        """Findings that are not there before, with their ways out; a warning that becomes an error is one."""
        if self.head is None:
            return ()
        new = _findings(self.head).keys() - _findings(self.base).keys()
        if not new:
            return ()
        found = [
            item
            for path, items in self.head.remedied.items()
            for item in items
            if _key(self.head, path, item.finding) in new
        ]
        return tuple(sorted(found, key=lambda item: item.finding.severity is not Severity.ERROR))

    @cached_property
    def going(self) -> tuple[Finding, ...]:
        """Findings that are no longer there."""
        after = _findings(self.head)
        return tuple(one for key, one in _findings(self.base).items() if key not in after)

    @cached_property
    def staying(self) -> tuple[Finding, ...]:
        """Findings that are there before and after, as they stand after."""
        before = _findings(self.base)
        return tuple(one for key, one in _findings(self.head).items() if key in before)


def _sections(plan: StackPlan | None) -> Mapping[str, SectionPlan]:
    return {} if plan is None else plan.sections


_Key = tuple[Identity, Severity]


def _key(plan: StackPlan, path: str, finding: Finding) -> _Key:
    return (plan.identity(path, finding), finding.severity)


def _findings(plan: StackPlan | None) -> Mapping[_Key, Finding]:
    return {} if plan is None else {_key(plan, path, one): one for path, one in plan.found()}


def _costs(plan: StackPlan | None) -> Mapping[str, Fraction]:
    return {
        path: section.monthly_cost_usd["total"]
        for path, section in _sections(plan).items()
        if section.monthly_cost_usd is not None
    }


def _unpriced(plan: StackPlan | None, path: str) -> bool:
    section = _sections(plan)[path]
    # A database's connections have no price at all.
    return section.monthly_cost_usd is None and not isinstance(section, DatabasePlan)


def _sizes(plan: StackPlan | None) -> Iterator[tuple[Size, Fraction]]:
    for path, section in _sections(plan).items():
        match section:
            case EgressPlan():
                yield from _of_egress(path, section)
            case DatabasePlan():
                yield from _of_database(path, section)
            case FunctionPlan():
                yield from _of_function(path, section)


def _of_egress(path: str, plan: EgressPlan) -> Iterator[tuple[Size, Fraction]]:
    for one in plan.destinations:
        size = Size(path, "busiest_gateway_ports", str(one.destination), "ports")
        yield size, Fraction(one.most_ports)
    yield Size(path, "gateways", "", "gateways"), Fraction(plan.gateways)
    yield Size(path, "addresses_per_gateway", "", "addresses"), Fraction(plan.addresses_per_gateway)
    yield Size(path, "ports_total", "", "ports"), Fraction(plan.ports_total)


def _of_database(path: str, plan: DatabasePlan) -> Iterator[tuple[Size, Fraction]]:
    yield Size(path, "clients", "", "connections"), Fraction(plan.clients[ClientState.ROLLOUT])
    yield Size(path, "max_client_conn", "", "connections"), Fraction(plan.max_client_conn)
    yield Size(path, "replicas", "", "processes"), Fraction(plan.replicas)
    yield Size(path, "server_connections", "", "connections"), Fraction(plan.server_connections)
    yield Size(path, "free_connections", "", "connections"), Fraction(plan.free_connections)


def _of_function(path: str, plan: FunctionPlan) -> Iterator[tuple[Size, Fraction]]:
    for name, window in plan.windows.items():
        yield Size(path, "warm_instances", name, "instances"), Fraction(window.warm_instances)
    yield Size(path, "account_concurrency", "", "instances"), Fraction(plan.account_concurrency)
    if plan.database_connections is not None:
        yield Size(path, "database_connections", "", "connections"), Fraction(plan.database_connections)


_Leaves = Mapping[Path, tuple[Path, Any]]
"""Declared values with their paths, by paths in which flows and clients stand by what they are of."""

_NAMING = ("from", "to", "protocol", "user")


def _declared(plan: StackPlan | None) -> _Leaves:
    if plan is None:
        return {}
    document: StackLoad = plan.load.stack
    return dict(_leaves(document.model_dump(by_alias=True, exclude_unset=True, exclude_none=True), (), ()))


def _value(leaves: _Leaves, key: Path) -> Any:
    return leaves[key][1] if key in leaves else None


def _leaves(value: Any, key: Path, path: Path) -> Iterator[tuple[Path, tuple[Path, Any]]]:
    if isinstance(value, dict) and value:
        for name, one in cast("dict[str, Any]", value).items():
            yield from _leaves(one, (*key, name), (*path, name))
    elif isinstance(value, list) and value:
        items = cast("list[Any]", value)
        for index, (name, one) in enumerate(zip(_names(items), items, strict=True)):
            yield from _leaves(one, (*key, name), (*path, index))
    else:
        yield key, (path, value)


def _names(items: Sequence[Any]) -> Iterator[str]:
    """What each item of a list is of, with a number where several are of the same."""
    seen = Counter[str]()
    for item in items:
        fields = cast("dict[str, Any]", item) if isinstance(item, dict) else {"": item}
        name = "[" + " ".join(str(fields[one]) for one in (*_NAMING, "") if one in fields)
        seen[name] += 1
        yield f"{name} #{seen[name]}]"
