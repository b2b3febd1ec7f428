"""Erlang B and C, Allen-Cunneen and the Poisson excess, against exact recursions, SciPy, simulations and tables.

No oracle here uses the module under test: the recursions run in fractions or in 40 decimal digits, whose exponents
neither overflow nor underflow.
"""

import heapq
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from loadfit.core.queueing import (
    MOST_SERVERS,
    erlang_b,
    erlang_c,
    offered_for_blocking,
    offered_for_wait,
    poisson_excess,
    servers_for_blocking,
    servers_for_wait,
    wait_quantile,
)

MILLION = 10**6
DIGITS = 40
poisson: Any = stats.poisson

quick = settings(max_examples=60, deadline=None)
loads = st.floats(1e-3, 400)
server_counts = st.integers(1, 300)
shares = st.sampled_from([0.5, 0.05, 0.01, 0.001, 1e-4, 1e-9]) | st.floats(1e-12, 0.95)
quantiles = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999])
utilizations = st.sampled_from([0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0]) | st.floats(0.05, 1)
targets = st.sampled_from([0.0, 0.001, 0.01, 0.1, 1.0])
variations = st.sampled_from([0.0, 0.5, 1.0, 4.0])


def blocking_by_recursion(servers: int, offered: float) -> Fraction:
    """Erlang B as the recursion defines it, without any rounding."""
    load, blocking = Fraction(offered), Fraction(1)
    for n in range(1, servers + 1):
        blocking = load * blocking / (n + load * blocking)
    return blocking


def blocking_in_decimals(servers: int, offered: float) -> Decimal:
    """Erlang B by the recursion of 1/B, in 40 digits."""
    with localcontext() as context:
        context.prec = DIGITS
        load, inverse = Decimal(offered), Decimal(1)
        for n in range(1, servers + 1):
            inverse = 1 + inverse * n / load
        return 1 / inverse


def wait_in_decimals(servers: int, offered: float, seconds: float, quantile: float, cv2: float) -> float:
    """The Allen-Cunneen quantile from the Erlang B of the 40-digit recursion; below 0 where too few wait at all."""
    if offered >= servers:
        return math.inf
    blocking = blocking_in_decimals(servers, offered)
    with localcontext() as context:
        context.prec = DIGITS
        utilization = Decimal(offered) / servers
        waiting = blocking / (1 - utilization * (1 - blocking))
        tail = 1 - Decimal(str(quantile))
        scale = (1 + Decimal(cv2)) / 2 * Decimal(seconds) / (servers - Decimal(offered))
        return float(scale * (waiting / tail).ln())


def excess_in_decimals(mean: float, limit: int) -> Decimal:
    """E[(X - limit)^+] summed by its definition from P(X = 0) upwards, in 40 digits."""
    with localcontext() as context:
        context.prec = DIGITS
        average, total = Decimal(mean), Decimal(0)
        probability = (-average).exp()
        k = 0
        while True:
            if k > limit:
                part = (k - limit) * probability
                total += part
                if k > mean and part < total * Decimal("1e-20"):
                    return total
            k += 1
            probability = probability * average / k


def relative_error(value: float, exact: Fraction | Decimal) -> float:
    """How far a float is from an exact number, as a part of it."""
    if isinstance(exact, Fraction):
        return float(abs(Fraction(value) / exact - 1))
    with localcontext() as context:
        context.prec = DIGITS
        return float(abs(Decimal(value) / exact - 1))


