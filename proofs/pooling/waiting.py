"""Transactions wait for a server connection as long as the plan says, and the planned pool is the one that it takes."""

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from loadfit.databases.plan import DatabasePlan, PoolState
from proofs.pooling.claim import Claim
from proofs.postgresql.deployed import document, planned
from proofs.postgresql.load import Group, Note, Work, run
from proofs.postgresql.processes import loopback_network
from proofs.postgresql.programs import Missing
from proofs.postgresql.records import Operation, Record, percentile
from proofs.postgresql.replicas import Replica, serving_replicas
from proofs.postgresql.servers import Servers, serving_servers
from proofs.table import Row

__all__ = ["CLAIMS", "LOADS", "Wait", "predicted_ms", "waits"]

BETWEEN = (0.5, 2.0)
"""Times the predicted wait."""
NEAR = 2
"""Connections between the planned pool and the smallest that keeps the target."""
CLIENT_CONNECTIONS = 70
"""More than transactions are there at a time, so that they wait for PgBouncer and not for their own pool."""
LAG_MS = 50
"""That the generator may have, at the 99th percentile: a quarter of the shortest wait that is compared."""
SEED = 1


@dataclass(frozen=True)
class Load:
    """Transactions on a pool in one PgBouncer process."""

    per_second: float
    mean_ms: int
    server_connections: int | None
    """The pool's size; ``None``: as it is planned."""
    policy: tuple[tuple[str, float], ...] = ()

    def document(self, **database: Any) -> Mapping[str, Any]:
        """The case study's database with this load. All of it is on one replica, so that the plan's wait is for it."""
        client = {"transactions_per_second": self.per_second, "mean_transaction_ms": self.mean_ms}
        own: dict[str, Any] = {"server_connections": self.server_connections, "policy": dict(self.policy) or None}
        return document(client=client, replicas=1, **{**own, **database})


@dataclass(frozen=True)
class Wait:
    """What was measured of a load."""

    p99_ms: float
    transactions: int


LOADS: Mapping[float, Load] = {
    0.7: Load(35, 200, 10),
    0.85: Load(42.5, 200, 10),
    # Near saturation a small pool takes minutes to settle, a larger one takes less.
    0.95: Load(237.5, 100, 25),
}
"""By utilization of the pool."""
SWEPT = Load(35, 200, None, (("steady_p99_wait_ms", 100),))


def predicted_ms(plan: DatabasePlan) -> float:
    """The plan's 99th percentile of waiting for a server connection."""
    return plan.p99_wait_ms[PoolState.STEADY]


@cache
def waits(stretch: float = 1) -> Mapping[float, Wait]:
    """The waits of all loads, at the same time and on the same PostgreSQL, by utilization.

    Args:
        stretch: A transaction takes this many times what is declared.

    Raises:
        Missing: The machine cannot keep pace.
    """
    documents = [load.document() for load in LOADS.values()]
    measured = _measure(list(LOADS.values()), documents, seconds=75, warm_seconds=10, stretch=stretch)
    return dict(zip(LOADS, measured, strict=True))


def _measure(
    loads: Sequence[Load],
    documents: Sequence[Mapping[str, Any]],
    *,
    seconds: float,
    warm_seconds: float,
    stretch: float,
) -> list[Wait]:
    with serving_servers(max_connections=300) as servers, _replicas(servers, documents) as replicas:
        groups = [
            Group(
                name=f"load-{number}",
                conninfo=servers.pooled_by(replica),
                pods=1,
                pool_size=CLIENT_CONNECTIONS,
                per_second=load.per_second,
                service_seconds=load.mean_ms / 1000 * stretch,
                work=Work.STATEMENT,
                pool_timeout_seconds=120,
                give_up_seconds=120,
            )
            for number, (load, replica) in enumerate(zip(loads, replicas, strict=True))
        ]
        records: list[Record] = []
        late: dict[float, float] = {}
        since = warm_seconds + asyncio.run(_run(groups, seconds, records.append, late))
    lag = percentile([lateness for due, lateness in late.items() if due >= since], 0.99) * 1000
    if lag > LAG_MS:
        raise Missing(f"This machine is too busy: clients were {lag:.0f} ms late, at most {LAG_MS} ms do.")
    return [_wait(group, records, since) for group in groups]


