"""What fails, and for how long: a replica that is killed or frozen, a cancelled query, PostgreSQL restarted."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from proofs.claims import Claim
from proofs.pooling.kubelet import Kubelet, accepts
from proofs.pooling.restarts import clients_of, loaded
from proofs.pooling.scene import Scene, scene
from proofs.postgresql.deployed import Deployed, noticed_seconds, without_peers
from proofs.postgresql.records import Phase
from proofs.postgresql.replicas import Replica
from proofs.postgresql.service import Service, serving
from proofs.table import Row, in_seconds

__all__ = ["CLAIMS", "cancelled_through_the_other"]

MARGIN_SECONDS = 2
"""For starting programs on a busy machine."""
POLL_SECONDS = 0.1


def killed(faulty: bool) -> Row:
    """A replica that is killed breaks what runs on it; all but an unanswered COMMIT can be retried, and nothing that
    was committed is lost."""
    moment = 0.0
    with scene(loaded(2)) as here:
        victims = here.replicas if faulty else here.replicas[:1]
        back: list[float] = []

        async def happens(service: Service) -> None:
            nonlocal moment
            async with Kubelet(service, restarts=not faulty).watching(here.replicas) as kubelet:
                moment = time.monotonic()
                for victim in victims:
                    victim.signal(signal.SIGKILL)
                await asyncio.sleep(5)
                back.extend(restored - moment for restored in kubelet.restored.values())

        careful = clients_of(here, pre_ping=True, retries=3, pool_timeout_seconds=4, service_seconds=0.15)
        seen = here.under_load([careful], happens)
    attempts = [attempt for one in seen.operations for attempt in one.failed]
    within = [attempt for attempt in attempts if attempt.phase is Phase.WITHIN]
    unanswered = [one for one in seen.failed() if one.failed[-1].phase is Phase.UNKNOWN]
    others = len(seen.failed()) - len(unanswered)
    last = max((attempt.at - moment for attempt in attempts), default=0)
    return Row(
        f"SIGKILL of 1 of 2 replicas: {len(seen.operations):,} transactions, clients that pre-ping and retry",
        f"{len(within)} broken and retried, the last error after {last:.1f} s; {len(unanswered)} commits without an "
        f"answer, {others} other errors; back after {in_seconds(max(back, default=None))}; {seen.ids}",
        "0 other errors, 0 lost, 0 twice",
        bool(within) and not others and seen.kept,
    )


def cancelled(faulty: bool) -> Row:
    """A cancel request that arrives at the other replica cancels the query."""
    tries, seconds = 5, 5
    with scene(loaded(2), _without_peers if faulty else None) as here:
        times = [asyncio.run(cancelled_through_the_other(here, seconds, seed)) for seed in range(tries)]
    done = [one for one in times if one is not None]
    return Row(
        f"cancel requests through the other replica, for queries of {seconds} s",
        f"{len(done)} of {tries} cancelled" + (f", after at most {max(done):.2f} s" if done else ""),
        f"{tries} of {tries}",
        len(done) == tries,
    )


async def cancelled_through_the_other(here: Scene, seconds: float, seed: int = 0) -> float | None:
    """Seconds until a query was cancelled whose cancel request the Service sends to another replica.

    Args:
        here: With two replicas at least.
        seconds: What the query takes if nobody cancels it; ``None`` is returned then.
        seed: Chooses the replica.
    """
    own = here.replicas[seed % len(here.replicas)]
    async with (
        serving(here.servers.service_address, [own]) as service,
        await psycopg.AsyncConnection.connect(here.servers.pooled, autocommit=True) as connection,
    ):
        service.routes = set(here.replicas) - {own}
        query = asyncio.create_task(connection.execute("SELECT pg_sleep(%s)", [seconds]))
        await _until_it_runs(here, query)
        asked = time.monotonic()
        await connection.cancel_safe()
        try:
            await query
        except psycopg.errors.QueryCanceled:
            return time.monotonic() - asked
        return None


async def _until_it_runs(here: Scene, query: asyncio.Task[Any]) -> None:
    """A cancel request before it has a server connection would cancel nothing."""
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
    while not query.done() and await asyncio.to_thread(here.servers.postgresql.psql, active) == "0":
        await asyncio.sleep(POLL_SECONDS)


def _without_peers(deployed: Deployed) -> None:
    data = deployed.deployment.resource("orders-config").inputs["data"]
    data["pgbouncer.ini"] = without_peers(data["pgbouncer.ini"])


def frozen(faulty: bool) -> Row:
    """The component's own probes notice a replica that is frozen, and it is replaced."""
    with scene(loaded(2)) as here:
        unready, restored = asyncio.run(_frozen(here, accepts if faulty else Replica.probe))
    container = here.deployed.container("pgbouncer")
    readiness, liveness = (noticed_seconds(container[kind]) for kind in ("readinessProbe", "livenessProbe"))
    # At the end SIGTERM is waited for, at least so long.
    grace = container["livenessProbe"]["terminationGracePeriodSeconds"] + 2
    return Row(
        "SIGSTOP of 1 of 2 replicas: out of the Service, and started anew",
        f"after {in_seconds(unready)}, {in_seconds(restored)}",
        f"after at most {readiness} s, {liveness + grace} s, and {MARGIN_SECONDS} s for starts",
        unready is not None
        and restored is not None
        and unready <= readiness + MARGIN_SECONDS
        and restored <= liveness + grace + MARGIN_SECONDS,
    )


