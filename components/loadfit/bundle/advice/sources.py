"""Which sources can be read, and why the others cannot."""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from loadfit.bundle.advice.program import OWN, Module
from loadfit.bundle.advice.python import read_python

__all__ = ["LONGEST_FILE", "LONGEST_TOGETHER", "Unreadable", "read"]

LONGEST_FILE = 1_000_000
"""Longer ones, in characters, are generated: nobody would follow advice about a line in them."""
LONGEST_TOGETHER = 16_000_000
"""What all files together may have, in characters: it bounds the time."""

ENDINGS = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
"""Of the files that are read."""
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
"""They have types and nothing that runs."""
_MINIFIED = 5_000
"""A file with a line of so many characters for each of its lines, on average, was written by a program."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is not part of the analysis."""

    path: str
    line: int
    why: str
    """The end of "The file was not analyzed: "."""


def read(sources: Mapping[str, str]) -> Iterator[Module | Unreadable]:
    """Each source as a module, or why it is none; other files are passed over."""
    left = LONGEST_TOGETHER
    paths = [
        path
        for path in sorted(sources)
        if path.endswith(ENDINGS) and not path.endswith(_DECLARATIONS) and OWN not in path
    ]
    for path in paths:
        text = sources[path]
        if len(text) > LONGEST_FILE:
            yield Unreadable(
                path, 1, f"it has {len(text):,} characters, and files above {LONGEST_FILE:,} are generated"
            )
        elif len(text) > left:
            yield Unreadable(path, 1, f"the files before it have {LONGEST_TOGETHER:,} characters together")
        elif (zero := text.find("\0")) >= 0:
            yield Unreadable(path, text.count("\n", 0, zero) + 1, "it has zero bytes, so it is not text")
        else:
            left -= len(text)
            yield _read(path, _plain(text), paths)


def _plain(text: str) -> str:
    """Without a byte order mark, and without halves of characters, which no parser takes."""
    return text.removeprefix("\ufeff").encode("utf-8", "replace").decode("utf-8")


def _read(path: str, text: str, paths: list[str]) -> Module | Unreadable:
    try:
        return _python(path, text, paths) if path.endswith(".py") else _javascript(path, text, paths)
    except (RecursionError, MemoryError):
        return Unreadable(path, 1, "it is nested too deeply")


def _python(path: str, text: str, paths: list[str]) -> Module | Unreadable:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the source's own, such as of an invalid escape
            tree = ast.parse(text)
    except SyntaxError as error:
        return Unreadable(path, error.lineno or 1, f"{error.msg}, for the Python that runs loadfit")
    except ValueError as error:
        return Unreadable(path, 1, str(error))
    return read_python(path, tree, paths)


def _javascript(path: str, text: str, paths: list[str]) -> Module | Unreadable:
    if len(text) > _MINIFIED * (text.count("\n") + 1):
        return Unreadable(path, 1, "it is minified")
    # Loaded here: a function in Python needs no parser of JavaScript.
    from loadfit.bundle.advice.javascript.reader import read_javascript  # noqa: PLC0415
    from loadfit.bundle.advice.javascript.syntax import mistake, parse  # noqa: PLC0415

    root = parse(path, text)
    line = mistake(root)
    if line is not None:
        return Unreadable(path, line, "invalid syntax")
    return read_javascript(path, root, paths)
