"""Lazy initialization in Python: what tests look at, and what branches fill."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

from loadfit.bundle.advice.scopes import ITSELF, prefixes

__all__ = ["CACHES", "filled", "fills_by_function", "leaves", "tested"]

CACHES = frozenset(
    {
        "functools.cache",
        "functools.lru_cache",
        "functools.lru_cache()",
        "functools.cached_property",
        "cachetools.cached()",
        "cachetools.func.lru_cache()",
        "cachetools.func.ttl_cache()",
        "cached_property.cached_property",
        "django.utils.functional.cached_property",
    }
)
"""Decorators that keep what a function returned."""
_FILLING = frozenset({"add", "append", "extend", "insert", "put", "set", "setdefault", "update", "__setitem__"})
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def tested(node: ast.AST) -> set[str]:
    """The places that an expression or a statement looks at, and the texts in it, which may name some."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name | ast.Attribute):
            found.update(prefixes(_place(part)))
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(f"'{part.value}")
    return found


def filled(nodes: Iterable[ast.AST], outlives: Callable[[str], bool], fills: Mapping[str, set[str]]) -> set[str]:
    """The places that statements or expressions fill and that outlive the call.

    Args:
        nodes: Statements or expressions of one function.
        outlives: Whether what a name holds is still there at the next call, where something is put into it; for a
            plain assignment, whether the name itself is.
        fills: What the functions of the module fill, by their name.
    """
    found: set[str] = set()
    for node in nodes:
        for part in _own_parts(node):
            found.update(place for place in _filled_by(part, fills) if outlives(place))
    return found


def leaves(body: list[ast.stmt]) -> bool:
    """Whether nothing after a branch runs when the branch was taken."""
    return bool(body) and isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


def fills_by_function(tree: ast.Module) -> dict[str, set[str]]:
    """The global names and own attributes that each function assigns, by the function's bare name."""
    found: dict[str, set[str]] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        shared: set[str] = set()
        places: set[str] = set()
        for part in (part for statement in function.body for part in _own_parts(statement)):
            if isinstance(part, ast.Global | ast.Nonlocal):
                shared.update(part.names)
            places.update(_filled_by(part, {}))
        kept = {place for place in places if place in shared or place.partition(".")[0] in ITSELF}
        if kept:
            found.setdefault(function.name, set()).update(kept)
    return found


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is in it, without the functions and classes that it defines."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(child for child in ast.iter_child_nodes(part) if not isinstance(child, _NESTED))


def _filled_by(part: ast.AST, fills: Mapping[str, set[str]]) -> Iterator[str]:
    match part:
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _targets(target)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.NamedExpr(target=target):
            yield from _targets(target)
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            if name in _FILLING and (place := _place(value)):
                yield f"{place}[]"
            yield from fills.get(name, ())
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), ast.Constant(value=str(attribute)), *_]):
            yield f"{name}.{attribute}"
        case ast.Call(func=ast.Name(id=name)):
            yield from fills.get(name, ())
        case _:
            pass


def _targets(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _targets(part)
        case ast.Starred(value=value):
            yield from _targets(value)
        case ast.Subscript(value=value):
            # `globals()["pool"] = ...`
            if isinstance(value, ast.Call) and isinstance(target.slice, ast.Constant):
                yield f"globals().{target.slice.value}"
            elif place := _place(value):
                yield f"{place}[]"
        case _:
            if place := _place(target):
                yield place


def _place(node: ast.expr) -> str:
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            parts.clear()
            node = node.value
        else:
            break
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
