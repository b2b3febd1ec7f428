"""The Kubernetes objects of a pool, as data in the API's own words.

What is known only after deployment (names of Secrets, the endpoint) may stand in them as Pulumi's outputs; nothing here
looks at it. https://kubernetes.io/docs/reference/kubernetes-api/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadfit.core.exact import ceiling
from loadfit.databases.config import (
    CLIENT_TLS_FOLDER,
    CONFIG_FOLDER,
    CREDENTIALS_FOLDER,
    METRICS_PORT,
    POOL_PORT,
    RUN_FOLDER,
    SERVER_CA_FILE,
    SERVER_CA_FOLDER,
)
from loadfit.databases.drain import DrainMode, DrainPlan
from loadfit.databases.load_balancer import REGISTRATION_SECONDS
from loadfit.databases.plan import DatabasePlan
from loadfit.databases.wiring import ClientPods

__all__ = [
    "CHECKSUM",
    "PoolLayout",
    "disruption_budget",
    "metadata",
    "network_policy",
    "peers_service",
    "service",
    "service_monitor",
    "stateful_set",
]

CHECKSUM = "loadfit/config-checksum"
"""The annotation of the pods that changes with the configuration, and so replaces them one by one."""

_USER, _GROUP = 998, 996
"""Those of the default image. Any image runs under them: all that is written is in memory."""
_READABLE = 0o440
"""For owner and group alone; a private key must not be readable by others."""

_Spec = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PoolLayout:
    """What a pool's objects are made from. ``Any`` may be an output."""

    name: str
    namespace: Any
    plan: DatabasePlan
    drain: DrainPlan
    database: str
    image: str
    config: Any
    """The ConfigMap with pgbouncer.ini."""
    config_checksum: Any
    credentials: Any
    """The Secret with userlist.txt, or with username and password."""
    server_port: Any
    server_ca: Any = None
    """The ConfigMap with the authority of the database's certificate; ``None``: no TLS to the database."""
    server_ca_key: str = SERVER_CA_FILE
    client_tls_secret: Any = None
    """The Secret with tls.crt and tls.key; ``None``: no TLS for clients."""
    exporter_image: str | None = None
    image_pull_secrets: Sequence[Any] = ()
    labels: Mapping[str, Any] = field(default_factory=dict[str, Any])
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    client_pods: Sequence[ClientPods] = ()
    """Empty: all pods of the pool's own namespace."""
    admitted_cidrs: Sequence[Any] | None = None
    """What may connect besides, which is the load balancer; ``None``: there is none."""
    database_cidrs: Sequence[Any] = ()
    """Empty: any address, on the database's port alone."""

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select the replicas. A StatefulSet's selector cannot change: neither do these."""
        return {"app.kubernetes.io/name": "pgbouncer", "app.kubernetes.io/instance": self.name}


def metadata(layout: PoolLayout, name: Any, **labels: Any) -> _Spec:
    """An object's metadata.

    Names are given, not generated: peers, clients and Prometheus find the objects by them.
    """
    own = {**layout.selector, "app.kubernetes.io/managed-by": "loadfit"}
    return {"name": name, "namespace": layout.namespace, "labels": {**layout.labels, **labels, **own}}


def stateful_set(layout: PoolLayout) -> _Spec:
    """The replicas.

    A StatefulSet starts a replica again only when its predecessor is gone: there are never more processes, and so never
    more server connections, than the plan has; a Deployment reaches twice as many in a rollout. Its pods also have the
    stable names by which peers find one another.
    """
    return {
        "replicas": layout.plan.replicas,
        "serviceName": f"{layout.name}-peers",
        # All start at once; restarts still go one by one.
        "podManagementPolicy": "Parallel",
        # A replica's number is its peer id, and those begin at 1.
        "ordinals": {"start": 1},
        "updateStrategy": {"type": "RollingUpdate"},
        "minReadySeconds": _ready_seconds(layout),
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": layout.selector},
        "template": {
            "metadata": {
                "labels": {**layout.labels, **layout.selector, "app.kubernetes.io/managed-by": "loadfit"},
                "annotations": {
                    CHECKSUM: layout.config_checksum,
                    "kubectl.kubernetes.io/default-container": "pgbouncer",
                },
            },
            "spec": _pod(layout),
        },
    }


def _ready_seconds(layout: PoolLayout) -> int:
    """How long a replica is there before the next one stops: until the load balancer, too, sends clients to it."""
    declared = ceiling(layout.plan.load.policy_value("restart_pause_seconds"))
    return declared if layout.admitted_cidrs is None else max(declared, REGISTRATION_SECONDS)


def _pod(layout: PoolLayout) -> _Spec:
    containers = [_pgbouncer(layout), _reloader(layout)]
    if layout.exporter_image is not None:
        containers.append(_exporter(layout.exporter_image))
    spec: _Spec = {
        "terminationGracePeriodSeconds": layout.drain.grace_period_seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _GROUP,
            "fsGroup": _GROUP,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            # A zone that is lost takes its share with it, and no more. Its tainted nodes do not count as a place.
            {
                **_spread(layout, "topology.kubernetes.io/zone", "DoNotSchedule"),
                "nodeTaintsPolicy": "Honor",
            },
            _spread(layout, "kubernetes.io/hostname", "ScheduleAnyway"),
        ],
        "containers": containers,
        "volumes": _volumes(layout),
    }
    if layout.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in layout.image_pull_secrets]
    if layout.node_selector:
        spec["nodeSelector"] = dict(layout.node_selector)
    return spec