class TestErlangB:
    """The share of arrivals that find every server busy."""

    @pytest.mark.parametrize("offered", [1e-3, 0.5, 1.0, 2.5, 10.0, 47.3, 100.0, 199.5, 200.0, 333.3, 5000.0, 1e15])
    def test_agrees_with_the_exact_recursion(self, offered: float) -> None:
        """Twelve digits agree with fractions for every number of servers up to 200, also for 1e-300."""
        with localcontext() as context:
            context.prec = DIGITS
            inverse = Decimal(1)
            for servers in range(1, 201):
                inverse = 1 + inverse * servers / Decimal(offered)
                if inverse < Decimal("1e300"):
                    assert relative_error(erlang_b(servers, offered), 1 / inverse) < 1e-12

    @pytest.mark.parametrize("servers", [1, 2, 15, 16, 17, 200])
    @pytest.mark.parametrize("offered", [0.25, 16.0, 150.0, 1234.5])
    def test_agrees_with_exact_fractions(self, servers: int, offered: float) -> None:
        """Twelve digits agree with the recursion in fractions, also where the way of computing changes."""
        oracle = blocking_by_recursion(servers, offered)
        if oracle > Fraction(1, 10**300):
            assert relative_error(erlang_b(servers, offered), oracle) < 1e-12
        else:
            assert erlang_b(servers, offered) <= 1e-300

    @given(st.integers(1, 150), st.floats(1e-4, 1e4))
    @quick
    def test_agrees_with_the_exact_recursion_anywhere(self, servers: int, offered: float) -> None:
        """No load between the chosen ones is wrong."""
        oracle = blocking_in_decimals(servers, offered)
        if oracle > Decimal("1e-300"):
            assert relative_error(erlang_b(servers, offered), oracle) < 1e-12

    @pytest.mark.parametrize("offered", [0.99e6, 1.0e6])
    def test_agrees_with_the_recursion_for_a_million_servers(self, offered: float) -> None:
        """Eleven digits remain after a million steps: at 8.0e-4 and at 5.5e-26."""
        assert relative_error(erlang_b(MILLION, offered), blocking_in_decimals(MILLION, offered)) < 1e-11

    @pytest.mark.parametrize("servers", [10, 1000, 30_000, MILLION])
    @pytest.mark.parametrize("ratio", [0.97, 0.999, 1.0, 1.001, 1.03])
    def test_agrees_with_scipy(self, servers: int, ratio: float) -> None:
        """P(X = N) / P(X <= N) is what SciPy gives, where it neither underflows nor cancels."""
        offered = servers * ratio
        oracle = float(poisson.pmf(servers, offered) / poisson.cdf(servers, offered))
        if oracle > 1e-250:
            assert erlang_b(servers, offered) == pytest.approx(oracle, rel=1e-7, abs=0)

    @pytest.mark.parametrize("servers", [10**4, MILLION, MOST_SERVERS])
    def test_agrees_with_the_expansion_for_many_servers(self, servers: int) -> None:
        """At a = N, Jagerman's 1/B = sqrt(pi N/2) + 2/3 + sqrt(2 pi/N)/24 - 4/(135 N) + ... holds up to the limit."""
        inverse = math.sqrt(math.pi * servers / 2) + 2 / 3 + math.sqrt(2 * math.pi / servers) / 24 - 4 / 135 / servers
        assert erlang_b(servers, servers) == pytest.approx(1 / inverse, rel=1e-8 / math.sqrt(servers) + 1e-11, abs=0)

    def test_without_servers_everything_is_blocked(self) -> None:
        """B(0, a) is 1 for every load, also none."""
        assert [erlang_b(0, offered) for offered in (0, 1e-9, 1, 1e300)] == [1, 1, 1, 1]

    def test_without_load_nothing_is_blocked(self) -> None:
        """B(n, 0) is 0 for every n from 1."""
        assert [erlang_b(servers, 0) for servers in (1, 2, 100, MILLION)] == [0, 0, 0, 0]

    def test_extreme_loads_stay_probabilities(self) -> None:
        """The smallest and the largest floats neither overflow nor turn into garbage."""
        assert erlang_b(1, 5e-324) == pytest.approx(5e-324)
        assert erlang_b(MILLION, 1e-300) == 0
        assert erlang_b(20, 5e-324) == 0
        assert erlang_b(MILLION, 1.7e308) == 1
        assert erlang_b(MILLION, 5e5) == 0

    def test_the_simple_percentage_rule_is_as_bad_as_published(self) -> None:
        """Rate x mean + 10%, rounded up, blocks 20% of 1 erlang and 16% of 10: the facts' own vectors."""
        blocked = [round(erlang_b(math.ceil(Fraction(11, 10) * a), a) * 100, 1) for a in (1, 10, 50, 100, 200)]
        assert blocked == [20.0, 16.3, 5.4, 2.7, 1.1]

    @given(server_counts, loads, st.floats(1e-3, 10))
    @quick
    def test_more_load_blocks_more_and_more_servers_block_less(self, servers: int, load: float, more: float) -> None:
        """B rises with the load and falls with the servers."""
        here = erlang_b(servers, load)
        assert 0 <= here <= 1
        assert erlang_b(servers, load + more) >= here
        assert erlang_b(servers + 1, load) <= here

    @pytest.mark.parametrize("deterministic", [True, False])
    def test_a_simulated_loss_system_blocks_as_much(self, deterministic: bool) -> None:
        """Five servers, 2.4 erlangs, of constant or very uneven service: the share lost is B (insensitivity)."""
        random = np.random.default_rng(20_240)
        arrivals = 200_000
        gaps: list[float] = random.exponential(1 / 2.4, arrivals).tolist()
        uneven = random.lognormal(-0.5, 1.0, arrivals)
        services: list[float] = np.ones(arrivals).tolist() if deterministic else uneven.tolist()
        busy: list[float] = []
        now, lost = 0.0, 0
        for gap, service in zip(gaps, services, strict=True):
            now += gap
            while busy and busy[0] <= now:
                heapq.heappop(busy)
            if len(busy) == 5:
                lost += 1
            else:
                heapq.heappush(busy, now + service)
        assert lost / arrivals == pytest.approx(erlang_b(5, 2.4), rel=0.05)


