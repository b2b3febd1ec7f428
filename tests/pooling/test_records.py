"""What is told from a load test's records."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.postgresql.records import (
    Attempt,
    Connect,
    Operation,
    Phase,
    Sample,
    by_slice,
    errors,
    outcome,
    percentile,
    read_lines,
    write_line,
)

SHARES = [0.001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.sampled_from(SHARES))
def test_a_percentile_is_numpys(values: list[float], share: float) -> None:
    # NumPy multiplies in binary: just below a whole number of values, it takes the next one or this one by chance.
    near = [np.percentile(values, 100 * share + nudge, method="inverted_cdf") for nudge in (-1e-9, 0)]
    assert percentile(values, share) in near


def test_the_99th_percentile_of_a_hundred_values_is_the_99th() -> None:
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert percentile(list(range(1, 102)), 0.99) == 100
    assert percentile([5.0], 0.01) == 5


def failure(phase: Phase, error: str = "OperationalError", sqlstate: str | None = None) -> Attempt:
    return Attempt(2.0, phase, error, sqlstate, "why")


def operation(name: str, *failed: Attempt, done: bool) -> Operation:
    return Operation("orders", 3, name, 1.0, 1.25, 1.5, 2.0, 0.5, failed, done)


BEFORE, WITHIN, UNKNOWN = (failure(phase) for phase in (Phase.BEFORE, Phase.WITHIN, Phase.UNKNOWN))
CANCELED = failure(Phase.WITHIN, "QueryCanceled", "57014")
OPERATIONS = [
    operation("a", done=True),
    operation("b", BEFORE, BEFORE, done=True),
    operation("c", BEFORE, WITHIN, done=False),
    operation("d", UNKNOWN, done=False),
    operation("e", CANCELED, done=False),
]


def test_every_failed_attempt_is_counted_and_of_each_operation_the_one_that_it_ended_with() -> None:
    lost = "OperationalError"
    within = {(Phase.WITHIN, lost): 1, (Phase.WITHIN, "QueryCanceled 57014"): 1}
    assert errors(OPERATIONS) == Counter({(Phase.BEFORE, lost): 3, (Phase.UNKNOWN, lost): 1, **within})
    assert errors(OPERATIONS, final=True) == Counter({(Phase.UNKNOWN, lost): 1, **within})


def test_an_operation_waits_for_what_it_takes_beyond_its_service() -> None:
    done, failed = OPERATIONS[0], OPERATIONS[-1]
    assert (done.wait, done.own_wait, done.last) == (0.25, 0.25, None)
    assert (failed.wait, failed.last) == (None, CANCELED)


def test_moments_are_counted_by_slice() -> None:
    assert by_slice([10, 10.4, 10.5, 12.9], 10, 0.5) == Counter({0: 2, 1: 1, 5: 1})


@pytest.mark.parametrize(
    ("found", "lost", "doubled", "unasked"),
    [
        ("ab", "", "", ""),
        ("abd", "", "", ""),
        ("b", "a", "", ""),
        ("abb", "", "b", ""),
        ("abdd", "", "d", ""),
        ("abce", "", "", "ce"),
    ],
)
def test_ids_are_lost_doubled_or_there_unasked(found: str, lost: str, doubled: str, unasked: str) -> None:
    seen = outcome(OPERATIONS, found)
    assert (seen.lost, seen.doubled, seen.unasked) == (set(lost), set(doubled), set(unasked))


def test_records_are_read_as_they_were_written() -> None:
    records = [
        *OPERATIONS,
        Connect("orders", 3, 1.0, 1.5, None, None, None),
        Connect("orders", 3, 1.0, 1.5, "OperationalError", "53300", "refused"),
        Sample(1.0, 5, {"idle": 3, "active": 2}, {"127.0.0.1": 5}),
    ]
    lines = [write_line(record) for record in records]
    assert read_lines(lines) == records
    assert json.loads(lines[2])["failed"][0]["phase"] == "before"


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"record":"other"}', '{"record":"sample","at":1}'])
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a record of the load generator"):
        read_lines([line])
