"""Alerts and dashboard: metrics that exist, thresholds from the plan."""

import json
import re
from typing import Any

import pytest

from loadfit.databases.alerts import METRICS, Watched, alert_rules, alerts, dashboard
from tests.databases.pools import group, made, planned

WATCHED = Watched("orders", "databases", "orders")

EXPORTED = {
    "pgbouncer_up": set[str](),
    "pgbouncer_version_info": {"version"},
    **{
        f"pgbouncer_databases_{name}": {"name", "host", "port", "database", "force_user", "pool_mode"}
        for name in ("pool_size", "reserve_pool", "max_connections", "current_connections", "paused", "disabled")
    },
    **{
        f"pgbouncer_stats_totals_{name}": {"database"}
        for name in (
            "queries_pooled_total",
            "queries_duration_seconds_total",
            "received_bytes_total",
            "queries_total",
            "sent_bytes_total",
            "client_wait_seconds_total",
            "sql_transactions_pooled_total",
            "server_in_transaction_seconds_total",
            "client_parses_total",
            "server_parses_total",
            "binds_total",
        )
    },
    **{
        f"pgbouncer_pools_{name}": {"database", "user"}
        for name in (
            "client_active_connections",
            "client_active_cancel_connections",
            "client_waiting_connections",
            "client_waiting_cancel_connections",
            "server_active_connections",
            "server_active_cancel_connections",
            "server_being_canceled_connections",
            "server_idle_connections",
            "server_used_connections",
            "server_testing_connections",
            "server_login_connections",
            "client_maxwait_seconds",
        )
    },
}
"""Every metric of the exporter with its labels, from metricMaps in collector.go of pgbouncer_exporter 0.12.1:
pgbouncer, the name of the SHOW command and that of the metric, joined by underscores."""
TARGET = {"namespace", "pod"}
"""What the Prometheus operator adds: https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.Endpoint"""


def expressions() -> list[str]:
    board = json.loads(dashboard(planned(), WATCHED))
    drawn = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*(alert.expression for alert in alerts(planned(), WATCHED)), *drawn]


class TestMetrics:
    @pytest.mark.parametrize("metric", METRICS.values())
    def test_the_exporter_has_it(self, metric: str) -> None:
        assert metric in EXPORTED

    @pytest.mark.parametrize("expression", expressions())
    def test_expressions_select_what_exists_by_labels_that_it_has(self, expression: str) -> None:
        named = re.findall(r"(pgbouncer_\w+)\{([^}]*)\}", expression)
        assert len(named) == expression.count("pgbouncer_")
        for metric, selector in named:
            labels = set(re.findall(r'(\w+)=~?"', selector))
            assert labels <= EXPORTED[metric] | TARGET
            assert {"namespace", "pod"} <= labels

    @pytest.mark.parametrize("expression", expressions())
    def test_expressions_are_whole(self, expression: str) -> None:
        assert expression.count("(") == expression.count(")")
        assert expression.count("{") == expression.count("}") == len(re.findall("pgbouncer_", expression))
        # A counter is read through rate(), a gauge is not.
        for metric in re.findall(r"(pgbouncer_\w+)", expression):
            rated = re.search(rf"rate\({metric}\{{[^}}]*\}}\[\d+m\]\)", expression)
            assert bool(rated) == metric.endswith("_total")


class TestThresholds:
    def fires(self, name: str, **more: Any) -> str:
        return next(alert.expression for alert in alerts(planned(**more), WATCHED) if alert.name == name)

    @pytest.mark.parametrize(
        ("name", "ending"),
        [
            ("PgBouncerReplicasMissing", "< 2"),
            ("PgBouncerClientsWaiting", "> 1"),  # ten times the declared 100 ms
            ("PgBouncerPoolBusy", "> 21.25"),  # 85% of 25
            ("PgBouncerClientConnectionsHigh", "> 800"),  # 80% of 1,000
            ("PgBouncerLoadBeyondDeclared", "> 22"),  # a tenth above 20
            ("PgBouncerClientsBeyondDeclared", "> 250"),  # 20 pods, 5 more in a rollout
        ],
    )
    def test_they_are_the_plans(self, name: str, ending: str) -> None:
        assert self.fires(name).endswith(ending)

    def test_they_follow_the_policy(self) -> None:
        policy = {"degraded_p99_wait_ms": 500, "steady_utilization": 0.8}
        assert self.fires("PgBouncerClientsWaiting", policy=policy).endswith("> 5")
        assert self.fires("PgBouncerPoolBusy", policy=policy).endswith("> 20")

    def test_every_alert_is_a_rule_that_says_what_it_means(self) -> None:
        (rules,) = alert_rules(planned(), WATCHED)["groups"]
        assert [rule["alert"] for rule in rules["rules"]] == [alert.name for alert in alerts(planned(), WATCHED)]
        for rule in rules["rules"]:
            assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
            assert rule["annotations"]["summary"].startswith("orders: ")
            assert rule["labels"]["severity"] in {"critical", "warning"}


class TestDashboard:
    def test_its_panels_lie_side_by_side_with_ids_of_their_own(self) -> None:
        panels = json.loads(dashboard(planned(), WATCHED))["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels) == 8
        assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)

    def test_pools_of_one_name_in_two_namespaces_have_their_own(self) -> None:
        other = Watched("orders", "staging", "orders")
        first, second = (json.loads(dashboard(planned(), one))["uid"] for one in (WATCHED, other))
        assert first != second
        assert max(len(first), len(second)) <= 40


class TestObjects:
    @pytest.mark.parametrize(
        ("monitoring", "made_of"),
        [
            ("none", set[str]()),
            ("exporter", {"orders-dashboard"}),
            ("operator", {"orders-dashboard", "orders-service-monitor", "orders-alerts"}),
        ],
    )
    def test_only_what_was_chosen_is_made(self, monitoring: str, made_of: set[str]) -> None:
        deployment = made(monitoring=monitoring)
        names = {resource.name for resource in deployment.resources}
        assert names & {"orders-dashboard", "orders-service-monitor", "orders-alerts"} == made_of

    def test_prometheus_and_grafana_find_them_by_the_given_labels(self) -> None:
        deployment = made(monitoring="operator", monitoring_labels={"release": "prometheus"}, namespace="databases")
        for name in ("orders-dashboard", "orders-service-monitor", "orders-alerts"):
            assert deployment.resource(name).inputs["metadata"]["labels"]["release"] == "prometheus"
        assert deployment.resource("orders-dashboard").inputs["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(deployment.resource("orders-dashboard").inputs["data"]["orders.json"])["panels"]
        assert deployment.resource("orders-alerts").inputs["spec"] == alert_rules(planned(), WATCHED)

    def test_several_roles_are_watched_together(self) -> None:
        plan = planned(group(), group("reports", user="reporting", transactions_per_second=100))
        busy = next(alert for alert in alerts(plan, WATCHED) if alert.name == "PgBouncerLoadBeyondDeclared")
        assert busy.expression.endswith("> 23.1")  # 1.1 x (20 + 1)
