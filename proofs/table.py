"""What a proof prints."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Row", "print_table"]


@dataclass(frozen=True)
class Row:
    """One claim."""

    claim: str
    measured: str
    bound: str
    holds: bool


def print_table(rows: Sequence[Row]) -> None:
    """Claim, measured, bound, verdict."""
    cells = [(row.claim, row.measured, row.bound, "holds" if row.holds else "BROKEN") for row in rows]
    heads = ("claim", "measured", "bound", "verdict")
    widths = [max(len(line[column]) for line in [heads, *cells]) for column in range(4)]
    for line in [heads, tuple("-" * width for width in widths), *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
