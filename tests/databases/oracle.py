"""Database sizes by trying: every pool, every state of a rollout, one restart after the other.

Nothing of loadfit is used here: a document is read as plain data, and its defaults are written down once more, from
docs/sizing-databases.md. Where the library has a formula, this has SciPy, a simulation or an enumeration.
"""

import heapq
import itertools
import math
import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from scipy.stats import poisson

__all__ = [
    "best_pools",
    "budget",
    "erlang_c",
    "held_by_pod",
    "p99_wait_ms",
    "restart_share",
    "roles",
    "simulated_p99_wait_ms",
    "smallest_pool",
    "states",
]

Document = Mapping[str, Any]


def _number(value: float) -> Fraction:
    return Fraction(str(value))


def _policy(database: Document, name: str, default: str) -> Fraction:
    return _number(database.get("policy", {}).get(name, default))


def erlang_c(servers: int, offered: float) -> float:
    """The share of arrivals that wait, from the Poisson distribution."""
    if offered >= servers:
        return 1.0
    if offered == 0:
        return 0.0
    blocked = math.exp(poisson.logpmf(servers, offered) - poisson.logcdf(servers, offered))
    return float(blocked / (1 - offered / servers * (1 - blocked)))


def p99_wait_ms(servers: int, offered: float, milliseconds: float, cv2: float = 1) -> float:
    """Allen-Cunneen, as written in docs/sizing-databases.md."""
    if offered >= servers:
        return math.inf
    waiting = erlang_c(servers, offered)
    return 0.0 if waiting <= 0.01 else (1 + cv2) / 2 * milliseconds / (servers - offered) * math.log(waiting / 0.01)


def simulated_p99_wait_ms(servers: int, rate: float, milliseconds: float, arrivals: int, seed: int) -> float:
    """The 99th percentile of waiting in a first-come-first-served queue that is run arrival by arrival."""
    dice = random.Random(seed)
    free = [0.0] * servers
    now, waits = 0.0, list[float]()
    for _ in range(arrivals):
        now += dice.expovariate(rate)
        start = max(now, heapq.heappop(free))
        waits.append(start - now)
        heapq.heappush(free, start + dice.expovariate(1000 / milliseconds))
    waits.sort()
    return 1000 * waits[int(0.99 * arrivals)]


def restart_share(replicas: int) -> Fraction:
    """The busiest replica's share of the clients, restarting all replicas once, one after the other.

    The clients of a replica that restarts reconnect evenly to the ones that are up, and stay there.
    """
    if replicas == 1:
        return Fraction(1)
    held = [Fraction(1, replicas)] * replicas
    most = max(held)
    for restarting in range(replicas):
        moving, held[restarting] = held[restarting], Fraction(0)
        for up in range(replicas):
            if up != restarting:
                held[up] += moving / (replicas - 1)
        most = max(most, *held)
    return most


def roles(database: Document, name: str) -> dict[str, list[Document]]:
    """The pooled groups by role."""
    found: dict[str, list[Document]] = {}
    for group in database["clients"]:
        if group.get("pooled", database.get("pooled", True)):
            found.setdefault(group.get("user", name), []).append(group)
    return found


def _degraded(database: Document, pooled: list[Document], replicas: int) -> Fraction:
    share = restart_share(replicas)
    pause = _policy(database, "restart_pause_seconds", "0")
    if all("recycle_seconds" in group and _number(group["recycle_seconds"]) < pause for group in pooled):
        share = min(share, _policy(database, "replica_skew", "1.2") / max(1, replicas - 1), Fraction(1))
    return share


def smallest_pool(database: Document, groups: list[Document], pooled: list[Document], replicas: int) -> int:
    """The first number of connections, counted up from 1, that meets all targets of one role on one replica."""
    rates = [_number(group["transactions_per_second"]) for group in groups]
    times = [_number(group["mean_transaction_ms"]) for group in groups]
    variations = [1 + _number(group.get("transaction_cv2", 1)) for group in groups]
    rate = sum(rates)
    if rate == 0:
        return 1
    offered = sum((r * t for r, t in zip(rates, times, strict=True)), Fraction(0)) / 1000
    mean = 1000 * offered / rate
    second = sum(r * t * t * v for r, t, v in zip(rates, times, variations, strict=True)) / rate
    cv2 = float(second / mean**2 - 1)
    states = (
        (min(Fraction(1), _policy(database, "replica_skew", "1.2") / replicas), "steady", "10", "0.85"),
        (_degraded(database, pooled, replicas), "degraded", "100", "0.95"),
    )
    for size in itertools.count(1):
        if all(
            offered * share <= size * _policy(database, f"{state}_utilization", utilization)
            and p99_wait_ms(size, float(offered * share), float(mean), cv2)
            <= float(_policy(database, f"{state}_p99_wait_ms", target))
            for share, state, target, utilization in states
        ):
            return size
    raise AssertionError


def best_pools(database: Document, name: str) -> tuple[int, dict[str, int]]:
    """Replicas and pool sizes by role: of all numbers of replicas, the one with the fewest connections."""
    pooled = [group for groups in roles(database, name).values() for group in groups]
    rate = sum((_number(group["transactions_per_second"]) for group in pooled), Fraction(0))
    least = math.ceil(rate / _policy(database, "transactions_per_second_per_replica", "10000")) + 1
    tried: list[tuple[int, int, dict[str, int]]] = []
    for replicas in [one for one in (2, 3, 4, 5) if one >= least] or [least]:
        sizes = {
            role: smallest_pool(database, groups, pooled, replicas) for role, groups in roles(database, name).items()
        }
        tried.append((replicas * sum(sizes.values()), replicas, sizes))
    _, replicas, sizes = min(tried, key=lambda one: one[:2])
    return replicas, sizes


def _available(database: Document, most: int, left_free: int) -> int:
    taken = database.get("reserved", 5) + database.get("internal", 6) + sum(database.get("other_clients", {}).values())
    return most - taken - left_free


def budget(database: Document, name: str, most: int) -> tuple[int, int]:
    """What clients can have of max_connections, and what they may."""
    users = {group.get("user", name) for group in database["clients"]}
    limits = [database[limit] for limit in ("database_limit",) if limit in database]
    if "role_limit" in database:
        limits.append(database["role_limit"] * len(users))
    left_free = math.ceil(_policy(database, "headroom", "0.1") * most)
    return min([_available(database, most, 0), *limits]), min([_available(database, most, left_free), *limits])


def states(document: Document, group: Document) -> Iterator[int]:
    """Pods that have connections, in every state that a rollout of one workload can be in."""
    workload = document["workloads"][group["from"]]
    pods = workload.get("max_pods", workload["pods"])
    surge = workload.get("rollout_surge", 0.25 if workload.get("kind", "deployment") == "deployment" else 0)
    most, lingering = (
        pods + math.ceil(pods * _number(surge)),
        math.ceil(pods * _number(group.get("terminating_overlap", 0))),
    )
    for old in range(pods + 1):
        for new in range(most - old + 1):
            for terminating in range(lingering + 1):
                yield old + new + terminating


def held_by_pod(group: Document) -> int:
    """Connections of one pod."""
    pools = group.get("processes_per_pod", 1) * group.get("engines_per_process", 1)
    return pools * (group["pool_size"] + group["max_overflow"])
