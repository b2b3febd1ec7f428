"""What every test runs under."""

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

# Machines are noisy and timings decide no test. Where a change is judged, the same examples are drawn each time, so
# that a failure is the change's own; on a developer's machine they are new ones.
settings.register_profile("loadfit", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("loadfit")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays until the process ends.

    No collection of garbage looks at it again: each would take longer than many a test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests pack is not among the user's own packages."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
