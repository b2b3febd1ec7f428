"""A parsed document: its data, and the line of each value."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from loadfit.core.paths import Path
from loadfit.core.problems import Problem

__all__ = ["Document", "Node"]


@dataclass(slots=True, eq=False)
class Node:
    """A value, the line to show for it, and what is below it."""

    line: int
    value: Any
    children: "dict[str, Node] | list[Node] | None" = None
    values: int = 1
    """Keys and values in it, with itself."""
    levels: int = 0
    """Levels of mappings and lists in it, with itself."""
    is_alias: bool = False

    def child(self, step: str | int) -> "Node | None":
        """What stands one step below, or ``None``."""
        if isinstance(self.children, dict):
            found = self.children.get(step) if isinstance(step, str) else None
        elif isinstance(self.children, list) and isinstance(step, int) and step < len(self.children):
            found = self.children[step]
        else:
            found = None
        # What an alias repeats stands where the alias does.
        return replace(found, line=self.line, is_alias=True) if found is not None and self.is_alias else found


@dataclass(frozen=True)
class Document:
    r"""A parsed document: plain data, what is wrong with its form, and the line of each value.

    Example:
        >>> from loadfit.core.plain_yaml import parse_yaml
        >>> document = parse_yaml("region: us-east-1\nzones: 3\n", "load.yaml")
        >>> document.data, document.line_of(("zones",))
        ({'region': 'us-east-1', 'zones': 3}, 2)
    """

    data: Any
    """Dictionaries with keys that are texts, lists, texts, whole numbers, floats, booleans and ``None``."""
    problems: tuple[Problem, ...]
    """Mistakes of form that leave data to look at, such as a key that stands twice. Data with any is no valid load."""
    _root: Node = field(repr=False)
    _unread: frozenset[Path] = field(repr=False)
    """Where data stands in the place of what could not be read."""
    _incomplete: frozenset[Path] = field(repr=False)
    """Mappings with an entry that could not be read."""

    def line_of(self, path: Path) -> int:
        """The line of a value, counted from 1; that of its nearest ancestor where the document has no such value.

        A mapping or a list stands in the line of its key, and all that an alias repeats in the line of the alias.
        """
        return self._nearest(path)[0].line

    def part(self, path: Path) -> "Document":
        """What stands at a path, as a document of its own with the same lines.

        It keeps the problems that concern it: those at the path or above it as they are, those below it with the rest
        of their path.

        Raises:
            KeyError: Nothing stands there.
        """
        node, found = self._nearest(path)
        if found < len(path):
            raise KeyError(path[found])
        concerning = [problem for problem in self.problems if _one_leads_to_other(problem.path, path)]
        return Document(
            node.value,
            tuple(replace(problem, path=problem.path[len(path) :] or problem.path) for problem in concerning),
            node,
            frozenset(place[len(path) :] for place in self._unread if _one_leads_to_other(place, path)),
            frozenset(place[len(path) :] for place in self._incomplete if place[: len(path)] == path),
        )

    def placed(self, problems: Iterable[Problem], *, apart_from: Iterable[Path] = ()) -> list[Problem]:
        """Problems of the data with their lines, without those that only follow from what could not be read.

        Args:
            problems: With paths in the data.
            apart_from: Further places whose problems are left out.
        """
        unread = self._unread.union(apart_from)
        placed: list[Problem] = []
        for problem in problems:
            path = problem.path
            node, found = self._nearest(path)
            is_unread = any(path[:length] in unread for length in range(len(path) + 1))
            if not is_unread and path[:found] not in self._incomplete:
                placed.append(replace(problem, line=node.line))
        return placed

    def _nearest(self, path: Path) -> tuple[Node, int]:
        """The value or its nearest ancestor, and how many steps of the path lead to it."""
        node = self._root
        for found, step in enumerate(path):
            child = node.child(step)
            if child is None:
                return node, found
            node = child
        return node, len(path)


def _one_leads_to_other(one: Path, other: Path) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]
