"""What crosses the sections: a function's clients, flows and concurrency, and what databases of one server share."""

from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from loadfit.core.findings import Severity
from loadfit.core.paths import show_path
from loadfit.core.problems import InvalidLoad
from loadfit.databases import ClientState, DatabasePlan
from loadfit.egress import Scenario
from loadfit.stack import StackPlan, parse_load, resolve
from tests.stack.documents import Edit, case_study, errors, found, function, sized

slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def orders(*edits: Edit) -> DatabasePlan:
    return sized(case_study(*edits)).databases["orders"]


def without_function(document: dict[str, Any]) -> None:
    del document["functions"]


def storefront(**fields: Any) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["functions"]["storefront"] |= fields

    return edit


def use(**fields: Any) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["functions"]["storefront"]["database"] |= fields

    return edit


def database(name: str = "orders", **fields: Any) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["databases"].setdefault(name, {}).update(fields)

    return edit


def another(name: str, **fields: Any) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["functions"][name] = function(**fields)

    return edit


def leaves(*flows: dict[str, Any]) -> Edit:
    return storefront(in_vpc=True, egress=list(flows))


STRIPE = "api.stripe.com:443"
PAYMENTS: dict[str, Any] = {
    "from": "checkout",
    "pool_size": 1,
    "max_overflow": 0,
    "transactions_per_second": 6000,
    "mean_transaction_ms": 12,
}


class TestClientsOfADatabase:
    def test_the_function_adds_its_connections_and_transactions(self) -> None:
        """10 instances x 1 connection in every state; 26/s x 1 x 10 ms = 0.26 busy on top of 2,000/s x 10 ms = 20."""
        before, after = orders(without_function), orders()
        assert {state: after.clients[state] - before.clients[state] for state in ClientState} == dict.fromkeys(
            ClientState, 10
        )
        assert after.clients[ClientState.STEADY] == 20 * 10 + 10 == 210
        assert after.clients[ClientState.ROLLOUT] == (20 + 5) * 10 + 10 == 260
        assert after.offered_erlangs == Fraction(2026, 100)
        assert after.offered_erlangs - before.offered_erlangs == Fraction(26, 100)
        assert after.clients_to_hold == 260

    def test_room_for_pods_shrinks_by_the_instances(self) -> None:
        """(1,000 - 10) / 10 = 99 pods; in a rollout p + ceil(p / 4) <= 99, which 79 + 20 meets and 80 + 20 does not."""
        limits = {one.client: one for one in orders().pod_limits}
        assert (limits["orders"].limit, limits["orders"].pods_steady) == ("max_client_conn", 99)
        assert limits["orders"].pods_in_rollout == max(p for p in range(200) if p + ceil(p / 4) <= 99) == 79
        assert limits["storefront"].noun == "instance"
        assert (limits["storefront"].pods_steady, limits["storefront"].pods_in_rollout) == (800, 750)

    @slow
    @given(
        reserved=st.integers(10, 400),
        each=st.integers(1, 5),
        per_request=st.sampled_from([0.1, 0.5, 1, 3]),
        mean=st.sampled_from([0.5, 3, 10]),
        pods=st.integers(1, 60),
    )
    def test_clients_are_those_of_a_hand_calculation(
        self, reserved: int, each: int, per_request: float, mean: float, pods: int
    ) -> None:
        def edit(document: dict[str, Any]) -> None:
            document["workloads"]["orders"]["pods"] = pods
            document["functions"]["storefront"]["reserved_concurrency"] = reserved

        changed = use(connections_per_instance=each, transactions_per_request=per_request, mean_transaction_ms=mean)
        plan = orders(edit, changed)
        assert plan.clients[ClientState.STEADY] == pods * 10 + reserved * each
        assert plan.clients[ClientState.ROLLOUT] == (pods + ceil(pods * 0.25)) * 10 + reserved * each
        busy = Fraction(str(per_request)) * 26 * Fraction(str(mean)) / 1000
        assert plan.offered_erlangs == 20 + busy

    def test_without_reserved_concurrency_those_that_the_load_needs_are_counted(self) -> None:
        """5 warm instances, twice in a deployment: 10."""
        plan = orders(storefront(reserved_concurrency=None))
        assert plan.clients[ClientState.STEADY] == 210

    def test_a_function_that_goes_straight_to_postgresql_takes_its_connections(self) -> None:
        before, after = orders(without_function), orders(use(pooled=False))
        assert after.server_connections == before.server_connections + 10
        assert after.clients_to_hold == before.clients_to_hold == 250

    def test_a_role_of_its_own_is_a_pool_of_its_own(self) -> None:
        assert [pool.user for pool in orders(use(user="api")).pools] == ["orders", "api"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [("transaction_cv2", 4), ("longest_transaction_seconds", 7.5), ("recycle_seconds", 60), ("user", "api")],
    )
    def test_what_is_declared_of_the_access_reaches_the_group(self, field: str, value: Any) -> None:
        load = resolve(parse_load(case_study(use(**{field: value})))).databases["orders"]
        assert getattr(load.clients[1], field) == value
        assert show_path(load.where(("clients", 1, field))) == f"functions.storefront.database.{field}"

    def test_nothing_waits_for_an_instances_own_connection(self) -> None:
        pools = {pool.client: pool for pool in orders(use(connections_per_instance=2)).app_pools}
        assert (pools["storefront"].p99_wait_ms, pools["storefront"].needed, pools["storefront"].most_used) == (0, 1, 1)


