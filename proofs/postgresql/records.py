"""What a load test writes down, and what is told from it. Imports nothing of loadfit."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

__all__ = [
    "Attempt",
    "Connect",
    "Operation",
    "Phase",
    "Record",
    "Sample",
    "Seen",
    "by_slice",
    "errors",
    "outcome",
    "percentile",
    "read_lines",
    "write_line",
]


class Phase(str, Enum):
    """How far an operation was when it failed."""

    CONNECT = "connect"
    """The client's own pool gave no connection."""
    BEFORE = "before"
    """It had a connection, and no answer to its first statement (BEGIN): nothing was done."""
    WITHIN = "within"
    """Its transaction had begun and was not committed; or the server answered its single statement with an error."""
    UNKNOWN = "unknown"
    """COMMIT, or its single statement, was sent and not answered: it may be done."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt of an operation. Moments are seconds of the machine's monotonic clock."""

    at: float
    phase: Phase
    error: str
    """The name of the error's class; ``TimedOut`` where the client gave up."""
    sqlstate: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, with its retries. Moments are seconds of the machine's monotonic clock.

    That clock is one for all processes and network namespaces of a machine.
    """

    group: str
    pod: int
    id: str
    due: float
    """When it arrived: the arrivals do not wait for the ones before (open loop)."""
    acquired: float | None
    """When the client's own pool gave a connection to the last attempt."""
    begun: float | None
    """When the first statement of the last attempt was answered: of a transaction, BEGIN."""
    end: float
    service: float
    """Seconds that the server was asked to take."""
    failed: tuple[Attempt, ...]
    """What failed before the last attempt, and that itself where ``done`` is false."""
    done: bool
    """Whether the last attempt was acknowledged."""

    @property
    def wait(self) -> float | None:
        """Seconds of an acknowledged operation beyond its service, once it had a connection: waiting for the server."""
        return self.end - self.acquired - self.service if self.done and self.acquired is not None else None

    @property
    def own_wait(self) -> float | None:
        """Seconds that it waited for a connection of the client's own pool."""
        return None if self.acquired is None else self.acquired - self.due

    @property
    def last(self) -> Attempt | None:
        """The failure that it ended with."""
        return None if self.done else self.failed[-1]


@dataclass(frozen=True, slots=True)
class Connect:
    """A client's attempt to open a connection."""

    group: str
    pod: int
    start: float
    end: float
    error: str | None
    sqlstate: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The server's connections of one database at a moment, but the sampler's own."""

    at: float
    total: int
    states: dict[str, int]
    """By pg_stat_activity's ``state``."""
    addresses: dict[str, int]
    """By the address that they come from; empty text for a Unix socket."""


Record = Operation | Connect | Sample


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below the share of all values (nearest rank).

    Args:
        values: At least one.
        share: Above 0, at most 1.
    """
    ordered = sorted(values)
    # Of 100 values, 0.99 is the 99th: exactly, whatever 0.99 x 100 is in binary.
    position = -(-len(ordered) * round(share * 1_000_000) // 1_000_000)
    return ordered[max(position, 1) - 1]


def errors(operations: Iterable[Operation], *, final: bool = False) -> Counter[tuple[Phase, str]]:
    """Failed attempts by phase and name, the SQLSTATE after the name.

    Args:
        operations: Whose.
        final: Only those with which an operation ended: what a caller that retries still sees.
    """
    found: Counter[tuple[Phase, str]] = Counter()
    for operation in operations:
        attempts = operation.failed if not final else operation.failed[-1:] if not operation.done else ()
        found.update((attempt.phase, _named(attempt)) for attempt in attempts)
    return found


def _named(attempt: Attempt) -> str:
    return attempt.error if attempt.sqlstate is None else f"{attempt.error} {attempt.sqlstate}"


def by_slice(moments: Iterable[float], start: float, seconds: float) -> Counter[int]:
    """How many moments are in each slice of time; slice 0 begins at the start."""
    return Counter(int((moment - start) // seconds) for moment in moments)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of inserted ids."""

    lost: frozenset[str]
    """Acknowledged, and not in the table."""
    doubled: frozenset[str]
    """More than once in the table."""
    unasked: frozenset[str]
    """In the table, where every attempt is known to have failed."""


def outcome(operations: Iterable[Operation], found: Iterable[str]) -> Outcome:
    """Compares what was acknowledged with what the table has.

    An id whose commit got no answer may be there or not: only once, and that is all.

    Args:
        operations: Each inserted its id.
        found: The ids of the table, each as often as it is there.
    """
    counted = Counter(found)
    acknowledged: set[str] = set()
    unasked: set[str] = set()
    for operation in operations:
        if operation.done:
            acknowledged.add(operation.id)
        elif counted[operation.id] and all(attempt.phase is not Phase.UNKNOWN for attempt in operation.failed):
            unasked.add(operation.id)
    return Outcome(
        frozenset(one for one in acknowledged if not counted[one]),
        frozenset(one for one, times in counted.items() if times > 1),
        frozenset(unasked),
    )


@dataclass(frozen=True)
class Seen:
    """What became of a load."""

    operations: Sequence[Operation]
    connects: Sequence[Connect]
    outcome: Outcome

    @property
    def kept(self) -> bool:
        """Whether the table has what was acknowledged, once, and nothing that is known to have failed."""
        return not (self.outcome.lost or self.outcome.doubled or self.outcome.unasked)

    @property
    def ids(self) -> str:
        """The same in words."""
        return f"{len(self.outcome.lost)} lost, {len(self.outcome.doubled)} twice"

    def failed(self, operations: Iterable[Operation] | None = None) -> list[Operation]:
        """Those that ended with an error."""
        return [one for one in (self.operations if operations is None else operations) if not one.done]


def write_line(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps({"record": type(record).__name__.lower(), **asdict(record)}, separators=(",", ":"))


def read_lines(lines: Iterable[str]) -> list[Record]:
    """The records of lines as :func:`write_line` makes them.

    Raises:
        ValueError: A line is not such a record.
    """
    return [_read(line) for line in lines if line.strip()]


def _read(line: str) -> Record:
    made: dict[str, Callable[..., Record]] = {"operation": _operation, "connect": Connect, "sample": Sample}
    try:
        found: dict[str, Any] = json.loads(line)
        return made[found.pop("record")](**found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not a record of the load generator: {line[:80]!r}") from error


def _operation(failed: Sequence[dict[str, Any]], **others: Any) -> Operation:
    return Operation(failed=tuple(_attempt(**one) for one in failed), **others)


def _attempt(phase: str, **others: Any) -> Attempt:
    return Attempt(phase=Phase(phase), **others)
