"""What is loaded at a start and not needed for it."""

from collections.abc import Iterator

from loadfit.bundle.advice import codes
from loadfit.bundle.advice.advice import Advice, Basis
from loadfit.bundle.advice.library import Heavy
from loadfit.bundle.advice.program import OWN, Import, Module, Use
from loadfit.bundle.advice.reach import loaded
from loadfit.bundle.advice.rules.telling import Analysis
from loadfit.core.problems import printable
from loadfit.core.wording import few

__all__ = ["heavy_imports", "whole_packages", "wide_indexes"]

_WIDE = 3
"""An own module is an index when it loads so many others of the bundle."""


def heavy_imports(analysis: Analysis) -> Iterator[Advice]:
    """Packages that every start loads, and that not every request uses."""
    if not analysis.entries:
        return
    for module in analysis.relevant:
        if module.path not in analysis.loaded:
            continue
        library = analysis.library(module)
        for one in module.imports:
            heavy = library.heavy.get(_package(one.module, module))
            if heavy is None or one.scope or one.own or "*" in one.names or one.exports or not one.bound:
                continue
            if not _needed(analysis, module, one, heavy):
                yield _heavy(module, one, heavy)


def _needed(analysis: Analysis, module: Module, one: Import, heavy: Heavy) -> bool:
    """Whether the start itself or every request uses what an import binds."""
    always = {(here.module.path, here.function.name) for here in analysis.reached if here.always}
    for use in _uses(module, one):
        if not use.scope or (not use.sometimes and (module.path, use.scope) in always):
            return True
    # Another import of the same package is needed, so this one costs little more.
    for path in analysis.loaded:
        other = analysis.program.modules[path]
        for another in other.imports:
            if another is one or another.scope or _package(another.module, other) != heavy.name:
                continue
            for use in _uses(other, another):
                if not use.scope or (not use.sometimes and (path, use.scope) in always):
                    return True
    return any(_taken_over(analysis, module, name) for name in one.bound)


def _package(asked: str, module: Module) -> str:
    """The name of the package that an import takes something from."""
    if module.path.endswith(".py"):
        return asked.partition(".")[0]
    parts = asked.removeprefix("node:").split("/")
    return "/".join(parts[: 2 if asked.startswith("@") else 1])


def _uses(module: Module, one: Import) -> Iterator[Use]:
    return (use for use in module.uses if use.name in one.bound)


def _taken_over(analysis: Analysis, module: Module, name: str) -> bool:
    """Whether another file imports a name from this one."""
    for other in analysis.program.modules.values():
        if module.path in other.stars:
            return True
        for one in other.imports:
            if one.own and one.module == module.path and name in one.names:
                return True
    return module.path.endswith("__init__.py") or any(
        exported.startswith("exports.") and symbol.endswith(f"{OWN}{name}")
        for exported, symbol in module.bindings.items()
    )


def _heavy(module: Module, one: Import, heavy: Heavy) -> Advice:
    users = sorted({use.scope for use in _uses(module, one)} - {""})
    if users:
        where = few(printable(name) for name in users)
        used = f"only {where} uses it, and not at every request" if len(users) == 1 else f"only {where} use it"
        way_out = "Import it inside of the function that uses it: the first request that needs it then loads it."
    else:
        used = "nothing in the file uses it"
        way_out = "Remove the import, and the package from the bundle where nothing else needs it."
    return Advice(
        module.path,
        one.line,
        codes.HEAVY_IMPORT,
        f"{printable(heavy.name)} is loaded at every cold start, but {used}.",
        way_out,
        "At every cold start: the time to load the package"
        f"{' (python -X importtime shows it)' if module.path.endswith('.py') else ''}.",
        Basis.ESTIMATED,
        codes.STATIC_INITIALIZATION,
    )


def whole_packages(analysis: Analysis) -> Iterator[Advice]:
    """Packages that are loaded as a whole for a part."""
    for module in analysis.relevant:
        if module.path not in analysis.loaded:
            continue
        for one in module.imports:
            heavy = analysis.library(module).whole_package(one.module)
            if heavy is None or one.scope or one.own:
                continue
            # Named parts are loaded alone, at least through a bundler; all of it as one name is not.
            if heavy.parts and (one.names or one.exports or not one.bound):
                continue
            if heavy.namespace and not one.namespace:
                continue
            yield Advice(
                module.path,
                one.line,
                codes.WHOLE_PACKAGE_IMPORTED,
                f"All of {printable(one.module)} is loaded at every cold start.",
                f"Import {heavy.instead}.",
                heavy.saves or "At every cold start: loading what is not used.",
                Basis.PUBLISHED if heavy.saves else Basis.ESTIMATED,
                codes.WHOLE_SDK if heavy.saves else codes.STATIC_INITIALIZATION,
            )


