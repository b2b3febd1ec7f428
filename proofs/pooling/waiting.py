"""Transactions wait for a server connection as long as the plan says, and the planned pool is the one that it takes."""

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from loadfit.databases.plan import DatabasePlan, PoolState
from proofs.claims import Claim, Missing
from proofs.postgresql.deployed import document, planned
from proofs.postgresql.load import Group, Note, Work, run
from proofs.postgresql.processes import loopback_network
from proofs.postgresql.records import Operation, Record, percentile
from proofs.postgresql.replicas import Replica, serving_replicas
from proofs.postgresql.servers import Servers, serving_servers
from proofs.table import Row

__all__ = ["CLAIMS", "LOADS", "Load", "Wait", "waits"]

BETWEEN = (0.5, 2.0)
"""Times the predicted wait."""
NEAR = 2
"""Connections between the planned pool and the smallest that keeps the target."""
CLIENT_CONNECTIONS = 70
"""More than transactions are there at a time, so that they wait for PgBouncer and not for their own pool."""
LAG_MS = 25
"""That the generator may have, at the 99th percentile: a quarter of the swept pools' target."""
TRIES = 2
"""Measurements, until one is made while the machine keeps pace."""
SEED = 1


@dataclass(frozen=True)
class Load:
    """Transactions on a pool in one PgBouncer process."""

    per_second: float
    mean_ms: float
    server_connections: int | None
    """The pool's size; ``None``: as it is planned."""
    target_ms: int | None = None
    """The policy's; ``None``: its default."""

    def document(self) -> Mapping[str, Any]:
        """The case study's database with this load. All of it is on one replica, so that the plan's wait is for it."""
        return document(
            client={"transactions_per_second": self.per_second, "mean_transaction_ms": self.mean_ms},
            replicas=1,
            server_connections=self.server_connections,
            policy=self.target_ms and {"steady_p99_wait_ms": self.target_ms},
        )

    @property
    def plan(self) -> DatabasePlan:
        """What is under test."""
        return planned(self.document())


@dataclass(frozen=True)
class Wait:
    """What was measured of a load."""

    p99_ms: float
    transactions: int
    failed: int
    load: Load
    """The load as it was: the rate of the arrivals, and the mean time that PgBouncer counted."""

    @property
    def busy(self) -> float:
        """The share of the server connections that were, by Little's law."""
        return self.load.per_second * self.load.mean_ms / 1000 / (self.load.server_connections or 1)


LOADS: Mapping[float, Load] = {
    0.7: Load(35, 200, 10),
    0.85: Load(42.5, 200, 10),
    # Near saturation a small pool takes minutes to settle, a larger one takes less. What a transaction takes beyond its
    # sleep, 2 or 3 ms, counts here: with it the connections are as busy as that.
    0.95: Load(226, 100, 25),
}
"""By the share of the connections that are busy."""
SWEPT = Load(35, 200, None, target_ms=100)


@cache
def waits() -> Mapping[float, Wait]:
    """The waits of all loads, at the same time and on the same PostgreSQL, by the share of busy connections.

    Raises:
        Missing: The machine cannot keep pace.
    """
    return dict(zip(LOADS, _measure(list(LOADS.values()), seconds=75, warm_seconds=10), strict=True))


@cache
def swept() -> Sequence[Wait]:
    """The waits of one load on pools around the planned size, at the same time.

    Raises:
        Missing: The machine cannot keep pace.
    """
    size = SWEPT.plan.server_connections
    sizes = range(size - NEAR - 1, size + NEAR + 2)
    return _measure([replace(SWEPT, server_connections=each) for each in sizes], seconds=60, warm_seconds=5)


def _measure(loads: Sequence[Load], *, seconds: float, warm_seconds: float) -> Sequence[Wait]:
    lag_ms = 0.0
    for _ in range(TRIES):
        lag_ms, found = _measure_once(loads, seconds, warm_seconds)
        if lag_ms <= LAG_MS:
            return found
    raise Missing(
        f"This machine is too busy: clients were {lag_ms:.0f} ms late, {TRIES} times, at most {LAG_MS} ms do."
    )


