"""The case study brought up, changed under load, and its replicas deleted one by one."""

import time
from functools import partial

import psycopg
from psycopg import sql

from proofs.claims import Claim
from proofs.kubernetes.scene import Json, Pool, Scene
from proofs.kubernetes.traffic import CONNECTIONS, LOAD, PROCESSES, TABLE, sampling
from proofs.postgresql.deployed import document, planned
from proofs.postgresql.records import Phase, Seen
from proofs.table import Row

__all__ = ["broken_off", "claims", "told", "without_hook"]

LOCKED_SECONDS = 3
"""Every transaction waits so long: pools open what they may."""
STEADY_SECONDS = 20
AROUND_SECONDS = 3
"""The load goes on so long after what happens."""
CHANGED = 60
"""Server connections, instead of the case study's 50."""


def brought_up(scene: Scene, faulty: bool) -> Row:
    """As many client connections as are declared share as many server connections as are planned."""
    plan = planned(document(client=LOAD))
    with scene.pool(server_connections=plan.server_connections * 2 if faulty else plan.server_connections) as pool:
        with pool.traffic() as clients, sampling(scene.postgresql.administrator) as samples:
            _lock(scene)
            connected = sum(_clients(pool, pod) for pod in pool.pods())
            time.sleep(AROUND_SECONDS)
        seen = clients.seen()
        most = max(one.total - one.addresses.get("", 0) for one in samples)
    return Row(
        f"up of the case study: {PROCESSES} client processes by the Service, the table locked once",
        f"{connected} client connections, {most} server connections, {told(seen)}",
        f"{PROCESSES * CONNECTIONS}, {plan.server_connections} (planned), 0 failed",
        connected == PROCESSES * CONNECTIONS and most == plan.server_connections and not seen.failed() and seen.kept,
    )


def _lock(scene: Scene) -> None:
    with psycopg.connect(scene.postgresql.administrator) as connection:
        connection.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(TABLE)))
        time.sleep(LOCKED_SECONDS)


def _clients(pool: Pool, pod: Json) -> int:
    return sum(line[1] == "orders" for line in pool.admin(pod, "SHOW CLIENTS"))


def rolled_out(scene: Scene, faulty: bool) -> Row:
    """A change of the load replaces both replicas, and no transaction fails."""
    with scene.pool(without_hook if faulty else None) as pool:
        before = {pod["metadata"]["uid"] for pod in pool.pods()}
        with pool.traffic() as clients:
            begin = time.monotonic()
            time.sleep(STEADY_SECONDS)
            turn = time.monotonic()
            run = pool.up(server_connections=CHANGED)
            took = time.monotonic() - turn
            time.sleep(AROUND_SECONDS)
        after = {pod["metadata"]["uid"] for pod in pool.pods()}
    steady, rollout = clients.seen(begin, turn), clients.seen(turn)
    replaced = len(after - before)
    return Row(
        f"up with {CHANGED} server connections under load: both replicas are replaced",
        f"{replaced} replaced in {took:.0f} s; {told(rollout)}; before it, {told(steady)}",
        "2 replaced; 0 failed, 0 broken off, 0 lost, 0 twice; the same before it",
        replaced == 2
        and run.touched.get("StatefulSet orders-replicas") == "update"
        and all(not one.failed() and not broken_off(one) and one.kept for one in (steady, rollout)),
    )


def deleted(scene: Scene, faulty: bool) -> Row:
    """A pod that somebody deletes comes back, and no transaction fails."""
    with scene.pool() as pool, pool.traffic() as clients:
        pod = pool.pod("orders-2")
        began = time.monotonic()
        grace = "?gracePeriodSeconds=1" if faulty else ""
        scene.api.request("DELETE", f"/api/v1/namespaces/{pool.namespace}/pods/orders-2{grace}")
        pool.until_back(pod)
        took = time.monotonic() - began
        time.sleep(AROUND_SECONDS)
    seen = clients.seen()
    return Row(
        "a pod deleted under load",
        f"another one is ready after {took:.0f} s; {told(seen)}",
        "0 failed, 0 broken off, 0 lost, 0 twice",
        not seen.failed() and not broken_off(seen) and seen.kept,
    )


def broken_off(seen: Seen) -> int:
    """Attempts that failed when their transaction had begun; the clients retry those too, where they know its end."""
    phases = [attempt.phase for one in seen.operations for attempt in one.failed]
    return sum(phase in (Phase.WITHIN, Phase.UNKNOWN) for phase in phases)


def told(seen: Seen) -> str:
    """What became of a load, in words: retried are attempts that failed before their transaction began."""
    retried = sum(attempt.phase in (Phase.CONNECT, Phase.BEFORE) for one in seen.operations for attempt in one.failed)
    return (
        f"{len(seen.failed())} of {len(seen.operations):,} failed, {broken_off(seen)} broken off, {retried} retried, "
        f"{seen.ids}"
    )


def without_hook(one: Json) -> None:
    """Takes the drain away: a replica is told to stop at once."""
    if one["kind"] == "StatefulSet":
        for container in one["spec"]["template"]["spec"]["containers"]:
            container.pop("lifecycle", None)


def claims(scene: Scene) -> list[Claim]:
    """All of these, on a cluster."""
    return [
        Claim("the pool is twice as large as planned", partial(brought_up, scene)),
        Claim("the replicas have no preStop hook", partial(rolled_out, scene)),
        Claim("the pod is given 1 s", partial(deleted, scene)),
    ]
