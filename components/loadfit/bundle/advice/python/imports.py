"""What a Python import brings, and whether it is the bundle's own."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from loadfit.bundle.advice.program import Import, own

__all__ = ["Imported", "Imports"]


@dataclass(frozen=True, slots=True)
class Imported:
    """One module that a statement imports."""

    what: Import
    bindings: Mapping[str, str] = field(default_factory=dict[str, str])
    """The names that it binds, with their symbols."""


@dataclass(frozen=True, slots=True)
class Imports:
    """The imports of one file."""

    path: str
    paths: frozenset[str]

    def of(self, node: ast.Import | ast.ImportFrom, scope: str) -> Iterator[Imported]:
        """What a statement imports, module by module."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield self._whole(alias, Import(alias.name, node.lineno, scope))
        else:
            yield from self._parts(node, scope)

    def _whole(self, alias: ast.alias, what: Import) -> Imported:
        first = alias.name.split(".")[0]
        bound = alias.asname or first
        file = self._file(alias.name)
        # `import a.b` binds `a`, and `import a.b as c` what `a.b` is.
        seen = file if alias.asname else self._file(first)
        symbol = own(seen, "") if seen else (alias.name if alias.asname else first)
        found = replace(what, module=file or alias.name, own=bool(file), bound=(bound,))
        return Imported(found, {bound: symbol})

    def _parts(self, node: ast.ImportFrom, scope: str) -> Iterator[Imported]:
        module = node.module or ""
        file = self._relative(module, node.level) if node.level else self._file(module)
        folder = self._folder(node.level) if node.level else ""
        names: list[str] = []
        bindings: dict[str, str] = {}
        for alias in node.names:
            name, bound = alias.name, alias.asname or alias.name
            inside = f"{folder}{module.replace('.', '/')}/" if module else folder
            submodule = self._existing(f"{inside}{name}") if node.level or module else ""
            if submodule and name != "*":
                yield Imported(
                    Import(submodule, node.lineno, scope, own=True, bound=(bound,)), {bound: own(submodule, "")}
                )
                continue
            names.append(name)
            if name != "*":
                bindings[bound] = own(file, name) if file else f"{module}.{name}"
        if names:
            yield Imported(
                Import(
                    file or f"{'.' * node.level}{module}",
                    node.lineno,
                    scope,
                    own=bool(file),
                    names=tuple(names),
                    bound=tuple(bindings),
                ),
                bindings,
            )

    def _file(self, module: str) -> str:
        """The bundle's file of an absolute module name: from the root, or else from beside the importing file."""
        tail = module.replace(".", "/")
        return self._existing(tail) or self._existing(self._folder(1) + tail)

    def _relative(self, module: str, level: int) -> str:
        folder = self._folder(level)
        return self._existing(folder + module.replace(".", "/")) if module else self._existing(folder.rstrip("/"))

    def _folder(self, level: int) -> str:
        parts = self.path.split("/")[:-level] if level else []
        return "".join(f"{part}/" for part in parts)

    def _existing(self, stem: str) -> str:
        package = f"{stem}/__init__.py" if stem else "__init__.py"
        return next((path for path in (f"{stem}.py", package) if path in self.paths), "")
