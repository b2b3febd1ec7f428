"""A plan's sizes as plain data, under the names that reports, outputs and documentation share."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from loadfit.egress.plan import EgressPlan

__all__ = ["plan_summary"]


def plan_summary(plan: EgressPlan) -> dict[str, Any]:
    """The sizes, the verdict and the cost; what the component registers as its output and JSON begins with."""
    return {
        "verdict": plan.verdict.value,
        "ports_needed": _by_scenario(plan.ports_needed),
        "busiest_gateway_ports": _by_scenario(plan.busiest_gateway_ports),
        "binding_scenario": plan.binding_scenario.value,
        "ports_per_address": plan.ports_per_address,
        "addresses_per_gateway": plan.addresses_per_gateway,
        "gateways": plan.gateways,
        "ports_total": plan.ports_total,
        "ports_with_zone_lost": plan.ports_with_zone_lost,
        "utilization": float(plan.utilization),
        "monthly_cost_usd": _cost(plan.monthly_cost_usd),
    }


def _by_scenario(numbers: Mapping[Any, int]) -> dict[str, int]:
    return {scenario.value: number for scenario, number in numbers.items()}


def _cost(lines: Mapping[str, Fraction] | None) -> dict[str, float] | None:
    return None if lines is None else {line: float(round(amount, 2)) for line, amount in lines.items()}
