"""How many warm instances a window needs, and what spills over: the laws, without policy.

Requests find a warm instance unless all are busy, or unless the instances have taken ten requests each within the
second. The first is Erlang's loss system: with Poisson arrivals, Erlang B is the share exactly, for any distribution of
the durations. The second is bounded by the mean Poisson excess above ten per instance in a second, counted from any
moment on (the length of AWS's window is not published: one second is an assumption). Their sum bounds the spill-over,
and so the cold starts, as a spilled request may still find an instance that an earlier one left warm.

References:
    Mahmoudi, Khazaei, "Performance modeling of serverless computing platforms", IEEE Transactions on Cloud Computing,
    2020: warm instances as M/G/m/m, validated on AWS Lambda.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html: ten requests a second and instance.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from loadfit.core.limits import LAMBDA_REQUESTS_PER_INSTANCE
from loadfit.core.queueing import erlang_b, offered_for_blocking, poisson_excess
from loadfit.functions.plan import BoundBy, Spillover
from loadfit.functions.window import MAX_INSTANCES, Window

__all__ = ["carried_erlangs", "expected_cold_share", "instances_for", "spillover", "what_binds"]

_RATE = LAMBDA_REQUESTS_PER_INSTANCE.value
_TOO_CLOSE = 1 - 1e-10
"""The laws are computed to eleven digits: a share this close to what is allowed counts as above it."""
_NONE_LEFT = 1e-15
_MOST_COUNTED = 10 * MAX_INSTANCES
"""A window offers a tenth of it at most: with more instances, nothing spills over that a float can hold."""


def spillover(window: Window, instances: int) -> Spillover:
    """What spills over at a number of warm instances.

    A burst takes as many instances as it has requests; what is left carries the requests that come one by one. Where
    no request comes, nothing spills over.

    Args:
        window: Its load.
        instances: Warm instances, from 0.

    Example:
        >>> window = Window(peak_requests_per_second=100, mean_duration_ms=20, p99_duration_ms=40)
        >>> [round(spillover(window, instances).total, 4) for instances in (10, 11)]
        [0.0399, 0.0087]
    """
    return _spillover(float(window.requests_per_second), float(window.offered_erlangs), _for_others(window, instances))


def instances_for(window: Window, allowed_share: float) -> int:
    """The fewest warm instances with which no more than a share of a window's requests spills over, at least 1.

    The smallest n with Erlang B + rate term within the share, and the size of a burst on top.

    Args:
        window: Its load.
        allowed_share: Above 0 and up to 1.

    Example:
        >>> instances_for(Window(peak_requests_per_second=26, mean_duration_ms=50, p99_duration_ms=100), 0.01)
        5
    """
    return max(1, _for_one_by_one(window, allowed_share) + window.extra_instances)


def what_binds(window: Window, allowed_share: float) -> BoundBy:
    """What sets :func:`instances_for`: the larger term at one instance fewer, or the burst where it is most of them."""
    number = _for_one_by_one(window, allowed_share)
    if window.extra_instances > number:
        return BoundBy.BURST
    before = _spillover(float(window.requests_per_second), float(window.offered_erlangs), max(0, number - 1))
    return BoundBy.RATE if before.over_rate > before.busy else BoundBy.ERLANG_B


def carried_erlangs(window: Window, instances: int, allowed_share: float) -> float | None:
    """The largest load, at a window's mean duration, of which warm instances let no more than a share spill over.

    Args:
        window: Its mean duration and burst; without requests, Erlang B alone counts.
        instances: Warm instances, from 0.
        allowed_share: Above 0 and up to 1.

    Returns:
        Erlangs, rounded down; ``None`` for any load, where all of it may spill over.

    Example:
        >>> window = Window(peak_requests_per_second=26, mean_duration_ms=50, p99_duration_ms=100)
        >>> round(carried_erlangs(window, 5, 0.01), 3)
        1.361
    """
    if allowed_share >= 1:
        return None
    number = _for_others(window, instances)
    if number == 0:
        return 0.0
    most = offered_for_blocking(number, allowed_share * _TOO_CLOSE)
    seconds = float(window.mean_duration_ms or 0) / 1000
    if seconds == 0:
        return most

    def carries(erlangs: float) -> bool:
        return _within(_spillover(erlangs / seconds, erlangs, number), allowed_share)

    if carries(most):
        return most
    low, high = 0.0, most
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if carries(middle) else (low, middle)
    return low


def expected_cold_share(window: Window, instances: int, idle_life_seconds: Fraction) -> float:
    """The share of the requests that starts cold, by a model of the instances that are not provisioned.

    Instances are used in a fixed order, so that the j-th beyond the warm ones gets ``B(n + j - 1) - B(n + j)`` of the
    requests; it is cold where its last one was longer ago than it is kept, with those requests taken as Poisson. What
    exceeds the rate is cold where the last second with an excess was longer ago. An approximation: requests that spill
    over come in bunches. Never above the bound, which it equals at an idle life of 0.

    Args:
        window: Its load.
        instances: Warm instances, from 0.
        idle_life_seconds: How long an idle instance is kept, from 0.
    """
    bound, life = spillover(window, instances), float(idle_life_seconds)
    rate, erlangs = float(window.requests_per_second), float(window.offered_erlangs)
    if rate == 0 or life == 0:
        return bound.total
    number = _for_others(window, instances)
    # Instances far below the mean are hardly ever idle: all of them at once.
    start = max(number, math.floor(erlangs - 20 * math.sqrt(erlangs)) - 1)
    blocking = erlang_b(start, erlangs)
    cold = [(bound.busy - blocking) * math.exp(-life * rate / max(erlangs, 1.0))] if start > number else []
    while blocking > bound.busy * _NONE_LEFT and blocking > 0:
        start += 1
        next_one = erlangs * blocking / (start + erlangs * blocking)
        cold.append((blocking - next_one) * math.exp(-rate * (blocking - next_one) * life))
        blocking = next_one
    over = poisson_excess(rate, _RATE * number) - poisson_excess(rate, _RATE * number + 1)
    return min(bound.total, math.fsum(cold) + bound.over_rate * math.exp(-max(0.0, over) * life))


def _for_others(window: Window, instances: int) -> int:
    return max(0, instances - window.extra_instances)


def _for_one_by_one(window: Window, allowed_share: float) -> int:
    return _fewest(float(window.requests_per_second), float(window.offered_erlangs), allowed_share)


@lru_cache(maxsize=4096)
def _fewest(rate: float, erlangs: float, allowed_share: float) -> int:
    return _smallest(lambda number: _within(_spillover(rate, erlangs, number), allowed_share))


@lru_cache(maxsize=4096)
def _spillover(rate: float, erlangs: float, number: int) -> Spillover:
    if rate == 0:
        return Spillover(0.0, 0.0)
    number = min(number, _MOST_COUNTED)
    return Spillover(erlang_b(number, erlangs), poisson_excess(rate, _RATE * number) / rate)


def _within(share: Spillover, allowed: float) -> bool:
    return allowed >= 1 or share.busy + share.over_rate <= allowed * _TOO_CLOSE


def _smallest(fits: Callable[[int], bool]) -> int:
    """The smallest number from 0 that fits, where every larger one does, too."""
    if fits(0):
        return 0
    low, high = 0, 1
    while not fits(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
