"""What a function's plan rests on and nobody declared."""

from collections.abc import Iterator
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import exact, show_number
from loadfit.core.findings import Assumption
from loadfit.core.prices import HOURS_PER_MONTH
from loadfit.core.wording import few
from loadfit.functions.checks import may_be_smaller, may_use_snapstart
from loadfit.functions.latency import DEFAULT_COLD_SHARE, HEAVIEST_RATIO
from loadfit.functions.load import POLICY_DEFAULTS, FunctionLoad
from loadfit.functions.plan import FunctionPlan

__all__ = ["assumptions"]

_ASSUMPTION = "assumption"


def assumptions(plan: FunctionPlan) -> tuple[Assumption, ...]:
    """Every number that was used and not declared, with its source, and everything that was left out."""
    load = plan.load
    return (
        *_of_policy(plan),
        *_of_target(load),
        *_of_windows(plan),
        *_of_scaling(plan),
        *_of_limits(load),
        *_of_cost(load),
    )


def _of_policy(plan: FunctionPlan) -> Iterator[Assumption]:
    load = plan.load
    used = {
        "idle_life_seconds": True,
        "deploy_pools": plan.instances > 0,
        "throttled_share": True,
        "lead_minutes": bool(plan.schedule),
        "init_ms_per_mb": may_be_smaller(load),
        "small_bundle_mb": may_be_smaller(load),
        "snapstart_restore_ms": may_use_snapstart(load),
    }
    for name, is_used in used.items():
        default = POLICY_DEFAULTS[name]
        if is_used and (load.policy is None or getattr(load.policy, name) is None):
            yield Assumption(load.where(("policy", name)), default.value, default.unit, default.meaning, default.source)


def _of_target(load: FunctionLoad) -> Iterator[Assumption]:
    if load.target_p99_ms is None and load.max_cold_share is None:
        meaning = (
            "at most this share of the requests may start cold: neither target_p99_ms nor max_cold_share is declared"
        )
        yield Assumption(load.where(("max_cold_share",)), DEFAULT_COLD_SHARE, "of the requests", meaning, _ASSUMPTION)
    if load.init_ms is None and load.init is None:
        meaning = "a cold start takes as long as Lambda lets it: neither init_ms nor init is declared"
        init = limits.LAMBDA_INIT
        yield Assumption(load.where(("init_ms",)), Fraction(init.value), init.unit, meaning, init.source)
    busy = {name: window for name, window in load.windows.items() if window.requests_per_second > 0}
    if not busy:
        return
    first = next(iter(busy))
    yield Assumption(
        load.where(("windows", first, "p99_duration_ms")),
        None,
        "ms",
        "warm durations are lognormal, of the declared mean and p99, and a cold request takes init_ms longer",
        _ASSUMPTION,
    )
    heavy = [
        name
        for name, window in busy.items()
        if exact(window.p99_duration_ms or 0) > HEAVIEST_RATIO * exact(window.mean_duration_ms or 1)
    ]
    if heavy:
        yield Assumption(
            load.where(("windows", heavy[0], "p99_duration_ms")),
            Fraction(round(HEAVIEST_RATIO, 2)).limit_denominator(100),
            "times the mean",
            f"no lognormal has a p99 so far above its mean ({few(heavy)}): the heaviest tail with this p99 is used",
            _ASSUMPTION,
        )


def _of_windows(plan: FunctionPlan) -> Iterator[Assumption]:
    load = plan.load
    busy = {name: window for name, window in load.windows.items() if window.requests_per_second > 0}
    if busy:
        yield Assumption(
            load.where(("windows", next(iter(busy)), "peak_requests_per_second")),
            None,
            "requests per second",
            "requests come one by one at random (Poisson) at the peak rate, and find provisioned instances first; each "
            "instance works on one request at a time",
            "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html",
        )
        yield Assumption(
            load.where(("windows", next(iter(busy)), "peak_requests_per_second")),
            Fraction(1),
            "seconds",
            "ten requests per second and instance are counted over this long",
            "assumption: AWS publishes the rate, not its window",
        )
    if bursts := [name for name, one in busy.items() if one.extra_instances and one.seconds_between_bursts is None]:
        yield Assumption(
            load.where(("windows", bursts[0], "seconds_between_bursts")),
            None,
            "seconds",
            f"a burst comes after the requests of the one before it have ended ({few(bursts)})",
            _ASSUMPTION,
        )
    unscheduled = [name for name, window in load.windows.items() if window.schedule is None]
    if len(unscheduled) > 1:
        yield Assumption(
            load.where(("windows", unscheduled[0], "schedule")),
            None,
            "hours",
            f"windows without a schedule come at the same times ({few(unscheduled)}): the largest of them holds",
            _ASSUMPTION,
        )
    if not unscheduled:
        kept = ": one instance is kept warm, as none can be scheduled back" if plan.autoscaling is not None else ""
        yield Assumption(
            load.where(("windows",)),
            None,
            "hours",
            f"outside of the scheduled windows no requests come that matter{kept}",
            _ASSUMPTION,
        )