class TestErlangC:
    """The probability of waiting."""

    @pytest.mark.parametrize(
        ("servers", "offered", "waiting"),
        [(1, 0.5, 0.5), (2, 1, 0.333333), (10, 8, 0.409180), (25, 20, 0.209103), (50, 40, 0.086953)],
    )
    def test_agrees_with_the_table(self, servers: int, offered: float, waiting: float) -> None:
        """The published values, to their six digits."""
        assert erlang_c(servers, offered) == pytest.approx(waiting, abs=5e-7)

    @given(server_counts, st.floats(1e-3, 0.999999))
    @quick
    def test_agrees_with_the_definition(self, servers: int, utilization: float) -> None:
        """C is the sum over k >= N of the stationary probabilities of M/M/N, added up in 40 digits."""
        offered = servers * utilization
        if offered >= servers:
            return
        with localcontext() as context:
            context.prec = DIGITS
            load, term, below = Decimal(offered), Decimal(1), Decimal(0)
            for n in range(1, servers + 1):
                below += term
                term = term * load / n
            queued = term * servers / (servers - load)
            oracle = queued / (below + queued)
        if oracle > Decimal("1e-300"):
            assert relative_error(erlang_c(servers, offered), oracle) < 1e-11

    def test_overload_always_waits(self) -> None:
        """At a load of N or more the line grows without end: C is 1."""
        assert [erlang_c(*case) for case in ((0, 0), (0, 1), (1, 1), (5, 5), (5, 6), (MILLION, 1e300))] == [1] * 6

    def test_holds_for_a_million_servers(self) -> None:
        """The square-root staffing limit: C tends to 1 / (1 + beta Phi(beta) / phi(beta)) at a = N - beta sqrt(N)."""
        halfin_whitt = 1 / (1 + special.ndtr(1.0) * math.sqrt(2 * math.pi) * math.exp(0.5))
        assert erlang_c(MILLION, MILLION - 1000) == pytest.approx(float(halfin_whitt), rel=2e-3)

    @given(server_counts, st.floats(0.01, 0.98), st.floats(1e-3, 1))
    @quick
    def test_more_load_waits_more_and_more_servers_wait_less(self, servers: int, rho: float, more: float) -> None:
        """C rises with the load and falls with the servers, and is never below B."""
        load = servers * rho
        here = erlang_c(servers, load)
        assert erlang_b(servers, load) <= here <= 1
        assert erlang_c(servers, load + more) >= here
        assert erlang_c(servers + 1, load) <= here


class TestServersForBlocking:
    """The fewest servers for a blocking probability."""

    @pytest.mark.parametrize(
        ("offered", "servers"),
        [
            (1, [4, 5, 6, 7]),
            (2, [5, 7, 8, 10]),
            (5, [9, 11, 14, 16]),
            (10, [15, 18, 21, 24]),
            (50, [56, 64, 71, 77]),
            (100, [105, 117, 128, 137]),
        ],
    )
    def test_agrees_with_the_table(self, offered: float, servers: list[int]) -> None:
        """The published sizes at 5, 1, 0.1 and 0.01%."""
        assert [servers_for_blocking(offered, blocking) for blocking in (0.05, 0.01, 0.001, 0.0001)] == servers

    @given(loads, shares)
    @quick
    def test_is_the_smallest_by_the_recursion(self, offered: float, blocking: float) -> None:
        """It meets the limit in 40 digits and one server fewer does not, but for the last digit (1/3 is no float)."""
        servers = servers_for_blocking(offered, blocking)
        with localcontext() as context:
            context.prec = DIGITS
            last_digit = Decimal("1e-12")
            assert blocking_in_decimals(servers, offered) <= Decimal(blocking) * (1 + last_digit)
            assert blocking_in_decimals(servers - 1, offered) > Decimal(blocking) * (1 - last_digit)

    @pytest.mark.parametrize("offered", [0, 1e-300, 0.3, 1e4, 123_456.7, 1e6])
    @pytest.mark.parametrize("blocking", [1e-300, 1e-9, 0.01, 0.5, 0.999999])
    def test_meets_the_limit_and_one_less_does_not(self, offered: float, blocking: float) -> None:
        """The answer is the smallest for the very small and the very large as well."""
        servers = servers_for_blocking(offered, blocking)
        assert servers >= 1
        assert erlang_b(servers, offered) <= blocking < erlang_b(servers - 1, offered)

    def test_everything_may_be_blocked(self) -> None:
        """At a blocking of 1 no server is needed."""
        assert servers_for_blocking(17, 1) == 0

    def test_a_share_reached_exactly_is_enough(self) -> None:
        """One erlang on one server blocks exactly a half."""
        assert servers_for_blocking(1, 0.5) == 1


