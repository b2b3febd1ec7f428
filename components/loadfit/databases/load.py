"""What a database's connections are sized from: its limits, its clients, and the policy that they are sized by."""

from collections.abc import Mapping
from fractions import Fraction

from pydantic import Field, model_validator

from loadfit.core import limits
from loadfit.core.exact import exact, show_number, times
from loadfit.core.model import MAX_COUNT, MAX_RATE, MAX_SECONDS, Declared, problem_error
from loadfit.core.paths import Path, parse_path
from loadfit.core.policy import Default
from loadfit.core.problems import shown
from loadfit.core.workloads import Client, WorkloadKind
from loadfit.databases.instance_classes import known_classes, memory_gib

__all__ = [
    "POLICY_DEFAULTS",
    "Access",
    "ClientGroup",
    "DatabaseLoad",
    "DatabasePolicy",
    "DatabaseSettings",
]

MAX_REPLICAS = 100
"""PgBouncer takes peer ids to 16,383; beyond a hundred replicas something else is wrong."""

MAX_ERLANGS = 1_000_000
"""Busy connections on average that a load may offer: PostgreSQL takes no more than 262,143 connections, so that more
is a typing error."""

RESERVED = limits.POSTGRES_RESERVED.value
"""Connections that ordinary roles cannot have, where nothing is declared."""

INTERNAL = 6
"""Sessions of rdsadmin, where nothing is declared. Assumption: a server of max_connections 5,000 refused everybody at
4,989 connections, which is 5,000 - 3 - 2 - 6."""

POOL_TIMEOUT_SECONDS = 30
"""How long a caller waits for a connection of its pool where nothing is declared: SQLAlchemy's default."""


class Access(Declared):
    """How the processes of one workload use the database: their own pools, and the transactions that they run."""

    user: str | None = Field(default=None, max_length=63)
    """The PostgreSQL role that they log in as; PgBouncer pools by role. The database's own name where not declared."""
    processes_per_pod: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Processes in a pod that have pools of their own, such as the workers of a web server; 1 where not declared."""
    engines_per_process: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Pools in a process, such as SQLAlchemy engines; 1 where not declared."""
    pool_size: int = Field(ge=1, le=MAX_COUNT)
    """Connections that a pool keeps."""
    max_overflow: int = Field(ge=0, le=MAX_COUNT)
    """Connections that a pool opens beyond its size when all are in use. To be declared, because client libraries
    differ: SQLAlchemy's default is 10."""
    pool_timeout_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """How long a caller waits for a connection of the pool before it gets an error; 30, SQLAlchemy's default, where not
    declared."""
    transactions_per_second: float = Field(ge=0, le=MAX_RATE)
    """Transactions of all pods together at their peak."""
    mean_transaction_ms: float = Field(ge=0.001, le=MAX_SECONDS * 1000)
    """Mean time of a transaction, first statement to commit, the application's own thinking in between included."""
    transaction_cv2: float | None = Field(default=None, ge=0, le=1000)
    """Squared coefficient of variation of the transaction time: variance over squared mean; 1, exponential, where not
    declared."""
    longest_transaction_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The longest transaction that a restart must let finish; 30 where not declared."""
    recycle_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The longest life of a client connection (pool_recycle, maxLifetime); not bounded where not declared."""
    terminating_overlap: float | None = Field(default=None, ge=0, le=1)
    """Pods, as a share, that are still terminating, with their connections, while a rollout starts new ones."""
    pooled: bool | None = Field(default=None)
    """Whether these clients go through PgBouncer; as the database says where not declared."""


FUNCTION_FIELDS: Mapping[str, str] = {
    "pool_size": "connections_per_instance",
    "transactions_per_second": "transactions_per_request",
}
"""What a function's section calls the fields of its access, where it calls them otherwise."""


class ClientGroup(Access, Client):
    """One client's connections to the database, with all that sizing needs to know of its pods or instances."""

    @property
    def pools_per_pod(self) -> int:
        """Pools of the application in one pod: processes x engines."""
        return (self.processes_per_pod or 1) * (self.engines_per_process or 1)

    @property
    def connections_per_pod(self) -> int:
        """Connections that one pod opens at the most: processes x engines x (pool size + overflow)."""
        return self.pools_per_pod * (self.pool_size + self.max_overflow)

    @property
    def overlaps(self) -> bool:
        """Whether new pods start before the replaced ones are gone. A StatefulSet waits for each, a Job has none."""
        return self.controller not in (WorkloadKind.STATEFULSET, WorkloadKind.JOB)

    def pods_to_hold(self, pods: int) -> int:
        """Pods with connections in a rollout: the pods, those that it adds, and the declared terminating ones."""
        return pods + times(pods, self.surge) + times(pods, exact(self.terminating_overlap or 0))

    def pods_at_most(self, pods: int) -> int:
        """The same with all replaced pods still terminating, unless another overlap is declared."""
        overlap = exact(self.terminating_overlap) if self.terminating_overlap is not None else Fraction(self.overlaps)
        return pods + times(pods, self.surge) + times(pods, overlap)

    @property
    def offered_erlangs(self) -> Fraction:
        """Busy connections on average, by Little's law: transactions per second x their mean time."""
        return exact(self.transactions_per_second) * exact(self.mean_transaction_ms) / 1000


