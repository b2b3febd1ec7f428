"""The case study's database, and a component that pools it, for the tests of what is made from a plan."""

from copy import deepcopy
from typing import Any

from loadfit import PgBouncerPool
from loadfit.databases import DatabaseLoad, DatabasePlan, size_database
from loadfit.testing import Deployment, deploy

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
ENDPOINT = "orders.abc.us-east-1.rds.amazonaws.com:5432"

Args = dict[str, Any]


def group(client: str = "orders", **more: Any) -> Args:
    """Twenty pods with ten connections each, 20 of which are busy at the database."""
    return {
        "client": client,
        "pods": 20,
        "pool_size": 10,
        "max_overflow": 0,
        "transactions_per_second": 2000,
        "mean_transaction_ms": 10,
        **more,
    }


def load(*groups: Args, **more: Any) -> Args:
    """The case study with the sizes of the incident's repair given: 2 x 25 server connections."""
    given = {"replicas": 2, "server_connections": 50, "max_client_conn": 1000}
    return {"name": "orders", "max_connections": 200, **given, "clients": list(groups) or [group()], **more}


def planned(*groups: Args, **more: Any) -> DatabasePlan:
    return size_database(DatabaseLoad.model_validate(load(*groups, **more)))


def arguments(**given: Any) -> Any:
    """The component's arguments; whatever is not given is the case study's, and ``None`` takes it away."""
    args: Args = {
        "load": load(),
        "endpoint": ENDPOINT,
        "credentials": "orders-database",
        "server_ca_config_map": "rds-ca",
        "client_tls_secret": "orders-pool-tls",
        **given,
    }
    return {name: value for name, value in args.items() if value is not None}


def made(name: str = "orders", **given: Any) -> Deployment:
    """A deployment of the component alone."""
    return deploy(lambda: PgBouncerPool(name, arguments(**given)))


def pod(deployment: Deployment) -> Args:
    """The template of the replicas."""
    return deployment.resource("orders-replicas").inputs["spec"]["template"]


def container(deployment: Deployment, name: str) -> Args:
    return next(one for one in pod(deployment)["spec"]["containers"] if one["name"] == name)


def objects(deployment: Deployment) -> list[Args]:
    """Those of Kubernetes, as they are sent to the API server."""
    return [
        deepcopy(dict(one.inputs))
        for one in deployment.resources
        if one.type.startswith("kubernetes:") and not one.read
    ]


VARIANTS: dict[str, Args] = {
    "defaults": {},
    "everything": {
        "credentials": None,
        "passwords": {"orders": "hunter2"},
        "server_ca_config_map": None,
        "server_ca": "-----BEGIN CERTIFICATE-----",
        "namespace": "databases",
        "image": "registry.example.com:5000/team/pgbouncer:1.26.1@sha256:" + "0" * 64,
        "image_pull_secrets": ["registry"],
        "drain": {"mode": "clients", "endpoint_seconds": 5},
        "load": load(group(recycle_seconds=300), policy={"restart_pause_seconds": 400}),
        "client_pods": [{"namespace": "shop", "labels": {"app": "orders"}}, {"labels": {"app": "jobs"}}],
        "database_cidrs": ["10.0.0.0/16"],
        "monitoring": "operator",
        "monitoring_labels": {"release": "prometheus"},
        "labels": {"team": "orders"},
        "node_selector": {"kubernetes.io/arch": "arm64"},
    },
    "outside": {
        "load_balancer": {
            "client_cidrs": ["10.0.0.0/20"],
            "subnet_cidrs": ["10.0.128.0/20", "10.0.144.0/20"],
            "subnet_ids": ["subnet-0a1b", "subnet-2c3d"],
        },
    },
    "bare": {
        "server_tls": "disable",
        "server_ca_config_map": None,
        "client_tls": "disable",
        "client_tls_secret": None,
        "monitoring": "none",
        "network_policy": False,
    },
}
"""Between them, every kind of object that the component makes."""
