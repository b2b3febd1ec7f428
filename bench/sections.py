"""What a large document of every section costs, step by step and section by section."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from loadfit.databases import size_database
from loadfit.documents import parse_text
from loadfit.egress import size_egress
from loadfit.functions import size_function
from loadfit.reports import Format, render
from loadfit.stack import resolve, size

__all__ = ["HEADER", "TITLE", "rows"]

TITLE = "one document of 10,000 workloads, 2,000 flows, 200 databases and 1,000 functions, each with a database"
HEADER = ("step", "processor")

WORKLOADS, DATABASES, FUNCTIONS = 10_000, 200, 1_000

DoneT = TypeVar("DoneT")


def rows() -> Iterable[tuple[str, ...]]:
    """The steps in their order; reading resolves what crosses the sections, for which functions are sized."""
    took: list[tuple[str, float]] = []

    def timed(step: str, work: Callable[[], DoneT]) -> DoneT:
        began = time.process_time()
        done = work()
        took.append((step, time.process_time() - began))
        return done

    text = _document()
    load = timed("read, and resolve what crosses", lambda: parse_text(text))
    resolved = resolve(load)
    timed("size egress", lambda: size_egress(resolved.egress) if resolved.egress else None)
    timed("size databases", lambda: [size_database(one) for one in resolved.databases.values()])
    timed("size functions", lambda: [size_function(one) for one in resolved.functions.values()])
    plan = timed("size all of it", lambda: size(resolved))
    timed("report as text", lambda: render(plan, Format.TEXT, "a document"))
    timed("report as JSON", lambda: render(plan, Format.JSON, "a document"))
    return [(step, f"{seconds:.2f} s") for step, seconds in took]


def _document() -> str:
    lines = ["region: us-east-1", "zones: 3", "workloads:"]
    lines += [f"  w{number}: {{pods: {1 + number % 20}}}" for number in range(WORKLOADS)]
    lines += ["egress:", "  quota_addresses_per_region: 100", "  flows:"]
    lines += [
        f'    - {{from: w{number}, to: "h{number % 500}.example.com:443", connections_per_pod: {1 + number % 7}}}'
        for number in range(0, WORKLOADS, 5)
    ]
    lines.append("databases:")
    for number in range(DATABASES):
        clients = f"from: w{number}, pool_size: 2, max_overflow: 0, transactions_per_second: 3, mean_transaction_ms: 5"
        lines += [f"  d{number}:", "    max_connections: 2000", f"    clients: [{{{clients}}}]"]
    lines.append("functions:")
    for number in range(FUNCTIONS):
        rate, mean = 1 + number % 40, 50 + number % 13
        day = f"{{peak_requests_per_second: {rate}, mean_duration_ms: {mean}, p99_duration_ms: 150}}"
        use = "connections_per_instance: 1, transactions_per_request: 1, mean_transaction_ms: 5"
        lines += [
            f"  f{number}:",
            "    {init_ms: 800, target_p99_ms: 400, quota_concurrency: 100000, reserved_concurrency: 60,",
            f"    windows: {{day: {day}}}, database: {{name: d{number % DATABASES}, {use}}}}}",
        ]
    return "\n".join(lines) + "\n"
