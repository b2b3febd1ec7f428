"""What names mean, and which of what they hold is still there at a function's next call.

A *place* is a dotted name that holds a value: ``_pool``, ``self._client``; ``_clients[]`` is whatever a mapping or a
list holds. Something is made once where a test looks at a place that outlives the call, and the branch that the test
guards fills that place: lazy initialization.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

__all__ = ["BEYOND", "ITSELF", "Scope", "guarded", "prefixes"]

BEYOND = "*"
"""Stands for the parameters of an enclosing function among those that something is computed from."""
ITSELF = frozenset({"self", "cls", "this"})
"""How a method calls the object that it belongs to."""


@dataclass(slots=True)
class Scope:
    """A function, or the module, while it is read."""

    name: str = ""
    """Qualified; empty for the module."""
    parent: Self | None = None
    owner: str = ""
    """The class whose method it is."""
    parameters: frozenset[str] = frozenset()
    bound: set[str] = field(default_factory=set[str])
    """Every name that is its own."""
    symbols: dict[str, str] = field(default_factory=dict[str, str])
    depends: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    looks_at: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """The places from which a name was taken: ``pool = _pools.get(key)``."""

    def of(self, name: str) -> Self | None:
        """The function that a name belongs to; ``None`` for the module's and for built-in names."""
        scope: Self | None = self
        while scope is not None and scope.name:
            if name in scope.bound:
                return scope
            scope = scope.parent
        return None

    def computed_from(self, names: Iterable[str]) -> frozenset[str]:
        """The parameters that something with some names in it is computed from."""
        found: set[str] = set()
        for name in names:
            scope = self.of(name)
            if scope is not None:
                dependence = scope.depends.get(name, frozenset())
                found.update(dependence if scope is self else {BEYOND for _ in dependence})
        return frozenset(found)

    def outlives(self, place: str) -> bool:
        """Whether what a place holds is still there at the function's next call."""
        root = place.split(".", maxsplit=1)[0].removesuffix("[]")
        if root in ITSELF:
            return root != place
        # What belongs to an enclosing function is kept by whoever keeps this one.
        return self.of(root) is not self or (root in self.parameters and root != place)


def guarded(filled: set[str], looked_at: set[str]) -> bool:
    """Whether a test that looked at some places, and at names in quotes, guards what fills others."""
    return any(place in looked_at or f"'{place.rpartition('.')[2]}" in looked_at for place in filled)


def prefixes(place: str) -> Iterator[str]:
    """The places that a dotted name looks at: itself, what it belongs to, and what is in each."""
    parts = place.split(".") if place else []
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        yield name
        yield f"{name}[]"
