"""The declared numbers that grow with a load, and how each is moved."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadfit.core.exact import ceiling, exact, flooring
from loadfit.core.model import Declared, validate
from loadfit.core.paths import Path, replaced, value_at
from loadfit.stack.document import StackLoad
from loadfit.stack.growth.bounds import bounds_of, owner_of
from loadfit.stack.plan import StackPlan

__all__ = ["DIGITS", "Number", "growing_numbers"]

DIGITS = 4
"""A number that is not whole is moved in steps of its fourth digit: 26 in steps of 0.01, 2000 in steps of 1."""


@dataclass(frozen=True, slots=True)
class Number:
    """A declared number, and the values that it is moved to: ``declared + n x step``."""

    path: Path
    declared: Fraction
    step: Fraction
    fewest: int
    """The least n, negative, of a value that the field takes."""
    most: int
    """The largest n of a value that the field takes."""
    whole: bool
    along: tuple[Path, ...]
    """Numbers that keep their proportion to it."""
    weight: float
    """How much of its section's load it makes, to choose among numbers of one kind."""

    def value(self, steps: int) -> int | float:
        """The value after a number of steps, as a document has it."""
        return self._written(self.declared + steps * self.step)

    def moved(self, document: StackLoad, steps: int) -> StackLoad:
        """The document with this number moved, and those that keep their proportion to it.

        Raises:
            InvalidLoad: The part of the document that it stands in takes no such value.
        """
        if steps == 0:
            return document
        value = self.value(steps)
        for path in self.along:
            proportion = exact(value_at(document, path)) / self.declared
            document = replaced(document, path, float(proportion * exact(value)))
        document = replaced(document, self.path, value)
        _, owner = owner_of(document, self.path)
        if isinstance(owner, Declared):
            validate(type(owner), owner.model_dump(by_alias=True, exclude_unset=True))
        return document

    def _written(self, value: Fraction) -> int | float:
        return int(value) if self.whole else float(value)


def growing_numbers(plan: StackPlan) -> list[Number]:
    """The declared numbers of a document that grow with its load, the heaviest of each kind first, the kinds in turn.

    A number that is 0 is left out: it has no proportion to grow in.
    """
    kinds: dict[str, list[Number]] = {}
    for path, weight, along in _paths(plan):
        declared = value_at(plan.load.stack, path)
        if declared:
            section = str(path[0])
            kinds.setdefault(f"{section}.{path[-1]}", []).append(
                _number(plan.load.stack, path, declared, weight, along)
            )
    for numbers in kinds.values():
        numbers.sort(key=lambda number: -number.weight)
    most = max(map(len, kinds.values()), default=0)
    return [numbers[rank] for rank in range(most) for numbers in kinds.values() if rank < len(numbers)]


def _number(document: StackLoad, path: Path, declared: Any, weight: float, along: tuple[Path, ...]) -> Number:
    bounds, value = bounds_of(document, path), exact(declared)
    step = Fraction(1) if bounds.whole else Fraction(10) ** (math.floor(math.log10(value)) - DIGITS + 1)
    fewest = ceiling((bounds.least - value) / step)
    if not bounds.least_is_allowed and value + fewest * step == bounds.least:
        fewest += 1
    most = flooring((bounds.most - value) / step)
    return Number(path, value, step, min(0, fewest), max(0, most), bounds.whole, along, weight)


_Paths = Iterable[tuple[Path, float, tuple[Path, ...]]]


def _paths(plan: StackPlan) -> Iterator[tuple[Path, float, tuple[Path, ...]]]:
    """Where a growing number may stand, its weight, and what keeps its proportion to it."""
    yield from _of_workloads(plan)
    yield from _of_egress(plan)
    yield from _of_databases(plan)
    yield from _of_functions(plan)


def _of_workloads(plan: StackPlan) -> _Paths:
    document = plan.load.stack
    used: dict[str, float] = {}
    for flow in plan.load.egress.flows if plan.load.egress else []:
        used[flow.client] = used.get(flow.client, 0) + float(flow.held_connections_per_pod()) * flow.peak_pods
    for database in plan.load.databases.values():
        for group in database.clients:
            used[group.client] = used.get(group.client, 0) + float(group.connections_per_pod * group.peak_pods)
    for name, workload in (document.workloads or {}).items():
        if name in used:
            # Sizing counts max_pods where it is declared.
            field = "pods" if workload.max_pods is None else "max_pods"
            yield ("workloads", name, field), used[name], ()


def _of_egress(plan: StackPlan) -> _Paths:
    document, load = plan.load.stack, plan.load.egress
    if load is None:
        return
    for field in ("peak_gbps", "peak_packets_per_second", "addresses_in_use", "gateways_in_use"):
        yield ("egress", field), 0.0, ()
    # Flows of the document come first in the load, those of functions after them.
    weights = [float(flow.held_connections_per_pod()) * flow.peak_pods for flow in load.flows]
    declared = [
        ("egress", "flows", index) for index in range(len((document.egress.flows if document.egress else None) or []))
    ]
    noun = "pod"
    of_functions: list[Path] = [
        ("functions", name, "egress", index)
        for name, function in (document.functions or {}).items()
        for index in range(len(function.egress or []))
    ]
    for number, path in enumerate([*declared, *of_functions]):
        noun = "pod" if number < len(declared) else "instance"
        for field in (f"connections_per_{noun}", f"new_connections_per_second_per_{noun}", "connection_duration_ms"):
            yield (*path, field), weights[number], ()


def _of_databases(plan: StackPlan) -> _Paths:
    for name, database in (plan.load.stack.databases or {}).items():
        groups = plan.load.databases[name].clients
        for index in range(len(database.clients or [])):
            group, path = groups[index], ("databases", name, "clients", index)
            connections = float(group.connections_per_pod * group.peak_pods)
            for field in ("processes_per_pod", "pool_size", "max_overflow"):
                yield (*path, field), connections, ()
            for field in ("transactions_per_second", "mean_transaction_ms"):
                yield (*path, field), float(group.offered_erlangs), ()
        if database.server is None:
            for other, connections in (database.other_clients or {}).items():
                yield ("databases", name, "other_clients", other), float(connections), ()


def _of_functions(plan: StackPlan) -> _Paths:
    for name, function in (plan.load.stack.functions or {}).items():
        for window, load in function.windows.items():
            path = ("functions", name, "windows", window)
            busy = float(load.offered_erlangs)
            yield (*path, "peak_requests_per_second"), busy, ()
            if load.peak_requests_per_second > 0:
                yield (*path, "mean_duration_ms"), busy, ((*path, "p99_duration_ms"),)
            yield (*path, "burst_size"), float(load.extra_instances), ()
        yield ("functions", name, "reserved_concurrency"), float(function.reserved_concurrency or 0), ()
        if function.database is not None:
            path = ("functions", name, "database")
            weight = float(plan.load.functions[name].transactions_per_second)
            for field in ("connections_per_instance", "transactions_per_request", "mean_transaction_ms"):
                yield (*path, field), weight, ()
