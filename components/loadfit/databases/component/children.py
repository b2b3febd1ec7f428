"""The children of PgBouncerPool, each with the options that its life cycle needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from loadfit.component import gathered, refused_late
from loadfit.core.problems import InvalidLoad
from loadfit.databases.alerts import Watched, alert_rules, dashboard
from loadfit.databases.config import SERVER_CA_FILE, checksum, config_revision, peer_hosts, render_config
from loadfit.databases.load_balancer import admitted_cidrs, load_balancer_annotations, load_balancer_service
from loadfit.databases.manifests import (
    PoolLayout,
    disruption_budget,
    metadata,
    network_policy,
    peers_service,
    service,
    service_monitor,
    stateful_set,
)
from loadfit.databases.wiring import RDS_CA_FILE, Endpoint, PoolMonitoring, PoolWiring, parse_endpoint, userlist

__all__ = ["Children"]


class Children:
    """Makes the children, each with the options that its life cycle needs.

    Objects have names of their own, not generated ones. A name that stays means that the provider deletes an object
    before it makes its successor, so what has to be there at all times carries its content's checksum in its name.
    """

    def __init__(self, component: pulumi.ComponentResource, wiring: PoolWiring, label: str) -> None:
        self.component = component
        self.wiring = wiring
        self.label = label
        self.namespace: pulumi.Output[str] = gathered(wiring.namespace)
        self.endpoint: pulumi.Output[Endpoint] = gathered(wiring.args["endpoint"]).apply(self._known_endpoint)
        self.text = pulumi.Output.all(self.endpoint, self.namespace).apply(lambda known: self._rendered(*known))

    def _known_endpoint(self, text: str) -> Endpoint:
        try:
            return parse_endpoint(text)
        except InvalidLoad as error:
            raise refused_late(self.label, error.problems) from None

    def _rendered(self, endpoint: Endpoint, namespace: str) -> str:
        wiring = self.wiring
        peers = peer_hosts(wiring.name, namespace, wiring.plan.replicas)
        return render_config(wiring.plan, wiring.choices(endpoint, peers))

    @property
    def host(self) -> pulumi.Output[str]:
        """The Service's name inside the cluster."""
        return self.namespace.apply(lambda namespace: f"{self.wiring.name}.{namespace}.svc.cluster.local")

    def url(self) -> pulumi.Output[str]:
        """What clients inside the cluster connect to."""
        return self.host.apply(self.wiring.url)

    def name(self, suffix: str) -> str:
        """A child's name; its suffix never changes, or the child would be made anew."""
        return f"{self.wiring.name}-{suffix}"

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """A child's options, with its parent."""
        return pulumi.ResourceOptions(parent=self.component, **more)

    def metadata(self, name: pulumi.Input[str], **labels: pulumi.Input[str]) -> Any:
        """Before there is a layout."""
        return metadata(self._layout("", ""), name, **labels)

    def config(self) -> kubernetes.core.v1.ConfigMap:
        """pgbouncer.ini."""
        # Named after its content: replicas that have not restarted yet keep theirs, and so does a restart that is
        # interrupted.
        return kubernetes.core.v1.ConfigMap(
            self.name("config"),
            metadata=self.metadata(self.text.apply(lambda text: self.name(f"config-{config_revision(text)}"))),
            data={"pgbouncer.ini": self.text},
            immutable=True,
            opts=self.options(),
        )

    def server_ca(self) -> list[pulumi.Resource]:
        """The authority of the database's certificate, where it is given as text."""
        text = self.wiring.args.get("server_ca")
        if text is None:
            return []
        return [
            kubernetes.core.v1.ConfigMap(
                self.name("server-ca"),
                metadata=self.metadata(self._server_ca_name(text)),
                data={SERVER_CA_FILE: text},
                immutable=True,
                opts=self.options(),
            )
        ]

    def _server_ca_name(self, text: pulumi.Input[str]) -> pulumi.Output[str]:
        known = pulumi.Output.from_input(text)
        return known.apply(lambda certificates: self.name(f"server-ca-{config_revision(certificates)}"))

    def credentials(self) -> list[pulumi.Resource]:
        """The Secret, where passwords are given."""
        passwords = self.wiring.passwords
        if not passwords:
            return []
        # The name stays, so that a new password changes nothing of the pods: they keep the files of the old Secret
        # until the new one is there, and reload.
        known: pulumi.Output[Any] = pulumi.Output.secret(gathered(dict(passwords)))
        return [
            kubernetes.core.v1.Secret(
                self.name("credentials"),
                metadata=self.metadata(self.name("credentials")),
                type="Opaque",
                string_data={"userlist.txt": known.apply(self._userlist)},
                opts=self.options(),
            )
        ]

    def _userlist(self, passwords: Mapping[str, str]) -> str:
        try:
            return userlist(passwords)
        except InvalidLoad as error:
            raise refused_late(self.label, error.problems) from None

    def layout(self, config: kubernetes.core.v1.ConfigMap) -> PoolLayout:
        """What all further objects are made from."""
        return self._layout(config.metadata.name, self.text.apply(checksum))

    def _layout(self, config: Any, config_checksum: Any) -> PoolLayout:
        wiring, args = self.wiring, self.wiring.args
        server_ca = args.get("server_ca")
        return PoolLayout(
            name=wiring.name,
            namespace=self.namespace,
            plan=wiring.plan,
            drain=wiring.drain,
            database=wiring.database,
            image=wiring.image,
            config=config,
            config_checksum=config_checksum,
            credentials=args.get("credentials") or self.name("credentials"),
            server_port=self.endpoint.apply(lambda endpoint: endpoint.port),
            server_ca=args.get("server_ca_config_map") if server_ca is None else self._server_ca_name(server_ca),
            server_ca_key=args.get("server_ca_key", RDS_CA_FILE) if server_ca is None else SERVER_CA_FILE,
            client_tls_secret=args.get("client_tls_secret"),
            exporter_image=None if wiring.monitoring is PoolMonitoring.NONE else wiring.exporter_image,
            image_pull_secrets=args.get("image_pull_secrets") or (),
            labels=args.get("labels") or {},
            node_selector=args.get("node_selector") or {},
            client_pods=wiring.client_pods,
            admitted_cidrs=None if wiring.load_balancer is None else admitted_cidrs(wiring.load_balancer),
            database_cidrs=args.get("database_cidrs") or (),
        )

    def service(self, layout: PoolLayout) -> kubernetes.core.v1.Service:
        """Where clients inside the cluster connect."""
        spec: Any = service(layout)
        return kubernetes.core.v1.Service(
            self.name("service"),
            metadata=self._named(layout, layout.name),
            spec=spec,
            opts=self.options(),
        )

    def peers(self, layout: PoolLayout) -> kubernetes.core.v1.Service:
        """The replicas by their names."""
        spec: Any = peers_service(layout)
        labels = {"loadfit/role": "peers"}
        return kubernetes.core.v1.Service(
            self.name("peers"),
            metadata=self._named(layout, self.name("peers"), **labels),
            spec=spec,
            opts=self.options(),
        )

    def load_balancer(self, layout: PoolLayout, declared: Mapping[str, Any]) -> pulumi.Output[str | None]:
        """The way in for clients outside of the cluster; gives the host name that they connect to."""
        subnets = declared.get("subnet_ids")
        joined = gathered(subnets).apply(",".join) if subnets else None
        named: Any = {
            **self._named(layout, self.name("external")),
            "annotations": load_balancer_annotations(layout.drain, joined),
        }
        spec: Any = load_balancer_service(declared, layout.selector)
        made = kubernetes.core.v1.Service(
            self.name("load-balancer"),
            metadata=named,
            spec=spec,
            # It waits for the controller, and on its way out for the load balancer to be gone.
            opts=self.options(custom_timeouts=pulumi.CustomTimeouts(create="15m", delete="15m")),
        )
        status: pulumi.Output[Any] = made.status
        return status.apply(_host)

    def network_policy(self, layout: PoolLayout) -> kubernetes.networking.v1.NetworkPolicy:
        """Who may connect, and to what."""
        spec: Any = network_policy(layout)
        return kubernetes.networking.v1.NetworkPolicy(
            self.name("network-policy"), metadata=self._named(layout, layout.name), spec=spec, opts=self.options()
        )

    def disruption_budget(self, layout: PoolLayout) -> None:
        """One replica at a time."""
        spec: Any = disruption_budget(layout)
        kubernetes.policy.v1.PodDisruptionBudget(
            self.name("disruption-budget"), metadata=self._named(layout, layout.name), spec=spec, opts=self.options()
        )

    def replicas(self, layout: PoolLayout, needed: Sequence[pulumi.Resource]) -> None:
        """PgBouncer, once what it mounts is there."""
        spec: Any = stateful_set(layout)
        # One after the other each may use its whole grace period, and then has to start.
        minutes = 5 + layout.plan.replicas * (layout.drain.grace_period_seconds + spec["minReadySeconds"] + 60) // 60
        kubernetes.apps.v1.StatefulSet(
            self.name("replicas"),
            metadata=self._named(layout, layout.name),
            spec=spec,
            opts=self.options(
                depends_on=list(needed),
                custom_timeouts=pulumi.CustomTimeouts(create="10m", update=f"{minutes}m", delete=f"{minutes}m"),
            ),
        )

    def dashboard(self, layout: PoolLayout) -> None:
        """The plan's numbers beside what is measured."""
        # The label that the Grafana chart's sidecar looks for.
        labels = {"grafana_dashboard": "1", **self.wiring.monitoring_labels}
        kubernetes.core.v1.ConfigMap(
            self.name("dashboard"),
            metadata=self._named(layout, self.name("dashboard"), **labels),
            data={f"{layout.name}.json": self._watched(lambda watched: dashboard(layout.plan, watched))},
            opts=self.options(),
        )

    def service_monitor(self, layout: PoolLayout) -> None:
        """What Prometheus scrapes."""
        self._operator_object("service-monitor", "ServiceMonitor", layout, service_monitor(layout))

    def alerts(self, layout: PoolLayout) -> None:
        """The alerts, with thresholds from the plan."""
        self._operator_object(
            "alerts", "PrometheusRule", layout, self._watched(lambda watched: alert_rules(layout.plan, watched))
        )

    def _operator_object(self, suffix: str, kind: str, layout: PoolLayout, spec: Any) -> None:
        kubernetes.apiextensions.CustomResource(
            self.name(suffix),
            api_version="monitoring.coreos.com/v1",
            kind=kind,
            metadata=self._named(layout, layout.name, **self.wiring.monitoring_labels),
            spec=spec,
            opts=self.options(),
        )

    def _watched(self, make: Callable[[Watched], Any]) -> pulumi.Output[Any]:
        wiring = self.wiring
        return self.namespace.apply(lambda namespace: make(Watched(wiring.name, namespace, wiring.database)))

    def _named(self, layout: PoolLayout, name: str, **labels: pulumi.Input[str]) -> Any:
        return metadata(layout, name, **labels)


def _host(status: Any) -> str | None:
    """A load balancer's host name; ``None`` only where nothing answers for the cloud, as in a test."""
    balancer = getattr(status, "load_balancer", None)
    first = next(iter(getattr(balancer, "ingress", None) or ()), None)
    return getattr(first, "hostname", None)