def _spread(layout: PoolLayout, key: str, otherwise: str) -> _Spec:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": otherwise,
        "labelSelector": {"matchLabels": layout.selector},
    }


_USERLIST = f"""\
userlist() {{
  umask 077
  if [ -f {CREDENTIALS_FOLDER}/userlist.txt ]; then
    cat {CREDENTIALS_FOLDER}/userlist.txt > {RUN_FOLDER}/userlist.new
  else
    user=$(sed 's/"/""/g' {CREDENTIALS_FOLDER}/username)
    password=$(sed 's/"/""/g' {CREDENTIALS_FOLDER}/password)
    printf '"%s" "%s"\\n' "$user" "$password" > {RUN_FOLDER}/userlist.new
  fi
  mv {RUN_FOLDER}/userlist.new {RUN_FOLDER}/userlist.txt
}}
"""
"""Quotes are doubled in the file (https://www.pgbouncer.org/config.html#authentication-file-format). It is moved into
place as a whole, because a reload may read it at any time."""

_START = f"""\
{_USERLIST}userlist
printf 'peer_id = %s\\n' "${{HOSTNAME##*-}}" > {RUN_FOLDER}/peer.ini
ulimit -n "$FILE_DESCRIPTORS"
exec /usr/bin/pgbouncer {CONFIG_FOLDER}/pgbouncer.ini
"""
"""Kubernetes has no field for the limit of open files, and PgBouncer does not raise its own: at containerd's soft limit
of 1,024, clients beyond it hang. ``exec``, so that signals reach PgBouncer. What is included names no section: one that
begins again loses all of its settings (https://github.com/pgbouncer/pgbouncer/pull/1587)."""


def _pgbouncer(layout: PoolLayout) -> _Spec:
    plan = layout.plan
    return {
        "name": "pgbouncer",
        "image": layout.image,
        "command": ["/bin/sh", "-ec", _START],
        "env": [{"name": "FILE_DESCRIPTORS", "value": str(plan.file_descriptors)}],
        "ports": [{"name": "postgres", "containerPort": POOL_PORT, "protocol": "TCP"}],
        "resources": {
            # No CPU limit: throttling stops the one event loop, and with it every client.
            "requests": {"cpu": f"{plan.cpu_request_millicores}m", "memory": f"{plan.memory_request_mib}Mi"},
            "limits": {"memory": f"{plan.memory_limit_mib}Mi"},
        },
        "startupProbe": _probe(layout, period=2, failures=30),
        "livenessProbe": {
            **_probe(layout, period=10, failures=3),
            # What no longer answers drains nothing, and its clients hang until it is gone.
            "terminationGracePeriodSeconds": 1,
        },
        "readinessProbe": _probe(layout, period=5, failures=2),
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", _stop(layout.drain)]}}},
        "securityContext": _CONFINED,
        "volumeMounts": _mounts(layout),
    }


