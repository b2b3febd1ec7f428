"""Proves what connection sizing claims on PgBouncer and PostgreSQL: ``make proof-pooling``.

Prints a table of claim, measured, bound and verdict. Ends with 1 where a claim is broken, with 2 where the machine
lacks what it takes.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from proofs.pooling import clients, credentials, failures, restarts, waiting
from proofs.pooling.claim import Claim
from proofs.pooling.plots import draw
from proofs.postgresql.programs import Missing, require, versions
from proofs.table import Row, print_table

CLAIMS: Sequence[Claim] = (*clients.CLAIMS, *waiting.CLAIMS, *restarts.CLAIMS, *failures.CLAIMS, *credentials.CLAIMS)


def main() -> int:
    """Runs the proof, or its controls."""
    parser = argparse.ArgumentParser(prog="python -m proofs.pooling")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--controls", action="store_true", help="plant a fault for each claim, which has to break it")
    either.add_argument("--plots", type=Path, metavar="FOLDER", help="draw what is measured, as SVG files")
    given = parser.parse_args()
    if given.plots and not given.plots.is_dir():
        parser.error(f"--plots: {given.plots} is not a folder")
    rows: list[Row] = []
    missing = False
    try:
        require()
        print(versions(), flush=True)
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)  # waiting for a processor is none of the waits that it measures
        _run(given.controls, rows)
        if given.plots:
            draw(given.plots)
    except Missing as lack:
        missing = True
        print(f"proof-pooling: {'not run to its end' if rows else 'not run'}. {lack}", file=sys.stderr)
    except KeyboardInterrupt:
        print("proof-pooling: interrupted. Its servers are gone.", file=sys.stderr)
        return 130
    if rows:
        print_table(rows)
    if not all(row.holds for row in rows):
        return 1
    return 2 if missing else 0


def _run(controls: bool, rows: list[Row]) -> None:
    console = Console(stderr=True)
    columns = (TextColumn("claim {task.fields[number]} of {task.total}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("claims", total=len(CLAIMS), number=1)
        for number, claim in enumerate(CLAIMS, 1):
            progress.update(task, completed=number - 1, number=number)
            row = claim.check(controls)
            rows.append(_broken(claim, row) if controls else row)


def _broken(claim: Claim, row: Row) -> Row:
    """A control holds where the claim is broken."""
    return Row(f"broken where {claim.fault}", row.measured, f"not {row.bound}", not row.holds)


if __name__ == "__main__":
    sys.exit(main())
