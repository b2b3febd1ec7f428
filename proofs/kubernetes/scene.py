"""A cluster with one node, PostgreSQL beside it, and pools that the engine brings up there, each in a namespace."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from loadfit import PgBouncerPool
from proofs.engine.stack import Run, Stack
from proofs.kubernetes.api import Api, Refused
from proofs.kubernetes.control_plane import programs, serving_control_plane
from proofs.kubernetes.image import Image, pgbouncer_root, single_program_root
from proofs.kubernetes.machine import ADDRESS
from proofs.kubernetes.node import DOMAIN, Node, node_programs, serving_node
from proofs.kubernetes.provider import Change, applying_stack
from proofs.kubernetes.traffic import LOAD, TABLE, Traffic, traffic
from proofs.postgresql.certificates import Authority
from proofs.postgresql.deployed import CLIENT_TLS, POOL_PORT, arguments, document
from proofs.postgresql.programs import fetch_pgbouncer
from proofs.postgresql.server import PostgreSql, serving_postgresql
from proofs.postgresql.servers import ROLE

__all__ = ["Json", "Pool", "Scene", "is_ready", "serving_scene", "until"]

Json = dict[str, Any]

PGBOUNCER, STAND_IN, PAUSE = (f"loadfit.invalid/{name}:1" for name in ("pgbouncer", "stand-in", "pause"))
"""The images. What stands in for the exporter does nothing."""
POD_SECONDS = 120
"""For a pod to go or to become ready."""
POLL_SECONDS = 0.1
_USER = 998


@dataclass(frozen=True)
class Pool:
    """The case study's pool in a namespace."""

    scene: "Scene"
    namespace: str
    stack: Stack

    def up(self, *, password: str | None = None, **database: Any) -> Run:
        """Brings it up, or changes it, as `pulumi up` does: it has returned once the replicas are ready.

        Args:
            password: Of the role; its first one where not given.
            database: Changes of the database's declaration.
        """
        args = arguments(
            document(client=LOAD, **database),
            endpoint=f"{ADDRESS}:{self.scene.postgresql.port}",
            passwords={ROLE: password or self.scene.password},
            server_ca=self.scene.authority.file.read_text(encoding="utf-8"),
            namespace=self.namespace,
        )
        done = self.stack.up(lambda: _make(args))
        self._until_served()
        return done

    def pods(self) -> Sequence[Json]:
        """Its replicas, by name."""
        return self.scene.api.pods(self.namespace)

    def pod(self, name: str) -> Json:
        """One of them; empty where it is not there."""
        return next((one for one in self.pods() if one["metadata"]["name"] == name), {})

    def admin(self, pod: Json, command: str) -> list[list[str]]:
        """What PgBouncer's own console answers, line by line."""
        options = ["--no-psqlrc", "--no-align", "--tuples-only", f"--command={command}"]
        place = ["--host=/run/pgbouncer", f"--port={POOL_PORT}", "--username=pgbouncer", "--dbname=pgbouncer"]
        return [line.split("|") for line in self.scene.node.exec(pod, ["psql", *options, *place]).splitlines()]

    @property
    def conninfo(self) -> str:
        """How a client connects by the Service, but for the password."""
        service = self.scene.api.get(f"/api/v1/namespaces/{self.namespace}/services/orders")
        return self.conninfo_of(service["spec"]["clusterIP"])

    def conninfo_of(self, address: str) -> str:
        """The same, by an address of one's own choice."""
        place = f"host={self._host} hostaddr={address} port={POOL_PORT} dbname=orders user={ROLE}"
        return f"{place} sslmode=verify-full sslrootcert={self.scene.authority.file}"

    @property
    def _host(self) -> str:
        return f"orders.{self.namespace}.svc.{DOMAIN}"

    def traffic(self) -> AbstractContextManager[Traffic]:
        """The case study's clients at work."""
        folder = self.scene.folder / f"clients-{self.namespace}"
        return traffic(folder, self.conninfo, self.scene.password, self.scene.postgresql)

    def is_back(self, gone: Json) -> bool:
        """Whether a replica has a successor that is ready."""
        found = self.pod(gone["metadata"]["name"])
        return is_ready(found) and found["metadata"]["uid"] != gone["metadata"]["uid"]

    def until_back(self, gone: Json) -> None:
        """Waits for that."""
        until(lambda: self.is_back(gone), f"{gone['metadata']['name']} is there again and ready")

    def _until_served(self) -> None:
        """Rules for a Service come a moment after its pods."""
        place = self.conninfo.encode()
        until(lambda: psycopg.pq.PGconn.ping(place) == psycopg.pq.Ping.OK, "the Service answers")


