"""The names in Python source."""

import ast
from collections.abc import Iterable, Iterator

__all__ = ["bound_names", "names_in"]


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


def names_in(node: ast.AST | None) -> Iterator[str]:
    """Every name that an expression uses."""
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Name):
            yield part.id
