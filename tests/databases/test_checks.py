"""What a database plan breaks: each check at its limit and one beyond, what is refused as input, what is assumed."""

from typing import Any

import pytest
from hypothesis import given, settings

from loadfit import stack
from loadfit.core.findings import Finding, Severity
from loadfit.core.paths import parse_path, show_path
from loadfit.core.problems import InvalidLoad
from loadfit.databases import codes
from loadfit.databases.load import POLICY_DEFAULTS
from tests.databases.strategies import documents
from tests.databases.test_sizing import simple, sized
from tests.strategies import Document


def clients(**fields: Any) -> Document:
    """20 pods with a pool of 10 for 20 erlangs, and other fields."""
    return {
        "from": "orders",
        "pool_size": 10,
        "max_overflow": 0,
        "transactions_per_second": 2000,
        "mean_transaction_ms": 10,
        **fields,
    }


def straight(**database: Any) -> Document:
    """250 connections straight to PostgreSQL in a rollout."""
    return simple(pooled=False, **database)


def found(document: Document, code: str) -> Finding | None:
    """The finding of a code."""
    return next((finding for finding in sized(document).findings if finding.code == code), None)


def severity(document: Document, code: str) -> str | None:
    """How bad it is."""
    finding = found(document, code)
    return None if finding is None else finding.severity.value


def must(document: Document, code: str) -> Finding:
    """The finding of a code, which has to be there."""
    finding = found(document, code)
    assert finding is not None, [one.code for one in sized(document).findings]
    return finding


class TestConnections:
    @pytest.mark.parametrize(
        ("most", "expected"),
        [(260, "error"), (261, "warning"), (289, "warning"), (290, None)],
    )
    def test_between_the_budget_and_what_is_usable_is_a_warning(self, most: int, expected: str | None) -> None:
        """250 of 261 - 11 are all there is; of 290 - 11, ceil(29.0) are left free."""
        assert severity(straight(max_connections=most), codes.DATABASE_CONNECTIONS_SHORT) == expected

    @pytest.mark.parametrize("limit", ["role_limit", "database_limit"])
    def test_limits_of_role_and_database_are_hard(self, limit: str) -> None:
        """No headroom on top of them; the finding points at them."""
        fits, short = straight(max_connections=1000, **{limit: 250}), straight(max_connections=1000, **{limit: 249})
        assert found(fits, codes.DATABASE_CONNECTIONS_SHORT) is None
        finding = must(short, codes.DATABASE_CONNECTIONS_SHORT)
        assert (finding.severity, finding.path, finding.available) == (
            Severity.ERROR,
            ("databases", "orders", limit),
            249,
        )

    @pytest.mark.parametrize(
        ("taken", "usable"),
        [
            ({}, 189),
            ({"reserved": 3}, 191),
            ({"internal": 0}, 195),
            ({"other_clients": {"bi": 10, "migrations": 1}}, 178),
            ({"reserved": 0, "internal": 0, "other_clients": {}}, 200),
        ],
    )
    def test_what_others_take_is_not_usable(self, taken: Document, usable: int) -> None:
        """Reserved slots, internal sessions and other clients by name."""
        assert sized(simple(**taken)).usable == usable

    def test_direct_and_pooled_clients_share_the_budget(self) -> None:
        """2 x 11 through PgBouncer and 25 x 5 straight: 147 of 169; 25 x 6 are 172, of 189 usable."""
        document = simple()
        document["databases"]["orders"]["clients"] = [
            clients(transactions_per_second=1000),
            clients(pooled=False, pool_size=5, transactions_per_second=1000),
        ]
        plan = sized(document)
        assert (plan.direct_connections, plan.server_connections) == (125, 125 + 22)
        assert found(document, codes.DATABASE_CONNECTIONS_SHORT) is None
        document["databases"]["orders"]["clients"][1]["pool_size"] = 6
        assert severity(document, codes.DATABASE_CONNECTIONS_SHORT) == "warning"


class TestServerPool:
    @pytest.mark.parametrize(
        ("given", "expected"), [(40, "error"), (41, "error"), (42, "warning"), (43, "warning"), (44, None)]
    )
    def test_busy_on_average_is_the_hard_limit(self, given: int, expected: str | None) -> None:
        """20 erlangs on the replica that is left: 20 fall behind, 21 wait too long, 22 are enough."""
        assert severity(simple(replicas=2, server_connections=given), codes.SERVER_POOL_SHORT) == expected

    def test_a_role_without_a_connection_is_an_error(self) -> None:
        """Two roles, one connection in each replica."""
        two = [clients(user=user, transactions_per_second=1) for user in ("a", "b")]
        assert severity(simple(replicas=2, server_connections=2, clients=two), codes.SERVER_POOL_SHORT) == "error"

    def test_a_wait_without_bound_is_told_as_such(self) -> None:
        """No infinity in a text."""
        finding = must(simple(replicas=2, server_connections=20), codes.SERVER_POOL_SHORT)
        assert "without bound" in finding.message
        assert "inf" not in finding.message


