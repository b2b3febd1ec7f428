"""What the load generator draws, against distributions of SciPy."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from proofs.postgresql.load import Arrival, Group, Work, arrivals

GROUP = Group(name="orders", conninfo="host=127.0.0.1", pods=20, pool_size=10, per_second=200, service_seconds=0.05)
SECONDS = 100
LEAST_P = 1e-3
"""The seed is fixed: a draw this unlikely would be a fault of the generator."""


def drawn(group: Group = GROUP, seed: int = 7, seconds: float = SECONDS) -> list[Arrival]:
    return list(arrivals(group, seconds=seconds, seed=seed))


def test_arrivals_are_a_poisson_process_of_the_declared_rate() -> None:
    moments = [arrival.after for arrival in drawn()]
    assert moments == sorted(moments)
    assert 0 < moments[0] <= moments[-1] < SECONDS
    gaps = [after - before for before, after in zip([0.0, *moments], moments, strict=False)]
    assert stats.kstest(gaps, "expon", args=(0, 1 / GROUP.per_second)).pvalue > LEAST_P
    counts = Counter(int(moment) for moment in moments)
    each = [counts[second] for second in range(SECONDS)]
    # Counts of a Poisson process vary as much as their mean is: over it, their squares are distributed as chi squared.
    spread = sum((count - GROUP.per_second) ** 2 for count in each) / GROUP.per_second
    assert LEAST_P < stats.chi2(SECONDS).sf(spread) < 1 - LEAST_P
    assert LEAST_P < stats.poisson(SECONDS * GROUP.per_second).cdf(len(moments)) < 1 - LEAST_P


def test_service_times_are_exponential_with_the_declared_mean() -> None:
    services = [arrival.service for arrival in drawn()]
    assert stats.kstest(services, "expon", args=(0, GROUP.service_seconds)).pvalue > LEAST_P
    assert sum(services) / len(services) == pytest.approx(GROUP.service_seconds, rel=4 / len(services) ** 0.5)


def test_pods_share_the_operations_evenly_and_service_times_do_not_follow_gaps() -> None:
    found = drawn()
    assert stats.chisquare(list(Counter(arrival.pod for arrival in found).values())).pvalue > LEAST_P
    gaps = [after.after - before.after for before, after in pairwise(found)]
    correlation = np.corrcoef(gaps, [arrival.service for arrival in found[1:]])[0, 1]
    assert abs(correlation) < 4 / len(gaps) ** 0.5


def test_a_seed_gives_the_same_operations_and_another_one_others() -> None:
    assert drawn() == drawn()
    assert drawn()[0].after != drawn(seed=8)[0].after
    assert drawn()[0].after != drawn(replace(GROUP, name="reports"))[0].after


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [arrival.id for arrival in drawn()]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & {arrival.id for arrival in drawn(seed=8)}


@pytest.mark.parametrize(
    "change",
    [
        {"pods": 0},
        {"pool_size": 0},
        {"max_overflow": -1},
        {"retries": -1},
        {"per_second": 0},
        {"per_second": float("nan")},
        {"service_seconds": float("inf")},
        {"service_seconds": -0.1},
        {"give_up_seconds": 0},
        {"table": "ids"},
        {"work": Work.INSERT},
        {"work": Work.STATEMENT, "statements": 2},
    ],
)
def test_a_group_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^orders: "):
        replace(GROUP, **change)


@pytest.mark.parametrize(("seconds", "rate"), [(0, 1), (3601, 1), (float("nan"), 1), (3600, 278)])
def test_a_load_without_bounds_is_refused(seconds: float, rate: float) -> None:
    with pytest.raises(ValueError, match=r"at most 3,600 seconds and 1,000,000 operations"):
        drawn(replace(GROUP, per_second=rate), seconds=seconds)
