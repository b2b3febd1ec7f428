"""What sizing claims of random loads, each checked against the simulator."""

import math
import random as plain_random
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from loadfit.functions import BoundBy, FunctionLoad, WindowPlan, size_function
from proofs.functions.simulator import (
    BATCHES,
    DURATIONS,
    Estimate,
    Load,
    arrivals,
    estimate,
    simulate,
)

__all__ = ["CONFIDENCE", "Checked", "check", "quantile", "random_load"]

CONFIDENCE = 0.99
"""That no claim is found broken by chance, over all loads together (Bonferroni)."""
SMALL = 0.01
"""Below this part of the other term, a term of the bound does not show."""
CLEARLY = 1.3
"""N - 1 is said to miss the target where its Erlang B is this many times the target: less could not be measured."""
REQUESTS = (60_000, 300_000)


@dataclass(frozen=True)
class Checked:
    """One load, its plan and what was measured."""

    load: Load
    target: float
    window: WindowPlan
    spilled: Estimate
    """With as many instances as planned and an idle life of zero."""
    cold: Estimate
    """With the same, and an idle life of ``idle_life_seconds``."""
    idle_life_seconds: float
    one_less: Estimate | None
    """The spill-over with one instance less, where Erlang B set their number and says that it shows."""

    @property
    def one_term(self) -> bool:
        """Whether the bound is exact: no burst, and only one of its terms matters."""
        terms = sorted((self.window.spillover.busy, self.window.spillover.over_rate))
        return self.load.burst_size == 1 and terms[0] < SMALL * terms[1]

    @property
    def rate_sets_it(self) -> bool:
        """Whether it is the rate term that matters."""
        return self.window.spillover.over_rate > self.window.spillover.busy


def quantile(claims: int, *, two_sided: bool = False) -> float:
    """How many standard errors a measurement may be off, so that none of many is by chance."""
    return float(stats.t.ppf(1 - (1 - CONFIDENCE) / claims / (2 if two_sided else 1), BATCHES - 1))


def random_load(seed: int) -> tuple[Load, float]:
    """A load and the share of it that may start cold."""
    draw = plain_random.Random(seed)

    def spread(low: float, high: float) -> float:
        return math.exp(draw.uniform(math.log(low), math.log(high)))

    target = spread(0.004, 0.1)
    mean = spread(0.002, 2)
    rate = spread(1, min(400, 60 / mean))
    kind = draw.choice(list(DURATIONS))
    load = Load(rate, mean, mean * draw.uniform(1.5, 6), kind)
    if draw.random() < 1 / 3:
        size = draw.randint(2, 12)
        # Between a twentieth and eight tenths of the requests come in bursts.
        apart = size / rate / draw.uniform(0.05, 0.8)
        load = Load(rate, mean, load.p99_seconds, kind, size, apart)
    return load, target


def plan_of(load: Load, target: float) -> WindowPlan:
    """What sizing says."""
    bursts = {"burst_size": load.burst_size, "seconds_between_bursts": load.seconds_between_bursts}
    document = {
        "name": "simulated",
        "region": "us-east-1",
        "max_cold_share": target,
        "windows": {
            "peak": {
                "peak_requests_per_second": load.requests_per_second,
                "mean_duration_ms": load.mean_seconds * 1000,
                "p99_duration_ms": load.p99_seconds * 1000,
                **(bursts if load.burst_size > 1 else {}),
            }
        },
    }
    return size_function(FunctionLoad.model_validate(document)).windows["peak"]


def blocking(servers: int, erlangs: float) -> float:
    """Erlang B by its recursion."""
    share = 1.0
    for number in range(1, servers + 1):
        share = erlangs * share / (number + erlangs * share)
    return share


def check(seed: int, scale: float = 1.0) -> Checked:
    """Plans and simulates one load.

    Args:
        seed: Decides all of it.
        scale: How many requests, against those of the proof.
    """
    load, target = random_load(seed)
    window = plan_of(load, target)
    random = np.random.default_rng(seed)
    count = int(scale * min(max(1_500 / target, REQUESTS[0]), REQUESTS[1]))
    times = arrivals(random, load, count)
    durations = DURATIONS[load.durations](random, load, len(times))
    run = partial(simulate, times, durations)
    idle_life = float(random.choice([0.5, 5.0, 60.0, 600.0])) * load.mean_seconds
    erlangs = load.requests_per_second * load.mean_seconds
    missed = (
        load.burst_size == 1
        and window.bound_by is BoundBy.ERLANG_B
        and window.warm_instances > 1
        and blocking(window.warm_instances - 1, erlangs) >= CLEARLY * target
    )
    return Checked(
        load=load,
        target=target,
        window=window,
        spilled=estimate(run(window.warm_instances).spilled),
        cold=estimate(run(window.warm_instances, idle_life_seconds=idle_life, init_seconds=0.5).cold),
        idle_life_seconds=idle_life,
        one_less=estimate(run(window.warm_instances - 1).spilled) if missed else None,
    )
