"""What PgBouncerPool asks Kubernetes for, as the component itself says it when it is deployed offline."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadfit import DatabasePlan, PgBouncerPool, parse_load, resolve, size
from loadfit.testing import Deployment, deploy
from proofs.postgresql.certificates import Certificate

__all__ = [
    "CLIENT_TLS",
    "POOL_PORT",
    "RELOAD_SECONDS",
    "RETRY_SECONDS",
    "SERVICE_NAME",
    "Deployed",
    "arguments",
    "deployed",
    "document",
    "noticed_seconds",
    "planned",
    "without_peers",
]

EXAMPLES = Path(__file__).parents[2] / "examples"
POOL_PORT = 6432
SERVICE_NAME = "orders.default.svc.cluster.local"
"""Where clients inside the cluster connect."""
CLIENT_TLS = "orders-pool-tls"
"""The name of the Secret with the pool's own certificate."""
RELOAD_SECONDS = 10
"""The reloader looks so often."""
RETRY_SECONDS = 2
"""server_login_retry."""


def document(example: str = "case-study", client: Mapping[str, Any] | None = None, **database: Any) -> dict[str, Any]:
    """An example's database and its pods, with changes; what is changed to ``None`` is left out.

    Args:
        example: The document's name.
        client: Changes of the database's clients.
        database: Changes of the database.
    """
    whole = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8"))
    orders = whole["databases"]["orders"]
    orders["clients"] = [_changed(group, client or {}) for group in orders["clients"]]
    kept = {name: whole[name] for name in ("region", "zones")}
    workloads = {"orders": whole["workloads"]["orders"]}
    return {**kept, "workloads": workloads, "databases": {"orders": _changed(orders, database)}}


def _changed(declared: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**declared, **changes}.items() if value is not None}


def planned(loaded: Mapping[str, Any]) -> DatabasePlan:
    """The plan of a document's database: what is under test."""
    return size(resolve(parse_load(loaded))).databases["orders"]


@dataclass(frozen=True)
class Deployed:
    """The component's objects, and the files that a cluster would have mounted."""

    deployment: Deployment
    plan: DatabasePlan
    service_certificate: Certificate

    @property
    def stateful_set(self) -> Mapping[str, Any]:
        """The replicas' specification."""
        return self.deployment.resource("orders-replicas").inputs["spec"]

    @property
    def pod(self) -> Mapping[str, Any]:
        """The specification of each replica."""
        return self.stateful_set["template"]["spec"]

    def container(self, name: str) -> Mapping[str, Any]:
        """One of its containers."""
        return next(one for one in self.pod["containers"] if one["name"] == name)

    def volumes(self) -> dict[str, Mapping[str, str]]:
        """The files of each volume, by volume and name; an empty one has none."""
        found: dict[str, Mapping[str, str]] = {}
        for volume in self.pod["volumes"]:
            if "configMap" in volume:
                found[volume["name"]] = self._mapped(volume["configMap"])
            elif "secret" in volume:
                found[volume["name"]] = self._secret(volume["secret"]["secretName"])
            else:
                found[volume["name"]] = {}
        return found

    def _mapped(self, volume: Mapping[str, Any]) -> Mapping[str, str]:
        data = self._object("ConfigMap", volume["name"])["data"]
        items = volume.get("items") or [{"key": key, "path": key} for key in data]
        return {item["path"]: data[item["key"]] for item in items}

    def _secret(self, name: str) -> Mapping[str, str]:
        if name == CLIENT_TLS:
            return {"tls.crt": self.service_certificate.certificate, "tls.key": self.service_certificate.key}
        return self._object("Secret", name)["stringData"]

    def _object(self, kind: str, name: str) -> Mapping[str, Any]:
        of_kind = self.deployment.of_type(f"kubernetes:core/v1:{kind}")
        return next(one.inputs for one in of_kind if one.inputs["metadata"]["name"] == name)


def arguments(
    loaded: Mapping[str, Any], *, endpoint: str, passwords: Mapping[str, str], server_ca: str, **more: Any
) -> Any:
    """The component's arguments.

    Args:
        loaded: The document.
        endpoint: Where PostgreSQL listens.
        passwords: By role.
        server_ca: Who signed its certificate.
        more: Further ones.
    """
    load = resolve(parse_load(loaded)).databases["orders"]
    wiring = {"endpoint": endpoint, "passwords": passwords, "server_ca": server_ca, "client_tls_secret": CLIENT_TLS}
    return {"load": load, **wiring, **more}


def deployed(loaded: Mapping[str, Any], *, service_certificate: Certificate, **more: Any) -> Deployed:
    """Deploys the component offline. Not inside a running event loop.

    Args:
        loaded: The document.
        service_certificate: The pool's own, for :data:`SERVICE_NAME`.
        more: Further arguments of the component, as :func:`arguments` takes them.
    """
    args = arguments(loaded, **more)
    return Deployed(deploy(lambda: PgBouncerPool("orders", args)), planned(loaded), service_certificate)


def noticed_seconds(probe: Mapping[str, Any]) -> int:
    """Until a probe of a container has failed as often as its threshold, in seconds.

    The first one begins a period later, and the last one takes its own time-out.
    """
    return probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]


def without_peers(settings: str) -> str:
    """Takes the replicas' knowledge of one another out of pgbouncer.ini."""
    before, _, after = settings.partition("[peers]\n")
    return before + after[after.index("[pgbouncer]") :]
