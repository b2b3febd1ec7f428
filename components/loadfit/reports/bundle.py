"""A deployment package's report: what it weighs, what need not ship, how it starts, what was packed."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loadfit.bundle import Packed, Weight, in_mb, over_limits
from loadfit.bundle.advice import Advice
from loadfit.bundle.measuring import ModuleTime, Start
from loadfit.core import limits
from loadfit.core.problems import printable
from loadfit.core.wording import counted, few
from loadfit.reports import Format
from loadfit.reports.blocks import Block, Bullets, Details, Heading, Paragraph, Table, Tone
from loadfit.reports.markdown import render_markdown
from loadfit.reports.text import render_text

__all__ = ["BundleReport", "bundle_blocks", "bundle_data", "render_bundle"]

SCHEMA_VERSION = 1
"""Raised when a name goes or changes its meaning; new names do not raise it."""

_SHOWN_PARTS = 10
_SHOWN_REMOVALS = 10
_SHOWN_IMPORTS = 10
_SHOWN_ADVICE = 10


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What is reported of a package."""

    weight: Weight
    packed: Packed | None = None
    """What was made of it; then that is what has to be within the limits."""
    advice: tuple[Advice, ...] = ()
    """What in its own sources slows its start."""
    starts: tuple[tuple[str, Start], ...] = ()
    """What was measured of which path."""
    notes: tuple[str, ...] = ()
    """What could not be done, and why."""

    @property
    def over(self) -> tuple[str, ...]:
        """The limits that it is over, each a sentence; empty where it is within all."""
        if self.packed is None:
            return self.weight.over
        return over_limits(self.packed.zipped, self.packed.unzipped, self.weight.layers)


def render_bundle(report: BundleReport, form: Format, *, width: int = 80, color: bool = False) -> str:
    """The report as text, Markdown or JSON.

    Args:
        report: What is reported.
        form: How to render it.
        width: Columns, for text.
        color: Whether text is colored.
    """
    if form is Format.JSON:
        return json.dumps(bundle_data(report), indent=2, allow_nan=False) + "\n"
    blocks = bundle_blocks(report)
    return render_markdown(blocks) if form is Format.MARKDOWN else render_text(blocks, width=width, color=color)


def bundle_blocks(report: BundleReport) -> list[Block]:
    """The report as blocks."""
    weight = report.weight
    verdict = "over a limit" if report.over else "within the limits"
    what = "" if report.packed is None else "packed, "
    blocks: list[Block] = [
        Heading(1, f"{weight.source}: {what}{verdict}", Tone.ERROR if report.over else Tone.GOOD),
        *(Paragraph(sentence, Tone.ERROR) for sentence in report.over),
        *(Paragraph(note, Tone.WARNING) for note in report.notes),
        *_size(weight),
        *_machine_code(weight),
        *_needless(weight),
        *_advice(report.advice),
    ]
    if report.packed is not None:
        blocks += _packed(report.packed)
    for path, start in report.starts:
        blocks += _start(path, start)
    return blocks


def _size(weight: Weight) -> Iterator[Block]:
    how = "measured" if weight.zipped_is_measured else "estimated"
    rows = [
        (f"zipped ({how})", in_mb(weight.zipped), f"{limits.LAMBDA_ZIP.value}"),
        ("unzipped (measured)", in_mb(weight.unzipped), "" if weight.layers else f"{limits.LAMBDA_UNZIPPED.value}"),
        *((f"  layer {printable(layer.source, 40)} (measured)", in_mb(layer.unzipped), "") for layer in weight.layers),
    ]
    if weight.layers:
        rows.append(("with layers (measured)", in_mb(weight.with_layers), f"{limits.LAMBDA_UNZIPPED.value}"))
    yield Table(("Size in MB of 1,048,576 bytes", "MB", "limit"), tuple(rows))
    parts = [(printable(one.name, 50), f"{one.files:,}", in_mb(one.unzipped)) for one in weight.parts[:_SHOWN_PARTS]]
    rest = weight.parts[_SHOWN_PARTS:]
    if rest:
        count = sum(one.files for one in rest)
        parts.append((counted(len(rest), "other"), f"{count:,}", in_mb(sum(one.unzipped for one in rest))))
    yield Table(("By package, unzipped (measured)", "files", "MB"), tuple(parts))
    largest = tuple((printable(path, 58), in_mb(size)) for path, size in weight.largest)
    yield Table((f"Largest of {counted(weight.files, 'file')}, unzipped (measured)", "MB"), largest)