class TestReplicas:
    @pytest.mark.parametrize(
        ("replicas", "rate", "warned"),
        [(1, 1, True), (2, 1, False), (2, 10_000, False), (2, 10_001, True), (3, 10_001, False), (1, 0, True)],
    )
    def test_one_can_restart(self, replicas: int, rate: float, warned: bool) -> None:
        """One replica more than carries the transactions; a warning, since what one carries is an assumption."""
        document = simple(replicas=replicas, clients=[clients(transactions_per_second=rate, mean_transaction_ms=0.1)])
        assert severity(document, codes.POOLER_REPLICAS_SHORT) == ("warning" if warned else None)


class TestClients:
    @pytest.mark.parametrize(("given", "expected"), [(249, "error"), (250, None)])
    def test_max_client_conn_holds_a_rollout(self, given: int, expected: str | None) -> None:
        """25 pods x 10; there is no middle: PgBouncer refuses the next one at once."""
        assert severity(simple(max_client_conn=given), codes.CLIENT_CONNECTIONS_SHORT) == expected

    @pytest.mark.parametrize(("given", "expected"), [(524_178, None), (524_179, "error")])
    def test_file_descriptors_of_a_container(self, given: int, expected: str | None) -> None:
        """524,288 = max_client_conn + 2 x 22 + 2 + 64."""
        assert severity(simple(max_client_conn=given), codes.POOLER_FILE_DESCRIPTORS_SHORT) == expected


class TestApplicationPools:
    @pytest.mark.parametrize(
        ("size", "timeout", "expected"),
        [
            (1, 30, "error"),  # 1 erlang on one connection
            (2, 30, "warning"),  # 35 ms
            (2, 0.03, "error"),
            (3, 30, "warning"),  # 11 ms
            (4, 30, None),
            (4, 0.001, "error"),
        ],
    )
    def test_callers_wait_no_longer_than_the_target(self, size: int, timeout: float, expected: str | None) -> None:
        """1 erlang in each pool; beyond the time-out it is an error."""
        document = simple(clients=[clients(pool_size=size, pool_timeout_seconds=timeout)])
        assert severity(document, codes.APP_POOL_SHORT) == expected

    @pytest.mark.parametrize(
        ("size", "overflow", "warned"), [(10, 0, False), (10, 1, True), (5, 5, False), (1, 10, True)]
    )
    def test_a_pool_is_no_larger_than_it_can_be_used(self, size: int, overflow: int, warned: bool) -> None:
        """1 erlang: the 11th connection is used less than once in a million transactions."""
        document = simple(clients=[clients(pool_size=size, max_overflow=overflow)])
        assert severity(document, codes.APP_POOL_OVERSIZED) == ("warning" if warned else None)

    def test_the_load_is_divided_among_processes_and_engines(self) -> None:
        """20 erlangs in 20 pods x 4 processes x 2 engines are an eighth of an erlang each."""
        plan = sized(simple(clients=[clients(processes_per_pod=4, engines_per_process=2)]))
        assert float(plan.app_pools[0].offered_erlangs) == 0.125

    def test_two_groups_of_one_workload_are_told_apart(self) -> None:
        """Each finding has a key of its own and points at its own group."""
        both = [clients(pool_size=50, transactions_per_second=1000) for _ in range(2)]
        findings = [one for one in sized(simple(clients=both)).findings if one.code == codes.APP_POOL_OVERSIZED]
        assert len({one.key for one in findings}) == 2
        assert [show_path(one.path) for one in findings] == [
            f"databases.orders.clients[{index}].pool_size" for index in range(2)
        ]


class TestTexts:
    @settings(max_examples=40, deadline=None)
    @given(documents())
    def test_every_finding_can_be_explained_and_found(self, document: Document) -> None:
        """Its code has an explanation, its path is one that people can write, its key is its own, errors come first."""
        findings = sized(document).findings
        for finding in findings:
            assert finding.code in codes.EXPLANATIONS
            assert parse_path(show_path(finding.path)) == finding.path
            assert finding.path[0] in ("databases", "workloads")
            assert finding.message
            assert finding.equation
            assert finding.available <= finding.needed
        assert len({finding.key for finding in findings}) == len(findings)
        severities = [finding.severity for finding in findings]
        assert severities == sorted(severities, key=lambda one: one is not Severity.ERROR)

    def test_two_databases_have_findings_of_their_own(self) -> None:
        """The key carries the name of the database."""
        document = straight()
        document["databases"]["billing"] = document["databases"]["orders"]
        plan = stack.size(stack.resolve(stack.parse_load(document)))
        assert len({finding.key for finding in plan.findings}) == len(plan.findings) == 2
        assert list(plan.sections) == ["databases.orders", "databases.billing"]


