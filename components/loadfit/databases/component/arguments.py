"""What PgBouncerPool is given: the load, what it is connected to, and the choices."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from loadfit.databases.config import ClientTls, ServerTls
from loadfit.databases.drain import PoolDrain
from loadfit.databases.features import SessionFeature
from loadfit.databases.load import DatabaseLoad
from loadfit.databases.wiring import ClientPods, PoolMonitoring

__all__ = ["PgBouncerPoolArgs", "PoolLoadBalancer"]


class PoolLoadBalancer(TypedDict):
    """Who comes from outside of the cluster, and where the load balancer stands."""

    client_cidrs: Sequence[pulumi.Input[str]]
    """IPv4 blocks that clients connect from, such as those of a function's subnets: the load balancer's own security
    group admits them, and nothing else."""
    subnet_cidrs: NotRequired[Sequence[pulumi.Input[str]]]
    """IPv4 blocks of the subnets that the load balancer stands in; client_cidrs where not given. The NetworkPolicy
    admits them: replicas see the load balancer's address, not the client's, and its health checks come from there."""
    subnet_ids: NotRequired[Sequence[pulumi.Input[str]]]
    """The subnets that it stands in, one in each zone; those with the tag kubernetes.io/role/internal-elb where not
    given. Append-only: a load balancer leaves no zone again."""


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
    load_balancer: NotRequired[PoolLoadBalancer]
    """A Network Load Balancer inside the network, for clients outside of the cluster, such as Lambda functions; none
    where not given. The AWS Load Balancer Controller has to run in the cluster."""
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
