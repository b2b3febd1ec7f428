"""pgbouncer.ini, rendered from a plan: each line says which number or choice it comes from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.wording import counted
from loadfit.databases.plan import DatabasePlan, PoolPlan
from loadfit.databases.settings import (
    DEFAULT_VERSION,
    PEERING,
    PER_USER_POOLS,
    SETTINGS,
    Version,
)

__all__ = [
    "CLIENT_TLS_FOLDER",
    "CONFIG_FOLDER",
    "CREDENTIALS_FOLDER",
    "METRICS_PORT",
    "POOL_PORT",
    "RUN_FOLDER",
    "SERVER_CA_FILE",
    "SERVER_CA_FOLDER",
    "ClientTls",
    "PoolChoices",
    "ServerTls",
    "checksum",
    "config_revision",
    "longest_transaction_seconds",
    "peer_hosts",
    "render_config",
]

POOL_PORT = 6432
"""https://www.pgbouncer.org/config.html#listen_port"""
METRICS_PORT = 9127
"""https://github.com/prometheus-community/pgbouncer_exporter"""

CONFIG_FOLDER = "/etc/pgbouncer"
CREDENTIALS_FOLDER = "/etc/pgbouncer-credentials"
CLIENT_TLS_FOLDER = "/etc/pgbouncer-client-tls"
SERVER_CA_FOLDER = "/etc/pgbouncer-server-ca"
SERVER_CA_FILE = "ca.pem"
RUN_FOLDER = "/run/pgbouncer"
"""In memory: the socket, the user list, and the replica's own number."""

_IDLE_TRANSACTION_SECONDS = 60
"""Choice: a transaction that nobody goes on with holds a server connection that others wait for."""
_LONGEST_TRANSACTION_SECONDS = Fraction(30)
"""Where none is declared: the default of ``longest_transaction_seconds``."""


class ServerTls(str, Enum):
    """How the connections to PostgreSQL are secured."""

    VERIFY_FULL = "verify-full"
    """Encrypted, to a server whose certificate is valid and carries the endpoint's name."""
    VERIFY_CA = "verify-ca"
    """Encrypted, to a server whose certificate is valid: for endpoints behind a name of their own."""
    DISABLE = "disable"
    """In the clear: for a database on the same machine, in tests."""


class ClientTls(str, Enum):
    """How the connections of clients are secured."""

    REQUIRE = "require"
    """Encrypted; others are refused."""
    DISABLE = "disable"
    """In the clear: where the network itself encrypts, such as a service mesh."""


@dataclass(frozen=True, kw_only=True)
class PoolChoices:
    """What a plan leaves open."""

    database: str
    """The database's name in PostgreSQL and for clients."""
    host: str
    port: int = 5432
    peers: Sequence[str] = ()
    """The replicas' host names, the first one that of peer 1."""
    version: Version = DEFAULT_VERSION
    """The PgBouncer that reads the file; what is newer is left out."""
    server_tls: ServerTls = ServerTls.VERIFY_FULL
    client_tls: ClientTls = ClientTls.REQUIRE
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """The user's own, over the defaults."""


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    value: str
    reason: str


def render_config(plan: DatabasePlan, choices: PoolChoices) -> str:
    """The configuration that every replica reads. The same plan and choices give the same text.

    Its comments tell no number that may change while the settings stay: a changed text restarts the replicas.

    Args:
        plan: With at least one pool.
        choices: What the plan leaves open.
    """
    lines = [*_size_lines(plan), *_choice_lines(plan, choices)]
    known = {line.name: line for line in lines}
    known |= {name: _Line(name, value, "your setting") for name, value in sorted(choices.settings.items())}
    newer = [line.name for line in known.values() if SETTINGS[line.name] > choices.version]
    text = [
        f"; {plan.name}: rendered by loadfit for PgBouncer {choices.version}, for {counted(plan.replicas, 'replica')}.",
        "; It holds no secrets. Sizes follow from the declared load: change that, not this file.",
        "",
        *_databases(choices),
        *_users(plan, choices),
        *_peers(choices),
        "[pgbouncer]",
    ]
    for line in known.values():
        if line.name not in newer:
            text += [f"; {line.reason}", f"{line.name} = {line.value}"]
    for name in newer:
        text.append(f"; left out: {name} is not known before PgBouncer {SETTINGS[name]}")
    if _peered(choices):
        text += ["", "; the replica's own number, peer_id, written when it starts", f"%include {RUN_FOLDER}/peer.ini"]
    return "\n".join(text) + "\n"


