"""A plan as plain data, for programs: the names and meanings are a contract, versioned by ``schema_version``."""

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any

from loadfit.core.findings import Assumption, Remedied, Verdict
from loadfit.core.paths import show_path
from loadfit.databases import DatabasePlan
from loadfit.databases import summary as databases
from loadfit.egress import EgressPlan, Scenario
from loadfit.egress import summary as egress
from loadfit.functions import FunctionPlan
from loadfit.functions import summary as functions
from loadfit.stack import StackPlan

__all__ = [
    "SCHEMA_VERSION",
    "database_data",
    "egress_data",
    "finding_data",
    "function_data",
    "plain_value",
    "plan_data",
    "render_json",
]

SCHEMA_VERSION = 1
"""Raised when a name goes or changes its meaning; new names do not raise it."""


def render_json(plan: StackPlan) -> str:
    """The plan as one JSON object."""
    return json.dumps(plan_data(plan), indent=2, allow_nan=False) + "\n"


def plan_data(plan: StackPlan) -> dict[str, Any]:
    """The plan as mappings, lists, text and numbers."""
    data: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "fits": plan.verdict is Verdict.FITS}
    if plan.egress is not None:
        data["egress"] = egress_data(plan.egress, plan.remedied["egress"])
    if plan.databases:
        data["databases"] = {
            name: database_data(database, plan.remedied[f"databases.{name}"])
            for name, database in plan.databases.items()
        }
    if plan.functions:
        data["functions"] = {
            name: function_data(function, plan.remedied[f"functions.{name}"])
            for name, function in plan.functions.items()
        }
    return data


def egress_data(plan: EgressPlan, remedied: Sequence[Remedied]) -> dict[str, Any]:
    """The egress section: sizes under the names of the documentation, then what was found."""
    return {
        **egress.plan_summary(plan),
        "destinations": [
            {
                "destination": str(one.destination),
                "ports": _scenarios(one.ports),
                "busiest_gateway": _scenarios(one.busiest_gateway_ports),
            }
            for one in plan.destinations
        ],
        "findings": [finding_data(item) for item in remedied],
        "assumptions": [_assumption(one) for one in plan.assumptions],
    }


def database_data(plan: DatabasePlan, remedied: Sequence[Remedied]) -> dict[str, Any]:
    """A database's section: sizes under the names of the documentation, then what was found."""
    return {
        **databases.plan_summary(plan),
        "max_connections_used": plan.max_connections,
        "usable_connections": plan.usable,
        "clients_to_hold": plan.clients_to_hold,
        "direct_connections": plan.direct_connections,
        "memory_request_mib": plan.memory_request_mib,
        "memory_limit_mib": plan.memory_limit_mib,
        "cpu_request_millicores": plan.cpu_request_millicores,
        "pools": [
            {
                "user": pool.user,
                "erlangs": float(pool.offered_erlangs),
                "mean_seconds": float(pool.mean_transaction_seconds),
                "cv2": float(pool.transaction_cv2),
                "size_per_replica": pool.size_per_replica,
                "needed_per_replica": pool.needed_per_replica,
            }
            for pool in plan.pools
        ],
        "app_pools": [
            {
                "client": pool.client,
                "size": pool.size,
                "erlangs": float(pool.offered_erlangs),
                "wait_p99_ms": databases.finite(pool.p99_wait_ms),
                "needed": pool.needed,
                "most_used": pool.most_used,
            }
            for pool in plan.app_pools
        ],
        "pod_limits": [
            {
                "client": one.client,
                "counted_in": f"{one.noun}s",
                "limit": one.limit,
                "pods_steady": one.pods_steady,
                "pods_in_rollout": one.pods_in_rollout,
            }
            for one in plan.pod_limits
        ],
        "findings": [finding_data(item) for item in remedied],
        "assumptions": [_assumption(one) for one in plan.assumptions],
    }


def function_data(plan: FunctionPlan, remedied: Sequence[Remedied]) -> dict[str, Any]:
    """A function's section: sizes under the names of the documentation, then what was found."""
    return {
        **functions.plan_summary(plan),
        "schedule": [{"name": one.name, "cron": one.cron, "least": one.min, "most": one.max} for one in plan.schedule],
        "instances_in_deployment": plan.most_instances,
        "reserved_needed": plan.reserved_needed,
        "quota_needed": plan.quota_needed,
        "alternatives": [
            {
                "name": one.name,
                "cold_start_ms": float(one.cold_start_ms),
                "p99_at_best_ms": one.p99_ms,
                "instances_needed": one.warm_instances,
                "monthly_cost_difference_usd": _dollars(one.monthly_cost_usd),
                "sentence": one.sentence,
            }
            for one in plan.alternatives()
        ],
        "findings": [finding_data(item) for item in remedied],
        "assumptions": [_assumption(one) for one in plan.assumptions],
    }


def _dollars(amount: Fraction | None) -> float | None:
    return None if amount is None else float(round(amount, 2))


def _scenarios(numbers: Mapping[Scenario, int]) -> dict[str, int]:
    return {scenario.value: number for scenario, number in numbers.items()}


def finding_data(item: Remedied) -> dict[str, Any]:
    """A finding with its ways out."""
    finding = item.finding
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "path": show_path(finding.path),
        "subject": finding.subject,
        "needed": _number(finding.needed),
        "available": _number(finding.available),
        "unit": finding.unit,
        "equation": finding.equation,
        "message": finding.message,
        "consequences": [
            {
                "name": one.name,
                "amount": _number(one.amount),
                "unit": one.unit,
                "basis": one.basis.value,
                "sentence": one.sentence,
            }
            for one in finding.consequences
        ],
        "remedies": [
            {
                "kind": remedy.kind.value,
                "sentence": remedy.sentence,
                "monthly_cost_difference_usd": _dollars(remedy.monthly_cost_usd),
                "changes": [
                    {
                        "path": show_path(change.path),
                        "before": plain_value(change.before),
                        "after": plain_value(change.after),
                    }
                    for change in remedy.changes
                ],
            }
            for remedy in item.remedies
        ],
        "asks": list(finding.asks),
        "state": finding.state,
    }


def _assumption(one: Assumption) -> dict[str, Any]:
    return {
        "path": show_path(one.path),
        "value": None if one.value is None else _number(one.value),
        "unit": one.unit,
        "meaning": one.meaning,
        "source": one.source,
    }


def _number(number: Fraction) -> int | float:
    return number.numerator if number.denominator == 1 else float(number)


def plain_value(value: Any) -> Any:
    """A declared value as JSON has it."""
    match value:
        case Fraction():
            return _number(value)
        case Enum():
            return value.value
        case _:
            return value
