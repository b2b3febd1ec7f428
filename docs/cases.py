"""The worked cases of the documentation: the case study, varied, and what each comes to."""

from collections.abc import Mapping
from typing import Any

from loadfit.databases import DatabasePlan
from loadfit.egress import EgressPlan
from loadfit.functions import FunctionPlan
from loadfit.stack import StackPlan, parse_load, resolve, size

__all__ = ["DATABASE", "EGRESS", "FUNCTION", "database", "egress", "function"]

EGRESS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("200 pods x 300 connections, one gateway with one address", {"gateways": 1, "addresses_per_gateway": 1}),
    ("the same, addresses computed", {"gateways": 1}),
    ("one gateway in each of 3 zones", {}),
    ("the same, `max_skew: 1`", {"pods": {"max_skew": 1}}),
    ("the same, `policy.zone_skew: 1.5`", {"policy": {"zone_skew": 1.5}}),
    ("in 2 zones", {"zones": 2}),
    ("400 pods", {"pods": {"pods": 400}}),
    ("over 4 addresses of the destination", {"flow": {"connections_per_pod": 300, "addresses": 4}}),
    ("a rollout of 600 s declared, one gateway", {"gateways": 1, "pods": {"rollout_seconds": 600}}),
    (
        "10 new connections/s per pod, 200 ms each, closed at once",
        {
            "flow": {
                "new_connections_per_second_per_pod": 10,
                "connection_duration_ms": 200,
                "idle_timeout_seconds": 0,
            }
        },
    ),
    (
        "the same requests, 100 on each connection",
        {
            "flow": {
                "new_connections_per_second_per_pod": 0.1,
                "connection_duration_ms": 10_000,
                "idle_timeout_seconds": 0,
            }
        },
    ),
    (
        "1 new connection/s per pod, 200 ms each, never closed by the client",
        {
            "flow": {
                "new_connections_per_second_per_pod": 1,
                "connection_duration_ms": 200,
                "closed_by": "nat_timeout",
            }
        },
    ),
    (
        "the same, closed by the client after 30 s",
        {
            "flow": {
                "new_connections_per_second_per_pod": 1,
                "connection_duration_ms": 200,
                "idle_timeout_seconds": 30,
            }
        },
    ),
)
"""Cases of an egress."""

DATABASE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (
        "as it stood: 20 pods x (20 + 10), straight to PostgreSQL",
        {"pooled": False, "client": {"pool_size": 20, "max_overflow": 10}},
    ),
    ("the same with 20 pods x (5 + 0)", {"pooled": False, "client": {"pool_size": 5}}),
    ("through PgBouncer, 20 pods x (10 + 0), sizes computed", {}),
    (
        "the repair: `replicas: 2`, `server_connections: 50`, `max_client_conn: 1000`",
        {"replicas": 2, "server_connections": 50, "max_client_conn": 1000},
    ),
    ("`replicas: 3`", {"replicas": 3}),
    ("`replicas: 4`", {"replicas": 4}),
    ("`replicas: 5`", {"replicas": 5}),
    (
        "`replicas: 3`, clients recycle after 60 s, restarts pause for 90 s",
        {"replicas": 3, "client": {"recycle_seconds": 60}, "policy": {"restart_pause_seconds": 90}},
    ),
    ("10 connections of others", {"other_clients": {"reports": 10}}),
    ("`max_overflow: 10`, SQLAlchemy's default", {"client": {"max_overflow": 10}}),
    ("`transaction_cv2: 4`, times that vary widely", {"client": {"transaction_cv2": 4}}),
    ("`server_connections: 40`", {"replicas": 2, "server_connections": 40}),
    ("`server_connections: 42`, two too few (a warning)", {"replicas": 2, "server_connections": 42}),
    ("`role_limit: 40`", {"role_limit": 40}),
    ("80 pods, `max_client_conn: 1000`", {"pods": {"pods": 80}, "max_client_conn": 1000}),
    ("100 pods, `max_client_conn: 1000`", {"pods": {"pods": 100}, "max_client_conn": 1000}),
    ("100 pods", {"pods": {"pods": 100}}),
    ("100 pods, `terminating_overlap: 1`", {"pods": {"pods": 100}, "client": {"terminating_overlap": 1}}),
)
"""Cases of a database; sizes that are not given are computed."""


