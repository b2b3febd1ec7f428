"""``loadfit explain CODE``: one finding explained."""

import argparse
import sys
import textwrap

from loadfit.bundle.advice import codes as advice
from loadfit.cli.failure import Failure
from loadfit.cli.terminal import terminal
from loadfit.core.problems import nearest, printable
from loadfit.databases import codes as databases
from loadfit.egress import codes as egress
from loadfit.functions import codes as functions

__all__ = ["EXPLANATIONS", "HELP", "NAME", "add_arguments", "run"]

NAME = "explain"
HELP = "explain one finding: what it means, its equation, its sources"

EXPLANATIONS = {**egress.EXPLANATIONS, **databases.EXPLANATIONS, **functions.EXPLANATIONS, **advice.EXPLANATIONS}
"""Every room's findings; a code is unique in the project."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("code", metavar="CODE", nargs="?", help="such as NAT_PORTS_SHORT; left out, all are listed")


def run(arguments: argparse.Namespace) -> int:
    """Prints the explanation, or the list of codes.

    Raises:
        Failure: There is no such code.
    """
    if arguments.code is None:
        print("\n".join(sorted(EXPLANATIONS)))
        return 0
    code = str(arguments.code).upper()
    explanation = EXPLANATIONS.get(code)
    if explanation is None:
        meant = nearest(code, EXPLANATIONS)
        way_out = f"Did you mean {meant}?" if meant else "`loadfit explain` lists them all."
        raise Failure(f'explain: expected the code of a finding, found "{printable(str(arguments.code))}". {way_out}')
    width = min(100, terminal()["width"])
    lines = [code, "", *textwrap.wrap(explanation.meaning, width), "", "Equation"]
    for equation in explanation.equation.split("; "):
        lines += textwrap.wrap(equation, width, initial_indent="  ", subsequent_indent="      ")
    lines += ["", "Sources", *(line for source in explanation.sources for line in _source(source, width))]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _source(source: str, width: int) -> list[str]:
    # An address that is broken in two cannot be opened.
    if "://" in source:
        return [f"  {source}"]
    return textwrap.wrap(source, width, initial_indent="  ", subsequent_indent="    ")
