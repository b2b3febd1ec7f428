"""Restarts and failures of a pool under a small load, on real servers: nothing that was committed is lost."""

import asyncio
import signal

import pytest

from proofs.pooling.credentials import storm
from proofs.pooling.failures import cancelled_through_the_other
from proofs.pooling.kubelet import Kubelet, roll
from proofs.pooling.restarts import clients_of, loaded
from proofs.pooling.scene import pooled
from proofs.postgresql.processes import open_files
from proofs.postgresql.records import Phase
from proofs.postgresql.servers import Servers
from proofs.postgresql.service import Service

FEW = {"pods": 2, "pool_size": 4, "per_second": 40}


@pytest.mark.parametrize(
    ("mode", "clients"), [("clients", {"life_seconds": 2}), ("transactions", {"pre_ping": True, "retries": 3})]
)
def test_no_client_notices_a_rolling_restart(servers: Servers, mode: str, clients: dict[str, float]) -> None:
    drain = {"mode": mode, "endpoint_seconds": 1, "grace_period_seconds": 60}
    with pooled(servers, loaded(2, recycle_seconds=2), drain=drain) as here:

        async def happens(service: Service) -> None:
            await roll(service, here.replicas)

        seen = here.under_load([clients_of(here, **FEW, **clients)], happens, around_seconds=0.5)
    assert seen.operations
    assert seen.failed() == []
    assert seen.kept


def test_a_killed_replica_is_replaced_and_loses_nothing(servers: Servers) -> None:
    with pooled(servers, loaded(2)) as here:
        before = here.replicas[0].pid

        async def happens(service: Service) -> None:
            async with Kubelet(service).watching(here.replicas) as kubelet:
                here.replicas[0].signal(signal.SIGKILL)
                while not kubelet.restored:
                    await asyncio.sleep(0.05)
                assert here.replicas[0].pid != before
                assert service.routes == set(here.replicas)

        seen = here.under_load([clients_of(here, **FEW, pre_ping=True, retries=3)], happens, around_seconds=0.5)
    assert {one.failed[-1].phase for one in seen.failed()} <= {Phase.UNKNOWN}
    assert seen.kept


def test_a_cancel_request_reaches_the_query_through_another_replica(servers: Servers) -> None:
    with pooled(servers, loaded(2)) as here:
        for seed in range(2):
            assert asyncio.run(cancelled_through_the_other(here, 30, seed)) is not None


def test_clients_beyond_the_limit_are_refused_and_the_others_served(servers: Servers) -> None:
    with pooled(servers, loaded(2, pool_size=2)) as here:
        limit = here.deployed.plan.max_client_conn
        seen = asyncio.run(storm(here, here.replicas[0], limit + 3))
        assert (seen.served + len(seen.refused), seen.left) == (limit + 3, 0)
        assert limit // 2 < seen.served <= limit  # a client that is refused counts until it is gone
        assert open_files(here.replicas[0].pid) == here.deployed.plan.file_descriptors
