"""Writes what programs in other languages see of the package: ``make schema``. It changes where the surface does."""

import json
import sys
from typing import Any

from tests.hosted.provider import ROOT, started

SNAPSHOT = ROOT / "tests/hosted/schema.json"


def reviewed(served: str) -> str:
    """The schema as it is kept: in lines, and without the version, which changes with every release."""
    schema: dict[str, Any] = json.loads(served)
    del schema["version"]
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    with started() as provider:
        text = reviewed(provider.schema())
    if not SNAPSHOT.exists() or SNAPSHOT.read_text(encoding="utf-8") != text:
        SNAPSHOT.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written: {SNAPSHOT.relative_to(ROOT)}\n")
