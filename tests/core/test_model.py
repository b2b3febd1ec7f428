"""Declared models take what was meant and refuse what was not."""

import math
from enum import Enum
from typing import Any

import pytest
from pydantic import Field

from loadfit.core.model import Declared, validate
from loadfit.core.problems import InvalidLoad


class Color(str, Enum):
    RED = "red"


class Part(Declared):
    size: int = Field(ge=1, le=10)
    """How large it is."""


class Whole(Declared):
    count: int | None = Field(default=None, ge=0)
    ratio: float | None = Field(default=None, gt=0)
    flag: bool | None = Field(default=None)
    color: Color | None = Field(default=None)
    parts: list[Part] | None = Field(default=None)
    named: dict[str, Part] | None = Field(default=None)


def refused(data: Any) -> str:
    """The text with which data are refused."""
    with pytest.raises(InvalidLoad) as error:
        validate(Whole, data)
    return str(error.value)


def test_whole_floats_are_whole_numbers() -> None:
    """200.0 is 200, at any depth, and of type int."""
    model = validate(Whole, {"count": 200.0, "parts": [{"size": 3.0}], "named": {"a": {"size": 1.0}}})
    assert model.parts is not None
    assert (model.count, type(model.count), model.parts[0].size, type(model.parts[0].size)) == (200, int, 3, int)


@pytest.mark.parametrize("value", [True, "200", 2.5, math.nan, math.inf, -1, [], {}])
def test_what_is_no_count_is_refused(value: Any) -> None:
    """Booleans, text, fractions, what is not finite or negative."""
    assert refused({"count": value}).startswith("count: expected ")


@pytest.mark.parametrize("value", [True, "0.5", math.nan, -math.inf, 0])
def test_what_is_no_ratio_is_refused(value: Any) -> None:
    """The same for numbers with a fraction."""
    assert refused({"ratio": value}).startswith("ratio: expected ")


@pytest.mark.parametrize("value", ["true", 1, 0])
def test_only_booleans_are_booleans(value: Any) -> None:
    """No text and no number is true or false."""
    assert "expected true or false" in refused({"flag": value})


def test_choices_are_named() -> None:
    """The values, and the one that was meant."""
    assert validate(Whole, {"color": "red"}).color is Color.RED
    assert refused({"color": "rad"}) == 'color: expected one of red, found the text "rad". Did you mean "red"?'


def test_unknown_and_missing_keys_are_told_with_what_was_meant() -> None:
    """A near name is suggested, a missing one explained by its docstring."""
    assert 'Did you mean "count"?' in refused({"cuont": 1})
    assert refused({"parts": [{}]}) == 'parts[0].size: expected the field "size", found nothing. How large it is.'


def test_bounds_are_told() -> None:
    """With the bound and what was found."""
    assert refused({"parts": [{"size": 11}]}) == "parts[0].size: expected at most 10, found 11"


def test_models_are_frozen() -> None:
    """A declared load does not change."""
    with pytest.raises(ValueError, match="frozen"):
        validate(Whole, {}).count = 3
