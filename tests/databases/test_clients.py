"""What client libraries are told: pools as declared, connections that are checked, statements that work."""

from typing import Any

import pytest

from loadfit.databases.clients import client_settings
from loadfit.databases.config import ClientTls
from loadfit.databases.settings import Version
from tests.databases.pools import group, planned

LIBRARIES = ("sqlalchemy", "psycopg", "asyncpg", "django", "node-postgres", "jdbc")
OLD = Version(1, 20)


def settings(library: str, **more: Any) -> dict[str, Any]:
    declared = group(pool_size=6, max_overflow=4, recycle_seconds=240, pool_timeout_seconds=5)
    return client_settings(planned(declared), **more)["orders"][library]


def test_each_group_has_settings_for_every_library() -> None:
    found = client_settings(planned(group(), group("jobs")))
    assert list(found) == ["orders", "jobs"]
    assert all(tuple(libraries) == LIBRARIES for libraries in found.values())


def test_clients_that_do_not_go_through_the_pool_have_none() -> None:
    assert list(client_settings(planned(group(), group("jobs", pooled=False, transactions_per_second=1)))) == ["orders"]


def test_a_workload_with_two_roles_has_settings_for_each() -> None:
    plan = planned(group(), group(user="reporting", transactions_per_second=1))
    assert list(client_settings(plan)) == ["orders/orders", "orders/reporting"]


@pytest.mark.parametrize(
    ("library", "sizes"),
    [
        ("sqlalchemy", {"pool_size": 6, "max_overflow": 4, "pool_timeout": 5, "pool_recycle": 240}),
        ("psycopg", {"min_size": 6, "max_size": 10, "timeout": 5, "max_lifetime": 240}),
        ("asyncpg", {"min_size": 6, "max_size": 10, "max_inactive_connection_lifetime": 240}),
        ("node-postgres", {"min": 6, "max": 10, "connectionTimeoutMillis": 5000, "maxLifetimeSeconds": 240}),
        ("jdbc", {"minimumIdle": 6, "maximumPoolSize": 10, "connectionTimeout": 5000, "maxLifetime": 240_000}),
    ],
)
def test_pools_are_as_large_and_live_as_long_as_declared(library: str, sizes: dict[str, int]) -> None:
    assert sizes.items() <= settings(library).items()


def test_django_has_its_pool_in_its_options() -> None:
    pool = settings("django")["OPTIONS"]["pool"]
    assert pool == {"min_size": 6, "max_size": 10, "timeout": 5, "max_lifetime": 240}
    # Django refuses a pool together with persistent connections of its own.
    assert settings("django")["CONN_MAX_AGE"] == 0


def test_connections_are_checked_before_use_where_a_library_can() -> None:
    assert settings("sqlalchemy")["pool_pre_ping"] is True
    assert settings("psycopg")["check"] == "ConnectionPool.check_connection"
    assert settings("django")["CONN_HEALTH_CHECKS"] is True


def test_cursors_that_outlive_a_transaction_are_off() -> None:
    assert settings("django")["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_what_is_not_declared_has_a_default() -> None:
    told = client_settings(planned())["orders"]["sqlalchemy"]
    assert (told["pool_recycle"], told["pool_timeout"]) == (300, 30)


def test_statements_are_prepared_only_where_the_pool_keeps_them() -> None:
    assert settings("asyncpg")["statement_cache_size"] > 0
    assert settings("asyncpg", version=OLD)["statement_cache_size"] == 0
    assert settings("jdbc")["dataSourceProperties"]["prepareThreshold"] > 0
    assert settings("jdbc", version=OLD)["dataSourceProperties"]["prepareThreshold"] == 0
    for library, place in (("sqlalchemy", "connect_args"), ("psycopg", "kwargs")):
        assert "prepare_threshold" not in settings(library)[place]
        assert settings(library, version=OLD)[place]["prepare_threshold"] is None


@pytest.mark.parametrize(("mode", "sslmode"), [(ClientTls.REQUIRE, "require"), (ClientTls.DISABLE, "disable")])
def test_they_encrypt_where_the_pool_asks_for_it(mode: ClientTls, sslmode: str) -> None:
    assert settings("psycopg", client_tls=mode)["kwargs"]["sslmode"] == sslmode
    assert settings("asyncpg", client_tls=mode)["ssl"] == sslmode
    assert settings("jdbc", client_tls=mode)["dataSourceProperties"]["sslmode"] == sslmode
    assert bool(settings("node-postgres", client_tls=mode)["ssl"]) == (sslmode == "require")