def _databases(choices: PoolChoices) -> list[str]:
    name = _quoted(choices.database)
    return [
        "[databases]",
        "; the endpoint; no user is forced, so that each role has a pool of its own and logs in as itself",
        f"{name} = host={choices.host} port={choices.port} dbname={_value(choices.database)}",
        "",
    ]


def _users(plan: DatabasePlan, choices: PoolChoices) -> list[str]:
    if len(plan.pools) == 1 or choices.version < PER_USER_POOLS:
        return []
    lines = ["[users]"]
    for pool in plan.pools:
        lines += [f"; plan: {_pool_reason(plan, pool)}", f"{_quoted(pool.user)} = pool_size={pool.size_per_replica}"]
    return [*lines, ""]


def _peers(choices: PoolChoices) -> list[str]:
    if not _peered(choices):
        return []
    lines = ["[peers]", "; a cancel request arrives at any replica and is passed on to the one that runs the query"]
    lines += [f"{number} = host={host} port={POOL_PORT}" for number, host in enumerate(choices.peers, start=1)]
    return [*lines, ""]


def _peered(choices: PoolChoices) -> bool:
    return bool(choices.peers) and choices.version >= PEERING


def _size_lines(plan: DatabasePlan) -> list[_Line]:
    pools, replicas = plan.pools, counted(plan.replicas, "replica")
    each, total = plan.server_connections_per_replica, plan.server_connections_per_replica * plan.replicas
    smallest = min(pools, key=lambda pool: pool.size_per_replica)
    reason = (
        _pool_reason(plan, smallest) if len(pools) == 1 else "the smallest pool, for roles without one of their own"
    )
    busy = min(pool.offered_erlangs for pool in pools) / plan.replicas
    return [
        _Line(
            "max_client_conn",
            str(plan.max_client_conn),
            "plan: what each replica accepts: the clients of a rollout, all on one replica while others restart",
        ),
        _Line("default_pool_size", str(smallest.size_per_replica), f"plan: {reason}"),
        _Line("max_db_connections", str(each), f"plan: {each:,} x {replicas} = {total:,}, over all roles"),
        _Line(
            "min_pool_size",
            str(min(smallest.size_per_replica, ceiling(busy))),
            "plan: a replica's share of the connections that are busy on average, kept open",
        ),
        _Line("reserve_pool_size", "0", "choice: one limit for each pool, not two"),
    ]


def _pool_reason(plan: DatabasePlan, pool: PoolPlan) -> str:
    total = pool.size_per_replica * plan.replicas
    return f"{pool.user} has {pool.size_per_replica:,} x {counted(plan.replicas, 'replica')} = {total:,}"


