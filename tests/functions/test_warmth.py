"""Warm instances against exact recursions, tables and the facts' vectors: N meets the share, and N - 1 does not."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from loadfit.functions import BoundBy, Window
from loadfit.functions.warmth import carried_erlangs, expected_cold_share, instances_for, spillover, what_binds
from tests.functions import oracle
from tests.functions.loads import window

rates = st.sampled_from([0.1, 1, 26, 100]) | st.integers(1, 2000).map(lambda tenths: tenths / 10)
means = st.sampled_from([0.5, 10, 20, 50, 1000]) | st.integers(1, 800)
shares = st.sampled_from([0.5, 0.2, 0.05, 0.01, 0.001, 1e-4, 1e-6])


def declared(rate: float, mean_ms: float, **fields: Any) -> Window:
    """A window."""
    return Window.model_validate(window(rate, mean_ms, **fields))


def long_requests(erlangs: float) -> Window:
    """A load of seconds, where the rate does not matter."""
    return declared(erlangs / 10, 10_000)


class TestInstances:
    @given(rates, means, shares, st.integers(1, 9))
    def test_are_the_fewest_by_the_exact_recursion(self, rate: float, mean: float, allowed: float, burst: int) -> None:
        """N keeps the share and N - 1 does not, in fractions; beyond eleven digits a tie counts as above."""
        one = declared(rate, mean, burst_size=burst)
        number = instances_for(one, allowed) - (burst if burst > 1 else 0)
        exact = one.requests_per_second, one.offered_erlangs
        limit = Fraction(str(allowed))
        assert number == 1 or oracle.share(number - 1, *exact) > limit * (1 - Fraction(1, 10**9))
        assert oracle.share(number, *exact) <= limit

    @given(rates, means, shares, st.integers(1, 9), st.data())
    def test_are_never_fewer_for_more_load(
        self, rate: float, mean: float, allowed: float, burst: int, data: st.DataObject
    ) -> None:
        """More requests, longer ones, larger bursts or a smaller share never take an instance away."""
        before = instances_for(declared(rate, mean, burst_size=burst), allowed)
        more = declared(
            rate * data.draw(st.sampled_from([1, 1.001, 1.5])),
            mean * data.draw(st.sampled_from([1, 1.001, 2])),
            burst_size=burst + data.draw(st.integers(0, 3)),
        )
        assert instances_for(more, allowed * data.draw(st.sampled_from([1, 0.99, 0.1]))) >= before

    @pytest.mark.parametrize(
        ("erlangs", "numbers"),
        [
            (1, (4, 5, 6, 7)),
            (2, (5, 7, 8, 10)),
            (5, (9, 11, 14, 16)),
            (10, (15, 18, 21, 24)),
            (50, (56, 64, 71, 77)),
            (100, (105, 117, 128, 137)),
        ],
    )
    def test_vectors_of_the_facts(self, erlangs: float, numbers: tuple[int, ...]) -> None:
        """At 5%, 1%, 0.1% and 0.01%."""
        load = long_requests(erlangs)
        assert tuple(instances_for(load, share) for share in (0.05, 0.01, 0.001, 0.0001)) == numbers

    def test_the_rate_term_needs_eleven_for_100_requests_of_20_ms(self) -> None:
        """Erlang B alone takes 7 and 10 x 10 requests a second look enough: 4.0% of them would spill over."""
        load = declared(100, 20)
        assert instances_for(load, 0.01) == 11
        assert what_binds(load, 0.01) is BoundBy.RATE
        assert spillover(load, 10).total == pytest.approx(0.0399, abs=5e-5)
        assert spillover(load, 11).total == pytest.approx(0.0087, abs=5e-5)

    def test_a_burst_of_one_adds_nothing_and_of_four_four(self) -> None:
        """N = n + burst size where it is above 1."""
        assert [instances_for(declared(26, 50, burst_size=size), 0.01) for size in (1, 2, 4)] == [5, 7, 9]

    def test_twenty_requests_with_eight_at_once_need_fifteen(self) -> None:
        """7 for 2 erlangs (20 x 0.1 s) or for 2.4 (with the bursts of 8 every 2 s), and 8 for the burst."""
        for rate in (20, 24):
            load = declared(rate, 100, burst_size=8)
            assert instances_for(load, 0.01) == 15
            assert what_binds(load, 0.01) is BoundBy.BURST

    def test_one_is_the_least(self) -> None:
        """Also where nothing comes, or everything may start cold."""
        assert instances_for(Window(peak_requests_per_second=0), 0.01) == 1
        assert instances_for(declared(26, 50), 1) == 1

    @pytest.mark.parametrize(("erlangs", "share"), [(1, 0.20), (10, 0.16), (50, 0.054), (100, 0.027), (200, 0.011)])
    def test_ten_percent_on_top_of_the_mean_are_not_enough(self, erlangs: int, share: float) -> None:
        """AWS's rule, meant for observed peaks, applied to means: what spills over by Erlang B."""
        instances = -(-erlangs * 11 // 10)
        assert spillover(long_requests(erlangs), instances).busy == pytest.approx(share, rel=0.05)

    def test_a_target_of_70_percent_would_spill_28(self) -> None:
        """It scales 1.36 erlangs in to ceil(1.36 / 0.7) = 2 instances."""
        assert spillover(long_requests(1.36), 2).busy == pytest.approx(0.28, abs=0.005)

    def test_up_to_a_million(self) -> None:
        """Erlang B against SciPy's Poisson in log space, relative 1e-7; N itself at the largest load."""
        for instances, erlangs in ((10**6, 999_000), (10**6, 10**6), (10**5, 10**5 - 900), (1000, 950)):
            load = Window(peak_requests_per_second=erlangs / 100, mean_duration_ms=100_000, p99_duration_ms=200_000)
            log_all_busy = oracle.poisson.logpmf(instances, erlangs) - oracle.poisson.logcdf(instances, erlangs)
            assert spillover(load, instances).busy == pytest.approx(
                float(special.exp2(log_all_busy / 0.6931471805599453)), rel=1e-7
            )
        assert (
            10**6
            < instances_for(
                Window(peak_requests_per_second=10**4, mean_duration_ms=100_000, p99_duration_ms=200_000), 0.0005
            )
            < 1_002_000
        )


class TestCarried:
    @given(means, shares, st.integers(1, 60))
    def test_is_the_most_that_the_instances_carry(self, mean: float, allowed: float, number: int) -> None:
        """The instances for that load are those; for a millionth more they are not enough."""
        load = declared(1, mean)
        most = carried_erlangs(load, number, allowed)
        assert most is not None
        seconds = Fraction(str(mean)) / 1000

        def exact(erlangs: float) -> Fraction:
            return oracle.share(number, Fraction(erlangs) / seconds, Fraction(erlangs))

        limit = Fraction(str(allowed))
        assert exact(most) <= limit
        assert exact(most * (1 + 1e-6)) > limit

    def test_five_instances_carry_1_360_erlangs_at_one_percent(self) -> None:
        """The root is 1.36079, rounded down, and with the rate term of 50 ms requests 1.3607; 0.762 at 0.1%."""
        load = long_requests(1)
        assert carried_erlangs(load, 5, 0.01) == pytest.approx(1.36079, abs=1e-5)
        assert carried_erlangs(declared(26, 50), 5, 0.01) == pytest.approx(1.3607, abs=1e-5)
        assert carried_erlangs(load, 5, 0.001) == pytest.approx(0.762, abs=5e-4)

    def test_of_nothing(self) -> None:
        """No instance carries nothing, a burst takes its own, and any load may start cold where all of it may."""
        assert carried_erlangs(declared(26, 50), 0, 0.01) == 0
        assert carried_erlangs(declared(26, 50, burst_size=5), 5, 0.01) == 0
        assert carried_erlangs(declared(26, 50), 5, 1) is None
        idle = Window(peak_requests_per_second=0)
        assert carried_erlangs(idle, 5, 0.01) == pytest.approx(1.36079, abs=1e-5)


class TestExpected:
    @given(rates, means, st.integers(0, 40), st.integers(0, 2000))
    def test_is_never_above_the_bound(self, rate: float, mean: float, instances: int, life: int) -> None:
        """It is the bound at an idle life of 0, and less the longer instances are kept."""
        load = declared(rate, mean)
        expected = expected_cold_share(load, instances, Fraction(life))
        assert 0 <= expected <= spillover(load, instances).total
        assert expected_cold_share(load, instances, Fraction(0)) == spillover(load, instances).total
        assert expected_cold_share(load, instances, Fraction(life + 10)) <= expected

    @pytest.mark.parametrize(("life", "measured"), [(5, 0.011), (60, 0.0007), (600, 0.00006)])
    def test_follows_the_simulation_of_the_facts(self, life: int, measured: float) -> None:
        """2.4 erlangs on 5 instances (20 requests a second of 120 ms): within a third."""
        assert expected_cold_share(declared(20, 120), 5, Fraction(life)) == pytest.approx(measured, rel=1 / 3)

    def test_of_a_huge_load_without_warm_instances(self) -> None:
        """A million requests at work at once: next to none starts cold, and none is counted one by one."""
        load = Window(peak_requests_per_second=10**6, mean_duration_ms=1000, p99_duration_ms=2000)
        assert expected_cold_share(load, 0, Fraction(600)) < 0.001
