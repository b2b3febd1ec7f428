"""Database sizes: the worked cases of docs/sizing-databases.md, brute force over pools and rollouts."""

import copy
import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from loadfit import stack
from loadfit.core.findings import Severity, Verdict
from loadfit.core.queueing import erlang_c, servers_for_wait, wait_quantile
from loadfit.databases import ClientGroup, ClientState, DatabaseLoad, DatabasePlan, PoolState, size_database
from loadfit.databases.instance_classes import estimated_max_connections
from loadfit.databases.pools import degraded_share, partition, traffic
from loadfit.documents import read_load
from tests.databases import oracle
from tests.databases.strategies import computed_documents, documents
from tests.strategies import Document

STEADY, ROLLOUT, TERMINATING = ClientState.STEADY, ClientState.ROLLOUT, ClientState.TERMINATING
HERE = Path(__file__).parent
modest = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def sized(document: Document) -> DatabasePlan:
    """The plan of a document's one database."""
    (plan,) = stack.size(stack.resolve(stack.parse_load(document))).databases.values()
    return plan


def sized_file(name: str) -> DatabasePlan:
    """The plan of a document beside this file."""
    return stack.size(stack.resolve(read_load(HERE / name))).databases["orders"]


def group(**fields: Any) -> ClientGroup:
    """20 pods with a pool of 10, and 2,000 transactions per second of 10 ms: 20 erlangs."""
    plain: dict[str, Any] = {
        "client": "orders",
        "pods": 20,
        "pool_size": 10,
        "max_overflow": 0,
        "transactions_per_second": 2000,
        "mean_transaction_ms": 10,
    }
    return ClientGroup(**{**plain, **fields})


def load(*groups: ClientGroup, **fields: Any) -> DatabaseLoad:
    """A database of 200 connections."""
    plain: dict[str, Any] = {"name": "orders", "max_connections": 200, "clients": list(groups) or [group()]}
    return DatabaseLoad(**{**plain, **fields})


def codes_of(plan: DatabasePlan) -> list[tuple[str, str]]:
    """What was found."""
    return [(finding.severity.value, finding.code) for finding in plan.findings]


class TestTheIncident:
    def test_opens_600_connections_and_750_in_a_rollout_of_189_usable(self) -> None:
        """20 pods x 20 = 400, with overflow 600, in a rollout 750, against 200 (189 usable before headroom)."""
        plan = sized_file("incident.yaml")
        assert plan.clients == {STEADY: 600, ROLLOUT: 750, TERMINATING: 1350}
        assert (plan.server_connections, plan.max_connections, plan.usable, plan.budget) == (750, 200, 189, 169)
        assert plan.verdict is Verdict.DOES_NOT_FIT

    def test_says_all_of_it_in_one_error(self) -> None:
        """Numbers, limits, equation and the place in the document."""
        (error,) = (one for one in sized_file("incident.yaml").findings if one.severity is Severity.ERROR)
        assert (error.code, error.needed, error.available) == ("DATABASE_CONNECTIONS_SHORT", 750, 189)
        assert error.path == ("databases", "orders", "max_connections")
        assert error.equation == "orders: 20 pods x 20 = 400, with overflow 600, in a rollout 750"
        for number in ("750", "200", "189", "169"):
            assert number in error.message

    def test_warns_of_pools_that_are_larger_than_they_can_be_used(self) -> None:
        """1 erlang in each pool of 30: connections beyond the 10th are used less than once in a million."""
        (warning,) = (one for one in sized_file("incident.yaml").findings if one.severity is Severity.WARNING)
        assert (warning.code, warning.needed, warning.available) == ("APP_POOL_OVERSIZED", 30, 10)


