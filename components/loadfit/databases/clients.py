"""The settings with which client libraries work with the pool, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadfit.core.exact import ceiling, exact
from loadfit.databases.config import ClientTls
from loadfit.databases.load import ClientGroup
from loadfit.databases.plan import DatabasePlan
from loadfit.databases.settings import DEFAULT_VERSION, PREPARED_STATEMENTS, Version

__all__ = ["client_settings"]

_RECYCLE_SECONDS = 300
"""Choice where no life is declared: connections spread over the replicas again within five minutes of a restart."""
_POOL_TIMEOUT_SECONDS = 30
"""The default of ``pool_timeout_seconds``, SQLAlchemy's."""


@dataclass(frozen=True, slots=True)
class _Client:
    """What every library is told in its own words."""

    pool_size: int
    max_overflow: int
    recycle_seconds: int
    pool_timeout_seconds: int
    prepared_statements: bool
    sslmode: str

    @property
    def most(self) -> int:
        return self.pool_size + self.max_overflow


def client_settings(
    plan: DatabasePlan, *, client_tls: ClientTls = ClientTls.REQUIRE, version: Version = DEFAULT_VERSION
) -> dict[str, dict[str, dict[str, Any]]]:
    """Settings by client group and by library, under the library's own names. Sizes are those of one pool.

    Args:
        plan: With the declared pools.
        client_tls: Whether clients encrypt.
        version: The PgBouncer that they connect to.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    groups = plan.load.pooled_groups
    names = [group.client for group in groups]
    for group in groups:
        client = _client(group, client_tls, version)
        # One workload may log in as several roles.
        name = group.client if names.count(group.client) == 1 else f"{group.client}/{plan.load.role_of(group)}"
        found[name] = {
            "sqlalchemy": _sqlalchemy(client),
            "psycopg": _psycopg(client),
            "asyncpg": _asyncpg(client),
            "django": _django(client),
            "node-postgres": _node_postgres(client),
            "jdbc": _jdbc(client),
        }
    return found


def _client(group: ClientGroup, client_tls: ClientTls, version: Version) -> _Client:
    return _Client(
        pool_size=group.pool_size,
        max_overflow=group.max_overflow,
        recycle_seconds=_whole(group.recycle_seconds, _RECYCLE_SECONDS),
        pool_timeout_seconds=_whole(group.pool_timeout_seconds, _POOL_TIMEOUT_SECONDS),
        prepared_statements=version >= PREPARED_STATEMENTS,
        # "require" encrypts; which authority signs the pool's certificate only the cluster knows.
        sslmode=client_tls.value,
    )


def _whole(seconds: float | None, default: int) -> int:
    return default if seconds is None else ceiling(exact(seconds))


def _sqlalchemy(client: _Client) -> dict[str, Any]:
    """https://docs.sqlalchemy.org/en/20/core/engines.html, arguments of create_engine."""
    return {
        "pool_size": client.pool_size,
        "max_overflow": client.max_overflow,
        "pool_timeout": client.pool_timeout_seconds,
        "pool_recycle": client.recycle_seconds,
        "pool_pre_ping": True,
        # The last one used is used again, so that the others age and are closed.
        "pool_use_lifo": True,
        "connect_args": {"sslmode": client.sslmode, **_prepare_threshold(client)},
    }


def _prepare_threshold(client: _Client) -> Mapping[str, Any]:
    return {} if client.prepared_statements else {"prepare_threshold": None}


def _psycopg(client: _Client) -> dict[str, Any]:
    """https://www.psycopg.org/psycopg3/docs/api/pool.html, arguments of ConnectionPool."""
    return {
        "min_size": client.pool_size,
        "max_size": client.most,
        "timeout": client.pool_timeout_seconds,
        "max_lifetime": client.recycle_seconds,
        "check": "ConnectionPool.check_connection",
        "kwargs": {"sslmode": client.sslmode, **_prepare_threshold(client)},
    }


def _asyncpg(client: _Client) -> dict[str, Any]:
    """https://magicstack.github.io/asyncpg/current/api/index.html, arguments of create_pool."""
    return {
        "min_size": client.pool_size,
        "max_size": client.most,
        # It checks nothing and ends no life: what is idle is closed before a restart can make it stale.
        "max_inactive_connection_lifetime": client.recycle_seconds,
        "statement_cache_size": 100 if client.prepared_statements else 0,
        "ssl": client.sslmode,
    }


def _django(client: _Client) -> dict[str, Any]:
    """https://docs.djangoproject.com/en/stable/ref/databases/#postgresql-notes, keys of DATABASES["default"]."""
    return {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {
            "sslmode": client.sslmode,
            "pool": {
                "min_size": client.pool_size,
                "max_size": client.most,
                "timeout": client.pool_timeout_seconds,
                "max_lifetime": client.recycle_seconds,
            },
        },
    }


def _node_postgres(client: _Client) -> dict[str, Any]:
    """https://node-postgres.com/apis/pool, fields of the Pool's configuration; it cannot check a connection first."""
    return {
        "min": client.pool_size,
        "max": client.most,
        "connectionTimeoutMillis": client.pool_timeout_seconds * 1000,
        "maxLifetimeSeconds": client.recycle_seconds,
        # Its "true" would also verify, and then needs the authority: this is what "require" means elsewhere.
        "ssl": False if client.sslmode == "disable" else {"rejectUnauthorized": False},
    }


def _jdbc(client: _Client) -> dict[str, Any]:
    """https://github.com/brettwooldridge/HikariCP and https://jdbc.postgresql.org/documentation/use/."""
    return {
        "minimumIdle": client.pool_size,
        "maximumPoolSize": client.most,
        "connectionTimeout": client.pool_timeout_seconds * 1000,
        "maxLifetime": client.recycle_seconds * 1000,
        "dataSourceProperties": {
            "sslmode": client.sslmode,
            "prepareThreshold": 5 if client.prepared_statements else 0,
        },
    }
