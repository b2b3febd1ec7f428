"""What a report says: a stack's plans as blocks, whatever they are rendered as."""

from collections.abc import Iterator, Mapping, Sequence

from loadfit.core.exact import show_number
from loadfit.core.findings import CONSEQUENCES, Assumption, Remedied, Remedy, Severity, Verdict
from loadfit.core.paths import show_path
from loadfit.core.problems import printable
from loadfit.core.wording import counted
from loadfit.reports.blocks import Block, Bullets, Details, FindingBlock, Heading, Paragraph, Tone, Way
from loadfit.reports.databases import database_blocks
from loadfit.reports.egress import egress_blocks
from loadfit.reports.functions import function_blocks
from loadfit.stack import SectionPlan, StackPlan

__all__ = ["SHOWN_FINDINGS", "assumption_blocks", "contents", "finding_blocks", "summary"]

SHOWN_FINDINGS = 20
"""How many findings of a section are shown in full; the rest is counted."""


SHOWN_SECTIONS = 20
"""How many databases, and how many functions, are shown in full; the rest is counted."""

SHOWN_ASSUMPTIONS = 200
"""How many assumptions are shown; the rest is counted."""

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
        blocks += _section(plan.remedied["egress"], egress_blocks(plan.egress))
    shown = _worst_first(plan.databases)
    for name in shown[:SHOWN_SECTIONS]:
        blocks += _section(plan.remedied[f"databases.{name}"], database_blocks(plan.databases[name]))
    blocks += _rest([plan.databases[name] for name in shown[SHOWN_SECTIONS:]], "database")
    shown = _worst_first(plan.functions)
    for name in shown[:SHOWN_SECTIONS]:
        blocks += _section(plan.remedied[f"functions.{name}"], function_blocks(plan.functions[name]))
    blocks += _rest([plan.functions[name] for name in shown[SHOWN_SECTIONS:]], "function")
    # What the sizes rest on comes last, so that what was found stands together.
    blocks += assumption_blocks([one for section in plan.sections.values() for one in section.assumptions])
    return blocks


def _section(remedied: Sequence[Remedied], content: Iterator[Block]) -> Iterator[Block]:
    """A section's heading, what was found, and its sizes."""
    yield next(content)
    yield from finding_blocks(remedied)
    yield from content


def _worst_first(section: Mapping[str, SectionPlan]) -> list[str]:
    """The parts of a section as they are declared; where not all of them are shown, those with findings first."""
    if len(section) <= SHOWN_SECTIONS:
        return list(section)
    return sorted(section, key=lambda name: (section[name].verdict is Verdict.FITS, not section[name].findings))


def _rest(plans: Sequence[SectionPlan], noun: str) -> Iterator[Block]:
    """What is said of the parts that are not shown."""
    if not plans:
        return
    errors = sum(plan.verdict is Verdict.DOES_NOT_FIT for plan in plans)
    warned = sum(plan.verdict is Verdict.FITS and bool(plan.findings) for plan in plans)
    fit = len(plans) - errors - warned
    counts = ((errors, "do not fit"), (warned, "with warnings only"), (fit, "without a finding"))
    said = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    yield Paragraph(
        f"... and {counted(len(plans), f'more {noun}')} ({said}); --format json lists them all.",
        Tone.ERROR if errors else Tone.WARNING if warned else Tone.PLAIN,
    )


def assumption_blocks(assumptions: Sequence[Assumption]) -> Iterator[Block]:
    """The assumptions, each with the field that declares it, what was taken, and from where."""
    if not assumptions:
        return
    lines = tuple((_assumed(one), one.source) for one in assumptions[:SHOWN_ASSUMPTIONS])
    rest = len(assumptions) - len(lines)
    more = (Paragraph(f"... and {rest:,} more; --format json lists them all."),) if rest else ()
    yield Details(f"Assumed, because not declared ({len(assumptions):,})", (Bullets(lines), *more))


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
            consequences=tuple(f"{CONSEQUENCES}: {one.sentence}" for one in finding.consequences),
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
