"""``loadfit explain CODE``: one finding explained."""

import argparse
import sys
import textwrap

from loadfit.cli.failure import Failure
from loadfit.cli.terminal import terminal
from loadfit.core.problems import nearest, printable
from loadfit.egress.codes import EXPLANATIONS

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "explain"
HELP = "explain one finding: what it means, its equation, its sources"


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
    lines += ["", "Sources", *(f"  {source}" for source in explanation.sources)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
