"""pgbouncer.ini: readable, derived from the plan, and the same every time."""

import configparser
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadfit.databases import DatabasePlan
from loadfit.databases.config import ClientTls, PoolChoices, ServerTls, peer_hosts, render_config
from loadfit.databases.settings import (
    DEFAULT_VERSION,
    FLOOR,
    OLDEST,
    PEERING,
    PREPARED_STATEMENTS,
    SETTINGS,
    Version,
    setting_problems,
)
from tests.databases.pools import group, planned

SNAPSHOTS = Path(__file__).parent / "snapshots"


def choices(plan: DatabasePlan, **more: Any) -> PoolChoices:
    peers = peer_hosts("orders", "default", plan.replicas)
    given: dict[str, Any] = {"database": "orders", "host": "db.example.com", "peers": peers, **more}
    return PoolChoices(**given)


def rendered(plan: DatabasePlan, **more: Any) -> str:
    return render_config(plan, choices(plan, **more))


def parsed(text: str) -> configparser.ConfigParser:
    """As PgBouncer reads it: comments at the beginning of a line only."""
    reader = configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=(";", "#"), inline_comment_prefixes=None
    )
    reader.read_string(re.sub(r"^%include.*$", "", text, flags=re.MULTILINE))
    return reader


TWO_ROLES = (group(), group("reports", user="reporting", transactions_per_second=100))


@pytest.mark.parametrize(
    ("snapshot", "plan", "more"),
    [
        ("case_study.ini", planned(), {}),
        ("case_study_1.18.ini", planned(), {"version": OLDEST}),
        ("two_roles.ini", planned(*TWO_ROLES, replicas=None, server_connections=None), {}),
        (
            "in_the_clear.ini",
            planned(),
            {
                "server_tls": ServerTls.DISABLE,
                "client_tls": ClientTls.DISABLE,
                "settings": {"query_wait_timeout": "5", "stats_period": "30"},
            },
        ),
    ],
)
def test_the_rendered_file_is_the_one_that_was_reviewed(snapshot: str, plan: DatabasePlan, more: Any) -> None:
    assert rendered(plan, **more) == (SNAPSHOTS / snapshot).read_text()


class TestSizes:
    def test_they_are_the_plans(self) -> None:
        plan = planned()
        settings = parsed(rendered(plan))["pgbouncer"]
        assert int(settings["max_client_conn"]) == plan.max_client_conn == 1000
        assert int(settings["default_pool_size"]) == plan.pools[0].size_per_replica == 25
        assert int(settings["max_db_connections"]) == plan.server_connections_per_replica == 25
        assert int(settings["min_pool_size"]) == 10  # 20 busy on average, half of them here

    def test_each_role_has_its_pool_and_all_together_stay_within_the_replicas_limit(self) -> None:
        plan = planned(*TWO_ROLES, replicas=None, server_connections=None)
        config = parsed(rendered(plan))
        sizes = {pool.user: f"pool_size={pool.size_per_replica}" for pool in plan.pools}
        assert dict(config["users"]) == sizes
        together = sum(pool.size_per_replica for pool in plan.pools)
        assert int(config["pgbouncer"]["max_db_connections"]) == together == plan.server_connections_per_replica

    def test_a_pool_that_is_less_busy_than_one_connection_keeps_one_open(self) -> None:
        plan = planned(group(transactions_per_second=1))
        assert parsed(rendered(plan))["pgbouncer"]["min_pool_size"] == "1"

    def test_a_transaction_that_may_be_long_is_not_cut(self) -> None:
        plan = planned(group(longest_transaction_seconds=1200))
        assert parsed(rendered(plan))["pgbouncer"]["idle_transaction_timeout"] == "1200"


class TestText:
    def test_each_line_says_where_it_comes_from(self) -> None:
        lines = rendered(planned()).splitlines()
        section = lines[lines.index("[pgbouncer]") + 1 :]
        for before, line in pairwise(section):
            assert line.startswith((";", "%")) or not line or before.startswith("; ")

    @given(pods=st.integers(1, 60))
    def test_more_pods_within_the_same_sizes_change_nothing(self, pods: int) -> None:
        assert rendered(planned(group(pods=pods))) == rendered(planned())

    def test_a_database_that_needs_quotes_has_them(self) -> None:
        text = rendered(planned(), database="orders-eu")
        assert '\n"orders-eu" = host=db.example.com port=5432 dbname=orders-eu\n' in text
        assert "dbname='it''s'" in rendered(planned(), database="it's")

    def test_a_setting_of_the_user_stands_instead_of_the_default(self) -> None:
        text = rendered(planned(), settings={"query_wait_timeout": "5"})
        assert "; your setting\nquery_wait_timeout = 5\n" in text
        assert text.count("query_wait_timeout = ") == 1


class TestVersions:
    @given(version=st.builds(Version, st.just(1), st.integers(18, 27), st.integers(0, 3)))
    def test_nothing_is_rendered_that_the_version_does_not_know(self, version: Version) -> None:
        config = parsed(rendered(planned(), version=version, settings={"transaction_timeout": "60"}))
        assert all(SETTINGS[name] <= version for name in config["pgbouncer"])
        assert config.has_section("peers") == (version >= PEERING)

    def test_what_is_left_out_is_told(self) -> None:
        text = rendered(planned(), version=Version(1, 20, 1))
        assert "; left out: max_prepared_statements is not known before PgBouncer 1.21.0\n" in text

    def test_the_defaults_need_no_newer_version_than_the_oldest_that_is_deployed(self) -> None:
        assert "left out" not in rendered(planned(), version=FLOOR)
        assert FLOOR <= DEFAULT_VERSION
        assert PREPARED_STATEMENTS < FLOOR

    @pytest.mark.parametrize("text", ["", "1", "1.x", "1.25.2.1", "latest", "1.25.2-p0", "\u0661.25"])
    def test_what_is_no_version_is_none(self, text: str) -> None:
        assert Version.parse(text) is None


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("max_client_con", "9", 'unknown setting "max_client_con". Did you mean "max_client_conn"?'),
            ("xyz", "9", "https://www.pgbouncer.org/config.html"),
            ("default_pool_size", "9", "default_pool_size is computed"),
            ("auth_type", "trust", "auth_type is set by the component"),
            ("server_tls_sslmode", "prefer", "server_tls_sslmode is set by the component"),
            ("query_wait_timeout", "0", "wait for ever"),
            ("query_wait_timeout", "soon", "more than 0 seconds"),
            ("log_stats", "0\nauth_type = any", "one line of text"),
        ],
    )
    def test_what_pgbouncer_would_refuse_or_the_plan_decides_is_refused(self, name: str, value: str, told: str) -> None:
        (problem,) = setting_problems({name: value}, ("settings",))
        assert told in str(problem)
        assert problem.path == ("settings", name)

    @pytest.mark.parametrize("name", ["query_wait_timeout", "client_tls_ciphers", "transaction_timeout", "log_stats"])
    def test_others_are_free(self, name: str) -> None:
        assert setting_problems({name: "1"}, ()) == []
