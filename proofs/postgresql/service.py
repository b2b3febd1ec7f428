"""What stands for the pool's Service: new connections are dealt out to the replicas that are ready."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

from proofs.postgresql.deployed import POOL_PORT
from proofs.postgresql.replicas import Replica

__all__ = ["Service", "serving"]

NOTICED_SECONDS = 0.5
"""After a replica begins to stop, until it gets no more connections; the component leaves 15 s for it."""


@dataclass
class Service:
    """Deals out connections at random, as kube-proxy does, and leaves alone those that are open."""

    address: str
    random: Random
    routes: set[Replica] = field(default_factory=set[Replica])
    dealt: int = 0
    refused: int = 0
    """Connections that no replica took."""

    def accept(self) -> asyncio.Protocol:
        """One client's connection."""
        return _Client(self)

    def choose(self) -> Replica | None:
        """The replica of a new connection."""
        ready = sorted(self.routes, key=lambda replica: replica.number)
        return self.random.choice(ready) if ready else None

    async def restart(self, replica: Replica, *, away_seconds: float = 0) -> float:
        """Restarts a replica as a rollout does; gives the seconds that it took to stop.

        Args:
            replica: The replica.
            away_seconds: What a cluster takes to schedule it again and to fetch its image.
        """

        async def notice() -> None:
            await asyncio.sleep(NOTICED_SECONDS)
            self.routes.discard(replica)

        noticed = asyncio.create_task(notice())
        seconds = await asyncio.to_thread(replica.terminate)
        await noticed
        await asyncio.sleep(away_seconds)
        await asyncio.to_thread(replica.start)
        self.routes.add(replica)
        return seconds


class _Pipe(asyncio.Protocol):
    """One direction: what arrives here is sent there, no faster than that side takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Pipe | None = None
        self.held = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)
        else:
            self.held += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        if self.other and self.other.transport:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()


class _Client(_Pipe):
    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        replica = self.service.choose()
        server = _Pipe()
        server.other = self
        try:
            if replica is None:
                raise ConnectionRefusedError
            await asyncio.get_running_loop().create_connection(lambda: server, replica.address, POOL_PORT)
        except OSError:
            self.service.refused += 1
            if self.transport:
                self.transport.abort()
            return
        self.service.dealt += 1
        assert server.transport is not None
        server.transport.write(bytes(self.held))
        self.other = server
        if self.transport is None or self.transport.is_closing():
            server.transport.close()


@asynccontextmanager
async def serving(address: str, replicas: list[Replica], seed: int = 1) -> AsyncGenerator[Service]:
    """The Service of some replicas, at an address of this machine and PgBouncer's own port."""
    service = Service(address, Random(seed), set(replicas))
    listener = await asyncio.get_running_loop().create_server(service.accept, address, POOL_PORT)
    try:
        yield service
    finally:
        listener.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(listener.wait_closed(), timeout=1)
