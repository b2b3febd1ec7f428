"""The arguments of a JavaScript call, and the entries of the objects among them."""

from collections.abc import Iterator, Mapping

from tree_sitter import Node

from loadfit.bundle.advice.javascript.symbols import Symbols
from loadfit.bundle.advice.javascript.syntax import inner, key_of, literal, names_in, text_of
from loadfit.bundle.advice.program import UNKNOWN, Argument
from loadfit.bundle.advice.scopes import Scope

__all__ = ["arguments_of", "constants_of"]

_DEPTH = 3
"""How deep the options of a client are nested: ``{pool: {max: 5}}``."""


def constants_of(root: Node) -> dict[str, Node]:
    """The literals and objects to which the module's constants are set."""
    found: dict[str, Node] = {}
    for statement in root.named_children:
        declaration = statement.child_by_field_name("declaration") or statement
        if declaration.type != "lexical_declaration" or text_of(declaration.child_by_field_name("kind")) != "const":
            continue
        for one in declaration.named_children:
            name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
            if name is not None and value is not None and name.type == "identifier":
                found[text_of(name)] = inner(value)
    return found


def arguments_of(
    given: Node | None, scope: Scope, symbols: Symbols, constants: Mapping[str, Node]
) -> tuple[dict[str, Argument], bool]:
    """The arguments by position, the entries of objects by key, and whether there are more that cannot be told."""
    found: dict[str, Argument] = {}
    more = False
    for index, part in enumerate(given.named_children if given is not None else ()):
        if part.type == "spread_element":
            more = True
            continue
        value = _meant(part, scope, constants)
        depends = scope.computed_from(names_in(part))
        found[str(index)] = Argument(_literal(value), depends, symbols.of(part, scope))
        if value.type == "object":
            for key, entry in _entries(value, scope, constants, 0):
                if key:
                    found[key] = Argument(_literal(entry), scope.computed_from(names_in(entry)))
                else:
                    more = True
        elif value.type in {"identifier", "member_expression", "call_expression"}:
            more = True
    return found, more


def _entries(node: Node, scope: Scope, constants: Mapping[str, Node], depth: int) -> Iterator[tuple[str, Node]]:
    """The entries of an object by dotted key; the empty key stands for some that cannot be told."""
    for entry in node.named_children:
        key, value = entry.child_by_field_name("key"), entry.child_by_field_name("value")
        if entry.type == "shorthand_property_identifier":
            yield text_of(entry), _meant(entry, scope, constants)
        elif entry.type == "pair" and key is not None and value is not None:
            meant = _meant(value, scope, constants)
            yield key_of(key), meant
            if meant.type == "object" and depth < _DEPTH:
                yield from (
                    (f"{key_of(key)}.{name}", part) for name, part in _entries(meant, scope, constants, depth + 1)
                )
        elif entry.type not in {"method_definition", "comment"}:
            yield "", entry


def _meant(node: Node, scope: Scope, constants: Mapping[str, Node]) -> Node:
    """The literal or object that a constant's name stands for."""
    node = inner(node)
    if node.type in {"identifier", "shorthand_property_identifier"} and scope.of(text_of(node)) is None:
        return constants.get(text_of(node), node)
    return node


def _literal(node: Node) -> object:
    value = literal(node)
    return UNKNOWN if value is None else value
