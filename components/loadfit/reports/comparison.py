"""What a change of a document does, as blocks and as plain data: fit for a comment on a pull request."""

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from loadfit.core.exact import show_number
from loadfit.core.findings import Finding, Remedied, Verdict, show_value
from loadfit.core.paths import show_path
from loadfit.core.problems import printable
from loadfit.reports import Format
from loadfit.reports.blocks import Block, Bullets, Details, Heading, Paragraph, Table, Tone
from loadfit.reports.content import finding_blocks, summary
from loadfit.reports.data import finding_data, plain_value
from loadfit.reports.markdown import render_markdown
from loadfit.reports.text import render_text
from loadfit.stack.comparison import Comparison, Shift, Size
from loadfit.stack.plan import StackPlan

__all__ = ["SCHEMA_VERSION", "comparison_blocks", "comparison_data", "render_comparison"]

SCHEMA_VERSION = 1
"""Raised when a name goes or changes its meaning; new names do not raise it."""

_SHOWN = 40
"""How many rows of a table are shown; the rest is counted."""
_NONE = "-"

_LABELS: Mapping[str, str] = {
    "busiest_gateway_ports": "ports on the busiest gateway",
    "gateways": "NAT gateways",
    "addresses_per_gateway": "addresses per gateway",
    "ports_total": "ports there are, for each destination",
    "clients": "clients' connections in a rollout",
    "max_client_conn": "max_client_conn",
    "replicas": "replicas of PgBouncer",
    "server_connections": "connections to PostgreSQL",
    "free_connections": "free connections",
    "warm_instances": "warm instances",
    "account_concurrency": "of the account's concurrency",
    "database_connections": "connections to the database, at most",
}


def render_comparison(
    comparison: Comparison, form: Format, titles: tuple[str, str], *, width: int = 80, color: bool = False
) -> str:
    """The report as text, Markdown or JSON.

    Args:
        comparison: What is reported.
        form: How to render it.
        titles: What was compared, such as the names of the two files.
        width: Columns, for text.
        color: Whether text is colored.
    """
    if form is Format.JSON:
        return json.dumps(comparison_data(comparison), indent=2, allow_nan=False) + "\n"
    blocks = comparison_blocks(comparison, titles)
    return render_markdown(blocks) if form is Format.MARKDOWN else render_text(blocks, width=width, color=color)


def comparison_blocks(comparison: Comparison, titles: tuple[str, str]) -> list[Block]:
    """The report as blocks."""
    head = comparison.head
    fits = head is None or head.verdict is Verdict.FITS
    blocks: list[Block] = [
        Heading(1, f"{printable(titles[1])}: {_verdict(comparison)}", Tone.GOOD if fits else Tone.ERROR)
    ]
    blocks += _missing(comparison, titles)
    if comparison.appearing:
        blocks += [Heading(3, f"New findings ({len(comparison.appearing):,})"), *finding_blocks(comparison.appearing)]
    blocks += _tables(comparison)
    if comparison.base is not None and head is not None and not (comparison.sizes or comparison.costs):
        blocks.append(Paragraph("No size and no cost changes."))
    blocks += _listed("Findings that are gone", comparison.going)
    declared = comparison.declared
    if declared:
        rows = [
            (
                show_path(change.path),
                *(_NONE if one is None else show_value(one) for one in (change.before, change.after)),
            )
            for change in declared
        ]
        blocks.append(
            Details(f"Declared values that change ({len(rows):,})", tuple(_table(("", "before", "after"), rows)))
        )
    blocks += _listed("Findings that stay", comparison.staying)
    return blocks


def _verdict(comparison: Comparison) -> str:
    base, head = comparison.base, comparison.head
    if head is None:
        return "is gone"
    return summary(head) if base is None else f"{summary(head)}; before: {summary(base)}"


