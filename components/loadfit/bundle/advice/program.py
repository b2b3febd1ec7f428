"""What is known of a program that was read and not run: its modules, what they bind, what they call.

A *symbol* is the text that says what an expression is. ``boto3.client`` and, in JavaScript, ``pg:Pool`` are names of
other packages; ``boto3.Session().client`` is a name of what a call returned. A name of the bundle itself begins with
:data:`OWN`, its file and another :data:`OWN`. The empty symbol says that nothing is known.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["OWN", "UNKNOWN", "Argument", "Call", "Function", "Import", "Module", "Program", "Use", "joined", "own"]

OWN = "\0"
"""Marks a name of the bundle; no path and no identifier contains it."""
LONGEST = 400
"""Symbols do not grow beyond this many characters: chains of calls may be endless."""
_DEPTH = 24
"""How many names are followed from one to the next: they may lead round in circles."""
_SEGMENT = re.compile(r"\(\)|[^.()]+")


class _Unknown:
    """The value of an argument that is not a literal."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call, or one entry of an object given to it."""

    value: Any
    """The literal; :data:`UNKNOWN` where it is none."""
    depends: frozenset[str] = frozenset()
    """The parameters of the calling function that it is computed from."""
    symbol: str = ""
    """What it is, where it is a name."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, or ``new``, in a module."""

    target: str
    """The symbol that is called."""
    line: int
    scope: str
    """The function that it stands in; empty for what runs when the module is loaded."""
    arguments: Mapping[str, Argument] = field(default_factory=dict[str, Argument])
    """By keyword or, for those without one, by position: ``"0"``, ``"1"``."""
    more: bool = False
    """Whether there are arguments that cannot be told, such as ``**options``."""
    once: bool = False
    """Whether a guard keeps its result for later invocations: lazy initialization."""
    sometimes: bool = False
    """Whether it stands in a branch."""
    new: bool = False
    """Whether it is JavaScript's ``new``."""
    awaited: bool = True
    """Whether what follows waits for it."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a module, by any way of writing one."""

    name: str
    line: int
    parameters: tuple[str, ...] = ()
    """Without ``self``."""
    cached: bool = False
    """Whether it keeps its result, as with ``functools.cache``."""
    asynchronous: bool = False
    decorators: tuple[str, ...] = ()
    """Symbols, with ``()`` where one is called."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import."""

    module: str
    """The package or module as it is written, or the file where it is the bundle's own."""
    line: int
    scope: str
    own: bool = False
    names: tuple[str, ...] = ()
    """What is taken from it: nothing for the whole module, ``*`` for all of it."""
    bound: tuple[str, ...] = ()
    """The names that it binds here."""
    namespace: bool = False
    """Whether it gives all of the module one name: ``import * as``."""
    exports: bool = False
    """Whether it hands on what it takes: ``export ... from``."""


@dataclass(frozen=True, slots=True)
class Use:
    """A name that an import bound, used."""

    name: str
    scope: str
    sometimes: bool
    member: str = ""
    """What of it: ``DataFrame`` of ``pandas.DataFrame``; empty where that cannot be told."""


@dataclass(slots=True)
class Module:
    """One file."""

    path: str
    functions: dict[str, Function] = field(default_factory=dict[str, Function])
    """By qualified name: ``Service.run``, ``outer.inner``."""
    returns: dict[str, str] = field(default_factory=dict[str, str])
    """What a function returns, where that is known."""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By name, with the symbols of the base classes."""
    bindings: dict[str, str] = field(default_factory=dict[str, str])
    """What names of the module are, and attributes of its classes: ``Service.client``."""
    wrapped: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Which symbols the value of a name is made of: ``handler = wrap(function)``."""
    stars: list[str] = field(default_factory=list[str])
    """Own files all of whose names are taken over."""
    calls: list[Call] = field(default_factory=list[Call])
    imports: list[Import] = field(default_factory=list[Import])
    uses: list[Use] = field(default_factory=list[Use])
    words: set[str] = field(default_factory=set[str])
    """Every name and attribute in the file."""


