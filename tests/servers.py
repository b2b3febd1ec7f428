"""Where the servers that a test needs are not there, it is skipped, or fails where they are required."""

import os

import pytest

from proofs.postgresql.programs import missing

__all__ = ["require_servers"]


def require_servers() -> None:
    """LOADFIT_REQUIRE_SERVERS makes a failure of a skip."""
    absent = missing()
    if absent:
        reason = f"not there: {', '.join(absent)}"
        if os.environ.get("LOADFIT_REQUIRE_SERVERS"):
            pytest.fail(reason)
        pytest.skip(reason)
