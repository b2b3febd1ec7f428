"""SDKs, and programs that use them."""

import os

import pytest

from tests.engine.sdks.workshop import is_ready


@pytest.fixture(scope="session")
def workshop() -> None:
    """Without it these tests are skipped, but fail where continuous integration has to have it."""
    if not is_ready():
        reason = "what makes and checks SDKs is not there, or not up to date: make sdks"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
