"""A PostgreSQL, and before it the case study's pool as the component deploys it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from proofs.postgresql.deployed import Deployed, document
from proofs.postgresql.replicas import Replica
from proofs.postgresql.servers import Servers, serving_servers
from tests.servers import require_servers


@dataclass(frozen=True)
class Running:
    servers: Servers
    deployed: Deployed
    replicas: list[Replica]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    require_servers()
    with serving_servers() as running:
        yield running


@pytest.fixture(scope="module")
def pool(servers: Servers) -> Iterator[Running]:
    deployed = servers.deployed(document())
    with servers.pool(deployed) as replicas:
        yield Running(servers, deployed, replicas)
