"""What sizing a database's connections gives: the plan that component, configuration, reports and alerts all read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

from loadfit.core.findings import Assumption, Finding, Remedied, Verdict, verdict
from loadfit.databases.load import DatabaseLoad

__all__ = ["AppPoolPlan", "ClientState", "DatabasePlan", "PodLimit", "PoolPlan", "PoolState"]


class ClientState(str, Enum):
    """A state in which the clients' connections are counted."""

    STEADY = "steady"
    """Every pod there, no rollout."""
    ROLLOUT = "rollout"
    """With the pods that a rollout adds."""
    TERMINATING = "terminating"
    """With the pods, too, that are still terminating: the declared overlap, or all that are replaced."""


class PoolState(str, Enum):
    """A state in which transactions wait for a server connection."""

    STEADY = "steady"
    """Every replica of PgBouncer there."""
    DEGRADED = "degraded"
    """Replicas restart one after the other; clients have piled up on the busiest one."""


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """One pool in each PgBouncer process: one role on one database."""

    user: str
    offered_erlangs: Fraction
    """Busy server connections on average, over all replicas."""
    mean_transaction_seconds: Fraction
    transaction_cv2: Fraction
    size_per_replica: int
    """Server connections that one process may open for it."""
    needed_per_replica: int
    """The computed number, whatever was declared."""


@dataclass(frozen=True, slots=True)
class AppPoolPlan:
    """The application's own pool, in each of its processes and engines."""

    client: str
    position: int
    """The group's position in the load's clients."""
    size: int
    """Pool size and overflow, as declared."""
    offered_erlangs: Fraction
    """Connections of one pool that are busy on average."""
    p99_wait_ms: float
    """The 99th percentile of waiting for a connection of the pool; infinite where it cannot keep up."""
    needed: int
    """The smallest pool that keeps the wait below the target and its time-out."""
    most_used: int
    """Connections beyond this one are in use less often than once in a million transactions (Erlang B)."""


@dataclass(frozen=True, slots=True)
class PodLimit:
    """How many pods of a client group a limit holds, all else being equal."""

    client: str
    noun: str
    """What is counted: pods, or a function's instances."""
    limit: str
    """The field that is reached, such as ``max_client_conn``."""
    pods_steady: int
    pods_in_rollout: int


@dataclass(frozen=True)
class DatabasePlan:
    """A database's connections, sized. Every number is as the formulas give it, also where it does not fit."""

    load: DatabaseLoad
    max_connections: int
    """As declared, or estimated from the instance class."""
    usable: int
    """What clients can have at all: max_connections - reserved - internal - others, role and database limit."""
    budget: int
    """What they may have: the same with the headroom left free."""
    clients: Mapping[ClientState, int]
    """Connections that clients open, through PgBouncer or straight to PostgreSQL."""
    clients_to_hold: int
    """Connections of the pooled clients that one PgBouncer process must accept: all of a rollout's."""
    direct_connections: int
    """Connections straight to PostgreSQL in a rollout."""
    offered_erlangs: Fraction
    """Busy server connections on average."""
    pools: tuple[PoolPlan, ...]
    """Empty where no client is pooled."""
    replicas: int
    """PgBouncer processes; 0 where no client is pooled."""
    server_connections_per_replica: int
    server_connections: int
    """Connections to PostgreSQL of all PgBouncer processes and of all direct clients together."""
    free_connections: int
    """max_connections - server connections, and those of the server's other databases; below 0 where they do not
    fit."""
    max_client_conn: int
    """Client connections that each PgBouncer process accepts."""
    file_descriptors: int
    """What each PgBouncer process needs: clients, servers, cancel requests, peers."""
    memory_request_mib: int
    memory_limit_mib: int
    cpu_request_millicores: int
    busiest_share: Mapping[PoolState, Fraction]
    """The share of the transactions that the busiest replica carries; 0 where no client is pooled."""
    p99_wait_ms: Mapping[PoolState, float]
    """The 99th percentile of waiting for a server connection; infinite where the pool cannot keep up."""
    app_pools: tuple[AppPoolPlan, ...]
    pod_limits: tuple[PodLimit, ...]
    findings: tuple[Finding, ...]
    """Errors first."""
    assumptions: tuple[Assumption, ...]
    monthly_cost_usd: Mapping[str, Fraction] | None
    """``None``: PgBouncer runs on nodes that are there, and max_connections has no price of its own."""

    @property
    def name(self) -> str:
        """The database's name."""
        return self.load.name

    @property
    def verdict(self) -> Verdict:
        """Whether the declared load can be carried."""
        return verdict(self.findings)

    @property
    def app_pool_p99_wait_ms(self) -> float:
        """The longest wait of the application pools."""
        return max(pool.p99_wait_ms for pool in self.app_pools)

    @cached_property
    def _remedied(self) -> tuple[Remedied, ...]:
        # A remedy is found by sizing again, so its module imports this one.
        from loadfit.databases.remedies import find_remedies  # noqa: PLC0415

        return find_remedies(self)

    def remedies(self) -> tuple[Remedied, ...]:
        """Each finding with its ways out, sized themselves. Computed when first asked for."""
        return self._remedied