POLICY_DEFAULTS: Mapping[str, Default] = {
    "headroom": Default(
        Fraction(1, 10),
        "of max_connections",
        "this share of max_connections, rounded up, is left free",
        "assumption: migrations, people and incidents need connections too",
    ),
    "steady_p99_wait_ms": Default(
        Fraction(10), "ms", "99% of the transactions wait at most this long for a server connection", "assumption"
    ),
    "steady_utilization": Default(
        Fraction(85, 100), "of the server connections", "at most this share is busy at the peak", "assumption"
    ),
    "degraded_p99_wait_ms": Default(
        Fraction(100), "ms", "the same while replicas restart one after the other", "assumption"
    ),
    "degraded_utilization": Default(
        Fraction(95, 100), "of the server connections", "the same while replicas restart", "assumption"
    ),
    "replica_skew": Default(
        Fraction(12, 10),
        "times an even share",
        "the busiest replica of PgBouncer carries at most this multiple of an even share",
        "assumption: connections are balanced when they are opened, not when they are used",
    ),
    "transactions_per_second_per_replica": Default(
        Fraction(10_000),
        "transactions per second",
        "one PgBouncer process, which uses one core, carries this many with TLS on both sides",
        "assumption: 30,000 and more were measured on one fast core; a shared vCPU is planned to a third",
    ),
    "restart_pause_seconds": Default(
        Fraction(0),
        "seconds",
        "a restarted replica is ready for this long before the next one restarts",
        "assumption: Kubernetes goes on as soon as a replica is ready",
    ),
}
"""The policy where none is declared. Every number of it that a plan used is listed with the plan."""


class DatabasePolicy(Declared):
    """How much margin a database's connections are sized with. Defaults are in :data:`POLICY_DEFAULTS`."""

    headroom: float | None = Field(default=None, ge=0, lt=1)
    """The share of max_connections that is left free; 0.1 where not declared."""
    steady_p99_wait_ms: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The 99th percentile of waiting for a server connection; 10 ms where not declared."""
    steady_utilization: float | None = Field(default=None, ge=0.01, lt=1)
    """The share of the server connections that may be busy; 0.85 where not declared."""
    degraded_p99_wait_ms: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The same percentile while replicas restart; 100 ms where not declared."""
    degraded_utilization: float | None = Field(default=None, ge=0.01, lt=1)
    """The same share while replicas restart; 0.95 where not declared."""
    replica_skew: float | None = Field(default=None, ge=1, le=MAX_REPLICAS)
    """The busiest replica's share over an even share; 1.2 where not declared."""
    transactions_per_second_per_replica: float | None = Field(default=None, gt=0, le=MAX_RATE)
    """What one PgBouncer process carries; 10,000 where not declared."""
    restart_pause_seconds: float | None = Field(default=None, ge=0, le=MAX_SECONDS)
    """How long a restarted replica is ready before the next restarts; 0 where not declared. Clients that declare a
    shorter recycle_seconds have spread out again by then."""