class TestFlowsOfTheEgress:
    def test_held_connections_are_those_of_every_instance(self) -> None:
        """10 instances x 6 = 60 on all gateways; 40% of three zones are 4 of them, 60% of two are 6."""
        before = sized(case_study()).egress
        after = sized(case_study(leaves({"to": STRIPE, "connections_per_instance": 6}))).egress
        assert before is not None
        assert after is not None
        added = {one: after.ports_needed[one] - before.ports_needed[one] for one in Scenario}
        assert added == {Scenario.STEADY: 60, Scenario.ROLLOUT: 60, Scenario.ZONE_LOST: 60}
        behind_one = {one: after.busiest_gateway_ports[one] - before.busiest_gateway_ports[one] for one in Scenario}
        assert behind_one == {Scenario.STEADY: 24, Scenario.ROLLOUT: 24, Scenario.ZONE_LOST: 36}

    def test_connections_opened_again_and_again_hold_their_ports_while_they_cool_down(self) -> None:
        """10 instances x 2.6/s x (0.05 s + 5 s idle + 60 s) = 1,691.3, rounded up."""
        flow = {
            "to": "a.example.com:443",
            "new_connections_per_second_per_instance": 2.6,
            "connection_duration_ms": 50,
            "idle_timeout_seconds": 5,
        }
        plan = sized(case_study(leaves(flow))).egress
        assert plan is not None
        (own,) = (one for one in plan.destinations if one.destination.host == "a.example.com")
        assert own.ports[Scenario.STEADY] == ceil(10 * 2.6 * 65.05) == 1692

    def test_a_section_without_a_flow_of_its_own_will_do(self) -> None:
        def only_the_function(document: dict[str, Any]) -> None:
            document["egress"] = {}

        plan = sized(case_study(leaves({"to": STRIPE, "connections_per_instance": 6}), only_the_function)).egress
        assert plan is not None
        assert plan.ports_needed[Scenario.STEADY] == 60

    def test_functions_run_on_no_node(self) -> None:
        def nodes(document: dict[str, Any]) -> None:
            document["egress"] |= {"nodes": 100}

        flow = {"to": "a.example.com:443", "connections_per_instance": 20_000}
        assert not [one for one in sized(case_study(leaves(flow), nodes)).findings if one.code.startswith("NODE_")]


class TestOneAccount:
    def test_all_claims_and_requests_count_together(self) -> None:
        """500 + 480 + 10 claimed and 100 unreserved are 1,090."""
        plan = sized(case_study(another("images", reserved_concurrency=500), another("pdf", reserved_concurrency=480)))
        error = found(plan, "ACCOUNT_LIMIT")
        assert (error.needed, error.available) == (1090, 1000)
        assert error.equation == "500 claimed by images + 480 of pdf + 10 of storefront + 100 unreserved = 1,090"

    def test_the_last_that_fits_fits(self) -> None:
        assert "ACCOUNT_LIMIT" not in str(errors(sized(case_study(another("images", reserved_concurrency=890)))))
        assert "ACCOUNT_LIMIT" in str(errors(sized(case_study(another("images", reserved_concurrency=891)))))

    def test_requests_of_all_functions_count_together(self) -> None:
        """26 + 9,974 requests a second are ten times 1,000, and one more is not."""

        def busy(rate: int) -> Edit:
            day = {"peak_requests_per_second": rate, "mean_duration_ms": 1, "p99_duration_ms": 2}
            return another("images", windows={"day": day}, max_cold_share=1, target_p99_ms=None)

        assert errors(sized(case_study(busy(9974)))) == set()
        error = found(sized(case_study(busy(9975))), "ACCOUNT_LIMIT")
        assert (error.needed, error.available) == (1001, 1000)
        assert error.equation == "(9,975 + 26 of other functions requests a second) / 10 = 1,001"

    def test_instances_that_nobody_reserved_count_too(self) -> None:
        """1,000 erlangs on demand: the fewest that leave no more than 0.1% without an instance, by Poisson terms."""
        day = {"peak_requests_per_second": 1000, "mean_duration_ms": 1000, "p99_duration_ms": 2000}
        plan = sized(case_study(another("images", windows={"day": day}, max_cold_share=1, target_p99_ms=None)))
        need = plan.functions["images"].account
        wanted = next(n for n in range(900, 1300) if poisson.pmf(n, 1000) / poisson.cdf(n, 1000) <= 0.001)
        claimed = plan.functions["images"].most_instances
        assert need.own_unreserved == wanted - claimed
        assert need.quota == claimed + 10 + max(100, wanted - claimed)
        assert found(plan, "ACCOUNT_LIMIT").needed == need.quota > 1000

    def test_what_one_function_says_of_the_account_holds_for_all(self) -> None:
        plan = sized(case_study(storefront(quota_concurrency=5000), another("images", reserved_concurrency=4000)))
        assert errors(plan) == set()
        assert plan.functions["images"].load.concurrency_quota == 5000

    def test_many_others_are_named_in_part(self) -> None:
        many = [another(f"f{number}", reserved_concurrency=100 + number) for number in range(9)]
        error = found(sized(case_study(*many, another("largest", reserved_concurrency=200))), "ACCOUNT_LIMIT")
        total = sum(100 + number for number in range(9)) + 200 + 10
        assert error.needed == total + 100
        assert "200 claimed by largest + 108 of f8 + 107 of f7 + 106 of f6 + 1 more" in error.equation


