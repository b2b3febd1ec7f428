"""Connections from pods to destinations. Imports nothing of loadfit."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import cast

from proofs.egress.network import DESTINATION_PORT, Namespace, Network

__all__ = ["BEGUN", "Churn", "Held", "hold", "serving"]

TCP_REPAIR = 19
"""A socket in this mode is closed without a packet (linux/tcp.h)."""
TCP_QUICKACK = 12
GIVE_UP_SECONDS = 0.9
"""A connection that has not come about by then was refused: after a second the kernel would try again by itself."""
LATE_SECONDS = 0.3
"""A machine that is later than this with opening connections does not keep pace."""
BEGUN = 0.01
"""Refusals have begun where they are more than this share of the attempts. Single ones come earlier: Linux looks at
some 240 ports and then gives up, and two connections that take the same port at the same moment lose one of them."""


def _forget(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)


class _Destination(asyncio.Protocol):
    """One side of a connection: answers what it is sent, and never closes.

    So the client's close begins the cool-down, and nothing shortens it: Linux needs no cool-down of a connection that
    both sides have closed, and takes its port as soon as it finds no other (nf_nat_core.c, since 6.2).
    """

    def __init__(self, connections: set[asyncio.Transport]) -> None:
        self.connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connections.add(self.transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def eof_received(self) -> None:
        self.connections.discard(self.transport)
        own = self.transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 1)  # so that it acknowledges the close before it is gone
        own.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self.transport.abort()


@asynccontextmanager
async def serving(network: Network) -> AsyncGenerator[Network]:
    """Destinations answer; in the end the network is given up."""
    loop = asyncio.get_running_loop()
    servers: list[asyncio.Server] = []
    connections: set[asyncio.Transport] = set()
    try:
        for address, namespace in network.destinations.items():
            listener = namespace.socket()
            listener.bind((address, DESTINATION_PORT))
            servers.append(await loop.create_server(lambda: _Destination(connections), sock=listener, backlog=1024))
        yield network
    finally:
        for server in servers:
            server.close()
        for transport in connections:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            transport.abort()
        network.close()


async def _connected(pod: Namespace, address: str) -> socket.socket | None:
    """A connection; nothing where it does not come about."""
    opened = pod.socket()
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await asyncio.get_running_loop().sock_connect(opened, (address, DESTINATION_PORT))
    except BaseException as error:
        opened.close()
        if isinstance(error, OSError):  # a TimeoutError is one
            return None
        raise
    return opened


@dataclass(frozen=True)
class Held:
    """How connections that are held came about."""

    attempts: int
    open: int
    """Of the attempts."""
    open_when_refused: int | None
    """How many were open when more than one in a hundred of all attempts had been refused, if ever."""


async def hold(network: Network, addresses: Collection[str], per_pod: int) -> Held:
    """Opens connections and holds them, each attempt made once.

    Args:
        network: Where.
        addresses: The destinations: each pod opens a connection to each of them, round after round.
        per_pod: Rounds.
    """
    held: list[socket.socket] = []
    attempts, before = 0, None
    try:
        for _ in range(per_pod):
            refused = attempts - len(held)
            held += await _round(network, addresses, refused)
            attempts += len(network.pods) * len(addresses)
            if before is None and attempts - len(held) > BEGUN * per_pod * len(network.pods) * len(addresses):
                before = len(held)
        return Held(attempts, len(held), before)
    finally:
        for one in held:
            _forget(one)
            one.close()


async def _round(network: Network, addresses: Collection[str], refused: int) -> list[socket.socket]:
    """The connections that come about, where each pod tries one to each destination.

    Args:
        network: Where.
        addresses: The destinations.
        refused: Connections that the network had refused before.
    """
    attempts = [asyncio.ensure_future(_connected(pod, address)) for pod in network.pods for address in addresses]
    waiting: set[asyncio.Task[socket.socket | None]] = set(attempts)
    while waiting:
        _, waiting = await asyncio.wait(waiting, timeout=0.02)
        if waiting and len(waiting) <= network.refused - refused:
            break
    for attempt in waiting:
        attempt.cancel()
    opened = await asyncio.gather(*attempts, return_exceptions=True)
    return [one for one in opened if isinstance(one, socket.socket)]


@dataclass
class Churn:
    """Connections that are opened at a rate, used, kept idle and closed."""

    network: Network
    address: str
    requests: int
    """On each connection, one after the other."""
    request_seconds: float
    """How long each takes."""
    idle_seconds: float
    """How long a connection is kept after its last request."""
    _running: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self._turns = cycle(self.network.pods)

    async def run(self, per_second: float, seconds: float) -> bool:
        """Opens connections evenly at a rate, from one pod after the other.

        Returns:
            Whether the machine kept pace. Where it did not, connections came in a burst and were held for too long.
        """
        loop = asyncio.get_running_loop()
        start = previous = loop.time()
        opened, kept = 0, True
        while (now := loop.time()) - start < seconds:
            kept = kept and now - previous < LATE_SECONDS
            previous = now
            while opened < (now - start) * per_second:
                task = asyncio.ensure_future(self._use(next(self._turns)))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                opened += 1
            await asyncio.sleep(max(opened / per_second - (now - start), 0.005))
        return kept

    async def _use(self, pod: Namespace) -> None:
        connection = await _connected(pod, self.address)
        if connection is None:
            return
        loop = asyncio.get_running_loop()
        opened = loop.time()
        with connection:
            for number in range(1, self.requests + 1):
                await loop.sock_sendall(connection, b"?")
                await loop.sock_recv(connection, 1)
                await asyncio.sleep(opened + number * self.request_seconds - loop.time())
            await asyncio.sleep(self.idle_seconds)

    async def stop(self) -> None:
        """Closes what is open."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
