"""What to watch of a function: metrics, alarms and a dashboard as data, with thresholds from the plan.

Names and dimensions are those of the manual:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html.
It has no metric of initialization: that is in the logs alone (:mod:`loadfit.functions.queries`).
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, TypeVar

from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.watching import Alarm, Metric
from loadfit.core.wording import counted
from loadfit.functions.plan import FunctionPlan

__all__ = ["NAMESPACE", "FunctionMetric", "Scope", "alarms", "dashboard_body", "dimensions"]

NameT = TypeVar("NameT")

NAMESPACE = "AWS/Lambda"

_BEYOND_LOAD = Fraction(11, 10)
"""Assumption: a tenth more than declared is a load that was not declared, not fluctuation."""
_DEVIATIONS = 3
"""Assumption: of the requests in a minute, which fluctuate as Poisson's law has it, three standard deviations more."""
_OF_QUOTA = Fraction(8, 10)
"""Assumption: the share of the account's concurrency at which somebody should ask for more."""
_ERRORS_PERCENT = 1.0
"""Assumption: some requests always fail."""


class Scope(str, Enum):
    """What a metric is about."""

    ALIAS = "alias"
    """Requests that come through the alias."""
    FUNCTION = "function"
    """All requests of the function."""
    ACCOUNT = "account"
    """All functions of the account in the Region."""


@dataclass(frozen=True, slots=True)
class FunctionMetric(Metric):
    """One metric of the manual."""

    scope: Scope


def dimensions(metric: Metric, function: NameT, resource: NameT) -> dict[str, NameT]:
    """A metric's dimensions.

    Args:
        metric: One of this module.
        function: The function's name.
        resource: Its name and the alias: ``name:alias``.
    """
    scope = metric.scope if isinstance(metric, FunctionMetric) else Scope.ACCOUNT
    if scope is Scope.ACCOUNT:
        return {}
    return {"FunctionName": function, **({"Resource": resource} if scope is Scope.ALIAS else {})}


INVOCATIONS = FunctionMetric("Invocations", "Sum", Scope.ALIAS)
ALL_INVOCATIONS = FunctionMetric("Invocations", "Sum", Scope.FUNCTION)
ERRORS = FunctionMetric("Errors", "Sum", Scope.ALIAS)
DURATION_P99 = FunctionMetric("Duration", "p99", Scope.ALIAS)
# Of the whole function: whoever is refused, reserved concurrency is shared by all.
THROTTLES = FunctionMetric("Throttles", "Sum", Scope.FUNCTION)
UNDELIVERED = FunctionMetric("DestinationDeliveryFailures", "Sum", Scope.FUNCTION)
CONCURRENT = FunctionMetric("ConcurrentExecutions", "Maximum", Scope.FUNCTION)
WARM_REQUESTS = FunctionMetric("ProvisionedConcurrencyInvocations", "Sum", Scope.ALIAS)
SPILLED_REQUESTS = FunctionMetric("ProvisionedConcurrencySpilloverInvocations", "Sum", Scope.ALIAS)
BUSY_WARM = FunctionMetric("ProvisionedConcurrentExecutions", "Maximum", Scope.ALIAS)
UTILIZATION_AT_MOST = FunctionMetric("ProvisionedConcurrencyUtilization", "Maximum", Scope.ALIAS)
UTILIZATION = FunctionMetric("ProvisionedConcurrencyUtilization", "Average", Scope.ALIAS)
CLAIMED = FunctionMetric("ClaimedAccountConcurrency", "Maximum", Scope.ACCOUNT)


def alarms(plan: FunctionPlan, *, has_destination: bool = False) -> tuple[Alarm, ...]:
    """The alarms of a function.

    Args:
        plan: For the thresholds.
        has_destination: Whether failed asynchronous requests are sent somewhere.
    """
    return (
        *_of_warm_instances(plan),
        *_of_requests(plan),
        _throttles(plan),
        Alarm(
            "errors",
            (ERRORS, INVOCATIONS),
            "100 * m0 / m1",
            _ERRORS_PERCENT,
            60,
            5,
            3,
            f"More than {_ERRORS_PERCENT:g} percent of the requests fail. An instance whose request fails may be "
            "initialized anew, warm or not.",
        ),
        *([_undelivered()] if has_destination else []),
        _account(plan),
    )