async def _frozen(here: Scene, probe: Callable[[Replica, str], bool]) -> tuple[float | None, float | None]:
    victim = here.replicas[0]
    async with serving(here.servers.service_address, here.replicas) as service:
        kubelet = Kubelet(service, probe)
        async with kubelet.watching(here.replicas):
            await asyncio.sleep(1)
            moment = time.monotonic()
            victim.signal(signal.SIGSTOP)
            while victim not in kubelet.restored and time.monotonic() < moment + 60:
                await asyncio.sleep(POLL_SECONDS)
    unready, restored = kubelet.unready.get(victim), kubelet.restored.get(victim)
    return unready and unready - moment, restored and restored - moment


def database_restarted(faulty: bool) -> Row:
    """Once PostgreSQL is there again, every replica serves within server_login_retry."""
    retry = 2
    with scene(loaded(2), settings={"server_login_retry": "15"} if faulty else {}) as here:
        postgresql = here.servers.postgresql

        async def happens(here: Scene) -> Sequence[float]:
            await asyncio.gather(*(_until_served(here, replica) for replica in here.replicas))
            await asyncio.to_thread(postgresql.stop)
            waiting = [asyncio.create_task(_until_served(here, replica)) for replica in here.replicas]
            await asyncio.sleep(3)
            await asyncio.to_thread(postgresql.start)
            moment = time.monotonic()
            return [await one - moment for one in waiting]

        served = asyncio.run(happens(here))
    return Row(
        "PostgreSQL away for 3 s: until each replica serves again",
        " and ".join(f"{max(seconds, 0):.1f} s" for seconds in served),
        f"server_login_retry {retry} s, and {MARGIN_SECONDS} s for starts",
        all(seconds <= retry + MARGIN_SECONDS for seconds in served),
    )


async def _until_served(here: Scene, replica: Replica) -> float:
    """When a client that goes on asking was first answered."""
    for _ in range(600):
        try:
            async with await psycopg.AsyncConnection.connect(
                here.servers.pooled_by(replica), autocommit=True, connect_timeout=5
            ) as connection:
                await connection.execute("SELECT 1")
                return time.monotonic()
        except psycopg.OperationalError:
            await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"{replica.name} serves no more")


CLAIMS = (
    Claim("both replicas are killed and nothing starts them again", killed),
    Claim("the replicas do not know one another", cancelled),
    Claim("the probes ask for no more than a TCP connection", frozen),
    Claim("server_login_retry is 15 s", database_restarted),
)