class DatabaseSettings(Declared):
    """The database itself: its limits, who else uses it, and what is fixed of the pool."""

    max_connections: int | None = Field(default=None, ge=1, le=262_143)
    """PostgreSQL's max_connections, exactly: as set in the parameter group, or as SHOW max_connections tells."""
    instance_class: str | None = Field(default=None, max_length=40, pattern=r"^(db\.)?[a-z0-9-]+\.[a-z0-9-]+$")
    """The RDS instance class, from which max_connections is estimated, with a warning, where it is not declared."""
    role_limit: int | None = Field(default=None, ge=0, le=262_143)
    """CONNECTION LIMIT of the role that the clients log in as, of each one where there are several; none where not
    declared."""
    database_limit: int | None = Field(default=None, ge=0, le=262_143)
    """CONNECTION LIMIT of the database; none where not declared."""
    reserved: int | None = Field(default=None, ge=0, le=262_143)
    """Connections that ordinary roles cannot have, 3 of PostgreSQL and 2 of RDS; 5 where not declared."""
    internal: int | None = Field(default=None, ge=0, le=262_143)
    """Sessions of the service's own (rdsadmin); 6 where not declared."""
    other_clients: dict[str, int] | None = Field(default=None)
    """Connections of others, by name: migrations, reporting, exporters; none where not declared."""
    server: str | None = Field(default=None, max_length=63)
    """The server, by a name of your own, where several databases of the document are on one and share its
    max_connections; a server of its own where not declared."""
    pooled: bool | None = Field(default=None)
    """Whether clients go through PgBouncer; true where not declared."""
    replicas: int | None = Field(default=None, ge=1, le=MAX_REPLICAS)
    """PgBouncer processes; computed where not declared, 2 to 5 of them."""
    server_connections: int | None = Field(default=None, ge=1, le=262_143)
    """Connections of all PgBouncer processes together to PostgreSQL; computed where not declared."""
    max_client_conn: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Client connections that each PgBouncer process accepts; computed where not declared."""
    policy: DatabasePolicy | None = Field(default=None)
    """How much margin to size with."""

    @model_validator(mode="after")
    def _limits_are_known(self) -> "DatabaseSettings":
        if self.max_connections is None and self.instance_class is None:
            if self._server_tells():
                return self
            raise problem_error(
                'the field "max_connections"',
                "nothing",
                "Declare it as the server has it (SHOW max_connections), or the instance_class to estimate it from.",
                at=("max_connections",),
            )
        if self.max_connections is None and memory_gib(self.instance_class or "") is None:
            raise problem_error(
                f"an instance class whose memory is known ({known_classes()})",
                shown(self.instance_class),
                "Declare max_connections instead, as the server has it (SHOW max_connections).",
                at=("instance_class",),
            )
        for name, connections in (self.other_clients or {}).items():
            if not 0 <= connections <= MAX_COUNT:
                raise problem_error(f"0 to {MAX_COUNT:,}", shown(connections), at=("other_clients", name))
        if self.replicas and self.server_connections and self.server_connections < self.replicas:
            raise problem_error(
                f"at least 1 for each of the {self.replicas} replicas",
                str(self.server_connections),
                at=("server_connections",),
            )
        return self

    def _server_tells(self) -> bool:
        """Whether another database of the same server may say what the server has."""
        return self.server is not None

    def policy_value(self, name: str) -> Fraction:
        """A number of the policy, declared or default, exactly."""
        declared = getattr(self.policy, name) if self.policy else None
        return POLICY_DEFAULTS[name].value if declared is None else exact(declared)


class DatabaseLoad(DatabaseSettings):
    """All that one database's connections are sized from, by itself.

    Example:
        >>> load = DatabaseLoad(name="orders", max_connections=200, clients=[ClientGroup(
        ...     client="orders", pods=20, pool_size=10, max_overflow=0,
        ...     transactions_per_second=2000, mean_transaction_ms=10)])
        >>> load.clients[0].connections_per_pod, load.clients[0].offered_erlangs
        (10, Fraction(20, 1))
    """

    name: str = Field(max_length=63)
    """The database's name."""
    clients: list[ClientGroup] = Field()
    """Who connects to it."""
    connections_of_others: dict[str, int] | None = Field(default=None)
    """Connections of the other databases of the same server, by their names; none where not declared."""
    checks_server: bool | None = Field(default=None)
    """Whether what is short on the server is a finding of this database; true where not declared. Of the databases of
    one server, one says it for all."""
    origin: str | None = Field(default=None, max_length=500, exclude=True)
    """The path of the section that the load was resolved from; nothing where it was declared by itself."""

    @model_validator(mode="after")
    def _has_clients(self) -> "DatabaseLoad":
        if not self.clients:
            raise problem_error("at least one group of clients", "none", at=("clients",))
        offered = sum(group.offered_erlangs for group in self.clients)
        if offered > MAX_ERLANGS:
            heaviest = max(range(len(self.clients)), key=lambda index: self.clients[index].offered_erlangs)
            raise problem_error(
                f"at most {MAX_ERLANGS:,} connections busy on average (transactions per second x their mean time)",
                show_number(offered),
                at=("clients", heaviest, "transactions_per_second"),
            )
        return self

    def _server_tells(self) -> bool:
        return False

    @property
    def pooled_groups(self) -> list[ClientGroup]:
        """The groups that connect to PgBouncer."""
        return [group for group in self.clients if self.goes_through_pool(group)]

    @property
    def direct_groups(self) -> list[ClientGroup]:
        """The groups that connect straight to PostgreSQL."""
        return [group for group in self.clients if not self.goes_through_pool(group)]

    @property
    def roles(self) -> list[str]:
        """The roles of all groups, each once, in the order in which they come."""
        return list(dict.fromkeys(self.role_of(group) for group in self.clients))

    def goes_through_pool(self, group: ClientGroup) -> bool:
        """Whether a group's clients connect to PgBouncer rather than to PostgreSQL itself."""
        return group.pooled if group.pooled is not None else self.pooled is not False

    def role_of(self, group: ClientGroup) -> str:
        """The role that a group logs in as."""
        return group.user or self.name

    def where(self, path: Path) -> Path:
        """The path in the document that declared what stands at a path of this load."""
        if self.origin is None:
            return path
        if path[:1] == ("clients",) and len(path) > 1 and isinstance(path[1], int):
            declared = self.clients[path[1]].declared_at(path[2:], FUNCTION_FIELDS)
            if declared is not None:
                return declared
        return (*parse_path(self.origin), *path)
