"""Proves what egress sizing claims on the NAT of a Linux kernel: ``make proof-egress``.

Prints a table of claim, measured, bound and verdict. Ends with 1 where a claim is broken, with 2 where the machine
lacks what it takes.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from proofs.egress.claims import CLAIMS
from proofs.egress.network import Missing, isolate, versions
from proofs.table import Row, print_table


def main() -> int:
    """Runs the proof, or its controls."""
    parser = argparse.ArgumentParser(prog="python -m proofs.egress")
    parser.add_argument("--controls", action="store_true", help="plant a fault for each claim, which has to break it")
    controls = parser.parse_args().controls
    try:
        isolate()
        print(versions())
        rows = asyncio.run(_controls() if controls else _claims())
    except Missing as missing:
        print(f"proof-egress: not run. {missing}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("proof-egress: interrupted. Its namespaces and links are gone.", file=sys.stderr)
        return 130
    print_table(rows)
    return 0 if all(row.holds for row in rows) else 1


async def _claims() -> Sequence[Row]:
    return [await claim.check(False) for claim in CLAIMS]


async def _controls() -> Sequence[Row]:
    """Each holds where the claim is broken."""
    rows: list[Row] = []
    for claim in CLAIMS:
        row = await claim.check(True)
        rows.append(Row(f"broken where {claim.fault}", row.measured, f"not {row.bound}", not row.holds))
    return rows


if __name__ == "__main__":
    sys.exit(main())
