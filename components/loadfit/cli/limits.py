"""``loadfit limits FILE``: how far each declared number can grow until which limit breaks."""

import argparse
import sys

from loadfit.cli.failure import DOES_NOT_FIT, FITS
from loadfit.cli.terminal import terminal
from loadfit.core.findings import Verdict
from loadfit.documents import read_load
from loadfit.reports import Format
from loadfit.stack import resolve, size

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "limits"
HELP = "tell how far each declared number can grow until which limit breaks"

_FORMATS = (Format.TEXT, Format.MARKDOWN, Format.JSON)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("file", metavar="FILE", help="a load document, or a Pulumi.<stack>.yaml that carries one")
    parser.add_argument(
        "--format",
        choices=[form.value for form in _FORMATS],
        default=Format.TEXT.value,
        help="how to report (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Sizes the file, moves each of its numbers, and prints the report to standard output.

    Raises:
        InvalidLoad: The file is not a load.
    """
    from loadfit.reports.growth import render_growth
    from loadfit.stack.growth import find_limits

    plan = size(resolve(read_load(arguments.file)))
    sys.stdout.write(render_growth(find_limits(plan), Format(arguments.format), arguments.file, **terminal()))
    return FITS if plan.verdict is Verdict.FITS else DOES_NOT_FIT
