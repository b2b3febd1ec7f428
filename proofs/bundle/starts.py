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
began = time.perf_counter()
import app
print(time.perf_counter() - began)
"""
_NODE = """
const began = process.hrtime.bigint();
import(process.argv[1]).then(() => {
  console.log(Number(process.hrtime.bigint() - began) / 1e9);
  process.exit(0);
});
"""


@dataclass(frozen=True)
class Starts:
    """Seconds of each start."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """In seconds."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return f"{self.median * 1000:,.0f} ms ({low * 1000:,.0f} to {high * 1000:,.0f})"


def starts(functions: Mapping[str, Path]) -> dict[str, Starts]:
    """Starts each function thirty times, after once to warm the page cache.

    Args:
        functions: A folder with app.py, or a file of Node.js, by name.
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(RUNS + 1):
        for name, path in functions.items():
            command = [*PYTHON, "-c", _PYTHON, path] if path.is_dir() else [NODE, "-e", _NODE, path]
            done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{path} does not start: {done.stderr[-1500:]}")
            if turn:
                taken[name].append(float(done.stdout))
    return {name: Starts(seconds) for name, seconds in taken.items()}
