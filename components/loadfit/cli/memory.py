"""``loadfit memory FILE FUNCTION RESULT``: the cheapest memory that meets a function's target, as measured."""

import argparse
import sys

from loadfit.cli.failure import DOES_NOT_FIT, FITS, Failure
from loadfit.cli.terminal import terminal
from loadfit.core.exact import exact, show_number
from loadfit.core.findings import Severity
from loadfit.core.prices import show_dollars
from loadfit.core.problems import nearest, printable
from loadfit.core.wording import few
from loadfit.documents import read_json, read_resolved
from loadfit.functions import FunctionPlan, MemoryChoice, choose_memory, parse_power_tuning
from loadfit.reports import Format
from loadfit.reports.blocks import Block, Bullets, Heading, Paragraph, Table, Tone
from loadfit.reports.markdown import render_markdown

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "memory"
HELP = "choose a function's memory by a result of AWS Lambda Power Tuning"

_FORMATS = (Format.TEXT, Format.MARKDOWN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("file", metavar="FILE", help="a load document, or a Pulumi.<stack>.yaml that carries one")
    parser.add_argument("function", metavar="FUNCTION", help="one of the document's functions")
    parser.add_argument("result", metavar="RESULT", help="the state machine's output, as JSON")
    parser.add_argument(
        "--format",
        choices=[form.value for form in _FORMATS],
        default=Format.TEXT.value,
        help="how to report (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Sizes the function at every memory that was measured, and prints what each needs and costs.

    Raises:
        InvalidLoad: One of the files is not what it should be.
        Failure: There is no such function.
    """
    functions = read_resolved(arguments.file).functions
    name = str(arguments.function)
    if name not in functions:
        meant = nearest(name, functions)
        hint = f"Did you mean {meant}?" if meant else f"They are: {few(functions) or 'none'}."
        raise Failure(f'memory: expected a function of {printable(arguments.file)}, found "{printable(name)}". {hint}')
    tuning = parse_power_tuning(read_json(arguments.result), source=printable(arguments.result, 200))
    choice = choose_memory(functions[name], tuning)
    blocks = _blocks(name, choice)
    if Format(arguments.format) is Format.MARKDOWN:
        sys.stdout.write(render_markdown(blocks))
    else:
        from loadfit.reports.text import render_text

        sys.stdout.write(render_text(blocks, **terminal()))
    return FITS if choice.memory_mb is not None else DOES_NOT_FIT


def _blocks(name: str, choice: MemoryChoice) -> list[Block]:
    rows = tuple(_row(memory, plan) for memory, plan in choice.plans.items())
    table = Table(("Memory", "mean", "p99 warm", "warm", "p99", "a month", "verdict"), rows, frozenset({0, 6}))
    assumed = Paragraph(
        "The p99 is taken to keep its proportion to the mean, which alone the tool measures, and a cold start to take "
        "as long as declared."
    )
    if choice.memory_mb is None:
        return [Heading(1, f"{name}: no memory that was measured carries the load", Tone.ERROR), table, assumed]
    plan = choice.plans[choice.memory_mb]
    where = f"functions.{name}"
    declare = [(f"{where}.memory_mb: {choice.memory_mb}", "")]
    for window in plan.load.windows:
        declared = plan.load.windows[window]
        for field in ("mean_duration_ms", "p99_duration_ms"):
            milliseconds = getattr(declared, field)
            if milliseconds is not None:
                declare.append((f"{where}.windows.{window}.{field}: {_number(milliseconds)}", ""))
    return [
        Heading(1, f"{name}: {choice.memory_mb:,} MB is the cheapest that carries the load", Tone.GOOD),
        table,
        assumed,
        Paragraph("Declare, once it is so:"),
        Bullets(tuple(declare)),
    ]


def _row(memory: int, plan: FunctionPlan) -> tuple[str, ...]:
    slowest = max(plan.load.windows.values(), key=lambda window: window.p99_duration_ms or 0)
    worst = max((window.p99_ms for window in plan.windows.values() if window.p99_ms is not None), default=None)
    errors = [finding.code for finding in plan.findings if finding.severity is Severity.ERROR]
    cost = plan.monthly_cost_usd
    return (
        f"{memory:,} MB",
        f"{_number(slowest.mean_duration_ms or 0)} ms",
        f"{_number(slowest.p99_duration_ms or 0)} ms",
        f"{plan.needed_instances:,}",
        "" if worst is None else f"{show_number(worst, 0)} ms",
        "not known" if cost is None else show_dollars(cost["total"]),
        few(errors) if errors else plan.verdict.value,
    )


def _number(milliseconds: float) -> str:
    return show_number(exact(milliseconds), 1).replace(",", "")
