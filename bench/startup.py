"""What the command line takes, against a Python that only imports the libraries that it is made of."""

from collections.abc import Iterable

from bench.measuring import measure

__all__ = ["HEADER", "TITLE", "rows"]

TITLE = "loadfit size examples/case-study.yaml, against a Python that imports pydantic and yaml"
HEADER = ("process", "processor", "times")

_SIZE = ("-m", "loadfit.cli", "size", "examples/case-study.yaml", "--format")


def rows() -> Iterable[tuple[str, ...]]:
    """Process, processor time, against the first."""
    taken = measure(
        {
            "imports": ("-c", "import yaml; from pydantic import BaseModel"),
            "imports, and one model of one field": (
                "-c",
                "import yaml; from pydantic import BaseModel\nclass A(BaseModel):\n a: int",
            ),
            "loadfit size --format json": (*_SIZE, "json"),
            "loadfit size": (*_SIZE, "text"),
        },
        runs=20,
    )
    base = taken["imports"].cpu_seconds
    for name, one in taken.items():
        yield name, f"{one.cpu_seconds * 1000:.0f} ms", f"{one.cpu_seconds / base:.2f}"