class TestOfferedForBlocking:
    """The largest load for a blocking probability."""

    @pytest.mark.parametrize(("blocking", "load"), [(0.01, 1.36079), (0.001, 0.76211)])
    def test_agrees_with_the_table(self, blocking: float, load: float) -> None:
        """Five servers carry 1.360 erlangs at 1% and 0.762 at 0.1%."""
        assert offered_for_blocking(5, blocking) == pytest.approx(load, abs=1e-5)

    @given(server_counts, shares)
    @quick
    def test_is_rounded_down_and_no_more_fits(self, servers: int, blocking: float) -> None:
        """The result keeps the limit as ``erlang_b`` computes it; a billionth more breaks it, in 40 digits."""
        load = offered_for_blocking(servers, blocking)
        assert erlang_b(servers, load) <= blocking
        assert blocking_in_decimals(servers, load * (1 + 1e-9)) > Decimal(blocking)

    @given(st.floats(1e-9, 0.999))
    @quick
    def test_one_server_carries_the_odds(self, blocking: float) -> None:
        """B(1, a) = a / (1 + a), so the load is blocking / (1 - blocking)."""
        odds = float(Fraction(blocking) / (1 - Fraction(blocking)))
        assert offered_for_blocking(1, blocking) == pytest.approx(odds, rel=1e-12)

    @pytest.mark.parametrize("servers", [1, 3, 1000, MILLION])
    @pytest.mark.parametrize("blocking", [5e-324, 1e-300, 1e-6, 0.5, 0.999999, 1 - 2**-53])
    def test_holds_at_the_extremes(self, servers: int, blocking: float) -> None:
        """The rounding down also holds for the smallest, the largest and the almost certain."""
        load = offered_for_blocking(servers, blocking)
        assert load > 0
        assert erlang_b(servers, load) <= blocking
        assert erlang_b(servers, load * 1.001 + 1e-323) >= blocking

    @given(loads, shares)
    @quick
    def test_is_the_inverse_of_the_servers_needed(self, offered: float, blocking: float) -> None:
        """The servers needed for a load carry it, and one fewer does not."""
        servers = servers_for_blocking(offered, blocking)
        assert offered_for_blocking(servers, blocking) >= offered * (1 - 1e-12)
        assert servers == 1 or offered_for_blocking(servers - 1, blocking) < offered


