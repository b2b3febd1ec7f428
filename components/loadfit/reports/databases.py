"""What a report says of a database."""

import math
from collections.abc import Iterator

from loadfit.core.exact import show_number
from loadfit.core.wording import counted
from loadfit.databases import ClientState, DatabasePlan, PodLimit, PoolState
from loadfit.reports.blocks import Block, Heading, Paragraph, Table

__all__ = ["database_blocks"]

SHOWN_GROUPS = 10
"""Groups of clients in a table; the rest is counted."""

_STATES = {
    ClientState.STEADY: "steady",
    ClientState.ROLLOUT: "rollout",
    ClientState.TERMINATING: "all terminating",
}


def database_blocks(plan: DatabasePlan) -> Iterator[Block]:
    """The database: what connects to it, through what, how long it waits, how far it can grow."""
    yield Heading(2, f"Database {plan.name}: {_built(plan)}")
    yield Table(
        ("Connections of clients", *_STATES.values()),
        (("all together", *(f"{plan.clients[state]:,}" for state in _STATES)),),
    )
    if plan.pools:
        yield _pooler_table(plan)
    yield _connections_table(plan)
    yield _waiting_table(plan)
    yield _limits_table(plan)
    rest = len(plan.load.clients) - SHOWN_GROUPS
    if rest > 0:
        yield Paragraph(f"... and {rest:,} more groups of clients; --format json lists them all.")


def _built(plan: DatabasePlan) -> str:
    straight = f"{counted(plan.direct_connections, 'connection')} straight to PostgreSQL"
    if not plan.pools:
        return straight
    total = plan.replicas * plan.server_connections_per_replica
    pooler = (
        f"{counted(plan.replicas, 'replica')} of PgBouncer x {plan.server_connections_per_replica:,} = "
        f"{counted(total, 'server connection')}"
    )
    return f"{pooler} and {straight}" if plan.direct_connections else pooler


def _pooler_table(plan: DatabasePlan) -> Table:
    rows = [
        ("max_client_conn, in each replica", f"{plan.max_client_conn:,}"),
        ("  clients to hold in a rollout", f"{plan.clients_to_hold:,}"),
        ("file descriptors", f"{plan.file_descriptors:,}"),
        ("memory, request and limit", f"{plan.memory_request_mib:,} and {plan.memory_limit_mib:,} MiB"),
        ("CPU, request", f"{plan.cpu_request_millicores:,} m"),
    ]
    if len(plan.pools) > 1:
        rows += [
            (f"pool of {pool.user}, in each replica", f"{pool.size_per_replica:,}")
            for pool in plan.pools[:SHOWN_GROUPS]
        ]
    return Table(("PgBouncer", ""), tuple(rows))


def _connections_table(plan: DatabasePlan) -> Table:
    estimated = " (estimated)" if plan.load.max_connections is None else ""
    rows = (
        (f"max_connections{estimated}", f"{plan.max_connections:,}"),
        ("  after reserved, internal and other ones, and limits", f"{plan.usable:,}"),
        ("  with the headroom left free", f"{plan.budget:,}"),
        ("needed", f"{plan.server_connections:,}"),
        ("free", f"{plan.free_connections:,}"),
        ("  of which usable", f"{plan.usable - plan.server_connections:,}"),
    )
    return Table(("Connections to PostgreSQL", ""), rows)


def _waiting_table(plan: DatabasePlan) -> Table:
    rows: list[tuple[str, str]] = []
    if plan.pools:
        rows = [
            ("for a server connection", _wait(plan.p99_wait_ms[PoolState.STEADY])),
            ("  while replicas restart", _wait(plan.p99_wait_ms[PoolState.DEGRADED])),
        ]
    rows += [
        (f"for one of the {pool.size:,} in a pool of {pool.client}", _wait(pool.p99_wait_ms))
        for pool in plan.app_pools[:SHOWN_GROUPS]
        if not plan.load.clients[pool.position].function
    ]
    busy = show_number(plan.offered_erlangs)
    return Table((f"p99 wait, with {busy} busy on average", ""), tuple(rows))


def _limits_table(plan: DatabasePlan) -> Table:
    rows = tuple(
        (_limited(one), f"{one.pods_steady:,}", f"{one.pods_in_rollout:,}") for one in plan.pod_limits[:SHOWN_GROUPS]
    )
    return Table(("Pods that there is room for", "steady", "rollout"), rows)


def _limited(one: PodLimit) -> str:
    counted_in = " (instances)" if one.noun == "instance" else ""
    return f"{one.client}{counted_in}, by {one.limit}"


def _wait(milliseconds: float) -> str:
    return f"{show_number(milliseconds, 1)} ms" if math.isfinite(milliseconds) else "without bound"
