"""A document with every computed size written into it: what growth is measured against."""

from collections.abc import Iterator

from loadfit.core.findings import Change
from loadfit.core.paths import Path, replaced, value_at
from loadfit.stack.document import StackLoad
from loadfit.stack.growth.bounds import bounds_of
from loadfit.stack.plan import StackPlan

__all__ = ["held_sizes", "holding"]


def held_sizes(plan: StackPlan) -> tuple[Change, ...]:
    """The sizes of a plan that its document leaves to be computed, as if they had been given.

    A function whose windows need different numbers of warm instances gets the largest: a window's own numbers are
    moved with the instances of that window (:func:`holding`). What a field of the document could not hold is left out.
    """
    document = plan.load.stack
    return tuple(
        Change(path, None, size)
        for path, size in _sizes(plan)
        if size <= bounds_of(document, path).most and value_at(document, path) is None
    )


def holding(document: StackLoad, sizes: tuple[Change, ...], plan: StackPlan, path: Path) -> StackLoad:
    """The document with computed sizes written into it, to move the number at a path.

    Args:
        document: As it is declared.
        sizes: Those of :func:`held_sizes`.
        plan: The document's plan.
        path: The number. In a function's window, that window's warm instances are held.
    """
    for change in sizes:
        size = change.after
        if (
            path[:2] == change.path[:2]
            and path[2:3] == ("windows",)
            and change.path[2:] == ("provisioned_concurrency",)
        ):
            size = plan.functions[str(path[1])].windows[str(path[3])].warm_instances
        document = replaced(document, change.path, size)
    return document


def _sizes(plan: StackPlan) -> Iterator[tuple[Path, int]]:
    if plan.egress is not None:
        yield ("egress", "gateways"), plan.egress.gateways
        if not plan.egress.load.allocations:
            yield ("egress", "addresses_per_gateway"), plan.egress.addresses_per_gateway
    for name, database in plan.databases.items():
        if database.pools:
            yield ("databases", name, "replicas"), database.replicas
            yield (
                ("databases", name, "server_connections"),
                database.replicas * database.server_connections_per_replica,
            )
            yield ("databases", name, "max_client_conn"), database.max_client_conn
    for name, function in plan.functions.items():
        yield ("functions", name, "provisioned_concurrency"), function.instances
