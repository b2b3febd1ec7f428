"""A command written in Python, for many runs in processes of their own, which start with its modules imported.

As a program, it is the process that these are forked from: `python forking.py MODULE IMPORTED...`.
"""

import gc
import importlib
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

__all__ = ["Forking"]


class Forking:
    """Runs a module as `python -m` does: each run is a process, from its words to its exit code.

    Args:
        module: The command.
        imported: What it imports.
        environment: What it is told.
        folder: Where what it prints is written.
    """

    def __init__(self, module: str, imported: Iterable[str], environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            # Without this file's folder among those that modules are looked for in.
            [sys.executable, "-P", __file__, module, *imported],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._folder = folder

    def run(
        self, words: list[str], cwd: Path, *, memory_kib: int, processor_seconds: int
    ) -> subprocess.CompletedProcess[bytes]:
        """One run, which ends when it has used so much, or after twelve times as many seconds of the clock.

        Where the kernel does not bound the memory, the clock alone ends it.
        """
        out, err = self._folder / "out", self._folder / "err"
        asked = {
            "words": words,
            "cwd": os.fspath(cwd),
            "out": os.fspath(out),
            "err": os.fspath(err),
            "memory": memory_kib * 1024,
            "seconds": processor_seconds,
        }
        print(json.dumps(asked), file=_open(self._process.stdin), flush=True)
        code = int(_open(self._process.stdout).readline())
        return subprocess.CompletedProcess(words, code, out.read_bytes(), err.read_bytes())

    def stop(self) -> None:
        """Ends the process that they are forked from."""
        self._process.communicate()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _serve(module: str) -> None:
    """Answers each request, a line of JSON, with the exit code."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _begin(json.loads(line))
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _begin(asked: Mapping[str, Any]) -> None:
    """What a shell does before it starts a program."""
    for stream, file in enumerate([os.devnull, asked["out"], asked["err"]]):
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, stream)
        os.close(opened)
    os.chdir(asked["cwd"])
    sys.argv[1:] = asked["words"]
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
        resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
    signal.alarm(12 * asked["seconds"])


if __name__ == "__main__":
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()
    _serve(sys.argv[1])
