"""How far each declared number can grow until which limit breaks.

Sizes that a document leaves to be computed are held as if they had been given; then each number that grows with the
load is moved alone, and the whole document is resolved and sized again: upwards by doubling until a finding appears
that is not there today, then by proportion and bisection to the last value without it. What is over a limit today is
moved downwards in the same way, to the last value within it.
"""

from loadfit.stack.growth.held import held_sizes, holding
from loadfit.stack.growth.numbers import DIGITS, Number, growing_numbers
from loadfit.stack.growth.search import Break, Growth, Limits, find_limits, is_limit

__all__ = [
    "DIGITS",
    "Break",
    "Growth",
    "Limits",
    "Number",
    "find_limits",
    "growing_numbers",
    "held_sizes",
    "holding",
    "is_limit",
]
