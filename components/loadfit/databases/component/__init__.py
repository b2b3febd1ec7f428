"""PgBouncerPool: PgBouncer on Kubernetes, with pools as large as the declared load needs."""

from collections.abc import Mapping
from typing import Any

import pulumi

from loadfit.component import accepted, camel_case, declared_inputs, gathered, planned, refused, warn
from loadfit.databases.clients import client_settings
from loadfit.databases.component.arguments import PgBouncerPoolArgs, PoolLoadBalancer
from loadfit.databases.component.children import Children
from loadfit.databases.config import POOL_PORT
from loadfit.databases.load import DatabaseLoad
from loadfit.databases.sizing import size_database
from loadfit.databases.summary import plan_summary
from loadfit.databases.wiring import PoolMonitoring, PoolWiring

__all__ = ["PgBouncerPool", "PgBouncerPoolArgs", "PoolLoadBalancer"]

_TOKEN = "loadfit:index:PgBouncerPool"


class PgBouncerPool(pulumi.ComponentResource):
    """PgBouncer in transaction mode between the declared clients and PostgreSQL, as many replicas as the plan says.

    A StatefulSet whose replicas know one another, a Service, a disruption budget, a NetworkPolicy, metrics, alerts with
    thresholds from the plan and a dashboard. A load that does not fit is refused before any resource exists. A changed
    configuration restarts the replicas one by one; a changed Secret restarts nothing.
    """

    host: pulumi.Output[str]
    """The host name that clients connect to, inside the cluster."""
    port: pulumi.Output[int]
    """The port that clients connect to."""
    url: pulumi.Output[str]
    """The URL that clients connect to, without a password; with the role where there is only one."""
    load_balancer_host: pulumi.Output[str | None]
    """The load balancer's host name, for clients outside of the cluster; none without a load balancer."""
    load_balancer_url: pulumi.Output[str | None]
    """The same as url, by way of the load balancer."""
    client_settings: pulumi.Output[Mapping[str, Any]]
    """Settings by client group and library (sqlalchemy, psycopg, asyncpg, django, node-postgres, jdbc)."""
    sizing: pulumi.Output[Mapping[str, Any]]
    """The plan's sizes."""

    def __init__(self, name: str, args: PgBouncerPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"PgBouncerPool '{name}'"
        args = accepted(label, PgBouncerPoolArgs, args)
        plan = planned(label, DatabaseLoad, args["load"], size_database)
        wiring = PoolWiring(name, args, plan)
        problems = wiring.problems()
        if problems:
            raise refused(label, problems)
        super().__init__(_TOKEN, name, _inputs(wiring), opts)
        self._plan = plan
        warn(self, plan)
        for sentence in wiring.warnings():
            pulumi.log.warn(sentence, resource=self)
        children = Children(self, wiring, label)

        config = children.config()
        needed: list[pulumi.Resource] = [config, *children.server_ca(), *children.credentials()]
        layout = children.layout(config)
        needed += [children.service(layout), children.peers(layout)]
        if args.get("network_policy", True):
            needed.append(children.network_policy(layout))
        children.disruption_budget(layout)
        children.replicas(layout, needed)
        if wiring.monitoring is not PoolMonitoring.NONE:
            children.dashboard(layout)
        if wiring.monitoring is PoolMonitoring.OPERATOR:
            children.service_monitor(layout)
            children.alerts(layout)

        self.load_balancer_host = gathered(None)
        if wiring.load_balancer is not None:
            self.load_balancer_host = children.load_balancer(layout, wiring.load_balancer)
        self.load_balancer_url = self.load_balancer_host.apply(lambda host: None if host is None else wiring.url(host))
        self.host = children.host
        self.port = gathered(POOL_PORT)
        self.url = children.url()
        self.client_settings = gathered(client_settings(plan, client_tls=wiring.client_tls, version=wiring.version))
        self.sizing = gathered(plan_summary(plan))
        self.register_outputs(
            {
                "host": self.host,
                "port": self.port,
                "url": self.url,
                "loadBalancerHost": self.load_balancer_host,
                "loadBalancerUrl": self.load_balancer_url,
                "clientSettings": self.client_settings,
                "sizing": self.sizing,
            }
        )

    @property
    def plan(self):
        """The plan that the component was built from: plain, and known at preview."""
        # Not annotated: an annotation would make the plan an output of the hosted component's schema.
        return self._plan


def _inputs(wiring: PoolWiring) -> dict[str, Any]:
    """The component's own inputs: in state, and in the preview's diff. No password is among them."""
    return {
        "load": declared_inputs(wiring.plan.load),
        "endpoint": wiring.args["endpoint"],
        "namespace": wiring.namespace,
        "databaseName": wiring.database,
        "credentials": wiring.args.get("credentials"),
        "roles": sorted(wiring.passwords) or None,
        "serverTls": wiring.server_tls.value,
        "clientTls": wiring.client_tls.value,
        "image": wiring.image,
        "drain": {
            "mode": wiring.drain.mode.value,
            "endpointSeconds": wiring.drain.endpoint_seconds,
            "gracePeriodSeconds": wiring.drain.grace_period_seconds,
        },
        "loadBalancer": None
        if wiring.load_balancer is None
        else {camel_case(name): value for name, value in wiring.load_balancer.items()},
        "settings": dict(wiring.settings),
        "monitoring": wiring.monitoring.value,
    }