def _of_warm_instances(plan: FunctionPlan) -> list[Alarm]:
    scaling, found = plan.autoscaling, list[Alarm]()
    # A window without requests, or one whose target holds if every request starts cold, allows what it likes.
    compared = [
        window
        for window in plan.windows.values()
        if window.allowed_cold_share < 1 and plan.load.windows[window.name].requests_per_second > 0
    ]
    if scaling is not None and compared:
        loosest = max(compared, key=lambda window: window.allowed_cold_share)
        allowed = round(100 * loosest.allowed_cold_share, 4)
        found.append(
            Alarm(
                "spillover",
                (SPILLED_REQUESTS, WARM_REQUESTS),
                # Where no instance is ready nothing but spill-over is reported, and it is all of the requests.
                "100 * m0 / (m0 + FILL(m1, 0))",
                allowed,
                300,
                3,
                2,
                f"More than {show_number(allowed, 4)} percent of the requests find no warm instance, the most that the "
                f"target allows in {loosest.name}. The plan has {counted(plan.instances, 'warm instance')} at the "
                "peak.",
            )
        )
    if scaling is not None:
        target = show_number(scaling.target)
        found.append(
            Alarm(
                "utilization",
                # On average, as target tracking reads it. At most, it is 1 in any minute with a request that spilled
                # over, of which the plan allows some.
                (UTILIZATION,),
                "",
                float(scaling.target),
                60,
                15,
                15,
                f"Warm instances are used above {target} on average, at which autoscaling adds some, and it has not "
                f"caught up within 15 minutes: it fails, or is at its most, {scaling.max:,}.",
            )
        )
    if scaling is not None or plan.load.snapstart:
        found.append(
            Alarm(
                "past-alias",
                (ALL_INVOCATIONS, INVOCATIONS),
                "m0 - FILL(m1, 0)",
                0,
                300,
                3,
                3,
                "Somebody calls the function without the alias, and gets none of its "
                f"{counted(plan.instances, 'warm instance') if scaling is not None else 'snapshots'}.",
            )
        )
    return found


def _of_requests(plan: FunctionPlan) -> list[Alarm]:
    busiest = max(plan.load.windows.values(), key=lambda window: window.requests_per_second)
    slowest = max(exact(window.p99_duration_ms or 0) for window in plan.load.windows.values())
    found: list[Alarm] = []
    if busiest.requests_per_second > 0:
        expected = busiest.requests_per_second * 60
        found.append(
            Alarm(
                "requests-beyond-load",
                (INVOCATIONS,),
                "",
                float(ceiling(expected * _BEYOND_LOAD + exact(_DEVIATIONS * math.sqrt(expected)))),
                60,
                5,
                3,
                f"More requests than declared: {show_number(busiest.requests_per_second)} a second at the peak, "
                f"{show_number(expected)} a minute. The declared load is no longer the real one.",
            )
        )
    if slowest > 0:
        target = exact(plan.load.target_p99_ms or 0)
        most = min(slowest * _BEYOND_LOAD, target) if target else slowest * _BEYOND_LOAD
        wanted = f" The target, cold starts included, is {show_number(target)} ms." if target else ""
        found.append(
            Alarm(
                "duration",
                (DURATION_P99,),
                "",
                float(most),
                300,
                3,
                2,
                f"The p99 of the requests is above {show_number(most)} ms without initialization, where "
                f"{show_number(slowest)} ms were declared: the sizes no longer hold.{wanted}",
            )
        )
    return found


def _throttles(plan: FunctionPlan) -> Alarm:
    reserved = plan.load.reserved_concurrency
    if reserved is None:
        return Alarm(
            "throttles",
            (THROTTLES,),
            "",
            0,
            60,
            5,
            1,
            f"Requests are refused: the account's {plan.load.concurrency_quota:,} concurrent executions are in use, or "
            "instances cannot start as fast as requests come.",
        )
    percent = 100 * plan.load.policy_value("throttled_share")
    return Alarm(
        "throttles",
        (THROTTLES, ALL_INVOCATIONS),
        "100 * m0 / (m0 + FILL(m1, 0))",
        float(percent),
        60,
        5,
        3,
        f"More than {show_number(percent)} percent of the requests are refused: all {reserved:,} of the reserved "
        f"concurrency are in use. The plan needs {plan.reserved_needed:,}.",
    )


