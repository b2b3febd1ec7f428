"""The findings of database sizing: what each means, its equation, its sources."""

from collections.abc import Mapping

from loadfit.core import limits
from loadfit.core.explanations import Explanation

__all__ = [
    "APP_POOL_OVERSIZED",
    "APP_POOL_SHORT",
    "CLIENT_CONNECTIONS_SHORT",
    "DATABASE_CONNECTIONS_SHORT",
    "EXPLANATIONS",
    "MAX_CONNECTIONS_ESTIMATED",
    "POOLER_FILE_DESCRIPTORS_SHORT",
    "POOLER_REPLICAS_SHORT",
    "ROLE_CONNECTIONS_SHORT",
    "SERVER_POOL_SHORT",
]

DATABASE_CONNECTIONS_SHORT = "DATABASE_CONNECTIONS_SHORT"
ROLE_CONNECTIONS_SHORT = "ROLE_CONNECTIONS_SHORT"
SERVER_POOL_SHORT = "SERVER_POOL_SHORT"
POOLER_REPLICAS_SHORT = "POOLER_REPLICAS_SHORT"
CLIENT_CONNECTIONS_SHORT = "CLIENT_CONNECTIONS_SHORT"
POOLER_FILE_DESCRIPTORS_SHORT = "POOLER_FILE_DESCRIPTORS_SHORT"
APP_POOL_SHORT = "APP_POOL_SHORT"
APP_POOL_OVERSIZED = "APP_POOL_OVERSIZED"
MAX_CONNECTIONS_ESTIMATED = "MAX_CONNECTIONS_ESTIMATED"

_PGBOUNCER = "https://www.pgbouncer.org/config.html"
_ROLE_LIMIT = "https://www.postgresql.org/docs/current/sql-createrole.html (CONNECTION LIMIT)"
_WAITING = "Allen: Probability, Statistics, and Queueing Theory, 1990"
_NEED = (
    "need = the fewest servers with p99 wait = (1 + cv2)/2 x s/(N - a) x ln(C(N, a)/0.01) <= target and a/N <= "
    "utilization"
)

EXPLANATIONS: Mapping[str, Explanation] = {
    DATABASE_CONNECTIONS_SHORT: Explanation(
        "PgBouncer's processes and the clients that go straight to PostgreSQL open more connections, in a rollout with "
        "its extra pods, than the server has for them (error), or than it has with the headroom left free (warning). "
        "Beyond the limit PostgreSQL refuses: 'remaining connection slots are reserved' or 'too many connections'.",
        "connections = replicas x server connections per replica + sum over direct clients of pods in a rollout x "
        "processes x engines x (pool size + overflow); usable = min(max_connections - reserved - internal - others, "
        "role_limit x roles, database_limit); budget = the same with ceil(headroom x max_connections) left free",
        (limits.POSTGRES_RESERVED.source, limits.RDS_MAX_CONNECTIONS_DIVISOR.source),
    ),
    ROLE_CONNECTIONS_SHORT: Explanation(
        "One of several roles opens more connections than its own CONNECTION LIMIT allows: 'too many connections for "
        "role'. Behind PgBouncer its transactions queue, and PgBouncer lets nobody in for server_login_retry seconds "
        "when it gets no connection at all.",
        "connections of a role = replicas x its pool + its direct clients in a rollout",
        (_ROLE_LIMIT, _PGBOUNCER),
    ),
    SERVER_POOL_SHORT: Explanation(
        "The declared server connections are fewer than the transactions need. Where they are no more than are busy on "
        "average on the busiest replica, in the steady state or while replicas restart, the queue grows without bound "
        "until query_wait_timeout throws clients out (error). Otherwise they wait longer, or the pool is busier, than "
        "the policy allows (warning). A pool belongs to one role and one process, so that replicas divide it.",
        f"{_NEED}; a = transactions per second x mean time x share of the busiest replica; share = min(1, "
        "skew/replicas) steady and (1/R)(R/(R-1))^(R-1) while replicas restart one by one",
        (_WAITING, _PGBOUNCER),
    ),
    POOLER_REPLICAS_SHORT: Explanation(
        "When one PgBouncer process restarts, those that are left cannot carry the transactions: a process uses one "
        "core. With a single one, nobody reaches the database meanwhile.",
        "replicas = ceil(transactions per second / transactions_per_second_per_replica) + 1",
        (f"{_PGBOUNCER} (so_reuseport)",),
    ),
    CLIENT_CONNECTIONS_SHORT: Explanation(
        "max_client_conn is below the connections that clients open in a rollout. PgBouncer refuses those beyond it "
        "at once, with 'no more connections allowed (max_client_conn)': they do not queue. Each process has to accept "
        "all of them, because long-lived connections pile up on one while the others restart.",
        "connections = sum over pooled clients of (pods + ceil(pods x surge) + ceil(pods x terminating_overlap)) x "
        "processes x engines x (pool size + overflow)",
        (_PGBOUNCER,),
    ),
    POOLER_FILE_DESCRIPTORS_SHORT: Explanation(
        "A PgBouncer process needs more file descriptors than a container may have. Beyond them new clients hang until "
        "their connect time-out.",
        "file descriptors = max_client_conn + 2 x server connections per replica + replicas + 64",
        (limits.PROCESS_FILE_DESCRIPTORS.source,),
    ),
    APP_POOL_SHORT: Explanation(
        "The application's own pools are too small for its transactions: callers wait for a connection longer than the "
        "pool's time-out and get an error (error), or longer than a transaction may wait at all (warning).",
        f"{_NEED}; a = transactions per second x mean time / (pods x processes x engines); N = pool size + overflow",
        (_WAITING, "https://docs.sqlalchemy.org/en/20/core/pooling.html"),
    ),
    APP_POOL_OVERSIZED: Explanation(
        "The application's own pools are larger than they can ever use: the last connections are in use less often "
        "than once in a million transactions. They take slots of max_connections, or of max_client_conn, all the same.",
        "most used = the fewest servers with Erlang B(N, a) <= 0.000001; a = transactions per second x mean time / "
        "(pods x processes x engines)",
        ("Jagerman: Some properties of the Erlang loss function, 1974",),
    ),
    MAX_CONNECTIONS_ESTIMATED: Explanation(
        "max_connections was not declared and is estimated from the instance class. RDS computes its default from the "
        "memory that is left to PostgreSQL, which it does not publish; the estimate is on the low side. Set "
        "max_connections as a literal number in a parameter group of your own, and declare that.",
        "max_connections = min(5,000, (0.90 x memory - 128 MiB) / 9,531,392 bytes)",
        (limits.RDS_MAX_CONNECTIONS_DIVISOR.source,),
    ),
}
