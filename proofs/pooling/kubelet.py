"""What a kubelet does with a pool's replicas, as its rendered pod tells it: probes, and replicas started anew."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from proofs.postgresql.deployed import POOL_PORT
from proofs.postgresql.replicas import Replica
from proofs.postgresql.service import Service

__all__ = ["Kubelet", "accepts", "roll"]

POLL_SECONDS = 0.05


def accepts(replica: Replica, kind: str) -> bool:  # noqa: ARG001 - as Replica.probe is called
    """What a TCP probe asks."""
    try:
        with socket.create_connection((replica.address, POOL_PORT), timeout=3):
            return True
    except OSError:
        return False


@dataclass
class Kubelet:
    """Probes replicas, and starts again what has ended or no longer answers."""

    service: Service
    probe: Callable[[Replica, str], bool] = Replica.probe
    restarts: bool = True
    """Whether it starts anything again."""
    unready: dict[Replica, float] = field(default_factory=dict[Replica, float])
    """When each was last taken out of the Service: seconds of the machine's monotonic clock."""
    restored: dict[Replica, float] = field(default_factory=dict[Replica, float])
    """When each was last started anew and ready."""

    @asynccontextmanager
    async def watching(self, replicas: Sequence[Replica]) -> AsyncGenerator["Kubelet"]:
        """Watches replicas that run."""
        tasks = [asyncio.create_task(self._watch(replica)) for replica in replicas]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            failed = await asyncio.gather(*tasks, return_exceptions=True)
            for one in failed:
                if isinstance(one, Exception):
                    raise one

    async def _watch(self, replica: Replica) -> None:
        while True:
            frozen = await self._life(replica)
            self._route(replica, ready=False)
            if not self.restarts:
                return
            if frozen:
                own = replica.deployed.container("pgbouncer")["livenessProbe"].get("terminationGracePeriodSeconds")
                await asyncio.to_thread(replica.terminate, own)
            # A container alone: what is in the pod's memory stays.
            await asyncio.to_thread(replica.start_container, "pgbouncer")
            while not await asyncio.to_thread(self.probe, replica, "startupProbe"):
                await asyncio.sleep(POLL_SECONDS)
            self._route(replica, ready=True)
            self.restored[replica] = time.monotonic()

    async def _life(self, replica: Replica) -> bool:
        """One life of a replica: whether it ended because it no longer answered."""
        ended = asyncio.create_task(_ended(replica))
        frozen = asyncio.create_task(self._failing(replica, "livenessProbe"))
        readiness = asyncio.create_task(self._readiness(replica))
        try:
            await asyncio.wait({ended, frozen}, return_when=asyncio.FIRST_COMPLETED)
            return not ended.done()
        finally:
            for task in (ended, frozen, readiness):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _failing(self, replica: Replica, kind: str) -> None:
        """Returns when a probe has failed as often as its threshold."""
        probe = replica.deployed.container("pgbouncer")[kind]
        failures, due = 0, time.monotonic()
        while failures < probe["failureThreshold"]:
            due += probe["periodSeconds"]
            await asyncio.sleep(due - time.monotonic())
            failures = 0 if await asyncio.to_thread(self.probe, replica, kind) else failures + 1

    async def _readiness(self, replica: Replica) -> None:
        while True:
            await self._failing(replica, "readinessProbe")
            self._route(replica, ready=False)
            while not await asyncio.to_thread(self.probe, replica, "readinessProbe"):
                await asyncio.sleep(replica.deployed.container("pgbouncer")["readinessProbe"]["periodSeconds"])
            self._route(replica, ready=True)

    def _route(self, replica: Replica, *, ready: bool) -> None:
        if ready:
            self.service.routes.add(replica)
        elif replica in self.service.routes:
            self.service.routes.discard(replica)
            self.unready[replica] = time.monotonic()


async def _ended(replica: Replica) -> None:
    while replica.running:
        await asyncio.sleep(POLL_SECONDS)


async def roll(
    service: Service,
    replicas: Sequence[Replica],
    ready: Callable[[], Coroutine[Any, Any, None]] | None = None,
    *,
    away_seconds: float = 0,
) -> None:
    """Replaces replicas one by one, the one with the highest number first, as a StatefulSet's controller does.

    Args:
        service: Theirs.
        replicas: By number.
        ready: Is run each time a replica is ready again, before the next one stops.
        away_seconds: What a cluster takes to schedule each again and to fetch its image.
    """
    for replica in reversed(replicas):
        await service.restart(replica, away_seconds=away_seconds)
        await asyncio.sleep(replica.deployed.stateful_set["minReadySeconds"])
        if ready is not None:
            await ready()
