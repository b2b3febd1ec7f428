"""What JavaScript imports bring, and what exports hand on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tree_sitter import Node

from loadfit.bundle.advice.javascript.imports import Modules
from loadfit.bundle.advice.javascript.syntax import inner, key_of, line_of, pattern_names, required, text_of
from loadfit.bundle.advice.program import OWN, Import, joined

__all__ = ["Imported", "Links", "declared", "specified"]


@dataclass(frozen=True, slots=True)
class Imported:
    """One module that a statement imports."""

    what: Import
    bindings: Mapping[str, str] = field(default_factory=dict[str, str])
    """The names that it binds, with their symbols; those that it exports begin with ``exports.``."""
    stars: tuple[str, ...] = ()
    """The own file all of whose names it hands on."""
    node: int = 0
    """The call of ``require`` that is part of a declaration."""


@dataclass(frozen=True, slots=True)
class Links:
    """The imports and exports of one file."""

    modules: Modules

    def import_statement(self, node: Node) -> Iterator[Imported]:
        """``import ... from "..."``; types bring nothing that runs."""
        if any(child.type == "type" for child in node.children):
            return
        source = node.child_by_field_name("source")
        clause = next((child for child in node.named_children if child.type.startswith("import_")), None)
        if clause is not None and clause.type == "import_require_clause":
            source = clause.child_by_field_name("source")
        asked = key_of(source)
        whole = self.modules.symbol(asked)
        names: list[str] = []
        bindings: dict[str, str] = {}
        parts = [] if clause is None else clause.named_children
        required_whole = clause is not None and clause.type == "import_require_clause"
        for name, local in (pair for part in parts for pair in specified(part)):
            # A package's default export is mostly all of it.
            all_of_it = not name or required_whole or (name == "default" and not whole.startswith(OWN))
            names += [] if all_of_it else [name]
            bindings[local] = whole if all_of_it else joined(whole, [name])
        if clause is None or bindings:
            what = self._import(asked, node, tuple(names), tuple(bindings))
            namespace = any(part.type == "namespace_import" for part in parts)
            yield Imported(replace(what, namespace=namespace), bindings)

    def declaration(self, target: Node, value: Node) -> Imported | None:
        """``const ... = require("...")``, also a part of it; ``None`` for any other declaration."""
        part = inner(value)
        names: list[str] = []
        while part.type == "member_expression" and (held := part.child_by_field_name("object")) is not None:
            names = [text_of(part.child_by_field_name("property"))]
            part = inner(held)
        asked = required(part)
        if not asked:
            return None
        if target.type == "object_pattern" and not names:
            for entry in target.named_children:
                key = entry.child_by_field_name("key") or entry.child_by_field_name("left") or entry
                names.append("*" if entry.type == "rest_pattern" else key_of(key))
        bound = tuple(pattern_names(target))
        return Imported(self._import(asked, part, tuple(names), bound), node=part.id)

    def bare(self, node: Node, asked: str) -> Imported:
        """``require("...")`` whose value has no name."""
        return Imported(self._import(asked, node, (), ()))

    def export_from(self, node: Node, asked: str) -> Imported:
        """``export ... from "..."``."""
        whole, file = self.modules.symbol(asked), self.modules.file(asked)
        pairs = [pair for part in node.named_children for pair in specified(part)]
        bindings = {f"exports.{local}": joined(whole, [name]) if name else whole for name, local in pairs}
        names = tuple(name for name, _ in pairs) or ("*",)
        what = self._import(asked, node, names, (), exports=True)
        return Imported(what, bindings, (file,) if file and not pairs else ())

    def _import(
        self, asked: str, node: Node, names: tuple[str, ...], bound: tuple[str, ...], *, exports: bool = False
    ) -> Import:
        file = self.modules.file(asked)
        return Import(file or asked, line_of(node), "", own=bool(file), names=names, bound=bound, exports=exports)


def specified(part: Node) -> Iterator[tuple[str, str]]:
    """Pairs of the name in the other module, empty for all of it, and the name here."""
    match part.type:
        case "identifier":
            yield "default", text_of(part)
        case "namespace_import" | "namespace_export":
            yield "", text_of(part.named_children[0])
        case "import_specifier" | "export_specifier" if not any(child.type == "type" for child in part.children):
            name = part.child_by_field_name("name")
            yield key_of(name), key_of(part.child_by_field_name("alias") or name)
        case "named_imports" | "export_clause":
            for one in part.named_children:
                yield from specified(one)
        case _:
            pass


def declared(declaration: Node) -> Iterator[str]:
    """The names that a declaration binds."""
    if declaration.type in {"lexical_declaration", "variable_declaration"}:
        for one in declaration.named_children:
            yield from pattern_names(one.child_by_field_name("name"))
    elif name := text_of(declaration.child_by_field_name("name")):
        yield name
