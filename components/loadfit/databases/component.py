"""PgBouncerPool: PgBouncer on Kubernetes, with pools as large as the declared load needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from loadfit.component import accepted, declared_inputs, gathered, planned, refused, warn
from loadfit.core.problems import InvalidLoad
from loadfit.databases.alerts import Watched, alert_rules, dashboard
from loadfit.databases.clients import client_settings
from loadfit.databases.config import (
    POOL_PORT,
    SERVER_CA_FILE,
    ClientTls,
    ServerTls,
    checksum,
    config_revision,
    peer_hosts,
    render_config,
)
from loadfit.databases.drain import PoolDrain
from loadfit.databases.features import SessionFeature
from loadfit.databases.load import DatabaseLoad
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
from loadfit.databases.sizing import size_database
from loadfit.databases.summary import plan_summary
from loadfit.databases.wiring import (
    RDS_CA_FILE,
    ClientPods,
    Endpoint,
    PoolMonitoring,
    PoolWiring,
    parse_endpoint,
    userlist,
)

__all__ = ["PgBouncerPool", "PgBouncerPoolArgs"]

_TOKEN = "loadfit:index:PgBouncerPool"


class PgBouncerPoolArgs(TypedDict):
    """What PgBouncerPool needs and what it lets be chosen."""

    load: DatabaseLoad
    """The database's clients and limits. Plain values: sizes are computed from it at preview."""
    endpoint: pulumi.Input[str]
    """Where PostgreSQL listens, as host:port or host, such as an RDS instance's endpoint."""
    credentials: NotRequired[pulumi.Input[str]]
    """The name of an existing Secret with either userlist.txt, in PgBouncer's form, or username and password. Passwords
    in plain text: RDS gives no other way. Its changes are picked up without a restart."""
    passwords: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Instead of credentials: passwords by role, which go into a Secret. Always treated as secrets."""
    server_ca: NotRequired[pulumi.Input[str]]
    """The certificates, as PEM, of the authority that signed the database's certificate: for RDS its global bundle."""
    server_ca_config_map: NotRequired[pulumi.Input[str]]
    """Instead of server_ca: the name of an existing ConfigMap that holds them."""
    server_ca_key: NotRequired[str]
    """The key in that ConfigMap; global-bundle.pem, the name of the RDS bundle, where not given."""
    server_tls: NotRequired[ServerTls]
    """How connections to the database are secured; verify-full where not given."""
    client_tls_secret: NotRequired[pulumi.Input[str]]
    """The name of an existing Secret of type kubernetes.io/tls, as cert-manager makes them, with the pool's own
    certificate."""
    client_tls: NotRequired[ClientTls]
    """How connections of clients are secured; require where not given."""
    namespace: NotRequired[pulumi.Input[str]]
    """The namespace of all objects; default where not given."""
    database_name: NotRequired[str]
    """The database's name in PostgreSQL and for clients; the load's name where not given."""
    image: NotRequired[str]
    """PgBouncer's image with psql and pg_isready, pinned by version or digest; CloudNativePG's where not given."""
    pgbouncer_version: NotRequired[str]
    """The PgBouncer in the image, where the tag does not tell; 1.25.2, the oldest that is deployed, where not given."""
    exporter_image: NotRequired[str]
    """The metrics exporter's image; that of prometheus-community where not given."""
    image_pull_secrets: NotRequired[Sequence[pulumi.Input[str]]]
    """Names of existing Secrets for private registries."""
    drain: NotRequired[PoolDrain]
    """How a replica stops; when its transactions are done where not given."""
    settings: NotRequired[Mapping[str, str]]
    """Settings of PgBouncer by name, over the defaults; those that the load or the wiring decides are refused."""
    session_features: NotRequired[Sequence[SessionFeature]]
    """What the applications do with a session beyond a transaction: refused here, rather than failing at random."""
    network_policy: NotRequired[bool]
    """Whether to make the NetworkPolicy; true where not given."""
    client_pods: NotRequired[Sequence[ClientPods]]
    """Pods that may connect; all of the pool's namespace where not given."""
    database_cidrs: NotRequired[Sequence[pulumi.Input[str]]]
    """Blocks of addresses that the database is in; any address on its port where not given."""
    monitoring: NotRequired[PoolMonitoring]
    """What is made to watch the pool; the exporter and the dashboard where not given."""
    monitoring_labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of ServiceMonitor, alerts and dashboard, by which Prometheus and Grafana select them."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of every object."""
    node_selector: NotRequired[Mapping[str, str]]
    """Labels of the nodes that the replicas run on."""


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
        build = _Build(self, wiring, label)

        config = build.config()
        needed: list[pulumi.Resource] = [config, *build.server_ca(), *build.credentials()]
        layout = build.layout(config)
        needed += [build.service(layout), build.peers(layout)]
        if args.get("network_policy", True):
            needed.append(build.network_policy(layout))
        build.disruption_budget(layout)
        build.replicas(layout, needed)
        if wiring.monitoring is not PoolMonitoring.NONE:
            build.dashboard(layout)
        if wiring.monitoring is PoolMonitoring.OPERATOR:
            build.service_monitor(layout)
            build.alerts(layout)

        self.host = build.host
        self.port = gathered(POOL_PORT)
        self.url = build.url()
        self.client_settings = gathered(client_settings(plan, client_tls=wiring.client_tls, version=wiring.version))
        self.sizing = gathered(plan_summary(plan))
        self.register_outputs(
            {
                "host": self.host,
                "port": self.port,
                "url": self.url,
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
        "settings": dict(wiring.settings),
        "monitoring": wiring.monitoring.value,
    }


class _Build:
    """Makes the children, each with the options that its life cycle needs.

    Objects have names of their own, not generated ones. A name that stays means that the provider deletes an object
    before it makes its successor, so what has to be there at all times carries its content's checksum in its name.
    """

    def __init__(self, component: PgBouncerPool, wiring: PoolWiring, label: str) -> None:
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
            raise refused(self.label, error.problems) from None

    def _rendered(self, endpoint: Endpoint, namespace: str) -> str:
        wiring = self.wiring
        peers = peer_hosts(wiring.name, namespace, wiring.plan.replicas)
        return render_config(wiring.plan, wiring.choices(endpoint, peers))

    @property
    def host(self) -> pulumi.Output[str]:
        return self.namespace.apply(lambda namespace: f"{self.wiring.name}.{namespace}.svc.cluster.local")

    def url(self) -> pulumi.Output[str]:
        return self.host.apply(self.wiring.url)

    def name(self, suffix: str) -> str:
        return f"{self.wiring.name}-{suffix}"

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self.component, **more)

    def metadata(self, name: pulumi.Input[str], **labels: pulumi.Input[str]) -> Any:
        """Before there is a layout."""
        return metadata(self._layout("", ""), name, **labels)

    def config(self) -> kubernetes.core.v1.ConfigMap:
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
            raise refused(self.label, error.problems) from None

    def layout(self, config: kubernetes.core.v1.ConfigMap) -> PoolLayout:
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
            database_cidrs=args.get("database_cidrs") or (),
        )

    def service(self, layout: PoolLayout) -> kubernetes.core.v1.Service:
        spec: Any = service(layout)
        return kubernetes.core.v1.Service(
            self.name("service"),
            metadata=self._named(layout, layout.name),
            spec=spec,
            opts=self.options(),
        )

    def peers(self, layout: PoolLayout) -> kubernetes.core.v1.Service:
        spec: Any = peers_service(layout)
        labels = {"loadfit/role": "peers"}
        return kubernetes.core.v1.Service(
            self.name("peers"),
            metadata=self._named(layout, self.name("peers"), **labels),
            spec=spec,
            opts=self.options(),
        )

    def network_policy(self, layout: PoolLayout) -> kubernetes.networking.v1.NetworkPolicy:
        spec: Any = network_policy(layout)
        return kubernetes.networking.v1.NetworkPolicy(
            self.name("network-policy"), metadata=self._named(layout, layout.name), spec=spec, opts=self.options()
        )

    def disruption_budget(self, layout: PoolLayout) -> None:
        spec: Any = disruption_budget(layout)
        kubernetes.policy.v1.PodDisruptionBudget(
            self.name("disruption-budget"), metadata=self._named(layout, layout.name), spec=spec, opts=self.options()
        )

    def replicas(self, layout: PoolLayout, needed: Sequence[pulumi.Resource]) -> None:
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
        # The label that the Grafana chart's sidecar looks for.
        labels = {"grafana_dashboard": "1", **self.wiring.monitoring_labels}
        kubernetes.core.v1.ConfigMap(
            self.name("dashboard"),
            metadata=self._named(layout, self.name("dashboard"), **labels),
            data={f"{layout.name}.json": self._watched(lambda watched: dashboard(layout.plan, watched))},
            opts=self.options(),
        )

    def service_monitor(self, layout: PoolLayout) -> None:
        self._operator_object("service-monitor", "ServiceMonitor", layout, service_monitor(layout))

    def alerts(self, layout: PoolLayout) -> None:
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
