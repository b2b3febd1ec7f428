"""The load generator as a command, one group of clients in a process: ``python -m proofs.postgresql --help``.

Writes each record as a line of JSON to standard output. SIGTERM and SIGINT end the arrivals; what has begun still ends.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from proofs.postgresql.load import Group, Work, run, sample
from proofs.postgresql.records import Operation, Record, write_line


def main() -> int:
    """Runs one group of clients."""
    given = _parser().parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads may have seen enough
    try:
        group = Group(
            name=given.name,
            conninfo=given.conninfo,
            pods=given.pods,
            pool_size=given.pool_size,
            max_overflow=given.max_overflow,
            per_second=given.per_second,
            service_seconds=given.service_ms / 1000,
            work=Work(given.work),
            statements=given.statements,
            table=given.table,
            pre_ping=given.pre_ping,
            life_seconds=given.life_seconds,
            retries=given.retries,
            pool_timeout_seconds=given.pool_timeout_seconds,
            give_up_seconds=given.give_up_seconds,
        )
        with _progress(given.seconds) as note:
            asyncio.run(_run(group, given.seconds, given.seed, given.sample, note))
    except (ValueError, ConnectionError, psycopg.Error) as error:
        print(f"load: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proofs.postgresql",
        description="Clients of a database as an open-loop load. Records go to standard output, as lines of JSON.",
        epilog="The password may be left to PGPASSWORD.",
    )
    add = parser.add_argument
    add("--conninfo", required=True, help='as libpq takes it: "host=127.0.0.1 port=6432 dbname=orders user=orders"')
    add("--name", default="clients", help="part of each id: one for each process that inserts into the same table")
    add("--pods", type=int, default=1, help="each has a pool of its own")
    add("--pool-size", type=int, required=True)
    add("--max-overflow", type=int, default=0, help="connections that a pool opens beyond its size")
    add("--per-second", type=float, required=True, help="operations of all pods together")
    add("--service-ms", type=float, required=True, help="what an operation takes of the server on average")
    add("--seconds", type=float, required=True, help="how long operations arrive, at most 3,600")
    add("--seed", type=int, default=1)
    add("--work", choices=[work.value for work in Work], default=Work.TRANSACTION.value)
    add("--statements", type=int, default=1, help="of a transaction")
    add("--table", default="", help="for --work insert: it has a column id of type text")
    add("--pre-ping", action="store_true", help="check a connection before it is used")
    add("--life-seconds", type=float, default=3600, help="of a client connection")
    add("--retries", type=int, default=0, help="of what is known to have done nothing")
    add("--pool-timeout-seconds", type=float, default=30)
    add("--give-up-seconds", type=float, default=30, help="after which a client closes a connection without an answer")
    add("--sample", metavar="CONNINFO", help="also write down the server's connections twice a second, seen from here")
    return parser


async def _run(group: Group, seconds: float, seed: int, sampled: str | None, note: Callable[[Record], None]) -> None:
    stop, done = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sampling = sampled and asyncio.create_task(sample(sampled, every_seconds=0.5, note=note, stop=done))
    try:
        await run([group], seconds=seconds, seed=seed, note=note, stop=stop)
    finally:
        done.set()
        if sampling:
            await sampling


@contextmanager
def _progress(seconds: float) -> Generator[Callable[[Record], None]]:
    """Writes records to standard output and, on a terminal, tells how far it is."""
    text = "{task.completed:,.0f} of {task.total:,.0f} s, {task.fields[operations]:,} operations"
    columns = (TextColumn(text + ", {task.fields[failed]:,} failed"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    shown = Progress(*columns, console=console, disable=not console.is_terminal)
    task = shown.add_task("load", total=seconds, operations=0, failed=0)
    first: list[float] = []
    counts = {True: 0, False: 0}

    def note(record: Record) -> None:
        print(write_line(record), flush=True)
        if isinstance(record, Operation):
            counts[record.done] += 1
            first.append(record.due) if not first else None
            shown.update(
                task,
                completed=min(record.end - first[0], seconds),
                operations=sum(counts.values()),
                failed=counts[False],
            )

    with shown:
        yield note


if __name__ == "__main__":
    sys.exit(main())
