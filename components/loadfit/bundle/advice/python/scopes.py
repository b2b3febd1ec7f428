"""What the names of a Python function mean."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

__all__ = ["BEYOND", "Scope", "bound_names"]

BEYOND = "*"
"""Stands for the parameters of an enclosing function among those that something is computed from."""


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

    def computed_from(self, node: ast.AST | None) -> frozenset[str]:
        """The parameters that an expression is computed from."""
        found: set[str] = set()
        for part in ast.walk(node) if node is not None else ():
            if isinstance(part, ast.Name) and (scope := self.of(part.id)) is not None:
                dependence = scope.depends.get(part.id, frozenset())
                found.update(dependence if scope is self else {BEYOND for _ in dependence})
        return frozenset(found)

    def outlives(self, place: str) -> bool:
        """Whether what a place holds is still there at the function's next call."""
        root = place.split(".", maxsplit=1)[0].removesuffix("[]")
        if root in {"self", "cls"}:
            return root != place
        scope = self.of(root)
        if scope is None:
            return True
        if scope is not self:
            return True  # a closure's; whoever made the closure keeps it
        return root in self.parameters and root != place


def bound_names(body: Iterable[ast.AST]) -> set[str]:
    """The names that a function's body binds for itself."""
    bound: set[str] = set()
    shared: set[str] = set()
    waiting = list(body)
    while waiting:
        part = waiting.pop()
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
                continue
            case ast.Lambda():
                continue
            case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                bound.update(alias.asname or alias.name.split(".")[0] for alias in names)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                shared.update(names)
            case _:
                pass
        waiting.extend(ast.iter_child_nodes(part))
    return bound - shared
