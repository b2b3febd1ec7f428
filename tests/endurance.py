"""A thousand programs in one process: ``make endurance``. Memory stays flat, and no program depends on another."""

import argparse
import gc
import random
import re
import sys
from pathlib import Path

from loadfit.testing import deploy

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = ("egress_program.py", "pool_program.py")
CONFIG = {"loadfit:load": "examples/case-study.yaml"}
WARM = 200
"""Runs before memory is first looked at: by then everything that is made once is there."""
GROWTH_KIB_PER_RUN = 10


def main() -> int:
    """Runs them, in an order of chance, and compares each with the first run of its kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance")
    parser.add_argument("--runs", type=int, default=1000, help=f"more than {WARM}")
    runs = parser.parse_args().runs
    if runs <= WARM:
        parser.error(f"--runs: expected more than {WARM}, found {runs}")
    order = random.Random(2026)
    first: dict[str, object] = {}
    before = 0
    for number in range(runs):
        if number == WARM:
            before = memory_kib()
        program = order.choice(PROGRAMS)
        done = deploy(str(EXAMPLES / program), config=CONFIG)
        asked = [(one.type, one.name, repr(one.inputs)) for one in done.resources], repr(done.outputs)
        if first.setdefault(program, asked) != asked:
            print(f"{program} asked for something else in run {number}", file=sys.stderr)  # noqa: T201
            return 1
    growth = (memory_kib() - before) / (runs - WARM)
    print(f"{runs} runs, {growth:+.2f} KiB a run after the first {WARM}, at most {GROWTH_KIB_PER_RUN}")  # noqa: T201
    return 0 if growth <= GROWTH_KIB_PER_RUN else 1


def memory_kib() -> int:
    """What the process holds now."""
    gc.collect()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    sys.exit(main())
