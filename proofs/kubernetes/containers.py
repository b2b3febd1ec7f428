"""What a replica is given and what it may do, by the kernel's own word; and a password that is changed."""

import time
from functools import partial
from pathlib import Path

import psycopg

from proofs.claims import Claim
from proofs.kubernetes.rollouts import told
from proofs.kubernetes.scene import Json, Pool, Scene
from proofs.kubernetes.traffic import LOAD
from proofs.postgresql.deployed import RELOAD_SECONDS, RETRY_SECONDS, document, planned
from proofs.postgresql.processes import open_files
from proofs.postgresql.servers import NEW_PASSWORD, ROLE
from proofs.table import Row, in_seconds

__all__ = ["claims"]

KUBELET_SECONDS = 90
"""A kubelet looks after each pod once in 60 s (syncFrequency), and up to half as much later.
https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod"""
MARGIN_SECONDS = 3
LOGIN_SECONDS = 0.5
SETTLED_SECONDS = 10
WATCHED_SECONDS = 130


def confined(scene: Scene, faulty: bool) -> Row:
    """A replica's process has no rights beyond its user's, and may open as many files as are planned."""
    plan = planned(document(client=LOAD))
    with scene.pool(_unconfined if faulty else None, restricted=not faulty) as pool:
        number = scene.node.pid(pool.pod("orders-1"))
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{number}/status").read_text().splitlines() if ":\t" in line
        )
        files, read_only = open_files(number), _has_read_only_root(number)
        user, bounding = int(status["Uid"].split()[0]), int(status["CapBnd"], 16)
        filtered, locked = status["Seccomp"] == "2", status["NoNewPrivs"] == "1"
    held = f"user {user}, capabilities {bounding:x}, seccomp {'on' if filtered else 'off'}"
    return Row(
        "a replica's process, as /proc has it",
        f"{held}, new rights {'never' if locked else 'possible'}, root file system "
        f"{'read-only' if read_only else 'writable'}, {files:,} files",
        f"no root, none, on, never, read-only, {plan.file_descriptors:,} files (planned)",
        user > 0 and not bounding and filtered and locked and read_only and files == plan.file_descriptors,
    )


def _has_read_only_root(number: int) -> bool:
    """Asked of its mounts: to write a file there, and to fail, would only show that the user is not root."""
    mounts = [line.split() for line in Path(f"/proc/{number}/mountinfo").read_text(encoding="utf-8").splitlines()]
    (options,) = [words[5] for words in mounts if words[4] == "/"]
    return "ro" in options.split(",")


def _unconfined(one: Json) -> None:
    if one["kind"] == "StatefulSet":
        pod = one["spec"]["template"]["spec"]
        pod["securityContext"] = {"fsGroup": pod["securityContext"]["fsGroup"]}
        for container in pod["containers"]:
            container.pop("securityContext")


def rotated(scene: Scene, faulty: bool) -> Row:
    """A new password in the Secret is picked up by the replicas that run, and sessions that are open outlive it."""
    with scene.pool(_without_reloader if faulty else None) as pool:
        before, too_early = _lives(pool), [one for one in _ways(pool) if _logs_in(one)]
        with pool.traffic() as clients:
            time.sleep(SETTLED_SECONDS)  # the reloader has read the first one
            begin = time.monotonic()
            scene.postgresql.set_password(ROLE, NEW_PASSWORD)
            run = pool.up(password=NEW_PASSWORD)
            moment = time.monotonic()
            accepted = _accepted(pool, moment)
            time.sleep(SETTLED_SECONDS)
        same = _lives(pool) == before
    seen, anew = clients.seen(), len(clients.seen(begin).connects)
    most = KUBELET_SECONDS + RELOAD_SECONDS + RETRY_SECONDS
    return Row(
        "up with a new password under load: until both replicas accept it",
        f"after {in_seconds(accepted)}, {'also' if too_early else 'not'} before; {'the same' if same else 'other'} "
        f"processes, {anew} sessions anew; {told(seen)}",
        f"at most {most} s (kubelet {KUBELET_SECONDS} s, reloader {RELOAD_SECONDS} s, server_login_retry "
        f"{RETRY_SECONDS} s) and {MARGIN_SECONDS} s for starts, not before; the same processes, 0 sessions anew; "
        "0 failed, 0 broken off, 0 retried, 0 lost, 0 twice",
        accepted is not None
        and accepted <= most + MARGIN_SECONDS
        and not too_early
        and same
        and not anew
        and set(run.touched) == {"Secret orders-credentials"}
        and not any(one.failed for one in seen.operations)
        and seen.kept,
    )


def _lives(pool: Pool) -> list[tuple[str, int]]:
    """Each pod, and how often its containers were started anew."""
    return [
        (pod["metadata"]["uid"], sum(one["restartCount"] for one in pod["status"]["containerStatuses"]))
        for pod in pool.pods()
    ]


def _ways(pool: Pool) -> list[str]:
    """How a client connects to each replica."""
    return [pool.conninfo_of(pod["status"]["podIP"]) for pod in pool.pods()]


def _accepted(pool: Pool, moment: float) -> float | None:
    """Seconds until a client of each replica has logged in with the new password."""
    waiting = _ways(pool)
    while time.monotonic() < moment + WATCHED_SECONDS:
        waiting = [conninfo for conninfo in waiting if not _logs_in(conninfo)]
        if not waiting:
            return time.monotonic() - moment
        time.sleep(LOGIN_SECONDS)
    return None


def _logs_in(conninfo: str) -> bool:
    try:
        with psycopg.connect(conninfo, password=NEW_PASSWORD, autocommit=True, connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _without_reloader(one: Json) -> None:
    if one["kind"] == "StatefulSet":
        pod = one["spec"]["template"]["spec"]
        pod["containers"] = [each for each in pod["containers"] if each["name"] != "reloader"]


def claims(scene: Scene) -> list[Claim]:
    """Both of these, on a cluster."""
    return [
        Claim("containers have no security context", partial(confined, scene)),
        Claim("no reloader runs", partial(rotated, scene)),
    ]
