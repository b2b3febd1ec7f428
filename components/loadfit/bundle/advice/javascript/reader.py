"""Reads a JavaScript or TypeScript module."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from loadfit.bundle.advice.javascript.arguments import arguments_of, constants_of
from loadfit.bundle.advice.javascript.guards import assigned, filled, fills_by_function, leaves, tested
from loadfit.bundle.advice.javascript.imports import Modules
from loadfit.bundle.advice.javascript.links import Imported, Links, declared, specified
from loadfit.bundle.advice.javascript.symbols import Symbols, anonymous
from loadfit.bundle.advice.javascript.syntax import (
    FUNCTIONS,
    bound_names,
    given_to,
    inner,
    key_of,
    line_of,
    names_in,
    parameters_of,
    pattern_names,
    pattern_parts,
    place_of,
    required,
    text_of,
)
from loadfit.bundle.advice.program import Call, Function, Module, Use, own
from loadfit.bundle.advice.scopes import BEYOND, Scope, guarded

__all__ = ["read_javascript"]

_TYPES = frozenset(
    {
        "ambient_declaration",
        "interface_declaration",
        "type_alias_declaration",
        "type_annotation",
        "type_arguments",
        "type_parameters",
        "comment",
    }
)
"""What is gone when the program runs."""
_EXPORTS = ("exports", "module.exports")
_LAZY = ("??=", "||=")


@dataclass(frozen=True, slots=True)
class _At:
    """Where the reader is."""

    scope: Scope
    once: bool = False
    sometimes: bool = False

    def rarely(self, *, once: bool = False) -> "_At":
        """In a branch."""
        return replace(self, sometimes=True, once=self.once or once)


def read_javascript(path: str, root: Node, paths: Iterable[str]) -> Module:
    """What a parsed module binds and calls.

    Args:
        path: Its file.
        root: Its source, parsed.
        paths: Every file of the bundle.

    Raises:
        RecursionError: The source is nested too deeply.
    """
    reader = _Reader(path, root, Modules(path, frozenset(paths)))
    reader.statements(root.named_children, _At(Scope()))
    return reader.module


class _Reader:
    def __init__(self, path: str, root: Node, modules: Modules) -> None:
        self.module = Module(path)
        self.modules = modules
        self.links = Links(modules)
        self.symbols = Symbols(self.module, modules, frozenset(bound_names(root)))
        self.fills = fills_by_function(root)
        self.constants = constants_of(root)
        self.awaited: set[int] = set()
        self.bound_imports: set[int] = set()

    # Statements

    def statements(self, body: Sequence[Node], at: _At) -> None:
        """Reads statements that follow one another."""
        looked_at: set[str] = set()
        last: dict[str, int] = {}
        for index, statement in enumerate(body):
            # `if (pool) return pool;`, and then what fills it.
            if looked_at and not at.once:
                last = last or self._last_filled(body, at)
                left = {place for place, where in last.items() if place and where >= index}
                at = replace(at, once=guarded(left, looked_at))
            self._visit(statement, at)
            if at.scope.name and statement.type == "if_statement":
                condition = statement.child_by_field_name("condition")
                if condition is not None and leaves(statement.child_by_field_name("consequence")):
                    looked_at |= self._tested(condition, at)

    def _visit(self, node: Node, at: _At) -> None:  # noqa: PLR0912 - one branch for each kind of syntax
        match node.type:
            case "import_statement":
                for imported in self.links.import_statement(node):
                    self._imported(imported, at)
            case "export_statement":
                self._export(node, at)
            case "variable_declarator":
                self._declarator(node, at)
            case "class_declaration" | "class":
                self._class(node, at)
            case "if_statement":
                self._branches(node, at)
            case "statement_block":
                self.statements(node.named_children, at)
            case "switch_case" | "switch_default" | "catch_clause":
                self._parts(node, at.rarely())
            case "for_in_statement":
                self._loop(node, at)
            case "return_statement":
                self._returned(node.named_children[0] if node.named_children else None, at)
            case "assignment_expression" | "augmented_assignment_expression":
                self._assignment(node, at)
            case "binary_expression" | "ternary_expression":
                self._choice(node, at)
            case "call_expression" | "new_expression":
                self._call(node, at)
            case "await_expression":
                self._await(node, at)
            case "member_expression" | "identifier" | "shorthand_property_identifier":
                self._use(node, at)
            case "string":
                self.module.words.add(f"'{key_of(node)}")
            case kind if kind in FUNCTIONS:
                self._function_value(node, at)
            case kind if kind in _TYPES:
                pass
            case _:
                self._parts(node, at)

    def _parts(self, node: Node, at: _At) -> None:
        if node.type in {"program", "statement_block", "switch_case", "switch_default"}:
            self.statements(node.named_children, at)
            return
        for child in node.named_children:
            self._visit(child, at)

    def _branches(self, node: Node, at: _At) -> None:
        looked_at: set[str] = set()
        rest: Node | None = node
        while rest is not None and rest.type == "if_statement":
            condition, body = rest.child_by_field_name("condition"), rest.child_by_field_name("consequence")
            otherwise = rest.child_by_field_name("alternative")
            rest = otherwise.named_children[0] if otherwise is not None and otherwise.named_children else None
            if condition is None or body is None or "require.main" in (words := self._tested(condition, at)):
                continue
            self._visit(condition, at)
            looked_at |= words
            self._visit(body, at.rarely(once=guarded(self._filled([body], at), looked_at)))
        if rest is not None:
            self._visit(rest, at.rarely(once=guarded(self._filled([rest], at), looked_at)))

    def _loop(self, node: Node, at: _At) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if right is not None:
            self._visit(right, at)
            self._bind(left, None, right, at)
        if (body := node.child_by_field_name("body")) is not None:
            self._visit(body, at)

    def _returned(self, value: Node | None, at: _At) -> None:
        if value is None:
            return
        if inner(value).type in FUNCTIONS:
            self._define(inner(value), at)
        else:
            self._visit(value, at)
        symbol = self.symbols.of(value, at.scope)
        if symbol and at.scope.name:
            self.module.returns.setdefault(at.scope.name, symbol)

    # Names

    def _declarator(self, node: Node, at: _At) -> None:
        target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if target is None or value is None:
            if target is not None and not at.scope.name:
                for name in pattern_names(target):
                    self.module.bindings.setdefault(name, "")
            return
        if (imported := self.links.declaration(target, value)) is not None:
            self.bound_imports.add(imported.node)
            self._imported(imported, at)
        name = text_of(target) if target.type == "identifier" else ""
        if name and inner(value).type in FUNCTIONS:
            self._define(inner(value), at, name)
            return
        if name and not at.scope.name and inner(value).type == "object":
            self._members(name, inner(value), at)
        else:
            self._visit(value, at)
        self._bind(target, value, value, at)

    def _imported(self, imported: Imported, at: _At) -> None:
        self.module.imports.append(replace(imported.what, scope=at.scope.name))
        self.module.bindings.update(imported.bindings)
        self.module.stars.extend(imported.stars)

    def _bind(self, target: Node | None, value: Node | None, source: Node, at: _At) -> None:
        """Notes what the names of a pattern are from here on."""
        if target is None:
            return
        symbol = self.symbols.of(value, at.scope) if value is not None else ""
        depends = at.scope.computed_from(names_in(source))
        looks_at = tested(source)
        for name, part in pattern_parts(target, symbol):
            if at.scope.of(name) is at.scope:
                at.scope.symbols[name] = part or at.scope.symbols.get(name, "")
                at.scope.depends[name] = at.scope.depends.get(name, frozenset()) | depends
                at.scope.looks_at.setdefault(name, set()).update(looks_at)
            elif at.scope.of(name) is None:
                if part or name not in self.module.bindings:
                    self.module.bindings[name] = part
                if value is not None and not at.scope.name:
                    self.module.wrapped[name] = tuple(self._made_of(value, at))
        place = place_of(target) if target.type == "member_expression" else ""
        if place.startswith("this.") and symbol and at.scope.owner:
            self.module.bindings.setdefault(f"{at.scope.owner}.{place[5:]}", symbol)

    def _members(self, name: str, node: Node, at: _At) -> None:
        """The members of an object that has a name, or of what a module exports."""
        for entry in node.named_children:
            key, value = entry.child_by_field_name("key"), entry.child_by_field_name("value")
            match entry.type:
                case "method_definition":
                    self._define(entry, at, f"{name}.{text_of(entry.child_by_field_name('name'))}")
                case "shorthand_property_identifier":
                    self.module.bindings[f"{name}.{text_of(entry)}"] = self.symbols.of(entry, at.scope)
                    self._visit(entry, at)
                case "pair" if value is not None and inner(value).type in FUNCTIONS:
                    self._define(inner(value), at, f"{name}.{key_of(key)}")
                case "pair" if value is not None:
                    self._visit(value, at)
                    self.module.bindings[f"{name}.{key_of(key)}"] = self.symbols.of(value, at.scope)
                    self.module.wrapped[f"{name}.{key_of(key)}"] = tuple(self._made_of(value, at))
                case "spread_element" if (asked := required(entry.named_children[0])) and self.modules.file(asked):
                    self.module.stars.append(self.modules.file(asked))
                    self._visit(entry, at)
                case _:
                    self._visit(entry, at)

    def _assignment(self, node: Node, at: _At) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        operator, place = text_of(node.child_by_field_name("operator")), place_of(left)
        self._use_of_target(left, at)
        if not at.scope.name and (place in _EXPORTS or place.startswith(("exports.", "module.exports."))):
            self._exported(place.removeprefix("module."), right, at)
            return
        if not at.scope.name and place and inner(right).type in FUNCTIONS:
            self._define(inner(right), at, place)
            return
        first = right.child_by_field_name("left") or right.child_by_field_name("condition")
        once = operator in _LAZY and any(map(at.scope.outlives, assigned(left)))
        if right.type in {"binary_expression", "ternary_expression"} and first is not None:
            once = once or guarded(self._filled([node], at), self._tested(first, at))
        self._visit(right, replace(at, once=at.once or (once and bool(at.scope.name))))
        self._bind(left, right, right, at)

    def _exported(self, name: str, value: Node, at: _At) -> None:
        if inner(value).type in FUNCTIONS:
            self._define(inner(value), at, name)
        elif inner(value).type == "object":
            self._members(name, inner(value), at)
        else:
            self._visit(value, at)
            self.module.bindings[name] = self.symbols.of(value, at.scope)
            self.module.wrapped[name] = tuple(self._made_of(value, at))

    # Imports and exports

    def _export(self, node: Node, at: _At) -> None:
        source, declaration = node.child_by_field_name("source"), node.child_by_field_name("declaration")
        value = node.child_by_field_name("value")
        default = any(child.type == "default" for child in node.children)
        if any(child.type == "type" for child in node.children):
            return
        if source is not None:
            self._imported(self.links.export_from(node, key_of(source)), at)
        elif declaration is not None:
            self._visit(declaration, at)
            for name in declared(declaration):
                exported = "exports.default" if default else f"exports.{name}"
                self.module.bindings[exported] = own(self.module.path, name)
            if default and not list(declared(declaration)):
                self._exported("exports.default", declaration, at)
        elif value is not None:
            self._exported("exports.default", value, at)
        else:
            for part in node.named_children:
                if part.type == "identifier":  # TypeScript's `export = name`
                    self.module.bindings["exports"] = self.symbols.of(part, at.scope)
                for name, local in specified(part):
                    self.module.bindings[f"exports.{local}"] = own(self.module.path, name)

    # Functions and classes

    def _function_value(self, node: Node, at: _At) -> None:
        name = text_of(node.child_by_field_name("name"))
        if node.type.endswith("_declaration"):
            self._define(node, at, name)
        elif at.scope.name and node.parent is not None and node.parent.type == "arguments":
            # What is handed over runs as a part of this function.
            for parameter in pattern_names(
                node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
            ):
                at.scope.depends[parameter] = frozenset({BEYOND})
            if (body := node.child_by_field_name("body")) is not None:
                self._visit(body, at.rarely())
        else:
            self._define(node, at)

    def _define(self, node: Node, at: _At, name: str = "") -> None:
        short = name or anonymous(node)
        prefix = at.scope.name
        qualified = f"{prefix}.{short}" if prefix else short
        self.symbols.functions[node.id] = qualified
        given = given_to(node)
        parameters = [next(pattern_names(part), "") for part in parameters_of(given)]
        every = set(pattern_names(given))
        owner = at.scope.owner
        inside = Scope(qualified, at.scope, owner, frozenset(every), bound_names(node))
        for parameter, part in zip(parameters, parameters_of(given), strict=True):
            for bound in pattern_names(part):
                inside.depends[bound] = frozenset({parameter})
        if owner:
            inside.bound.add("this")
            inside.symbols["this"] = own(self.module.path, f"{owner}()")
        asynchronous = any(child.type == "async" for child in node.children)
        self.module.functions[qualified] = Function(
            qualified, line_of(node), tuple(parameters), asynchronous=asynchronous
        )
        if prefix and name:
            at.scope.symbols[name] = own(self.module.path, qualified)
        body = node.child_by_field_name("body")
        if body is None:
            return
        if given is not None:
            self._visit(given, _At(inside))
        if body.type == "statement_block":
            self.statements(body.named_children, _At(inside))
        else:
            self._returned(body, _At(inside))

    def _class(self, node: Node, at: _At) -> None:
        name = text_of(node.child_by_field_name("name")) or anonymous(node)
        qualified = f"{at.scope.name}.{name}" if at.scope.name else name
        body = node.child_by_field_name("body")
        heritage = next((child for child in node.named_children if child.type == "class_heritage"), None)
        base = heritage.named_children[0] if heritage is not None and heritage.named_children else None
        if base is not None and base.type == "extends_clause":
            base = base.child_by_field_name("value")
        self.module.classes[qualified] = (self.symbols.of(base, at.scope),) if base is not None else ()
        self.symbols.functions[node.id] = qualified
        if at.scope.name:
            at.scope.symbols[name] = own(self.module.path, qualified)
        maker = f"{qualified}.__init__"
        itself = Scope("", at.scope if at.scope.name else None, qualified)
        fields = Scope(
            maker, at.scope, qualified, bound={"this"}, symbols={"this": own(self.module.path, f"{qualified}()")}
        )
        for member in body.named_children if body is not None else ():
            key = member.child_by_field_name("name") or member.child_by_field_name("property")
            value = member.child_by_field_name("value")
            if member.type == "method_definition":
                label = text_of(key)
                self._define(member, _At(itself), f"{qualified}.{'__init__' if label == 'constructor' else label}")
            elif value is not None and value.type in FUNCTIONS:
                self._define(value, _At(itself), f"{qualified}.{text_of(key)}")
            elif value is not None:
                static = any(child.type == "static" for child in member.children)
                self._visit(value, at if static else _At(fields))
                self.module.bindings.setdefault(f"{qualified}.{text_of(key)}", self.symbols.of(value, at.scope))
                self.module.functions.setdefault(maker, Function(maker, line_of(node)))
            else:
                self._visit(member, at)

    # Expressions

    def _choice(self, node: Node, at: _At) -> None:
        if node.type == "ternary_expression":
            first = node.child_by_field_name("condition")
            others = [node.child_by_field_name("consequence"), node.child_by_field_name("alternative")]
        else:
            first, others = node.child_by_field_name("left"), [node.child_by_field_name("right")]
        if first is None or text_of(node.child_by_field_name("operator")) not in {"", "&&", "||", "??"}:
            self._parts(node, at)
            return
        self._visit(first, at)
        looked_at = self._tested(first, at)
        for other in others:
            if other is not None:
                self._visit(other, at.rarely(once=guarded(self._filled([other], at), looked_at)))

    def _await(self, node: Node, at: _At) -> None:
        waiting = [inner(node)]
        while waiting:
            part = inner(waiting.pop())
            self.awaited.add(part.id)
            function, given = part.child_by_field_name("function"), part.child_by_field_name("arguments")
            if function is not None and given is not None and text_of(function).startswith("Promise."):
                waiting.extend(
                    item for one in given.named_children if one.type == "array" for item in one.named_children
                )
        self._parts(node, at)

    def _call(self, node: Node, at: _At) -> None:
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        given = node.child_by_field_name("arguments")
        if function is None:
            return
        if asked := required(node):
            if node.id not in self.bound_imports:
                self._imported(self.links.bare(node, asked), at)
            return
        called = inner(function)
        if called.type in FUNCTIONS:
            self._define(called, at)
        else:
            self._visit(function, at)
        if given is not None:
            self._visit(given, at)
        arguments, more = arguments_of(given, at.scope, self.symbols, self.constants)
        self.module.calls.append(
            Call(
                self.symbols.of(called, at.scope),
                line_of(node),
                at.scope.name,
                arguments,
                more=more,
                once=at.once,
                sometimes=at.sometimes,
                new=node.type == "new_expression",
                awaited=node.id in self.awaited,
            )
        )

    def _use(self, node: Node, at: _At) -> None:
        member = ""
        if node.type == "member_expression":
            member = text_of(node.child_by_field_name("property"))
            self.module.words.add(member)
            held = node.child_by_field_name("object")
            if held is None:
                return
            if held.type != "identifier":
                self._visit(held, at)
                return
            node = held
        name = text_of(node)
        self.module.words.add(name)
        if at.scope.of(name) is None:
            self.module.uses.append(Use(name, at.scope.name, at.sometimes, member))

    def _use_of_target(self, left: Node, at: _At) -> None:
        if left.type in {"member_expression", "subscript_expression"}:
            self._visit(left, at)

    def _made_of(self, node: Node, at: _At) -> Iterator[str]:
        """The symbols that a value holds or was given, without the functions that were called for it."""
        node = inner(node)
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        given = node.child_by_field_name("arguments")
        if function is not None:
            for part in given.named_children if given is not None else ():
                yield from self._made_of(part, at)
            held = inner(function).child_by_field_name("object")
            if held is not None:
                yield from self._made_of(held, at)
        elif node.type in {"identifier", "member_expression", *FUNCTIONS}:
            if symbol := self.symbols.of(node, at.scope):
                yield symbol
        elif node.type in {"array", "object", "pair"}:
            for part in node.named_children:
                yield from self._made_of(part, at)

    def _tested(self, node: Node, at: _At) -> set[str]:
        found = tested(node)
        return found.union(*(at.scope.looks_at.get(name, set()) for name in found))

    def _last_filled(self, body: Sequence[Node], at: _At) -> dict[str, int]:
        """Which statement is the last that fills a place."""
        return {place: index for index, one in enumerate(body) for place in ("", *self._filled([one], at))}

    def _filled(self, nodes: Sequence[Node], at: _At) -> set[str]:
        return filled(nodes, at.scope.outlives, self.fills) if at.scope.name else set()
