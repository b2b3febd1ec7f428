"""Clients of a PostgreSQL database or of a PgBouncer before it, as a load.

Open loop: operations arrive by a Poisson process and do not wait for the ones before. Each takes an exponentially
distributed time of the server's (``pg_sleep``). Everything is drawn from a seed. A group of clients is a number of
pods, each with a connection pool of its own (psycopg_pool), as an application has it. Imports nothing of loadfit.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from math import isfinite
from random import Random
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from proofs.postgresql.records import Attempt, Connect, Operation, Phase, Record, Sample

__all__ = ["Arrival", "Group", "Note", "Work", "arrivals", "run", "sample"]

MOST = 1_000_000
"""Operations of one group: what it writes down is held in memory."""
LONGEST_SECONDS = 3600
RETRY_PAUSE_SECONDS = 0.1

Note = Callable[[Record], None]

# A pool logs what is noted here anyway.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Work(str, Enum):
    """What an operation does."""

    STATEMENT = "statement"
    """One statement, in autocommit."""
    TRANSACTION = "transaction"
    """BEGIN, the statements, COMMIT, each sent when the one before is answered."""
    INSERT = "insert"
    """The same, and as its first statement after BEGIN it inserts its id into the group's table."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Clients that are alike.

    Raises:
        ValueError: The arguments do not go together, or make a load without bounds.
    """

    name: str
    """No other group that inserts into the same table has it."""
    conninfo: str
    """As libpq takes it; it may leave the password to PGPASSWORD."""
    pods: int
    pool_size: int
    max_overflow: int = 0
    """Connections that a pool opens beyond its size while it needs them."""
    on_demand: bool = False
    """Whether a pool opens its connections when they are needed, rather than all of its size at the start."""
    per_second: float
    """Operations of all pods together."""
    service_seconds: float
    """The mean."""
    work: Work = Work.TRANSACTION
    statements: int = 1
    """Of a transaction, BEGIN, COMMIT and the insert not counted; they share the service time evenly."""
    table: str = ""
    """For ``insert``: with a column ``id`` of type text, which nothing keeps from having one twice."""
    pre_ping: bool = False
    """Whether the pool checks a connection before it gives it."""
    life_seconds: float = 3600
    """A pool closes a connection that it gets back after this life, less up to 5%."""
    retries: int = 0
    """How often an operation is tried again that is known to have done nothing."""
    pool_timeout_seconds: float = 30
    give_up_seconds: float = 30
    """A client closes a connection on which an attempt, or a check, takes longer."""
    connect_timeout_seconds: int = 5
    keep_seconds: float = 0
    """How long pools stay open when the last operation has ended, as those of a pod that terminates."""

    def __post_init__(self) -> None:
        if min(self.pods, self.pool_size, self.statements) < 1 or min(self.max_overflow, self.retries) < 0:
            raise ValueError(f"{self.name}: pods, pool_size and statements are at least 1, the other counts at least 0")
        times = (self.life_seconds, self.pool_timeout_seconds, self.give_up_seconds, self.connect_timeout_seconds)
        if not all(map(isfinite, (self.per_second, self.service_seconds, self.keep_seconds, *times))):
            raise ValueError(f"{self.name}: rate and times are finite")
        if min(self.per_second, *times) <= 0 or min(self.service_seconds, self.keep_seconds) < 0:
            raise ValueError(f"{self.name}: the rate and time-outs are above 0, other times are not below it")
        if (self.work is Work.INSERT) != bool(self.table):
            raise ValueError(f"{self.name}: a table is for work that inserts, and only that")
        if self.work is Work.STATEMENT and self.statements != 1:
            raise ValueError(f"{self.name}: several statements are a transaction")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One operation, before it runs."""

    after: float
    """Seconds after the start."""
    pod: int
    service: float
    """Seconds."""
    id: str


def arrivals(group: Group, *, seconds: float, seed: int) -> Iterator[Arrival]:
    """The operations of a group, in the order in which they arrive; the same for the same seed.

    Raises:
        ValueError: They are too many, or take too long.
    """
    if not 0 < seconds <= LONGEST_SECONDS or group.per_second * seconds > MOST:
        raise ValueError(f"{group.name}: at most {LONGEST_SECONDS:,} seconds and {MOST:,} operations")
    # A generator of its own for each, so that none depends on how the others are drawn from.
    gaps, pods, services = (Random(f"{seed} {group.name} {what}") for what in ("gap", "pod", "service"))
    after, number = gaps.expovariate(group.per_second), 0
    while after < seconds and number < MOST:
        service = services.expovariate(1 / group.service_seconds) if group.service_seconds else 0.0
        yield Arrival(after, pods.randrange(group.pods), service, f"{group.name}-{seed}-{number}")
        after += gaps.expovariate(group.per_second)
        number += 1


