"""The allowed share of cold requests and the predicted p99, against SciPy and against drawing requests."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadfit.functions import codes
from loadfit.functions.latency import HEAVIEST_RATIO, WarmLatency, attainable_target, cold_share_for_target
from tests.functions import oracle
from tests.functions.loads import INCIDENT, REPAIRED, found, loaded, sized, window

ratios = st.sampled_from([1.05, 1.5, 2, 3, 6, 14.5])


def share_for(target: float, mean: float = 50, p99: float = 100, init: float = 800) -> float:
    """The allowed share of one window."""
    load = loaded({"windows": {"day": window(26, mean, p99)}, "init_ms": init, "target_p99_ms": target})
    return cold_share_for_target(load, load.windows["day"], Fraction(str(target)))


class TestWarm:
    @given(st.floats(0.5, 5000), ratios, st.floats(0.3, 30))
    def test_durations_are_lognormal_with_the_mean_and_the_p99(self, mean: float, ratio: float, at: float) -> None:
        """SciPy's survival function of the lognormal that has both."""
        p99 = mean * ratio
        expected: Any = oracle.lognormal(mean, p99)
        assert expected.mean() == pytest.approx(mean, rel=1e-6)
        warm = WarmLatency(Fraction(mean), Fraction(p99))
        assert warm.exceeds(Fraction(mean * at)) == pytest.approx(float(expected.sf(mean * at)), rel=1e-5, abs=1e-12)

    def test_a_constant_duration(self) -> None:
        """A p99 that is the mean."""
        warm = WarmLatency(Fraction(50), Fraction(50))
        assert [warm.exceeds(Fraction(ms)) for ms in (49, 50, 51)] == [1, 0, 0]

    def test_a_p99_that_no_lognormal_has_keeps_it_with_the_heaviest_tail(self) -> None:
        """20 times the mean, where 14.97 is the most."""
        assert pytest.approx(14.97, abs=0.005) == HEAVIEST_RATIO
        warm = WarmLatency(Fraction(50), Fraction(1000))
        assert warm.exceeds(Fraction(1000)) == pytest.approx(0.01)
        assert warm.exceeds(Fraction(2000)) > WarmLatency(Fraction(100), Fraction(1000)).exceeds(Fraction(2000))


class TestAllowedShare:
    @given(st.floats(1.01, 50), ratios, st.floats(0, 20))
    def test_leaves_one_percent_above_the_target(self, target: float, ratio: float, init: float) -> None:
        """(1 - c) P(W > T) + c P(init + W > T) = 1% by SciPy, where any share is allowed and not every one is."""
        mean, p99 = 50.0, 50 * ratio
        at, cold = round(p99 * target, 2), round(p99 * init, 2)
        share = share_for(at, mean, p99, cold)
        warm: Any = oracle.lognormal(mean, p99)
        slow, slow_cold = float(warm.sf(at)), float(warm.sf(at - cold))
        if share == 1:
            assert slow_cold <= 0.01 * (1 + 1e-6)
        else:
            assert (1 - share) * slow + share * slow_cold == pytest.approx(0.01, rel=1e-6)

    def test_of_the_case_study(self) -> None:
        """Nearly all of the 1%: a warm request above 200 ms is rare, and every cold one is."""
        assert share_for(200) == pytest.approx(0.0099965, abs=5e-7)

    def test_is_everything_where_cold_requests_keep_the_target_too(self) -> None:
        """900 ms hold 800 of cold start and the warm p99 of 100; 899 do not."""
        assert share_for(900) == 1
        assert 0.009 < share_for(899) < 1

    @pytest.mark.parametrize("target", [50, 99.9, 100])
    def test_is_nothing_where_warm_requests_miss_the_target(self, target: float) -> None:
        """The p99 of warm requests is 100 ms: cold ones leave no room at all."""
        assert share_for(target) == 0

    def test_the_lowest_target_is_the_next_whole_millisecond(self) -> None:
        """Sizes are those for it, and the finding says so."""
        document = {**REPAIRED, "target_p99_ms": 60}
        assert attainable_target(loaded(document)) == 101
        plan, lowest = sized(document), sized({**REPAIRED, "target_p99_ms": 101})
        assert plan.windows["day"].needed_instances == lowest.windows["day"].needed_instances == 7
        error = found(plan, codes.LATENCY_INFEASIBLE)
        assert error is not None
        assert (error.needed, error.available) == (101, 60)
        assert found(lowest, codes.LATENCY_INFEASIBLE) is None


class TestPredicted:
    @pytest.mark.parametrize(("given", "init"), [(0, 3500), (2, 800), (4, 300), (5, 800), (6, 50)])
    def test_p99_is_that_of_drawn_requests(self, given: int, init: float) -> None:
        """A million requests, as many of them cold as the bound says."""
        document = {**INCIDENT, "provisioned_concurrency": given, "init_ms": init}
        day = sized(document).windows["day"]
        random = np.random.default_rng(7)
        warm: Any = oracle.lognormal(50, 100)
        seconds = warm.rvs(1_000_000, random_state=random) + init * (random.random(1_000_000) < day.spillover_bound)
        assert day.p99_ms == pytest.approx(float(np.quantile(seconds, 0.99)), rel=0.02)

    def test_the_incident_and_its_repair(self) -> None:
        """Every request may start cold: 3,500 + 100 ms. With five warm ones the 0.85% that spill over leave 122 ms."""
        assert sized(INCIDENT).windows["day"].p99_ms == pytest.approx(3600)
        assert sized(REPAIRED).windows["day"].p99_ms == pytest.approx(122.3, abs=0.1)

    @given(st.integers(0, 9), st.sampled_from([110, 150, 200, 400, 900, 3000]))
    def test_meets_the_target_exactly_where_the_instances_are_enough(self, given: int, target: int) -> None:
        """Plan and prediction agree."""
        day = sized({**INCIDENT, "provisioned_concurrency": given, "target_p99_ms": target}).windows["day"]
        assert day.p99_ms is not None
        assert (day.p99_ms <= target * (1 + 1e-9)) is day.is_enough

    def test_no_requests_have_no_p99(self) -> None:
        """The idle night."""
        assert sized({"windows": {"night": {"peak_requests_per_second": 0}}}).windows["night"].p99_ms is None
