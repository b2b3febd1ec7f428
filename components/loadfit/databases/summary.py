"""A plan's sizes as plain data, under the names that reports, outputs and documentation share."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from loadfit.databases.plan import DatabasePlan

__all__ = ["finite", "plan_summary"]


def plan_summary(plan: DatabasePlan) -> dict[str, Any]:
    """The sizes, the verdict and the cost; what the component registers as its output and JSON begins with.

    A wait without bound is ``None``: JSON knows no infinity.
    """
    return {
        "verdict": plan.verdict.value,
        "clients": _by_state(plan.clients),
        "budget": plan.budget,
        "offered_erlangs": float(plan.offered_erlangs),
        "replicas": plan.replicas,
        "server_connections_per_replica": plan.server_connections_per_replica,
        "server_connections": plan.server_connections,
        "free_connections": plan.free_connections,
        "max_client_conn": plan.max_client_conn,
        "file_descriptors": plan.file_descriptors,
        "p99_wait_ms": {state: finite(wait) for state, wait in _by_state(plan.p99_wait_ms).items()},
        "app_pool_p99_wait_ms": finite(plan.app_pool_p99_wait_ms),
        "monthly_cost_usd": None,
    }


def finite(milliseconds: float) -> float | None:
    """A wait, or nothing where it is without bound."""
    return milliseconds if math.isfinite(milliseconds) else None


def _by_state(numbers: Mapping[Any, Any]) -> dict[str, Any]:
    return {state.value if isinstance(state, Enum) else str(state): number for state, number in numbers.items()}
