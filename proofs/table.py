"""What a proof prints."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Row", "in_seconds", "print_table"]

_HEADS = ("claim", "measured", "bound", "verdict")


@dataclass(frozen=True)
class Row:
    """One claim."""

    claim: str
    measured: str
    bound: str
    holds: bool

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What is printed of it."""
        return self.claim, self.measured, self.bound, "holds" if self.holds else "BROKEN"


def in_seconds(seconds: float | None) -> str:
    """A time in words; ``None``: it never came about."""
    return "never" if seconds is None else f"{seconds:.1f} s"


def print_table(rows: Sequence[Row], console: Console | None = None) -> None:
    """Claim, measured, bound, verdict: folded to the width of a terminal, and else a line each.

    Args:
        rows: The claims.
        console: Where to; standard output where not given.
    """
    console = console or Console()
    if console.is_terminal:
        console.print(_folded(rows))
        return
    widths = [max(len(line[column]) for line in [_HEADS, *(row.cells for row in rows)]) for column in range(4)]
    for line in [_HEADS, tuple("-" * width for width in widths), *(row.cells for row in rows)]:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _folded(rows: Sequence[Row]) -> Table:
    table = Table(box=HORIZONTALS, show_lines=True)
    for head, ratio in zip(_HEADS, (3, 4, 3, None), strict=True):
        table.add_column(head, ratio=ratio, overflow="fold")
    for row in rows:
        *told, verdict = map(Text, row.cells)
        verdict.stylize("green" if row.holds else "bold red")
        table.add_row(*told, verdict)
    return table