def _of_scaling(plan: FunctionPlan) -> Iterator[Assumption]:
    """What autoscaling is not told exactly: one target holds in every window, and AWS takes none below a tenth."""
    scaling = plan.autoscaling
    if scaling is None:
        return
    carried = [
        (window.most_erlangs / window.warm_instances, name)
        for name, window in plan.windows.items()
        if window.warm_instances and window.most_erlangs is not None
    ]
    share, name = min(carried, default=(1.0, ""))
    if Fraction(share) < scaling.target:
        yield Assumption(
            plan.load.where(("windows", name)),
            scaling.target,
            "of the provisioned instances",
            f"autoscaling adds instances in {name} only above this utilization, though they carry no more than "
            f"{show_number(Fraction(share))}: the declared peak is provisioned for, what exceeds it spills over first",
            "https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html (targets of 0.1 to 0.9, one for "
            "all times)",
        )


def _of_limits(load: FunctionLoad) -> Iterator[Assumption]:
    quota = limits.LAMBDA_CONCURRENCY_QUOTA
    if load.quota_concurrency is None:
        yield Assumption(
            load.where(("quota_concurrency",)),
            Fraction(quota.value),
            quota.unit,
            f"AWS's default quota {quota.quota} is in force; new accounts have less",
            quota.source,
        )
    if load.concurrency_in_use is None:
        meaning = "functions outside of the document claim none"
        yield Assumption(
            load.where(("concurrency_in_use",)), Fraction(0), "concurrent executions", meaning, _ASSUMPTION
        )
    for name, limit in (
        ("memory_mb", limits.LAMBDA_MEMORY_DEFAULT),
        ("timeout_seconds", limits.LAMBDA_TIMEOUT_DEFAULT),
    ):
        if getattr(load, name) is None:
            yield Assumption(load.where((name,)), Fraction(limit.value), limit.unit, "Lambda's default", limit.source)
    unsaid = [name for name in ("zipped_mb", "unzipped_mb") if getattr(load, name) is None]
    if unsaid:
        meaning = f"the package is within Lambda's limits: {' and '.join(unsaid)} not declared"
        yield Assumption(load.where((unsaid[0],)), None, "MB", meaning, _ASSUMPTION)
    if load.in_vpc:
        meaning = "only the connections out of the VPC that are declared there count for its NAT gateways"
        yield Assumption(load.where(("egress",)), None, "connections", meaning, _ASSUMPTION)
    if load.snapstart and load.runtime is None:
        yield Assumption(load.where(("runtime",)), None, "", "the runtime supports SnapStart", _ASSUMPTION)


def _of_cost(load: FunctionLoad) -> Iterator[Assumption]:
    prices = load.known_prices()
    if prices is None:
        meaning = f"cost is left out: no verified price for {load.region}; declare {few(_PRICES, most=4)}"
        yield Assumption(load.where(("prices",)), None, "US dollars", meaning, "no source")
        return
    if load.prices is None:
        meaning = f"a month has {HOURS_PER_MONTH} hours; prices of {prices.as_of}, first tier, no free tier"
        yield Assumption(load.where(("prices",)), Fraction(HOURS_PER_MONTH), "hours", meaning, prices.source)
    at_peak = {
        name: window
        for name, window in load.windows.items()
        if window.mean_requests_per_second is None and window.requests_per_second > 0
    }
    if at_peak:
        first, window = next(iter(at_peak.items()))
        yield Assumption(
            load.where(("windows", first, "mean_requests_per_second")),
            window.requests_per_second,
            "requests per second",
            f"the cost counts the peak rate all through the window ({few(at_peak)}): at most "
            f"{show_number(window.requests_per_second)} a second in {first}",
            _ASSUMPTION,
        )
    yield Assumption(
        load.where(("prices",)),
        None,
        "US dollars",
        "initializations, logs and SnapStart's storage are left out of the cost",
        _ASSUMPTION,
    )


_PRICES = ("provisioned_gb_second", "provisioned_duration_gb_second", "duration_gb_second", "million_requests")
