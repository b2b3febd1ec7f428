"""The arithmetic of a function: from windows of requests to warm instances, limits and cost. Nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import ceiling, exact
from loadfit.core.queueing import servers_for_blocking
from loadfit.functions.assumptions import assumptions
from loadfit.functions.checks import findings
from loadfit.functions.latency import allowed_cold_share, p99_ms
from loadfit.functions.load import FunctionLoad
from loadfit.functions.plan import AccountNeed, FunctionPlan, WindowPlan
from loadfit.functions.scaling import Week, autoscaling, lead_minutes, plan_week, scheduled_actions
from loadfit.functions.warmth import carried_erlangs, expected_cold_share, instances_for, spillover, what_binds
from loadfit.functions.window import Window

__all__ = ["needed_instances", "size_function"]

_SECONDS_PER_HOUR = 3600
_MB_PER_GB = 1024


def size_function(load: FunctionLoad) -> FunctionPlan:
    """Sizes a function.

    Args:
        load: Its requests, its target, its limits.

    Returns:
        The plan, also where the load does not fit: then its findings say so.

    Example:
        >>> plan = size_function(FunctionLoad(name="storefront", region="us-east-1", init_ms=800, target_p99_ms=200,
        ...     windows={"day": Window(peak_requests_per_second=26, mean_duration_ms=50, p99_duration_ms=100)}))
        >>> plan.windows["day"].warm_instances, round(plan.windows["day"].spillover_bound, 4), plan.verdict.value
        (5, 0.0085, 'fits')
    """
    windows = {name: _plan_window(load, name, window) for name, window in load.windows.items()}
    week = plan_week(load, {name: window.warm_instances for name, window in windows.items()})
    windows = {name: replace(window, hours_per_month=week.hours_per_month[name]) for name, window in windows.items()}
    given = load.provisioned_concurrency
    needed = max(window.needed_instances for window in windows.values())
    enough = all(window.is_enough for window in windows.values())
    instances = needed if given is None else given if enough else max(given, needed)
    most = ceiling(instances * load.policy_value("deploy_pools"))
    reserved = max(1, most, *(instances_for(window, _throttled(load)) for window in load.windows.values()))
    # With a database there has to be reserved concurrency: what is claimed is then that, declared yet or not.
    claimed = most if load.reserved_concurrency is None and load.database is None else reserved
    claimed = max(claimed, load.reserved_concurrency or 0)
    busiest = max(windows.values(), key=lambda window: (window.warm_instances, window.offered_erlangs))
    hours = week.instance_hours_per_month
    plan = FunctionPlan(
        load=load,
        windows=windows,
        instances=instances,
        most_instances=most,
        reserved_needed=reserved,
        autoscaling=autoscaling(load, busiest.warm_instances, busiest.most_erlangs),
        schedule=scheduled_actions(load, week),
        account_concurrency=load.reserved_concurrency or claimed,
        account=_account(load, claimed),
        database_connections=None,
        instance_hours_per_month=hours,
        utilization=_busy_hours(load, windows, warm_only=True) / hours if hours else None,
        monthly_cost_usd=_monthly_cost(load, windows, week),
        on_demand_monthly_usd=_on_demand_cost(load, windows),
        break_even_utilization=prices.break_even_utilization if (prices := load.known_prices()) else None,
        findings=(),
        assumptions=(),
    )
    plan = replace(plan, assumptions=assumptions(plan))
    if load.database is not None:
        plan = replace(plan, database_connections=plan.environments * load.database.connections_per_instance)
    return replace(plan, findings=findings(plan))


def needed_instances(load: FunctionLoad) -> int:
    """Warm instances that the busiest window needs; 0 where every request may start cold."""
    shares = {name: allowed_cold_share(load, window) for name, window in load.windows.items()}
    return max(instances_for(window, shares[name]) if shares[name] < 1 else 0 for name, window in load.windows.items())


def _plan_window(load: FunctionLoad, name: str, window: Window) -> WindowPlan:
    allowed = allowed_cold_share(load, window)
    needed = instances_for(window, allowed)
    warm = needed if load.provisioned_concurrency is None else load.provisioned_concurrency
    spilled = spillover(window, warm)
    return WindowPlan(
        name=name,
        offered_erlangs=window.offered_erlangs,
        allowed_cold_share=allowed,
        needed_instances=needed,
        warm_instances=warm,
        bound_by=what_binds(window, allowed),
        spillover=spilled,
        expected_cold_share=expected_cold_share(window, warm, load.policy_value("idle_life_seconds")),
        p99_ms=p99_ms(load, window, spilled.total),
        most_erlangs=carried_erlangs(window, warm, allowed),
        hours_per_month=Fraction(0),
        lead_minutes=lead_minutes(load, warm),
    )


def _busy(load: FunctionLoad) -> list[Window]:
    """The windows with requests; all of them where there is none."""
    return [window for window in load.windows.values() if window.requests_per_second] or [*load.windows.values()]


def _throttled(load: FunctionLoad) -> float:
    return float(load.policy_value("throttled_share"))


def _account(load: FunctionLoad, claimed: int) -> AccountNeed:
    """What the account has to hold.

    Without reserved concurrency a function takes what it needs besides from what stays unreserved: so many instances
    that next to no request finds all of them busy.

    Args:
        load: What others claim, and need unreserved.
        claimed: Concurrency that the function claims.
    """
    share = _throttled(load)
    at_once = max(servers_for_blocking(one.offered_erlangs, share) + one.extra_instances for one in _busy(load))
    own = 0 if load.reserved_concurrency is not None else max(0, at_once - claimed)
    kept = limits.LAMBDA_UNRESERVED_CONCURRENCY.value if claimed + load.claimed_by_others else 0
    requests = load.requests_per_second + exact(load.requests_per_second_of_others or 0)
    return AccountNeed(
        claimed=claimed,
        claimed_by_others=load.claimed_by_others,
        own_unreserved=own,
        unreserved=max(kept, own + (load.unreserved_of_others or 0)),
        by_requests=ceiling(requests / limits.LAMBDA_REQUESTS_PER_INSTANCE.value),
    )


def _busy_hours(load: FunctionLoad, windows: Mapping[str, WindowPlan], *, warm_only: bool = False) -> Fraction:
    """Hours of work a month, on average: all of it, or what the provisioned instances take at the least."""
    total = Fraction(0)
    for name, window in windows.items():
        share = 1 - exact(window.spillover_bound) if warm_only else Fraction(1)
        total += window.hours_per_month * share * _average_erlangs(load.windows[name])
    return total


def _average_erlangs(window: Window) -> Fraction:
    return window.average_requests_per_second * exact(window.mean_duration_ms or 0) / 1000


def _requests(load: FunctionLoad, windows: Mapping[str, WindowPlan]) -> Fraction:
    return sum(
        (
            load.windows[name].average_requests_per_second * window.hours_per_month * _SECONDS_PER_HOUR
            for name, window in windows.items()
        ),
        Fraction(0),
    )


def _monthly_cost(load: FunctionLoad, windows: Mapping[str, WindowPlan], week: Week) -> Mapping[str, Fraction] | None:
    prices = load.known_prices()
    if prices is None:
        return None
    gb_seconds = Fraction(load.memory, _MB_PER_GB) * _SECONDS_PER_HOUR
    every, warm = _busy_hours(load, windows), _busy_hours(load, windows, warm_only=True)
    lines = {
        "provisioned": week.instance_hours_per_month * gb_seconds * prices.provisioned_gb_second,
        "duration": warm * gb_seconds * prices.provisioned_duration_gb_second,
        "spillover": (every - warm) * gb_seconds * prices.duration_gb_second,
        "requests": _requests(load, windows) / 1_000_000 * prices.million_requests,
    }
    return {**lines, "total": sum(lines.values(), Fraction(0))}


def _on_demand_cost(load: FunctionLoad, windows: Mapping[str, WindowPlan]) -> Fraction | None:
    prices = load.known_prices()
    if prices is None:
        return None
    gb_seconds = Fraction(load.memory, _MB_PER_GB) * _SECONDS_PER_HOUR
    duration = _busy_hours(load, windows) * gb_seconds * prices.duration_gb_second
    return duration + _requests(load, windows) / 1_000_000 * prices.million_requests
