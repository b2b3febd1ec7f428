"""One connection to PostgreSQL, kept between requests and replaced where it is dead."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from pg8000.exceptions import DatabaseError, InterfaceError

__all__ = ["Connection", "Database", "OutcomeUnknown", "Unavailable", "sql_state"]

IDLE_SECONDS = 240
"""A connection that rested for longer is not tried. A frozen instance answers no keepalive, load balancer and network
forget a silent connection after 350 seconds, and what is then sent on it may get no answer at all."""

_ERRORS = (DatabaseError, InterfaceError, OSError)
"""What pg8000 raises: what the server refused, and what became of the connection."""


class Unavailable(Exception):
    """The database cannot be reached; nothing was changed."""


class OutcomeUnknown(Exception):
    """The connection was lost while the transaction was being committed: it may have been, or not."""


class Connection(Protocol):
    """What is needed of pg8000.native.Connection."""

    def run(self, sql: str, **parameters: Any) -> Any:
        """Executes one statement."""
        ...

    def close(self) -> None:
        """Ends the session."""
        ...


class Database:
    """One connection, which an instance needs no more of: it serves one request at a time.

    Args:
        connect: Opens a connection.
        now: The time in seconds. Not the monotonic clock, which may stand still while an instance is frozen.
    """

    def __init__(self, connect: Callable[[], Connection], now: Callable[[], float] = time.time) -> None:
        self._connect = connect
        self._now = now
        self._connection: Connection | None = None
        self._used = 0.0
        self.opened = 0
        """How often a connection was opened."""

    def open(self) -> None:
        """Opens the connection ahead of its first use.

        Raises:
            Unavailable: It cannot be opened.
        """
        self._opened()

    def close(self) -> None:
        """Gives the connection back; the next transaction opens another."""
        self._discard()

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A transaction that is committed at the end, and rolled back where an exception leaves it.

        Everything runs in one: outside of it, the pool may change the server between the messages of one statement.

        Raises:
            Unavailable: Nothing was changed.
            OutcomeUnknown: The commit was sent and not answered.
        """
        connection = self._begun()
        try:
            yield connection
        except Exception as error:
            if _is_lost(error):
                self._discard()
                raise Unavailable("the connection was lost within the transaction") from error
            self._rolled_back(connection)
            raise
        except BaseException:
            self._discard()
            raise
        try:
            connection.run("COMMIT")
        except _ERRORS as error:
            if _is_lost(error):
                self._discard()
                raise OutcomeUnknown("the connection was lost while the transaction was being committed") from error
            self._rolled_back(connection)
            raise
        self._used = self._now()

    def _begun(self) -> Connection:
        """A connection within a new transaction.

        BEGIN changes nothing, so that it may be sent twice: on the connection that was kept, and where that is dead, on
        a new one. Nothing after it is ever sent again.
        """
        kept = self._kept()
        if kept is not None:
            try:
                kept.run("BEGIN")
            except _ERRORS:
                self._discard()
            else:
                return kept
        connection = self._opened()
        try:
            connection.run("BEGIN")
        except _ERRORS as error:
            self._discard()
            raise Unavailable("no transaction can be begun") from error
        return connection

    def _kept(self) -> Connection | None:
        if self._connection is not None and self._now() - self._used > IDLE_SECONDS:
            self._discard()
        return self._connection

    def _opened(self) -> Connection:
        try:
            self._connection = self._connect()
        except _ERRORS as error:
            raise Unavailable("no connection can be opened") from error
        self.opened += 1
        self._used = self._now()
        return self._connection

    def _rolled_back(self, connection: Connection) -> None:
        try:
            connection.run("ROLLBACK")
        except _ERRORS:
            self._discard()
        else:
            self._used = self._now()

    def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_ERRORS):
                connection.close()


def sql_state(error: DatabaseError) -> str:
    """The SQLSTATE of what the server refused."""
    return _fields(error).get("C", "")


def _is_lost(error: Exception) -> bool:
    """Whether an error means the end of the connection."""
    if isinstance(error, DatabaseError):
        fields = _fields(error)
        return fields.get("V", fields.get("S")) in {"FATAL", "PANIC"}
    return isinstance(error, InterfaceError | OSError)


def _fields(error: DatabaseError) -> dict[str, str]:
    """https://www.postgresql.org/docs/current/protocol-error-fields.html."""
    found: Any = error.args[0] if error.args else None
    return found if isinstance(found, dict) else {}
