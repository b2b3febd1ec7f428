"""The arithmetic of a database's connections: from clients to pools, processes and their resources. Nothing else.

Clients are counted in whole pods and connections, in every state of a rollout. PgBouncer runs as a StatefulSet, which
never has more processes than replicas, not even in its own rollout: replicas x pool is the worst case.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from loadfit.core.exact import ceiling, flooring
from loadfit.databases.assumptions import assumptions
from loadfit.databases.budget import Budget, connections, connections_to_hold, pod_limits
from loadfit.databases.checks import findings
from loadfit.databases.load import DatabaseLoad
from loadfit.databases.plan import DatabasePlan, PoolPlan, PoolState
from loadfit.databases.pools import (
    Traffic,
    app_pool,
    chosen_replicas,
    needed_servers,
    partition,
    shares,
    traffics_of,
    wait_ms,
)

__all__ = ["size_database"]

CLIENTS_ROUNDED_TO = 100
"""A computed max_client_conn is rounded up to the next multiple of this."""
FILE_DESCRIPTORS_BESIDE = 64
"""Files, listeners and admin connections of a process."""
CONNECTIONS_TO_SERVER = 2
"""Sockets for each server connection: a cancel request opens another beside it."""
MEMORY_MIB = 32
MEMORY_KIB_PER_CLIENT = 40
"""A process has about 10 MiB, and an idle client with TLS about 16 KiB; both with a margin."""
LEAST_MILLICORES = 100


def size_database(load: DatabaseLoad) -> DatabasePlan:
    """Sizes a database's connections.

    Args:
        load: The database, its clients and the policy.

    Returns:
        The plan, also where the load does not fit: then its findings say so.

    Example:
        >>> from loadfit.databases import ClientGroup
        >>> plan = size_database(DatabaseLoad(name="orders", max_connections=200, clients=[ClientGroup(
        ...     client="orders", pods=20, pool_size=10, max_overflow=0,
        ...     transactions_per_second=2000, mean_transaction_ms=10)]))
        >>> plan.replicas, plan.server_connections_per_replica, plan.max_client_conn, plan.verdict.value
        (2, 22, 300, 'fits')
    """
    pooled, direct = load.pooled_groups, load.direct_groups
    traffics = traffics_of(load)
    replicas = chosen_replicas(load, traffics) if traffics else 0
    busiest = shares(load, replicas) if traffics else dict.fromkeys(PoolState, Fraction(0))
    pools = _pools(load, traffics, replicas)
    each = _connections_per_replica(load, pools, replicas)
    to_hold = connections_to_hold(pooled)
    straight = connections_to_hold(direct)
    max_client_conn = 0
    if pooled:
        max_client_conn = load.max_client_conn or -(-to_hold // CLIENTS_ROUNDED_TO) * CLIENTS_ROUNDED_TO
    memory = MEMORY_MIB + ceiling(Fraction(max_client_conn * MEMORY_KIB_PER_CLIENT, 1024)) if pooled else 0
    limits = Budget.of(load)
    servers = replicas * each + straight
    plan = DatabasePlan(
        load=load,
        max_connections=limits.max_connections,
        usable=limits.usable,
        budget=limits.budget,
        clients=connections(load.clients),
        clients_to_hold=to_hold,
        direct_connections=straight,
        offered_erlangs=sum((group.offered_erlangs for group in load.clients), Fraction(0)),
        pools=pools,
        replicas=replicas,
        server_connections_per_replica=each,
        server_connections=servers,
        free_connections=limits.max_connections - servers - sum((load.connections_of_others or {}).values()),
        max_client_conn=max_client_conn,
        file_descriptors=_file_descriptors(max_client_conn, each, replicas) if pooled else 0,
        memory_request_mib=memory,
        memory_limit_mib=2 * memory,
        cpu_request_millicores=_millicores(load, traffics, replicas) if pooled else 0,
        busiest_share=busiest,
        p99_wait_ms={state: _longest_wait(pools, share) for state, share in busiest.items()},
        app_pools=tuple(app_pool(load, position) for position in range(len(load.clients))),
        pod_limits=tuple(
            pod_limits(load, max_client_conn, {pool.user: replicas * pool.size_per_replica for pool in pools})
        ),
        findings=(),
        assumptions=(),
        monthly_cost_usd=None,
    )
    plan = replace(plan, assumptions=assumptions(plan))
    return replace(plan, findings=findings(plan))


def _pools(load: DatabaseLoad, traffics: Sequence[Traffic], replicas: int) -> tuple[PoolPlan, ...]:
    needs = needed_servers(load, traffics, replicas) if traffics else []
    sizes = needs
    if traffics and load.server_connections is not None:
        busiest = max(shares(load, replicas).values())
        bases = [flooring(one.offered_erlangs * busiest) + 1 for one in traffics]
        sizes = partition(load.server_connections // replicas, bases, needs)
    return tuple(
        PoolPlan(one.user, one.offered_erlangs, one.mean_seconds, one.cv2, size, need)
        for one, size, need in zip(traffics, sizes, needs, strict=True)
    )


def _connections_per_replica(load: DatabaseLoad, pools: Sequence[PoolPlan], replicas: int) -> int:
    if pools and load.server_connections is not None:
        return load.server_connections // replicas
    return sum(pool.needed_per_replica for pool in pools)


def _longest_wait(pools: Sequence[PoolPlan], share: Fraction) -> float:
    return max(
        (
            wait_ms(
                pool.size_per_replica,
                pool.offered_erlangs * share,
                pool.mean_transaction_seconds,
                pool.transaction_cv2,
            )
            for pool in pools
        ),
        default=0.0,
    )


def _file_descriptors(max_client_conn: int, connections_per_replica: int, replicas: int) -> int:
    """Clients, servers with their cancel requests, peers, and what a process has open besides."""
    return max_client_conn + CONNECTIONS_TO_SERVER * connections_per_replica + replicas + FILE_DESCRIPTORS_BESIDE


def _millicores(load: DatabaseLoad, traffics: Sequence[Traffic], replicas: int) -> int:
    """A core for as many transactions as one process carries, on the busiest replica."""
    total = sum((one.transactions_per_second for one in traffics), Fraction(0))
    busiest = total * max(shares(load, replicas).values())
    return max(LEAST_MILLICORES, ceiling(1000 * busiest / load.policy_value("transactions_per_second_per_replica")))
