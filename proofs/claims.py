"""A proof on a real system: claims, each with a control, checked one after the other."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from proofs.table import Row, print_table

__all__ = ["Claim", "Missing", "arguments", "prove"]


class Missing(Exception):
    """What this machine lacks, and what to do, as a sentence."""


@dataclass(frozen=True)
class Claim:
    """A claim and its control."""

    fault: str
    """What breaks it, as the end of "broken where"."""
    check: Callable[[bool], Row]
    """Checks it; with the fault, where that is asked for. Not called inside of an event loop. May raise Missing."""


def arguments(name: str) -> argparse.ArgumentParser:
    """What every such proof is told on the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m proofs.{name}")
    parser.add_argument("--controls", action="store_true", help="plant a fault for each claim, which has to break it")
    return parser


def prove(
    name: str,
    claims: Sequence[Claim],
    prepare: Callable[[], str],
    *,
    controls: bool,
    afterwards: Callable[[], None] = lambda: None,
) -> int:
    """Prints a table of claim, measured, bound and verdict.

    Args:
        name: The proof's.
        claims: What is checked.
        prepare: Makes the machine ready, and says what the proof runs on. May raise Missing.
        controls: Whether each claim has to be broken by its fault.
        afterwards: What is done once all is measured.

    Returns:
        How the program ends: with 1 where a claim is broken, with 2 where the machine lacks what it takes, with 130
        after an interrupt.
    """
    rows: list[Row] = []
    lacks = False
    try:
        print(prepare(), flush=True)
        _check(claims, controls, rows)
        afterwards()
    except Missing as lack:
        lacks = True
        print(f"proof-{name}: {'not run to its end' if rows else 'not run'}. {lack}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"proof-{name}: interrupted. Nothing of it is left.", file=sys.stderr)
        return 130
    except Exception:
        print_table(rows)  # what was measured until then took its time
        raise
    if rows:
        print_table(rows)
    if not all(row.holds for row in rows):
        return 1
    return 2 if lacks else 0


def _check(claims: Sequence[Claim], controls: bool, rows: list[Row]) -> None:
    console = Console(stderr=True)
    columns = (TextColumn("claim {task.fields[number]} of {task.total}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("claims", total=len(claims), number=1)
        for number, claim in enumerate(claims, 1):
            progress.update(task, completed=number - 1, number=number)
            row = claim.check(controls)
            rows.append(_broken(claim, row) if controls else row)


def _broken(claim: Claim, row: Row) -> Row:
    """A control holds where the claim is broken."""
    return Row(f"broken where {claim.fault}", row.measured, f"not {row.bound}", not row.holds)
