"""Pools of server connections in PgBouncer, and the applications' own: how many are needed, and how long callers wait.

PgBouncer pools by role and by process, and its queue is first come, first served: each pool is an M/G/c system (Erlang
C, Allen-Cunneen) whose load is the role's transactions by Little's law, times the share that the busiest process gets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from loadfit.core.exact import ceiling, exact
from loadfit.core.queueing import MOST_SERVERS, servers_for_blocking, servers_for_wait, wait_quantile
from loadfit.databases.load import POOL_TIMEOUT_SECONDS, ClientGroup, DatabaseLoad
from loadfit.databases.plan import AppPoolPlan, PoolState

__all__ = [
    "COMPUTED_REPLICAS",
    "MOST_USED_BLOCKING",
    "QUANTILE",
    "Traffic",
    "app_pool",
    "chosen_replicas",
    "degraded_share",
    "needed_servers",
    "partition",
    "replicas_for_throughput",
    "shares",
    "traffic",
    "traffics_of",
    "wait_ms",
]

QUANTILE = 0.99
"""Waits are kept for this share of the transactions."""

COMPUTED_REPLICAS = range(2, 6)
"""Numbers of PgBouncer processes among which the one with the fewest server connections is chosen."""

MOST_USED_BLOCKING = 1e-6
"""A connection of an application's pool that is in use less often than this is one too many."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The transactions of one role, of all its groups together."""

    user: str
    transactions_per_second: Fraction
    offered_erlangs: Fraction
    mean_seconds: Fraction
    cv2: Fraction
    """Variance over squared mean of the mixture: E[S^2] = sum of rate x s^2 x (1 + cv2) over the groups / rate."""


def traffics_of(load: DatabaseLoad) -> list[Traffic]:
    """The transactions of each role that goes through PgBouncer."""
    by_role: dict[str, list[ClientGroup]] = {}
    for group in load.pooled_groups:
        by_role.setdefault(load.role_of(group), []).append(group)
    return [traffic(role, groups) for role, groups in by_role.items()]


def traffic(user: str, groups: Sequence[ClientGroup]) -> Traffic:
    """The mixture of a role's transactions. Groups without a transaction have no part in it, unless there is no other.

    Args:
        user: The role.
        groups: Its groups, at least one.
    """
    rates = [exact(group.transactions_per_second) for group in groups]
    total = sum(rates, Fraction(0))
    weights = rates if total else [Fraction(1)] * len(groups)
    mean = second = Fraction(0)
    for weight, group in zip(weights, groups, strict=True):
        seconds = exact(group.mean_transaction_ms) / 1000
        mean += weight * seconds
        second += weight * seconds**2 * (1 + _cv2(group))
    mean, second = mean / sum(weights), second / sum(weights)
    return Traffic(user, total, total * mean, mean, second / mean**2 - 1)


def _cv2(group: ClientGroup) -> Fraction:
    return Fraction(1) if group.transaction_cv2 is None else exact(group.transaction_cv2)


def shares(load: DatabaseLoad, replicas: int) -> Mapping[PoolState, Fraction]:
    """The share of the transactions that the busiest replica carries: steady min(1, skew / replicas), and degraded."""
    steady = min(Fraction(1), load.policy_value("replica_skew") / replicas)
    return {PoolState.STEADY: steady, PoolState.DEGRADED: degraded_share(load, replicas)}


def degraded_share(load: DatabaseLoad, replicas: int) -> Fraction:
    """The share of the busiest replica while replicas restart one after the other.

    Connections that are never closed move to the survivors each time and stay there: the last replica to restart has
    (1/R)(R/(R-1))^(R-1) of them. Where all clients recycle their connections before the next replica restarts, they
    have spread out again: min(1, skew / (R-1)).
    """
    if replicas == 1:
        return Fraction(1)
    piled_up = Fraction(1, replicas) * Fraction(replicas, replicas - 1) ** (replicas - 1)
    pause = load.policy_value("restart_pause_seconds")
    groups = load.pooled_groups
    if all(group.recycle_seconds is not None and exact(group.recycle_seconds) < pause for group in groups):
        return min(piled_up, Fraction(1), load.policy_value("replica_skew") / (replicas - 1))
    return piled_up


def needed_servers(load: DatabaseLoad, traffics: Iterable[Traffic], replicas: int) -> list[int]:
    """Server connections of each role that each replica needs, steady and degraded."""
    targets = [
        (share, load.policy_value(f"{state.value}_p99_wait_ms") / 1000, load.policy_value(f"{state.value}_utilization"))
        for state, share in shares(load, replicas).items()
    ]
    return [
        max(
            _servers(one.offered_erlangs * share, one.mean_seconds, target, utilization, one.cv2)
            for share, target, utilization in targets
        )
        for one in traffics
    ]


