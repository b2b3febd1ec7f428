"""The bound against requests simulated one by one; `make proof-functions` does it at length."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from loadfit.functions import size_function
from proofs.functions.claims import SMALL, check, quantile
from proofs.functions.simulator import DURATIONS, Load, arrivals, estimate, simulate
from tests.functions.loads import loaded, one

SEEDS = range(1000, 1010)


@pytest.fixture(scope="module")
def checked() -> list[Any]:
    """Ten random loads, a fifth as long as in the proof."""
    return [check(seed, scale=0.2) for seed in SEEDS]


def spilled(load: Load, instances: int, count: int = 150_000, **others: Any) -> float:
    """The share that spills over, or starts cold where an idle life is given."""
    random = np.random.default_rng(1)
    times = arrivals(random, load, count)
    run = simulate(times, DURATIONS[load.durations](random, load, len(times)), instances, **others)
    return estimate(run.cold if others else run.spilled).mean


class TestRandomLoads:
    def test_never_spill_more_than_the_bound(self, checked: list[Any]) -> None:
        """With an idle life of 0 every spilled request is cold; with a longer one fewer are."""
        t = quantile(len(checked))
        for one_load in checked:
            assert one_load.spilled.least(t) <= one_load.window.spillover_bound
            assert one_load.cold.mean <= one_load.spilled.mean

    def test_spill_as_much_as_the_bound_where_one_term_is_all(self, checked: list[Any]) -> None:
        """The bound is exact there."""
        exact = [one_load for one_load in checked if one_load.one_term]
        t = quantile(len(exact), two_sided=True)
        assert exact
        for one_load in exact:
            bound = one_load.window.spillover_bound
            assert abs(one_load.spilled.mean - bound) <= t * one_load.spilled.error + SMALL * bound


class TestTheFacts:
    """Results that the facts quote from a simulation of their own."""

    @pytest.mark.parametrize("durations", ["exponential", "constant", "lognormal"])
    def test_erlang_b_holds_for_any_distribution(self, durations: str) -> None:
        """2.4 erlangs on five instances: 6.2%."""
        assert spilled(Load(20, 0.12, 0.48, durations), 5) == pytest.approx(0.0624, rel=0.04)

    @pytest.mark.parametrize(("life", "quoted"), [(0.0, 0.061), (5.0, 0.011), (60.0, 0.0007)])
    def test_most_of_what_spills_over_is_not_cold(self, life: float, quoted: float) -> None:
        """The same load, with the idle life of the instances that are not provisioned."""
        share = spilled(Load(20, 0.12, 0.48, "exponential"), 5, idle_life_seconds=life, init_seconds=0.0)
        assert share == pytest.approx(quoted, rel=0.3)

    def test_sizing_from_the_average_of_two_rates_is_wrong(self) -> None:
        """10 requests a second for nine tenths of the time and 110 for one: of 120 ms on six instances 31 to 34% spill.

        Erlang B says 2.4% for the average rate of 20, and 32.6% when it is asked for each rate by itself.
        """
        run = partial(spilled, instances=6)
        slow, fast = run(Load(10, 0.12, 0.3, "exponential")), run(Load(110, 0.12, 0.3, "exponential"))
        assert (9 * slow + 11 * fast) / 20 == pytest.approx(0.326, rel=0.03)
        assert run(Load(20, 0.12, 0.3, "exponential")) == pytest.approx(0.024, rel=0.1)

    @pytest.mark.parametrize(("size", "quoted"), [(4, 0.186), (8, 0.42)])
    def test_batches_spill_far_more(self, size: int, quoted: float) -> None:
        """2.4 erlangs on six instances, all in batches that come at random: what no law here sizes."""
        random = np.random.default_rng(3)
        starts = np.sort(random.uniform(0, 10_000, random.poisson(10_000 * 20 / size)))
        times = np.repeat(starts, size)
        run = simulate(times, random.exponential(0.12, len(times)), 6)
        assert estimate(run.spilled).mean == pytest.approx(quoted, rel=0.05)

    def test_ten_instances_are_not_enough_for_100_requests_of_20_ms(self) -> None:
        """4.0% exceed ten requests on each instance within a second; with eleven 0.9%, as the plan says."""
        load = Load(100, 0.02, 0.04)
        assert spilled(load, 10) == pytest.approx(0.040, rel=0.05)
        day = size_function(loaded(one(100, 20))).windows["day"]
        assert spilled(load, day.warm_instances) == pytest.approx(day.spillover_bound, rel=0.1)

    def test_a_burst_beside_other_requests_needs_its_own_instances(self) -> None:
        """20 requests a second of 100 ms, and eight at once every 2 s: eight instances spill 5%, 15 next to nothing."""
        random = np.random.default_rng(4)
        seconds = 6_000
        bursts = np.repeat(np.arange(1, seconds, 2) + 0.5, 8)
        times = np.sort(np.concatenate([random.uniform(0, seconds, random.poisson(20 * seconds)), bursts]))
        run = partial(simulate, times, random.exponential(0.1, len(times)))
        assert estimate(run(8).spilled).mean == pytest.approx(0.050, rel=0.1)
        assert size_function(loaded(one(24, 100, burst_size=8))).windows["day"].warm_instances == 15
        assert estimate(run(15).spilled).mean < 0.0003
