"""How far the numbers of a document can grow, as blocks and as plain data."""

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from loadfit.core.exact import show_number
from loadfit.core.findings import Verdict
from loadfit.core.paths import Path, show_path
from loadfit.core.problems import printable
from loadfit.core.wording import counted
from loadfit.reports import Format
from loadfit.reports.blocks import Block, Bullets, Details, Heading, Paragraph, Table, Tone
from loadfit.reports.content import summary
from loadfit.reports.markdown import render_markdown
from loadfit.reports.text import render_text
from loadfit.stack.growth import DIGITS, Break, Growth, Limits

__all__ = ["SCHEMA_VERSION", "growth_blocks", "growth_data", "render_growth"]

SCHEMA_VERSION = 1
"""Raised when a name goes or changes its meaning; new names do not raise it."""

_SHOWN = 30
"""How many numbers are shown; the rest is counted."""
_PLACES = 9
_LEFT_OUT = frozenset({"workloads", "databases", "functions", "windows"})
"""Steps of a path that the other ones make plain."""


def render_growth(limits: Limits, form: Format, title: str, *, width: int = 80, color: bool = False) -> str:
    """The report as text, Markdown or JSON.

    Args:
        limits: What is reported.
        form: How to render it.
        title: What it was found from, such as a file's name.
        width: Columns, for text.
        color: Whether text is colored.
    """
    if form is Format.JSON:
        return json.dumps(growth_data(limits), indent=2, allow_nan=False) + "\n"
    blocks = growth_blocks(limits, title)
    return render_markdown(blocks) if form is Format.MARKDOWN else render_text(blocks, width=width, color=color)


def growth_blocks(limits: Limits, title: str) -> list[Block]:
    """The report as blocks."""
    fits = limits.plan.verdict is Verdict.FITS
    tone = Tone.GOOD if fits else Tone.ERROR
    blocks: list[Block] = [Heading(1, f"{printable(title)}: {summary(limits.plan)}", tone)]
    shown = limits.growths[:_SHOWN]
    if shown:
        rows = tuple(row for growth in shown for row in _rows(growth))
        blocks.append(Table(("Each number alone", "declared", "target at", "exhausted"), rows))
    blocks += [Paragraph(text) for text in _notes(limits, len(limits.growths) - len(shown))]
    if shown and limits.held:
        lines = tuple((str(change), "") for change in limits.held)
        blocks.append(Details(f"Held, as computed ({len(lines):,})", (Bullets(lines),)))
    return blocks


def _rows(growth: Growth) -> Iterator[tuple[str, ...]]:
    target, error = growth.beyond_target, growth.beyond_exhaustion
    yield (
        _name(growth.number.path),
        show_number(growth.number.declared, _PLACES),
        _value(growth.target_at, target),
        _value(growth.exhausted_after, error),
    )
    over = "over now: " if growth.is_over else ""
    if target is not None and (error is None or target.finding.code != error.finding.code):
        yield f"  target: {_cause(target)}", "", "", ""
    if error is not None:
        yield f"  {over}{_cause(error)}", "", "", ""


def _cause(what: Break) -> str:
    return f"{what} ({what.finding.code})"


def _value(value: float | None, beyond: Break | None) -> str:
    if value is None:
        return "at none"
    return "no limit" if beyond is None else show_number(value, _PLACES)


def _name(path: Path) -> str:
    """A number for people: ``checkout.pods``, ``storefront.day.peak_requests_per_second``."""
    return show_path(tuple(step for index, step in enumerate(path) if index not in (0, 2) or step not in _LEFT_OUT))


def _notes(limits: Limits, hidden: int) -> Iterator[str]:
    if not limits.growths:
        yield "No declared number of this document grows with its load."
        return
    yield (
        "Target at: the largest value without a warning or an error that it causes. Exhausted: the largest without an "
        "error. All else stays as declared, and computed sizes are held. Numbers that are not whole are moved in steps "
        f"of their {_ORDINALS.get(DIGITS, f'{DIGITS}th')} digit; p99_duration_ms keeps its proportion to "
        "mean_duration_ms."
    )
    if hidden:
        yield f"... and {counted(hidden, 'more number')} with more room; --format json lists them all."
    if limits.not_moved:
        yield (
            f"{counted(limits.not_moved, 'number')} not moved: the document is large, and was sized "
            f"{counted(limits.sizings, 'time')}. The heaviest of each kind were."
        )


_ORDINALS = {3: "third", 4: "fourth", 5: "fifth"}


def growth_data(limits: Limits) -> dict[str, Any]:
    """The report as mappings, lists, text and numbers."""
    return {
        "schema_version": SCHEMA_VERSION,
        "fits": limits.plan.verdict is Verdict.FITS,
        "limits": [_growth(one) for one in limits.growths],
        "held": [{"path": show_path(change.path), "value": change.after} for change in limits.held],
        "not_moved": limits.not_moved,
        "sizings": limits.sizings,
    }


def _growth(growth: Growth) -> dict[str, Any]:
    number = growth.number
    return {
        "path": show_path(number.path),
        "declared": _plain(number.declared),
        "step": _plain(number.step),
        "target_at": growth.target_at,
        "target_broken_by": _break(growth.beyond_target),
        "exhausted_after": growth.exhausted_after,
        "exhausted_by": _break(growth.beyond_exhaustion),
        "room": None if growth.room is None else float(growth.room),
        "over_now": growth.is_over,
    }


def _plain(number: Fraction) -> int | float:
    return number.numerator if number.denominator == 1 else float(number)


def _break(what: Break | None) -> dict[str, Any] | None:
    if what is None:
        return None
    finding = what.finding
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "path": show_path(finding.path),
        "subject": finding.subject,
        "limit": what.limit,
        "state": finding.state,
        "needed": _plain(finding.needed),
        "available": _plain(finding.available),
        "unit": finding.unit,
        "message": finding.message,
    }