def _make(args: Any) -> None:
    PgBouncerPool("orders", args)


def is_ready(pod: Json) -> bool:
    """Whether it is there, its readiness probe is answered, and it is not on its way out."""
    conditions: list[Json] = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def until(true: Callable[[], bool], what: str, seconds: float = POD_SECONDS) -> None:
    """Waits for what the cluster does.

    Raises:
        TimeoutError: It does not.
    """
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Scene:
    """What runs."""

    folder: Path
    api: Api
    node: Node
    authority: Authority
    postgresql: PostgreSql
    password: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def pool(self, spoil: Change | None = None, *, restricted: bool = True, **database: Any) -> Generator[Pool]:
        """A pool in a namespace of its own, brought up; it is gone at the end.

        Args:
            spoil: Plants a fault in objects on their way to the server.
            restricted: Whether the namespace admits restricted pods only.
            database: Changes of the database's declaration.
        """
        namespace = f"claim-{next(self._numbers)}"
        self._make_namespace(namespace, restricted)

        def change(one: Json) -> None:
            _set_images(one)
            if spoil is not None:
                spoil(one)

        with applying_stack(self.api, change) as stack:
            pool = Pool(self, namespace, stack)
            try:
                pool.up(**database)
                yield pool
            finally:
                self._remove(pool)

    def _make_namespace(self, name: str, restricted: bool) -> None:
        standard = {"pod-security.kubernetes.io/enforce": "restricted" if restricted else "privileged"}
        self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": standard}})
        certificate = self.authority.sign(f"pool-{name}", [f"orders.{name}.svc.{DOMAIN}"])
        self._apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": CLIENT_TLS, "namespace": name},
                "type": "kubernetes.io/tls",
                "stringData": {"tls.crt": certificate.certificate, "tls.key": certificate.key},
            }
        )

    def _apply(self, one: Json) -> None:
        answer = self.api.apply(one)
        if answer.status >= 300:
            raise RuntimeError(f"{one['kind']} {one['metadata']['name']}: {answer.message}")

    def _remove(self, pool: Pool) -> None:
        """Without the time that clients would be given, and until the database has forgotten them."""
        place = f"/apis/apps/v1/namespaces/{pool.namespace}/statefulsets/orders"
        self.api.request("DELETE", place)
        for pod in pool.pods():
            running: list[int] = []
            for container in ("reloader", "exporter", "pgbouncer"):
                with suppress(RuntimeError):
                    running.append(self.node.pid(pod, container))
            with suppress(Refused):  # one that had no clients may be gone by now
                self.api.delete(pod)
            for number in running:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        self.api.request("DELETE", f"/api/v1/namespaces/{pool.namespace}")
        left = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"
        until(lambda: self.postgresql.psql(left) == "0", "PostgreSQL's connections of a removed pool are closed")
        self.postgresql.set_password(ROLE, self.password)


def _set_images(one: Json) -> None:
    if one["kind"] == "StatefulSet":
        for container in one["spec"]["template"]["spec"]["containers"]:
            container["image"] = STAND_IN if container["name"] == "exporter" else PGBOUNCER


@contextmanager
def serving_scene(folder: Path, cgroup: str) -> Generator[Scene]:
    """The cluster and PostgreSQL, in the namespaces of this process.

    Args:
        folder: For all that they write.
        cgroup: For the node's containers.
    """
    node_folder = folder / "node"
    (folder / "postgresql").mkdir()
    authority = Authority(folder / "authority")
    with (
        serving_control_plane(programs(), nodes_report=True, kubelet_preferred_address_types="InternalIP") as cluster,
        serving_node(node_folder, cgroup, cluster, _images(folder / "images"), PAUSE) as node,
        serving_postgresql(
            folder / "postgresql", authority.sign("postgresql", [ADDRESS]), addresses=[ADDRESS]
        ) as postgresql,
    ):
        password = secrets.token_urlsafe(24)
        postgresql.add_role(ROLE, password)
        postgresql.psql(f"CREATE TABLE {TABLE} (id text); GRANT ALL ON {TABLE} TO {ROLE}")
        yield Scene(folder, cluster.api, node, authority, postgresql, password)


def _images(folder: Path) -> list[Image]:
    pgbouncer_root(folder / "pgbouncer", fetch_pgbouncer(), user=_USER)
    single_program_root(folder / "pause", node_programs() / "pause")
    return [
        Image(PGBOUNCER, folder / "pgbouncer", ["/usr/bin/pgbouncer"], f"{_USER}"),
        *(Image(name, folder / "pause", ["/bin/pause"], "65535") for name in (STAND_IN, PAUSE)),
    ]