def _choice_lines(plan: DatabasePlan, choices: PoolChoices) -> list[_Line]:
    idle = max(Fraction(_IDLE_TRANSACTION_SECONDS), longest_transaction_seconds(plan))
    return [
        _Line("pool_mode", "transaction", "choice: a server connection is held for a transaction, not for a session"),
        _Line("listen_addr", "*", "choice: all addresses of the pod"),
        _Line("listen_port", str(POOL_PORT), "choice: PgBouncer's own port"),
        _Line("listen_backlog", "4096", "choice: all clients connect again at once after a restart"),
        _Line("unix_socket_dir", RUN_FOLDER, "choice: administration without a password, from inside of the pod alone"),
        _Line("auth_type", "scram-sha-256", "choice: passwords do not cross the network"),
        _Line("auth_file", f"{RUN_FOLDER}/userlist.txt", "written from the Secret, and again whenever that changes"),
        *_server_tls_lines(choices),
        *_client_tls_lines(choices),
        _Line(
            "max_prepared_statements",
            "200",
            "choice: prepared statements of the protocol work, for drivers that use them",
        ),
        _Line(
            "query_wait_timeout", "10", "choice: seconds that a client waits for a server connection before an error"
        ),
        _Line(
            "idle_transaction_timeout",
            _seconds(idle),
            f"choice: {_IDLE_TRANSACTION_SECONDS} seconds, or the longest declared transaction",
        ),
        _Line(
            "server_login_retry",
            "2",
            "choice: seconds until the next attempt after a failed connect; the default of 15 is an outage",
        ),
        _Line("server_idle_timeout", "300", "choice: seconds until connections above min_pool_size are given back"),
        _Line("dns_max_ttl", "5", "choice: seconds until a failover of the database is noticed"),
        _Line("tcp_keepidle", "60", "choice: seconds; load balancers and NAT forget idle connections after 350"),
        _Line("ignore_startup_parameters", "extra_float_digits", "choice: JDBC and the metrics exporter send it"),
        _Line("log_connections", "0", "choice: one line for each connection says nothing at this rate"),
        _Line("log_disconnections", "0", "choice: the same"),
    ]


def _server_tls_lines(choices: PoolChoices) -> list[_Line]:
    mode = choices.server_tls
    lines = [_Line("server_tls_sslmode", mode.value, f"choice: server_tls is {mode.value}")]
    if mode is not ServerTls.DISABLE:
        where = f"{SERVER_CA_FOLDER}/{SERVER_CA_FILE}"
        lines.append(_Line("server_tls_ca_file", where, "server_ca: who signs the database's certificate"))
    return lines


def _client_tls_lines(choices: PoolChoices) -> list[_Line]:
    mode = choices.client_tls
    lines = [_Line("client_tls_sslmode", mode.value, f"choice: client_tls is {mode.value}")]
    if mode is not ClientTls.DISABLE:
        certificate = f"{CLIENT_TLS_FOLDER}/tls.crt"
        lines += [
            _Line("client_tls_cert_file", certificate, "client_tls_secret"),
            _Line("client_tls_key_file", f"{CLIENT_TLS_FOLDER}/tls.key", "client_tls_secret"),
            # https://github.com/pgbouncer/pgbouncer/issues/1215
            _Line(
                "client_tls_ca_file",
                certificate,
                "choice: no client needs a certificate; without a file here PgBouncer does not start in an image that "
                "has no authorities of its own",
            ),
        ]
    return lines


def longest_transaction_seconds(plan: DatabasePlan) -> Fraction:
    """The longest transaction of the pooled clients."""
    declared = [group.longest_transaction_seconds for group in plan.load.pooled_groups]
    return max(
        (_LONGEST_TRANSACTION_SECONDS if seconds is None else exact(seconds) for seconds in declared),
        default=_LONGEST_TRANSACTION_SECONDS,
    )


def peer_hosts(name: str, namespace: str, replicas: int) -> list[str]:
    """The host names of the replicas of a StatefulSet whose ordinals begin at 1."""
    return [f"{name}-{ordinal}.{name}-peers.{namespace}.svc.cluster.local" for ordinal in range(1, replicas + 1)]


def checksum(*parts: str) -> str:
    """What changes when a text does."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def config_revision(text: str) -> str:
    """The same, short enough for a name."""
    return checksum(text)[:10]


def _seconds(number: Fraction) -> str:
    return show_number(number).replace(",", "")


def _quoted(name: str) -> str:
    """A name as a key of a section."""
    if name.isascii() and name.replace("_", "a").isalnum():
        return name
    return '"' + name.replace('"', '""') + '"'


def _value(name: str) -> str:
    """A name as a value of a connection string."""
    if name.isascii() and name.replace("_", "a").replace("-", "a").isalnum():
        return name
    return "'" + name.replace("'", "''") + "'"
