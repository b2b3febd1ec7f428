"""Which number of warm instances holds at which time of the week, and how autoscaling is told.

Every window's instances are asked for some minutes before it begins, and given back when it ends. Where windows
overlap, the largest holds; one without a schedule holds whenever none with one does. A time without any window keeps
one instance: provisioned concurrency that was scheduled to none cannot be scheduled back, and the next deployment
fails.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from loadfit.core.exact import ceiling
from loadfit.core.limits import LAMBDA_PROVISIONING_RATE, LAMBDA_PROVISIONING_START
from loadfit.core.prices import HOURS_PER_MONTH
from loadfit.functions.load import FunctionLoad
from loadfit.functions.plan import Autoscaling, ScheduledAction
from loadfit.functions.schedule import MINUTES_PER_DAY, MINUTES_PER_WEEK, clock, day_names

__all__ = [
    "LEAST_TARGET",
    "MOST_TARGET",
    "Week",
    "autoscaling",
    "lead_minutes",
    "plan_week",
    "provisioning_minutes",
    "scheduled_actions",
]

LEAST_TARGET = Fraction(1, 10)
MOST_TARGET = Fraction(9, 10)
"""Application Auto Scaling takes targets in between.

Source: https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

_MONTHS_MINUTES = Fraction(HOURS_PER_MONTH, 7 * 24 * 60)
"""Hours a month for each minute of a week."""


@dataclass(frozen=True, slots=True)
class Week:
    """How many instances hold in each part of a week, Monday 00:00 first."""

    steps: tuple[tuple[int, int], ...]
    """Minute of the week and the instances from then on; the first at minute 0, no two neighbors alike."""
    hours_per_month: Mapping[str, Fraction]
    """Hours a month in which each window's load is the largest; none for a window that never is."""

    @property
    def instance_hours_per_month(self) -> Fraction:
        """Instances over the hours that they hold."""
        ends = [minute for minute, _ in self.steps[1:]] + [MINUTES_PER_WEEK]
        held = sum((end - begin) * count for (begin, count), end in zip(self.steps, ends, strict=True))
        return held * _MONTHS_MINUTES


def lead_minutes(load: FunctionLoad, instances: int) -> int:
    """How long before a window its instances are asked for, in whole minutes.

    The policy's lead, or what provisioning takes where that is longer.
    """
    return ceiling(max(load.policy_value("lead_minutes"), provisioning_minutes(load, instances)))


def provisioning_minutes(load: FunctionLoad, instances: int) -> Fraction:
    """How long AWS takes to begin, to make the instances and to initialize them, in minutes.

    None of them can be used before all are there.
    """
    making = Fraction(instances, LAMBDA_PROVISIONING_RATE.value) + load.cold_start_ms / 60_000
    return LAMBDA_PROVISIONING_START.value + making


def plan_week(load: FunctionLoad, instances: Mapping[str, int]) -> Week:
    """The week, from each window's number of instances."""
    parts = _parts(load)
    # Where no window holds, one is kept: what was scheduled to none cannot be scheduled back.
    least = min(1, *instances.values())
    held = [
        (begin, end, instances[name])
        for name, intervals in parts.items()
        for interval in intervals
        for begin, end in _earlier(*interval, lead_minutes(load, instances[name]))
    ]
    steps: list[tuple[int, int]] = []
    for minute in sorted({0, *(edge for begin, end, _ in held for edge in (begin, end % MINUTES_PER_WEEK))}):
        count = max([least, *(number for begin, end, number in held if begin <= minute < end)])
        if not steps or steps[-1][1] != count:
            steps.append((minute, count))
    return Week(tuple(steps), _hours(load, instances, parts))


_Intervals = list[tuple[int, int]]
"""Parts of a week, in minutes after Monday 00:00, each within 0 to 10,080."""


