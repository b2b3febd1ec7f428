"""What may help against a finding of a database plan: changes of the load, sized but not yet checked as a whole.

Each is the smallest move that takes the finding away without a new error: a size is exactly what is needed, a declared
number that is moved stops where one step less would not do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from loadfit.core import limits
from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.findings import Finding, RemedyKind, Severity
from loadfit.core.paths import Path, replaced
from loadfit.core.tightening import tightened
from loadfit.core.wording import counted, few
from loadfit.databases import codes
from loadfit.databases.budget import headroom, taken_by_others
from loadfit.databases.checks import app_pool_names, role_connections
from loadfit.databases.instance_classes import estimated_max_connections, larger_classes, memory_gib
from loadfit.databases.load import MAX_REPLICAS, ClientGroup, DatabaseLoad
from loadfit.databases.plan import DatabasePlan
from loadfit.databases.sizing import size_database

__all__ = ["TENTHS", "Changes", "Draft", "applied", "drafts", "new_errors", "pool_sizes", "raised_limits"]

Changes = tuple[tuple[Path, Any], ...]
"""Paths in the load (not in the document) with the values to put there."""

TENTHS = 10
"""Transaction times are moved in tenths of a millisecond."""
_SHORTEST = Fraction(1, 10)
"""A transaction is not asked to become shorter than this share of what it takes."""
_MOST_SINGLE = 4
"""Groups that are tried one by one, the heaviest first, before all are moved together."""
_MOST_TOGETHER = 8
"""Groups that are moved together: a remedy that changes more of them is none that anybody carries out."""


@dataclass(frozen=True)
class Draft:
    """Changes of the load, still to be checked."""

    kind: RemedyKind
    changes: Changes
    says: Callable[[DatabasePlan], str]
    """The sentence, from the plan of the changed load."""


def applied(load: DatabaseLoad, changes: Changes) -> DatabaseLoad:
    """The load with the changes made."""
    for path, value in changes:
        load = replaced(load, path, value)
    return load


def new_errors(before: DatabasePlan, after: DatabasePlan) -> bool:
    """Whether a plan has an error that another does not have."""
    had = {finding.key for finding in before.findings if finding.severity is Severity.ERROR}
    return any(finding.severity is Severity.ERROR and finding.key not in had for finding in after.findings)


def drafts(plan: DatabasePlan, finding: Finding) -> Iterator[Draft]:
    """What may help against a finding; combinations come last."""
    match finding.code:
        case codes.DATABASE_CONNECTIONS_SHORT:
            yield from _through_pgbouncer(plan, finding)
            yield from _fewer_server_connections(plan, finding)
            yield from _other_replicas(plan, finding)
            yield from _higher_limits(plan)
            yield from _fewer_instances(plan, finding, pooled=False)
            yield from _smaller_pools(plan, finding, pooled=False)
            yield from _shorter_transactions(plan, finding)
            yield from _through_pgbouncer(plan, finding, lighter=True)
        case codes.ROLE_CONNECTIONS_SHORT:
            yield from _higher_limits(plan)
            yield from _through_pgbouncer(plan, finding)
            yield from _fewer_server_connections(plan, finding)
            yield from _fewer_instances(plan, finding, pooled=False)
            yield from _smaller_pools(plan, finding, pooled=False)
            yield from _shorter_transactions(plan, finding)
        case codes.SERVER_POOL_SHORT:
            yield from _more_server_connections(plan)
            yield from _other_replicas(plan, finding)
            yield from _shorter_transactions(plan, finding)
        case codes.POOLER_REPLICAS_SHORT:
            yield from _more_replicas(plan, finding)
        case codes.CLIENT_CONNECTIONS_SHORT:
            yield _max_client_conn(plan.clients_to_hold)
            yield from _fewer_instances(plan, finding, pooled=True)
            yield from _smaller_pools(plan, finding, pooled=True)
        case codes.POOLER_FILE_DESCRIPTORS_SHORT:
            allowed = plan.max_client_conn - (plan.file_descriptors - limits.PROCESS_FILE_DESCRIPTORS.value)
            yield _max_client_conn(allowed)
            yield from _smaller_pools(plan, finding, pooled=True)
            yield from _smaller_pools(plan, finding, pooled=True, besides=((("max_client_conn",), allowed),))
        case codes.APP_POOL_SHORT:
            yield from _larger_pool(plan, finding)
        case codes.APP_POOL_OVERSIZED:
            yield from _pool_that_is_used(plan, finding)
        case _:
            return


def _helps(plan: DatabasePlan, finding: Finding, changes: Changes) -> bool:
    after = size_database(applied(plan.load, changes))
    return finding.key not in {other.key for other in after.findings} and not new_errors(plan, after)


def _concerned(load: DatabaseLoad, finding: Finding) -> list[tuple[int, ClientGroup]]:
    """The groups that a finding is about, with their positions: of a role's finding, those of the role."""
    groups = list(enumerate(load.clients))
    if finding.code != codes.ROLE_CONNECTIONS_SHORT:
        return groups
    return [(index, group) for index, group in groups if finding.subject == f"{load.role_of(group)} on {load.name}"]