DAY: Mapping[str, Any] = {"peak_requests_per_second": 26, "mean_duration_ms": 50, "p99_duration_ms": 100}

FUNCTION: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("as it stood: no warm instance, 3,500 ms to start", {"provisioned_concurrency": 0, "init_ms": 3500}),
    ("the repair", {}),
    ("the same, `provisioned_concurrency: 4`", {"provisioned_concurrency": 4}),
    ("`max_cold_share: 0.001` in the place of the target", {"target_p99_ms": None, "max_cold_share": 0.001}),
    ("`target_p99_ms: 1000`, above the cold start", {"target_p99_ms": 1000}),
    ("`target_p99_ms: 90`, below the warm p99", {"target_p99_ms": 90}),
    ("100 requests/s of 20 ms", {"day": {"peak_requests_per_second": 100, "mean_duration_ms": 20}}),
    ("26 requests/s of 500 ms", {"target_p99_ms": 1200, "day": {"mean_duration_ms": 500, "p99_duration_ms": 1000}}),
    ("`burst_size: 4`", {"day": {"burst_size": 4}}),
    ("on weekdays only, 08:00 to 18:00", {"day": {"schedule": "mon-fri 08:00-18:00"}}),
    ("5 requests/s on average", {"day": {"mean_requests_per_second": 5}}),
    ("`memory_mb: 1769`, arm64", {"memory_mb": 1769, "architecture": "arm64"}),
    ("`reserved_concurrency: 8`", {"reserved_concurrency": 8}),
)
"""Cases of a function; the number of warm instances is computed where it is not given."""


def egress(changes: Mapping[str, Any]) -> EgressPlan:
    """The plan of one case of an egress: 200 pods with 300 connections each to one destination, in three zones."""
    settings = {name: value for name, value in changes.items() if name not in ("zones", "pods", "flow")}
    flow = {"from": "checkout", "to": "api.stripe.com:443", **changes.get("flow", {"connections_per_pod": 300})}
    plan = _plan("checkout", 200, changes, {"egress": {**settings, "flows": [flow]}}).egress
    assert plan is not None
    return plan


def database(changes: Mapping[str, Any]) -> DatabasePlan:
    """The plan of one case of a database: 20 pods with pools of 10, 2,000 transactions/s of 10 ms, 200 connections."""
    settings = {name: value for name, value in changes.items() if name not in ("pods", "client")}
    client = {
        "from": "orders",
        "pool_size": 10,
        "max_overflow": 0,
        "transactions_per_second": 2000,
        "mean_transaction_ms": 10,
        **changes.get("client", {}),
    }
    section = {"max_connections": 200, **settings, "clients": [client]}
    return _plan("orders", 20, changes, {"databases": {"orders": section}}).databases["orders"]


def function(changes: Mapping[str, Any]) -> FunctionPlan:
    """The plan of one case of a function: 26 requests/s of 50 ms, a cold start of 800 ms, a p99 target of 200 ms."""
    settings = {
        "init_ms": 800,
        "target_p99_ms": 200,
        **{name: value for name, value in changes.items() if name != "day"},
    }
    section = {**settings, "windows": {"day": {**DAY, **changes.get("day", {})}}}
    document = {"region": "us-east-1", "zones": 3, "functions": {"storefront": section}}
    return size(resolve(parse_load(document))).functions["storefront"]


def _plan(client: str, pods: int, changes: Mapping[str, Any], sections: Mapping[str, Any]) -> StackPlan:
    document = {
        "region": "us-east-1",
        "zones": changes.get("zones", 3),
        "workloads": {client: {"pods": pods, **changes.get("pods", {})}},
        **sections,
    }
    return size(resolve(parse_load(document)))
