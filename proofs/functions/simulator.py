"""A function's instances, simulated request by request. Imports nothing of loadfit: it only knows the rules.

Requests arrive at random (Poisson), with bursts of simultaneous ones beside them where a load declares such. One finds
a provisioned instance that is free, unless the provisioned ones have taken ten requests each within the running second
(seconds are counted from the start of the simulation: [0, 1), [1, 2), ...). Otherwise it spills over to the instance
that was used last among those that are kept, or starts a new one: cold.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DURATIONS", "Estimate", "Load", "Run", "arrivals", "estimate", "lognormal_sigma", "simulate"]

REQUESTS_PER_INSTANCE = 10
Z99 = 2.3263478740408408


@dataclass(frozen=True)
class Load:
    """A load as it is simulated."""

    requests_per_second: float
    """All of them, those of bursts included."""
    mean_seconds: float
    p99_seconds: float
    durations: str = "lognormal"
    """One of DURATIONS."""
    burst_size: int = 1
    seconds_between_bursts: float = math.inf


def lognormal_sigma(mean: float, p99: float) -> float:
    """The sigma of the lognormal with a mean and a p99: the smaller root of ln(p99 / mean) = z s - s^2 / 2."""
    return Z99 - math.sqrt(Z99**2 - 2 * math.log(p99 / mean))


def _lognormal(random: Any, load: Load, count: int) -> Any:
    sigma = lognormal_sigma(load.mean_seconds, load.p99_seconds)
    return random.lognormal(math.log(load.mean_seconds) - sigma**2 / 2, sigma, count)


def _two_phases(random: Any, load: Load, count: int) -> Any:
    """Nine requests in ten at half the mean, one at 5.5 times: exponential each, a squared variation of 5.5."""
    slow = random.random(count) < 0.1
    return random.exponential(load.mean_seconds, count) * np.where(slow, 5.5, 0.5)


DURATIONS: dict[str, Callable[[Any, Load, int], Any]] = {
    "constant": lambda _, load, count: np.full(count, load.mean_seconds),
    "exponential": lambda random, load, count: random.exponential(load.mean_seconds, count),
    "lognormal": _lognormal,
    "two phases": _two_phases,
}


def arrivals(random: Any, load: Load, count: int) -> Any:
    """The times of about a number of requests, in order: Poisson, and bursts at least as far apart as declared."""
    seconds = count / load.requests_per_second
    if load.burst_size == 1:
        return np.sort(random.uniform(0, seconds, random.poisson(count)))
    # Gaps of the declared length and up to half of it more, so 1.25 times on average.
    gaps = load.seconds_between_bursts * random.uniform(1, 1.5, int(seconds / load.seconds_between_bursts) + 1)
    starts = np.cumsum(gaps)
    bursts = np.repeat(starts[starts < seconds], load.burst_size)
    single = load.requests_per_second - load.burst_size / (1.25 * load.seconds_between_bursts)
    return np.sort(np.concatenate([random.uniform(0, seconds, random.poisson(single * seconds)), bursts]))


@dataclass(frozen=True)
class Run:
    """What happened to each request."""

    spilled: Any
    """Whether no provisioned instance took it."""
    cold: Any
    """Whether it had to start an instance."""
    seconds: Any
    """How long it took, the cold start included."""


def simulate(
    times: Any, durations: Any, instances: int, *, idle_life_seconds: float = 0.0, init_seconds: float = 0.0
) -> Run:
    """Runs requests against a number of provisioned instances.

    Args:
        times: When they arrive, in order.
        durations: How long each takes on a warm instance.
        instances: Provisioned ones.
        idle_life_seconds: How long another instance is kept after its last request; 0 makes all that spills over cold.
        init_seconds: What a cold start adds.
    """
    spilled, cold = np.zeros(len(times), dtype=bool), np.zeros(len(times), dtype=bool)
    busy: list[float] = []
    most, second, taken = REQUESTS_PER_INSTANCE * instances, -1, 0
    others = _Others(idle_life_seconds, init_seconds)
    for index, (time, duration) in enumerate(zip(times.tolist(), durations.tolist(), strict=True)):
        while busy and busy[0] <= time:
            heapq.heappop(busy)
        if int(time) != second:
            second, taken = int(time), 0
        if len(busy) < instances and taken < most:
            heapq.heappush(busy, time + duration)
            taken += 1
        else:
            spilled[index] = True
            cold[index] = idle_life_seconds <= 0 or others.starts_cold(time, duration)
    return Run(spilled, cold, durations + init_seconds * cold)


class _Others:
    """Instances that are not provisioned: each is kept for a while after its last request, the last used first."""

    def __init__(self, idle_life: float, init: float) -> None:
        self.idle_life, self.init = idle_life, init
        self.busy: list[float] = []
        self.free_since: list[float] = []  # in order, as instances become free in order

    def starts_cold(self, time: float, duration: float) -> bool:
        while self.busy and self.busy[0] <= time:
            self.free_since.append(heapq.heappop(self.busy))
        cold = not self.free_since or time - self.free_since[-1] > self.idle_life
        if not cold:
            self.free_since.pop()
        heapq.heappush(self.busy, time + duration + (self.init if cold else 0.0))
        return cold


@dataclass(frozen=True)
class Estimate:
    """A share, measured."""

    mean: float
    error: float
    """Its standard error, from the means of 40 stretches of the run."""

    def least(self, t: float) -> float:
        """The lower end of a confidence interval."""
        return self.mean - t * self.error

    def most(self, t: float) -> float:
        """The upper end of a confidence interval."""
        return self.mean + t * self.error


BATCHES = 40


def estimate(happened: Any) -> Estimate:
    """The share of the requests to which something happened, the first twentieth left out to warm up."""
    kept = happened[len(happened) // 20 :]
    means = np.array([batch.mean() for batch in _batches(kept)])
    return Estimate(float(kept.mean()), float(means.std(ddof=1) / math.sqrt(BATCHES)))


def _batches(values: Any) -> Iterator[Any]:
    size = len(values) // BATCHES
    for index in range(BATCHES):
        yield values[index * size : (index + 1) * size]
