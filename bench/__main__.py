"""Measures what loadfit costs: ``make bench``. Ratios are of one run; times are those of this machine."""

import compileall
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from bench import growth, programs, sections, startup

PARTS = {"startup": startup, "programs": programs, "growth": growth, "sections": sections}


def main() -> int:
    """Prints a table for each part, or for those that are named."""
    named = sys.argv[1:] or [*PARTS]
    if unknown := set(named) - set(PARTS):
        print(f"bench: no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    compileall.compile_dir(Path(__file__).parents[1] / "components", quiet=1)
    for name in named:
        part: ModuleType = PARTS[name]
        print(f"{part.TITLE}\n")
        print_table(part.HEADER, part.rows())
        print()
    return 0


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Names to the left, numbers to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        first, *others = (text.rjust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join([line[0].ljust(len(first)), *others]))


if __name__ == "__main__":
    sys.exit(main())
