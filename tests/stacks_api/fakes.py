"""A PostgreSQL connection that remembers what it was told and fails where it is to."""

from collections.abc import Callable
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError

LOST = InterfaceError("network error")
TIMED_OUT = TimeoutError("timed out")
SHUT_DOWN = DatabaseError({"S": "FATAL", "C": "57P01", "M": "server shutting down"})
DEADLOCK = DatabaseError({"S": "ERROR", "V": "ERROR", "C": "40P01", "M": "deadlock detected"})

Failures = dict[str, Exception]
"""By the beginning of a statement, what happens instead."""


class FakeConnection:
    """A connection of a fake server."""

    def __init__(self, server: "FakeServer", failures: Failures) -> None:
        self.server = server
        self.failures = failures
        self.closed = False

    def run(self, sql: str, **parameters: Any) -> Any:
        assert not self.closed, "a closed connection is not used"
        self.server.statements.append(sql.split(" ", 1)[0])
        for beginning, failure in self.failures.items():
            if sql.startswith(beginning):
                raise failure
        return self.server.answer(sql, parameters)

    def close(self) -> None:
        self.closed = True


class FakeServer:
    """Hands out connections; each may be given failures of its own."""

    def __init__(self, *failures: Failures, answer: Callable[[str, dict[str, Any]], Any] = lambda *_: []) -> None:
        self.answer = answer
        self.failures = list(failures)
        self.statements: list[str] = []
        self.connections: list[FakeConnection] = []

    def __call__(self) -> FakeConnection:
        failures = self.failures.pop(0) if self.failures else {}
        if "connect" in failures:
            raise failures["connect"]
        self.connections.append(FakeConnection(self, failures))
        return self.connections[-1]


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
