"""What a report says: a stack's plans as blocks, whatever they are rendered as."""

from collections.abc import Iterator, Sequence

from loadfit.core.exact import show_number
from loadfit.core.findings import Assumption, Remedied, Remedy, Severity, Verdict
from loadfit.core.paths import show_path
from loadfit.core.problems import printable
from loadfit.reports.blocks import Block, Bullets, Details, FindingBlock, Heading, Paragraph, Tone, Way
from loadfit.reports.databases import database_blocks
from loadfit.reports.egress import egress_blocks
from loadfit.stack import SectionPlan, StackPlan

__all__ = ["SHOWN_FINDINGS", "assumption_blocks", "contents", "finding_blocks", "summary"]

SHOWN_FINDINGS = 20
"""How many findings of a section are shown in full; the rest is counted."""


SHOWN_CHANGES = 8
"""How many changes of a remedy are shown; the rest is counted."""


def contents(plan: StackPlan, title: str) -> list[Block]:
    """The whole report.

    Args:
        plan: What was sized.
        title: What it was sized from, such as a file's name.
    """
    fits = plan.verdict is Verdict.FITS
    blocks: list[Block] = [Heading(1, f"{printable(title)}: {summary(plan)}", Tone.GOOD if fits else Tone.ERROR)]
    if plan.egress is not None:
        blocks += _section(plan.egress, egress_blocks(plan.egress))
    for database in plan.databases.values():
        blocks += _section(database, database_blocks(database))
    # What the sizes rest on comes last, so that what was found stands together.
    blocks += assumption_blocks([one for section in plan.sections.values() for one in section.assumptions])
    return blocks


def _section(plan: SectionPlan, content: Iterator[Block]) -> Iterator[Block]:
    """A section's heading, what was found, and its sizes."""
    yield next(content)
    yield from finding_blocks(plan.remedies())
    yield from content


def assumption_blocks(assumptions: Sequence[Assumption]) -> Iterator[Block]:
    """The assumptions, each with the field that declares it, what was taken, and from where."""
    if assumptions:
        lines = tuple((_assumed(one), one.source) for one in assumptions)
        yield Details(f"Assumed, because not declared ({len(lines)})", (Bullets(lines),))


def _assumed(one: Assumption) -> str:
    # The unit is in the field's name or in the sentence; a number that the sentence gives is not given twice.
    value = "" if one.value is None else show_number(one.value)
    said = value in one.meaning.split()
    return f"{show_path(one.path)}{f' = {value}' if value and not said else ''}: {one.meaning}"


def finding_blocks(remedied: Sequence[Remedied]) -> Iterator[Block]:
    """The findings, the first ones in full."""
    for item in remedied[:SHOWN_FINDINGS]:
        finding = item.finding
        yield FindingBlock(
            tone=Tone.ERROR if finding.severity is Severity.ERROR else Tone.WARNING,
            severity=finding.severity.value,
            code=finding.code,
            path=show_path(finding.path),
            message=finding.message,
            equation=finding.equation,
            ways=tuple(Way(way.kind.value, way.sentence, way.cost, _changes(way)) for way in item.remedies),
            asks=item.asks,
        )
    rest = len(remedied) - SHOWN_FINDINGS
    if rest > 0:
        yield Paragraph(f"... and {rest:,} more findings; --format json lists them all.", Tone.WARNING)


def _changes(way: Remedy) -> tuple[str, ...]:
    shown = [str(change) for change in way.changes[:SHOWN_CHANGES]]
    rest = len(way.changes) - len(shown)
    return (*shown, *([f"... and {rest:,} more; --format json lists them all"] if rest else []))


def summary(plan: StackPlan) -> str:
    """The verdict with how much was found: ``does not fit (1 error and 2 warnings)``."""
    errors = sum(finding.severity is Severity.ERROR for finding in plan.findings)
    warnings = len(plan.findings) - errors
    counts = [_count(errors, "error"), _count(warnings, "warning")]
    said = " and ".join(count for count in counts if count)
    return f"{plan.verdict.value}{f' ({said})' if said else ''}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}" if number else ""