def _probe(layout: PoolLayout, *, period: int, failures: int) -> _Spec:
    """Asks PgBouncer itself to answer.

    The kernel accepts a TCP connection also where the event loop is frozen, so a TCP probe would see nothing. The
    database is not asked: with it down, every replica would be taken out at once.
    """
    role = layout.plan.pools[0].user
    return {
        "exec": {
            "command": [
                *("pg_isready", "--quiet", "--timeout=2", "--host=127.0.0.1", f"--port={POOL_PORT}"),
                *(f"--username={role}", f"--dbname={layout.database}"),
            ]
        },
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _stop(drain: DrainPlan) -> str:
    """First the Service forgets the replica, then the replica stops: the other way round, connections are refused."""
    if drain.mode is DrainMode.CLIENTS:
        # Kubernetes itself sends SIGTERM afterwards.
        return f"sleep {drain.endpoint_seconds}"
    # SIGTERM, which comes when this returns, ends PgBouncer at once: it must not return before the last transaction.
    return f"sleep {drain.endpoint_seconds}; kill -INT 1; sleep {drain.wait_seconds + 5}"


def _reloader(layout: PoolLayout) -> _Spec:
    watched = " ".join(f"{mount['mountPath']}/*" for mount in _secret_mounts(layout))
    script = f"""\
{_USERLIST}trap 'exit 0' TERM INT
seen=
while :; do
  sleep 10 & wait $!
  now=$(cat {watched} | sha256sum)
  if [ "$now" = "$seen" ]; then continue; fi
  userlist
  if psql --no-psqlrc --host={RUN_FOLDER} --port={POOL_PORT} --username=pgbouncer --dbname=pgbouncer --command=RELOAD
  then seen=$now
  fi
done
"""
    return {
        "name": "reloader",
        "image": layout.image,
        "command": ["/bin/sh", "-ec", script],
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": _CONFINED,
        "volumeMounts": [_RUN_MOUNT, *_secret_mounts(layout)],
    }


def _exporter(image: str) -> _Spec:
    # Under PgBouncer's own user, its socket asks for no password.
    connection = f"host={RUN_FOLDER} port={POOL_PORT} user=pgbouncer dbname=pgbouncer sslmode=disable"
    return {
        "name": "exporter",
        "image": image,
        "args": [f"--pgBouncer.connectionString={connection}", f"--web.listen-address=:{METRICS_PORT}"],
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": _CONFINED,
        "volumeMounts": [_RUN_MOUNT],
    }


_CONFINED: _Spec = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_RUN_MOUNT: _Spec = {"name": "run", "mountPath": RUN_FOLDER}


def _mounts(layout: PoolLayout) -> list[_Spec]:
    return [
        _RUN_MOUNT,
        # Folders, not single files: a file that is mounted by subPath never changes.
        {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
        *_secret_mounts(layout),
    ]


def _secret_mounts(layout: PoolLayout) -> list[_Spec]:
    """What may change while a replica runs."""
    mounts = [{"name": "credentials", "mountPath": CREDENTIALS_FOLDER, "readOnly": True}]
    if layout.client_tls_secret is not None:
        mounts.append({"name": "client-tls", "mountPath": CLIENT_TLS_FOLDER, "readOnly": True})
    if layout.server_ca is not None:
        mounts.append({"name": "server-ca", "mountPath": SERVER_CA_FOLDER, "readOnly": True})
    return mounts


def _volumes(layout: PoolLayout) -> list[_Spec]:
    volumes: list[_Spec] = [
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
        {"name": "config", "configMap": {"name": layout.config, "defaultMode": _READABLE}},
        {"name": "credentials", "secret": {"secretName": layout.credentials, "defaultMode": _READABLE}},
    ]
    if layout.client_tls_secret is not None:
        volumes.append(
            {"name": "client-tls", "secret": {"secretName": layout.client_tls_secret, "defaultMode": _READABLE}}
        )
    if layout.server_ca is not None:
        items = [{"key": layout.server_ca_key, "path": SERVER_CA_FILE}]
        volumes.append(
            {"name": "server-ca", "configMap": {"name": layout.server_ca, "items": items, "defaultMode": _READABLE}}
        )
    return volumes


def service(layout: PoolLayout) -> _Spec:
    """Where clients connect."""
    ports = [{"name": "postgres", "port": POOL_PORT, "targetPort": "postgres", "protocol": "TCP"}]
    return {"type": "ClusterIP", "selector": layout.selector, "ports": ports}


def peers_service(layout: PoolLayout) -> _Spec:
    """The replicas by their own names: for one another, and for Prometheus."""
    ports = [{"name": "postgres", "port": POOL_PORT, "targetPort": "postgres", "protocol": "TCP"}]
    if layout.exporter_image is not None:
        ports.append({"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"})
    # A replica that stops still has queries to cancel, so it keeps its name.
    return {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": layout.selector, "ports": ports}


def disruption_budget(layout: PoolLayout) -> _Spec:
    """Nodes are drained one replica at a time, as the plan's degraded state has it."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": layout.selector},
        # A replica that is broken anyway does not keep a node from being drained.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def network_policy(layout: PoolLayout) -> _Spec:
    """Who may connect to the replicas, and what they may connect to."""
    own = {"podSelector": {"matchLabels": layout.selector}}
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in layout.admitted_cidrs or ()]
    ingress = [{"from": [*_allowed(layout), own, *blocks], "ports": [_tcp(POOL_PORT)]}]
    if layout.exporter_image is not None:
        # Numbers without secrets: whoever scrapes may stand in any namespace.
        ingress.append({"from": [{"namespaceSelector": {}}], "ports": [_tcp(METRICS_PORT)]})
    database: _Spec = {"ports": [_tcp(layout.server_port)]}
    if layout.database_cidrs:
        database["to"] = [{"ipBlock": {"cidr": cidr}} for cidr in layout.database_cidrs]
    return {
        "podSelector": {"matchLabels": layout.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": [
            database,
            {"to": [own], "ports": [_tcp(POOL_PORT)]},
            {"ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]},
        ],
    }


def _allowed(layout: PoolLayout) -> list[_Spec]:
    if not layout.client_pods:
        return [{"podSelector": {}}]
    peers: list[_Spec] = []
    for pods in layout.client_pods:
        labels, namespace = pods.get("labels"), pods.get("namespace")
        peer: _Spec = {"podSelector": {"matchLabels": dict(labels)} if labels else {}}
        if namespace is not None:
            # The label that Kubernetes itself gives to every namespace.
            peer["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        peers.append(peer)
    return peers


def _tcp(port: Any) -> _Spec:
    return {"protocol": "TCP", "port": port}


def service_monitor(layout: PoolLayout) -> _Spec:
    """What Prometheus scrapes.

    https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitorSpec
    """
    return {
        "selector": {"matchLabels": {**layout.selector, "loadfit/role": "peers"}},
        "endpoints": [{"port": "metrics", "interval": "15s"}],
    }
