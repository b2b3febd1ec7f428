"""A path as a package."""

import os
from pathlib import Path

from loadfit.bundle.archive import Archive
from loadfit.bundle.contents import Contents, refusal
from loadfit.bundle.folder import Folder
from loadfit.core.problems import printable

__all__ = ["read_contents"]


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Opens a folder or a zip file as a package. To be closed, or used in a ``with`` statement.

    Raises:
        InvalidLoad: It is neither, or one that no function can be made from: see ``docs/bundle.md``.
    """
    source = printable(os.fspath(path), 200)
    if not os.fspath(path) or "\0" in os.fspath(path):
        raise refusal(source, "the path of a folder or a zip file", "no path")
    try:
        where = Path(path).resolve(strict=True)
        if where.is_dir():
            return Folder(where, source)
        if where.is_file():
            return Archive(where, source)
    except FileNotFoundError:
        raise refusal(source, "a folder or a zip file", "nothing at this path") from None
    except (OSError, RuntimeError) as error:
        # RuntimeError: Path.resolve meets a link that leads to itself, before Python 3.13.
        reason = getattr(error, "strerror", None) or "a link that leads to itself"
        raise refusal(source, "a folder or a zip file", f"one that cannot be read ({reason})") from None
    raise refusal(source, "a folder or a zip file", "neither")