class TestTheRepairedDocument:
    def test_fits_with_50_server_connections_and_150_free(self) -> None:
        """200 clients (250 in a rollout) onto 2 x 25 = 50; 150 free, 139 usable after 5 reserved and 6 internal."""
        plan = sized_file("case_study.yaml")
        assert (plan.verdict, plan.findings) == (Verdict.FITS, ())
        assert plan.clients == {STEADY: 200, ROLLOUT: 250, TERMINATING: 450}
        assert (plan.replicas, plan.server_connections_per_replica, plan.server_connections) == (2, 25, 50)
        assert (plan.free_connections, plan.usable - plan.server_connections, plan.budget) == (150, 139, 169)
        assert plan.offered_erlangs == 20

    def test_max_client_conn_1000_holds_to_80_pods_in_a_rollout_and_100_steady(self) -> None:
        """80 pods + 20 of the rollout, x 10."""
        (limit,) = sized_file("case_study.yaml").pod_limits
        assert (limit.limit, limit.pods_steady, limit.pods_in_rollout) == ("max_client_conn", 100, 80)

    def test_resources_of_a_process(self) -> None:
        """1000 + 2 x 25 + 2 + 64 file descriptors; 32 MiB + 1000 x 40 KiB; a fifth of a core for 2,000 of 10,000."""
        plan = sized_file("case_study.yaml")
        assert plan.file_descriptors == 1116
        assert (plan.memory_request_mib, plan.memory_limit_mib, plan.cpu_request_millicores) == (72, 144, 200)

    def test_waits_6_ms_with_one_replica_left_and_never_for_the_applications_own_pool(self) -> None:
        """C(25, 20): 6.080 ms; steady, 12 erlangs on 25 never wait at the 99th percentile."""
        plan = sized_file("case_study.yaml")
        assert plan.p99_wait_ms[PoolState.DEGRADED] == pytest.approx(6.080, abs=5e-4)
        assert (plan.p99_wait_ms[PoolState.STEADY], plan.app_pool_p99_wait_ms) == (0, 0)

    @pytest.mark.parametrize(
        ("pods", "rollout", "terminating", "fits"),
        [(80, 1000, 1800, True), (81, 1020, 1830, False), (100, 1250, 2250, False)],
    )
    def test_100_pods_need_1250_clients_and_2250_while_all_are_terminating(
        self, pods: int, rollout: int, terminating: int, fits: bool
    ) -> None:
        """At 1000 the 81st pod breaks the rollout, not the steady state."""
        plan = size_database(load(group(pods=pods), max_client_conn=1000))
        assert (plan.clients[ROLLOUT], plan.clients[TERMINATING], plan.clients_to_hold) == (
            rollout,
            terminating,
            rollout,
        )
        assert (plan.verdict is Verdict.FITS) is fits
        assert size_database(load(group(pods=pods))).max_client_conn == math.ceil(rollout / 100) * 100

    def test_declared_overlap_is_held(self) -> None:
        """100 pods that all linger: 2,250, so 2,300."""
        plan = size_database(load(group(pods=100, terminating_overlap=1)))
        assert (plan.clients_to_hold, plan.max_client_conn) == (2250, 2300)


