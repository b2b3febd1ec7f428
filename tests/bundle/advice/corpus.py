"""Small functions, each with its faults marked: ``#! CODE`` or ``//! CODE`` at the end of a faulty line.

In the text files of ``corpus/`` a case begins with ``=== name``, and each of its files with ``--- path``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Case", "cases"]

_MARK = re.compile(r"\s*(?:#|//)! ([A-Z_ ]+)$")


@dataclass(frozen=True)
class Case:
    """One function."""

    name: str
    sources: dict[str, str]
    faults: frozenset[tuple[str, int, str]]
    """File, line and code of each."""

    @property
    def handler(self) -> str:
        """The handler, by its usual name."""
        first = next(iter(self.sources))
        return f"{first.rpartition('.')[0]}.handler"


def cases(name: str) -> list[Case]:
    """The cases of a file."""
    text = (Path(__file__).parent / "corpus" / f"{name}.txt").read_text(encoding="utf-8")
    return [_case(part) for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]]


def _case(part: str) -> Case:
    title, *files = re.split(r"^--- (.+)\n", part, flags=re.MULTILINE)
    sources: dict[str, str] = {}
    faults: set[tuple[str, int, str]] = set()
    for path, source in zip(files[::2], files[1::2], strict=True):
        lines = source.splitlines()
        for number, line in enumerate(lines, start=1):
            if mark := _MARK.search(line):
                faults.update((path, number, code) for code in mark[1].split())
                lines[number - 1] = line[: mark.start()]
        sources[path] = "\n".join(lines)
    return Case(title.strip(), sources, frozenset(faults))
