"""The modules of a package by their dotted names, as Python's import system finds them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["Kind", "Module", "Modules", "prefixes"]

_SUFFIX = re.compile(r"(?P<stem>[^/.]+)(?P<suffix>\.py|\.pyc|\.pyd|(?:\.[\w-]+)*\.so)$")


class Kind(Enum):
    """What a module is made of."""

    SOURCE = "source"
    BYTECODE = "bytecode"
    COMPILED = "machine code"


@dataclass(frozen=True, slots=True)
class Module:
    """A file that can be imported."""

    name: str
    path: str
    kind: Kind
    is_package: bool
    """Whether it is an ``__init__``."""


class Modules:
    """The modules below a root.

    Args:
        paths: The files, relative to the root.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.by_path: dict[str, Module] = {}
        self.by_name: dict[str, list[Module]] = {}
        for path in paths:
            module = _module(path)
            if module is not None:
                self.by_path[path] = module
                self.by_name.setdefault(module.name, []).append(module)
        self.below: Mapping[str, list[str]] = _below(self.by_name)

    def longest(self, dotted: str) -> str | None:
        """The longest module that a dotted name begins with, such as ``a.b`` for ``a.b.Class``."""
        return next((name for name in reversed(list(prefixes(dotted))) if name in self.by_name), None)

    def unit(self, name: str) -> str:
        """The outermost package of a module: below a namespace package, the first that is a regular one."""
        return next((one for one in prefixes(name) if one in self.by_name), name)

    def within(self, unit: str) -> Iterator[str]:
        """A package's modules, itself included."""
        pending = [unit]
        while pending:
            name = pending.pop()
            if name in self.by_name:
                yield name
            pending += self.below.get(name, [])


def prefixes(dotted: str) -> Iterator[str]:
    """A dotted name's beginnings, shortest first.

    Example:
        >>> list(prefixes("a.b.c"))
        ['a', 'a.b', 'a.b.c']
    """
    end = dotted.find(".")
    while end >= 0:
        yield dotted[:end]
        end = dotted.find(".", end + 1)
    yield dotted


def _module(path: str) -> Module | None:
    folder, _, file = path.rpartition("/")
    match = _SUFFIX.fullmatch(file)
    if match is None or "." in folder:
        return None
    is_package = match["stem"] == "__init__"
    steps = [*folder.split("/")] if folder else []
    if not is_package:
        steps.append(match["stem"])
    if not steps:
        return None
    kind = {".py": Kind.SOURCE, ".pyc": Kind.BYTECODE}.get(match["suffix"], Kind.COMPILED)
    return Module(".".join(steps), path, kind, is_package)


def _below(names: Iterable[str]) -> dict[str, list[str]]:
    below: dict[str, dict[str, None]] = {}
    for name in names:
        while name:
            parent, dot, _ = name.rpartition(".")
            if not dot:
                break
            below.setdefault(parent, {})[name] = None
            name = parent  # noqa: PLW2901 - the way up
    return {parent: list(children) for parent, children in below.items()}
