"""What the component deploys, started as it is: PgBouncer takes every word of it, and clients reach it by TLS."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from proofs.postgresql.processes import loopback_network, temporary
from proofs.postgresql.replicas import Replica
from tests.pooling.conftest import Running
from tests.servers import require_servers

ROOT = Path(__file__).parents[2]


def rendered(replica: Replica) -> dict[str, str]:
    """What the section [pgbouncer] says."""
    text = (replica.volume("config") / "pgbouncer.ini").read_text()
    section = text.partition("[pgbouncer]\n")[2]
    lines = [line for line in section.splitlines() if line and line[0] not in ";%"]
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


def test_every_rendered_setting_is_in_force(pool: Running) -> None:
    for replica in pool.replicas:
        told = (line.split("|") for line in replica.admin("SHOW CONFIG").splitlines())
        in_force = {line[0]: line[1] for line in told}
        expected = rendered(replica) | {"peer_id": str(replica.number)}
        assert {name: in_force.get(name) for name in expected} == expected
        assert int(expected["default_pool_size"]) == pool.deployed.plan.server_connections_per_replica


def test_the_replicas_have_the_planned_files_and_know_one_another(pool: Running) -> None:
    for replica in pool.replicas:
        limits = Path(f"/proc/{replica.pid}/limits").read_text().splitlines()
        (files,) = [line for line in limits if line.startswith("Max open files")]
        assert files.split()[3:5] == [str(pool.deployed.plan.file_descriptors)] * 2
        peers = [line.split("|")[:2] for line in replica.admin("SHOW PEERS").splitlines()]
        assert peers == [[str(one.number), one.address] for one in pool.replicas]


def test_all_probes_are_answered(pool: Running) -> None:
    for replica in pool.replicas:
        assert [kind for kind in ("startupProbe", "readinessProbe", "livenessProbe") if not replica.probe(kind)] == []


def test_clients_get_through_with_tls_on_both_sides(pool: Running) -> None:
    for replica in pool.replicas:
        with psycopg.connect(pool.servers.pooled_by(replica)) as connection:
            found = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchall()
            assert found == [(True,)]
            assert connection.pgconn.ssl_in_use


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("sslmode=disable", "SSL required"),
        ("password=wrong", "SASL authentication failed"),
        ("host=other.example.com", "does not match host name"),
    ],
)
def test_others_do_not(pool: Running, change: str, told: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=told):
        psycopg.connect(f"{pool.servers.pooled_by(pool.replicas[0])} {change}")


def test_nothing_is_left_when_the_program_is_ended() -> None:
    """Neither PostgreSQL nor PgBouncer outlives it, however it ends."""
    require_servers()
    program = """
import sys, time
from proofs.postgresql.deployed import document
from proofs.postgresql.servers import serving_servers
with serving_servers() as servers, servers.pool(servers.deployed(document())) as replicas:
    print(servers.postgresql.process.pid, *(replica.pid for replica in replicas), flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", program]
    for number in (signal.SIGTERM, signal.SIGKILL):
        with temporary() as folder:
            environment = os.environ | {"TMPDIR": str(folder)}
            with subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as process:
                assert process.stdout is not None
                pids = [int(pid) for pid in process.stdout.readline().split()]
                assert len(pids) == 3
                process.send_signal(number)
            end = time.monotonic() + 10
            while any(_is_running(pid) for pid in pids) and time.monotonic() < end:
                time.sleep(0.05)
            assert [pid for pid in pids if _is_running(pid)] == []
            if number != signal.SIGKILL:
                assert list(folder.iterdir()) == [], "but for its files, where it is killed"


def _is_running(pid: int) -> bool:
    """Not so a process that nobody has asked how it ended."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:4]
    except FileNotFoundError:
        return False


def test_postgresql_has_no_memory_that_would_outlive_it(pool: Running) -> None:
    postgresql = pool.servers.postgresql
    assert postgresql.process is not None
    mapped = Path(f"/proc/{postgresql.process.pid}/maps").read_text()
    assert str(postgresql.folder) in mapped
    assert "/dev/shm/" not in mapped


def test_an_error_while_a_network_is_in_use_is_told_as_it_is() -> None:
    with pytest.raises(FileNotFoundError), loopback_network():
        raise FileNotFoundError