def _parts(load: FunctionLoad) -> Mapping[str, _Intervals]:
    """When each window holds; those without a schedule whenever none with one does."""
    scheduled = {
        name: list(hours.intervals()) for name, window in load.windows.items() if (hours := window.hours) is not None
    }
    taken = [interval for intervals in scheduled.values() for interval in intervals]
    edges = sorted({0, MINUTES_PER_WEEK, *(edge for interval in taken for edge in interval)})
    other = [(begin, end) for begin, end in pairwise(edges) if not any(first <= begin < last for first, last in taken)]
    return {name: scheduled.get(name, other) for name in load.windows}


def _earlier(begin: int, end: int, lead: int) -> Iterator[tuple[int, int]]:
    """A part of a week that begins earlier by a lead, before the week's first minute in the week before."""
    if end - begin + lead >= MINUTES_PER_WEEK:
        yield 0, MINUTES_PER_WEEK
        return
    yield max(0, begin - lead), end
    if begin < lead:
        yield MINUTES_PER_WEEK + begin - lead, MINUTES_PER_WEEK


def _hours(load: FunctionLoad, instances: Mapping[str, int], parts: Mapping[str, _Intervals]) -> Mapping[str, Fraction]:
    """Hours a month of each window, those of an overlap to the one that needs the most."""
    minutes = dict.fromkeys(load.windows, 0)
    edges = sorted({edge for intervals in parts.values() for interval in intervals for edge in interval})
    for begin, end in pairwise(edges):
        holding = [name for name, intervals in parts.items() if any(first <= begin < last for first, last in intervals)]
        if holding:
            largest = max(holding, key=lambda name: (instances[name], load.windows[name].average_requests_per_second))
            minutes[largest] += end - begin
    return {name: count * _MONTHS_MINUTES for name, count in minutes.items()}


def autoscaling(load: FunctionLoad, peak: int, most_erlangs: float | None) -> Autoscaling | None:
    """Target tracking for the busiest window.

    Its target is the utilization at which the instances carry as much as they can; anything lower would add instances
    at the declared peak, anything higher would add them too late. AWS takes targets of 0.1 to 0.9 only: where what they
    carry is below a tenth, as with requests of a few milliseconds, instances are added too late, and an assumption of
    the plan says so.

    Args:
        load: The policy.
        peak: Warm instances of the busiest window.
        most_erlangs: The load that they carry.
    """
    if peak == 0:
        return None
    carried = MOST_TARGET if most_erlangs is None else Fraction(most_erlangs) / peak
    target = Fraction(int(carried * 1000), 1000)
    return Autoscaling(
        # Until the first scheduled action, the most that any window needs is safe.
        min=peak,
        max=_most(load, peak),
        target=min(MOST_TARGET, max(LEAST_TARGET, target)),
    )


def _most(load: FunctionLoad, instances: int) -> int:
    """What autoscaling may reach: both pools of a deployment, within reserved concurrency, above which AWS refuses."""
    most = ceiling(instances * load.policy_value("deploy_pools"))
    return most if load.reserved_concurrency is None else max(instances, min(most, load.reserved_concurrency))


def scheduled_actions(load: FunctionLoad, week: Week) -> tuple[ScheduledAction, ...]:
    """The changes of a week as scheduled actions: one for each number and time of the day."""
    if len(week.steps) == 1:
        return ()
    steps = week.steps
    if steps[0][1] == steps[-1][1]:  # Monday 00:00 goes on with what Sunday ends with
        steps = steps[1:]
    together: dict[tuple[int, int], list[int]] = {}
    for minute, count in steps:
        together.setdefault((minute % MINUTES_PER_DAY, count), []).append(minute // MINUTES_PER_DAY)
    return tuple(
        ScheduledAction(
            name=f"to-{count}-at-{clock(minute).replace(':', '')}",
            cron=f"cron({minute % 60} {minute // 60} ? * {day_names(tuple(days))} *)",
            min=count,
            max=_most(load, count),
        )
        for (minute, count), days in sorted(together.items())
    )