def wide_indexes(analysis: Analysis) -> Iterator[Advice]:
    """Own modules that gather others, loaded for one of them."""
    for module in analysis.relevant:
        for one in module.imports:
            if not one.own or one.scope or one.exports or one.module == module.path:
                continue
            index = analysis.program.modules.get(one.module)
            if index is None or _loaded_before(index, module):
                continue
            parts = _parts(index)
            if len(parts) < _WIDE:
                continue
            used = _used_parts(analysis, module, one, index)
            if len(used) != 1:
                continue
            (needed,) = used
            spare = sorted(parts - set(loaded(analysis.program, [needed], without=index.path)))
            if len(spare) < _WIDE - 1 or _loaded_anyway(analysis, index, spare):
                continue
            yield _wide(module, one, index, needed, spare)


def _loaded_before(index: Module, module: Module) -> bool:
    """Whether an index is loaded before a module because the module is in its package."""
    return index.path.endswith("__init__.py") and module.path.startswith(index.path.removesuffix("__init__.py"))


def _parts(index: Module) -> set[str]:
    return {one.module for one in index.imports if one.own and not one.scope and one.module != index.path}


def _used_parts(analysis: Analysis, module: Module, one: Import, index: Module) -> set[str]:
    """The files from which the names that are used come; empty where that cannot be told."""
    if one.names and "*" not in one.names:
        names = set(one.names)
    elif "*" in one.names:
        names = {
            use.name for use in module.uses if use.name not in module.bindings and use.name not in module.functions
        }
    else:
        names = {use.member for use in module.uses if use.name in one.bound}
        if "" in names:
            return set()
    found: set[str] = set()
    for name in names:
        prefix = "" if module.path.endswith(".py") else "exports."
        resolved = analysis.program.resolve(f"{OWN}{index.path}{OWN}{prefix}{name}")
        origin = resolved[1:].partition(OWN)[0] if resolved.startswith(OWN) else ""
        if not origin:
            origin = _origin(analysis, index, f"{prefix}{name}")
        if origin == index.path or (not origin and "*" not in one.names):
            return set()
        if origin:
            found.add(origin)
    return found


def _origin(analysis: Analysis, index: Module, name: str) -> str:
    """The file that binds a name which an index hands on."""
    seen: set[str] = set()
    path = index.path
    while path not in seen:
        seen.add(path)
        module = analysis.program.modules[path]
        bound = module.bindings.get(name, "")
        if bound.startswith(OWN):
            path, _, name = bound[1:].partition(OWN)
            if path not in analysis.program.modules:
                return ""
            continue
        if name in module.bindings or name in module.functions or name in module.classes:
            return path
        for star in module.stars:
            other = analysis.program.modules.get(star)
            if other is not None and (name in other.bindings or name in other.functions or name in other.classes):
                path = star
                break
    return "" if path == index.path else path


def _loaded_anyway(analysis: Analysis, index: Module, spare: list[str]) -> bool:
    """Whether something else that a start loads needs the other parts as well."""
    others = {
        one.module
        for path in analysis.loaded
        if path != index.path and path not in spare
        for one in analysis.program.modules[path].imports
        if one.own and not one.scope
    }
    return set(spare) <= others


def _wide(module: Module, one: Import, index: Module, needed: str, spare: list[str]) -> Advice:
    from_there = f"Import it from {printable(needed)} itself"
    if index.path.endswith("__init__.py"):
        way_out = f"{from_there}, and move what {printable(index.path)} gathers out of it: Python runs it all the same."
    else:
        way_out = f"{from_there}."
    return Advice(
        module.path,
        one.line,
        codes.WIDE_INDEX_IMPORTED,
        f"{printable(index.path)} gathers {len(spare) + 1} modules, and only {printable(needed)} of them is used here.",
        way_out,
        f"At every cold start: loading {few(map(printable, spare))}, and what they import.",
        Basis.ESTIMATED,
        codes.STATIC_INITIALIZATION,
    )
