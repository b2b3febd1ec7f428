"""How long handlers take to start: fresh processes, page cache warm, functions taking turns."""

import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.bundle.folders import NODE

__all__ = ["ENVIRONMENT", "PYTHON", "Starts", "starts"]

RUNS = 30

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "an example",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "DATABASE_URL": "postgresql+pg8000://orders@localhost/orders",
    "NODE_NO_WARNINGS": "1",
    "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1",
}
"""What a function finds; the keys are those of the manual's examples."""

# As Lambda has it: nothing but the package and the standard library, and a folder of code that is read-only.
PYTHON = [sys.executable, "-I", "-S", "-B"]
_PYTHON = """
import sys, time
sys.path.insert(0, sys.argv[1])
began, busy = time.perf_counter(), time.process_time()
import app
print(time.perf_counter() - began, time.process_time() - busy)
app.handler({"order": "o1", "lines": [["0.10", 3]]}, None)
print(time.perf_counter() - began, time.process_time() - busy)
"""
_NODE = """
const began = process.hrtime.bigint(), busy = process.cpuUsage();
const tell = () => {
  const { user, system } = process.cpuUsage(busy);
  console.log(Number(process.hrtime.bigint() - began) / 1e9, (user + system) / 1e6);
};
(async () => {
  const found = await import(process.argv[1]);
  tell();
  await (found.handler ?? found.default.handler)({ order: "o1", lines: [{ cents: 10, quantity: 3 }] });
  tell();
  process.exit(0);
})();
"""


@dataclass(frozen=True)
class Starts:
    """Seconds of each start: that passed, and of the processor, which other work on the machine does not lengthen."""

    passed: list[float]
    busy: list[float]

    @property
    def median(self) -> float:
        """Seconds of the processor."""
        return statistics.median(self.busy)

    def __str__(self) -> str:
        low, _, high = statistics.quantiles(self.busy, n=4)
        return f"{self.median * 1000:,.0f} ms ({low * 1000:,.0f} to {high * 1000:,.0f})"


def starts(functions: Mapping[str, Path]) -> dict[str, tuple[Starts, Starts]]:
    """Starts each function thirty times, after once to warm the page cache: its init, and until its first answer.

    Args:
        functions: A folder with app.py, or a file of Node.js, by name.
    """
    taken = {name: (Starts([], []), Starts([], [])) for name in functions}
    for turn in range(RUNS + 1):
        for name, path in functions.items():
            command = [*PYTHON, "-c", _PYTHON, path] if path.is_dir() else [NODE, "-e", _NODE, path]
            done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{path} does not start: {done.stderr[-1500:]}")
            if turn:
                for told, line in zip(taken[name], done.stdout.splitlines(), strict=True):
                    passed, busy = line.split()
                    told.passed.append(float(passed))
                    told.busy.append(float(busy))
    return taken
