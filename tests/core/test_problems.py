"""What is wrong is told in one safe line: where, what was expected, what was found, the way out."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadfit.core.problems import SHOWN_PROBLEMS, InvalidLoad, Problem, nearest, printable, shown, under


def test_a_problem_has_four_parts() -> None:
    """Path, expected, found, way out; source and line in front."""
    problem = Problem(("egress", "flows", 0, "to"), "a text", "nothing", "Say where to.", line=7)
    assert str(problem) == "egress.flows[0].to: expected a text, found nothing. Say where to."
    assert str(InvalidLoad([problem], "load.yaml")).startswith("load.yaml:7: egress.flows[0].to: ")
    assert str(InvalidLoad([problem])).startswith("line 7: egress.flows[0].to: ")


def test_many_problems_are_counted() -> None:
    """The first twenty in full, the rest as a number; all of them in ``problems``."""
    error = InvalidLoad(Problem(("zones",), "this", str(number)) for number in range(SHOWN_PROBLEMS + 2))
    lines = str(error).splitlines()
    assert len(lines) == SHOWN_PROBLEMS + 1
    assert lines[-1] == "... and 2 more problems"
    assert len(error.problems) == SHOWN_PROBLEMS + 2


@given(st.text(max_size=2000), st.integers(10, 200))
def test_no_text_can_do_harm(text: str, limit: int) -> None:
    """Nothing that is shown holds a control, a line break or a surrogate, or is longer than asked for."""
    safe = printable(text, limit)
    assert len(safe) <= limit
    assert len(safe.splitlines()) <= 1
    safe.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        ("a", 'the text "a"'),
        ({}, "a mapping"),
        ([], "a list"),
        pytest.param(10**5000, "a whole number of more than 30 digits", id="huge"),
    ],
)
def test_values_are_shown_as_a_document_has_them(value: object, text: str) -> None:
    """Type and value, in the words of a document."""
    assert shown(value) == text


def test_only_what_is_near_is_suggested() -> None:
    """A misspelling finds its word, anything else nothing."""
    assert nearest("conections_per_pod", ["pods", "connections_per_pod"]) == "connections_per_pod"
    assert nearest("xyz", ["pods", "connections_per_pod"]) is None


def test_parts_are_placed_in_their_whole() -> None:
    """A prefix goes in front of each path."""
    assert under([Problem(("to",), "a", "b")], ("flows", 1))[0].path == ("flows", 1, "to")


def test_it_crosses_processes() -> None:
    """A pool hands on what its workers raise."""
    error = InvalidLoad([Problem(("zones",), "a whole number", "nothing", line=3)], "load.yaml")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.problems, copy.source) == (str(error), error.problems, error.source)
