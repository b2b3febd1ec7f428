"""PostgreSQL, a deployed pool and a load on it, while something happens to them."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proofs.postgresql.deployed import Deployed
from proofs.postgresql.load import Group, run
from proofs.postgresql.records import Connect, Operation, Record, Seen, outcome
from proofs.postgresql.replicas import Replica
from proofs.postgresql.servers import Servers, serving_servers
from proofs.postgresql.service import Service, serving

__all__ = ["TABLE", "Scene", "pooled", "scene"]

TABLE = "ids"
SEED = 1
"""Of the loads, and of the Service."""
LONGEST_SECONDS = 300
"""A load ends by then, whatever happens."""

Happens = Callable[[Service], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Scene:
    """What runs."""

    servers: Servers
    deployed: Deployed
    replicas: list[Replica]

    def under_load(self, groups: Sequence[Group], happens: Happens, *, around_seconds: float = 2) -> Seen:
        """Lets something happen to the pool while clients use its Service. Not inside a running event loop.

        Args:
            groups: The clients.
            happens: What happens, once every client pool is open.
            around_seconds: The load before that, and after it.
        """
        return asyncio.run(self._under_load(groups, happens, around_seconds))

    async def _under_load(self, groups: Sequence[Group], happens: Happens, around_seconds: float) -> Seen:
        records: list[Record] = []
        stop = asyncio.Event()
        await asyncio.to_thread(self.servers.postgresql.psql, f"TRUNCATE {TABLE}")
        async with serving(self.servers.service_address, self.replicas, SEED) as service:
            load = asyncio.create_task(run(groups, seconds=LONGEST_SECONDS, seed=SEED, note=records.append, stop=stop))
            happening = asyncio.create_task(_happen(service, happens, around_seconds, records))
            try:
                await asyncio.wait({load, happening}, return_when=asyncio.FIRST_COMPLETED)
                ended, _ = load.done(), stop.set()
                await load  # raises why it could not begin
                if ended:
                    raise TimeoutError(f"what happens under the load had no end within {LONGEST_SECONDS} s")
                await happening
            finally:
                happening.cancel()
        found = await asyncio.to_thread(self.servers.postgresql.psql, f"SELECT id FROM {TABLE}")
        operations = [one for one in records if isinstance(one, Operation)]
        connects = [one for one in records if isinstance(one, Connect)]
        return Seen(operations, connects, outcome(operations, found.split()))


async def _happen(service: Service, happens: Happens, around_seconds: float, records: Sequence[Record]) -> None:
    while not any(isinstance(one, Operation) for one in records):  # every pool is open then
        await asyncio.sleep(0.1)
    await asyncio.sleep(around_seconds)
    await happens(service)
    await asyncio.sleep(around_seconds)


@contextmanager
def scene(
    loaded: Mapping[str, Any], spoil: Callable[[Deployed], None] | None = None, **arguments: Any
) -> Generator[Scene]:
    """PostgreSQL with a table for ids, and a pool before it as the component deploys it.

    Args:
        loaded: The document.
        spoil: Plants a fault in the deployed objects.
        arguments: Further ones of the component.
    """
    with serving_servers() as servers, pooled(servers, loaded, spoil, **arguments) as here:
        yield here


@contextmanager
def pooled(
    servers: Servers, loaded: Mapping[str, Any], spoil: Callable[[Deployed], None] | None = None, **arguments: Any
) -> Generator[Scene]:
    """The same before a PostgreSQL that runs."""
    servers.postgresql.psql(f"CREATE TABLE IF NOT EXISTS {TABLE} (id text); GRANT ALL ON {TABLE} TO orders")
    deployed = servers.deployed(loaded, **arguments)
    if spoil is not None:
        spoil(deployed)
    with servers.pool(deployed) as replicas:
        yield Scene(servers, deployed, replicas)
