"""The case study's clients straight at PostgreSQL and through the planned pool, steady and in a rollout."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import psycopg
from psycopg import sql

from proofs.claims import Claim
from proofs.postgresql.deployed import document, planned
from proofs.postgresql.load import Group, Work, run, sample
from proofs.postgresql.records import Connect, Operation, Record, Sample
from proofs.postgresql.replicas import Replica
from proofs.postgresql.servers import ROLE, Servers, serving_servers
from proofs.postgresql.service import serving
from proofs.table import Row

__all__ = [
    "CLAIMS",
    "MAX_CONNECTIONS",
    "Course",
    "Part",
    "Pools",
    "Times",
    "direct",
    "follow",
    "follow_through_the_service",
    "pooled",
]

LOAD = {"transactions_per_second": 200, "mean_transaction_ms": 100}
"""As many busy connections as the case study has, in a tenth of its transactions: the generator is one process."""
MAX_CONNECTIONS = 200
PODS, SURGE = 20, 5
TABLE = "receipts"
SEED = 1
FULL = ("sorry, too many clients already", "remaining connection slots are reserved")
"""What PostgreSQL says with SQLSTATE 53300, which libpq does not tell of a connection that it could not open."""


@dataclass(frozen=True)
class Pools:
    """The connection pools of the clients."""

    size: int
    overflow: int
    conninfo: str
    timeout_seconds: int = 5
    """For a connection of the pool, and for a new one to open."""


@dataclass(frozen=True)
class Times:
    """How a course goes, in seconds. The table is locked once before the rollout and once in the middle of it."""

    steady: float = 6
    step: float = 4
    """After which the next pods are replaced; as long, replaced ones keep their connections."""
    steps: int = PODS // SURGE
    locked: float = 1.5
    """For a while every transaction waits, and pools open what they may; then it is mostly idle, as in the incident."""
    locked_at_most: float = 4
    """On a machine that opens connections slowly, the lock is held until there are enough, or as long."""
    enough: Callable[["Part"], bool] = lambda _: True
    """Whether pools have opened what they may."""

    @property
    def whole(self) -> float:
        """Until nothing arrives any more."""
        return self.steady + self.steps * self.step


@dataclass
class Course:
    """What was seen."""

    times: Times
    began: float = field(default_factory=time.monotonic)
    records: list[Record] = field(default_factory=list[Record])

    @property
    def all(self) -> "Part":
        """The whole of it."""
        return Part(self.records)

    def within(self, rollout: bool) -> "Part":
        """One of the two parts of it."""
        turn = self.began + self.times.steady
        return Part([one for one in self.records if (_moment(one) >= turn) == rollout])


def _moment(record: Record) -> float:
    if isinstance(record, Operation):
        return record.due
    return record.start if isinstance(record, Connect) else record.at


@dataclass(frozen=True)
class Part:
    """What was seen in a part of the time."""

    records: Sequence[Record]

    @property
    def operations(self) -> list[Operation]:
        """By when they arrived."""
        return [one for one in self.records if isinstance(one, Operation)]

    @property
    def failed(self) -> Counter[str]:
        """Operations that failed, by what the client saw."""
        return Counter(_named(one.last.error, one.last.sqlstate) for one in self.operations if one.last)

    @property
    def refused(self) -> Counter[str]:
        """Connections that were refused, by what the client saw."""
        return Counter(
            "too_many_connections" if any(said in (one.message or "") for said in FULL) else one.error
            for one in self.records
            if isinstance(one, Connect) and one.error
        )

    @property
    def server_connections(self) -> int:
        """The most that were there when somebody looked; not those of the administrator."""
        samples = (one for one in self.records if isinstance(one, Sample))
        return max((server_connections(one) for one in samples), default=0)


def server_connections(one: Sample) -> int:
    """Those that came over the network."""
    return one.total - one.addresses.get("", 0)


def _named(error: str, state: str | None) -> str:
    return error if state is None else f"{error} {state}"


async def follow(pools: Pools, administrator: str, times: Times) -> Course:
    """Runs the load, replaces the pods in steps, and notes all that is seen.

    Args:
        pools: The clients'.
        administrator: How libpq connects to PostgreSQL itself.
        times: How it goes.
    """
    await _make_table(administrator)
    seen = Course(times)
    done = asyncio.Event()
    sampling = asyncio.create_task(sample(administrator, every_seconds=0.1, note=seen.records.append, stop=done))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_lock(seen, administrator, times.steady / 3))
            if times.steps:
                middle = times.steady + times.steps // 2 * times.step + 0.5
                tasks.create_task(_lock(seen, administrator, middle))
            for number in range(PODS // SURGE):
                turn = times.steady + min(number, times.steps) * times.step
                tasks.create_task(_pods(seen, pools, f"old-{number}", 0, turn))
                if number < times.steps:
                    tasks.create_task(_pods(seen, pools, f"new-{number}", turn, times.whole))
    finally:
        done.set()
        await sampling
    return seen


async def _pods(seen: Course, pools: Pools, name: str, begin: float, end: float) -> None:
    """As many as are replaced in a step."""
    await asyncio.sleep(seen.began + begin - time.monotonic())
    group = Group(
        name=name,
        conninfo=pools.conninfo,
        pods=SURGE,
        pool_size=pools.size,
        max_overflow=pools.overflow,
        on_demand=True,
        per_second=LOAD["transactions_per_second"] * SURGE / PODS,
        service_seconds=LOAD["mean_transaction_ms"] / 1000,
        work=Work.INSERT,
        table=TABLE,
        pool_timeout_seconds=pools.timeout_seconds,
        connect_timeout_seconds=pools.timeout_seconds,
        give_up_seconds=6 * pools.timeout_seconds,
        keep_seconds=seen.times.step,
    )
    await run([group], seconds=end - begin, seed=SEED, note=seen.records.append)


async def _make_table(administrator: str) -> None:
    table = sql.Identifier(TABLE)
    async with await psycopg.AsyncConnection.connect(administrator) as connection:
        await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
        await connection.execute(sql.SQL("CREATE TABLE {} (id text)").format(table))
        await connection.execute(sql.SQL("GRANT INSERT ON {} TO {}").format(table, sql.Identifier(ROLE)))


async def _lock(seen: Course, administrator: str, after: float) -> None:
    """What a migration does that everybody waits for."""
    await asyncio.sleep(after)
    async with await psycopg.AsyncConnection.connect(administrator) as connection:
        await connection.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(TABLE)))
        began = time.monotonic()
        await asyncio.sleep(seen.times.locked)
        while time.monotonic() < began + seen.times.locked_at_most and not seen.times.enough(seen.all):
            await asyncio.sleep(0.05)


async def follow_through_the_service(servers: Servers, replicas: list[Replica], pools: Pools, times: Times) -> Course:
    """The same for clients of the pool's Service, which sends each connection to one replica only."""
    async with serving(servers.service_address, replicas):
        return await follow(pools, servers.postgresql.administrator, times)


