"""Rolling restarts under load, in both drain modes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg_pool import AsyncConnectionPool

from loadfit.databases import PoolState
from proofs.claims import Claim
from proofs.pooling.kubelet import roll
from proofs.pooling.scene import TABLE, Scene, scene
from proofs.postgresql.deployed import Deployed, document
from proofs.postgresql.load import Group, Work
from proofs.postgresql.records import Phase, Seen
from proofs.postgresql.replicas import Replica
from proofs.postgresql.service import Service, serving
from proofs.table import Row

__all__ = ["CLAIMS", "clients_of", "loaded"]

RECYCLE_SECONDS = 5
CHECK_SECONDS = 1
ENDPOINT_SECONDS = 2
"""The Service forgets a replica in 0.5 s here; in a cluster 15 s are left for it."""
PODS, POOL_SIZE = 8, 10
USED_SECONDS = 4
"""By then every connection has been used, and made anew where it was closed."""
OF_SHARES = 0.15
"""Three standard deviations of dealing out 80 connections twice."""


def loaded(replicas: int, **client: Any) -> dict[str, Any]:
    """The case study's document with short times and computed sizes, for a number of replicas."""
    changes = {"longest_transaction_seconds": 2, **client}
    return document(replicas=replicas, server_connections=None, max_client_conn=None, client=changes)


def clients_of(here: Scene, **changes: Any) -> Group:
    """Clients that insert ids by the pool's Service."""
    each: Mapping[str, Any] = {
        "name": "orders",
        "conninfo": here.servers.pooled,
        "pods": PODS,
        "pool_size": POOL_SIZE,
        "per_second": 60,
        "service_seconds": 0.03,
        "work": Work.INSERT,
        "table": TABLE,
        "pool_timeout_seconds": 15,
        "give_up_seconds": 10,
    }
    return Group(**{**each, **changes})


def clients(faulty: bool) -> Row:
    """A drain that waits for the clients costs nothing where they leave by themselves."""
    drain = {"mode": "clients", "endpoint_seconds": ENDPOINT_SECONDS}
    with scene(loaded(2, recycle_seconds=RECYCLE_SECONDS), drain=drain) as here:
        life = 3600 if faulty else RECYCLE_SECONDS
        seen = here.under_load([clients_of(here, life_seconds=life)], _rolling(here.replicas))
    attempts = sum(len(one.failed) for one in seen.operations)
    refused = [one for one in seen.connects if one.error is not None]
    return Row(
        f"restart, drain clients: {_load(seen)}, each connection lives {RECYCLE_SECONDS} s",
        f"{attempts} errors, {len(refused)} connects refused, at most {_waited(seen):.1f} s for a connection, "
        f"{seen.ids}",
        "0 errors, 0 refused, 0 lost, 0 twice",
        attempts == 0 and not refused and seen.kept,
    )


def idle(faulty: bool) -> Row:
    """An idle pool leaves a replica in time where somebody checks it."""
    drain = {"mode": "clients", "endpoint_seconds": ENDPOINT_SECONDS}
    with scene(loaded(2, recycle_seconds=RECYCLE_SECONDS), drain=drain) as here:
        took = asyncio.run(_drained_of_idle(here, checked=not faulty))
    most = ENDPOINT_SECONDS + RECYCLE_SECONDS
    grace = here.deployed.pod["terminationGracePeriodSeconds"]
    return Row(
        f"the same: an idle pool of psycopg, checked every {CHECK_SECONDS} s",
        f"gone after {took:.1f} s",
        f"at most {most} s and 1 s for the exit, well before the grace period's {grace} s",
        took <= most + 1,
    )


async def _drained_of_idle(here: Scene, *, checked: bool) -> float:
    """Seconds that a replica takes to stop."""
    async with (
        serving(here.servers.service_address, here.replicas[:1]) as service,
        AsyncConnectionPool(
            here.servers.pooled, min_size=4, max_lifetime=RECYCLE_SECONDS - CHECK_SECONDS, open=False
        ) as pool,
    ):
        await pool.wait()
        service.routes = set(here.replicas)
        checking = asyncio.create_task(_check(pool, 60 if checked else 0))
        try:
            return await service.restart(here.replicas[0])
        finally:
            checking.cancel()


