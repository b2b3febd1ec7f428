"""How the cost of sizing grows with the document."""

import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

from bench.measuring import peak_mib
from loadfit.documents import parse_text
from loadfit.reports import Format, render
from loadfit.stack import resolve, size

__all__ = ["HEADER", "TITLE", "rows"]

TITLE = (
    "documents of more and more workloads, every second with a flow, ten flows to each destination; in a process each"
)
HEADER = ("workloads", "read", "size", "report", "by workload", "memory")


def rows() -> Iterable[tuple[str, ...]]:
    """Workloads, processor time of the steps, of all of them by workload, peak memory."""
    for workloads in (10, 100, 1_000, 10_000):
        # A new process for each, so that none uses what another has left.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
            *steps, memory = one.submit(_sized, workloads).result()
        milliseconds = tuple(f"{step * 1000:,.1f} ms" for step in steps)
        yield f"{workloads:,}", *milliseconds, f"{sum(steps) / workloads * 1e6:,.0f} us", f"{memory:.0f} MiB"


def _sized(workloads: int) -> tuple[float, ...]:
    parse_text(_document(1))  # what is made once, at first use, is no part of growth
    text = _document(workloads)
    times = [time.process_time()]
    load = parse_text(text)
    times.append(time.process_time())
    plan = size(resolve(load))
    times.append(time.process_time())
    render(plan, Format.JSON, "a document")
    times.append(time.process_time())
    return *(after - before for before, after in pairwise(times)), peak_mib(
        Path("/proc/self/status").read_text("ascii")
    )


def _document(workloads: int) -> str:
    names = [f"w{number}" for number in range(workloads)]
    declared = "\n".join(f"  {name}: {{pods: 10}}" for name in names)
    flows = "\n".join(
        f'    - {{from: {name}, to: "d{number // 20}.example.com:443", connections_per_pod: 20}}'
        for number, name in enumerate(names)
        if number % 2 == 0  # a document has at most 100,000 keys and values
    )
    return f"region: us-east-1\nzones: 3\nworkloads:\n{declared}\negress:\n  flows:\n{flows}\n"
