"""What SDKs are made, checked and run with, in ``.sdks``: ``make sdks``.

The generator is built from ``engine/sdks``, with Go; the packages of Node.js come from npm's index, as
``node/package-lock.json`` has them; Go's modules, as ``go/go.sum`` has them, are compiled once into Go's own cache.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.hosted.schema import SNAPSHOT
from tests.node import NpmFailed, install

__all__ = ["MODULES", "generate", "go", "go_program", "is_ready"]

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
WORKSHOP = ROOT / ".sdks"
MODULES = WORKSHOP / "node_modules"
GENERATOR = WORKSHOP / "generate"
MADE_FROM = [
    *sorted((ROOT / "engine/sdks").iterdir()),
    ROOT / "engine/go.sum",
    HERE / "node/package-lock.json",
    HERE / "go/go.sum",
]
GO = WORKSHOP / "go.txt"
"""The command, and what it is told of its own version, as tools/sdks found them."""
READY = WORKSHOP / "ready"


def digest() -> str:
    """Of what the workshop is made from."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in MADE_FROM)).hexdigest()


def is_ready() -> bool:
    """Whether it is there, and up to date."""
    return READY.exists() and READY.read_text(encoding="utf-8") == digest()


def generate(folder: Path) -> None:
    """Writes the SDKs of the schema that the package serves to ``folder/nodejs`` and ``folder/go``."""
    schema: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))  # a test holds it to what is served
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.json").write_text(json.dumps({**schema, "version": "0.0.0"}), encoding="utf-8")
    subprocess.run([GENERATOR, folder / "schema.json", folder], check=True)
    # The CLI writes this one when it adds the package to a project.
    module = "module example.com/pulumi-loadfit/sdk/go/loadfit\n\ngo 1.24\n"
    (folder / "go/loadfit/go.mod").write_text(module, encoding="utf-8")


def go(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of Go in a folder, with the user's own cache, which tests have put elsewhere for themselves."""
    command, toolchain = GO.read_text(encoding="utf-8").splitlines()
    environment = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    return subprocess.run(
        [command, *arguments],
        cwd=folder,
        env={**environment, "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath", "GOTOOLCHAIN": toolchain},
        capture_output=True,
        text=True,
        check=False,
    )


def go_program(folder: Path, program: Path) -> None:
    """Lays out a program in Go beside its SDK, with its requirements as they are locked."""
    generate(folder / "sdks")
    for name in ("go.mod", "go.sum"):
        shutil.copy(HERE / "go" / name, folder / name)
    shutil.copytree(HERE / "go/aws", folder / "aws")
    shutil.copy(program, folder / "main.go")


def set_up() -> None:
    """Makes the workshop, where it is not there or is not up to date; tools/sdks has found Go for it."""
    if is_ready():
        return
    shutil.rmtree(WORKSHOP, ignore_errors=True)
    WORKSHOP.mkdir()
    GO.write_text(f"{os.environ['GO']}\n{os.environ['GOTOOLCHAIN']}\n", encoding="utf-8")
    built = go(ROOT / "engine", "build", "-o", str(GENERATOR), "./sdks")
    if built.returncode:
        sys.exit(built.stderr)
    try:
        install(HERE / "node", WORKSHOP, "--ignore-scripts")
    except NpmFailed as failed:
        sys.exit(f"make sdks: {failed}")
    go_program(WORKSHOP / "go", ROOT / "examples/hosted/go/main.go")
    compiled = go(WORKSHOP / "go", "build", "./...")
    if compiled.returncode:
        sys.exit(compiled.stderr)
    READY.write_text(digest(), encoding="utf-8")


if __name__ == "__main__":
    set_up()
