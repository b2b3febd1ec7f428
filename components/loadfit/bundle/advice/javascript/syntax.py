"""Parses JavaScript and TypeScript, and answers what a piece of syntax is."""

from collections.abc import Iterator
from functools import cache

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from loadfit.bundle.advice.program import joined

__all__ = [
    "FUNCTIONS",
    "bound_names",
    "given_to",
    "inner",
    "key_of",
    "line_of",
    "literal",
    "mistake",
    "names_in",
    "parameters_of",
    "parse",
    "pattern_names",
    "pattern_parts",
    "place_of",
    "required",
    "text_of",
]

FUNCTIONS = frozenset(
    {
        "arrow_function",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)
_WRAPPERS = frozenset(
    {"as_expression", "await_expression", "non_null_expression", "parenthesized_expression", "satisfies_expression"}
)
_INTEROP = frozenset(
    {"__importDefault", "__importStar", "__toESM", "_interopRequireDefault", "_interopRequireWildcard"}
)
"""What compilers put around ``require`` where the source has ``import``."""
_NAMES = frozenset({"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"})


@cache
def _parser(*, typed: bool) -> Parser:
    grammar = tree_sitter_typescript.language_typescript() if typed else tree_sitter_javascript.language()
    return Parser(Language(grammar))


def parse(path: str, text: str) -> Node:
    """The syntax tree of a file; its ending tells the language."""
    return _parser(typed=path.endswith(("ts", "mts", "cts"))).parse(text.encode("utf-8", "replace")).root_node


def mistake(root: Node) -> int | None:
    """The line of the first syntax error; ``None`` where there is none."""
    if not root.has_error:
        return None
    node = root
    while not node.is_error and not node.is_missing:
        following = next((child for child in node.children if child.has_error or child.is_missing), None)
        if following is None:
            break
        node = following
    return line_of(node)


def line_of(node: Node) -> int:
    """The line on which something begins, counted from 1."""
    return node.start_point.row + 1


def text_of(node: Node | None) -> str:
    """The source of a node."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def inner(node: Node) -> Node:
    """An expression without what changes nothing of what it is: brackets, ``await``, ``as``."""
    while node.named_children:
        function = node.child_by_field_name("function")
        given = node.child_by_field_name("arguments")
        if node.type in _WRAPPERS:
            node = node.named_children[0]
        elif node.type == "sequence_expression":
            node = node.named_children[-1]  # compilers write `(0, module.function)()`
        elif given is not None and given.named_children and text_of(function) in _INTEROP:
            node = given.named_children[0]
        else:
            break
    return node


def literal(node: Node) -> object:
    """The value of a literal; ``None`` for what is none."""
    match node.type:
        case "number":
            text = text_of(node).replace("_", "")
            return int(text) if text.isdecimal() and len(text) < 20 else None  # noqa: PLR2004 - no size is longer
        case "string" | "template_string":
            first = node.named_children[0] if node.named_children else None
            return text_of(first) if first is not None and first.type == "string_fragment" else ""
        case "true":
            return True
        case "false":
            return False
        case _:
            return None


def required(node: Node) -> str:
    """The module that ``require("...")`` or ``import("...")`` asks for; nothing for anything else."""
    node = inner(node)
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call_expression" or function is None or arguments is None:
        return ""
    if function.type != "import" and text_of(function) != "require":
        return ""
    given = arguments.named_children
    return str(literal(given[0])) if given and given[0].type == "string" else ""


def key_of(node: Node | None) -> str:
    """The name of a property, with or without quotes."""
    if node is None:
        return ""
    return str(literal(node)) if node.type == "string" else text_of(node)


def place_of(node: Node) -> str:
    """The dotted name of a place; of what a mapping holds, that of the mapping."""
    parts: list[str] = []
    while True:
        node = inner(node)
        if node.type == "member_expression":
            parts.append(text_of(node.child_by_field_name("property")))
        elif node.type == "subscript_expression":
            parts.clear()
        else:
            break
        following = node.child_by_field_name("object")
        if following is None:
            return ""
        node = following
    if node.type not in {"identifier", "this", "shorthand_property_identifier"}:
        return ""
    return ".".join([text_of(node), *reversed(parts)])


def pattern_names(node: Node | None) -> Iterator[str]:
    """The names that a pattern binds."""
    waiting = [node] if node is not None else []
    while waiting:
        part = waiting.pop()
        match part.type:
            case "identifier" | "shorthand_property_identifier_pattern":
                yield text_of(part)
            case "pair_pattern":
                waiting.extend(filter(None, [part.child_by_field_name("value")]))
            case "assignment_pattern" | "object_assignment_pattern":
                waiting.extend(filter(None, [part.child_by_field_name("left")]))
            case "required_parameter" | "optional_parameter":
                waiting.extend(filter(None, [part.child_by_field_name("pattern")]))
            case "object_pattern" | "array_pattern" | "rest_pattern" | "formal_parameters":
                waiting.extend(part.named_children)
            case _:
                pass


def pattern_parts(target: Node, symbol: str) -> Iterator[tuple[str, str]]:
    """The names that a pattern binds, each with what it is when the whole is a symbol."""
    if target.type == "identifier":
        yield text_of(target), symbol
    elif target.type == "object_pattern":
        for entry in target.named_children:
            key = entry.child_by_field_name("key") or entry.child_by_field_name("left") or entry
            value = entry.child_by_field_name("value") or entry.child_by_field_name("left") or entry
            if value.type in {"identifier", "shorthand_property_identifier_pattern"}:
                yield text_of(value), joined(symbol, [key_of(key)])
            else:
                yield from ((name, "") for name in pattern_names(entry))
    else:
        yield from ((name, "") for name in pattern_names(target))


def given_to(function: Node) -> Node | None:
    """The parameters of a function, or the one of an arrow function without brackets."""
    return function.child_by_field_name("parameters") or function.child_by_field_name("parameter")


def parameters_of(given: Node | None) -> list[Node]:
    """Each parameter."""
    if given is None:
        return []
    return [part for part in given.named_children if part.type != "comment"] if "parameters" in given.type else [given]


def bound_names(function: Node) -> set[str]:
    """The names that a function, or the file, binds for itself.

    Those of functions that it hands over are included: they run as its part.
    """
    bound = set(pattern_names(given_to(function)))
    body = function if function.type == "program" else function.child_by_field_name("body")
    waiting = [body] if body is not None else []
    while waiting:
        part = waiting.pop()
        handed = part.type == "arguments"
        bound.update(_bound_by(part))
        for child in part.named_children:
            if child.type in FUNCTIONS and handed:
                bound |= bound_names(child)
            elif child.type in FUNCTIONS or child.type == "class_declaration":
                bound.update(filter(None, [text_of(child.child_by_field_name("name"))]))
            else:
                waiting.append(child)
    return bound


def _bound_by(part: Node) -> Iterator[str]:
    match part.type:
        case "variable_declarator":
            yield from pattern_names(part.child_by_field_name("name"))
        case "catch_clause":
            yield from pattern_names(part.child_by_field_name("parameter"))
        case "for_in_statement" if part.child_by_field_name("kind") is not None:
            yield from pattern_names(part.child_by_field_name("left"))
        case "import_clause" | "namespace_import" | "import_require_clause":
            yield from (text_of(child) for child in part.named_children if child.type == "identifier")
        case "import_specifier":
            yield text_of(part.child_by_field_name("alias") or part.child_by_field_name("name"))
        case _:
            pass


def names_in(node: Node | None) -> Iterator[str]:
    """Every name that an expression uses."""
    waiting = [node] if node is not None else []
    while waiting:
        part = waiting.pop()
        if part.type in _NAMES:
            yield text_of(part)
        waiting.extend(part.named_children)
