"""Where the servers that a test needs are not there, it is skipped, or fails where they are required."""

import os
from typing import NoReturn

import pytest

from proofs.postgresql.programs import missing

__all__ = ["lacking", "require_servers"]


def require_servers() -> None:
    """Does nothing where PgBouncer and PostgreSQL are there."""
    absent = missing()
    if absent:
        lacking(f"not there: {', '.join(absent)}")


def lacking(reason: str) -> NoReturn:
    """LOADFIT_REQUIRE_SERVERS makes a failure of a skip."""
    if os.environ.get("LOADFIT_REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)