def _through_pgbouncer(plan: DatabasePlan, finding: Finding, *, lighter: bool = False) -> Iterator[Draft]:
    """PgBouncer for clients that go straight to PostgreSQL: for those that are enough, or for all of them."""
    load = plan.load
    direct = [index for index, group in _concerned(load, finding) if not load.goes_through_pool(group)]
    each: list[Changes] = [
        ((("clients", index, "pooled"), True),) for index in direct if load.clients[index].pooled is False
    ]
    if any(load.clients[index].pooled is None for index in direct):
        each.insert(0, ((("pooled",), True),))
    whole = tuple(change for changes in each for change in changes)
    if lighter:
        if whole:
            yield from _shorter_transactions(plan, finding, whole)
        return
    enough = next((changes for changes in each[:_MOST_SINGLE] if _helps(plan, finding, changes)), whole)
    if enough:
        yield Draft(RemedyKind.CONFIGURATION, enough, _pooler)


def _pooler(after: DatabasePlan) -> str:
    total = after.replicas * after.server_connections_per_replica
    return (
        f"through PgBouncer: {counted(after.replicas, 'replica')} x {after.server_connections_per_replica:,} = "
        f"{counted(total, 'server connection')} for {after.clients_to_hold:,} clients in a rollout"
    )


def _fewer_server_connections(plan: DatabasePlan, finding: Finding) -> Iterator[Draft]:
    """No more server connections than there is room for, where fewer than declared will do."""
    if plan.load.server_connections is None or not plan.pools:
        return
    need = sum(pool.needed_per_replica for pool in plan.pools)
    each = plan.server_connections_per_replica
    if need >= each:
        return

    def changes(per_replica: Sequence[int]) -> Changes:
        return ((("server_connections",), plan.replicas * per_replica[0]),)

    values = tightened([each], [need], lambda values: _helps(plan, finding, changes(values)))
    if values is not None:
        yield Draft(RemedyKind.CONFIGURATION, changes(values), _server_connections)


def _more_server_connections(plan: DatabasePlan) -> Iterator[Draft]:
    needed = plan.replicas * sum(pool.needed_per_replica for pool in plan.pools)
    yield Draft(RemedyKind.CONFIGURATION, ((("server_connections",), needed),), _server_connections)


def _server_connections(after: DatabasePlan) -> str:
    each = after.server_connections_per_replica
    return f"{counted(after.replicas, 'replica')} x {each:,} = {after.replicas * each:,} server connections"


def _other_replicas(plan: DatabasePlan, finding: Finding) -> Iterator[Draft]:
    """The nearest other number of replicas that will do: each replica needs more than its part."""
    now = plan.load.replicas
    if now is None or not plan.pools:
        return
    for other in [*range(now - 1, 1, -1), *range(now + 1, min(2 * now + 2, MAX_REPLICAS) + 1)]:
        changes: Changes = ((("replicas",), other),)
        if (plan.load.server_connections or other) >= other and _helps(plan, finding, changes):
            yield Draft(RemedyKind.CONFIGURATION, changes, _server_connections)
            return


def _more_replicas(plan: DatabasePlan, finding: Finding) -> Iterator[Draft]:
    needed = int(finding.needed)
    changes: Changes = ((("replicas",), needed),)
    if plan.load.replicas is None:
        # Computed, and cut to the few server connections that were declared.
        needed, changes = max(needed, plan.replicas), ()
    if plan.load.server_connections is not None:
        alone = size_database(applied(plan.load, (*changes, (("server_connections",), None))))
        total = alone.replicas * alone.server_connections_per_replica
        if total > plan.load.server_connections:
            changes = (*changes, (("server_connections",), total))
    if changes:
        yield Draft(RemedyKind.CONFIGURATION, changes, _server_connections)


def _higher_limits(plan: DatabasePlan) -> Iterator[Draft]:
    raised = raised_limits(plan)
    if raised:
        yield Draft(RemedyKind.CONFIGURATION, raised, lambda _: few((_limit(path, to) for path, to in raised), most=4))


