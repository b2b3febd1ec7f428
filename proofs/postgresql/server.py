"""A PostgreSQL server of one's own, with TLS and SCRAM."""

import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proofs.postgresql.certificates import Certificate
from proofs.postgresql.processes import owned, run, start, stop, until
from proofs.postgresql.programs import postgresql

__all__ = ["PostgreSql", "serving_postgresql"]


@dataclass
class PostgreSql:
    """The server, and what it is asked."""

    folder: Path
    addresses: Sequence[str]
    port: int
    max_connections: int
    database: str
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """All that it has said."""
        return self.folder / "postgresql.log"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self.process = start([str(postgresql("postgres")), "-D", str(self.folder / "data")], self.log, cwd=self.folder)
        until(self._answers, self.process, self.log)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stops it: at once, with what runs rolled back, as an administrator would."""
        if self.process is not None:
            stop(self.process, number)

    def _answers(self) -> bool:
        command = [str(postgresql("pg_isready")), "--quiet", *self._place()]
        return run(command, cwd=self.folder, check=False).returncode == 0

    def add_role(self, name: str, password: str) -> None:
        """A role that may log in."""
        self.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{_quoted(password)}'")

    def set_password(self, name: str, password: str) -> None:
        """Gives a role another password."""
        self.psql(f"ALTER ROLE {name} PASSWORD '{_quoted(password)}'")

    def psql(self, sql: str, *, user: str = "postgres", database: str | None = None) -> str:
        """What the server itself says, by its socket.

        Raises:
            RuntimeError: It refuses.
        """
        options = ["--no-align", "--tuples-only", "--command", sql]
        return run([*self._psql(user, database), *options], cwd=self.folder).stdout.strip()

    def load(self, script: Path, **variables: str) -> None:
        """Runs a script.

        Raises:
            RuntimeError: The server refuses.
        """
        options = [f"--set={name}={value}" for name, value in variables.items()]
        with script.open() as source:
            run([*self._psql("postgres", None), *options], cwd=self.folder, stdin=source)

    def _psql(self, user: str, database: str | None) -> list[str]:
        own = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--username={user}"]
        return [str(postgresql("psql")), *own, f"--dbname={database or self.database}", *self._place()]

    def _place(self) -> list[str]:
        return [f"--host={self.folder}", f"--port={self.port}"]

    @property
    def administrator(self) -> str:
        """How libpq connects as a role that sees every session, and has a connection also where none is left."""
        return f"host={self.folder} port={self.port} dbname={self.database} user=postgres"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


@contextmanager
def serving_postgresql(
    folder: Path,
    certificate: Certificate,
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    port: int = 5432,
    max_connections: int = 200,
    database: str = "orders",
    **settings: Any,
) -> Generator[PostgreSql]:
    """A server with an empty database, which is stopped in the end.

    Args:
        folder: That is there, for the server alone.
        certificate: It carries the names that clients know the server by.
        addresses: What it listens on.
        port: The same.
        max_connections: 3 of them are for administrators.
        database: Its name.
        settings: PostgreSQL's own, over those that it has here.
    """
    data = folder / "data"
    owned(folder)
    run([str(postgresql("initdb")), "--pgdata", str(data), "--username=postgres", "--no-sync"], cwd=folder)
    (folder / "server.crt").write_text(certificate.certificate)
    (folder / "server.key").write_text(certificate.key)
    (folder / "server.key").chmod(0o600)
    given = {
        "listen_addresses": ",".join(addresses),
        "port": port,
        "max_connections": max_connections,
        "superuser_reserved_connections": 3,
        "unix_socket_directories": folder,
        "password_encryption": "scram-sha-256",
        "ssl": "on",
        "ssl_cert_file": folder / "server.crt",
        "ssl_key_file": folder / "server.key",
        "fsync": "off",  # nothing of it is kept
        "dynamic_shared_memory_type": "mmap",  # in its folder, with which it goes also after a kill
        "log_min_messages": "fatal",
        "log_min_error_statement": "panic",
        **settings,
    }
    lines = "".join(f"{name} = '{value}'\n" for name, value in given.items())
    (data / "postgresql.auto.conf").write_text(lines)
    (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n")
    owned(folder)
    server = PostgreSql(folder, addresses, port, max_connections, database)
    try:
        server.start()
        server.psql(f"CREATE DATABASE {database}", database="postgres")
        yield server
    finally:
        server.stop(signal.SIGQUIT)
