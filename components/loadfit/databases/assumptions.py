"""What a database plan rests on and nobody declared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import exact
from loadfit.core.findings import Assumption
from loadfit.core.wording import few
from loadfit.databases.load import INTERNAL, POLICY_DEFAULTS, POOL_TIMEOUT_SECONDS, RESERVED, ClientGroup, DatabaseLoad
from loadfit.databases.plan import ClientState, DatabasePlan

__all__ = ["assumptions"]


def assumptions(plan: DatabasePlan) -> tuple[Assumption, ...]:
    """Every number that was used and not declared, with its source, and everything that was left out."""
    return (*_of_policy(plan.load), *_of_limits(plan), *_of_clients(plan), *_of_model(plan.load))


def _of_policy(load: DatabaseLoad) -> Iterator[Assumption]:
    pooled = load.pooled_groups
    recycling = bool(pooled) and all(group.recycle_seconds is not None for group in pooled)
    used = {"headroom": True, "steady_p99_wait_ms": True, "restart_pause_seconds": recycling}
    for name, default in POLICY_DEFAULTS.items():
        declared = load.policy is not None and getattr(load.policy, name) is not None
        if used.get(name, bool(pooled)) and not declared:
            yield Assumption(load.where(("policy", name)), default.value, default.unit, default.meaning, default.source)


def _of_limits(plan: DatabasePlan) -> Iterator[Assumption]:
    load = plan.load
    if load.max_connections is None:
        meaning = f"max_connections, estimated on the low side from {load.instance_class}"
        source = limits.RDS_MAX_CONNECTIONS_DIVISOR.source
        yield Assumption(
            load.where(("max_connections",)), Fraction(plan.max_connections), "connections", meaning, source
        )
    for name, value, meaning, source in (
        ("reserved", RESERVED, "connections that ordinary roles cannot have", limits.POSTGRES_RESERVED.source),
        (
            "internal",
            INTERNAL,
            "sessions of RDS's own",
            "assumption: a server of 5,000 refused everybody at 4,989 connections, which is 5,000 - 5 - 6",
        ),
    ):
        if getattr(load, name) is None:
            yield Assumption(load.where((name,)), Fraction(value), "connections", meaning, source)
    if load.other_clients is None:
        other = "no database outside of the document" if load.server is not None else "no other database"
        meaning = f"nobody else connects to the server: {other}, migration, report or exporter"
        yield Assumption(load.where(("other_clients",)), Fraction(0), "connections", meaning, "assumption")
    elif load.role_limit is not None or load.database_limit is not None:
        meaning = "other clients do not count against the role's or the database's own limit, only max_connections"
        yield Assumption(load.where(("other_clients",)), None, "connections", meaning, "assumption")


def _of_clients(plan: DatabasePlan) -> Iterator[Assumption]:
    """One line for each thing assumed, however many groups it was assumed for."""
    load = plan.load
    surge = limits.ROLLOUT_SURGE
    for one in (
        _Taken(
            "rollout_surge",
            Fraction(surge.value, 100),
            "of the pods",
            "a rollout adds this share of the pods",
            surge.source,
            lambda group: group.surge_is_assumed,
        ),
        _Taken(
            "terminating_overlap",
            Fraction(0),
            "of the pods",
            (
                "replaced pods have closed their connections before a rollout goes on; were all of them still "
                f"terminating, clients would have {plan.clients[ClientState.TERMINATING]:,} connections"
            ),
            "assumption",
            lambda group: group.terminating_overlap is None and group.overlaps,
        ),
        _Taken(
            "processes_per_pod",
            Fraction(1),
            "process",
            "a pod has one process with pools of its own",
            "assumption",
            lambda group: group.processes_per_pod is None,
        ),
        _Taken(
            "engines_per_process",
            Fraction(1),
            "pool",
            "a process has one pool",
            "assumption",
            lambda group: group.engines_per_process is None,
        ),
        _Taken(
            "pool_timeout_seconds",
            Fraction(POOL_TIMEOUT_SECONDS),
            "seconds",
            "a caller waits this long for a connection of its pool before it gets an error",
            "https://docs.sqlalchemy.org/en/20/core/pooling.html (pool_timeout)",
            lambda group: group.pool_timeout_seconds is None and not group.function,
        ),
        _Taken(
            "transaction_cv2",
            Fraction(1),
            "variance over squared mean",
            "transaction times are exponentially distributed",
            "assumption",
            lambda group: group.transaction_cv2 is None,
        ),
    ):
        positions = [index for index, group in enumerate(load.clients) if one.undeclared(group)]
        if positions:
            clients = few(load.clients[index].client for index in positions)
            path = load.where(("clients", positions[0], one.field))
            yield Assumption(path, one.value, one.unit, f"{one.meaning} ({clients})", one.source)


@dataclass(frozen=True)
class _Taken:
    """What a group's field was taken for where it is not declared."""

    field: str
    value: Fraction
    unit: str
    meaning: str
    source: str
    undeclared: Callable[[ClientGroup], bool]


def _of_model(load: DatabaseLoad) -> Iterator[Assumption]:
    meaning = (
        "transactions arrive independently of one another (Poisson) at the declared peak rate, and take the declared "
        "time also at that load"
    )
    yield Assumption(load.where(("clients",)), None, "transactions", meaning, "assumption")
    of_functions = [group.client for group in load.clients if group.function]
    if of_functions:
        meaning = (
            "every instance that a function may have is connected, and the transactions of a request come one after "
            f"the other on its instance's connection ({few(of_functions)})"
        )
        yield Assumption(load.where(("clients",)), None, "connections", meaning, "assumption")
    growing = [group for group in load.clients if group.max_pods is not None and group.max_pods > group.pods]
    if growing:
        meaning = (
            "the declared transactions are those of the declared pods; those that the autoscaler adds open "
            f"connections, and bring no transactions ({few(group.client for group in growing)})"
        )
        yield Assumption(load.where(("clients",)), None, "transactions", meaning, "assumption")
    pause = load.policy_value("restart_pause_seconds")
    pooled = load.pooled_groups
    if pooled and all(group.recycle_seconds is not None and exact(group.recycle_seconds) < pause for group in pooled):
        meaning = "clients that recycle their connections have spread out again before the next replica restarts"
        yield Assumption(load.where(("clients",)), None, "connections", meaning, "assumption")