class TestOneServer:
    def shared(self, *edits: Edit) -> StackPlan:
        payments = database("payments", server="main", clients=[PAYMENTS])
        return sized(case_study(database(server="main"), payments, *edits))

    def test_pools_count_together(self) -> None:
        plan = self.shared()
        error = found(plan, "DATABASE_CONNECTIONS_SHORT")
        own = plan.databases["payments"].server_connections
        assert own < 189, "each alone would fit"
        assert (error.needed, error.available) == (own, 200 - 5 - 6 - 50)
        assert "- 50 of orders on the same server" in error.message
        assert error.subject == "payments"

    def test_one_of_them_says_what_the_server_has(self) -> None:
        assert self.shared().databases["payments"].max_connections == 200

    def test_free_connections_are_those_of_the_server(self) -> None:
        plan = self.shared(database(max_connections=600))
        own = {name: one.server_connections for name, one in plan.databases.items()}
        assert {one.free_connections for one in plan.databases.values()} == {600 - sum(own.values())}
        assert plan.verdict.value == "fits"

    def test_a_limit_of_its_own_stays_its_own(self) -> None:
        plan = self.shared(database(max_connections=600, database_limit=40))
        error = found(plan, "DATABASE_CONNECTIONS_SHORT")
        assert (show_path(error.path), error.needed, error.available) == ("databases.orders.database_limit", 50, 40)

    def test_a_name_that_nobody_else_has_shares_nothing(self) -> None:
        alone, named = sized(case_study()), sized(case_study(database(server="main")))
        assert named.databases["orders"].free_connections == alone.databases["orders"].free_connections
        assert named.findings == ()


PLANTED: list[tuple[str, list[Edit], str, Severity, str, tuple[str, ...]]] = [
    (
        "a function with a database and nothing that bounds its instances",
        [storefront(reserved_concurrency=None)],
        "DB_UNBOUNDED",
        Severity.ERROR,
        "functions.storefront.reserved_concurrency",
        ("orders",),
    ),
    (
        "a pooler that the instances do not fit into",
        [database(max_client_conn=259)],
        "CLIENT_CONNECTIONS_SHORT",
        Severity.ERROR,
        "databases.orders.max_client_conn",
        ("25 pods of orders x 10", "10 instances of storefront x 1"),
    ),
    (
        "instances straight to PostgreSQL",
        [storefront(reserved_concurrency=150), use(pooled=False)],
        "DATABASE_CONNECTIONS_SHORT",
        Severity.ERROR,
        "databases.orders.max_connections",
        ("storefront: 150 instances x 1 = 150", "2 replicas x 25 = 50"),
    ),
    (
        "transactions that the pool does not carry",
        [use(transactions_per_request=100)],
        "SERVER_POOL_SHORT",
        Severity.ERROR,
        "databases.orders.server_connections",
        ("46 busy", "falls behind"),
    ),
    (
        "a role with less than the instances take",
        [storefront(reserved_concurrency=60), use(pooled=False, user="api"), database(role_limit=55)],
        "ROLE_CONNECTIONS_SHORT",
        Severity.ERROR,
        "databases.orders.role_limit",
        ("role api needs 60",),
    ),
    (
        "more connections in an instance than it can use",
        [use(connections_per_instance=2)],
        "APP_POOL_OVERSIZED",
        Severity.WARNING,
        "functions.storefront.database.connections_per_instance",
        ("each instance of storefront opens 2", "10 instances x 2 connections = 20"),
    ),
    (
        "ports of the pods' destination",
        [
            leaves({"to": STRIPE, "connections_per_instance": 3000}),
            lambda document: document["egress"].update(addresses_per_gateway=1),
        ],
        "NAT_PORTS_SHORT",
        Severity.WARNING,
        "egress.flows[0].to",
        ("120 pods of 200 in the fullest of 2 zones x 300", "6 instances of 10 in the fullest of 2 zones x 3,000"),
    ),
    (
        "more ports in one instance than it has",
        [leaves({"to": "a.example.com:443", "connections_per_instance": 30_000})],
        "POD_PORTS_SHORT",
        Severity.ERROR,
        "functions.storefront.egress[0].to",
        ("each instance of storefront needs 30,000",),
    ),
    (
        "functions that claim more than the account has",
        [another("images", reserved_concurrency=891)],
        "ACCOUNT_LIMIT",
        Severity.ERROR,
        "functions.images.quota_concurrency",
        ("891 claimed by images", "10 of storefront"),
    ),
    (
        "pools that together are more than the server has",
        [database(server="main"), database("payments", server="main", clients=[PAYMENTS])],
        "DATABASE_CONNECTIONS_SHORT",
        Severity.ERROR,
        "databases.payments.max_connections",
        ("payments needs", "50 of orders on the same server"),
    ),
]