@cache
def direct(max_connections: int) -> Course:
    """The incident's clients straight at PostgreSQL. Measured once, as :func:`pooled`."""
    incident = planned(document("incident", client=LOAD)).load.clients[0]
    with serving_servers(max_connections=max_connections) as servers:
        times = Times(enough=lambda seen: bool(seen.refused))
        pools = Pools(incident.pool_size, incident.max_overflow, servers.direct)
        return asyncio.run(follow(pools, servers.postgresql.administrator, times))


@cache
def pooled(times_planned: int) -> Course:
    """The case study's clients through its pool.

    Args:
        times_planned: The pool is this many times as large.
    """
    with serving_servers() as servers:
        deployed = servers.deployed(_pooled(times_planned))
        group, size = deployed.plan.load.clients[0], deployed.plan.server_connections
        times = Times(enough=lambda seen: seen.server_connections >= size)
        with servers.pool(deployed) as replicas:
            pools = Pools(group.pool_size, group.max_overflow, servers.pooled)
            return asyncio.run(follow_through_the_service(servers, replicas, pools, times))


def _pooled(times_planned: int = 1) -> Mapping[str, Any]:
    size = planned(document(client=LOAD)).server_connections
    return document(client=LOAD, server_connections=size * times_planned)


def before(rollout: bool, faulty: bool) -> Row:
    """Straight at PostgreSQL, connections are refused."""
    seen = direct(800 if faulty else MAX_CONNECTIONS).within(rollout)
    refused, failed = seen.refused["too_many_connections"], sum(seen.failed.values())
    named = ", ".join([*seen.refused, *seen.failed]) or "no error"
    return Row(
        f"{PODS} x 30 straight to {MAX_CONNECTIONS} connections, {_when(rollout)}, the table locked once: errors",
        f"{refused} connections refused, {failed:,} of {len(seen.operations):,} failed: {named}",
        "some" + (" of both" if rollout else " refused"),
        refused > 0 and (failed > 0 or not rollout),
    )


def after(rollout: bool, faulty: bool) -> Row:
    """Through the planned pool, none is, and it never has more server connections than planned."""
    plan = planned(_pooled())
    seen = pooled(2 if faulty else 1).within(rollout)
    errors = sum(seen.refused.values()) + sum(seen.failed.values())
    through = f"{plan.replicas} x {plan.server_connections_per_replica}"
    return Row(
        f"{PODS} x 10 through {through}, {_when(rollout)}, the same: errors",
        f"{errors} in {len(seen.operations):,} transactions, at most {seen.server_connections} server connections",
        f"0, at most {plan.server_connections}",
        errors == 0 and 0 < seen.server_connections <= plan.server_connections,
    )


def _when(rollout: bool) -> str:
    return "in a rollout" if rollout else "steady"


CLAIMS = (
    *(Claim("PostgreSQL has 800 connections", partial(before, rollout)) for rollout in (False, True)),
    *(Claim("the pool is twice as large as planned", partial(after, rollout)) for rollout in (False, True)),
)