@contextmanager
def _replicas(servers: Servers, documents: Sequence[Mapping[str, Any]]) -> Generator[list[Replica]]:
    """One PgBouncer for each document, before the same PostgreSQL."""
    with ExitStack() as stack:
        found: list[Replica] = []
        for number, each in enumerate(documents):
            folder: Path = servers.folder / f"pool-of-{number}"
            folder.mkdir()
            network = stack.enter_context(loopback_network())
            found += stack.enter_context(serving_replicas(folder, servers.deployed(each), network))
        yield found


async def _run(groups: Sequence[Group], seconds: float, note: Note, late: dict[float, float]) -> float:
    """Runs the load, and notes by moment how late the clients come to what is due."""

    async def watch() -> None:
        while True:
            due = time.monotonic() + 0.02
            await asyncio.sleep(0.02)
            late[due] = time.monotonic() - due

    watching = asyncio.create_task(watch())
    try:
        return await run(groups, seconds=seconds, seed=SEED, note=note)
    finally:
        watching.cancel()


def _wait(group: Group, records: Sequence[Record], since: float) -> Wait:
    """Of the transactions that arrive once the pool has filled, from their arrival on."""
    own = [one for one in records if isinstance(one, Operation) and one.group == group.name and one.due >= since]
    failed = sum(not one.done for one in own)
    if failed:
        raise Missing(f"{failed} of {len(own)} transactions failed: {next(one.last for one in own if not one.done)}")
    return Wait(percentile([(one.end - one.due - one.service) * 1000 for one in own], 0.99), len(own))


def _at_utilization(utilization: float, faulty: bool) -> Row:
    load = LOADS[utilization]
    predicted = predicted_ms(planned(load.document()))
    measured = waits(1.3 if faulty else 1)[utilization]
    ratio = measured.p99_ms / predicted
    return Row(
        f"{load.server_connections} connections, {utilization:.0%} of them busy: 99th percentile of waiting",
        f"{measured.p99_ms:.0f} ms of {measured.transactions:,} transactions, {ratio:.2f} times",
        f"{predicted:.0f} ms, {BETWEEN[0]:g} to {BETWEEN[1]:g} times",
        BETWEEN[0] <= ratio <= BETWEEN[1],
    )


def smallest(faulty: bool) -> Row:
    """The smallest pool that keeps the target is near the planned one."""
    target = dict(SWEPT.policy)["steady_p99_wait_ms"]
    plan = planned(SWEPT.document())
    sizes = range(plan.server_connections - NEAR - 1, plan.server_connections + NEAR + 2)
    documents = [SWEPT.document(server_connections=size) for size in sizes]
    stretch = 1.5 if faulty else 1
    measured = _measure([SWEPT] * len(sizes), documents, seconds=60, warm_seconds=5, stretch=stretch)
    found = next((size for size, wait in zip(sizes, measured, strict=True) if wait.p99_ms <= target), None)
    waited = ", ".join(f"{size}: {wait.p99_ms:.0f}" for size, wait in zip(sizes, measured, strict=True))
    return Row(
        f"the smallest pool that keeps {target:g} ms, of {sizes[0]} to {sizes[-1]}",
        f"{found or 'none'} (ms: {waited})",
        f"{plan.server_connections} planned, within {NEAR}",
        found is not None and abs(found - plan.server_connections) <= NEAR,
    )


_LONGER = "transactions take 1.3 times what is declared"

CLAIMS = (
    *(Claim(_LONGER, partial(_at_utilization, utilization)) for utilization in LOADS),
    Claim("transactions take 1.5 times what is declared", smallest),
)
