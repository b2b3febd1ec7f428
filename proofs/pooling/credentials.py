"""A password that is changed under load, and more clients than a replica accepts."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from proofs.claims import Claim
from proofs.pooling.restarts import clients_of, loaded
from proofs.pooling.scene import Scene, scene
from proofs.postgresql.deployed import RELOAD_SECONDS, RETRY_SECONDS, Deployed
from proofs.postgresql.processes import open_files
from proofs.postgresql.replicas import Replica
from proofs.postgresql.servers import NEW_PASSWORD, ROLE
from proofs.postgresql.service import Service
from proofs.table import Row

__all__ = ["CLAIMS", "Storm", "storm", "with_few_files"]

MARGIN_SECONDS = 2
"""For starting psql on a busy machine."""
WATCHED_SECONDS = 18
LOGIN_SECONDS = 0.25
"""Between two attempts to log in to a replica."""
FEW_FILES = 64
BEYOND = 20
WAIT_SECONDS = 20
"""Logging in takes the clients themselves some seconds where all of them do."""


def rotated(faulty: bool) -> Row:
    """Sessions outlive a change of the password; new logins need the new one, and fail for no longer than a reload."""
    moment = 0.0
    with scene(loaded(2)) as here:
        if not faulty:
            for replica in here.replicas:
                replica.start_container("reloader")
            time.sleep(RELOAD_SECONDS + 1)  # it has read the password once
        failed: list[float] = []

        async def happens(_: Service) -> None:
            nonlocal moment
            moment = time.monotonic()
            await asyncio.to_thread(_rotate, here)
            logins = (_log_in(here, replica, failed) for replica in here.replicas)
            await asyncio.gather(*logins)

        seen = here.under_load([clients_of(here)], happens)
    errors = sum(len(one.failed) for one in seen.operations)
    window = max((at - moment for at in failed), default=0)
    most = RELOAD_SECONDS + RETRY_SECONDS
    return Row(
        f"the password changes under load: {len(seen.operations):,} transactions of sessions that are open",
        f"{errors} errors, {seen.ids}; new logins fail for {window:.1f} s",
        f"0 errors; at most {most} s (reloader {RELOAD_SECONDS} s, server_login_retry {RETRY_SECONDS} s), "
        f"and {MARGIN_SECONDS} s for starts",
        not errors and seen.kept and 0 < window <= most + MARGIN_SECONDS,
    )


def _rotate(here: Scene) -> None:
    """In PostgreSQL and, at the same moment, in the Secret's files: what the kubelet takes for those comes on top."""
    here.servers.postgresql.set_password(ROLE, NEW_PASSWORD)
    quoted = NEW_PASSWORD.replace('"', '""')
    for replica in here.replicas:
        for file in replica.volume("credentials").iterdir():
            file.write_text(file.read_text().replace(here.servers.password, quoted))


async def _log_in(here: Scene, replica: Replica, failed: list[float]) -> None:
    """Logs in to a replica with the new password again and again, and notes when that failed."""
    end = time.monotonic() + WATCHED_SECONDS
    while time.monotonic() < end:
        try:
            async with await psycopg.AsyncConnection.connect(
                here.servers.pooled_by(replica), password=NEW_PASSWORD, autocommit=True, connect_timeout=5
            ) as connection:
                await connection.execute("SELECT 1")
        except psycopg.OperationalError:
            failed.append(time.monotonic())
        await asyncio.sleep(LOGIN_SECONDS)


def stormed(faulty: bool) -> Row:
    """A replica serves at most max_client_conn clients and refuses the others at once; none hangs.

    It counts a client that it refuses until that is gone, so that in a storm more are refused than there are too many.
    """
    with scene(loaded(2), with_few_files if faulty else None) as here:
        replica, plan = here.replicas[0], here.deployed.plan
        seen = asyncio.run(storm(here, replica, plan.max_client_conn + BEYOND))
        files = open_files(replica.pid)
    slowest = f" within {max(seen.refused):.1f} s" if seen.refused else ""
    return Row(
        f"{plan.max_client_conn + BEYOND} clients of one replica, whose limit of open files is {files}",
        f"{seen.served} served, {len(seen.refused)} refused{slowest}, {seen.left} left to wait",
        f"at most {plan.max_client_conn} served (max_client_conn), the others refused, 0 left to wait; "
        f"{plan.file_descriptors} files",
        0 < seen.served <= plan.max_client_conn and not seen.left and files == plan.file_descriptors,
    )


@dataclass
class Storm:
    """What became of clients that all come at once."""

    served: int = 0
    refused: list[float] = field(default_factory=list[float])
    """Seconds until each was told."""
    left: int = 0
    """Those that were neither served nor told so, until a time-out."""


async def storm(here: Scene, replica: Replica, clients: int) -> Storm:
    """Opens connections to a replica all at once, and asks on those that are open at the same time.

    Args:
        here: Where it runs.
        replica: Whose.
        clients: How many.
    """
    seen = Storm()
    tried = await asyncio.gather(*(_connected(here, replica, seen) for _ in range(clients)))
    connections = [one for one in tried if one is not None]
    try:
        seen.served = len(await asyncio.gather(*(one.execute("SELECT 1") for one in connections)))
    finally:
        await asyncio.gather(*(one.close() for one in connections))
    return seen


async def _connected(here: Scene, replica: Replica, seen: Storm) -> "psycopg.AsyncConnection[Sequence[object]] | None":
    began = time.monotonic()
    try:
        return await psycopg.AsyncConnection.connect(
            here.servers.pooled_by(replica), autocommit=True, connect_timeout=WAIT_SECONDS
        )
    except psycopg.OperationalError as error:
        if "no more connections allowed (max_client_conn)" in str(error):
            seen.refused.append(time.monotonic() - began)
        else:
            seen.left += 1
    return None


def with_few_files(deployed: Deployed) -> None:
    """Lets the replicas start with a container's own limit, here a small one."""
    command = deployed.container("pgbouncer")["command"]
    command[-1] = command[-1].replace('ulimit -n "$FILE_DESCRIPTORS"', f"ulimit -n {FEW_FILES}")


CLAIMS = (
    Claim("no reloader runs", rotated),
    Claim(f"the replicas start with {FEW_FILES} files", stormed),
)
