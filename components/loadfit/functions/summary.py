"""A plan's sizes as plain data, under the names that reports, outputs and documentation share."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from loadfit.functions.plan import FunctionPlan, WindowPlan

__all__ = ["plan_summary"]


def plan_summary(plan: FunctionPlan) -> dict[str, Any]:
    """The sizes, the verdict and the cost; what the component registers as its output and JSON begins with."""
    scaling = plan.autoscaling
    return {
        "verdict": plan.verdict.value,
        "windows": {name: _window(window) for name, window in plan.windows.items()},
        "autoscaling": (
            None if scaling is None else {"min": scaling.min, "max": scaling.max, "target": float(scaling.target)}
        ),
        "database_connections": plan.database_connections,
        "account_concurrency": plan.account_concurrency,
        "monthly_cost_usd": _cost(plan.monthly_cost_usd),
        "on_demand_monthly_usd": _dollars(plan.on_demand_monthly_usd),
        "provisioned_utilization": _ratio(plan.utilization),
        "break_even_utilization": _ratio(plan.break_even_utilization),
    }


def _window(window: WindowPlan) -> dict[str, Any]:
    return {
        "offered_erlangs": float(window.offered_erlangs),
        "warm_instances": window.warm_instances,
        "bound_by": window.bound_by.value,
        "spillover_bound": window.spillover_bound,
        "expected_cold_share": window.expected_cold_share,
        "p99_ms": window.p99_ms,
    }


def _cost(lines: Mapping[str, Fraction] | None) -> dict[str, float] | None:
    return None if lines is None else {line: float(round(amount, 2)) for line, amount in lines.items()}


def _dollars(amount: Fraction | None) -> float | None:
    return None if amount is None else float(round(amount, 2))


def _ratio(number: Fraction | None) -> float | None:
    return None if number is None else float(number)
