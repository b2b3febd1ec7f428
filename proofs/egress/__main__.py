"""Proves what egress sizing claims on the NAT of a Linux kernel: ``make proof-egress``."""

import sys

from proofs.claims import arguments, prove
from proofs.egress.claims import CLAIMS
from proofs.egress.network import isolate, versions


def main() -> int:
    """Runs the proof, or its controls."""
    return prove("egress", CLAIMS, _prepare, controls=arguments("egress").parse_args().controls)


def _prepare() -> str:
    isolate()
    return versions()


if __name__ == "__main__":
    sys.exit(main())
