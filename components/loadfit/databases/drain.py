"""How a replica of PgBouncer stops without an error for its clients."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from pydantic import Field

from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.model import MAX_SECONDS, Declared
from loadfit.core.paths import Path
from loadfit.core.problems import Problem, shown
from loadfit.databases.config import longest_transaction_seconds
from loadfit.databases.plan import DatabasePlan

__all__ = ["LOAD_BALANCER_SECONDS", "DrainMode", "DrainPlan", "PoolDrain", "plan_drain"]

_ENDPOINT_SECONDS = Fraction(15)
"""Assumption: by then every node has taken the replica out of the Service. 3 s were enough on one node; without a pause
every restart broke connections."""
LOAD_BALANCER_SECONDS = Fraction(180)
"""Assumption: by then a load balancer opens no more connections to the replica. Its manual says at once; two minutes
were measured, whatever the deregistration delay (https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2366),
before which the controller has to notice."""
_MARGIN_SECONDS = Fraction(10)
"""Assumption: what the kubelet and the exit itself take."""


class DrainMode(str, Enum):
    """What a replica that stops waits for."""

    TRANSACTIONS = "transactions"
    """The transactions that run (SIGINT). Then idle connections are closed: for clients that check a connection before
    they use it (pre-ping)."""
    CLIENTS = "clients"
    """The clients, until each has left by itself (SIGTERM): for clients that close every connection after a declared
    life, idle ones too, as HikariCP does, and psycopg_pool where its check() is called again and again."""


class PoolDrain(Declared):
    """How a replica stops."""

    mode: DrainMode | None = Field(default=None)
    """What it waits for; transactions where not given."""
    endpoint_seconds: float | None = Field(default=None, ge=1, le=MAX_SECONDS)
    """How long it goes on as before while the Service learns that it stops; 15 where not given, 180 with a load
    balancer."""
    grace_period_seconds: float | None = Field(default=None, ge=1, le=MAX_SECONDS)
    """When Kubernetes kills it at the latest; computed where not given."""


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """When a stopping replica does what, in whole seconds."""

    mode: DrainMode
    endpoint_seconds: int
    wait_seconds: int
    """What its clients or transactions take at the longest."""
    grace_period_seconds: int


def plan_drain(
    plan: DatabasePlan, drain: PoolDrain, path: Path, *, load_balanced: bool = False
) -> tuple[DrainPlan, list[Problem]]:
    """The drain of a plan's replicas, and what of it cannot be.

    Args:
        plan: With its clients' lives and longest transactions.
        drain: What was chosen.
        path: Where.
        load_balanced: Whether a load balancer, too, has to learn that a replica stops.
    """
    mode = drain.mode or DrainMode.TRANSACTIONS
    problems: list[Problem] = []
    if mode is DrainMode.CLIENTS:
        wait, problems = _longest_life(plan)
        waits_for = "the longest life of a client connection"
    else:
        wait = longest_transaction_seconds(plan)
        waits_for = "the longest transaction"
    default = LOAD_BALANCER_SECONDS if load_balanced else _ENDPOINT_SECONDS
    endpoint = default if drain.endpoint_seconds is None else exact(drain.endpoint_seconds)
    needed = ceiling(endpoint + wait + _MARGIN_SECONDS)
    grace = needed if drain.grace_period_seconds is None else ceiling(exact(drain.grace_period_seconds))
    if grace < needed:
        numbers = f"{show_number(endpoint)} + {show_number(wait)} + {show_number(_MARGIN_SECONDS)}"
        expected = f"at least {needed:,}: endpoint_seconds + {waits_for} + margin = {numbers}"
        way_out = "Leave it out to have it computed."
        problems.append(Problem((*path, "grace_period_seconds"), expected, shown(drain.grace_period_seconds), way_out))
    return DrainPlan(mode, ceiling(endpoint), ceiling(wait), grace), problems


def _longest_life(plan: DatabasePlan) -> tuple[Fraction, list[Problem]]:
    lives: list[Fraction] = [Fraction(0)]
    problems: list[Problem] = []
    for position, group in enumerate(plan.load.clients):
        if not plan.load.goes_through_pool(group):
            continue
        if group.recycle_seconds is None:
            way_out = 'Declare it (pool_recycle, maxLifetime), or choose "transactions" and let clients pre-ping.'
            path = ("load", "clients", position, "recycle_seconds")
            expected = 'the longest life of a client connection, which the drain "clients" waits for'
            problems.append(Problem(path, expected, "nothing", way_out))
        else:
            lives.append(exact(group.recycle_seconds))
    return max(lives), problems
