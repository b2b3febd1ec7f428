"""Which modules a handler reaches: the graph of imports over all sources, in doubt with more than less.

Where a source says too little (it imports a name that it computes, runs text, makes its names on demand, or is machine
code), its whole package is reached.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loadfit.bundle.contents import Contents
from loadfit.bundle.distributions import Distribution, canonical
from loadfit.bundle.needless import in_folders
from loadfit.bundle.python.modules import Kind, Module, Modules
from loadfit.bundle.python.sources import Place, Source, read_source
from loadfit.core.problems import printable
from loadfit.core.wording import few

__all__ = ["Reach", "reach"]

_AWS_PACKAGES = ("boto3", "botocore", "aioboto3", "aiobotocore", "s3transfer")

_UNSEEN = {"zoneinfo": "tzdata"}
"""Modules of the standard library that import, out of sight, what they find: https://docs.python.org/3/library/zoneinfo.html"""

_DATA = re.compile(r"\.(json|ya?ml|toml|ini|cfg)$")
_MOST_DATA = 1024 * 1024
_DOTTED = re.compile(rb"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+")
"""A module's name in a configuration file, as in logging.yaml."""


@dataclass(slots=True)
class Reach:
    """What a handler reaches."""

    modules: set[str] = field(default_factory=set[str])
    """Names of modules."""
    metadata: set[str] = field(default_factory=set[str])
    """Canonical names of distributions whose metadata is read."""
    all_metadata: bool = False
    services: set[str] = field(default_factory=set[str])
    """Names given to what makes AWS clients."""
    sdk_services: set[str] = field(default_factory=set[str])
    """The same inside the SDK: what it calls by itself."""
    unknown_services: list[str] = field(default_factory=list[str])
    """Where a client is made of a service whose name is computed."""
    reads_stubs: bool = False
    warnings: list[str] = field(default_factory=list[str])


def reach(
    contents: Contents,
    modules: Modules,
    distributions: Sequence[Distribution],
    roots: Iterable[str],
    tests: frozenset[str],
) -> Reach:
    """Follows the imports from the roots.

    Args:
        contents: The package.
        modules: Its modules.
        distributions: What is installed in it.
        roots: Names of modules: the handler's, and what is to be kept.
        tests: The folders of tests; nothing in them is reached in doubt.
    """
    walk = _Walk(contents, modules, distributions, tests)
    for root in roots:
        walk.add(root)
    walk.run()
    return walk.finished()


