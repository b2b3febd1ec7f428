"""How the rules see the program, and how they say where something is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadfit.bundle.advice.library import Library
from loadfit.bundle.advice.program import Module, Program
from loadfit.bundle.advice.reach import Entry, Reached
from loadfit.core.problems import printable
from loadfit.core.wording import few

__all__ = ["Analysis", "by_way", "named"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the rules look at."""

    program: Program
    entries: Sequence[Entry]
    reached: Sequence[Reached]
    loaded: Sequence[str]
    """The files that a cold start loads."""
    at_requests: frozenset[tuple[str, str]]
    """The functions that a request runs, by file and name."""
    relevant: Sequence[Module]
    """The files that the function loads, at its start or at a request."""
    libraries: Mapping[str, Library]
    """By language: ``py``, ``js``."""

    def library(self, module: Module) -> Library:
        """The packages of a module's language."""
        return self.libraries["py" if module.path.endswith(".py") else "js"]


def by_way(way: Sequence[str]) -> str:
    """The functions on the way from the handler, as the end of a sentence; nothing for the handler itself."""
    if len(way) < 2:  # noqa: PLR2004 - the handler, and what it calls
        return ""
    return f" ({few(map(named, way), separator=' -> ', most=4)})"


def named(name: str) -> str:
    """The name of a function for people."""
    return "an anonymous function" if name.startswith("<") else printable(name.removeprefix("exports."), 60)
