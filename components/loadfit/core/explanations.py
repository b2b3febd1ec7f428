"""What a finding's code means, for ``loadfit explain`` and the documentation."""

from dataclasses import dataclass

__all__ = ["Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One finding explained."""

    meaning: str
    """What it says and what happens when nothing is done, in full sentences."""
    equation: str
    """How the numbers are computed."""
    sources: tuple[str, ...]
    """Where the limits in it are published."""
