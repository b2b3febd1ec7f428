"""From a text to YAML's events, or to one mistake of encoding or syntax, told in plain words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadfit.core.problems import Problem, printable

if TYPE_CHECKING:
    import yaml

__all__ = ["HALF_CHARACTER", "MAX_BYTES", "Refused", "events"]

MAX_BYTES = 8 * 1024 * 1024
"""The largest text, in bytes; a load of a thousand workloads takes about a hundred thousand."""

HALF_CHARACTER = "an escape that is no character"
"""What a document holds where an escape stands for half of a surrogate pair."""


class Refused(Exception):
    """The text as a whole is refused."""

    def __init__(self, line: int | None, expected: str, found: str, way_out: str = "") -> None:
        super().__init__(expected, found)
        self.problem = Problem((), expected, found, way_out, line)


def events(text: bytes | str) -> "Iterator[yaml.Event]":
    """The events of a text, one by one: later mistakes are not met where an earlier event ends the reading.

    Raises:
        Refused: At a mistake of encoding or syntax.
    """
    return _parsed(_readable(text))


# What YAML takes as text (https://yaml.org/spec/1.2.2/#51-character-set), without the byte order mark.
_UNREADABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TAG_DIRECTIVE = re.compile("^%TAG", re.MULTILINE)


def _readable(text: bytes | str) -> str:
    """The text as YAML takes it."""
    if len(text) > MAX_BYTES:
        raise Refused(None, "at most 8 MiB", f"{len(text) / 2**20:,.1f} MiB", "Is this the right file?")
    if isinstance(text, bytes):
        if text.startswith((b"\xff\xfe", b"\xfe\xff")) or text[:2].count(0) == 1:
            raise Refused(1, "UTF-8", "UTF-16", "Save the file as UTF-8.")
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line = text[: error.start].count(b"\n") + 1
            found = f"the byte 0x{text[error.start]:02x}, which is none"
            raise Refused(line, "UTF-8", found, "Save the file as UTF-8.") from None
    text = text.removeprefix("\ufeff")
    unreadable = _UNREADABLE.search(text)
    if unreadable is not None:
        line = text.count("\n", 0, unreadable.start()) + 1
        raise Refused(line, "text", f"the character {printable(unreadable[0])}", "In quotes, write it as an escape.")
    directive = _TAG_DIRECTIVE.search(text)
    if directive is not None:
        # libyaml compares each with all before it.
        raise Refused(text.count("\n", 0, directive.start()) + 1, "no tags", "a %TAG directive", "Leave it out.")
    return text


def _parsed(text: str) -> "Iterator[yaml.Event]":
    import yaml  # noqa: PLC0415 - only reading a load needs PyYAML

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)  # pyright: ignore[reportUnknownMemberType] - partly untyped
    except yaml.MarkedYAMLError as error:
        raise _explained(error, text) from None
    except (ValueError, OverflowError):
        # PyYAML's own scanner lets chr() fail on an escape beyond Unicode, and int() on a version of many digits.
        raise Refused(None, "valid YAML", "an escape or a version that is out of range") from None
    except yaml.YAMLError as error:
        raise Refused(None, "valid YAML", printable(str(error), 200)) from None


@dataclass(frozen=True, slots=True)
class _Syntax:
    """A mistake of syntax: how either parser of PyYAML tells it, and how it is told here."""

    problem: str
    context: str
    found: str
    way_out: str = ""
    where_it_began: bool = False
    """Whether the line to show is where the broken thing begins, not where it was noticed."""


_SYNTAX = (
    _Syntax("tab character", "", "a tab in the place of spaces", "Indent with spaces."),
    _Syntax("end of stream", "quoted scalar", "a quote that is not closed", "Close it.", where_it_began=True),
    _Syntax(
        "',' or ']'", "flow sequence", "a [ that is not closed", "Close it before line {line}.", where_it_began=True
    ),
    _Syntax(
        "',' or '}'", "flow mapping", "a {{ that is not closed", "Close it before line {line}.", where_it_began=True
    ),
    _Syntax("node content", "flow node", "a bracket that is not closed, or a comma too many"),
    _Syntax("", "simple key", "a line without a colon", "Write it as key: value.", where_it_began=True),
    _Syntax("mapping values are not", "", "a second colon in one line", "Quote the value, or start a new line."),
    _Syntax("", "scanning an alias", "a text that begins with *", "Put it in quotes."),
    _Syntax("", "scanning an anchor", "a text that begins with &", "Put it in quotes."),
    _Syntax("", "scanning a tag", "a text that begins with !", "Put it in quotes."),
    _Syntax("cannot start any token", "", "a character that begins no value", "Put the value in quotes."),
    _Syntax("Unicode character escape", "", HALF_CHARACTER),
    _Syntax("", "block mapping", "no key of the mapping that begins in line {began}", "Check indentation and quotes."),
    _Syntax("", "block collection", "no item of the list that begins in line {began}", "Check indentation and quotes."),
)


def _explained(error: "yaml.MarkedYAMLError", text: str) -> Refused:
    """A mistake of syntax, in the parser's words only where there are no plainer ones."""
    problem, context = str(error.problem or ""), str(error.context or "")
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    began = error.context_mark.line + 1 if error.context_mark else line
    if mark and text[mark.index : mark.index + 1] == "\t":
        problem += " tab character"
    for row in _SYNTAX:
        if row.problem in problem and row.context in context:
            where = began if row.where_it_began else line
            return Refused(
                where, "valid YAML", *(part.format(line=line, began=began) for part in (row.found, row.way_out))
            )
    return Refused(line, "valid YAML", f"a mistake: {printable(f'{problem} {context}'.strip(), 200)}")
