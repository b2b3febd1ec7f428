"""A PostgreSQL server of the tests' own, and a PgBouncer before it, with TLS: what the function meets in production."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER_NAME = "orders.default.svc.cluster.local"
PASSWORD = "correct horse"
SCHEMA = Path(__file__).parents[2] / "stacks" / "api" / "schema.sql"


def missing() -> list[str]:
    """What of the servers is not installed."""
    needed = {"postgresql": _folder(), "pgbouncer": _command("pgbouncer"), "openssl": _command("openssl")}
    return [package for package, found in needed.items() if found is None]


def _folder() -> Path | None:
    """Where Debian puts PostgreSQL's programs, the newest version's; elsewhere they are in the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which("initdb")
    return Path(path).parent if path else None


def _command(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True)
class Servers:
    """Both servers, while they run."""

    folder: Path
    ports: dict[str, int]
    """By program."""
    ca: str
    """The authority of their certificate, as PEM."""

    def psql(self, sql: str, user: str = "postgres") -> str:
        """What the database itself says, by its socket."""
        done = _run(
            [*self._psql(user), "--no-align", "--tuples-only", "--command", sql],
            cwd=self.folder,
            stdout=subprocess.PIPE,
        )
        return done.stdout.strip()

    def load(self, script: Path, **variables: str) -> None:
        """Runs a script."""
        options = [f"--set={name}={value}" for name, value in variables.items()]
        with script.open() as source:
            _run([*self._psql("postgres"), *options], cwd=self.folder, stdin=source)

    def _psql(self, user: str) -> list[str]:
        return [
            *(str(_programs() / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--host={self.folder}"),
            *(f"--port={self.ports['postgresql']}", f"--username={user}", "--dbname=orders"),
        ]


@contextmanager
def running() -> Generator[Servers]:
    """Starts both servers, on this machine's own address alone, and stops them."""
    # Not below pytest's folder: another user's server cannot enter it.
    with tempfile.TemporaryDirectory(prefix="loadfit-api-") as name:
        folder = Path(name)
        servers = Servers(folder, {"postgresql": _free_port(), "pgbouncer": _free_port()}, _certificate(folder))
        _own(folder)
        data = folder / "data"
        control = [str(_programs() / "pg_ctl"), "--pgdata", str(data), "--wait", "--timeout=60", "--silent"]
        _run([str(_programs() / "initdb"), "--pgdata", str(data), "--username=postgres", "--no-sync"], cwd=folder)
        (data / "pg_hba.conf").write_text("local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        (data / "postgresql.auto.conf").write_text(_postgresql(folder, servers.ports["postgresql"]))
        _run([*control, "--log", str(folder / "postgresql.log"), "start"], cwd=folder)
        try:
            _run(
                [*servers._psql("postgres")[:-1], "--dbname=postgres", "--command", "CREATE DATABASE orders"],
                cwd=folder,
            )
            servers.psql(f"CREATE ROLE orders LOGIN PASSWORD '{PASSWORD}'")
            servers.load(SCHEMA, role="orders")
            with _pgbouncer(servers):
                yield servers
        finally:
            _run([*control, "--mode=immediate", "stop"], cwd=folder)


def _postgresql(folder: Path, port: int) -> str:
    return f"""\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
ssl = on
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
"""


@contextmanager
def _pgbouncer(servers: Servers) -> Generator[None]:
    folder = servers.folder
    (folder / "userlist.txt").write_text(f'"orders" "{PASSWORD}"\n')
    (folder / "pgbouncer.ini").write_text(f"""\
[databases]
orders = host=127.0.0.1 port={servers.ports["postgresql"]}
[pgbouncer]
pool_mode = transaction
default_pool_size = 2
listen_addr = 127.0.0.1
listen_port = {servers.ports["pgbouncer"]}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/userlist.txt
client_tls_sslmode = require
client_tls_cert_file = {folder}/server.crt
client_tls_key_file = {folder}/server.key
server_tls_sslmode = require
""")
    _own(folder)
    with (folder / "pgbouncer.log").open("w") as output:
        command = [str(_command("pgbouncer")), "--quiet", str(folder / "pgbouncer.ini")]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **_unprivileged())
    try:
        _wait_for(servers.ports["pgbouncer"], process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[Any]) -> None:
    """Until somebody listens: each attempt is refused at once by a machine's own address, or taken."""
    while process.poll() is None:
        with closing(socket.socket()) as attempt:
            attempt.settimeout(1)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise RuntimeError("PgBouncer did not start")


def _certificate(folder: Path) -> str:
    """A key and a certificate for the pool's name in the cluster, which is not where clients connect to."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=orders", "-addext", f"subjectAltName=DNS:{SERVER_NAME}", "-days", "2"]
    files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    (folder / "server.key").chmod(0o600)
    return (folder / "server.crt").read_text()


def _programs() -> Path:
    folder = _folder()
    assert folder is not None, "PostgreSQL is not installed"
    return folder


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _own(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")


def _run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **_unprivileged(), **more}
    done = subprocess.run(command, text=True, check=False, **options)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
