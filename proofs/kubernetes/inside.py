"""The proof itself, as the first process of the namespaces that it runs in: see :mod:`proofs.kubernetes.__main__`."""

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from proofs.claims import Claim, Missing, prove
from proofs.kubernetes import containers, disruptions, rollouts
from proofs.kubernetes.machine import settle
from proofs.kubernetes.node import versions
from proofs.kubernetes.scene import Scene, serving_scene
from proofs.postgresql import programs


def main() -> int:
    """Runs the proof, or its controls: given a folder, a cgroup, and what the command line said."""
    folder, cgroup, *given = Path(sys.argv[1]), *sys.argv[2:]
    # What the servers keep in folders of their own goes with this one.
    tempfile.tempdir = str(folder / "tmp")
    os.environ["TMPDIR"] = tempfile.tempdir
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o1777)
    settle(folder / "node" / "kubelet")
    with ExitStack() as stack:
        try:
            scene = stack.enter_context(serving_scene(folder, cgroup))
        except Missing as lack:
            print(f"proof-kubernetes: not run. {lack}", file=sys.stderr)
            return 2
        except RuntimeError as error:
            print(f"proof-kubernetes: not run, for a part of the cluster did not start. {error}", file=sys.stderr)
            return 1
        told = f"{versions()}; {programs.versions()}"
        return prove("kubernetes", _claims(scene), lambda: told, controls="--controls" in given)


def _claims(scene: Scene) -> list[Claim]:
    return [*rollouts.claims(scene), *disruptions.claims(scene), *containers.claims(scene)]


if __name__ == "__main__":
    sys.exit(main())
