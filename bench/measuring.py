"""Processes, measured side by side."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["PEAK", "Measured", "measure", "peak_mib"]


@dataclass(frozen=True)
class Measured:
    """What a process took: the median of its runs."""

    cpu_seconds: float
    """Of the processor: on a machine that others use too, it says more than the clock."""
    memory_mib: float
    """At its peak, where it has printed :data:`PEAK`; otherwise 0."""


PEAK = "print(open('/proc/self/status').read())"
"""What a program ends with whose memory is of interest. A child's own ``ru_maxrss`` begins with that of its parent."""


def measure(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Measured]:
    """Runs Python programs, in turn, so that what disturbs one disturbs all.

    Args:
        commands: Arguments of Python, by name.
        runs: Of each, after one that is not counted.

    Raises:
        RuntimeError: A program failed.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, arguments in commands.items():
            taken[name].append(_run(arguments))
    return {name: Measured(*(median(each) for each in zip(*many[1:], strict=True))) for name, many in taken.items()}


def _run(arguments: Sequence[str]) -> tuple[float, float]:
    reading, writing = os.pipe()
    output = (os.POSIX_SPAWN_DUP2, writing, 1)
    process = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ, file_actions=[output])
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as printed:
        memory = peak_mib(printed.read())
    _, status, usage = os.wait4(process, 0)
    if status:
        raise RuntimeError(f"`python {' '.join(arguments)}` failed")
    return usage.ru_utime + usage.ru_stime, memory


def peak_mib(status: str) -> float:
    """What Linux says of a process's memory at its peak.

    Args:
        status: Its ``/proc/PID/status``.
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0
