"""A node that is drained, a process that is frozen, a query that is cancelled."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial

import psycopg

from proofs.claims import Claim
from proofs.kubernetes.rollouts import AROUND_SECONDS, broken_off, told
from proofs.kubernetes.scene import Json, Pool, Scene, is_ready, until
from proofs.postgresql.deployed import POOL_PORT, noticed_seconds, without_peers
from proofs.table import Row, in_seconds

__all__ = ["claims"]

POLL_SECONDS = 0.1
MARGIN_SECONDS = 5
"""For a status to be written and read, and for a container to start, on a busy machine."""
FROZEN_SECONDS = 90
TRIES, QUERY_SECONDS = 12, 8
"""A cancel request arrives at either replica by chance, so at the right one in all of these once in 4,096 times."""
APART_SECONDS = 0.2
"""Between two cancel requests: of some that reach a replica at the same instant and are to be passed on, PgBouncer
loses a part (1.24.1, 1.26.1)."""


def drained(scene: Scene, faulty: bool) -> Row:
    """The second replica is not evicted before the first one is back, and no transaction fails."""
    with scene.pool(_without_budget if faulty else None) as pool, pool.traffic() as clients:
        first, second = pool.pods()
        _evict(scene, first)
        refused = _evict(scene, second)
        back = pool.is_back(first)
        for pod in (first, second):
            pool.until_back(pod)
        time.sleep(AROUND_SECONDS)
    seen = clients.seen()
    return Row(
        "a node drained under load: both replicas are to be evicted",
        f"the second, asked for again and again, goes {'when' if back else 'before'} the first is back "
        f"(refused {refused} times); {told(seen)}",
        "when it is back; 0 failed, 0 broken off, 0 lost, 0 twice",
        refused > 0 and back and not seen.failed() and not broken_off(seen) and seen.kept,
    )


def _evict(scene: Scene, pod: Json) -> int:
    """Asks for it until it is granted: how often the pod's budget was against it.

    Raises:
        RuntimeError: Something else was.
    """
    refused = 0

    def granted() -> bool:
        nonlocal refused
        answer = scene.api.evict(pod)
        if answer.status == 201:
            return True
        causes = answer.body.get("details", {}).get("causes", ())
        if answer.status != 429 or "DisruptionBudget" not in [cause["reason"] for cause in causes]:
            raise RuntimeError(f"no eviction of {pod['metadata']['name']}: {answer.status} {answer.message}")
        refused += 1
        return False

    until(granted, f"{pod['metadata']['name']} may go")
    return refused


def _without_budget(one: Json) -> None:
    if one["kind"] == "PodDisruptionBudget":
        one["spec"]["maxUnavailable"] = 2


def frozen(scene: Scene, faulty: bool) -> Row:
    """The kubelet notices a frozen process by the component's probes, and replaces it."""
    with scene.pool(_with_tcp_probes if faulty else None) as pool:
        pod = pool.pod("orders-1")
        container = next(one for one in pod["spec"]["containers"] if one["name"] == "pgbouncer")
        moment = time.monotonic()
        os.kill(scene.node.pid(pod), signal.SIGSTOP)
        unready = _after(moment, lambda: not is_ready(pool.pod("orders-1")))
        restored = _after(moment, lambda: _restarts(pool) == 1 and is_ready(pool.pod("orders-1")))
    readiness, liveness = (noticed_seconds(container[kind]) for kind in ("readinessProbe", "livenessProbe"))
    # SIGTERM is waited for at least so long.
    # https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/#hook-handler-execution
    grace = container["livenessProbe"]["terminationGracePeriodSeconds"] + 2
    return Row(
        "SIGSTOP of a replica's process: out of the Service, and started anew",
        f"after {in_seconds(unready)}, {in_seconds(restored)}",
        f"after at most {readiness} s, {liveness + grace} s, and {MARGIN_SECONDS} s for status and starts",
        unready is not None
        and restored is not None
        and unready <= readiness + MARGIN_SECONDS
        and restored <= liveness + grace + MARGIN_SECONDS,
    )


def _after(moment: float, true: Callable[[], bool]) -> float | None:
    while time.monotonic() < moment + FROZEN_SECONDS:
        if true():
            return time.monotonic() - moment
        time.sleep(POLL_SECONDS)
    return None


def _restarts(pool: Pool) -> int:
    statuses = pool.pod("orders-1")["status"]["containerStatuses"]
    return next(one["restartCount"] for one in statuses if one["name"] == "pgbouncer")


def _with_tcp_probes(one: Json) -> None:
    if one["kind"] == "StatefulSet":
        (container,) = [each for each in one["spec"]["template"]["spec"]["containers"] if each["name"] == "pgbouncer"]
        for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
            container[kind].pop("exec")
            container[kind]["tcpSocket"] = {"port": POOL_PORT}


def cancelled(scene: Scene, faulty: bool) -> Row:
    """A cancel request takes the Service's way, to either replica; the replicas find one another by name."""
    with scene.pool(_without_peers if faulty else None) as pool:
        done = asyncio.run(_cancel_all(pool, APART_SECONDS))
        at_once = asyncio.run(_cancel_all(pool, 0))
    return Row(
        f"{TRIES} queries of {QUERY_SECONDS} s, cancelled by the Service, which asks either replica",
        f"{len(done)} cancelled{_within(done)}; all at the same instant, {len(at_once)}",
        f"{TRIES} cancelled where they are {APART_SECONDS} s apart",
        len(done) == TRIES,
    )


def _within(seconds: list[float]) -> str:
    return f" within {max(seconds):.2f} s" if seconds else ""


async def _cancel_all(pool: Pool, apart: float) -> list[float]:
    """Seconds that it took to cancel those queries that were cancelled."""
    times = await asyncio.gather(*(_cancel(pool, number * apart) for number in range(TRIES)))
    return [one for one in times if one is not None]


async def _cancel(pool: Pool, later: float) -> float | None:
    """Seconds until a query was cancelled; ``None`` where it ran to its end."""
    async with await psycopg.AsyncConnection.connect(
        pool.conninfo, password=pool.scene.password, autocommit=True
    ) as connection:
        query = asyncio.create_task(connection.execute("SELECT pg_sleep(%s)", [QUERY_SECONDS]))
        # A cancel request before it has a server connection would cancel nothing.
        await asyncio.sleep(QUERY_SECONDS / 4 + later)
        asked = time.monotonic()
        await connection.cancel_safe()
        try:
            await query
        except psycopg.errors.QueryCanceled:
            return time.monotonic() - asked
        return None


def _without_peers(one: Json) -> None:
    if one["kind"] == "ConfigMap" and "pgbouncer.ini" in one["data"]:
        one["data"]["pgbouncer.ini"] = without_peers(one["data"]["pgbouncer.ini"])


def claims(scene: Scene) -> list[Claim]:
    """All of these, on a cluster."""
    return [
        Claim("the disruption budget lets both replicas go", partial(drained, scene)),
        Claim("the probes ask for no more than a TCP connection", partial(frozen, scene)),
        Claim("the replicas do not know one another", partial(cancelled, scene)),
    ]
