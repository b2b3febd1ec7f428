"""Declared numbers are what was written, and rounding goes to the safe side."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadfit.core.exact import ceiling, exact, flooring, show_number


@given(st.decimals(-(10**6), 10**6, places=6))
def test_a_float_is_the_decimal_text_that_was_typed(number: object) -> None:
    """Through the text of a float, nothing of what a person wrote is lost."""
    assert exact(float(str(number))) == Fraction(str(number))


def test_one_point_one_times_a_hundred_is_110() -> None:
    """In floating point it is 111 once it is rounded up."""
    assert math.ceil(1.1 * 100) == 111
    assert ceiling(exact(1.1) * 100) == 110


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(number: float) -> None:
    """No size comes of it."""
    with pytest.raises(ValueError, match=r"."):
        exact(number)


@given(st.fractions(-1000, 1000))
def test_needs_are_rounded_up_and_capacities_down(number: Fraction) -> None:
    """By less than one."""
    assert 0 <= ceiling(number) - number < 1
    assert 0 <= number - flooring(number) < 1


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (60_000, "60,000"),
        (0.25, "0.25"),
        (Fraction(2, 3), "0.667"),
        (1.10, "1.1"),
        (-1234.5, "-1,234.5"),
        (100, "100"),
        (Fraction(10**18 + 1, 2), "5.000e+17"),
        (10.0, "10"),
        (0.0004, "0"),
    ],
)
def test_numbers_for_people(number: float | Fraction, text: str) -> None:
    """Thousands apart, no trailing zeros, no zero lost before the point."""
    assert show_number(number) == text