class _Walk:
    def __init__(
        self, contents: Contents, modules: Modules, distributions: Sequence[Distribution], tests: frozenset[str]
    ) -> None:
        self.contents = contents
        self.modules = modules
        self.distributions = {one.name: one for one in distributions}
        self.owner = {path: one for one in distributions for path in one.files}
        self.tests = tests
        self.found = Reach()
        self.pending: list[str] = []
        self.whole: set[str] = set()
        self.groups: set[str] = set()
        self.any_group = False
        self.computed: dict[str, list[str]] = {}
        self.compiled: dict[str, None] = {}
        self.own_is_whole = False

    def add(self, dotted: str) -> None:
        """A name that is imported, with the packages that it lies in."""
        name = dotted
        while name:
            if name in self.modules.by_name:
                if name in self.found.modules:
                    return
                self.found.modules.add(name)
                self.pending.append(name)
            name = name.rpartition(".")[0]

    def run(self) -> None:
        """Until nothing more is reached."""
        self._read_own_data()
        while self.pending:
            while self.pending:
                name = self.pending.pop()
                self._visit(name)
            self._load_entry_points()

    def finished(self) -> Reach:
        """What was found, with its warnings."""
        own = self.computed.pop("", [])
        if own:
            self.found.warnings.append(
                f"The handler's own code imports names that are computed ({few(sorted(own))}): all of that code was "
                "kept, and of other packages what is imported by name. Keep what else it may import by name."
            )
        self.computed = dict(sorted(self.computed.items()))
        if self.computed:
            places = few((min(places) for places in self.computed.values()), most=5)
            self.found.warnings.append(
                f"{few(self.computed, most=8)}: kept whole, for they import names that are computed ({places}). What "
                "they may import of other packages has to be kept by name."
            )
        if self.compiled:
            self.found.warnings.append(
                f"{few(sorted(self.compiled), most=8)}: kept whole, with what their metadata requires, for the imports "
                "of machine code cannot be read."
            )
        return self.found

    def _visit(self, name: str) -> None:
        files = self.modules.by_name[name]
        source = next((one for one in files if one.kind is Kind.SOURCE), None)
        if any(one.kind is Kind.COMPILED for one in files):
            self._compiled(next(one for one in files if one.kind is Kind.COMPILED))
        if source is None:
            if all(one.kind is Kind.BYTECODE for one in files):
                self._computed(files[0], [(1, "bytecode without its source")])
            return
        try:
            said = read_source(self.contents.read(source.path), name, is_package=source.is_package)
        except SyntaxError as error:
            self.found.warnings.append(
                f"{printable(source.path, 120)}: not Python as this interpreter reads it "
                f"({printable(str(error.msg), 80)}): its package was kept whole."
            )
            self._keep_whole(source)
            return
        self._follow(source, said)

    def _follow(self, module: Module, said: Source) -> None:
        for dotted in said.imports:
            self.add(dotted)
            if dotted.partition(".")[0] in _UNSEEN:
                self.add(_UNSEEN[dotted.partition(".")[0]])
        for dotted in said.names:
            longest = self.modules.longest(dotted)
            if longest is not None:
                self.add(longest)
        for prefix in said.prefixes:
            for name in self.modules.by_name:
                if name.startswith(prefix) and not self._is_test(name):
                    self.add(name)
        for package in said.stars:
            self._star(package)
        for file in said.files:
            self._file(file)
        if said.unknown:
            self._computed(module, said.unknown)
        elif said.runs_text or said.lazy:
            self._keep_whole(module)
        self._note(module, said)

    def _note(self, module: Module, said: Source) -> None:
        self.found.metadata |= {canonical(name) for name in said.metadata}
        # A module's own name is not always that of its distribution.
        if module.name.partition(".")[0] in said.metadata and module.path in self.owner:
            self.found.metadata.add(self.owner[module.path].name)
        self.found.all_metadata |= said.any_metadata
        self.groups |= said.groups
        self.any_group |= said.any_group
        self.found.reads_stubs |= said.reads_stubs
        if module.name.partition(".")[0] in _AWS_PACKAGES:
            self.found.sdk_services |= said.services
            return
        self.found.services |= said.services
        # Many things are called "client": a package that does not know the SDK makes none of its clients.
        if self._is_own(module) or any(name.partition(".")[0] in _AWS_PACKAGES for name in said.imports):
            self.found.unknown_services += [_place(module, place) for place in said.any_service]

    def _star(self, package: str) -> None:
        """``from package import *`` imports the modules that ``__all__`` names; where it is computed, perhaps all."""
        for name in self.modules.below.get(package, []):
            self.add(name)

    def _file(self, file: str) -> None:
        """A file that is named is perhaps run."""
        for path, one in self.modules.by_path.items():
            if path == file or path.endswith(f"/{file.lstrip('./')}"):
                self.add(one.name)

    def _computed(self, module: Module, places: list[Place]) -> None:
        unit = "" if self._is_own(module) else self.modules.unit(module.name)
        self.computed.setdefault(unit, []).extend(_place(module, place) for place in places)
        self._keep_whole(module)

    def _compiled(self, module: Module) -> None:
        owner = self.owner.get(module.path)
        self.compiled[self.modules.unit(module.name)] = None
        self._keep_whole(module)
        for name in owner.requires if owner else ():
            required = self.distributions.get(name)
            for path in required.files if required else ():
                if path in self.modules.by_path and not in_folders(path, self.tests):
                    self.add(self.modules.by_path[path].name)

    def _keep_whole(self, module: Module) -> None:
        if self._is_own(module):
            if not self.own_is_whole:
                self.own_is_whole = True
                for path, one in self.modules.by_path.items():
                    if path not in self.owner and not self._is_test(one.name):
                        self.add(one.name)
            return
        unit = self.modules.unit(module.name)
        if unit not in self.whole:
            self.whole.add(unit)
            for name in self.modules.within(unit):
                if not self._is_test(name):
                    self.add(name)

    def _is_own(self, module: Module) -> bool:
        return module.path not in self.owner

    def _is_test(self, name: str) -> bool:
        return all(in_folders(one.path, self.tests) for one in self.modules.by_name[name])

    def _read_own_data(self) -> None:
        """Names of modules in the handler's own configuration files."""
        for path, size in self.contents.sizes.items():
            if _DATA.search(path) and path not in self.owner and size <= _MOST_DATA and "dist-info/" not in path:
                for match in set(_DOTTED.findall(self.contents.read(path))):
                    longest = self.modules.longest(match.decode("ascii", "replace").replace(":", "."))
                    if longest is not None and not self._is_test(longest):
                        self.add(longest)

    def _load_entry_points(self) -> None:
        """Whatever loads entry points reaches what they name."""
        for one in self.distributions.values():
            for group, targets in one.entry_points.items():
                if self.any_group or group in self.groups:
                    self.found.metadata.add(one.name)
                    for target in targets:
                        self.add(target.replace(":", "."))


def _place(module: Module, place: Place) -> str:
    line, text = place
    return f"{printable(module.path, 100)}:{line} {printable(text, 60)}"
