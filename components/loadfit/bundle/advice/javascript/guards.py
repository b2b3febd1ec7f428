"""Lazy initialization in JavaScript: what tests look at, and what branches fill."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from tree_sitter import Node

from loadfit.bundle.advice.javascript.syntax import FUNCTIONS, bound_names, inner, literal, place_of, text_of
from loadfit.bundle.advice.scopes import ITSELF, prefixes

__all__ = ["assigned", "filled", "fills_by_function", "leaves", "tested"]

_FILLING = frozenset({"add", "push", "set", "unshift"})
_CONNECTING = frozenset({"connect", "init", "initialize", "open", "start"})
"""Methods that make an object ready, and that the object then remembers."""
_LEAVING = frozenset({"break_statement", "continue_statement", "return_statement", "throw_statement"})


def tested(node: Node) -> set[str]:
    """The places that something looks at, and the texts in it, which may name some."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part.type in {"identifier", "member_expression", "subscript_expression", "this"}:
            place = place_of(part)
            found.update(prefixes(place))
            if place and part.type != "subscript_expression":
                continue
        elif part.type == "string":
            found.add(f"'{literal(part)}")
        waiting.extend(part.named_children)
    return found


def filled(nodes: Iterable[Node], outlives: Callable[[str], bool], fills: Mapping[str, set[str]]) -> set[str]:
    """The places that statements or expressions fill and that outlive the call."""
    return {
        place for node in nodes for part in _own_parts(node) for place in _filled_by(part, fills) if outlives(place)
    }


def leaves(statement: Node | None) -> bool:
    """Whether nothing after a branch runs when the branch was taken."""
    if statement is not None and statement.type == "statement_block":
        statement = statement.named_children[-1] if statement.named_children else None
    return statement is not None and statement.type in _LEAVING


def assigned(target: Node | None) -> Iterator[str]:
    """The places that an assignment fills."""
    if target is None:
        return
    if target.type in {"array_pattern", "object_pattern"}:
        for part in target.named_children:
            yield from assigned(part)
    elif place := place_of(target):
        yield f"{place}[]" if inner(target).type == "subscript_expression" else place


def fills_by_function(root: Node) -> dict[str, set[str]]:
    """What each function fills that is not its own, by the function's bare name."""
    found: dict[str, set[str]] = {}
    waiting = [root]
    while waiting:
        part = waiting.pop()
        waiting.extend(part.named_children)
        name, function = _named_function(part)
        if function is None or not name:
            continue
        bound = bound_names(function)
        body = function.child_by_field_name("body")
        if body is None:
            continue
        places = {place for inside in _own_parts(body) for place in _filled_by(inside, {})}
        kept = {place for place in places if place.partition(".")[0] in ITSELF or place.partition(".")[0] not in bound}
        if kept:
            found.setdefault(name, set()).update(kept)
    return found


def _named_function(node: Node) -> tuple[str, Node | None]:
    value = node.child_by_field_name("value")
    if node.type in FUNCTIONS:
        return text_of(node.child_by_field_name("name")), node
    if value is not None and value.type in FUNCTIONS:
        key = (
            node.child_by_field_name("name") or node.child_by_field_name("key") or node.child_by_field_name("property")
        )
        return text_of(key), value
    return "", None


def _own_parts(node: Node) -> Iterator[Node]:
    """The node and what is in it, without functions other than those that are handed over."""
    waiting = [(node, False)]
    while waiting:
        part, handed = waiting.pop()
        yield part
        if part.type in FUNCTIONS and not handed and part is not node:
            continue
        waiting.extend((child, part.type == "arguments") for child in part.named_children)


def _filled_by(part: Node, fills: Mapping[str, set[str]]) -> Iterator[str]:
    if part.type in {"assignment_expression", "augmented_assignment_expression"}:
        yield from assigned(part.child_by_field_name("left"))
    elif part.type == "call_expression" and (function := part.child_by_field_name("function")) is not None:
        if function.type == "identifier":
            yield from fills.get(text_of(function), ())
        elif function.type == "member_expression" and (held := function.child_by_field_name("object")) is not None:
            name, place = text_of(function.child_by_field_name("property")), place_of(held)
            if (place and name in _FILLING) or (place and name in _CONNECTING):
                yield f"{place}[]"
            if held.type in {"identifier", "this"}:
                yield from fills.get(name, ())
