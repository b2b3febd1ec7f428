"""PostgreSQL and a pool before it, on loopback addresses of their own, for as long as they are used."""

import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.postgresql.certificates import Authority
from proofs.postgresql.deployed import POOL_PORT, SERVICE_NAME, Deployed, deployed
from proofs.postgresql.processes import ending_on_signals, loopback_network, temporary
from proofs.postgresql.programs import require
from proofs.postgresql.replicas import Replica, serving_replicas
from proofs.postgresql.server import PostgreSql, serving_postgresql

__all__ = ["NEW_PASSWORD", "ROLE", "Servers", "serving_servers"]

ROLE = "orders"
NEW_PASSWORD = "a-new-one-with-a-\"quote'"
"""To change to: with what SQL has to quote, and what PgBouncer's list of users has to."""


@dataclass(frozen=True)
class Servers:
    """What runs, and how clients reach it: with TLS, and the server's name verified."""

    folder: Path
    network: str
    authority: Authority
    postgresql: PostgreSql
    password: str

    @property
    def service_address(self) -> str:
        """Where the pool's Service is to listen."""
        return f"{self.network}.10"

    @property
    def direct(self) -> str:
        """How libpq connects to PostgreSQL itself."""
        return f"host={self.postgresql.addresses[0]} port={self.postgresql.port} {self._client}"

    @property
    def pooled(self) -> str:
        """How libpq connects to the pool's Service."""
        return self._pool(self.service_address)

    def pooled_by(self, replica: Replica) -> str:
        """How libpq connects to one replica."""
        return self._pool(replica.address)

    def _pool(self, address: str) -> str:
        return f"host={SERVICE_NAME} hostaddr={address} port={POOL_PORT} {self._client}"

    @property
    def _client(self) -> str:
        trusted = f"sslmode=verify-full sslrootcert={self.authority.file}"
        return f"dbname={self.postgresql.database} user={ROLE} password={self.password} {trusted}"

    def deployed(self, loaded: Mapping[str, Any], **arguments: Any) -> Deployed:
        """PgBouncerPool before this PostgreSQL. Not inside a running event loop.

        Args:
            loaded: The document.
            arguments: Further ones of the component.
        """
        return deployed(
            loaded,
            endpoint=f"{self.postgresql.addresses[0]}:{self.postgresql.port}",
            passwords={ROLE: self.password},
            server_ca=self.authority.file.read_text(),
            service_certificate=self.authority.sign("pool", [SERVICE_NAME]),
            **arguments,
        )

    @contextmanager
    def pool(self, pool: Deployed) -> Generator[list[Replica]]:
        """The replicas of a pool, ready."""
        folder = self.folder / "pool"
        folder.mkdir()
        try:
            with serving_replicas(folder, pool, self.network) as replicas:
                yield replicas
        finally:
            folder.rename(self.folder / f"pool-{secrets.token_hex(4)}")  # its logs stay until all ends


@contextmanager
def serving_servers(max_connections: int = 200, **settings: Any) -> Generator[Servers]:
    """PostgreSQL with a role and an empty database, which goes when the program ends, however that is.

    Args:
        max_connections: PostgreSQL's.
        settings: Further ones.

    Raises:
        Missing: A server is not installed.
    """
    require()
    with ending_on_signals(), temporary() as folder, loopback_network() as network:
        authority = Authority(folder / "authority")
        address = f"{network}.1"
        (folder / "postgresql").mkdir()
        certificate = authority.sign("postgresql", [address])
        with serving_postgresql(
            folder / "postgresql", certificate, addresses=[address], max_connections=max_connections, **settings
        ) as postgresql:
            password = secrets.token_urlsafe(24)
            postgresql.add_role(ROLE, password)
            yield Servers(folder, network, authority, postgresql, password)
