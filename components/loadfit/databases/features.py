"""Features of a PostgreSQL session that a transaction pool cannot keep, and what to use instead."""

from collections.abc import Mapping, Sequence
from enum import Enum

from loadfit.core.paths import Path
from loadfit.core.problems import Problem

__all__ = ["SessionFeature", "session_problems"]


class SessionFeature(str, Enum):
    """What an application does with its session, beyond a transaction. https://www.pgbouncer.org/features.html."""

    SET = "set"
    """SET and RESET."""
    LISTEN = "listen"
    """LISTEN."""
    ADVISORY_LOCKS = "advisory_locks"
    """pg_advisory_lock: session-level advisory locks."""
    TEMPORARY_TABLES = "temporary_tables"
    """Temporary tables that outlive a transaction."""
    HOLD_CURSORS = "hold_cursors"
    """Cursors WITH HOLD."""
    SQL_PREPARE = "sql_prepare"
    """PREPARE and EXECUTE as SQL; prepared statements of the protocol work."""
    LOAD = "load"
    """LOAD."""


_INSTEAD: Mapping[SessionFeature, str] = {
    SessionFeature.SET: "Use SET LOCAL inside the transaction, or ALTER ROLE ... SET.",
    SessionFeature.LISTEN: "",
    SessionFeature.ADVISORY_LOCKS: "Use pg_advisory_xact_lock, which ends with the transaction.",
    SessionFeature.TEMPORARY_TABLES: "Create them with ON COMMIT DROP, inside the transaction that uses them.",
    SessionFeature.HOLD_CURSORS: "Read the cursor to its end inside the transaction.",
    SessionFeature.SQL_PREPARE: "Let the driver prepare statements through the protocol.",
    SessionFeature.LOAD: "Load the library for every session with session_preload_libraries.",
}
_DIRECT = "Or let these clients connect to PostgreSQL itself: a group of clients with pooled: false."


def session_problems(features: Sequence[SessionFeature], path: Path) -> list[Problem]:
    """Each declared feature that needs a session, with what to use instead."""
    return [
        Problem(
            (*path, position),
            "what works in a transaction pool",
            f'"{feature.value}", which needs a session',
            " ".join(part for part in (_INSTEAD[feature], _DIRECT) if part),
        )
        for position, feature in enumerate(features)
    ]