def _machine_code(weight: Weight) -> Iterator[Block]:
    if not weight.machine_code:
        return
    kinds = Counter(one.machine for one in weight.machine_code)
    found = "; ".join(f"{counted(count, 'file')} for {machine}" for machine, count in sorted(kinds.items()))
    given = "given" if weight.architecture_is_given else "Lambda's default; --architecture names another"
    yield Paragraph(f"Machine code (measured): {found}. The function runs on {weight.architecture} ({given}).")
    wrong = weight.wrong_machine_code
    if wrong:
        paths = few((f"{printable(one.path, 60)} ({one.machine})" for one in wrong), most=5)
        yield Paragraph(
            f"{counted(len(wrong), 'file')} cannot run on {weight.architecture}: {paths}. Install the packages for "
            "Lambda's platform.",
            Tone.ERROR,
        )


def _needless(weight: Weight) -> Iterator[Block]:
    if weight.needless:
        rows = tuple(
            (one.kind, f"{one.files:,}", in_mb(one.unzipped), f"{one.reason}; {printable(one.example, 40)}")
            for one in weight.needless
        )
        yield Table(("Need not ship (measured)", "files", "MB", "because, and where"), rows, frozenset({0, 3}))


def _advice(advice: Sequence[Advice]) -> Iterator[Block]:
    if not advice:
        return
    yield Heading(2, f"Advice on its own sources ({len(advice)}); loadfit explain CODE tells more")
    shown = advice[:_SHOWN_ADVICE]
    # Sources are in --format json: twice as many lines would hide what they are about.
    yield Bullets(tuple((_advised(one), "") for one in shown))
    if len(advice) > len(shown):
        yield Paragraph(f"... and {len(advice) - len(shown):,} more; --format json lists them all.")


def _advised(one: Advice) -> str:
    saves = f"Saves ({one.basis.value}): {one.saves}"
    said = " ".join(printable(part, 300) for part in (one.message, one.way_out, saves))
    return f"{printable(one.path, 60)}:{one.line} {one.code}: {said}"


def _start(path: str, start: Start) -> Iterator[Block]:
    init = start.init
    low, high = init.quartiles_ms
    yield Heading(2, f"Start of {printable(path, 60)}: {init.median_ms:,.0f} ms (measured)")
    yield Paragraph(
        f"The median of {init.runs} fresh interpreters, {start.interpreter} on this machine, page cache warm, without "
        f"the interpreter's own start. Half of the runs took {low:,.0f} to {high:,.0f} ms, all took "
        f"{init.least_ms:,.0f} to {init.most_ms:,.0f} ms. Lambda's processor is another one: compare starts with one "
        "another, not with Lambda's."
    )
    yield Paragraph(
        f"To declare in a load: init_ms: {math.ceil(init.median_ms)}, and on top what Lambda takes to fetch the "
        "package and to start its runtime, which is not measured here. This machine is not Lambda: once the function "
        "runs there, declare what its query init-duration shows."
    )
    yield _times(f"Dearest modules, {start.traced_runs} traced runs (measured)", start.modules)
    if start.direct:
        yield _times("A lazy import moves out of the start (estimated)", start.direct, at_most=True)
        yield Paragraph(
            "At most, each by itself: what another import needs too is not saved. Import inside the function that "
            "needs it, if few requests do."
        )


def _times(title: str, modules: Iterable[ModuleTime], *, at_most: bool = False) -> Table:
    rows = list(modules)[:_SHOWN_IMPORTS]
    if at_most:
        cells = tuple((printable(one.name, 50), f"{one.with_imports_ms:,.1f}") for one in rows)
        return Table((title, "ms at most"), cells)
    cells_2 = tuple((printable(one.name, 44), f"{one.own_ms:,.1f}", f"{one.with_imports_ms:,.1f}") for one in rows)
    return Table((title, "own ms", "with its imports"), cells_2)


