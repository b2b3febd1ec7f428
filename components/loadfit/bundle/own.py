"""The sources in a package that are the function's own: what no installer brought."""

import re

from loadfit.bundle.contents import Contents
from loadfit.bundle.distributions import read_distributions
from loadfit.bundle.needless import CACHES, STUBS, TESTS, in_folders, tests_folders

__all__ = ["MAX_SOURCES", "own_sources"]

MAX_SOURCES = 400
"""More own sources than a function has (assumption): where nothing tells its own from others', the outermost count."""

_SOURCE = re.compile(r"\.([mc]?[jt]s|[jt]sx|py)$")
_MOST_BYTES = 1024 * 1024
"""A larger source was not written by hand (assumption)."""


def own_sources(contents: Contents) -> dict[str, str]:
    """The text of each of the function's own sources, by its path; tests left out."""
    installed = {path for one in read_distributions(contents) for path in one.files}
    tests = tests_folders(contents.sizes)
    found = [
        path
        for path, size in contents.sizes.items()
        if _SOURCE.search(path)
        and size <= _MOST_BYTES
        and path not in installed
        and "node_modules/" not in path
        and not any(rule.pattern.search(path) for rule in (CACHES, STUBS, TESTS))
        and not in_folders(path, tests)
    ]
    outermost = sorted(found, key=lambda path: (path.count("/"), path))[:MAX_SOURCES]
    return {path: contents.read(path).decode("utf-8", "replace") for path in sorted(outermost)}