async def run(
    groups: Sequence[Group], *, seconds: float, seed: int, note: Note, stop: asyncio.Event | None = None
) -> float:
    """Opens every pool, then lets the operations arrive, and ends when the last of them has.

    Args:
        groups: All that have a part in it.
        seconds: How long operations arrive.
        seed: Of all that is drawn.
        note: Is given each record when it is complete.
        stop: Ends the arrivals before their time once it is set.

    Returns:
        The moment of the start, on the machine's monotonic clock.

    Raises:
        ConnectionError: A pool could not be opened.
    """
    stopped = stop or asyncio.Event()
    scheduled = [(group, list(arrivals(group, seconds=seconds, seed=seed))) for group in groups]
    async with AsyncExitStack() as stack:
        pods = [[_Pod(group, number, note) for number in range(group.pods)] for group in groups]
        for pod in chain.from_iterable(pods):
            await stack.enter_async_context(pod)
        # All of them connect at the same time.
        await asyncio.gather(*(pod.ready() for pod in chain.from_iterable(pods)))
        start = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for (_, each), own in zip(scheduled, pods, strict=True):
                tasks.create_task(_arrive(each, own, start, stopped, tasks))
        await asyncio.sleep(max(group.keep_seconds for group in groups))
        return start


async def _arrive(
    each: Sequence[Arrival], pods: Sequence["_Pod"], start: float, stopped: asyncio.Event, tasks: asyncio.TaskGroup
) -> None:
    for arrival in each:
        due = start + arrival.after
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), timeout=due - time.monotonic())
        if stopped.is_set():
            return
        tasks.create_task(pods[arrival.pod].operate(arrival, due))


_Connection = psycopg.AsyncConnection[TupleRow]


class _GaveUp(Exception):
    """The client closed a connection that took too long."""


@contextmanager
def _bounded(connection: _Connection, seconds: float) -> Generator[None]:
    """Closes a connection that takes too long.

    A cancelled statement would ask the server to cancel it and wait for that; a frozen server does neither.
    """
    gave_up = False

    def give_up() -> None:
        nonlocal gave_up
        gave_up = True
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(seconds, give_up)
    try:
        yield
    except psycopg.Error as error:
        if gave_up:
            raise _GaveUp(f"no answer within {seconds:g} s") from error
        raise
    finally:
        timer.cancel()


@dataclass
class _Pod:
    """A pod's pool and what it does with it."""

    group: Group
    number: int
    note: Note
    pool: AsyncConnectionPool[_Connection] = field(init=False)
    refused: str | None = None
    """Why the last attempt to connect failed."""

    def __post_init__(self) -> None:
        group = self.group
        self.pool = AsyncConnectionPool(
            group.conninfo,
            connection_class=_noting(self._note_connect),
            # Unnamed statements: PgBouncer before 1.21 knows no others.
            kwargs={
                "autocommit": True,
                "prepare_threshold": None,
                "connect_timeout": group.connect_timeout_seconds,
            },
            min_size=0 if group.on_demand else group.pool_size,
            max_size=group.pool_size + group.max_overflow,
            max_lifetime=group.life_seconds,
            timeout=group.pool_timeout_seconds,
            check=self._check if group.pre_ping else None,
            open=False,
        )

    async def __aenter__(self) -> "_Pod":
        await self.pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.close()

    async def ready(self) -> None:
        """Waits until the pool is as large as it should be."""
        seconds = self.group.pool_timeout_seconds
        try:
            await self.pool.wait(timeout=seconds)
        except PoolTimeout:
            reason = self.refused or "no attempt to connect was answered"
            text = f"{self.group.name}: {self.group.pool_size} connections were not open after {seconds:g} s: {reason}"
            raise ConnectionError(text) from None

    async def _check(self, connection: _Connection) -> None:
        with _bounded(connection, self.group.give_up_seconds):
            await AsyncConnectionPool.check_connection(connection)

    def _note_connect(self, start: float, error: Exception | None) -> None:
        name, state, message = (None, None, None) if error is None else _described(error)
        self.refused = message
        self.note(Connect(self.group.name, self.number, start, time.monotonic(), name, state, message))

    async def operate(self, arrival: Arrival, due: float) -> None:
        """Runs an operation, again where that is asked for and safe, and notes what became of it."""
        failed: list[Attempt] = []
        while True:
            attempt = _Attempt(self.group, arrival)
            failure = await attempt.run(self.pool)
            if failure is not None:
                failed.append(failure)
            again = failure is not None and failure.phase is not Phase.UNKNOWN and len(failed) <= self.group.retries
            if not again:
                break
            await asyncio.sleep(RETRY_PAUSE_SECONDS)
        moments = (due, attempt.acquired, attempt.begun, attempt.end)
        one = (self.group.name, self.number, arrival.id, *moments, arrival.service, tuple(failed), failure is None)
        self.note(Operation(*one))