class Program:
    """The modules of a bundle.

    Args:
        modules: By their file.
    """

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.modules = modules
        self._resolved: dict[str, str] = {}
        self._calls: dict[tuple[str, str], list[Call]] = {}
        for module in modules.values():
            for call in module.calls:
                self._calls.setdefault((module.path, call.scope), []).append(call)

    def calls(self, path: str, scope: str) -> Sequence[Call]:
        """The calls of a function; those that loading the file makes, for the empty scope."""
        return self._calls.get((path, scope), ())

    def resolve(self, symbol: str) -> str:
        """What a symbol comes down to: the name of a package, of an own function or class, or nothing."""
        known = self._resolved.get(symbol)
        if known is not None:
            return known
        self._resolved[symbol] = ""  # what leads back to itself is nothing
        found = symbol
        for _ in range(_DEPTH):
            if not found.startswith(OWN):
                break
            following = self._followed(found)
            if following == found:
                break
            found = following
        else:
            found = ""
        self._resolved[symbol] = found
        return found

    def function(self, symbol: str) -> tuple[Module, Function] | None:
        """The own function that calling a symbol runs; a class runs its constructor."""
        resolved = self.resolve(symbol)
        if not resolved.startswith(OWN):
            return None
        path, name = _parted(resolved)
        module = self.modules.get(path)
        if module is None:
            return None
        if name in module.classes:
            name = f"{name}.__init__"
        found = module.functions.get(name)
        return (module, found) if found else None

    def _followed(self, symbol: str) -> str:
        path, rest = _parted(symbol)
        module = self.modules.get(path)
        if module is None:
            return ""
        segments = _SEGMENT.findall(rest)
        names = 0
        while names < len(segments) and segments[names] != "()":
            names += 1
        for count in range(names, 0, -1):
            name, after = ".".join(segments[:count]), segments[count:]
            if name in module.functions:
                return self._of_function(module, name, after, symbol)
            if name in module.classes:
                return self._of_class(module, name, after, symbol)
            if name in module.bindings:
                return joined(module.bindings[name], after)
        if segments[:2] == ["exports", "default"]:
            # The default export of a file that has none is all that it exports.
            return joined(own(module.path, "exports"), segments[2:])
        if segments and segments[0] != "()":
            for star in module.stars:
                found = self.resolve(own(star, rest))
                if found:
                    return found
        return self._submodule(module, segments)

    def _of_function(self, module: Module, name: str, after: list[str], symbol: str) -> str:
        if not after:
            return symbol
        returned = module.returns.get(name, "")
        return joined(returned, after[1:]) if after[0] == "()" and returned else ""

    def _of_class(self, module: Module, name: str, after: list[str], symbol: str) -> str:
        members = after[1:] if after[:1] == ["()"] else after
        if not members:
            return symbol
        for base in module.classes[name]:
            # A member of its own was found already, as `Class.member`; through an instance it is looked up here.
            if members[0] == "()":
                return ""
            member = f"{name}.{members[0]}"
            if member in module.functions or member in module.bindings:
                break
            inherited = self.resolve(joined(base, members))
            if inherited:
                return inherited
        return own(module.path, ".".join([name, *members]).replace(".()", "()")) if after != members else ""

    def _submodule(self, module: Module, segments: list[str]) -> str:
        folder, _, file = module.path.rpartition("/")
        if not segments or file != "__init__.py":
            return ""
        base = f"{folder}/" if folder else ""
        for path in (f"{base}{segments[0]}.py", f"{base}{segments[0]}/__init__.py"):
            if path in self.modules:
                return joined(own(path, ""), segments[1:])
        return ""


def own(path: str, name: str) -> str:
    """The symbol of a name of the bundle."""
    return f"{OWN}{path}{OWN}{name}"


def joined(symbol: str, segments: list[str]) -> str:
    """A symbol and what is asked of it: names and calls."""
    for segment in segments:
        if not symbol or len(symbol) > LONGEST:
            return ""
        dot = "" if segment == "()" or symbol[-1] in {OWN, ":"} else "."
        symbol = f"{symbol}{dot}{segment}"
    return symbol


def _parted(symbol: str) -> tuple[str, str]:
    path, _, name = symbol[1:].partition(OWN)
    return path, name
