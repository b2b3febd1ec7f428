"""Proves what connection sizing claims on PgBouncer and PostgreSQL: ``make proof-pooling``."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from proofs.claims import Claim, arguments, prove
from proofs.pooling import clients, credentials, failures, restarts, waiting
from proofs.pooling.plots import draw
from proofs.postgresql.programs import require, versions

CLAIMS: Sequence[Claim] = (*clients.CLAIMS, *waiting.CLAIMS, *restarts.CLAIMS, *failures.CLAIMS, *credentials.CLAIMS)


def main() -> int:
    """Runs the proof, or its controls."""
    parser = arguments("pooling")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw what is measured, as SVG files")
    given = parser.parse_args()
    if given.plots and given.controls:
        parser.error("--plots: expected it without --controls, whose faults it would draw")
    if given.plots and not given.plots.is_dir():
        parser.error(f"--plots: expected a folder, found {given.plots}")

    def draw_them() -> None:
        if given.plots:
            draw(given.plots)

    return prove("pooling", CLAIMS, _prepare, controls=given.controls, afterwards=draw_them)


def _prepare() -> str:
    require()
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # waiting for a processor is none of the waits that it measures
    return versions()


if __name__ == "__main__":
    sys.exit(main())
