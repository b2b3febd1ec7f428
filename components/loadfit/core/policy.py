"""Policies: the numbers that a team chooses, each with a default that says where it comes from."""

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Default"]


@dataclass(frozen=True, slots=True)
class Default:
    """What a policy's number is where none is declared."""

    value: Fraction
    unit: str
    meaning: str
    """What is assumed, as a clause."""
    source: str
    """Where the number comes from, or the word "assumption" and why."""
