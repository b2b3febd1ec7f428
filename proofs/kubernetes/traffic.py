"""The case study's clients as processes of their own, through the pool's Service."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from proofs.postgresql.load import sample
from proofs.postgresql.records import Connect, Operation, Record, Sample, Seen, outcome, read_lines
from proofs.postgresql.server import PostgreSql

__all__ = ["CONNECTIONS", "LOAD", "PROCESSES", "TABLE", "Traffic", "sampling", "traffic"]

PROCESSES, CONNECTIONS = 20, 10
LOAD = {"transactions_per_second": 200, "mean_transaction_ms": 100}
"""As many busy connections as the case study has, in a tenth of its transactions: this machine has clients to run."""
TABLE = "ids"
START_SECONDS = 60
LONGEST_SECONDS = 900
"""A client ends by then, whatever happens."""
END_SECONDS = 60


@dataclass
class Traffic:
    """What clients did; all of it is known once they have ended."""

    processes: Sequence[subprocess.Popen[bytes]]
    files: Sequence[Path]
    records: list[Record] = field(default_factory=list[Record])
    found: list[str] = field(default_factory=list[str])
    """The ids that the table has in the end."""

    def seen(self, begin: float = 0, end: float = float("inf")) -> Seen:
        """What became of the operations that arrived between two moments of the machine's monotonic clock."""
        operations = [one for one in self.records if isinstance(one, Operation)]
        connects = [one for one in self.records if isinstance(one, Connect)]
        return Seen(
            [one for one in operations if begin <= one.due < end],
            [one for one in connects if begin <= one.start < end],
            outcome(operations, self.found),
        )


@contextmanager
def traffic(folder: Path, conninfo: str, password: str, postgresql: PostgreSql) -> Generator[Traffic]:
    """Clients that insert ids, check a connection before they use it, and retry what has done nothing.

    Args:
        folder: For what they write down.
        conninfo: How each connects, but for the password.
        password: The same.
        postgresql: Has the table, which is emptied.
    """
    postgresql.psql(f"TRUNCATE {TABLE}")
    folder.mkdir(exist_ok=True)
    files = [folder / f"client-{number}.jsonl" for number in range(PROCESSES)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number, file in enumerate(files):
            processes.append(_client(number, file, conninfo, password))
        running = Traffic(processes, files)
        _until_all_work(running)
        yield running
        for process, file in zip(processes, files, strict=True):
            if process.poll() is not None:  # whatever happened after its end, it has not seen
                raise RuntimeError(_why(file))
            process.send_signal(signal.SIGTERM)
        for process, file in zip(processes, files, strict=True):
            if process.wait(timeout=END_SECONDS):
                raise RuntimeError(_why(file))
        for file in files:
            running.records += read_lines(file.read_text(encoding="utf-8").splitlines())
        running.found += postgresql.psql(f"SELECT id FROM {TABLE}").split()
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _client(number: int, file: Path, conninfo: str, password: str) -> subprocess.Popen[bytes]:
    options = {
        "--conninfo": conninfo,
        "--name": f"client-{number}",
        "--pool-size": CONNECTIONS,
        "--per-second": LOAD["transactions_per_second"] / PROCESSES,
        "--service-ms": LOAD["mean_transaction_ms"],
        "--seconds": LONGEST_SECONDS,
        "--seed": number,
        "--work": "insert",
        "--table": TABLE,
        "--retries": 3,
    }
    given = [str(part) for pair in options.items() for part in pair]
    with file.open("wb") as records, file.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "proofs.postgresql", "--pre-ping", *given],
            stdout=records,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PGPASSWORD": password},
        )


def _until_all_work(running: Traffic) -> None:
    end = time.monotonic() + START_SECONDS
    for process, file in zip(running.processes, running.files, strict=True):
        while b'"operation"' not in file.read_bytes():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(_why(file))
            time.sleep(0.1)


def _why(file: Path) -> str:
    told = file.with_suffix(".log").read_text(encoding="utf-8").strip()
    return f"{file.stem} did not work to its end: {told[-400:] or 'it said nothing'}"


@contextmanager
def sampling(administrator: str) -> Generator[list[Sample]]:
    """Looks at the server's connections ten times a second.

    Args:
        administrator: How a role connects that sees them all.

    Raises:
        psycopg.Error: It could not look all the time.
    """
    samples: list[Sample] = []
    stop = threading.Event()

    def note(record: Record) -> None:
        if isinstance(record, Sample):
            samples.append(record)

    async def look() -> None:
        done = asyncio.Event()
        looking = asyncio.create_task(sample(administrator, every_seconds=0.1, note=note, stop=done))
        await asyncio.to_thread(stop.wait)
        done.set()
        await looking

    with ThreadPoolExecutor(max_workers=1) as threads:
        looked = threads.submit(lambda: asyncio.run(look()))
        try:
            yield samples
        finally:
            stop.set()
        looked.result()