async def _check(pool: AsyncConnectionPool[Any], times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(CHECK_SECONDS)
        await pool.check()


def transactions(faulty: bool) -> Row:
    """A drain that waits for the transactions breaks none of them."""
    with _draining_transactions(_without_hook if faulty else None) as here:
        # Some run at any moment.
        seen = here.under_load([clients_of(here, service_seconds=0.15)], _rolling(here.replicas))
    phases = [attempt.phase for one in seen.operations for attempt in one.failed]
    before = [phase for phase in phases if phase in (Phase.CONNECT, Phase.BEFORE)]
    return Row(
        f"restart, drain transactions: {_load(seen)}, clients that check nothing",
        f"{len(before)} errors before a first statement, {len(phases) - len(before)} later, {seen.ids}",
        "0 errors later, 0 lost, 0 twice",
        len(before) == len(phases) and seen.kept,
    )


def pre_ping(faulty: bool) -> Row:
    """With a check before use, and a retry of what did nothing, nobody notices it."""
    with _draining_transactions() as here:
        careful = clients_of(here, pre_ping=True, retries=3)
        group = replace(careful, pre_ping=False, retries=0) if faulty else careful
        seen = here.under_load([group], _rolling(here.replicas))
    retried = sum(len(one.failed) for one in seen.operations if one.done)
    return Row(
        f"the same: {_load(seen)}, clients that pre-ping and retry",
        f"{len(seen.failed())} errors, {retried} retries, at most {_waited(seen):.1f} s for a connection, {seen.ids}",
        "0 errors, 0 lost, 0 twice",
        not seen.failed() and seen.kept,
    )


def pile_up(faulty: bool) -> Row:
    """Connections that are never closed pile up on one replica as much as the plan says."""
    found: list[float] = []
    with _draining_transactions(replicas=3) as here:
        planned = float(here.deployed.plan.busiest_share[PoolState.DEGRADED])

        async def happens(service: Service) -> None:
            async def ready() -> None:
                found.append(await asyncio.to_thread(_busiest, here.replicas))

            await roll(service, here.replicas[2:] if faulty else here.replicas, ready, away_seconds=USED_SECONDS)

        here.under_load([clients_of(here, pre_ping=True, retries=3)], happens)
    return Row(
        f"restart of 3 replicas: the busiest one's share of {PODS * POOL_SIZE} connections",
        f"at most {max(found):.2f} ({', '.join(f'{share:.2f}' for share in found)})",
        f"{planned:.2f} within {OF_SHARES:.2f}",
        abs(max(found) - planned) <= OF_SHARES,
    )


def _draining_transactions(spoil: Any = None, replicas: int = 2) -> Any:
    return scene(loaded(replicas), spoil, drain={"mode": "transactions", "endpoint_seconds": ENDPOINT_SECONDS})


def _without_hook(deployed: Deployed) -> None:
    del deployed.container("pgbouncer")["lifecycle"]  # type: ignore[attr-defined]


def _rolling(replicas: Sequence[Replica]) -> Any:
    async def happens(service: Service) -> None:
        await roll(service, replicas)

    return happens


def _load(seen: Seen) -> str:
    return f"{len(seen.operations):,} transactions"


def _waited(seen: Seen) -> float:
    """The longest wait for a connection of the client's own pool, in seconds."""
    return max(one.own_wait or 0 for one in seen.operations)


def _busiest(replicas: Sequence[Replica]) -> float:
    """Of the clients' connections, the share that the replica with the most has."""
    counts = [
        sum(line.split("|")[1] == "orders" for line in replica.admin("SHOW CLIENTS").splitlines())
        for replica in replicas
    ]
    return max(counts) / sum(counts)


CLAIMS = (
    Claim("connections outlive the grace period", clients),
    Claim("nobody checks the idle pool", idle),
    Claim("the replicas have no preStop hook", transactions),
    Claim("clients neither check nor retry", pre_ping),
    Claim("one replica alone restarts", pile_up),
)