def _limit(path: Path, value: Any) -> str:
    return str(value) if path == ("instance_class",) else f"{path[0]} {value:,}"


def raised_limits(plan: DatabasePlan) -> Changes:
    """The limits that a plan's connections need, each exactly; nothing where they cannot be had."""
    load, needed = plan.load, plan.server_connections
    changes: list[tuple[Path, Any]] = []
    if load.database_limit is not None and load.database_limit < needed:
        changes.append((("database_limit",), needed))
    of_a_role = max(role_connections(plan).values())
    if load.role_limit is not None and load.role_limit < of_a_role:
        changes.append((("role_limit",), of_a_role))
    if _left(load, plan.max_connections) >= needed:
        return tuple(changes)
    if load.max_connections is None:
        larger = next(
            (
                one
                for one in larger_classes(load.instance_class or "")
                if _left(load, estimated_max_connections(one)) >= needed
            ),
            None,
        )
        return () if larger is None else (*changes, (("instance_class",), larger))
    most = tightened(
        [plan.max_connections], [limits.POSTGRES_MAX_CONNECTIONS.value], lambda values: _left(load, values[0]) >= needed
    )
    if most is None:
        return ()
    changes.append((("max_connections",), most[0]))
    held = load.instance_class
    if held is not None and memory_gib(held) is not None and estimated_max_connections(held) < most[0]:
        # More than the class's memory is meant for.
        larger = next((one for one in larger_classes(held) if estimated_max_connections(one) >= most[0]), None)
        if larger is None:
            return ()
        changes.append((("instance_class",), larger))
    return tuple(changes)


def _left(load: DatabaseLoad, max_connections: int) -> int:
    return max_connections - taken_by_others(load) - headroom(load, max_connections)


def _max_client_conn(clients: int) -> Draft:
    changes: Changes = ((("max_client_conn",), clients),)
    return Draft(
        RemedyKind.CONFIGURATION, changes, lambda after: f"max_client_conn {after.max_client_conn:,} in each replica"
    )


@dataclass(frozen=True)
class _Move:
    """One number of a group that can be moved."""

    now: int
    most: int
    """As far as it may be moved."""
    changes: Callable[[int], Changes]


def _moved(
    plan: DatabasePlan, finding: Finding, moves: Sequence[_Move], besides: Changes = ()
) -> tuple[Changes, bool] | None:
    """The smallest move of one number, or of all together, that helps."""

    def changes(chosen: Sequence[_Move], values: Sequence[int]) -> Changes:
        return tuple(change for move, value in zip(chosen, values, strict=True) for change in move.changes(value))

    def meets(chosen: Sequence[_Move], values: Sequence[int]) -> bool:
        return _helps(plan, finding, (*besides, *changes(chosen, values)))

    several = [list(moves[:_MOST_TOGETHER])] if len(moves) > 1 else []
    for chosen in [*([move] for move in moves[:_MOST_SINGLE]), *several]:
        values = tightened([move.now for move in chosen], [move.most for move in chosen], partial(meets, chosen))
        if values is not None and (found := changes(chosen, values)):
            return (*besides, *found), len(chosen) > 1
    return None


def pool_sizes(group: ClientGroup, position: int, size: int) -> Changes:
    """A group's pool brought to a number of connections: the overflow goes first, and grows last."""
    kept = min(group.pool_size, size) if size < group.pool_size + group.max_overflow else size - group.max_overflow
    sizes = {"pool_size": kept, "max_overflow": size - kept}
    return tuple((("clients", position, name), value) for name, value in sizes.items() if value != getattr(group, name))


def _smaller_pools(plan: DatabasePlan, finding: Finding, *, pooled: bool, besides: Changes = ()) -> Iterator[Draft]:
    """Smaller pools in the applications, which still carry their own load."""
    load = plan.load
    positions = [index for index, group in _concerned(load, finding) if load.goes_through_pool(group) is pooled]
    positions.sort(key=lambda index: -load.clients[index].rollout_pods * load.clients[index].connections_per_pod)
    of_functions = [index for index in positions if load.clients[index].function]
    # Those of functions by themselves, too: others carry them out.
    for chosen in (positions, of_functions) if of_functions else (positions,):
        moves = [
            _Move(pool.size, min(pool.size, pool.needed), partial(pool_sizes, load.clients[index], index))
            for index in chosen
            for pool in (plan.app_pools[index],)
        ]
        found = _moved(plan, finding, moves, besides)
        if found is not None:
            yield Draft(RemedyKind.APPLICATION, found[0], partial(_said_pools, found[0]))


