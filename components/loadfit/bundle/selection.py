"""What of a package is packed and what is not, each with its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Removal", "Selection", "removals"]


@dataclass(frozen=True, slots=True)
class Removal:
    """Files that are not packed."""

    path: str
    """A file, or a folder of which nothing is packed, with a ``/`` at its end."""
    reason: str
    files: int
    unzipped: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is packed."""

    kept: frozenset[str]
    removed: Mapping[str, str]
    """The reason by path."""
    warnings: tuple[str, ...]


def removals(sizes: Mapping[str, int], removed: Mapping[str, str]) -> tuple[Removal, ...]:
    """The removals, files of one folder together where all of it goes for one reason; sorted by path.

    Args:
        sizes: Bytes of every file.
        removed: The reason of each that is not packed.
    """
    reasons: dict[str, set[str | None]] = {}
    for path in sizes:
        reason = removed.get(path)
        for folder in _folders(path):
            reasons.setdefault(folder, set()).add(reason)
    whole = {folder: next(iter(found)) for folder, found in reasons.items() if len(found) == 1}
    totals: dict[str, list[int]] = {}
    for path in removed:
        place = next((folder for folder in _folders(path) if whole.get(folder) is not None), path)
        total = totals.setdefault(place, [0, 0])
        total[0] += 1
        total[1] += sizes[path]
    return tuple(
        Removal(place, whole.get(place) or removed[place], files, size)
        for place, (files, size) in sorted(totals.items())
    )


def _folders(path: str) -> Iterable[str]:
    """The folders of a file, the outermost first."""
    end = path.find("/")
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1)