@lru_cache(maxsize=4096)
def _servers(offered: Fraction, seconds: Fraction, target: Fraction, utilization: Fraction, cv2: Fraction) -> int:
    """Remedies size the same pools again and again."""
    return servers_for_wait(offered, float(seconds), QUANTILE, float(target), float(utilization), float(cv2))


def wait_ms(servers: int, offered: Fraction, seconds: Fraction, cv2: Fraction) -> float:
    """The 99th percentile of waiting for one of a number of connections; infinite where they cannot keep up."""
    return 1000 * wait_quantile(min(servers, MOST_SERVERS), offered, float(seconds), QUANTILE, float(cv2))


def replicas_for_throughput(load: DatabaseLoad, transactions_per_second: Fraction) -> int:
    """Replicas of which one can be lost, at least 2: ceil(transactions per second / what one carries) + 1."""
    return max(1, ceiling(transactions_per_second / load.policy_value("transactions_per_second_per_replica"))) + 1


def chosen_replicas(load: DatabaseLoad, traffics: Sequence[Traffic]) -> int:
    """Declared, or the number of replicas with the fewest server connections, of several the smallest."""
    if load.replicas is not None:
        return load.replicas
    least = replicas_for_throughput(load, sum((one.transactions_per_second for one in traffics), Fraction(0)))
    allowed = [replicas for replicas in COMPUTED_REPLICAS if replicas >= least] or [least]
    best = min(
        allowed,
        key=lambda replicas: (replicas * sum(needed_servers(load, traffics, replicas)), replicas),
    )
    # PgBouncer takes a pool of 0 for one without limit.
    return min(best, load.server_connections or best)


def partition(capacity: int, bases: Sequence[int], needs: Sequence[int]) -> list[int]:
    """The connections of a process, divided among its pools; together they are never more, so that none starves.

    First each gets what keeps it from falling behind, then what it needs, then its part of the rest.

    Args:
        capacity: Connections of the process.
        bases: For each pool, the fewest connections that carry its load at all, at least 1.
        needs: For each pool, what meets the targets.

    Returns:
        At least 1 for each, which is more than there are where there are fewer connections than pools.

    Example:
        >>> partition(50, [5, 3], [10, 5]), partition(10, [5, 3], [10, 5]), partition(4, [5, 3], [10, 5])
        ([33, 17], [6, 4], [2, 2])
    """
    if capacity >= sum(needs):
        start, weights = list(needs), list(needs)
    elif capacity >= sum(bases):
        start, weights = list(bases), [need - base for base, need in zip(bases, needs, strict=True)]
    elif capacity >= len(bases):
        start, weights = [1] * len(bases), [base - 1 for base in bases]
    else:
        return [1] * len(bases)
    rest, total = capacity - sum(start), sum(weights) or 1
    parts = [rest * weight // total for weight in weights]
    # What division leaves over goes to those who lost most by it.
    lost = sorted(range(len(parts)), key=lambda index: (-(rest * weights[index] % total), index))
    for index in lost[: rest - sum(parts)]:
        parts[index] += 1
    return [have + part for have, part in zip(start, parts, strict=True)]


def app_pool(load: DatabaseLoad, position: int) -> AppPoolPlan:
    """One pool of a group's processes, as its pods use it at the declared peak.

    An instance of a function works on one request at a time, and its transactions come one after the other: one
    connection is enough, and nothing waits for it.
    """
    group = load.clients[position]
    size = group.pool_size + group.max_overflow
    offered = group.offered_erlangs / (group.pods * group.pools_per_pod)
    if group.function:
        return AppPoolPlan(group.client, position, size, offered, p99_wait_ms=0.0, needed=1, most_used=1)
    seconds = exact(group.mean_transaction_ms) / 1000
    target = min(
        load.policy_value("steady_p99_wait_ms") / 1000, exact(group.pool_timeout_seconds or POOL_TIMEOUT_SECONDS)
    )
    return AppPoolPlan(
        client=group.client,
        position=position,
        size=size,
        offered_erlangs=offered,
        p99_wait_ms=wait_ms(size, offered, seconds, _cv2(group)),
        needed=_servers(offered, seconds, target, Fraction(1), _cv2(group)),
        most_used=_most_used(offered),
    )


@lru_cache(maxsize=4096)
def _most_used(offered: Fraction) -> int:
    return servers_for_blocking(offered, MOST_USED_BLOCKING)