def _measure_once(loads: Sequence[Load], seconds: float, warm_seconds: float) -> tuple[float, list[Wait]]:
    """How late the clients were, at the 99th percentile, and the waits."""
    with serving_servers(max_connections=300) as servers, _replicas(servers, loads) as replicas:
        groups = [
            Group(
                name=f"load-{number}",
                conninfo=servers.pooled_by(replica),
                pods=1,
                pool_size=CLIENT_CONNECTIONS,
                per_second=load.per_second,
                service_seconds=load.mean_ms / 1000,
                work=Work.STATEMENT,
            )
            for number, (load, replica) in enumerate(zip(loads, replicas, strict=True))
        ]
        records: list[Record] = []
        late: dict[float, float] = {}
        start = asyncio.run(_run(groups, seconds, records.append, late))
        means = [_mean_ms(replica) for replica in replicas]
    since = start + warm_seconds
    lag = percentile([lateness for due, lateness in late.items() if due >= since], 0.99) * 1000
    found: list[Wait] = []
    for load, mean, group in zip(loads, means, groups, strict=True):
        own = [one for one in records if isinstance(one, Operation) and one.group == group.name and one.due >= since]
        per_second = round(len(own) / (seconds - warm_seconds), 2)
        found.append(_wait(own, replace(load, per_second=per_second, mean_ms=round(mean, 2))))
    return lag, found


def _mean_ms(replica: Replica) -> float:
    """What a transaction took of a server connection. PgBouncer's transaction time includes the wait for it."""
    for line in replica.admin("SHOW STATS_TOTALS").splitlines():
        name, *numbers = line.split("|")
        if name == "orders":
            _, transactions, _, _, _, transaction_us, _, wait_us, *_ = map(int, numbers)
            return (transaction_us - wait_us) / transactions / 1000
    raise RuntimeError(f"{replica.name} has counted nothing")


@contextmanager
def _replicas(servers: Servers, loads: Sequence[Load]) -> Generator[list[Replica]]:
    """One PgBouncer for each load, before the same PostgreSQL."""
    with ExitStack() as stack:
        found: list[Replica] = []
        for number, load in enumerate(loads):
            folder = servers.folder / f"pool-of-{number}"
            folder.mkdir()
            network = stack.enter_context(loopback_network())
            found += stack.enter_context(serving_replicas(folder, servers.deployed(load.document()), network))
        yield found


async def _run(groups: Sequence[Group], seconds: float, note: Note, late: dict[float, float]) -> float:
    """Runs the load, and notes by moment how late the clients come to what is due."""

    async def watch() -> None:
        due = time.monotonic()
        while True:
            # At moments that are fixed before: one stall is late for all that it covers.
            due += 0.02
            await asyncio.sleep(due - time.monotonic())
            late[due] = time.monotonic() - due

    watching = asyncio.create_task(watch())
    try:
        return await run(groups, seconds=seconds, seed=SEED, note=note)
    finally:
        watching.cancel()


def _wait(operations: Sequence[Operation], load: Load) -> Wait:
    """Of transactions, from their arrival on."""
    waited = [(one.end - one.due - one.service) * 1000 for one in operations]
    return Wait(percentile(waited, 0.99), len(operations), sum(not one.done for one in operations), load)


def wait(busy: float, faulty: bool) -> Row:
    """The 99th percentile of waiting is near the predicted."""
    measured = waits()[busy]
    share = 0.75 if faulty else 1
    predicted = replace(measured.load, mean_ms=measured.load.mean_ms * share).plan.p99_wait_ms[PoolState.STEADY]
    ratio = measured.p99_ms / predicted
    return Row(
        f"{measured.load.server_connections} connections, {busy:.0%} busy: 99th percentile of waiting",
        f"{measured.p99_ms:.0f} ms of {measured.transactions:,}, {measured.busy:.1%} busy: {ratio:.2f} times, "
        f"{measured.failed} failed",
        f"{predicted:.0f} ms, {BETWEEN[0]:g} to {BETWEEN[1]:g} times, 0 failed",
        BETWEEN[0] <= ratio <= BETWEEN[1] and not measured.failed,
    )


def smallest(faulty: bool) -> Row:
    """The smallest pool that keeps the target is near the planned one."""
    assert SWEPT.target_ms is not None
    size = replace(SWEPT, mean_ms=SWEPT.mean_ms * (0.5 if faulty else 1)).plan.server_connections
    waited = {one.load.server_connections or 0: one.p99_ms for one in swept()}
    found = next((each for each, p99_ms in waited.items() if p99_ms <= SWEPT.target_ms), None)
    return Row(
        f"the smallest pool that keeps {SWEPT.target_ms} ms, of {min(waited)} to {max(waited)}",
        f"{found or 'none'} (ms: {', '.join(f'{p99_ms:.0f}' for p99_ms in waited.values())})",
        f"{size} planned, within {NEAR}",
        found is not None and abs(found - size) <= NEAR and not any(one.failed for one in swept()),
    )


CLAIMS = (
    *(Claim("transactions are declared a quarter shorter than they are", partial(wait, busy)) for busy in LOADS),
    Claim("transactions are declared half as long as they are", smallest),
)
