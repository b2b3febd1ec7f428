"""``loadfit size FILE``: sizes a load document or a Pulumi stack file."""

import argparse
import sys

from loadfit.cli.failure import DOES_NOT_FIT, FITS
from loadfit.cli.terminal import terminal
from loadfit.core.findings import Verdict
from loadfit.documents import read_resolved
from loadfit.reports import Format, render
from loadfit.stack import size

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "size"
HELP = "size a load document or a Pulumi stack file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("file", metavar="FILE", help="a load document, or a Pulumi.<stack>.yaml that carries one")
    parser.add_argument(
        "--format",
        choices=[form.value for form in Format],
        default=Format.TEXT.value,
        help="how to report (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Sizes the file and prints the report to standard output.

    Raises:
        InvalidLoad: The file is not a load.
    """
    plan = size(read_resolved(arguments.file))
    sys.stdout.write(render(plan, Format(arguments.format), arguments.file, **terminal()))
    return FITS if plan.verdict is Verdict.FITS else DOES_NOT_FIT