def _fewer_instances(plan: DatabasePlan, finding: Finding, *, pooled: bool) -> Iterator[Draft]:
    """Fewer instances of functions that may have more than they need."""
    load = plan.load
    moves = [
        _Move(group.pods, group.least_pods, partial(_instances, index))
        for index, group in _concerned(load, finding)
        if group.function and load.goes_through_pool(group) is pooled
        if group.least_pods is not None and group.least_pods < group.pods
    ]
    found = _moved(plan, finding, moves)
    if found is not None:
        yield Draft(RemedyKind.CONFIGURATION, found[0], partial(_said_instances, found[0]))


def _instances(index: int, number: int) -> Changes:
    return ((("clients", index, "pods"), number),)


def _said_instances(changes: Changes, after: DatabasePlan) -> str:
    groups = [after.load.clients[int(path[1])] for path, _ in changes]
    return few(f"a reserved concurrency of {group.pods:,} for {group.client}" for group in groups)


def _said_pools(changes: Changes, after: DatabasePlan) -> str:
    touched = dict.fromkeys(path[1] for path, _ in changes if path[0] == "clients")
    return few((_said_pool(after.load.clients[int(index)]) for index in touched), separator="; ")


def _said_pool(group: ClientGroup) -> str:
    size = group.pool_size + group.max_overflow
    if group.function:
        return f"{counted(size, 'connection')} in each instance of {group.client}"
    return (
        f"{counted(size, 'connection')} in each pool of {group.client} ({group.pool_size:,} + {group.max_overflow:,})"
    )


def _shorter_transactions(plan: DatabasePlan, finding: Finding, besides: Changes = ()) -> Iterator[Draft]:
    """Shorter transactions on the way through PgBouncer, so that fewer server connections carry them."""
    load = applied(plan.load, besides)
    groups = [item for item in _concerned(load, finding) if load.goes_through_pool(item[1])]
    groups = [(index, group) for index, group in groups if group.transactions_per_second]
    groups.sort(key=lambda item: -item[1].offered_erlangs)
    found = _moved(plan, finding, [_shorter(index, group) for index, group in groups], besides)
    if found is not None:
        says = partial(_said_times, found[0])
        if besides:
            yield Draft(RemedyKind.APPLICATION, found[0], lambda after: f"{_pooler(after)}, with {says(after)}")
        else:
            yield Draft(RemedyKind.APPLICATION, found[0], says)


def _shorter(index: int, group: ClientGroup) -> _Move:
    milliseconds = exact(group.mean_transaction_ms)
    # The first value that is not below what is declared stands for "as it is".
    now = ceiling(milliseconds * TENTHS)

    def changes(tenths: int) -> Changes:
        if Fraction(tenths, TENTHS) >= milliseconds:
            return ()
        return ((("clients", index, "mean_transaction_ms"), tenths / TENTHS),)

    return _Move(now, max(1, ceiling(milliseconds * _SHORTEST * TENTHS)), changes)


def _said_times(changes: Changes, after: DatabasePlan) -> str:
    times: Mapping[int, ClientGroup] = {
        int(path[1]): after.load.clients[int(path[1])] for path, _ in changes if path[-1] == "mean_transaction_ms"
    }
    return few(
        (
            f"transactions of {group.client} of at most {show_number(group.mean_transaction_ms)} ms on average"
            for group in times.values()
        ),
        separator="; ",
    )


def _app_pool(plan: DatabasePlan, finding: Finding) -> int:
    """The position of the group that a finding about an application's pool is of."""
    return [f"{name} on {plan.name}" for name in app_pool_names(plan)].index(finding.subject)


def _larger_pool(plan: DatabasePlan, finding: Finding) -> Iterator[Draft]:
    position = _app_pool(plan, finding)
    group = plan.load.clients[position]
    changes = pool_sizes(group, position, plan.app_pools[position].needed)
    yield Draft(RemedyKind.APPLICATION, changes, partial(_said_pools, changes))
    if not plan.load.goes_through_pool(group):
        for draft in _through_pgbouncer(plan, finding):
            whole = (*changes, *draft.changes)
            yield Draft(RemedyKind.APPLICATION, whole, lambda after: f"{_said_pools(changes, after)}, {_pooler(after)}")


def _pool_that_is_used(plan: DatabasePlan, finding: Finding) -> Iterator[Draft]:
    position = _app_pool(plan, finding)
    changes = pool_sizes(plan.load.clients[position], position, plan.app_pools[position].most_used)
    yield Draft(RemedyKind.APPLICATION, changes, partial(_said_pools, changes))
