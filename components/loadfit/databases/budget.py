"""Connections that there are, and connections that clients open: whole numbers, state by state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadfit.core.exact import ceiling
from loadfit.databases.instance_classes import estimated_max_connections
from loadfit.databases.load import INTERNAL, RESERVED, ClientGroup, DatabaseLoad
from loadfit.databases.plan import ClientState, PodLimit

__all__ = [
    "Budget",
    "connections",
    "connections_of_others",
    "connections_to_hold",
    "headroom",
    "own_limit",
    "pod_limits",
    "reserved_and_internal",
    "taken_by_others",
]


@dataclass(frozen=True, slots=True)
class Budget:
    """How many connections the clients of a load can have, and how many they may."""

    max_connections: int
    usable: int
    """min(max_connections - reserved - internal - others, role_limit x roles, database_limit)."""
    budget: int
    """The same with the headroom left free of max_connections."""

    @classmethod
    def of(cls, load: DatabaseLoad) -> "Budget":
        """The budget that a database's limits give."""
        most = load.max_connections or estimated_max_connections(load.instance_class or "")
        own = own_limit(load)
        limited = [] if own is None else [own]
        usable = most - taken_by_others(load)
        return cls(most, min([usable, *limited]), min([usable - headroom(load, most), *limited]))


def taken_by_others(load: DatabaseLoad) -> int:
    """Connections of max_connections that the load's clients cannot have: reserved, internal, others'."""
    return reserved_and_internal(load) + connections_of_others(load)


def reserved_and_internal(load: DatabaseLoad) -> int:
    """Connections of max_connections that no ordinary client can have."""
    reserved = RESERVED if load.reserved is None else load.reserved
    internal = INTERNAL if load.internal is None else load.internal
    return reserved + internal


def connections_of_others(load: DatabaseLoad) -> int:
    """Connections of declared others and of the other databases of the same server."""
    return sum((load.other_clients or {}).values()) + sum((load.connections_of_others or {}).values())


def own_limit(load: DatabaseLoad) -> int | None:
    """What the database and its roles may have by limits of their own; ``None`` where there are none.

    A role limit holds for each role by itself: all together cannot have more than that many times the roles.
    """
    limited = [] if load.database_limit is None else [load.database_limit]
    if load.role_limit is not None:
        limited.append(load.role_limit * len(load.roles))
    return min(limited, default=None)


def headroom(load: DatabaseLoad, max_connections: int) -> int:
    """Connections that are left free: ceil(headroom x max_connections)."""
    return ceiling(load.policy_value("headroom") * max_connections)


def connections(groups: Iterable[ClientGroup]) -> Mapping[ClientState, int]:
    """Connections that groups of clients open, in each state."""
    steady = rollout = terminating = 0
    for group in groups:
        steady += group.peak_pods * group.connections_per_pod
        rollout += group.rollout_pods * group.connections_per_pod
        terminating += group.pods_at_most(group.peak_pods) * group.connections_per_pod
    return {ClientState.STEADY: steady, ClientState.ROLLOUT: rollout, ClientState.TERMINATING: terminating}


def connections_to_hold(groups: Iterable[ClientGroup]) -> int:
    """Connections of a rollout in which every group is replaced at once, with the declared terminating pods."""
    return sum(group.pods_to_hold(group.peak_pods) * group.connections_per_pod for group in groups)


def pod_limits(load: DatabaseLoad, max_client_conn: int, pooled_by_role: Mapping[str, int]) -> Iterator[PodLimit]:
    """The pods at which each limit of the groups' connections is reached, with everything else as it is.

    Args:
        load: The database.
        max_client_conn: Client connections that each PgBouncer process accepts.
        pooled_by_role: Connections of all PgBouncer processes to PostgreSQL, by role.
    """
    direct, servers = _Held.by(load.direct_groups), sum(pooled_by_role.values())
    by_role: dict[str, list[ClientGroup]] = {}
    for group in load.direct_groups:
        by_role.setdefault(load.role_of(group), []).append(group)
    of_role = {role: _Held.by(groups) for role, groups in by_role.items()}
    pooled = _Held.by(load.pooled_groups)
    most = Budget.of(load).max_connections - taken_by_others(load)
    for group in load.clients:
        if load.goes_through_pool(group):
            yield pooled.limit(group, "max_client_conn", max_client_conn)
            continue
        yield direct.limit(group, "max_connections", most - servers)
        if load.database_limit is not None:
            yield direct.limit(group, "database_limit", load.database_limit - servers)
        if load.role_limit is not None:
            role = load.role_of(group)
            yield of_role[role].limit(group, "role_limit", load.role_limit - pooled_by_role.get(role, 0))


@dataclass(frozen=True, slots=True)
class _Held:
    """Connections that groups hold together, steady and in a rollout."""

    steady: int
    in_rollout: int

    @classmethod
    def by(cls, groups: Sequence[ClientGroup]) -> "_Held":
        return cls(connections(groups)[ClientState.STEADY], connections_to_hold(groups))

    def limit(self, group: ClientGroup, name: str, available: int) -> PodLimit:
        """The pods of one of the groups for which there is room beside the others."""
        each = group.connections_per_pod
        steady = available - self.steady + group.peak_pods * each
        in_rollout = available - self.in_rollout + connections_to_hold([group])
        most = _most_pods(group.pods_to_hold, in_rollout // each)
        return PodLimit(group.client, group.noun, name, max(0, steady // each), most)


def _most_pods(counted: Callable[[int], int], room: int) -> int:
    """The most pods of which no more are counted than there is room for; more pods never count for fewer."""
    low, high = 0, max(0, room) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if counted(middle) <= room else (low, middle)
    return low
