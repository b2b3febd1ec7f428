"""What a database's clients would meet at the declared peak if what is short stayed short."""

import math
from collections.abc import Iterator
from fractions import Fraction

from loadfit.core.exact import exact, show_number
from loadfit.core.findings import Basis, Consequence
from loadfit.core.queueing import erlang_c
from loadfit.core.wording import counted
from loadfit.databases.load import POOL_TIMEOUT_SECONDS, ClientGroup
from loadfit.databases.plan import AppPoolPlan, DatabasePlan, PoolState
from loadfit.databases.pools import shares

__all__ = ["of_app_pool", "of_connections", "of_descriptors", "of_server_pool", "share_beyond_timeout"]

_SECONDS_PER_HOUR = 3600


def of_connections(needed: int, available: int, who: str, when: str) -> tuple[Consequence, ...]:
    """Connections beyond a limit: whoever comes last is refused.

    Args:
        needed: Connections that clients open.
        available: Connections that the limit leaves.
        who: Who refuses them, such as ``PostgreSQL``.
        when: The state in which so many are opened; empty: at any time.
    """
    room = max(0, available)
    short = needed - room
    at = f" {when}" if when else ""
    return (
        Consequence(
            "connections_refused",
            Fraction(short),
            "connections",
            Basis.COUNTED,
            f"{short:,} of {counted(needed, 'connection')} are refused by {who}{at} ({needed:,} - {room:,})",
        ),
    )


def of_descriptors(needed: int, available: int) -> tuple[Consequence, ...]:
    """Clients that find no file descriptor of a PgBouncer process, where all that it accepts are there.

    Args:
        needed: Descriptors of a process.
        available: Descriptors that a container may have.
    """
    short = needed - available
    return (
        Consequence(
            "connections_hanging",
            Fraction(short),
            "client connections of each process",
            Basis.AT_MOST,
            f"up to {counted(short, 'client connection')} of each process hang until their connect time-out "
            f"({needed:,} - {available:,})",
        ),
    )


def of_server_pool(plan: DatabasePlan) -> Iterator[Consequence]:
    """Transactions that come faster than the busiest replica's server connections carry them.

    (busy - server connections) / mean time, summed over the pools that fall behind, while all replicas are there or,
    where those keep up, while they restart.
    """
    for state, share in shares(plan.load, plan.replicas).items():
        behind = [
            ((pool.offered_erlangs * share - pool.size_per_replica) / pool.mean_transaction_seconds, pool)
            for pool in plan.pools
            if pool.offered_erlangs * share > pool.size_per_replica
        ]
        if not behind:
            continue
        excess = sum((one for one, _ in behind), Fraction(0))
        coming = sum((pool.offered_erlangs * share / pool.mean_transaction_seconds for _, pool in behind), Fraction(0))
        when = " while replicas restart" if state is PoolState.DEGRADED else ""
        yield Consequence(
            "transactions_queued_per_second",
            excess,
            "transactions per second",
            Basis.EXPECTED,
            f"{show_number(excess, 1)} of {show_number(coming, 1)} transactions a second on the busiest replica join a "
            f"queue that is never served{when}, until query_wait_timeout throws their clients out",
        )
        return


def of_app_pool(group: ClientGroup, pool: AppPoolPlan) -> Iterator[Consequence]:
    """Callers that wait for a connection of their pool beyond its time-out, in an hour at the peak.

    Where the pool keeps up, the share that waits so long (:func:`share_beyond_timeout`); where it does not, what is
    above its capacity: at least ``1 - size / busy``.
    """
    timeout = exact(group.pool_timeout_seconds or POOL_TIMEOUT_SECONDS)
    share = share_beyond_timeout(group, pool, float(timeout))
    basis = Basis.EXPECTED
    if share is None:
        share, basis = float(1 - Fraction(pool.size) / pool.offered_erlangs), Basis.AT_LEAST
    if share <= 0:
        return
    callers = exact(group.transactions_per_second) * _SECONDS_PER_HOUR
    failed = Fraction(share) * callers
    least = "at least " if basis is Basis.AT_LEAST else ""
    yield Consequence(
        "failed_checkouts_per_hour",
        failed,
        "checkouts per hour",
        basis,
        f"{least}{show_number(failed, 0)} of {show_number(callers, 0)} checkouts an hour from the pools of "
        f"{pool.client} fail: {show_number(Fraction(f'{share * 100:.3g}'), 12)}% of the callers wait longer than "
        f"{show_number(timeout)} s",
    )


def share_beyond_timeout(group: ClientGroup, pool: AppPoolPlan, timeout_seconds: float) -> float | None:
    """The share of callers that wait longer than a time for a connection of their pool.

    ``C(N, a) x exp(-t (N - a) / ((1 + cv2)/2 x s))``: the law of the wait whose percentile sizes the pool (Erlang C,
    Allen-Cunneen), read the other way.

    Args:
        group: Whose callers.
        pool: One of its pools.
        timeout_seconds: Above 0.

    Returns:
        ``None`` where the pool cannot keep up, so that every wait grows with time.
    """
    size, busy = pool.size, pool.offered_erlangs
    if busy >= size:
        return None
    variation = 1.0 if group.transaction_cv2 is None else group.transaction_cv2
    scale = (1 + variation) / 2 * group.mean_transaction_ms / 1000
    return erlang_c(size, busy) * math.exp(-timeout_seconds * float(size - busy) / scale)
