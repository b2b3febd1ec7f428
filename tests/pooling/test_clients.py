"""The core of the proof of pooling: what all clients open at once, PostgreSQL refuses, and the planned pool carries."""

import asyncio
from collections.abc import Callable

from proofs.pooling.clients import Part, Pools, Times, follow, follow_through_the_service
from proofs.postgresql.deployed import document
from proofs.postgresql.servers import Servers

PLANNED = 50
PATIENCE_SECONDS = 60
"""Of everybody who waits, so that a slow machine changes nothing."""


def until(enough: Callable[[Part], bool]) -> Times:
    """No rollout; while the table is locked, twice as many transactions arrive as PostgreSQL has connections."""
    return Times(steady=3, step=0.5, steps=0, locked=0, locked_at_most=PATIENCE_SECONDS, enough=enough)


def test_postgresql_refuses_what_the_pools_of_all_clients_open(servers: Servers) -> None:
    pools = Pools(20, 10, servers.direct, PATIENCE_SECONDS)
    seen = asyncio.run(follow(pools, servers.postgresql.administrator, until(lambda seen: bool(seen.refused)))).all
    assert seen.refused["too_many_connections"] > 0


def test_the_planned_pool_carries_the_same_load_with_no_more_connections_than_planned(servers: Servers) -> None:
    deployed = servers.deployed(document(), settings={"query_wait_timeout": str(PATIENCE_SECONDS)})
    assert deployed.plan.server_connections == PLANNED
    with servers.pool(deployed) as replicas:
        pools = Pools(10, 0, servers.pooled, PATIENCE_SECONDS)
        times = until(lambda seen: seen.server_connections >= PLANNED)
        seen = asyncio.run(follow_through_the_service(servers, replicas, pools, times)).all
    assert (seen.refused, seen.failed) == ({}, {})
    assert seen.server_connections == PLANNED
