"""What JavaScript expressions are, as far as names tell."""

from dataclasses import dataclass, field

from tree_sitter import Node

from loadfit.bundle.advice.javascript.imports import Modules
from loadfit.bundle.advice.javascript.syntax import FUNCTIONS, inner, line_of, required, text_of
from loadfit.bundle.advice.program import OWN, Module, joined, own
from loadfit.bundle.advice.scopes import Scope

__all__ = ["Symbols", "anonymous"]

_SAME = frozenset({"bind", "call", "apply"})
"""Methods of a function that give or run the function itself."""


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of one file."""

    module: Module
    modules: Modules
    names: frozenset[str]
    """The names that the file binds for itself."""
    functions: dict[int, str] = field(default_factory=dict[int, str])
    """The qualified names of functions and classes that were read, by node."""

    def of(self, node: Node | None, scope: Scope) -> str:
        """What an expression is; nothing where names do not tell."""
        segments: list[str] = []
        while node is not None:
            node = inner(node)
            if asked := required(node):
                return self._joined(self.modules.symbol(asked), segments[::-1])
            match node.type:
                case "member_expression":
                    name = text_of(node.child_by_field_name("property"))
                    if name not in _SAME:
                        segments.append(name)
                    elif segments[-1:] == ["()"] and name == "bind":
                        segments.pop()
                    node = node.child_by_field_name("object")
                case "call_expression" | "new_expression":
                    segments.append("()")
                    node = node.child_by_field_name("function") or node.child_by_field_name("constructor")
                case "assignment_expression" | "augmented_assignment_expression":
                    node = node.child_by_field_name("right")
                case "binary_expression":
                    parts = (node.child_by_field_name("right"), node.child_by_field_name("left"))
                    found = (self.of(part, scope) for part in parts if part is not None)
                    return self._joined(next(filter(None, found), ""), segments[::-1])
                case "identifier" | "this" | "shorthand_property_identifier":
                    return self._joined(self._name(text_of(node), scope), segments[::-1])
                case kind if kind in FUNCTIONS or kind in {"class", "class_declaration"}:
                    name = self.functions.get(node.id) or anonymous(node)
                    return self._joined(own(self.module.path, name), segments[::-1])
                case _:
                    return ""
        return ""

    def _joined(self, symbol: str, segments: list[str]) -> str:
        if symbol.endswith(":") and segments[:1] == ["default"]:
            segments = segments[1:]  # a package's default export is mostly all of it
        return joined(symbol, segments)

    def _name(self, name: str, scope: Scope) -> str:
        found = scope.of(name)
        if found is not None:
            return found.symbols.get(name, "")
        bound = self.module.bindings.get(name)
        if bound and not bound.startswith(f"{OWN}{self.module.path}{OWN}") and "()" not in bound:
            return bound
        # A name that nothing binds is the language's own, such as `fetch`; `exports` is the file's.
        return own(self.module.path, name) if name in self.names or name in {"exports", "this"} else name


def anonymous(node: Node) -> str:
    """A name for a function that has none."""
    return f"<function:{line_of(node)}:{node.start_point.column}>"
