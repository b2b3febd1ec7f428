"""What to watch of a pool: alerts, a dashboard and what to scrape, as data, with thresholds from the plan."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadfit.core.exact import exact, show_number
from loadfit.databases.config import config_revision
from loadfit.databases.plan import DatabasePlan

__all__ = ["METRICS", "Alert", "Watched", "alert_rules", "alerts", "dashboard"]

METRICS: Mapping[str, str] = {
    "up": "pgbouncer_up",
    "active_clients": "pgbouncer_pools_client_active_connections",
    "waiting_clients": "pgbouncer_pools_client_waiting_connections",
    "longest_wait": "pgbouncer_pools_client_maxwait_seconds",
    "busy_servers": "pgbouncer_pools_server_active_connections",
    "idle_servers": "pgbouncer_pools_server_idle_connections",
    "transactions": "pgbouncer_stats_totals_sql_transactions_pooled_total",
    "transaction_time": "pgbouncer_stats_totals_server_in_transaction_seconds_total",
    "wait_time": "pgbouncer_stats_totals_client_wait_seconds_total",
    "servers": "pgbouncer_databases_current_connections",
}
"""The exporter's metrics that are read here, by what they count.

https://github.com/prometheus-community/pgbouncer_exporter/blob/v0.12.1/collector.go, metricMaps
"""

_BEYOND_LOAD = Fraction(11, 10)
"""Assumption: a tenth more than declared is a load that was not declared, not fluctuation."""
_OF_CLIENTS = Fraction(8, 10)
"""Assumption: the share of max_client_conn at which somebody should look."""
_WAIT_FACTOR = 10
"""Assumption: the longest of all waits may be this many times the declared 99th percentile."""
_LEAST_WAIT_SECONDS = Fraction(1)
"""Assumption: nobody is woken for a shorter wait."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The pool as Prometheus knows it."""

    name: str
    namespace: str
    database: str

    @property
    def replica(self) -> str:
        """A selector of all series of the replicas, by the labels that every usual scrape of pods gives."""
        return f'namespace="{self.namespace}", pod=~"{self.name}-[0-9]+"'

    @property
    def pooled(self) -> str:
        """The same for the database alone, without PgBouncer's own."""
        return f'{self.replica}, database="{self.database}"'


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert."""

    name: str
    expression: str
    """In PromQL; it fires where this gives anything."""
    minutes: int
    """For how long it has to."""
    severity: str
    summary: str


def alerts(plan: DatabasePlan, watched: Watched) -> tuple[Alert, ...]:
    """The alerts of a plan's pool."""
    replica, pooled = watched.replica, watched.pooled
    erlangs = sum((pool.offered_erlangs for pool in plan.pools), Fraction(0))
    each = plan.server_connections_per_replica
    busy_share = plan.load.policy_value("steady_utilization")
    wait_ms = plan.load.policy_value("degraded_p99_wait_ms")
    wait = max(_LEAST_WAIT_SECONDS, wait_ms * _WAIT_FACTOR / 1000)
    clients = f"{METRICS['active_clients']}{{{pooled}}} + {METRICS['waiting_clients']}{{{pooled}}}"
    return (
        Alert(
            "PgBouncerReplicasMissing",
            f"(count({METRICS['up']}{{{replica}}} == 1) or vector(0)) < {plan.replicas}",
            10,
            "critical",
            f"{plan.name}: fewer replicas of PgBouncer answer than the {plan.replicas} that the plan has.",
        ),
        Alert(
            "PgBouncerClientsWaiting",
            f"max by (pod) ({METRICS['longest_wait']}{{{pooled}}}) > {_number(wait)}",
            2,
            "critical",
            f"{plan.name}: clients wait more than {show_number(wait)} s for a server connection; the plan keeps 99% of "
            f"them below {show_number(wait_ms)} ms, also while replicas restart.",
        ),
        Alert(
            "PgBouncerPoolBusy",
            f"sum by (pod) (avg_over_time({METRICS['busy_servers']}{{{pooled}}}[5m])) > {_number(each * busy_share)}",
            15,
            "warning",
            f"{plan.name}: more than {show_number(busy_share * 100)}% of a replica's {each:,} server connections are "
            "busy; waiting times grow steeply from here.",
        ),
        Alert(
            "PgBouncerClientConnectionsHigh",
            f"sum by (pod) ({clients}) > {_number(plan.max_client_conn * _OF_CLIENTS)}",
            5,
            "warning",
            f"{plan.name}: a replica has over 80% of its max_client_conn of {plan.max_client_conn:,} clients; more are "
            "refused, not queued.",
        ),
        Alert(
            "PgBouncerLoadBeyondDeclared",
            f"sum(rate({METRICS['transaction_time']}{{{pooled}}}[15m])) > {_number(erlangs * _BEYOND_LOAD)}",
            15,
            "warning",
            f"{plan.name}: more connections are busy than the declared {show_number(erlangs)} (transactions per second "
            "x their time). The declared load is no longer the real one.",
        ),
        Alert(
            "PgBouncerClientsBeyondDeclared",
            f"sum({clients}) > {plan.clients_to_hold}",
            15,
            "warning",
            f"{plan.name}: more clients are connected than the {plan.clients_to_hold:,} of a rollout of all that was "
            "declared.",
        ),
    )


