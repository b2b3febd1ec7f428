"""What is in a package and need not ship, by its name alone, in any language.

Which modules nothing imports is not told by names: ``pack`` finds out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "CACHES",
    "METADATA",
    "REPOSITORIES",
    "STUBS",
    "TESTS",
    "Needless",
    "Rule",
    "find_needless",
    "in_folders",
    "tests_folders",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of file that no handler needs."""

    kind: str
    """What it is, in the plural."""
    reason: str
    pattern: re.Pattern[str]
    """Found in the path of each such file."""


CACHES = Rule(
    "caches",
    "a cache: made again where it is missing",
    re.compile(
        r"(^|/)(__pycache__|\.(pytest|mypy|ruff|import_linter|hypothesis|parcel|turbo|nyc)(_cache|_output)?|\.eslintcache)/"
        r"|(^|/)node_modules/\.cache/|(^|/)(\.DS_Store|Thumbs\.db|\.coverage)$"
    ),
)
TESTS = Rule("tests", "a test", re.compile(r"(^|/)(conftest|test_\w+|\w+_test)\.py$|\.(test|spec)\.[cm]?[jt]sx?$"))
STUBS = Rule(
    "type stubs",
    "for type checkers only",
    re.compile(r"\.pyi$|(^|/)py\.typed$|^[^/]+-stubs/|\.d\.[cm]?ts(\.map)?$"),
)
METADATA = Rule(
    "package metadata",
    "read by installers only",
    re.compile(r"^[^/]+\.(dist-info|egg-info)(/|$)"),
)
REPOSITORIES = Rule("version control", "the history of the source", re.compile(r"(^|/)\.(git|hg|svn)/"))

RULES = (CACHES, TESTS, STUBS, METADATA, REPOSITORIES)

_TESTS_FOLDER = re.compile(r"^(?:.*/)?(?:tests?|__tests__)/")
_LOOKS_LIKE_TEST = re.compile(r"/(?:conftest|test_\w+|\w+_tests?)\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$|/__tests__/")


@dataclass(frozen=True, slots=True)
class Needless:
    """All files of one kind."""

    kind: str
    reason: str
    files: int
    unzipped: int
    """Bytes."""
    example: str


def find_needless(sizes: Mapping[str, int]) -> tuple[Needless, ...]:
    """What need not ship, by kind; each file is counted once.

    Args:
        sizes: Bytes by path.
    """
    folders = tests_folders(sizes)
    found: dict[str, list[str]] = {}
    for path in sizes:
        rule = next((rule for rule in RULES if rule.pattern.search(path)), None)
        if rule is None and in_folders(path, folders):
            rule = TESTS
        if rule is not None:
            found.setdefault(rule.kind, []).append(path)
    return tuple(
        Needless(rule.kind, rule.reason, len(paths), sum(sizes[path] for path in paths), paths[0])
        for rule in RULES
        if (paths := found.get(rule.kind))
    )


def tests_folders(paths: Iterable[str]) -> frozenset[str]:
    """The folders named for tests that do hold some, each with a ``/`` at its end.

    A folder of another use may bear the name: it holds no ``test_*.py``.
    """
    found: set[str] = set()
    for path in paths:
        if _LOOKS_LIKE_TEST.search(path):
            step = _TESTS_FOLDER.match(path)
            while step:
                found.add(step[0])
                step = _TESTS_FOLDER.match(step[0].rstrip("/"))
    return frozenset(found)


def in_folders(path: str, folders: frozenset[str]) -> bool:
    """Whether a file is in one of the folders, however deep."""
    end = path.find("/")
    while end >= 0:
        if path[: end + 1] in folders:
            return True
        end = path.find("/", end + 1)
    return False