@pytest.mark.parametrize(
    ("edits", "code", "severity", "path", "names"), [case[1:] for case in PLANTED], ids=[case[0] for case in PLANTED]
)
def test_a_planted_fault_is_found_and_names_both_sides(
    edits: list[Edit], code: str, severity: Severity, path: str, names: tuple[str, ...]
) -> None:
    finding = found(sized(case_study(*edits)), code)
    assert (finding.severity, show_path(finding.path)) == (severity, path)
    for name in names:
        assert name in f"{finding.message}; {finding.equation}"


WRONG: list[tuple[list[Edit], str, str]] = [
    ([use(name="order")], "functions.storefront.database.name", 'Did you mean "orders"?'),
    ([use(name="sessions")], "functions.storefront.database.name", "Declare it under databases."),
    ([another("orders")], "functions.orders", "expected a name that no workload has"),
    ([another("Images")], "functions.Images", "a name of lower-case letters"),
    (
        [storefront(in_vpc=None, egress=[{"to": STRIPE, "connections_per_instance": 1}])],
        "functions.storefront.egress",
        "expected in_vpc: true beside egress",
    ),
    (
        [leaves({"to": STRIPE, "connections_per_pod": 1})],
        "functions.storefront.egress[0].connections_per_pod",
        'Did you mean "connections_per_instance"?',
    ),
    (
        [leaves({"to": STRIPE})],
        "functions.storefront.egress[0]",
        "either connections_per_instance (held open) or new_connections_per_second_per_instance",
    ),
    (
        [leaves({"to": STRIPE, "connections_per_instance": 1}), lambda document: document.pop("egress")],
        "",
        "expected the section egress, which sizes the way out of the VPC",
    ),
    (
        [leaves({"to": STRIPE, "connections_per_instance": 1, "addresses": 4})],
        "functions.storefront.egress[0].addresses",
        "expected 1, as another flow",
    ),
    (
        [storefront(quota_concurrency=2000), another("images", quota_concurrency=3000)],
        "functions.images.quota_concurrency",
        "expected 2000, as storefront has it, found 3000",
    ),
    (
        [
            database(server="main"),
            database("pay", server="main", max_connections=300, clients=[PAYMENTS]),
        ],
        "databases.pay.max_connections",
        "expected 200, as orders has it, found 300",
    ),
    (
        [
            database(server="main", max_connections=None),
            database("pay", server="main", clients=[PAYMENTS]),
        ],
        "databases.orders.max_connections",
        'expected the field "max_connections"',
    ),
    (
        [
            use(transactions_per_request=1e6, mean_transaction_ms=0.001),
            storefront(
                windows={"day": {"peak_requests_per_second": 2000, "mean_duration_ms": 50, "p99_duration_ms": 100}}
            ),
        ],
        "functions.storefront.database.transactions_per_request",
        "at most 1,000,000,000 transactions a second",
    ),
    (
        [use(transactions_per_request=1e5, mean_transaction_ms=900_000)],
        "functions.storefront.database.transactions_per_request",
        "connections busy on average",
    ),
]


@pytest.mark.parametrize(("edits", "path", "said"), WRONG, ids=[f"{path}: {said}"[:60] for _, path, said in WRONG])
def test_what_does_not_go_together_is_told_where_it_was_declared(edits: list[Edit], path: str, said: str) -> None:
    with pytest.raises(InvalidLoad) as refused:
        parse_load(case_study(*edits))
    assert any(show_path(one.path) == path and said in str(one) for one in refused.value.problems), refused.value