class TestAssumptions:
    def test_every_number_of_the_policy_is_listed_unless_declared(self) -> None:
        """Each default that was used, with its path."""
        recycled = simple(clients=[clients(recycle_seconds=30)])
        listed = {show_path(one.path): one.value for one in sized(recycled).assumptions}
        for name, default in POLICY_DEFAULTS.items():
            assert listed[f"databases.orders.policy.{name}"] == default.value
        declared = simple(clients=[clients(recycle_seconds=30)], policy={"headroom": 0.5})
        assert "databases.orders.policy.headroom" not in {show_path(one.path) for one in sized(declared).assumptions}

    @pytest.mark.parametrize(
        "path",
        ["reserved", "internal", "other_clients", "clients[0].transaction_cv2", "clients[0].terminating_overlap"],
    )
    def test_defaults_are_listed(self, path: str) -> None:
        """What nobody declared and the numbers rest on."""
        assert f"databases.orders.{path}" in {show_path(one.path) for one in sized(simple()).assumptions}

    def test_what_is_not_used_is_not_assumed(self) -> None:
        """Without PgBouncer nothing is assumed of its replicas."""
        listed = {show_path(one.path) for one in sized(straight(max_connections=300)).assumptions}
        assert "databases.orders.policy.replica_skew" not in listed


def problems(document: Any) -> list[str]:
    """What is wrong with a document, as text."""
    with pytest.raises(InvalidLoad) as refused:
        stack.parse_load(document)
    return [str(problem) for problem in refused.value.problems]


class TestInput:
    @pytest.mark.parametrize(
        ("database", "said"),
        [
            ({"clients": []}, "databases.orders.clients: expected at least one group of clients"),
            (
                {"clients": [clients(**{"from": "order"})]},
                "databases.orders.clients[0].from: expected the name of a workload",
            ),
            ({"clients": [clients(pool_size=0)]}, "databases.orders.clients[0].pool_size: expected at least 1"),
            (
                {"clients": [clients(transactions_per_second=1e9, mean_transaction_ms=1e6)]},
                "at most 1,000,000 connections busy",
            ),
            ({"clients": [clients(mean_transaction_ms=0)]}, "databases.orders.clients[0].mean_transaction_ms: "),
            ({"max_connections": 0}, "databases.orders.max_connections: expected at least 1"),
            ({"max_connections": True}, "databases.orders.max_connections: expected a whole number"),
            (
                {"replicas": 3, "server_connections": 2},
                "databases.orders.server_connections: expected at least 1 for each",
            ),
            ({"other_clients": {"bi": -1}}, "databases.orders.other_clients.bi: expected 0 to"),
            ({"policy": {"headroom": 1}}, "databases.orders.policy.headroom: expected less than 1"),
            ({"policy": {"steady_utilization": 1e-9}}, "databases.orders.policy.steady_utilization: "),
            ({"max_conections": 3}, 'Did you mean "max_connections"?'),
        ],
    )
    def test_a_mistake_is_told_where_it_stands(self, database: Document, said: str) -> None:
        """Each with its path in the document."""
        assert any(said in problem for problem in problems(simple(**database))), problems(simple(**database))

    @pytest.mark.parametrize("change", [{}, {"instance_class": "db.x9.huge"}, {"instance_class": "large"}])
    def test_max_connections_is_declared_or_can_be_estimated(self, change: Document) -> None:
        """An unknown class is refused with what to declare instead."""
        document = simple(**change)
        del document["databases"]["orders"]["max_connections"]
        assert any("max_connections" in problem or "instance_class" in problem for problem in problems(document))

    @pytest.mark.parametrize("name", ["Orders", "orders_db", "-orders", "", "o" * 64])
    def test_names_are_those_that_kubernetes_takes(self, name: str) -> None:
        """Labels."""
        document = simple()
        document["databases"][name] = document["databases"].pop("orders")
        assert problems(document)

    def test_no_database_is_nothing_to_size(self) -> None:
        """An empty section is a mistake."""
        assert problems({**simple(), "databases": {}}) == [
            "databases: expected at least one database, by name, found none"
        ]

    def test_a_misspelt_workload_is_guessed(self) -> None:
        """Expected, found, way out."""
        (problem,) = problems(simple(clients=[clients(**{"from": "order"})]))
        assert 'Did you mean "orders"?' in problem

    def test_paths_lead_back_to_what_was_declared(self) -> None:
        """Pods to the workload, pools to the clients, limits to the database."""
        load = stack.resolve(stack.parse_load(simple())).databases["orders"]
        assert load.where(("clients", 0, "pods")) == ("workloads", "orders", "pods")
        assert load.where(("clients", 0, "pool_size")) == ("databases", "orders", "clients", 0, "pool_size")
        assert load.where(("max_connections",)) == ("databases", "orders", "max_connections")

    def test_every_problem_of_both_sections_is_told_at_once(self) -> None:
        """What does not fit together in the egress hides nothing of the databases."""
        document = {**simple(clients=[]), "egress": {"flows": []}}
        assert len(problems(document)) == 2