def alert_rules(plan: DatabasePlan, watched: Watched) -> dict[str, Any]:
    """The alerts as the spec of a PrometheusRule.

    https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRuleSpec
    """
    rules = [
        {
            "alert": alert.name,
            "expr": alert.expression,
            "for": f"{alert.minutes}m",
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.summary},
        }
        for alert in alerts(plan, watched)
    ]
    return {"groups": [{"name": f"{watched.namespace}.{watched.name}", "rules": rules}]}


def dashboard(plan: DatabasePlan, watched: Watched) -> str:
    """A Grafana dashboard as its JSON, with the plan's numbers as lines.

    https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
    """
    pooled, replica = watched.pooled, watched.replica
    waited, run = (f"sum by (pod) (rate({METRICS[name]}{{{pooled}}}[5m]))" for name in ("wait_time", "transactions"))
    each, erlangs = plan.server_connections_per_replica, sum((p.offered_erlangs for p in plan.pools), Fraction(0))
    panels: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
        (
            f"Busy server connections by replica (of {each:,})",
            "short",
            (("{{pod}}", f"sum by (pod) ({METRICS['busy_servers']}{{{pooled}}})"), (f"limit {each:,}", str(each))),
        ),
        (
            "Busy server connections, all replicas",
            "short",
            (
                ("measured", f"sum(rate({METRICS['transaction_time']}{{{pooled}}}[5m]))"),
                (f"declared {show_number(erlangs)}", _number(erlangs)),
            ),
        ),
        (
            "Longest wait for a server connection",
            "s",
            (("{{pod}}", f"max by (pod) ({METRICS['longest_wait']}{{{pooled}}})"),),
        ),
        (
            "Mean wait for a server connection",
            "s",
            (("{{pod}}", f"{waited} / {run}"),),
        ),
        (
            f"Client connections by replica (of {plan.max_client_conn:,})",
            "short",
            (
                ("{{pod}} active", f"sum by (pod) ({METRICS['active_clients']}{{{pooled}}})"),
                ("{{pod}} waiting", f"sum by (pod) ({METRICS['waiting_clients']}{{{pooled}}})"),
            ),
        ),
        (
            "Transactions per second",
            "ops",
            (("{{pod}}", run),),
        ),
        (
            "Server connections open",
            "short",
            (
                ("{{pod}}", f"sum by (pod) ({METRICS['servers']}{{{pooled}}})"),
                ("{{pod}} idle", f"sum by (pod) ({METRICS['idle_servers']}{{{pooled}}})"),
            ),
        ),
        (f"Replicas that answer (of {plan.replicas})", "short", (("replicas", f"sum({METRICS['up']}{{{replica}}})"),)),
    )
    return json.dumps(
        {
            "title": f"PgBouncer {watched.name}",
            # Grafana takes at most 40 characters, and keeps one dashboard for each.
            "uid": f"pgbouncer-{config_revision(watched.replica)}",
            "tags": ["loadfit", "pgbouncer"],
            "schemaVersion": 39,
            "time": {"from": "now-6h", "to": "now"},
            "refresh": "1m",
            "panels": [
                {
                    "id": number + 1,
                    "type": "timeseries",
                    "title": title,
                    "gridPos": {"x": number % 2 * 12, "y": number // 2 * 8, "w": 12, "h": 8},
                    "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                    "targets": [
                        {"refId": chr(ord("A") + position), "legendFormat": legend, "expr": expression}
                        for position, (legend, expression) in enumerate(queries)
                    ],
                }
                for number, (title, unit, queries) in enumerate(panels)
            ],
        },
        sort_keys=True,
    )


def _number(value: Fraction | int) -> str:
    return f"{float(exact(value)):.6g}" if exact(value).denominator != 1 else str(value)
