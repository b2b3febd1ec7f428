"""What a latency target allows: how slow warm requests are, and how many cold ones the rest of the 1% leaves room for.

Warm durations are taken to be lognormal, fitted to their mean and p99 (an assumption). A cold request takes the cold
start longer. With a share c of cold requests, P(L > T) = (1 - c) P(W > T) + c P(init + W > T), and a p99 of T asks for
at most 1%.
"""

import math
from fractions import Fraction
from statistics import NormalDist

from loadfit.core.exact import ceiling, exact
from loadfit.functions.load import FunctionLoad
from loadfit.functions.window import Window

__all__ = [
    "DEFAULT_COLD_SHARE",
    "HEAVIEST_RATIO",
    "WarmLatency",
    "allowed_cold_share",
    "attainable_target",
    "cold_share_for_target",
    "p99_ms",
]

DEFAULT_COLD_SHARE = Fraction(1, 100)
"""The share of the requests that may start cold where no target is declared."""

_TAIL = 0.01
_Z99 = NormalDist().inv_cdf(0.99)
HEAVIEST_RATIO = math.exp(_Z99**2 / 2)
"""The largest p99 over mean that a lognormal can have, 14.97."""
_LEAST_SHARE = 1e-12
"""A smaller share than this is rounding, not room."""


class WarmLatency:
    """The duration of warm requests: lognormal with a given mean and p99.

    Where p99 is more than 14.97 times the mean, which no lognormal has, the p99 is kept and the tail beyond it is that
    of the heaviest one.

    Args:
        mean_ms: The mean, above 0.
        p99_ms: What 1% exceeds, at least the mean.

    Example:
        >>> warm = WarmLatency(Fraction(50), Fraction(100))
        >>> round(warm.exceeds(Fraction(100)), 6), round(warm.sigma, 4)
        (0.01, 0.32)
    """

    def __init__(self, mean_ms: Fraction, p99_ms: Fraction) -> None:
        self.p99_ms = p99_ms
        self._p99 = float(p99_ms)
        log_ratio = math.log(p99_ms / mean_ms)
        # ln p99 - ln mean = z sigma - sigma^2 / 2, its smaller root; written so that nothing cancels.
        under = _Z99**2 - 2 * log_ratio
        self.sigma = 2 * log_ratio / (_Z99 + math.sqrt(under)) if under > 0 else _Z99

    def exceeds(self, milliseconds: Fraction | float) -> float:
        """The share of the warm requests that take longer."""
        if milliseconds <= 0:
            return 1.0
        if self.sigma == 0:
            return 1.0 if milliseconds < self.p99_ms else 0.0
        z = _Z99 + math.log(float(milliseconds) / self._p99) / self.sigma
        return 0.5 * math.erfc(z / math.sqrt(2))

    @classmethod
    def of(cls, window: Window) -> "WarmLatency":
        """The durations of a window that has requests."""
        return cls(exact(window.mean_duration_ms or 0), exact(window.p99_duration_ms or 0))


def allowed_cold_share(load: FunctionLoad, window: Window) -> float:
    """The share of a window's requests that may start cold: as declared, or as the p99 target allows; 1 without any.

    Where the target cannot be kept at all, it is the share for the lowest one that can, in whole milliseconds: the
    sizes then belong to that target, and a finding says so.
    """
    if window.requests_per_second == 0:
        return 1.0
    if load.max_cold_share is not None:
        return load.max_cold_share
    if load.target_p99_ms is None:
        return float(DEFAULT_COLD_SHARE)
    return cold_share_for_target(load, window, attainable_target(load))


def attainable_target(load: FunctionLoad) -> Fraction:
    """The declared p99 target in ms, or the lowest whole one that every window can keep where that one cannot be."""
    target = exact(load.target_p99_ms or 0)
    busy = [window for window in load.windows.values() if window.requests_per_second > 0]
    if all(cold_share_for_target(load, window, target) > 0 for window in busy):
        return target
    lowest = Fraction(ceiling(max(exact(window.p99_duration_ms or 0) for window in busy)))
    while not all(cold_share_for_target(load, window, lowest) > 0 for window in busy):
        lowest += 1
    return lowest


def cold_share_for_target(load: FunctionLoad, window: Window, target_ms: Fraction) -> float:
    """The largest share of cold requests with which 99% stay within a target; 0 where there is none.

    ``(0.01 - q_w) / (q_c - q_w)`` with q_w = P(warm > target) and q_c = P(cold > target).

    Args:
        load: How long a cold start takes.
        window: How long warm requests take; it has requests.
        target_ms: Above 0, in milliseconds.
    """
    warm, left = WarmLatency.of(window), target_ms - load.cold_start_ms
    if left >= warm.p99_ms:
        return 1.0
    slow_warm, slow_cold = warm.exceeds(target_ms), warm.exceeds(left)
    if target_ms < warm.p99_ms or slow_warm >= _TAIL:
        return 0.0
    share = (_TAIL - slow_warm) / (slow_cold - slow_warm)
    return share if share > _LEAST_SHARE else 0.0


def p99_ms(load: FunctionLoad, window: Window, cold_share: float) -> float | None:
    """What 1% of a window's requests exceed, with a share of them cold; rounded up, ``None`` without requests."""
    if window.requests_per_second == 0:
        return None
    warm, init = WarmLatency.of(window), float(load.cold_start_ms)
    # Between the p99 of warm requests and that of cold ones.
    low, high = float(warm.p99_ms), float(warm.p99_ms + load.cold_start_ms)
    if cold_share == 0:
        return low
    while low < (middle := (low + high) / 2) < high:
        slow = (1 - cold_share) * warm.exceeds(middle) + cold_share * warm.exceeds(middle - init)
        low, high = (low, middle) if slow <= _TAIL else (middle, high)
    return high
