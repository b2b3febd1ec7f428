"""Proves PgBouncerPool on a Kubernetes node: ``make proof-kubernetes``."""

import sys

from proofs.claims import Missing, arguments
from proofs.engine.stack import find_cli
from proofs.kubernetes.control_plane import programs
from proofs.kubernetes.machine import grounds, require_machine
from proofs.kubernetes.node import node_programs
from proofs.postgresql.processes import ending_on_signals
from proofs.postgresql.programs import require


def main() -> int:
    """Runs the proof, or its controls, in namespaces of its own."""
    given = arguments("kubernetes").parse_args()
    try:
        with ending_on_signals():
            for needs in (require_machine, require, find_cli, programs, node_programs):
                needs()
            with grounds() as own:
                return own.run("proofs.kubernetes.inside", ["--controls"] if given.controls else [])
    except Missing as lack:
        print(f"proof-kubernetes: not run. {lack}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("proof-kubernetes: interrupted. Nothing of it is left.", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(f"proof-kubernetes: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
