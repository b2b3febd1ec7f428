"""What is wrong with an input: where, what was expected, what was found, the way out.

A problem is about the *form* of a load: a missing field, a name that is not known, a text in the place of a number. A
load of good form that cannot be carried is a :class:`~loadfit.core.findings.Finding` instead.
"""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from loadfit.core.paths import Path, show_path

__all__ = ["SHOWN_PROBLEMS", "InvalidLoad", "Problem", "nearest", "printable", "shown", "under"]

SHOWN_PROBLEMS = 20
"""How many problems of one input are shown in full; the rest is counted."""
_SHOWN_CHARACTERS = 6_000
"""How long all shown problems are together; where they would be longer, fewer are shown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in an input."""

    path: Path
    """Where it stands in the load; empty for the document as a whole."""
    expected: str
    """What would have been right, as the end of "expected ..."."""
    found: str
    """What stands there, as the end of "found ..."."""
    way_out: str = ""
    """What to do about it, as a sentence; empty where ``expected`` says it."""
    line: int | None = None
    """The line in the file, counted from 1, where the input was a file."""

    def __str__(self) -> str:
        where = printable(show_path(self.path), 200)
        text = f"{where}: " if where else ""
        # A part may quote the document.
        text += f"expected {printable(self.expected, 600)}, found {printable(self.found, 300)}"
        return f"{text}. {printable(self.way_out, 600)}" if self.way_out else text


class InvalidLoad(ValueError):
    """An input that is not a load: every problem of it at once.

    Args:
        problems: At least one.
        source: The file, stack or component that the input came from; shown before each problem.
    """

    def __init__(self, problems: Iterable[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__(self._text())

    def __reduce__(self) -> tuple[type["InvalidLoad"], tuple[tuple[Problem, ...], str]]:
        return type(self), (self.problems, self.source)

    def _text(self) -> str:
        lines: list[str] = []
        for problem in self.problems[:SHOWN_PROBLEMS]:
            line = _in_source(problem, self.source)
            if lines and sum(map(len, lines)) + len(line) > _SHOWN_CHARACTERS:
                break
            lines.append(line)
        rest = len(self.problems) - len(lines)
        if rest:
            lines.append(f"... and {rest:,} more {'problem' if rest == 1 else 'problems'}")
        return "\n".join(lines)


def _in_source(problem: Problem, source: str) -> str:
    place = source if problem.line is None else f"{source}:{problem.line}" if source else f"line {problem.line}"
    return f"{place}: {problem}" if place else str(problem)


def under(problems: Iterable[Problem], prefix: Path) -> list[Problem]:
    """The problems of a part, placed in the whole that it is a part of."""
    return [replace(problem, path=prefix + problem.path) for problem in problems]


def printable(text: str, limit: int = 60) -> str:
    r"""Text that is safe and short enough to show: control characters escaped, the middle of a long text cut.

    Args:
        text: Any text.
        limit: The longest result, in characters; at least 10.

    Example:
        >>> printable("a\x1b[31m")
        'a\\x1b[31m'
    """
    if len(text) > 4 * limit:
        text = text[: 2 * limit] + text[-2 * limit :]
        cut = True
    else:
        cut = False
    # Almost every text is plain, and looking at each character of many thousands takes its time.
    plain = text.isascii() and text.isprintable()
    safe = text if plain else "".join(_escaped(character) for character in text)
    if len(safe) > limit or cut:
        half = (limit - 3) // 2
        safe = f"{safe[: limit - 3 - half]}...{safe[-half:]}"
    return safe


def _escaped(character: str) -> str:
    # Cc: controls; Cf: marks that reorder or hide text; Cs: lone surrogates, which no terminal can encode; Zl and Zp:
    # separators that start a new line.
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return character.encode("unicode_escape", "backslashreplace").decode("ascii")
    return character


def shown(value: object) -> str:
    """A found value as a user knows it from a document: type and value, short and safe."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int():
            return _shown_whole(value)
        case float():
            return repr(value)
        case str():
            return f'the text "{printable(value)}"'
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"a value of type {printable(type(value).__name__)}"


def _shown_whole(value: int) -> str:
    # str() refuses to write numbers of more than 4,300 digits.
    return str(value) if abs(value) < 10**30 else "a whole number of more than 30 digits"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely meant, or ``None`` when none is near.

    Example:
        >>> nearest("conections_per_pod", ["connections_per_pod", "pods"])
        'connections_per_pod'
    """
    # difflib compares in time that grows with the product of the lengths.
    close = difflib.get_close_matches(name[:64], list(known), n=1, cutoff=0.6)
    return close[0] if close else None
