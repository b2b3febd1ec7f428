"""The terminal that a command prints to."""

import os
import shutil
import sys
from typing import TypedDict

__all__ = ["Terminal", "terminal"]


class Terminal(TypedDict):
    """What text is fitted to."""

    width: int
    color: bool


def terminal() -> Terminal:
    """Its width in columns, 80 where there is none; color only on a terminal, and not against its user's wish."""
    # https://no-color.org
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return {"width": shutil.get_terminal_size((80, 24)).columns, "color": sys.stdout.isatty() and wanted}
