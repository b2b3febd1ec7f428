"""Each check of the policy pack finds its fault where it was planted, and nothing where there is none."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import given

import loadfit
from checks import (
    Report,
    check_account,
    check_database_functions,
    check_declared_loads,
    check_nat_gateways,
    check_servers,
    check_warm_versions,
)
from loadfit import DatabaseLoad, parse_load, resolve
from loadfit.component import declared_data, declared_inputs
from loadfit.core.model import Declared, validate
from tests.databases.strategies import documents as database_documents
from tests.functions.loads import documents as function_documents
from tests.functions.loads import loaded
from tests.policies import programs
from tests.policies.programs import ZONES, function, pool, server, warm, warm_lambda
from tests.policies.stacks import stack
from tests.strategies import documents

PREVIEW = pytest.mark.parametrize("preview", [True, False], ids=["preview", "deployed"])


def messages(report: Report) -> list[str]:
    return [told.message for told in report.violations]


def unchecked(report: Report) -> list[str]:
    return [told.message for told in report.unchecked]


@PREVIEW
class TestNatGateways:
    @pytest.mark.parametrize("inline", [False, True], ids=["route", "inline"])
    def test_one_gateway_for_three_zones_is_found(self, preview: bool, inline: bool) -> None:
        report = check_nat_gateways(stack(lambda: programs.network(1, inline=inline), preview=preview))
        (told,) = report.violations
        assert "3 zones (use1-az1, use1-az2, use1-az4) lead to the one NAT gateway nat-0" in told.message
        assert told.urn.endswith("::nat-0")
        assert report.unchecked == ()

    def test_zone_names_tell_as_well_as_ids(self, preview: bool) -> None:
        report = check_nat_gateways(stack(lambda: programs.network(2, zone_names=True), preview=preview))
        assert len(report.violations) == 1
        assert "2 zones (us-east-1a, us-east-1c) lead to the one NAT gateway nat-0" in messages(report)[0]

    @pytest.mark.parametrize("inline", [False, True], ids=["route", "inline"])
    def test_a_gateway_in_each_zone_is_no_fault(self, preview: bool, inline: bool) -> None:
        report = check_nat_gateways(stack(lambda: programs.network(3, inline=inline), preview=preview))
        assert report == Report()

    def test_a_regional_gateway_serves_every_zone(self, preview: bool) -> None:
        report = check_nat_gateways(stack(lambda: programs.network(1, regional=True), preview=preview))
        assert report == Report()

    def test_subnets_of_another_stack_are_told_and_not_guessed(self, preview: bool) -> None:
        def program() -> None:
            for number in range(3):
                name = f"default-{number}"
                table = f"rtb-{number}"
                aws.ec2.Route(name, route_table_id=table, destination_cidr_block="0.0.0.0/0", nat_gateway_id="nat-0a1b")
                aws.ec2.RouteTableAssociation(name, route_table_id=table, subnet_id=f"subnet-{number}")

        report = check_nat_gateways(stack(program, preview=preview))
        assert report.violations == ()
        assert unchecked(report)[0] == "not checked: the zone of subnet-0, which is not in this stack"
        assert len(report.unchecked) == 3

    def test_one_gateway_that_is_declared_is_the_component_s_to_size(self, preview: bool) -> None:
        def program() -> None:
            flow = loadfit.Flow(client="shop", pods=10, to="api.example.com:443", connections_per_pod=10)
            load = loadfit.EgressLoad(region="us-east-1", zones=3, gateways=1, flows=[flow])
            zones: dict[str, loadfit.EgressZone] = {
                zone: {"public_subnet_id": f"p-{zone}", "private_subnet_ids": [f"s-{zone}"]} for zone in ZONES
            }
            loadfit.MultiAzNatEgress(
                "egress", {"load": load, "vpc_id": "vpc-0a1b", "zones": zones, "gateway_zone": ZONES[0]}
            )

        assert check_nat_gateways(stack(program, preview=preview)) == Report()


def test_a_route_that_is_not_known_yet_is_not_checked() -> None:
    def program() -> None:
        aws.ec2.Route(
            "default",
            route_table_id="rtb-1",
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=programs.not_known_yet(),
        )

    report = check_nat_gateways(stack(program, preview=True))
    assert report.violations == ()
    assert unchecked(report) == ["not checked: not known before deployment: where the route default leads"]


def integration(target: pulumi.Input[str]) -> None:
    aws.apigatewayv2.Integration("api", api_id="api", integration_type="AWS_PROXY", integration_uri=target)


@PREVIEW
class TestWarmVersions:
    def test_a_version_that_nothing_calls_is_found(self, preview: bool) -> None:
        def program() -> None:
            one = function()
            warm(one.version, one)

        report = check_warm_versions(stack(program, preview=preview))
        assert "of shop is kept warm, and nothing in this stack calls it" in messages(report)[0]
        assert report.violations[0].urn.endswith("::warm")

    def test_callers_of_the_newest_code_leave_it_idle(self, preview: bool) -> None:
        """The usual way into it: the integration and its permission name the function, not its version."""

        def program() -> None:
            one = function()
            warm(one.version, one)
            aws.lambda_.Permission("api", action="lambda:InvokeFunction", function=one.name, principal="apigateway")

        (message,) = messages(check_warm_versions(stack(program, preview=preview)))
        assert "of shop is kept warm, and api calls another version of it" in message

    def test_an_alias_beside_which_everything_calls_is_found(self, preview: bool) -> None:
        def program() -> None:
            one = function()
            live, other = programs.alias(one), programs.alias(one, "canary")
            warm(live.name, one)
            aws.lambda_.FunctionUrl("url", function_name=one.name, qualifier=other.name, authorization_type="NONE")

        (message,) = messages(check_warm_versions(stack(program, preview=preview)))
        assert "the alias live of shop is kept warm, and url calls another version of it" in message

    @pytest.mark.parametrize("caller", ["permission", "url", "queue", "integration", "target"])
    def test_an_alias_that_is_called_is_no_fault(self, preview: bool, caller: str) -> None:
        def program() -> None:
            one = function()
            live = programs.alias(one)
            warm(live.name, one)
            match caller:
                case "permission":
                    action = "lambda:InvokeFunction"
                    aws.lambda_.Permission("in", action=action, function=one.name, qualifier="live", principal="s3")
                case "url":
                    aws.lambda_.FunctionUrl(
                        "url", function_name=one.name, qualifier=live.name, authorization_type="NONE"
                    )
                case "queue":
                    aws.lambda_.EventSourceMapping("queue", function_name=live.arn)
                case "integration":
                    integration(
                        live.arn.apply(lambda arn: f"arn:aws:apigateway:us-east-1:lambda:path/{arn}/invocations")
                    )
                case _:
                    aws.cloudwatch.EventTarget("rule", rule="nightly", arn=live.arn)

        assert check_warm_versions(stack(program, preview=preview)) == Report()

    def test_a_version_is_called_through_an_alias_that_leads_to_it(self, preview: bool) -> None:
        def program() -> None:
            one = function()
            live = programs.alias(one)
            warm(one.version, one)
            aws.lambda_.EventSourceMapping("queue", function_name=live.arn)

        assert check_warm_versions(stack(program, preview=preview)) == Report()

    def test_an_alias_without_a_caller_in_the_stack_is_told(self, preview: bool) -> None:
        """Roles of the account call it without a resource of the stack."""

        def program() -> None:
            one = function()
            warm(programs.alias(one).name, one)

        report = check_warm_versions(stack(program, preview=preview))
        assert report.violations == ()
        assert unchecked(report) == [
            "not checked: nothing in this stack calls shop: whoever does has to call the alias live"
        ]

    def test_warm_lambda_does_not_have_the_fault(self, preview: bool) -> None:
        def program() -> None:
            warm_lambda(package_type="image", reserved_concurrency=12)

        assert check_warm_versions(stack(program, preview=preview)) == Report()


def test_an_arn_that_is_not_known_yet_may_be_that_of_the_warm_version() -> None:
    def program() -> None:
        one = function()
        warm(one.version, one)
        integration(one.qualified_arn)

    assert unchecked(check_warm_versions(stack(program, preview=True))) == [
        "not checked: not known before deployment: which version of shop is called by api"
    ]
    assert check_warm_versions(stack(program)) == Report(), "deployed, it is known: it is"


def test_the_arn_of_the_function_itself_calls_its_newest_code() -> None:
    def program() -> None:
        one = function()
        warm(one.version, one)
        integration(one.arn)

    assert "kept warm, and api calls another version of it" in messages(check_warm_versions(stack(program)))[0]


DATABASE = {
    "name": "orders",
    "connectionsPerInstance": 1,
    "transactionsPerRequest": 1,
    "meanTransactionMs": 10,
}


def component(database: dict[str, Any] | None, **more: Any) -> Callable[[], object]:
    """WarmLambda with inputs as another release may have let them through."""
    window = {"peakRequestsPerSecond": 26, "meanDurationMs": 50, "p99DurationMs": 100}
    load = {"name": "shop", "region": "us-east-1", "windows": {"day": window}, "initMs": 800, "targetP99Ms": 200}
    given = {**load, **({"database": database} if database else {}), **more}
    return programs.registered("loadfit:index:WarmLambda", "shop", given)


@PREVIEW
class TestDatabaseFunctions:
    def test_a_declared_database_without_reserved_concurrency_is_found(self, preview: bool) -> None:
        (message,) = messages(check_database_functions(stack(component(DATABASE), preview=preview)))
        assert message.startswith("shop opens connections to orders and has no reserved concurrency")

    @pytest.mark.parametrize("given", [(DATABASE, {"reservedConcurrency": 10}), (None, {})])
    def test_a_bounded_function_and_one_without_a_database_are_none(self, preview: bool, given: Any) -> None:
        database, more = given
        assert check_database_functions(stack(component(database, **more), preview=preview)) == Report()

    @pytest.mark.parametrize("reserved", [None, -1])
    def test_a_plain_function_that_says_so_by_its_tag_is_found(self, preview: bool, reserved: int | None) -> None:
        program = lambda: function(tags={"loadfit:database": "orders"}, reserved_concurrent_executions=reserved)  # noqa: E731
        (message,) = messages(check_database_functions(stack(program, preview=preview)))
        assert message.startswith("shop opens connections to orders")

    def test_a_plain_function_with_the_address_of_a_server_is_found(self, preview: bool) -> None:
        def program() -> None:
            host = server("orders").address
            function(environment=aws.lambda_.FunctionEnvironmentArgs(variables={"PGHOST": host}))

        (message,) = messages(check_database_functions(stack(program, preview=preview)))
        assert message.startswith("shop opens connections to orders")

    @pytest.mark.parametrize("reserved", [0, 10])
    def test_a_plain_function_that_is_bounded_is_none(self, preview: bool, reserved: int) -> None:
        program = lambda: function(tags={"loadfit:database": "orders"}, reserved_concurrent_executions=reserved)  # noqa: E731
        assert check_database_functions(stack(program, preview=preview)) == Report()

    def test_a_function_of_which_nothing_is_known_is_none(self, preview: bool) -> None:
        assert check_database_functions(stack(function, preview=preview)) == Report()


@PREVIEW
class TestServers:
    ENDPOINT = "server.0a1b2c.us-east-1.rds.amazonaws.com"

    def test_pools_that_fit_alone_and_not_together_are_found(self, preview: bool) -> None:
        """4 x 50 = 200 connections of a server with 189 for them."""

        def program() -> None:
            instance = server()
            for name in ("orders", "stock", "bills", "users"):
                pool(name, instance.endpoint)

        found = stack(program, preview=preview)
        (message,) = messages(check_servers(found))
        assert "error DATABASE_CONNECTIONS_SHORT" in message
        assert "max_connections 200: 39 usable (- 5 reserved - 6 internal - 50 of" in message
        assert check_declared_loads(found) == Report(), "each fits alone"

    def test_pools_that_fit_together_are_none(self, preview: bool) -> None:
        def program() -> None:
            instance = server()
            for name in ("orders", "stock", "bills"):
                pool(name, instance.endpoint)

        assert check_servers(stack(program, preview=preview)) == Report()

    def test_the_same_endpoint_is_the_same_server(self, preview: bool) -> None:
        def program() -> None:
            for name, endpoint in (("orders", self.ENDPOINT), ("stock", f"{self.ENDPOINT.upper()}:5432")):
                pool(name, endpoint, programs.database_load(name, server_connections=96))

        (message,) = messages(check_servers(stack(program, preview=preview)))
        assert "93 usable (- 5 reserved - 6 internal - 96 of stock" in message

    def test_pools_of_two_servers_share_nothing(self, preview: bool) -> None:
        def program() -> None:
            for name in ("orders", "stock"):
                pool(name, f"{name}.example.com:5432", programs.database_load(name, server_connections=96))

        assert check_servers(stack(program, preview=preview)) == Report()

    def test_direct_clients_count_too(self, preview: bool) -> None:
        direct = loadfit.ClientGroup(
            client="jobs",
            pods=20,
            pooled=False,
            pool_size=5,
            max_overflow=0,
            transactions_per_second=1,
            mean_transaction_ms=10,
        )

        def program() -> None:
            load = programs.database_load("orders")
            pool("orders", self.ENDPOINT, load.model_copy(update={"clients": [*load.clients, direct]}))
            pool("stock", self.ENDPOINT)

        # 50 + 20 pods x 5, with a rollout's surge 125, are 175; 50 more are 225 of 189.
        (message,) = messages(check_servers(stack(program, preview=preview)))
        assert "orders needs 175 connections" in message
        assert "139 usable (- 5 reserved - 6 internal - 50 of stock" in message

    def test_two_numbers_for_one_server_are_found(self, preview: bool) -> None:
        def program() -> None:
            pool("orders", self.ENDPOINT)
            pool("stock", self.ENDPOINT, programs.database_load("stock", max_connections=400))

        (message,) = messages(check_servers(stack(program, preview=preview)))
        assert message == f"{self.ENDPOINT} has one max_connections, declared as 200 of orders, 400 of stock"

    def test_what_the_document_counts_is_not_counted_twice(self, preview: bool) -> None:
        """Sections of one server tell each other their connections; the pools are the same ones."""

        def program() -> None:
            for name, other in (("orders", "stock"), ("stock", "orders")):
                load = programs.database_load(name, server_connections=94, connections_of_others={other: 94})
                pool(name, self.ENDPOINT, load.model_copy(update={"checks_server": False if name == "stock" else None}))

        assert check_servers(stack(program, preview=preview)) == Report()


def test_a_server_that_is_not_known_yet_is_not_checked() -> None:
    def program() -> None:
        pool("orders", programs.not_known_yet())

    report = check_servers(stack(program, preview=True))
    assert unchecked(report) == ["not checked: not known before deployment: the server of orders"]


@PREVIEW
class TestDeclaredLoads:
    def test_components_that_fit_are_none(self, preview: bool) -> None:
        def program() -> None:
            pool("orders", "server.example.com")
            warm_lambda(package_type="image", reserved_concurrency=12)

        assert check_declared_loads(stack(program, preview=preview)) == Report()

    def test_a_load_that_was_changed_to_one_that_does_not_fit_is_found(self, preview: bool) -> None:
        flow = {"client": "shop", "pods": 200, "to": "api.example.com:443", "connectionsPerPod": 300}
        load = {"region": "us-east-1", "zones": 3, "gateways": 1, "addressesPerGateway": 1, "flows": [flow]}
        program = programs.registered("loadfit:index:MultiAzNatEgress", "egress", load)
        (message,) = messages(check_declared_loads(stack(program, preview=preview)))
        assert message.startswith("egress: error NAT_PORTS_SHORT at flows[0].to")
        assert "  1. configuration, " in message, "the ways out are told"

    def test_each_kind_of_component_is_sized(self, preview: bool) -> None:
        (message,) = messages(check_declared_loads(stack(component(DATABASE), preview=preview)))
        assert message.startswith("shop: error DB_UNBOUNDED")
        group = {"client": "orders", "pods": 20, "poolSize": 20, "maxOverflow": 10}
        clients = [{**group, "transactionsPerSecond": 2000, "meanTransactionMs": 10}]
        load = {"name": "orders", "maxConnections": 200, "pooled": False, "clients": clients}
        program = programs.registered("loadfit:index:PgBouncerPool", "orders", load)
        assert messages(check_declared_loads(stack(program, preview=preview)))[0].startswith(
            "orders: error DATABASE_CONNECTIONS_SHORT"
        )

    def test_a_load_that_is_none_is_told_with_its_place(self, preview: bool) -> None:
        program = programs.registered("loadfit:index:MultiAzNatEgress", "egress", {"region": "us-east-1", "zone": 3})
        (message,) = messages(check_declared_loads(stack(program, preview=preview)))
        assert 'egress: load: zone: expected "zones"' in message
        assert "Traceback" not in message


def test_a_load_that_is_not_known_yet_is_not_checked() -> None:
    def program() -> None:
        load = {"region": "us-east-1", "zones": programs.not_known_yet(), "flows": []}
        pulumi.ComponentResource("loadfit:index:MultiAzNatEgress", "egress", {"load": load})

    report = check_declared_loads(stack(program, preview=True))
    assert report.violations == ()
    assert unchecked(report) == ["not checked: not known before deployment: the declared load of egress"]


@PREVIEW
class TestAccount:
    def test_functions_that_fit_alone_and_not_together_are_found(self, preview: bool) -> None:
        def program() -> None:
            for name in ("shop", "search"):
                warm_lambda(name, package_type="image", reserved_concurrency=500)

        found = stack(program, preview=preview)
        (message,) = messages(check_account(found))
        assert "error ACCOUNT_LIMIT" in message
        assert "500 claimed by search + 500 of shop + 100 unreserved = 1,100" in message
        assert check_declared_loads(found) == Report(), "each fits alone"
        assert check_account(found, quota=2000) == Report()

    def test_functions_of_no_component_count_by_what_they_claim(self, preview: bool) -> None:
        def program() -> None:
            warm_lambda(package_type="image", reserved_concurrency=500)
            function("reserved", reserved_concurrent_executions=390)
            provisioned = function("provisioned")
            warm(provisioned.version, provisioned, 11)
            function("neither", reserved_concurrent_executions=-1)
            function("elsewhere", reserved_concurrent_executions=900, region="eu-west-1")

        (message,) = messages(check_account(stack(program, preview=preview)))
        assert "500 claimed by shop + 401 outside of the document + 100 unreserved = 1,001" in message

    def test_functions_that_fit_together_are_none(self, preview: bool) -> None:
        def program() -> None:
            warm_lambda(package_type="image", reserved_concurrency=500)
            function("reserved", reserved_concurrent_executions=400)

        assert check_account(stack(program, preview=preview)) == Report()


def assert_comes_back(load: Declared) -> None:
    again = validate(type(load), declared_data(type(load), declared_inputs(load)))
    assert declared_inputs(again) == declared_inputs(load)


class TestInputs:
    """A declared load comes back from a component's inputs as it was."""

    @given(documents())
    def test_of_an_egress(self, document: Any) -> None:
        load = resolve(parse_load(document)).egress
        assert load is not None
        assert_comes_back(load)

    @given(database_documents())
    def test_of_a_database(self, document: Any) -> None:
        for load in resolve(parse_load(document)).databases.values():
            assert_comes_back(load)

    @given(function_documents())
    def test_of_a_function(self, document: Any) -> None:
        assert_comes_back(loaded(document))

    def test_names_of_the_user_s_own_stay_as_they_are(self) -> None:
        load = programs.database_load(other_clients={"nightlyReports": 3})
        assert declared_inputs(load)["otherClients"] == {"nightlyReports": 3}
        assert declared_data(DatabaseLoad, declared_inputs(load))["other_clients"] == {"nightlyReports": 3}