class TestVectors:
    """The numbers of docs/sizing-databases.md."""

    @pytest.mark.parametrize(
        ("servers", "offered", "waiting", "wait"),
        [
            (1, 0.5, 0.5, 78.240),
            (2, 1, 0.333333, 35.066),
            (10, 8, 0.409180, 18.558),
            (25, 20, 0.209103, 6.080),
            (50, 40, 0.086953, 2.163),
        ],
    )
    def test_waiting(self, servers: int, offered: float, waiting: float, wait: float) -> None:
        assert erlang_c(servers, offered) == pytest.approx(waiting, abs=5e-7)
        assert 1000 * wait_quantile(servers, offered, 0.010, 0.99) == pytest.approx(wait, abs=5e-4)

    @pytest.mark.parametrize(("pools", "wait"), [(1, 2.2), (2, 6.1), (5, 18.6)])
    def test_a_pool_in_pieces_waits_longer(self, pools: int, wait: float) -> None:
        """4,000 transactions per second of 10 ms on 50 connections."""
        assert oracle.p99_wait_ms(50 // pools, 40 / pools, 10) == pytest.approx(wait, abs=0.05)
        assert 1000 * wait_quantile(50 // pools, Fraction(40, pools), 0.010, 0.99) == pytest.approx(wait, abs=0.05)

    @pytest.mark.parametrize(("offered", "cv2", "needed"), [(10, 1, 14), (20, 1, 24), (40, 1, 48), (20, 4, 27)])
    def test_smallest_pool(self, offered: int, cv2: float, needed: int) -> None:
        assert servers_for_wait(offered, 0.010, 0.99, 0.010, 0.85, cv2) == needed

    @pytest.mark.parametrize(("replicas", "each"), [(2, 22), (3, 16), (4, 13), (5, 11)])
    def test_20_erlangs_on_given_replicas(self, replicas: int, each: int) -> None:
        """44, 48, 52 and 55 server connections in total."""
        plan = size_database(load(replicas=replicas))
        assert (plan.server_connections_per_replica, plan.server_connections) == (each, replicas * each)
        assert plan.findings == ()

    def test_20_erlangs_take_2_replicas_of_22(self) -> None:
        """The fewest in total."""
        plan = size_database(load())
        assert (plan.replicas, plan.server_connections_per_replica, plan.server_connections) == (2, 22, 44)

    @pytest.mark.parametrize(("others", "budget"), [({"bi": 10}, 159), ({}, 169)])
    def test_budget(self, others: dict[str, int], budget: int) -> None:
        """200 - 3 - 2 - 6 - others - 20."""
        assert size_database(load(other_clients=others)).budget == budget

    @pytest.mark.parametrize(
        ("instance_class", "estimate"),
        [
            ("db.t4g.micro", 87),
            ("t3.small", 188),
            ("db.t3.medium", 391),
            ("db.m7g.large", 797),
            ("db.r6g.large", 1608),
            ("db.m7g.2xlarge", 3230),
            ("db.r7g.2xlarge", 5000),
        ],
    )
    def test_estimates(self, instance_class: str, estimate: int) -> None:
        """Classes whose default was measured or published."""
        assert estimated_max_connections(instance_class) == estimate
        assert codes_of(size_database(load(max_connections=None, instance_class=instance_class)))[-1] == (
            "warning",
            "MAX_CONNECTIONS_ESTIMATED",
        )


class TestOracles:
    @pytest.mark.parametrize("replicas", range(1, 8))
    def test_the_degraded_share_is_what_restarting_one_by_one_gives(self, replicas: int) -> None:
        """Replicas restarted one by one: 1, 1, 0.75, 0.593, 0.488 ..."""
        assert degraded_share(load(), replicas) == oracle.restart_share(replicas)
        assert size_database(load(replicas=replicas)).busiest_share[PoolState.DEGRADED] == oracle.restart_share(
            replicas
        )

    @pytest.mark.parametrize(("recycle", "pause", "share"), [(60, 300, "0.6"), (300, 300, "0.75"), (None, 300, "0.75")])
    def test_it_is_less_only_where_clients_recycle_before_the_next_restart(
        self, recycle: float | None, pause: float, share: str
    ) -> None:
        """min(1, 1.2 / 2) on three replicas, and only where every group recycles."""
        case = load(group(recycle_seconds=recycle), policy={"restart_pause_seconds": pause})
        assert degraded_share(case, 3) == Fraction(share)
        several = load(group(recycle_seconds=recycle), group(), policy={"restart_pause_seconds": pause})
        assert degraded_share(several, 3) == Fraction(3, 4)

    @pytest.mark.parametrize(("servers", "offered"), [(1, 0.5), (2, 1), (10, 8), (22, 20), (25, 20), (16, 15)])
    def test_waits_are_those_of_scipy(self, servers: int, offered: float) -> None:
        """Erlang C from SciPy's Poisson distribution."""
        assert erlang_c(servers, offered) == pytest.approx(oracle.erlang_c(servers, offered), rel=1e-9)
        ours = 1000 * wait_quantile(servers, offered, 0.010, 0.99)
        assert ours == pytest.approx(oracle.p99_wait_ms(servers, offered, 10), rel=1e-9)

    def test_waits_are_those_of_a_simulated_queue(self) -> None:
        """22 connections and 20 erlangs, run for 300,000 transactions: within 15% of 20.2 ms."""
        simulated = oracle.simulated_p99_wait_ms(22, 2000, 10, arrivals=300_000, seed=4)
        assert size_database(load()).p99_wait_ms[PoolState.DEGRADED] == pytest.approx(simulated, rel=0.15)

    def test_a_mixture_has_the_moments_of_its_parts(self) -> None:
        """Two thirds constant of 3 ms, one third exponential of 30 ms: E[S] = 12, E[S^2] = 606."""
        parts = [
            group(transactions_per_second=20, mean_transaction_ms=3, transaction_cv2=0),
            group(transactions_per_second=10, mean_transaction_ms=30),
        ]
        mixed = traffic("orders", parts)
        assert mixed.mean_seconds == Fraction(12, 1000)
        assert mixed.cv2 == Fraction(606, 144) - 1
        assert mixed.offered_erlangs == Fraction(36, 100)


class TestBruteForce:
    @modest
    @given(computed_documents())
    def test_no_smaller_pool_and_no_other_number_of_replicas_meets_the_targets_with_less(
        self, document: Document
    ) -> None:
        """Pools counted up from 1, for 2 to 5 replicas, by another implementation."""
        plan, database = sized(document), document["databases"]["orders"]
        if not oracle.roles(database, "orders"):
            assert (plan.replicas, plan.pools) == (0, ())
            return
        replicas, sizes = oracle.best_pools(database, "orders")
        assert plan.replicas == replicas
        assert {pool.user: pool.size_per_replica for pool in plan.pools} == sizes
        assert plan.server_connections_per_replica == sum(sizes.values())

    @modest
    @given(computed_documents())
    def test_no_state_of_a_rollout_passes_a_budget_that_fits(self, document: Document) -> None:
        """Every state of every workload's rollout, with each number of PgBouncer processes that can run at once."""
        plan, database = sized(document), document["databases"]["orders"]
        usable, budget = oracle.budget(database, "orders", plan.max_connections)
        assert (plan.usable, plan.budget) == (usable, budget)
        direct = [group for group in database["clients"] if not group.get("pooled", database.get("pooled", True))]
        most = [max(oracle.states(document, group)) * oracle.held_by_pod(group) for group in direct]
        worst = max(processes * plan.server_connections_per_replica for processes in range(plan.replicas + 1)) + sum(
            most
        )
        short = [finding.severity for finding in plan.findings if finding.code == "DATABASE_CONNECTIONS_SHORT"]
        assert worst == plan.server_connections
        assert short == ([Severity.ERROR] if worst > usable else [Severity.WARNING] if worst > budget else [])

    @modest
    @given(computed_documents())
    def test_max_client_conn_holds_every_state_of_a_rollout(self, document: Document) -> None:
        """All pooled clients of all groups at once, on one replica, and less than 100 more."""
        plan, database = sized(document), document["databases"]["orders"]
        pooled = [group for groups in oracle.roles(database, "orders").values() for group in groups]
        worst = sum(max(oracle.states(document, group)) * oracle.held_by_pod(group) for group in pooled)
        assert worst <= plan.max_client_conn < worst + 100 or worst == plan.max_client_conn == 0

    @modest
    @given(documents())
    def test_a_pod_more_than_the_limit_passes_it(self, document: Document) -> None:
        """Pod limits are exact: at the number the limit holds, with one pod more it does not."""
        plan = sized(document)
        for position, one in enumerate(plan.pod_limits):
            if one.limit != "max_client_conn":
                continue
            names = [group.client for group in plan.load.clients]
            if names.count(one.client) > 1:
                continue
            index = names.index(one.client)

            def held(pods: int, index: int = index) -> int:
                changed = plan.load.clients[index].model_copy(update={"pods": pods, "max_pods": None})
                clients = [*plan.load.clients[:index], changed, *plan.load.clients[index + 1 :]]
                again = size_database(plan.load.model_copy(update={"clients": clients}))
                return again.clients_to_hold

            assert held(one.pods_in_rollout + 1) > plan.max_client_conn, position
            if one.pods_in_rollout:
                assert held(one.pods_in_rollout) <= plan.max_client_conn


class TestGivenAndComputed:
    @modest
    @given(documents())
    def test_given_numbers_stay(self, document: Document) -> None:
        """A declared size is the plan's; connections are divided among the replicas, rounded down."""
        plan, database = sized(document), document["databases"]["orders"]
        if not plan.pools:
            return
        if "replicas" in database:
            assert plan.replicas == database["replicas"]
        if "max_client_conn" in database:
            assert plan.max_client_conn == database["max_client_conn"]
        if "server_connections" in database:
            assert plan.server_connections_per_replica == database["server_connections"] // plan.replicas
            assert plan.server_connections_per_replica >= 1
        pools = sum(pool.size_per_replica for pool in plan.pools)
        assert pools == max(plan.server_connections_per_replica, len(plan.pools))

    @modest
    @given(documents())
    def test_the_server_pool_is_short_exactly_where_a_role_does_not_get_what_it_needs(self, document: Document) -> None:
        """And an error exactly where one falls behind, in the steady state or while replicas restart."""
        plan = sized(document)
        severities = [finding.severity for finding in plan.findings if finding.code == "SERVER_POOL_SHORT"]
        shared = plan.server_connections_per_replica < len(plan.pools)  # a pool has one at least, and they share them
        short = shared or any(pool.size_per_replica < pool.needed_per_replica for pool in plan.pools)
        behind = shared or math.inf in plan.p99_wait_ms.values()
        assert severities == ([Severity.ERROR] if short and behind else [Severity.WARNING] if short else [])

    @pytest.mark.parametrize(("given", "replicas"), [(1, 1), (2, 2), (43, 2)])
    def test_connections_are_never_divided_into_pools_of_none(self, given: int, replicas: int) -> None:
        """PgBouncer takes a pool of 0 for one without limit: with one connection there is one replica."""
        plan = size_database(load(server_connections=given))
        assert (plan.replicas, plan.server_connections_per_replica) == (replicas, given // replicas)

    def test_throughput_asks_for_a_replica_more_than_carries_it(self) -> None:
        """45,000 per second need 5 + 1 replicas, beyond the 5 that are tried otherwise."""
        fast = group(transactions_per_second=45_000, mean_transaction_ms=1)
        assert size_database(load(fast)).replicas == 6

    def test_a_partition_gives_all_away_and_starves_nobody(self) -> None:
        """First what keeps up, then what is needed, then the rest."""
        for capacity, bases in itertools.product(range(1, 40), ([1], [5, 3], [4, 1, 9])):
            needs = [base + 3 for base in bases]
            parts = partition(capacity, bases, needs)
            assert sum(parts) == max(capacity, len(bases))
            assert min(parts) >= 1
            for enough in (bases, needs):
                if capacity >= sum(enough):
                    assert all(part >= least for part, least in zip(parts, enough, strict=True))


class TestMonotony:
    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("pods", [1, 2, 3, 19, 20, 21, 200]),
            ("pool_size", [1, 2, 10, 11]),
            ("max_overflow", [0, 1, 10]),
            ("transactions_per_second", [0, 0.1, 1999, 2000, 2001, 30_000]),
            ("mean_transaction_ms", [0.001, 1, 9.9, 10, 10.1, 500]),
            ("transaction_cv2", [0, 0.5, 1, 4, 100]),
            ("processes_per_pod", [1, 2, 8]),
            ("terminating_overlap", [0, 0.1, 1]),
            ("rollout_surge", [0, 0.1, 0.25, 1.1]),
        ],
    )
    def test_nothing_needed_falls_when_the_load_grows(self, field: str, values: list[Any]) -> None:
        """Connections, clients and server connections."""
        for pooled in (True, False):
            plans = [size_database(load(group(**{field: value}), pooled=pooled)) for value in values]
            for less, more in itertools.pairwise(plans):
                assert less.server_connections <= more.server_connections
                assert less.max_client_conn <= more.max_client_conn
                assert less.clients[ROLLOUT] <= more.clients[ROLLOUT]


class TestExactness:
    def test_surge_is_taken_through_its_decimal_text(self) -> None:
        """A surge of 1.1 on 100 pods is 110 more, not 111."""
        assert size_database(load(group(pods=100, pool_size=1, rollout_surge=1.1))).clients_to_hold == 210

    @pytest.mark.parametrize(("kind", "clients"), [("statefulset", 200), ("job", 200), ("daemonset", 400)])
    def test_what_waits_for_the_old_pod_never_overlaps(self, kind: str, clients: int) -> None:
        """A StatefulSet's pod starts when its predecessor is gone; a Job's is never replaced."""
        assert sized(simple(workload={"kind": kind})).clients[TERMINATING] == clients

    def test_several_roles_each_have_their_own_pool_and_limit(self) -> None:
        """A role's CONNECTION LIMIT holds for each role; pools add up in a replica."""
        two = load(group(user="a"), group(user="b"), role_limit=44, max_connections=500)
        plan = size_database(two)
        assert [pool.size_per_replica for pool in plan.pools] == [22, 22]
        assert (plan.server_connections, plan.usable, plan.budget) == (88, 88, 88)
        assert plan.findings == ()
        short = size_database(two.model_copy(update={"role_limit": 43}))
        assert [finding.code for finding in short.findings].count("ROLE_CONNECTIONS_SHORT") == 2

    def test_transactions_of_one_role_share_a_pool(self) -> None:
        """Two groups of one role need less than two roles: one queue for all."""
        half = {"transactions_per_second": 100}
        one = size_database(load(group(**half), group(**half)))
        two = size_database(load(group(**half, user="a"), group(**half, user="b")))
        assert one.server_connections < two.server_connections

    def test_the_application_is_sized_for_the_pods_of_the_peak(self) -> None:
        """An autoscaler's further pods open connections, but nobody knows that they are there at the peak."""
        plan = size_database(load(group(max_pods=100)))
        assert plan.clients[STEADY] == 1000
        assert plan.app_pools[0].offered_erlangs == 1


def simple(workload: Document | None = None, **database: Any) -> Document:
    """A document of one database and one group."""
    fields = {"pool_size": 10, "max_overflow": 0, "transactions_per_second": 2000, "mean_transaction_ms": 10}
    return {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {"orders": {"pods": 20, **(workload or {})}},
        "databases": {"orders": {"max_connections": 200, "clients": [{"from": "orders", **fields}], **database}},
    }


class TestPlan:
    @modest
    @given(documents())
    def test_the_same_document_gives_the_same_finite_plan(self, document: Document) -> None:
        """Sizing changes nothing, depends on nothing else, and its whole numbers are whole."""
        before = copy.deepcopy(document)
        plan = sized(document)
        assert plan == sized(before)
        assert document == before
        for name in ("replicas", "server_connections", "max_client_conn", "file_descriptors", "budget", "usable"):
            assert type(getattr(plan, name)) is int
        texts = [
            [one.code, one.message, one.equation, float(one.needed), float(one.available)] for one in plan.findings
        ]
        assert json.loads(json.dumps(texts, allow_nan=False)) == texts

    def test_the_largest_load_that_can_be_declared_is_sized(self) -> None:
        """A million erlangs, a billion pods: numbers as the formulas give them, and a verdict."""
        huge = group(
            pods=10**9, pool_size=10**9, max_overflow=10**9, transactions_per_second=1e9, mean_transaction_ms=1
        )
        plan = size_database(load(huge))
        assert plan.clients[STEADY] == 10**9 * 2 * 10**9
        assert plan.verdict is Verdict.DOES_NOT_FIT
        assert plan.server_connections > 10**6