def _packed(packed: Packed) -> Iterator[Block]:
    yield Heading(2, f"Packed: {printable(str(packed.path), 100)}")
    yield Table(
        ("Size in MB (measured)", "before", "after"),
        (("unzipped", in_mb(packed.unzipped_before), in_mb(packed.unzipped)), ("zipped", "", in_mb(packed.zipped))),
    )
    if packed.warnings:
        yield Bullets(tuple((warning, "") for warning in packed.warnings))
    if not packed.removed:
        yield Paragraph("Nothing was left out.")
        return
    reasons: dict[str, list[int]] = {}
    for one in packed.removed:
        total = reasons.setdefault(_kind(one.reason), [0, 0])
        total[0] += one.files
        total[1] += one.unzipped
    ordered = sorted(reasons.items(), key=lambda item: (-item[1][1], item[0]))
    yield Table(
        ("Left out, because (measured)", "files", "MB"),
        tuple((reason, f"{files:,}", in_mb(size)) for reason, (files, size) in ordered),
    )
    heaviest = sorted(packed.removed, key=lambda one: (-one.unzipped, one.path))[:_SHOWN_REMOVALS]
    lines = tuple((f"{printable(one.path, 70)}: {in_mb(one.unzipped)} MB; {one.reason}", "") for one in heaviest)
    yield Details(
        f"The heaviest of {counted(len(packed.removed), 'removal')}; --format json lists all", (Bullets(lines),)
    )


def _kind(reason: str) -> str:
    # One reason for each of hundreds of services would fill the table.
    return "models of services that nothing reached names" if reason.startswith("the model of") else reason


def bundle_data(report: BundleReport) -> dict[str, Any]:
    """The report as mappings, lists, text and numbers; each number stands beside how it was come by."""
    weight = report.weight
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "source": weight.source,
        "within_limits": not report.over,
        "over": list(report.over),
        "notes": list(report.notes),
        "zipped": _bytes(weight.zipped, limits.LAMBDA_ZIP, measured=weight.zipped_is_measured),
        "unzipped": _bytes(weight.unzipped),
        "with_layers": _bytes(weight.with_layers, limits.LAMBDA_UNZIPPED),
        "layers": [{"source": one.source, **_bytes(one.unzipped)} for one in weight.layers],
        "files": weight.files,
        "packages": [{"name": one.name, "files": one.files, **_bytes(one.unzipped)} for one in weight.parts],
        "largest": [{"path": path, **_bytes(size)} for path, size in weight.largest],
        "architecture": weight.architecture,
        "architecture_is": "given" if weight.architecture_is_given else "Lambda's default",
        "machine_code": [
            {"path": one.path, "machine": one.machine, "runs": one not in weight.wrong_machine_code}
            for one in weight.machine_code
        ],
        "need_not_ship": [
            {"kind": one.kind, "reason": one.reason, "files": one.files, "example": one.example, **_bytes(one.unzipped)}
            for one in weight.needless
        ],
    }
    data["advice"] = [
        {
            "path": one.path,
            "line": one.line,
            "code": one.code,
            "message": one.message,
            "way_out": one.way_out,
            "saves": one.saves,
            "how": one.basis.value,
            "source": one.source,
        }
        for one in report.advice
    ]
    if report.starts:
        data["starts"] = [{"path": path, **_start_data(start)} for path, start in report.starts]
    if report.packed is not None:
        data["packed"] = _packed_data(report.packed)
    return data


def _bytes(size: int, limit: limits.Limit | None = None, *, measured: bool = True) -> dict[str, Any]:
    data: dict[str, Any] = {"bytes": size, "how": "measured" if measured else "estimated"}
    if limit is not None:
        data["limit_bytes"] = limit.value * 1024 * 1024
    return data


def _start_data(start: Start) -> dict[str, Any]:
    init = start.init
    return {
        "interpreter": start.interpreter,
        "init": {
            "how": "measured",
            "runs": init.runs,
            "median_ms": round(init.median_ms, 3),
            "least_ms": round(init.least_ms, 3),
            "most_ms": round(init.most_ms, 3),
            "quartiles_ms": [round(one, 3) for one in init.quartiles_ms],
        },
        "traced_runs": start.traced_runs,
        "modules": [
            {"name": one.name, "how": "measured", "own_ms": one.own_ms, "with_imports_ms": one.with_imports_ms}
            for one in start.modules
        ],
        "lazy_imports": [
            {"name": one.name, "how": "estimated", "saves_at_most_ms": one.with_imports_ms} for one in start.direct
        ],
    }


def _packed_data(packed: Packed) -> dict[str, Any]:
    return {
        "path": str(packed.path),
        "sha256": packed.sha256,
        "handler": packed.handler,
        "files": packed.files,
        "zipped": _bytes(packed.zipped),
        "unzipped": _bytes(packed.unzipped),
        "unzipped_before": _bytes(packed.unzipped_before),
        "warnings": list(packed.warnings),
        "removed": [
            {"path": one.path, "reason": one.reason, "files": one.files, **_bytes(one.unzipped)}
            for one in packed.removed
        ],
    }
