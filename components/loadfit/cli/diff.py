"""``loadfit diff BASE HEAD``: what a change of the document does to its plan."""

import argparse
import os
import sys
from pathlib import Path

from loadfit.cli.failure import DOES_NOT_FIT, FITS, Failure
from loadfit.cli.terminal import terminal
from loadfit.core.findings import Verdict
from loadfit.core.problems import InvalidLoad, printable
from loadfit.documents import read_load
from loadfit.reports import Format
from loadfit.stack import StackPlan, resolve, size
from loadfit.stack.comparison import Comparison

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "diff"
HELP = "tell what a change of the document does to ports, connections, warm instances, cost and findings"

_FORMATS = (Format.TEXT, Format.MARKDOWN, Format.JSON)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("base", metavar="BASE", help="the document before; no file, or /dev/null: HEAD is new")
    parser.add_argument("head", metavar="HEAD", help="the document after; no file, or /dev/null: it is deleted")
    parser.add_argument(
        "--format",
        choices=[form.value for form in _FORMATS],
        default=Format.TEXT.value,
        help="how to report (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Sizes both files and prints what changes to standard output; the exit code is that of HEAD.

    Raises:
        InvalidLoad: HEAD is not a load, or BASE is not and there is no HEAD.
        Failure: There is neither file.
    """
    from loadfit.reports.comparison import render_comparison

    base, head = str(arguments.base), str(arguments.head)
    if not _is_there(base) and not _is_there(head):
        raise Failure(
            f"diff: expected a load document in BASE or in HEAD, found no file at {printable(base)} "
            f"and none at {printable(head)}."
        )
    after = _plan(head)
    problems: tuple[str, ...] = ()
    try:
        before = _plan(base)
    except InvalidLoad as error:
        if after is None:
            raise
        before, problems = None, tuple(str(error).splitlines())
    comparison = Comparison(before, after, problems)
    sys.stdout.write(render_comparison(comparison, Format(arguments.format), (base, head), **terminal()))
    return FITS if after is None or after.verdict is Verdict.FITS else DOES_NOT_FIT


def _plan(path: str) -> StackPlan | None:
    return size(resolve(read_load(path))) if _is_there(path) else None


def _is_there(path: str) -> bool:
    """Whether something stands at a path; as Git has it, /dev/null stands for a file that is not there."""
    return path != os.devnull and os.path.lexists(Path(path))
