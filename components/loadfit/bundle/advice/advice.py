"""One piece of advice."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Advice", "Basis"]


class Basis(str, Enum):
    """What the statement of how much a step saves rests on."""

    MEASURED = "measured"
    """Measured on the code that the advice is about."""
    ESTIMATED = "estimated"
    """Derived from the code and from how Lambda runs it; a number in it is counted or computed, never a guess."""
    PUBLISHED = "published"
    """Somebody measured it elsewhere and published it: read it as an order of magnitude."""


@dataclass(frozen=True, slots=True, order=True)
class Advice:
    """One line of a function's source that slows its start or holds more connections than it needs.

    Advice is ordered by where it is about.
    """

    path: str
    """The file, as it was named to ``advise``."""
    line: int
    """The line in the file, counted from 1."""
    code: str
    """Upper-case words, unique in the project; ``loadfit explain CODE`` tells what it means."""
    message: str
    """One sentence: what is the case."""
    way_out: str
    """One sentence: what to do."""
    saves: str
    """What the step saves. It has a number only where one is counted in the code or was published."""
    basis: Basis
    """What ``saves`` rests on."""
    source: str
    """Where the number of ``saves``, or the rule that it follows from, can be read."""