def _missing(comparison: Comparison, titles: tuple[str, str]) -> Iterator[Block]:
    base, head = printable(titles[0]), printable(titles[1])
    if comparison.base_problems:
        yield Paragraph(f"{base} is no load, so nothing is compared: {head} is told alone.", Tone.WARNING)
        yield Bullets(tuple((problem, "") for problem in comparison.base_problems))
    elif comparison.base is None:
        yield Paragraph(f"There is no {base}: all of {head} is new.")
    if comparison.head is None:
        yield Paragraph(f"There is no {head}: all of {base} goes.")


def _listed(title: str, findings: Sequence[Finding]) -> Iterator[Block]:
    if findings:
        lines = tuple(
            (f"{one.severity.value} {one.code} at {show_path(one.path)}: {one.message}", "")
            for one in findings[:_SHOWN]
        )
        yield Details(f"{title} ({len(findings):,})", (Bullets(lines), *_rest(len(findings) - len(lines))))


def _rest(hidden: int) -> Iterator[Paragraph]:
    if hidden > 0:
        yield Paragraph(f"... and {hidden:,} more; --format json lists them all.")


def _tables(comparison: Comparison) -> Iterator[Block]:
    if comparison.sizes:
        yield from _table(("Size", "before", "after", "change"), list(_size_rows(comparison.sizes)))
    if comparison.costs:
        rows = [(section, *_dollars(shift)) for section, shift in comparison.costs.items()]
        rows.append(("total", *_dollars(comparison.total_cost)))
        yield from _table(("US dollars a month", "before", "after", "change"), rows)
    if comparison.unpriced:
        yield Paragraph(f"Without the price of {', '.join(comparison.unpriced)}, which is not known.")


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[Table | Paragraph]:
    yield Table(header, tuple(rows[:_SHOWN]))
    yield from _rest(len(rows) - _SHOWN)


def _size_rows(sizes: Mapping[Size, Shift]) -> Iterator[tuple[str, ...]]:
    section = ""
    for size, shift in sizes.items():
        if size.section != section:
            section = size.section
            yield section, "", "", ""
        label = _LABELS[size.name] + (f", {size.subject}" if size.subject else "")
        numbers = (_NONE if one is None else show_number(one) for one in (shift.before, shift.after))
        yield f"  {label}", *numbers, _signed(shift.difference)


def _signed(number: Fraction | None) -> str:
    return "" if number is None else f"{'+' if number > 0 else ''}{show_number(number)}"


def _dollars(shift: Shift) -> tuple[str, str, str]:
    before, after = (_NONE if one is None else f"{float(one):,.2f}" for one in (shift.before, shift.after))
    difference = (shift.after or Fraction(0)) - (shift.before or Fraction(0))
    return before, after, f"{float(difference):+,.2f}"


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The report as mappings, lists, text and numbers."""
    return {
        "schema_version": SCHEMA_VERSION,
        "fits": _fits(comparison.head),
        "fitted_before": _fits(comparison.base),
        "base_problems": list(comparison.base_problems),
        "declared": [
            {"path": show_path(one.path), "before": plain_value(one.before), "after": plain_value(one.after)}
            for one in comparison.declared
        ],
        "sizes": [
            {
                "section": size.section,
                "name": size.name,
                "subject": size.subject,
                "unit": size.unit,
                "before": _whole(shift.before),
                "after": _whole(shift.after),
            }
            for size, shift in comparison.sizes.items()
        ],
        "monthly_cost_usd": {
            "sections": {section: _costs(shift) for section, shift in comparison.costs.items()},
            "total": _costs(comparison.total_cost),
            "unpriced": list(comparison.unpriced),
        },
        "findings": {
            "appearing": [finding_data(item) for item in comparison.appearing],
            "going": [finding_data(Remedied(one, ())) for one in comparison.going],
            "staying": [finding_data(Remedied(one, ())) for one in comparison.staying],
        },
    }


def _fits(plan: StackPlan | None) -> bool | None:
    return None if plan is None else plan.verdict is Verdict.FITS


def _whole(number: Fraction | None) -> int | float | None:
    return None if number is None else plain_value(number)


def _costs(shift: Shift) -> dict[str, float | None]:
    before, after = (None if one is None else float(round(one, 2)) for one in (shift.before, shift.after))
    return {"before": before, "after": after}
