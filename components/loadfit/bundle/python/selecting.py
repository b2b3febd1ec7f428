"""What of a Python function's package is packed."""

import re
from collections.abc import Collection, Sequence

from loadfit.bundle.contents import Contents, refusal
from loadfit.bundle.distributions import Distribution, canonical, read_distributions
from loadfit.bundle.needless import CACHES, METADATA, REPOSITORIES, STUBS, TESTS, Rule, in_folders, tests_folders
from loadfit.bundle.python.modules import Kind, Module, Modules
from loadfit.bundle.python.reach import Reach, reach
from loadfit.bundle.python.services import needless_models
from loadfit.bundle.python.sources import read_source
from loadfit.bundle.selection import Selection
from loadfit.core.problems import nearest, printable

__all__ = ["select_python"]

_NOT_IMPORTED = "nothing that the handler reaches imports it"
_UNUSED = "part of a package of which nothing that the handler reaches imports a module"


def select_python(
    contents: Contents, handler: str, *, keep: Collection[str] = (), services: Collection[str] = ()
) -> Selection:
    """Decides about every file.

    Args:
        contents: The package.
        handler: As Lambda names it: ``app.handler``.
        keep: Names of modules, or paths, that are packed whatever else is found.
        services: AWS services that are used beside those that the sources name.

    Raises:
        InvalidLoad: There is no such handler, or nothing that is to be kept, or no such service.
    """
    modules = Modules(contents.sizes)
    root = _handler_module(contents, modules, handler)
    kept = _kept(contents, modules, keep)
    tests = tests_folders(contents.sizes)
    distributions = read_distributions(contents)
    # What is kept by name is imported by name, so that it needs what it imports.
    roots = [root, *(modules.by_path[path].name for path in kept if path in modules.by_path)]
    found = reach(contents, modules, distributions, roots, tests)
    models = needless_models(contents.sizes, found, frozenset(services), contents.source)
    judge = _Judge(contents, modules, distributions, found, tests)
    removed: dict[str, str] = {}
    for path in contents.sizes:
        reason = None if path in kept else models_reason(models.get(path)) or judge.reason(path)
        if reason is not None:
            removed[path] = reason
    return Selection(frozenset(contents.sizes.keys() - removed.keys()), removed, tuple(found.warnings))


def models_reason(service: str | None) -> str | None:
    """Why a service's model is not packed."""
    return None if service is None else f"the model of the service {service}, which nothing reached names"


class _Judge:
    def __init__(
        self,
        contents: Contents,
        modules: Modules,
        distributions: Sequence[Distribution],
        found: Reach,
        tests: frozenset[str],
    ) -> None:
        self.modules = modules
        self.found = found
        self.tests = tests
        self.metadata = {one.metadata: one for one in distributions}
        self.owner = {path: one for one in distributions for path in one.files}
        reached = {path for path, one in modules.by_path.items() if one.name in found.modules}
        self.reached = reached
        self.units = {modules.unit(name) for name in found.modules}
        # A distribution without a module of its own is data, and nobody says for whom.
        self.unused = {
            one.name
            for one in distributions
            if any(path in modules.by_path for path in one.files) and not any(path in reached for path in one.files)
        }
        self.environments = {path.removesuffix("pyvenv.cfg") for path in contents.sizes if path.endswith("/pyvenv.cfg")}
        self.libraries = tuple({f"{path.partition('/')[0]}/" for path in contents.sizes if ".libs/" in path})
        self.scripts = {f"bin/{script}" for one in distributions for script in one.scripts}

    def reason(self, path: str) -> str | None:
        """Why a file is not packed; ``None`` where it is."""
        for rule in (CACHES, REPOSITORIES):
            if rule.pattern.search(path):
                return rule.reason
        if any(path.startswith(folder) for folder in self.environments):
            return "a virtual environment: Lambda does not look into it"
        if METADATA.pattern.search(path):
            return self._metadata(path)
        if self._is_unused(path):
            return _UNUSED
        if STUBS.pattern.search(path):
            return None if self.found.reads_stubs else STUBS.reason
        return self._module(path) if path in self.modules.by_path else self._data(path)

    def _metadata(self, path: str) -> str | None:
        one = self.metadata.get(path.partition("/")[0])
        if one is None:
            # egg-info: an older form, which importlib.metadata reads too.
            stem = re.split(r"-\d|\.egg-info", path.partition("/")[0])[0]
            name, used = canonical(stem), True
        else:
            name, used = one.name, one.name not in self.unused
        if name in self.found.metadata or (self.found.all_metadata and used):
            return None
        return f"{METADATA.reason}: nothing that the handler reaches asks for it"

    def _module(self, path: str) -> str | None:
        if path in self.reached:
            return None
        return _test(TESTS) if self._is_test(path) else _NOT_IMPORTED

    def _is_test(self, path: str) -> bool:
        return in_folders(path, self.tests) or bool(TESTS.pattern.search(path))

    def _data(self, path: str) -> str | None:
        if path in self.scripts:
            return "a command, which starts with the interpreter of the machine that installed it"
        if in_folders(path, self.tests):
            return _test(TESTS)
        return None

    def _is_unused(self, path: str) -> bool:
        """Whether nothing of a file's package is reached."""
        owner = self.owner.get(path)
        if owner is not None and owner.name in self.unused:
            return True
        if owner is None and self.owner and path not in self.modules.by_path and not path.startswith(self.libraries):
            # The handler's own code may open a file wherever it lies.
            return False
        unit = self._unit(path)
        return unit is not None and unit not in self.units

    def _unit(self, path: str) -> str | None:
        """The package that a file lies in; of a folder of libraries that auditwheel made, the one beside it."""
        folder = path.rpartition("/")[0]
        top = folder.partition("/")[0]
        if top.endswith(".libs") and top.removesuffix(".libs") in self.modules.by_name:
            return self.modules.unit(top.removesuffix(".libs"))
        while folder:
            name = folder.replace("/", ".")
            if name in self.modules.by_name:
                return self.modules.unit(name)
            folder = folder.rpartition("/")[0]
        return None


