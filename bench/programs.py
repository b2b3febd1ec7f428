"""A program that uses a component, against one that makes the same resources by hand."""

from collections.abc import Iterable
from pathlib import Path

from bench.measuring import PEAK, measure
from loadfit.testing import deploy

__all__ = ["HEADER", "TITLE", "rows"]

TITLE = "examples/egress_program.py, against bench/by_hand.py; offline, in a process each"
HEADER = ("program", "resources", "processor", "times", "memory", "lines")

_PROGRAMS = {"by hand": "bench/by_hand.py", "component": "examples/egress_program.py"}
_CONFIG = {"loadfit:load": "examples/case-study.yaml"}


def rows() -> Iterable[tuple[str, ...]]:
    """Program, its resources, processor time, against the first, peak memory, its length."""
    code = "from loadfit.testing import deploy; deploy({!r}, config={!r}); {}"
    taken = measure({name: ("-c", code.format(path, _CONFIG, PEAK)) for name, path in _PROGRAMS.items()}, runs=7)
    base = taken["by hand"].cpu_seconds
    for name, one in taken.items():
        path = _PROGRAMS[name]
        resources = len(deploy(path, config=_CONFIG).resources)
        yield (
            name,
            str(resources),
            f"{one.cpu_seconds:.2f} s",
            f"{one.cpu_seconds / base:.2f}",
            f"{one.memory_mib:.0f} MiB",
            str(len(Path(path).read_text(encoding="utf-8").splitlines())),
        )