def _noting(note: Callable[[float, Exception | None], None]) -> type[_Connection]:
    """Connections whose coming about is noted, failed or not: a pool itself tries again, and only logs it."""

    class Noted(psycopg.AsyncConnection[TupleRow]):
        @classmethod
        async def connect(cls, *args: Any, **kwargs: Any) -> Any:
            start = time.monotonic()
            try:
                made = await super().connect(*args, **kwargs)
            except psycopg.Error as error:
                note(start, error)
                raise
            note(start, None)
            return made

    return Noted


@dataclass
class _Attempt:
    group: Group
    arrival: Arrival
    phase: Phase = Phase.CONNECT
    acquired: float | None = None
    begun: float | None = None
    end: float = 0

    async def run(self, pool: AsyncConnectionPool[_Connection]) -> Attempt | None:
        """The failure, where there is one."""
        try:
            connection = await pool.getconn()
        except (PoolTimeout, psycopg.Error) as error:
            return self._failure(error)
        self.acquired = time.monotonic()
        try:
            with _bounded(connection, self.group.give_up_seconds):
                await (self._statement if self.group.work is Work.STATEMENT else self._transaction)(connection)
        except (psycopg.Error, _GaveUp) as error:
            return self._failure(error)
        else:
            self.end = time.monotonic()
            return None
        finally:
            # What failed may be in a transaction still, and giving it back ends that.
            with suppress(_GaveUp), _bounded(connection, self.group.give_up_seconds):
                await pool.putconn(connection)

    async def _statement(self, connection: _Connection) -> None:
        self.phase = Phase.UNKNOWN
        await connection.execute("SELECT pg_sleep(%s)", [self.arrival.service])
        self.begun = time.monotonic()

    async def _transaction(self, connection: _Connection) -> None:
        self.phase = Phase.BEFORE
        await connection.execute("BEGIN")
        self.begun, self.phase = time.monotonic(), Phase.WITHIN
        if self.group.work is Work.INSERT:
            table = sql.Identifier(self.group.table)
            await connection.execute(sql.SQL("INSERT INTO {} (id) VALUES (%s)").format(table), [self.arrival.id])
        for _ in range(self.group.statements):
            await connection.execute("SELECT pg_sleep(%s)", [self.arrival.service / self.group.statements])
        self.phase = Phase.UNKNOWN
        await connection.execute("COMMIT")

    def _failure(self, error: Exception) -> Attempt:
        self.end = time.monotonic()
        name, state, message = _described(error)
        answered = state is not None and self.phase is Phase.UNKNOWN and self.group.work is Work.STATEMENT
        return Attempt(self.end, Phase.WITHIN if answered else self.phase, name, state, message)


def _described(error: Exception) -> tuple[str, str | None, str]:
    if isinstance(error, _GaveUp):
        return "TimedOut", None, str(error)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return type(error).__name__, state, " ".join(str(error).split())


async def sample(conninfo: str, *, every_seconds: float, note: Note, stop: asyncio.Event) -> None:
    """Notes the server's connections of the conninfo's database, from time to time, until it is told to stop.

    Args:
        conninfo: Straight to PostgreSQL, as a role that may see them all.
        every_seconds: How often.
        note: Is given each sample.
        stop: When to end.
    """
    query = """
        SELECT coalesce(state, ''), coalesce(host(client_addr), ''), count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        GROUP BY 1, 2"""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        while not stop.is_set():
            at = time.monotonic()
            found = await (await connection.execute(query)).fetchall()
            states: dict[str, int] = {}
            addresses: dict[str, int] = {}
            for state, address, number in found:
                states[state] = states.get(state, 0) + number
                addresses[address] = addresses.get(address, 0) + number
            note(Sample(at, sum(states.values()), states, addresses))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=at + every_seconds - time.monotonic())