class TestWaitQuantile:
    """The quantile of the wait."""

    @pytest.mark.parametrize(
        ("servers", "offered", "milliseconds"),
        [(1, 0.5, 78.240), (2, 1, 35.066), (10, 8, 18.558), (25, 20, 6.080), (50, 40, 2.163)],
    )
    def test_agrees_with_the_table(self, servers: int, offered: float, milliseconds: float) -> None:
        """The published p99 waits at 10 ms of service."""
        assert wait_quantile(servers, offered, 0.010, 0.99) * 1000 == pytest.approx(milliseconds, abs=5e-4)

    @given(server_counts, st.floats(0.01, 0.9999), quantiles, variations)
    @quick
    def test_agrees_with_the_formula_in_decimals(self, servers: int, rho: float, quantile: float, cv2: float) -> None:
        """Allen-Cunneen from the exact recursion gives the same wait."""
        offered = servers * rho
        oracle = max(0, wait_in_decimals(servers, offered, 0.01, quantile, cv2))
        assert wait_quantile(servers, offered, 0.01, quantile, cv2) == pytest.approx(oracle, rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize(("servers", "offered", "quantile"), [(2, 1.0, 0.95), (4, 3.0, 0.90)])
    def test_a_simulated_line_waits_as_long(self, servers: int, offered: float, quantile: float) -> None:
        """First come first served, exponential service: the share beyond the quantile is what was asked for."""
        random = np.random.default_rng(7)
        arrivals = 300_000
        gaps: list[float] = random.exponential(1 / offered, arrivals).tolist()
        services: list[float] = random.exponential(1.0, arrivals).tolist()
        limit = wait_quantile(servers, offered, 1.0, quantile)
        free_at = [0.0] * servers
        now, waited, waited_longer = 0.0, 0, 0
        for gap, service in zip(gaps, services, strict=True):
            now += gap
            start = max(now, free_at[0])
            heapq.heapreplace(free_at, start + service)
            waited += start > now
            waited_longer += start - now > limit
        assert waited / arrivals == pytest.approx(erlang_c(servers, offered), rel=0.03)
        assert waited_longer / arrivals == pytest.approx(1 - quantile, rel=0.06)

    def test_constant_service_waits_half_as_long(self) -> None:
        """Allen-Cunneen: (1 + cv2) / 2 scales the wait."""
        exponential = wait_quantile(10, 8, 0.010, 0.99)
        assert wait_quantile(10, 8, 0.010, 0.99, service_cv2=0) == pytest.approx(exponential / 2)
        assert wait_quantile(10, 8, 0.010, 0.99, service_cv2=4) == pytest.approx(exponential * 2.5)

    def test_nobody_waits_where_few_have_to(self) -> None:
        """With C at or below 1 - quantile the quantile is 0, also when C equals it exactly."""
        assert wait_quantile(50, 10, 0.010, 0.99) == 0
        assert wait_quantile(1, 0.5, 0.010, 0.5) == 0
        assert wait_quantile(3, 0, 0.010, 0.99) == 0

    def test_overload_waits_forever(self) -> None:
        """A load of N or more has no finite wait."""
        assert wait_quantile(10, 10, 0.010, 0.99) == math.inf
        assert wait_quantile(0, 0, 0.010, 0.99) == math.inf

    def test_a_quantile_of_many_nines_is_read_as_written(self) -> None:
        """1 - 0.9999999999 is 1e-10, not the 1.00000008e-10 of floats."""
        expected = 0.010 / 0.5 * math.log(0.5 / 1e-10)
        assert wait_quantile(1, 0.5, 0.010, 0.9999999999) == pytest.approx(expected, rel=1e-12)


class TestServersForWait:
    """The fewest servers for a wait and a utilization."""

    @pytest.mark.parametrize(("offered", "servers"), [(10, 14), (20, 24), (40, 48)])
    def test_agrees_with_the_table(self, offered: float, servers: int) -> None:
        """The published pools at 10 ms of service, p99 within 10 ms, 85% busy."""
        assert servers_for_wait(offered, 0.010, 0.99, 0.010, 0.85) == servers

    def test_uneven_service_needs_more(self) -> None:
        """20 erlangs with a squared coefficient of variation of 4 need 27."""
        assert servers_for_wait(20, 0.010, 0.99, 0.010, 0.85, service_cv2=4) == 27

    @pytest.mark.parametrize(("replicas", "steady", "degraded"), [(2, 16, 22), (3, 12, 16), (4, 9, 13), (5, 8, 11)])
    def test_agrees_with_the_worked_incident(self, replicas: int, steady: int, degraded: int) -> None:
        """20 erlangs over 2 to 5 replicas: p99 10 ms at 85% steady, 100 ms at 95% with one replica restarting."""
        share = (1 / replicas) * (replicas / (replicas - 1)) ** (replicas - 1)
        assert servers_for_wait(20 * min(1, 1.2 / replicas), 0.010, 0.99, 0.010, 0.85) == steady
        assert servers_for_wait(20 * share, 0.010, 0.99, 0.100, 0.95) == degraded

    @pytest.mark.parametrize(
        ("offered", "utilization", "servers"),
        [
            (8.5, 0.85, 10),
            (17, 0.85, 20),
            (1.7, 0.85, 2),
            (0.7, 0.7, 1),
            (2.85, 0.57, 5),
            (8.500001, 0.85, 11),
            (3, 1, 4),
        ],
    )
    def test_utilization_is_compared_in_decimals(self, offered: float, utilization: float, servers: int) -> None:
        """8.5 erlangs are exactly 85% of 10 servers: no float error adds one."""
        assert servers_for_wait(offered, 0.010, 0.5, 1e6, utilization) == servers

    def test_an_exact_load_is_compared_exactly(self) -> None:
        """3 x 0.1 is 0.30000000000000004 in floats, and would be more than 30% of one server."""
        assert servers_for_wait(3 * Fraction(1, 10), 0.010, 0.5, 1e6, 0.3) == 1
        assert servers_for_wait(3 * 0.1, 0.010, 0.5, 1e6, 0.3) == 2
        assert servers_for_wait(Fraction(17, 2) + Fraction(1, 10**30), 0.010, 0.5, 1e6, 0.85) == 11

    @given(loads, quantiles, targets, utilizations, variations)
    @quick
    def test_is_the_smallest(
        self, offered: float, quantile: float, target: float, utilization: float, cv2: float
    ) -> None:
        """The answer meets both limits in 40 digits, and one server fewer misses one of them (but for rounding)."""
        rounding = 1e-12

        def fits(servers: int, longest: float) -> bool:
            busy = servers > 0 and Fraction(repr(offered)) / servers <= Fraction(repr(utilization))
            return busy and wait_in_decimals(servers, offered, 0.01, quantile, cv2) <= longest

        servers = servers_for_wait(offered, 0.01, quantile, target, utilization, cv2)
        assert fits(servers, target + rounding)
        assert not fits(servers - 1, target - rounding)

    def test_no_load_still_has_a_server(self) -> None:
        """Without servers there is no service: the answer is at least 1."""
        assert servers_for_wait(0, 0.010, 0.99, 0, 0.85) == 1
        assert servers_for_wait(1e-300, 0.010, 0.99, 0, 0.85) == 1

    def test_a_million_servers_are_found(self) -> None:
        """Large pools are sized as exactly: one fewer has a p99 above 0."""
        servers = servers_for_wait(9.9e5, 0.010, 0.99, 0, 1)
        assert wait_quantile(servers, 9.9e5, 0.010, 0.99) == 0
        assert wait_quantile(servers - 1, 9.9e5, 0.010, 0.99) > 0


class TestOfferedForWait:
    """The largest load for a wait and a utilization."""

    @given(server_counts, quantiles, targets, utilizations, variations)
    @quick
    def test_is_rounded_down_and_no_more_fits(
        self, servers: int, quantile: float, target: float, utilization: float, cv2: float
    ) -> None:
        """The result keeps both limits, a billionth more breaks one, and it needs no more than these servers."""
        load = offered_for_wait(servers, 0.01, quantile, target, utilization, cv2)
        assert Fraction(repr(load)) <= servers * Fraction(repr(utilization))
        assert wait_quantile(servers, load, 0.01, quantile, cv2) <= target
        assert servers_for_wait(load, 0.01, quantile, target, utilization, cv2) <= servers
        more = load * (1 + 1e-9) + 1e-12
        assert (
            Fraction(more) > servers * Fraction(repr(utilization))
            or wait_in_decimals(servers, more, 0.01, quantile, cv2) > target
        )

    def test_utilization_binds_where_the_wait_is_short(self) -> None:
        """Ten servers at 85% carry 8.5 erlangs, exactly."""
        assert offered_for_wait(10, 0.010, 0.99, 0.100, 0.85) == 8.5

    @pytest.mark.parametrize("servers", [1, MILLION])
    def test_the_wait_binds_where_utilization_may_be_full(self, servers: int) -> None:
        """At a utilization of 1 and a target of 0, C is 1 - quantile."""
        load = offered_for_wait(servers, 0.010, 0.99, 0, 1)
        assert 0 < load < servers
        assert erlang_c(servers, load) == pytest.approx(0.01, rel=1e-9)


class TestPoissonExcess:
    """The mean number of events above a limit."""

    @pytest.mark.parametrize(
        ("mean", "limit"),
        [
            (1e-3, 10),
            (0.5, 1),
            (5.5, 3),
            (10, 100),
            (99.9, 100),
            (100, 100),
            (100.1, 100),
            (100, 10),
            (500, 900),
            (2e4, 2e4),
            (2e4, 21_000),
            (1e5, 101_000),
            (1e5, 99_000),
        ],
    )
    def test_agrees_with_the_definition(self, mean: float, limit: float) -> None:
        """Eleven digits agree with the sum in 40 digits, also at 1e-60 and on both sides of the mean."""
        assert relative_error(poisson_excess(mean, int(limit)), excess_in_decimals(mean, int(limit))) < 1e-11

    @given(st.floats(1e-3, 500), st.integers(0, 600))
    @quick
    def test_agrees_with_the_definition_anywhere(self, mean: float, limit: int) -> None:
        """No mean or limit between the chosen ones is wrong."""
        oracle = excess_in_decimals(mean, limit)
        if oracle > Decimal("1e-290"):
            assert relative_error(poisson_excess(mean, limit), oracle) < 1e-11

    @pytest.mark.parametrize("limit", [99_000, 99_900, 100_000, 100_100, 101_000])
    def test_agrees_with_scipy(self, limit: int) -> None:
        """The excess is the sum of P(X > k) over k from the limit, which SciPy knows well within 4 deviations."""
        survival = np.exp(poisson.logsf(np.arange(limit, 103_000), 1e5))
        assert poisson_excess(1e5, limit) == pytest.approx(math.fsum(survival.tolist()), rel=1e-6)

    @pytest.mark.parametrize("limit", [10**7 - 9_000, 10**7, 10**7 + 5_000, 10**7 + 37_000])
    def test_agrees_with_the_definition_at_ten_million(self, limit: int) -> None:
        """Summed in 40 digits outwards from P(X = m) = exp(-1/(12 m) + 1/(360 m^3)) / sqrt(2 pi m), down to 1e-28."""
        mean = 10**7
        with localcontext() as context:
            context.prec = DIGITS
            pi = Decimal("3.14159265358979323846264338327950288420")
            m = Decimal(mean)
            term = (-1 / (12 * m) + 1 / (360 * m**3)).exp() / (2 * pi * m).sqrt()
            total = Decimal(0)
            for k in range(mean, limit, -1):
                total += (k - limit) * term if k < mean else 0
                term = term * k / mean
            term = (-1 / (12 * m) + 1 / (360 * m**3)).exp() / (2 * pi * m).sqrt()
            for k in range(mean, mean + 80_000):
                total += max(0, k - limit) * term
                term = term * mean / (k + 1)
        assert relative_error(poisson_excess(mean, limit), total) < 1e-10

    def test_agrees_with_stirling_at_ten_million(self) -> None:
        """At mean = limit = m the excess is m P(X = m) = sqrt(m / (2 pi)) exp(-1/(12 m) + ...)."""
        stirling = math.sqrt(1e7 / (2 * math.pi)) * math.exp(-1 / 12e7)
        assert poisson_excess(1e7, 10**7) == pytest.approx(stirling, rel=1e-11)

    def test_the_rate_rule_of_the_facts(self) -> None:
        """100 requests per second spill 4.0% over ten instances of 10 per second each."""
        assert round(poisson_excess(100, 100) / 100, 3) == 0.040

    def test_everything_is_above_a_limit_of_zero(self) -> None:
        """E[X] is the mean."""
        assert [poisson_excess(mean, 0) for mean in (0, 1e-300, 2.5, 1e7)] == [0, 1e-300, 2.5, 1e7]

    def test_extremes_neither_overflow_nor_turn_into_garbage(self) -> None:
        """Far above the limit it is the difference; far below it is 0."""
        assert poisson_excess(1e300, 5) == 1e300
        assert poisson_excess(1e7, 10) == 1e7 - 10
        assert poisson_excess(1, MOST_SERVERS) == 0
        assert poisson_excess(5e-324, 20) == 0
        assert poisson_excess(0, 5) == 0

    @given(st.floats(1e-3, 2000), st.integers(0, 2000), st.floats(0, 10))
    @quick
    def test_more_mean_exceeds_more_and_more_limit_less(self, mean: float, limit: int, more: float) -> None:
        """It rises with the mean, falls with the limit, and is at least the difference."""
        here = poisson_excess(mean, limit)
        slack = 1 + 1e-11
        assert here >= max(0, mean - limit)
        assert poisson_excess(mean + more, limit) * slack >= here
        assert poisson_excess(mean, limit + 1) <= here * slack


NOT_A_NUMBER = [True, "1", None, 1j]
NOT_A_LOAD = [-1, -1e-300, math.nan, math.inf, -math.inf, 10**400]
LOADS: dict[str, Callable[[Any], object]] = {
    "erlang_b load": lambda load: erlang_b(5, load),
    "erlang_c load": lambda load: erlang_c(5, load),
    "servers_for_blocking load": lambda load: servers_for_blocking(load, 0.01),
    "wait_quantile load": lambda load: wait_quantile(5, load, 0.01, 0.99),
    "servers_for_wait load": lambda load: servers_for_wait(load, 0.01, 0.99, 0.01, 0.85),
    "poisson_excess mean": lambda mean: poisson_excess(mean, 5),
    "servers_for_wait target": lambda target: servers_for_wait(1, 0.01, 0.99, target, 0.85),
    "offered_for_wait target": lambda target: offered_for_wait(1, 0.01, 0.99, target, 0.85),
    "wait_quantile cv2": lambda cv2: wait_quantile(5, 1, 0.01, 0.99, cv2),
    "servers_for_wait cv2": lambda cv2: servers_for_wait(1, 0.01, 0.99, 0.01, 0.85, cv2),
    "offered_for_wait cv2": lambda cv2: offered_for_wait(1, 0.01, 0.99, 0.01, 0.85, cv2),
}
CAPACITIES: dict[str, Callable[[Any], object]] = {
    "offered_for_blocking servers": lambda servers: offered_for_blocking(servers, 0.01),
    "offered_for_wait servers": lambda servers: offered_for_wait(servers, 0.01, 0.99, 0.01, 0.85),
}
SERVERS: dict[str, Callable[[Any], object]] = {
    "erlang_b servers": lambda servers: erlang_b(servers, 1),
    "erlang_c servers": lambda servers: erlang_c(servers, 1),
    "wait_quantile servers": lambda servers: wait_quantile(servers, 1, 0.01, 0.99),
    "poisson_excess limit": lambda limit: poisson_excess(1, limit),
    **CAPACITIES,
}
# Each with the values that lie outside its own range.
RANGES: dict[str, tuple[Callable[[Any], object], list[float]]] = {
    "servers_for_blocking share": (lambda share: servers_for_blocking(5, share), [0, 1.1]),
    "offered_for_blocking share": (lambda share: offered_for_blocking(5, share), [0, 1, 1.1]),
    "wait_quantile service": (lambda seconds: wait_quantile(5, 1, seconds, 0.99), [0]),
    "servers_for_wait service": (lambda seconds: servers_for_wait(1, seconds, 0.99, 0.01, 0.85), [0]),
    "offered_for_wait service": (lambda seconds: offered_for_wait(1, seconds, 0.99, 0.01, 0.85), [0]),
    "wait_quantile quantile": (lambda quantile: wait_quantile(5, 1, 0.01, quantile), [0, 1, 99]),
    "servers_for_wait quantile": (lambda quantile: servers_for_wait(1, 0.01, quantile, 0.01, 0.85), [0, 1, 99]),
    "offered_for_wait quantile": (lambda quantile: offered_for_wait(1, 0.01, quantile, 0.01, 0.85), [0, 1, 99]),
    "servers_for_wait utilization": (lambda most: servers_for_wait(1, 0.01, 0.99, 0.01, most), [0, 1.01, 85]),
    "offered_for_wait utilization": (lambda most: offered_for_wait(1, 0.01, 0.99, 0.01, most), [0, 1.01, 85]),
}
NUMBERS = LOADS | {name: call for name, (call, _) in RANGES.items()}


class TestInputsRefused:
    """What is not a number of the right kind is refused, not computed with."""

    @pytest.mark.parametrize("call", NUMBERS.values(), ids=NUMBERS)
    def test_what_is_no_finite_number_from_zero(self, call: Callable[[Any], object]) -> None:
        """Booleans, text and nothing are a TypeError; negative and non-finite numbers a ValueError."""
        for value in NOT_A_NUMBER:
            with pytest.raises(TypeError, match="expected a number, got"):
                call(value)
        for value in NOT_A_LOAD:
            with pytest.raises(ValueError, match=r"expected a finite number .*, got"):
                call(value)

    @pytest.mark.parametrize("call", SERVERS.values(), ids=SERVERS)
    def test_what_is_no_whole_number(self, call: Callable[[Any], object]) -> None:
        """Servers are ints: 5.0 is refused as True is; so is what lies outside the range."""
        for value in [*NOT_A_NUMBER, 5.0, math.nan, Fraction(5)]:
            with pytest.raises(TypeError, match="expected a whole number"):
                call(value)
        for value in [-1, MOST_SERVERS + 1, 10**400]:
            with pytest.raises(ValueError, match=r"expected [01] to 1,000,000,000, got"):
                call(value)

    @pytest.mark.parametrize(("call", "values"), RANGES.values(), ids=RANGES)
    def test_what_lies_outside_its_range(self, call: Callable[[Any], object], values: list[float]) -> None:
        """A percentage given as 99, a share of 0 and a utilization of 101% have no answer."""
        for value in values:
            with pytest.raises(ValueError, match=r"expected a finite number .*(above 0|below 1|at most 1).*, got"):
                call(value)

    @pytest.mark.parametrize("call", CAPACITIES.values(), ids=CAPACITIES)
    def test_no_load_is_asked_of_no_servers(self, call: Callable[[Any], object]) -> None:
        """Zero servers block everything at every load: there is no largest one."""
        with pytest.raises(ValueError, match="servers: expected 1 to 1,000,000,000, got 0"):
            call(0)

    @pytest.mark.parametrize("offered", [2e9, 1e300])
    def test_a_load_beyond_a_billion_servers(self, offered: float) -> None:
        """The search ends with a plain refusal, it does not run on."""
        with pytest.raises(ValueError, match=r"offered_erlangs: .* 1,000,000,000 servers"):
            servers_for_blocking(offered, 0.01)
        with pytest.raises(ValueError, match=r"offered_erlangs: .* 1,000,000,000 servers"):
            servers_for_wait(offered, 0.01, 0.99, 0.01, 0.85)
