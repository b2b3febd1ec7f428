"""From YAML's events to a document: without recursion, and within limits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from loadfit.core.paths import Path
from loadfit.core.plain_yaml.document import Document, Node
from loadfit.core.plain_yaml.events import HALF_CHARACTER, Refused, events
from loadfit.core.problems import SHOWN_PROBLEMS, InvalidLoad, Problem, nearest, printable, shown

if TYPE_CHECKING:
    import yaml

__all__ = ["MAX_DEPTH", "MAX_TEXT", "MAX_VALUES", "parse_yaml"]

MAX_DEPTH = 100
"""How deep mappings and lists may be nested; a load takes 6 levels, a stack file 8."""
MAX_VALUES = 100_000
"""How many keys and values a document may have; what an alias repeats counts each time."""
MAX_TEXT = 10_000
"""The longest single text, in characters; a load takes none of more than 500."""


def parse_yaml(text: bytes | str, source: str = "") -> Document:
    """Parses one YAML document.

    Args:
        text: UTF-8, with or without a byte order mark, of at most :data:`MAX_BYTES`.
        source: Where the text came from, for messages.

    Raises:
        InvalidLoad: The text is not one YAML document, or goes beyond a limit. A mistake that leaves data to look at is
            not raised: it is among the document's problems.
    """
    try:
        return _Builder().build(events(text))
    except Refused as refused:
        raise InvalidLoad([refused.problem], source) from None


@dataclass(slots=True, eq=False)
class _Open:
    """A mapping or list whose end is still to come."""

    node: Node
    anchor: str | None
    is_key: bool
    # Of a mapping: the key whose value comes next, whether that value is to be left out, and where each key stands.
    key: str | None = None
    leaves_out: bool = False
    key_lines: dict[str, int] = field(default_factory=dict[str, int])


class _Builder:
    """Builds a document from YAML's events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.problems: list[Problem] = []
        self.unread: set[Path] = set()
        self.incomplete: set[Path] = set()
        self.values = 0
        self.line = 1

    def build(self, found: "Iterable[yaml.Event]") -> Document:
        from yaml import events as kinds  # noqa: PLC0415 - only reading a load needs PyYAML

        documents = 0
        for event in found:
            self.line = event.start_mark.line + 1
            match event:
                case kinds.ScalarEvent():
                    self._take_scalar(event)
                case kinds.AliasEvent():
                    self._take_alias(event.anchor)
                case kinds.MappingStartEvent():
                    self._begin(Node(self.line, {}, {}), event.anchor, event.tag)
                case kinds.SequenceStartEvent():
                    self._begin(Node(self.line, [], []), event.anchor, event.tag)
                case kinds.CollectionEndEvent():
                    self._end()
                case kinds.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise Refused(self.line, "one YAML document", "a second one", "Give each a file of its own.")
                case _:
                    pass
        root = self.root or Node(self.line, None)
        return Document(root.value, tuple(self.problems), root, frozenset(self.unread), frozenset(self.incomplete))

    def _take_scalar(self, event: "yaml.ScalarEvent") -> None:
        is_plain = not event.style
        text: str = event.value
        self._count(1)
        if not text.isascii() and _SURROGATE.search(text):
            raise Refused(self.line, "valid YAML", HALF_CHARACTER)
        if self._expects_key():
            self._take_key(text, is_plain=is_plain)
            self._check_tag(event.tag)
            node = Node(self.line, text)
        else:
            if len(text) > MAX_TEXT:
                self._mistake(f"a text of at most {MAX_TEXT:,} characters", f"one of {len(text):,}", unread=True)
                text = text[:MAX_TEXT]
            node = Node(self.line, _resolved(text) if is_plain else text)
            self._check_tag(event.tag)
            self._add(node)
        if event.anchor is not None:
            self.anchors[event.anchor] = node

    def _take_key(self, text: str, *, is_plain: bool) -> None:
        owner = self.open[-1]
        owner.key, owner.leaves_out = text, False
        value = _resolved(text) if is_plain else text
        if is_plain and text == "<<":
            owner.leaves_out = True
            self.incomplete.add(self._path()[:-1])
            self._mistake("keys of its own", "a merge key", "Write the keys out; an alias can share a whole value.")
        elif not isinstance(value, str):
            self._mistake("a key that is a text", shown(value), "Put it in quotes.", unread=True)
        elif len(text) > MAX_TEXT:
            self._mistake(f"a key of at most {MAX_TEXT:,} characters", f"one of {len(text):,}", unread=True)
        if text in owner.key_lines:
            owner.leaves_out = True
            self._mistake("each key once", f"it again, after line {owner.key_lines[text]}")
        owner.key_lines.setdefault(text, self.line)

    def _take_alias(self, name: str) -> None:
        if self._expects_key():
            self._count(1)
            self._leave_entry_out(f"the alias *{printable(name)}")
            return
        target = self.anchors.get(name)
        if target is None:
            self._mistake(*self._no_anchor(name), unread=True)
            target = Node(self.line, None)
        self._count(target.values)
        self._check_depth(target.levels)
        self._add(replace(target, line=self.line, is_alias=True))

    def _no_anchor(self, name: str) -> tuple[str, str, str]:
        if any(owner.anchor == name for owner in self.open):
            return "an alias of a value that ends before it", f"*{printable(name)} inside of its own value", ""
        # A document can have as many anchors as values, and as many wrong aliases; no more than these are shown.
        meant = nearest(name, self.anchors) if len(self.problems) < SHOWN_PROBLEMS else None
        way_out = f"Did you mean *{printable(meant)}?" if meant else "A text that begins with * needs quotes."
        return "an alias of an anchor above it", f"*{printable(name)}", way_out

    def _begin(self, node: Node, anchor: str | None, tag: str | None) -> None:
        self._count(1)
        self._check_depth(1)
        is_key = self._expects_key()
        owner = self.open[-1] if self.open else None
        if owner is not None and owner.key is not None:
            node.line = owner.key_lines.get(owner.key, self.line) if not owner.leaves_out else self.line
        self._check_tag(tag)
        if anchor is not None:
            self.anchors.pop(anchor, None)
        self.open.append(_Open(node, anchor, is_key))

    def _end(self) -> None:
        ended = self.open.pop()
        # An anchor of the same name inside of the value is the later one.
        if ended.anchor is not None and ended.anchor not in self.anchors:
            self.anchors[ended.anchor] = ended.node
        if ended.is_key:
            self.line = ended.node.line
            self._leave_entry_out(shown(ended.node.value))
        else:
            self._add(ended.node)

    def _add(self, node: Node) -> None:
        """Puts a value that has ended in its place in the innermost mapping or list."""
        if not self.open:
            self.root = node
            return
        owner = self.open[-1]
        into = owner.node
        into.values += node.values
        into.levels = max(into.levels, node.levels + 1)
        if isinstance(into.children, list):
            into.children.append(node)
            into.value.append(node.value)
        elif isinstance(into.children, dict) and owner.key is not None:
            into.values += 1
            if not owner.leaves_out:
                into.children[owner.key] = node
                into.value[owner.key] = node.value
            owner.key = None

    def _expects_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].node.children, dict) and self.open[-1].key is None

    def _leave_entry_out(self, key: str) -> None:
        self.incomplete.add(self._path())
        self._mistake("a key that is a text", key)
        self.open[-1].key, self.open[-1].leaves_out = "", True

    def _path(self) -> Path:
        """The place of what is being read: a value, or the mapping whose key is."""
        steps: list[str | int] = []
        for owner in self.open:
            if isinstance(owner.node.children, list):
                steps.append(len(owner.node.children))
            elif owner.key is not None:
                steps.append(owner.key)
        return tuple(steps)

    def _mistake(self, expected: str, found: str, way_out: str = "", *, unread: bool = False) -> None:
        path = self._path()
        self.problems.append(Problem(path, expected, found, way_out, self.line))
        if unread:
            self.unread.add(path)

    def _check_tag(self, tag: str | None) -> None:
        if tag is not None:
            shown_tag = printable(tag.replace("tag:yaml.org,2002:", "!!"))
            self._mistake("a value without a tag", f"the tag {shown_tag}", "Leave it out; quotes make a text.")

    def _check_depth(self, levels: int) -> None:
        if len(self.open) + levels > MAX_DEPTH:
            raise Refused(self.line, f"at most {MAX_DEPTH} levels of mappings and lists", "more")

    def _count(self, values: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            found = "more, counting what aliases repeat" if self.anchors else "more"
            raise Refused(self.line, f"at most {MAX_VALUES:,} keys and values", found)


_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {text: truth for truth in (True, False) for text in (f"{truth}", f"{truth}".lower(), f"{truth}".upper())}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS = 40


def _resolved(text: str) -> Any:
    """What a value without quotes means."""
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if _WHOLE.fullmatch(text):
        # Beyond some digits a number is only too large, and int() refuses more than 4,300 of them.
        return int(text[:_DIGITS])
    if _NUMBER.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


_SURROGATE = re.compile("[\ud800-\udfff]")