def _test(rule: Rule) -> str:
    return f"{rule.reason}: nothing that the handler reaches imports it"


def _handler_module(contents: Contents, modules: Modules, handler: str) -> str:
    match = re.fullmatch(r"(?P<module>[\w./-]+)\.(?P<function>\w+)", handler)
    if match is None:
        raise refusal(
            contents.source, "a handler such as app.handler (a file and a function in it)", f'"{printable(handler)}"'
        )
    name = match["module"].replace("/", ".").strip(".")
    files = modules.by_name.get(name)
    if files is None:
        meant = nearest(name, [one for one in modules.by_name if "." not in one])
        where = name.replace(".", "/")
        way_out = f"Did you mean {meant}.{match['function']}?" if meant else "Name the file that the handler is in."
        raise refusal(contents.source, f"the handler's module {name} ({where}.py)", "no such file in it", way_out)
    _check_function(contents, files, match["function"])
    return name


def _check_function(contents: Contents, files: Sequence[Module], function: str) -> None:
    module = next((one for one in files if one.kind is Kind.SOURCE), None)
    if module is None:
        return
    try:
        said = read_source(contents.read(module.path), module.name, is_package=module.is_package)
    except SyntaxError as error:
        line = f" (line {error.lineno})" if error.lineno else ""
        raise refusal(
            contents.source,
            "a handler in Python",
            f"{module.path}, which is not Python as this interpreter reads it{line}",
        ) from None
    if function not in said.defined and not said.stars and not said.lazy and not said.runs_text:
        meant = nearest(function, said.defined)
        way_out = f"Did you mean {module.name}.{meant}?" if meant else ""
        raise refusal(contents.source, f"the function {function} in {module.path}", "none of this name", way_out)


def _kept(contents: Contents, modules: Modules, keep: Collection[str]) -> set[str]:
    kept: set[str] = set()
    for name in keep:
        found = {module.path for one in modules.within(name) for module in modules.by_name[one]}
        folder = name.rstrip("/")
        found |= {path for path in contents.sizes if path == folder or path.startswith(f"{folder}/")}
        found |= {
            path
            for one in read_distributions(contents)
            if one.name == canonical(name)
            for path in (one.files | {path for path in contents.sizes if path.startswith(f"{one.metadata}/")})
        }
        if not found:
            meant = nearest(name, [*modules.by_name, *contents.sizes])
            way_out = f"Did you mean {printable(meant)}?" if meant else ""
            raise refusal(contents.source, "modules, packages or paths of it to keep", f'"{printable(name)}"', way_out)
        kept |= {path for path in found if not CACHES.pattern.search(path)}
    return kept