def _undelivered() -> Alarm:
    return Alarm(
        "undelivered",
        (UNDELIVERED,),
        "",
        0,
        60,
        5,
        1,
        "A request failed, and could not be sent to the on-failure destination: it is lost. More than 0 are too many.",
    )


def _account(plan: FunctionPlan) -> Alarm:
    quota = plan.load.concurrency_quota
    # What was declared is no surprise.
    most = max(int(quota * _OF_QUOTA), plan.account_concurrency + plan.load.claimed_by_others)
    return Alarm(
        "account-concurrency",
        (CLAIMED,),
        "",
        float(most),
        60,
        5,
        3,
        f"All functions of the account claim more than {most:,} of its {quota:,} concurrent executions in "
        f"{plan.load.region}. This one is planned to claim {plan.account_concurrency:,}.",
    )


def dashboard_body(plan: FunctionPlan, watched: Iterable[Alarm], function: str, alias: str, region: str) -> str:
    """A CloudWatch dashboard, as its JSON body.

    Args:
        plan: For the lines of reserved and warm instances and of autoscaling's target.
        watched: The alarms that there are; their thresholds are lines.
        function: The function's name.
        alias: The alias that requests come through.
        region: The Region's code.
    """
    thresholds = {alarm.suffix: alarm.threshold for alarm in watched}

    def line(label: str, suffix: str) -> tuple[tuple[str, float], ...]:
        return ((f"{label} {thresholds[suffix]:,g}", thresholds[suffix]),) if suffix in thresholds else ()

    scaling, reserved = plan.autoscaling, plan.load.reserved_concurrency
    bounds = (("reserved", reserved), ("warm", plan.instances if scaling else None))
    panels: list[tuple[str, tuple[FunctionMetric, ...], tuple[tuple[str, float], ...]]] = [
        ("Requests a minute", (INVOCATIONS, ERRORS, THROTTLES), line("alarm", "requests-beyond-load")),
        ("p99 of the duration, without initialization, ms", (DURATION_P99,), line("alarm", "duration")),
        (
            "Requests in work",
            (CONCURRENT, *((BUSY_WARM,) if scaling else ())),
            tuple((f"{label} {number:,}", float(number)) for label, number in bounds if number is not None),
        ),
        ("Concurrency that the account claims", (CLAIMED,), line("alarm", "account-concurrency")),
    ]
    if scaling is not None:
        panels += [
            ("Requests that found a warm instance, and that did not", (WARM_REQUESTS, SPILLED_REQUESTS), ()),
            (
                "Utilization of the warm instances",
                (UTILIZATION, UTILIZATION_AT_MOST),
                ((f"autoscaling's target {show_number(scaling.target)}", float(scaling.target)),),
            ),
        ]
    resource = f"{function}:{alias}"
    widgets: list[dict[str, Any]] = []
    for number, (title, metrics, lines) in enumerate(panels):
        properties: dict[str, Any] = {
            "title": title,
            "region": region,
            "view": "timeSeries",
            "period": 60,
            "metrics": [_drawn(metric, dimensions(metric, function, resource)) for metric in metrics],
        }
        if lines:
            properties["annotations"] = {"horizontal": [{"label": label, "value": value} for label, value in lines]}
        place = {"x": number % 2 * 12, "y": number // 2 * 6, "width": 12, "height": 6}
        widgets.append({"type": "metric", **place, "properties": properties})
    return json.dumps({"widgets": widgets})


def _drawn(metric: Metric, of: Mapping[str, str]) -> list[Any]:
    named = [part for pair in of.items() for part in pair]
    return [NAMESPACE, metric.name, *named, {"stat": metric.statistic, "label": f"{metric.name} {metric.statistic}"}]
