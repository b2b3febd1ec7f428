"""One provider for all tests of a process: starting it takes longer than any of them."""

from collections.abc import Iterator

import pytest

from tests.hosted.provider import Provider, started


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with started() as running:
        yield running
