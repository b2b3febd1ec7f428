"""MultiAzNatEgress through `deploy()`: what it asks for, what it refuses, and what a change of its inputs changes."""

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from loadfit import AddressRetention, EgressLoad, Flow, GatewayEndpoint, InvalidInputs, MultiAzNatEgress
from loadfit.egress import alarms
from loadfit.testing import UNKNOWN, Changes, Deployment, Resource, changes, deploy

AZ1, AZ2, AZ4 = "use1-az1", "use1-az2", "use1-az4"
EIP = "aws:ec2/eip:Eip"
GATEWAY = "aws:ec2/natGateway:NatGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ROUTE = "aws:ec2/route:Route"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
EGRESS_ONLY = "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"
COMPONENT = "loadfit:index:MultiAzNatEgress"
UNTAGGED = {ASSOCIATION, ROUTE, DASHBOARD}
"""Of the component's children, those that AWS has no tags for."""

Args = dict[str, Any]


def load(zones: int = 3, connections: int = 300, **more: Any) -> Args:
    """The case study: 200 pods that hold 300 connections each."""
    flow = {"client": "checkout", "pods": 200, "to": "api.stripe.com:443", "connections_per_pod": connections}
    return {"region": "us-east-1", "zones": zones, "flows": [flow], **more}


def wired(*zones: str, **more: Any) -> dict[str, Args]:
    """A public and a private subnet in each zone."""
    return {
        zone: {"public_subnet_id": f"subnet-{zone}-public", "private_subnet_ids": [f"subnet-{zone}-private"], **more}
        for zone in zones or (AZ1, AZ2, AZ4)
    }


def arguments(**given: Any) -> Any:
    """The component's arguments; whatever is not given is the case study's."""
    args: Args = {"load": load(), "vpc_id": "vpc-1", "zones": wired(), **given}
    return args


def made(**given: Any) -> Deployment:
    """A deployment of the component alone."""
    return deployed(lambda: MultiAzNatEgress("egress", arguments(**given)))


def deployed(program: Callable[[], object], **options: Any) -> Deployment:
    """With what AWS would add to the outputs."""

    def added(one: Resource) -> Mapping[str, Any]:
        return {EIP: {"publicIp": f"ip-of-{one.name}"}, ALARM: {"arn": f"arn-of-{one.name}"}}.get(one.type, {})

    return deploy(program, state=added, **options)


def refusal(**given: Any) -> str:
    """What the component says, having registered nothing."""
    deployment = deploy(lambda: MultiAzNatEgress("egress", arguments(**given)), check=False)
    assert isinstance(deployment.error, InvalidInputs), deployment.error
    assert isinstance(deployment.error, pulumi.RunError)
    assert deployment.resources == ()
    text = str(deployment.error)
    assert text.startswith("MultiAzNatEgress 'egress':")
    assert "Traceback" not in text
    return text


def names(deployment: Deployment, token: str) -> set[str]:
    return {one.name.removeprefix("egress-") for one in deployment.of_type(token)}


def component(deployment: Deployment) -> Resource:
    return deployment.resource("egress", COMPONENT)


def children(deployment: Deployment) -> tuple[Resource, ...]:
    return deployment.children(component(deployment))


@pytest.fixture(scope="module")
def case_study() -> Deployment:
    return made()


@pytest.fixture(scope="module")
def everything() -> Deployment:
    quotas = {"addresses_per_gateway": 2, "quota_addresses_per_region": 6}
    return made(
        load=load(**quotas),
        egress_only_internet_gateway=True,
        alarm_actions=["arn:topic"],
        tags={"team": "platform", "cost-center": pulumi.Output.from_input("42")},
    )


@pytest.fixture(scope="module")
def shared() -> Deployment:
    return made(load=load(connections=100, gateways=1), gateway_zone=AZ2)


class TestCaseStudy:
    def test_its_children_are_exactly_these(self, case_study: Deployment) -> None:
        found: dict[str, set[str]] = {}
        for child in children(case_study):
            found.setdefault(child.type, set()).add(child.name)
        watched = {
            "port-allocation-errors",
            "connections-beyond-load",
            "packets-dropped",
            "attempts-unanswered",
            "idle-timeouts",
            "bandwidth",
            "packet-rate",
        }
        zones = (AZ1, AZ2, AZ4)
        assert found == {
            EIP: {f"egress-{zone}-address-0" for zone in zones},
            GATEWAY: {f"egress-{zone}-gateway" for zone in zones},
            TABLE: {f"egress-{zone}-routes" for zone in zones},
            ASSOCIATION: {f"egress-{zone}-subnet-0" for zone in zones},
            ROUTE: {f"egress-{zone}-default-route" for zone in zones},
            ENDPOINT: {"egress-s3", "egress-dynamodb"},
            ALARM: {f"egress-{zone}-{alarm}" for zone in zones for alarm in watched},
            DASHBOARD: {"egress-dashboard"},
        }
        assert len(case_study.resources) == len(children(case_study)) + 1, "no grandchildren, nothing beside it"

    def test_their_inputs_are_exactly_these(self, case_study: Deployment) -> None:
        """One zone stands for all; alarms and dashboard have tests of their own."""
        expected = {
            "address-0": {"domain": "vpc"},
            "gateway": {
                "allocationId": f"egress-{AZ2}-address-0-id",
                "secondaryAllocationIds": [],
                "subnetId": f"subnet-{AZ2}-public",
            },
            "routes": {"vpcId": "vpc-1"},
            "subnet-0": {"routeTableId": f"egress-{AZ2}-routes-id", "subnetId": f"subnet-{AZ2}-private"},
            "default-route": {
                "routeTableId": f"egress-{AZ2}-routes-id",
                "destinationCidrBlock": "0.0.0.0/0",
                "natGatewayId": f"egress-{AZ2}-gateway-id",
            },
        }
        for suffix, inputs in expected.items():
            found = dict(case_study.resource(f"egress-{AZ2}-{suffix}").inputs)
            found.pop("tags", None)
            assert found == {**inputs, "region": "us-east-1"}, suffix

    def test_gateway_endpoints_serve_all_route_tables(self, case_study: Deployment) -> None:
        for service in ("s3", "dynamodb"):
            assert case_study.resource(f"egress-{service}").inputs == {
                "vpcId": "vpc-1",
                "vpcEndpointType": "Gateway",
                "serviceName": f"com.amazonaws.us-east-1.{service}",
                "routeTableIds": [f"egress-{zone}-routes-id" for zone in (AZ1, AZ2, AZ4)],
                "region": "us-east-1",
                "tags": {"Name": f"egress-{service}"},
            }

    def test_traffic_stays_in_its_zone(self, case_study: Deployment) -> None:
        for zone in (AZ1, AZ2, AZ4):
            route = case_study.resource(f"egress-{zone}-default-route")
            assert route.inputs["natGatewayId"] == f"egress-{zone}-gateway-id"

    def test_a_gateway_is_never_on_an_address_that_its_predecessor_still_has(self, case_study: Deployment) -> None:
        """And a change of its secondary addresses may take the 350 s that a removed one drains."""
        for gateway in case_study.of_type(GATEWAY):
            assert gateway.options.delete_before_replace is True
            assert gateway.options.custom_timeouts == {"create": "15m", "update": "20m", "delete": "30m"}

    def test_the_declared_load_is_in_the_components_inputs(self, case_study: Deployment) -> None:
        """So it is in state, shows in the preview's diff and is what policies see; in camelCase, as declared."""
        inputs = component(case_study).inputs
        flow = {"client": "checkout", "pods": 200, "to": "api.stripe.com:443", "connectionsPerPod": 300}
        assert inputs["load"] == {"region": "us-east-1", "zones": 3, "flows": [flow]}
        assert inputs["vpcId"] == "vpc-1"
        assert set(inputs["zones"]) == {AZ1, AZ2, AZ4}

    def test_nothing_is_warned_of(self, case_study: Deployment) -> None:
        assert case_study.logs == ()

    def test_outputs(self, case_study: Deployment) -> None:
        outputs = component(case_study).registered_outputs
        assert outputs is not None
        zones = (AZ1, AZ2, AZ4)
        sizing = outputs["sizing"]
        assert {name: value for name, value in outputs.items() if name != "sizing"} == {
            "gatewayIds": {zone: f"egress-{zone}-gateway-id" for zone in zones},
            "publicAddresses": {zone: [f"ip-of-egress-{zone}-address-0"] for zone in zones},
            "allowListCidrs": [f"ip-of-egress-{zone}-address-0/32" for zone in zones],
            "allocationIds": {zone: [f"egress-{zone}-address-0-id"] for zone in zones},
            "routeTableIds": {zone: f"egress-{zone}-routes-id" for zone in zones},
            "alarmArns": [
                f"arn-of-egress-{zone}-{alarm.suffix}" for zone in zones for alarm in alarms.alarms(plan_of(load()))
            ],
        }
        assert (sizing["verdict"], sizing["gateways"], sizing["addresses_per_gateway"]) == ("fits", 3, 1)
        assert (sizing["ports_total"], sizing["ports_with_zone_lost"]) == (165_000, 110_000)
        assert sizing["ports_needed"] == {"steady": 60_000, "rollout": 75_000, "zone_lost": 60_000}
        assert sizing["busiest_gateway_ports"] == {"steady": 24_000, "rollout": 30_000, "zone_lost": 36_000}
        assert sizing["monthly_cost_usd"] == {"nat_gateways": 98.55, "addresses": 10.95, "total": 109.5}

    def test_at_preview_the_plan_is_plain_and_the_sizes_are_known(self) -> None:
        plans: list[Any] = []

        def program() -> None:
            egress = MultiAzNatEgress("egress", arguments())
            plans.append(egress.plan)
            pulumi.export("allow_list", egress.allow_list_cidrs)
            pulumi.export("sizing", egress.sizing)

        deployment = deploy(program, preview=True)
        assert plans[0].addresses_per_gateway == 1
        assert plans[0].utilization == Fraction(36_000, 55_000)
        assert deployment.outputs["allow_list"] is UNKNOWN
        assert deployment.outputs["sizing"]["ports_total"] == 165_000
        outputs = component(deployment).registered_outputs
        assert outputs is not None
        assert outputs["sizing"]["verdict"] == "fits"


def plan_of(declared: Args) -> Any:
    from loadfit.egress import size_egress

    return size_egress(EgressLoad.model_validate(declared))


class TestEveryChild:
    """Asserted over all children of everything that can be switched on."""

    def test_carries_the_region_of_the_load(self, everything: Deployment) -> None:
        assert {child.inputs.get("region") for child in children(everything)} == {"us-east-1"}

    def test_carries_the_tags_where_it_takes_any(self, everything: Deployment) -> None:
        tagged = [child for child in children(everything) if child.type not in UNTAGGED]
        assert {child.type for child in tagged} == {EIP, GATEWAY, TABLE, ENDPOINT, ALARM, EGRESS_ONLY}
        for child in tagged:
            assert child.inputs["tags"] == {"Name": child.name, "team": "platform", "cost-center": "42"}
        for child in children(everything):
            assert ("tags" in child.inputs) == (child.type not in UNTAGGED), child.name

    def test_is_named_after_the_component(self, everything: Deployment) -> None:
        assert all(child.name.startswith("egress-") for child in children(everything))
        assert all(child.urn.split("::")[2].startswith(f"{COMPONENT}$aws:") for child in children(everything))

    def test_is_made_by_the_provider_of_the_component(self) -> None:
        def program() -> None:
            west = aws.Provider("west", region="us-east-1")
            MultiAzNatEgress("egress", arguments(), pulumi.ResourceOptions(providers=[west]))

        deployment = deploy(program)
        west = deployment.resource("west").urn
        assert {child.provider for child in children(deployment)} == {west}
        assert [one.name for one in deployment.resources if one.type.startswith("pulumi:providers:")] == ["west"]

    def test_brought_addresses_too_are_read_by_the_provider_of_the_component(self) -> None:
        brought = {AZ1: ["eipalloc-1"], AZ2: ["eipalloc-2"], AZ4: ["eipalloc-4"]}

        def program() -> None:
            west = aws.Provider("west", region="us-east-1")
            args = arguments(load=load(allocations=brought))
            MultiAzNatEgress("egress", args, pulumi.ResourceOptions(providers=[west]))

        deployment = deploy(program)
        assert {one.provider for one in deployment.of_type(EIP)} == {deployment.resource("west").urn}


def test_gateways_and_addresses_wait_for_the_internet_gateway() -> None:
    """Without it attached a gateway cannot be made, and with an address mapped it cannot be detached."""

    def program() -> None:
        internet = aws.ec2.InternetGateway("internet", vpc_id="vpc-1")
        MultiAzNatEgress("egress", arguments(internet_gateway=internet))

    deployment = deploy(program)
    internet = deployment.resource("internet").urn
    waiting = {one.type for one in deployment.resources if internet in one.dependencies}
    assert waiting == {EIP, GATEWAY}
    assert all(internet in one.dependencies for token in waiting for one in deployment.of_type(token))


def test_an_internet_gateway_that_is_still_to_come_can_be_waited_for() -> None:
    """Components hand theirs out as outputs."""

    def program() -> None:
        internet = aws.ec2.InternetGateway("internet", vpc_id="vpc-1")
        MultiAzNatEgress("egress", arguments(internet_gateway=pulumi.Output.from_input(internet)))

    deployment = deploy(program)
    internet = deployment.resource("internet").urn
    assert all(internet in one.dependencies for one in deployment.of_type(GATEWAY))


class TestAddressRetention:
    @pytest.mark.parametrize(
        ("choice", "retained", "protected"),
        [
            (None, True, None),
            ("retain", True, None),
            (AddressRetention.RETAIN, True, None),
            ("release", None, None),
            (AddressRetention.RELEASE, None, None),
            ("protect", None, True),
            (AddressRetention.PROTECT, None, True),
        ],
    )
    def test_is_a_closed_choice_for_addresses_alone(
        self, choice: str | None, retained: bool | None, protected: bool | None
    ) -> None:
        deployment = made(address_retention=choice)
        for child in children(deployment):
            expected = (retained, protected) if child.type == EIP else (None, None)
            assert (child.options.retain_on_delete, child.options.protect) == expected, child.name

    def test_refuses_any_other(self) -> None:
        assert "address_retention: expected one of retain, release, protect, found the text" in refusal(
            address_retention="keep"
        )

    def test_protection_of_the_whole_component_is_not_lifted(self) -> None:
        options = pulumi.ResourceOptions(protect=True)
        deployment = deploy(lambda: MultiAzNatEgress("egress", arguments(), options))
        assert {child.options.protect for child in children(deployment)} == {True}


class TestAddresses:
    def test_brought_ones_are_read_and_never_managed(self) -> None:
        brought = {zone: [f"eipalloc-{zone}-a", f"eipalloc-{zone}-b"] for zone in (AZ1, AZ2, AZ4)}
        deployment = made(load=load(allocations=brought))
        addresses = deployment.of_type(EIP)
        assert {(one.name, one.id) for one in addresses} == {
            (f"egress-{zone}-brought-{number}", brought[zone][number]) for zone in brought for number in (0, 1)
        }
        assert all(one.read for one in addresses)
        assert {one.parent for one in addresses} == {component(deployment).urn}
        for zone, ids in brought.items():
            gateway = deployment.resource(f"egress-{zone}-gateway").inputs
            assert gateway["allocationId"] == ids[0]
            assert gateway["secondaryAllocationIds"] == ids[1:]
        outputs = component(deployment).registered_outputs
        assert outputs is not None
        assert outputs["allocationIds"] == brought

    def test_the_first_is_the_primary_and_the_others_are_secondary(self) -> None:
        quotas = {"quota_addresses_per_gateway": 3, "quota_addresses_per_region": 9}
        deployment = made(load=load(addresses_per_gateway=3, **quotas))
        for zone in (AZ1, AZ2, AZ4):
            gateway = deployment.resource(f"egress-{zone}-gateway").inputs
            assert gateway["allocationId"] == f"egress-{zone}-address-0-id"
            assert gateway["secondaryAllocationIds"] == [f"egress-{zone}-address-{one}-id" for one in (1, 2)]

    def test_no_secondary_address_is_an_empty_list(self, case_study: Deployment) -> None:
        """Left out, the provider would leave the last secondary address where it is."""
        assert [one.inputs["secondaryAllocationIds"] for one in case_study.of_type(GATEWAY)] == [[], [], []]

    def test_all_public_addresses_are_on_the_allow_list(self) -> None:
        deployment = made(load=load(addresses_per_gateway=2, quota_addresses_per_region=6))
        outputs = component(deployment).registered_outputs
        assert outputs is not None
        assert outputs["allowListCidrs"] == [
            f"ip-of-egress-{zone}-address-{number}/32" for zone in (AZ1, AZ2, AZ4) for number in (0, 1)
        ]


class TestRoutes:
    def test_existing_route_tables_are_adopted_with_their_associations(self) -> None:
        zones = {zone: {**own, "route_table_id": f"rtb-{zone}"} for zone, own in wired().items()}
        deployment = made(zones=zones)
        assert deployment.of_type(TABLE) == deployment.of_type(ASSOCIATION) == ()
        for zone in zones:
            assert deployment.resource(f"egress-{zone}-default-route").inputs["routeTableId"] == f"rtb-{zone}"
        assert deployment.resource("egress-s3").inputs["routeTableIds"] == [f"rtb-{zone}" for zone in sorted(zones)]
        outputs = component(deployment).registered_outputs
        assert outputs is not None
        assert outputs["routeTableIds"] == {zone: f"rtb-{zone}" for zone in zones}

    def test_every_private_subnet_is_associated(self) -> None:
        zones = wired(private_subnet_ids=["subnet-a", "subnet-b"])
        for zone, own in zones.items():
            own["private_subnet_ids"] = [f"{zone}-{letter}" for letter in "ab"]
        deployment = made(zones=zones)
        assert {(one.name, one.inputs["subnetId"]) for one in deployment.of_type(ASSOCIATION)} == {
            (f"egress-{zone}-subnet-{number}", f"{zone}-{letter}")
            for zone in zones
            for number, letter in enumerate("ab")
        }

    def test_default_routes_can_be_left_to_the_user(self) -> None:
        deployment = made(default_routes=False)
        assert deployment.of_type(ROUTE) == ()
        assert len(deployment.of_type(TABLE)) == 3

    def test_an_option_that_is_none_counts_as_not_given(self, case_study: Deployment) -> None:
        """As `Config.get_bool` gives what is not configured: egress must not lose its routes to that."""
        options = ("default_routes", "alarms", "dashboard", "gateway_endpoints", "tags", "imports", "alarm_actions")
        assert changes(case_study, made(**dict.fromkeys(options))) == NOTHING

    def test_ipv6_leaves_through_one_egress_only_gateway(self) -> None:
        deployment = made(egress_only_internet_gateway=True)
        assert deployment.resource("egress-egress-only", EGRESS_ONLY).inputs["vpcId"] == "vpc-1"
        for zone in (AZ1, AZ2, AZ4):
            assert deployment.resource(f"egress-{zone}-default-route-ipv6").inputs == {
                "routeTableId": f"egress-{zone}-routes-id",
                "destinationIpv6CidrBlock": "::/0",
                "egressOnlyGatewayId": "egress-egress-only-id",
                "region": "us-east-1",
            }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], set[str]()),
        (["s3"], {"s3"}),
        ([GatewayEndpoint.DYNAMODB], {"dynamodb"}),
        (["dynamodb", "s3", "s3"], {"s3", "dynamodb"}),
        (None, {"s3", "dynamodb"}),
    ],
)
def test_gateway_endpoints_can_be_chosen(given: list[str] | None, expected: set[str]) -> None:
    assert names(made(gateway_endpoints=given), ENDPOINT) == expected


@pytest.mark.parametrize(("option", "token"), [("alarms", ALARM), ("dashboard", DASHBOARD)])
def test_what_watches_can_be_left_out(option: str, token: str, case_study: Deployment) -> None:
    difference = changes(case_study, made(**{option: False}))
    assert {urn.split("$")[1].split("::")[0] for urn in difference.deleted} == {token}
    assert (difference.created, difference.changed) == ((), {})


class TestOneGatewayForAllZones:
    def test_it_stands_in_the_chosen_zone_and_serves_all(self, shared: Deployment) -> None:
        assert names(shared, GATEWAY) == {f"{AZ2}-gateway"}
        assert names(shared, EIP) == {f"{AZ2}-address-0"}
        assert {route.inputs["natGatewayId"] for route in shared.of_type(ROUTE)} == {f"egress-{AZ2}-gateway-id"}
        assert len(shared.of_type(ROUTE)) == 3

    def test_it_needs_a_public_subnet_in_its_zone_alone(self) -> None:
        zones = wired()
        del zones[AZ1]["public_subnet_id"], zones[AZ4]["public_subnet_id"]
        deployment = made(load=load(connections=100, gateways=1), gateway_zone=AZ2, zones=zones)
        assert deployment.resource(f"egress-{AZ2}-gateway").inputs["subnetId"] == f"subnet-{AZ2}-public"

    def test_brought_allocations_say_in_which_zone(self) -> None:
        deployment = made(load=load(connections=100, gateways=1, allocations={AZ4: ["eipalloc-1"]}))
        assert names(deployment, GATEWAY) == {f"{AZ4}-gateway"}

    def test_losing_its_zone_is_warned_of_on_the_component(self, shared: Deployment) -> None:
        (warning,) = shared.logs
        assert (warning.severity, warning.urn) == ("warning", component(shared).urn)
        assert warning.message.startswith("ZONE_LOSS_STOPS_EGRESS at ")
        assert "+$73.00 a month" in warning.message
        assert "\n" not in warning.message

    def test_it_can_become_one_in_each_zone_with_no_gateway_lost(self, shared: Deployment) -> None:
        """The chosen zone's gateway and address stay, and the routes of the others are led elsewhere in place."""
        difference = changes(shared, made(load=load(connections=100)))
        assert difference.deleted == ()
        changed = {urn: names for urn, names in difference.changed.items() if "$aws:ec2/route" in urn}
        assert changed == {
            shared.resource(f"egress-{zone}-default-route").urn: frozenset({"natGatewayId"}) for zone in (AZ1, AZ4)
        }


class TestImports:
    def test_existing_resources_are_adopted_by_the_name_of_the_child(self) -> None:
        imports = {
            f"{AZ1}-gateway": "nat-1",
            f"{AZ1}-address-0": "eipalloc-1",
            f"{AZ1}-routes": "rtb-1",
            f"{AZ1}-subnet-0": "subnet-1/rtb-1",
            f"{AZ1}-default-route": "rtb-1_0.0.0.0/0",
            f"{AZ1}-default-route-ipv6": "rtb-1_::/0",
            "egress-only": "eigw-1",
            "s3": "vpce-1",
        }
        deployment = made(imports=imports, egress_only_internet_gateway=True)
        imported = {one.name: one.options.import_id for one in deployment.resources if one.options.import_id}
        assert imported == {f"egress-{suffix}": one for suffix, one in imports.items()}

    def test_every_child_that_can_be_adopted_is_one(self, case_study: Deployment) -> None:
        """The names in the refusal are those of the children, and of all of them but alarms and dashboard."""
        text = refusal(imports={"zzz": "nat-1"})
        listed = text.partition("They are: ")[2].rstrip(".").split(", ")
        assert set(listed) == {
            child.name.removeprefix("egress-") for child in children(case_study) if child.type not in (ALARM, DASHBOARD)
        }

    def test_an_unknown_name_is_refused_with_the_nearest(self) -> None:
        text = refusal(imports={f"{AZ1}-gatway": "nat-1", "egress-s3x": "vpce-1"})
        assert f"imports.{AZ1}-gatway: expected the name of a child without the component's name" in text
        assert f'Did you mean "{AZ1}-gateway"?' in text

    def test_what_the_component_does_not_make_cannot_be_adopted(self) -> None:
        brought = {AZ1: ["eipalloc-1"], AZ2: ["eipalloc-2"], AZ4: ["eipalloc-4"]}
        text = refusal(load=load(allocations=brought), imports={f"{AZ1}-address-0": "eipalloc-1"})
        assert f"imports.{AZ1}-address-0" in text


NOTHING = Changes(created=(), deleted=(), changed={}, options={})

IN_PLACE = {
    COMPONENT: {"load", "zones"},
    GATEWAY: {"secondaryAllocationIds"},
    ENDPOINT: {"routeTableIds"},
    ALARM: {"threshold", "alarmDescription"},
    DASHBOARD: {"dashboardBody"},
}
"""All that growth may change of what exists: each is updated in place by its provider."""


def assert_grown(before: Deployment, after: Deployment) -> Changes:
    """Nothing is deleted, renamed or replaced."""
    difference = changes(before, after)
    assert difference.deleted == ()
    assert difference.options == {}
    token = {one.urn: one.type for one in before.resources}
    beyond = {urn: names - IN_PLACE.get(token[urn], set()) for urn, names in difference.changed.items()}
    assert {urn: names for urn, names in beyond.items() if names} == {}
    return difference


class TestGrowth:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ((AZ1, AZ2), (AZ1, AZ2, AZ4)),
            ((AZ1, AZ2, AZ4), (AZ1, AZ2, AZ4, "use1-az6")),
            ((AZ2, AZ4), (AZ1, AZ2, AZ4)),
            ((AZ2, AZ4, "use1-az6"), (AZ1, AZ2, AZ4, "use1-az6")),
            ((AZ1,), (AZ1, AZ2)),
        ],
        ids=["2-to-3", "3-to-4", "2-to-3-before-all", "3-to-4-before-all", "1-to-2"],
    )
    def test_a_new_zone_touches_no_other(self, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        def of(zones: tuple[str, ...]) -> Deployment:
            return made(load=load(len(zones), connections=100), zones=wired(*zones))

        difference = assert_grown(of(before), of(after))
        (new,) = set(after) - set(before)
        assert {urn.split("::")[3].startswith(f"egress-{new}-") for urn in difference.created} == {True}
        suffixes = ["address-0", "gateway", "routes", "subnet-0", "default-route"]
        assert {urn.split("::")[3].removeprefix(f"egress-{new}-") for urn in difference.created} >= set(suffixes)
        assert len(difference.created) == len(suffixes) + 7

    def test_the_order_in_which_zones_are_wired_is_of_no_account(self, case_study: Deployment) -> None:
        assert changes(case_study, made(zones=wired(AZ4, AZ1, AZ2))) == NOTHING

    def test_a_second_address_joins_the_first(self) -> None:
        """By nothing but a larger load, for which one address per gateway is too few."""
        before, after = (
            made(load=load(connections=connections, quota_addresses_per_region=6)) for connections in (300, 400)
        )
        assert (len(before.of_type(EIP)), len(after.of_type(EIP))) == (3, 6)
        difference = assert_grown(before, after)
        assert {urn.split("::")[3] for urn in difference.created} == {
            f"egress-{zone}-address-1" for zone in (AZ1, AZ2, AZ4)
        }
        gateways = {before.resource(f"egress-{zone}-gateway").urn for zone in (AZ1, AZ2, AZ4)}
        assert {urn for urn, changed in difference.changed.items() if "secondaryAllocationIds" in changed} == gateways

    def test_a_changed_load_moves_thresholds_alone(self, case_study: Deployment) -> None:
        after = made(load=load(connections=250))
        difference = assert_grown(case_study, after)
        assert difference.created == ()
        touched = {case_study.resource(urn).type for urn in difference.changed}
        assert touched == {COMPONENT, ALARM, DASHBOARD}
        outputs = component(after).registered_outputs
        assert outputs is not None
        assert outputs["sizing"]["busiest_gateway_ports"]["zone_lost"] == 30_000

    def test_the_same_twice_changes_nothing(self, case_study: Deployment) -> None:
        assert changes(case_study, made()) == NOTHING


class TestFormsOfALoad:
    def test_model_and_plain_data_and_hosted_numbers_are_one(self, case_study: Deployment) -> None:
        """Hosted programs send every number as a float, and leave out or send `None` for what is not given."""
        flow = Flow(client="checkout", pods=200, to="api.stripe.com:443", connections_per_pod=300)
        model = EgressLoad(region="us-east-1", zones=3, flows=[flow])
        hosted = load(3.0, 300.0)  # type: ignore[arg-type]
        hosted["flows"][0]["pods"] = 200.0
        for form in (model, hosted):
            assert changes(case_study, made(load=form)) == NOTHING


class TestRefusals:
    """Each before anything is registered: `refusal` asserts it."""

    def test_a_load_that_does_not_fit(self) -> None:
        text = refusal(load=load(gateways=1, addresses_per_gateway=1), gateway_zone=AZ1)
        assert "error NAT_PORTS_SHORT at " in text
        assert "75,000" in text
        assert "+$3.65 a month" in text

    @pytest.mark.parametrize("preview", [False, True])
    def test_a_load_that_is_known_only_after_deployment(self, preview: bool) -> None:
        def program() -> None:
            pods = pulumi.Output.from_input(200)
            flow = {"client": "checkout", "pods": pods, "to": "api.stripe.com:443", "connections_per_pod": 300}
            MultiAzNatEgress("egress", arguments(load={"region": "us-east-1", "zones": 3, "flows": [flow]}))

        deployment = deploy(program, preview=preview, check=False)
        assert isinstance(deployment.error, InvalidInputs)
        assert str(deployment.error) == (
            "MultiAzNatEgress 'egress': load.flows[0].pods: expected a plain value, known at preview, found a value "
            "that is known only after deployment (an Output). Sizing decides how many resources there are, so it "
            "cannot wait for one: declare the number."
        )
        assert deployment.resources == ()

    def test_the_wrong_number_of_zones(self) -> None:
        text = refusal(zones=wired(AZ1, AZ2))
        assert text == (
            f"MultiAzNatEgress 'egress': zones: expected 3, as the load says, found 2 ({AZ1}, {AZ2}). "
            "Wire as many as are declared."
        )

    def test_no_zones(self) -> None:
        assert "zones: expected the zones by zone id, found none" in refusal(zones={})
        assert "zones: expected the zones by zone id, found none" in refusal(
            load=load(1, connections=100), zones={}, imports={"s3": "vpce-1"}
        )

    def test_allocations_for_a_zone_that_is_not_wired(self) -> None:
        brought = {AZ1: ["eipalloc-1"], AZ2: ["eipalloc-2"], "use1-az9": ["eipalloc-9"]}
        text = refusal(load=load(allocations=brought))
        assert f"load.allocations.use1-az9: expected a zone id that is wired ({AZ1}, {AZ2}, {AZ4})" in text
        assert f"load.allocations.{AZ4}: expected allocation ids for the gateway in this zone, found none" in text

    @pytest.mark.parametrize("subnet", ["absent", None])
    def test_no_public_subnet_for_a_gateway(self, subnet: str | None) -> None:
        zones = wired()
        zones[AZ2]["public_subnet_id"] = subnet
        if subnet is not None:
            del zones[AZ2]["public_subnet_id"]
        text = refusal(zones=zones)
        assert f"zones.{AZ2}.public_subnet_id: expected the subnet that the gateway stands in, found nothing" in text

    def test_one_gateway_for_all_zones_and_no_word_of_where(self) -> None:
        text = refusal(load=load(connections=100, gateways=1))
        assert f"gateway_zone: expected one of {AZ1}, {AZ2}, {AZ4}, found nothing" in text

    def test_a_gateway_zone_that_is_not_wired_or_of_no_effect(self) -> None:
        assert "gateway_zone: expected a zone id that is wired" in refusal(
            load=load(connections=100, gateways=1), gateway_zone="use1-az9"
        )
        assert "gateway_zone: expected nothing, because each zone has its gateway" in refusal(gateway_zone=AZ1)

    def test_a_gateway_zone_beside_allocations_for_another(self) -> None:
        text = refusal(load=load(connections=100, gateways=1, allocations={AZ1: ["eipalloc-1"]}), gateway_zone=AZ2)
        assert f"load.allocations.{AZ2}: expected allocation ids for the gateway in this zone, found none" in text

    @pytest.mark.parametrize("key", ["public_subnet_id", "route_table_id"])
    def test_one_subnet_or_route_table_for_several_zones(self, key: str) -> None:
        """Two gateways in one subnet are in one zone, and a route table has one route to 0.0.0.0/0."""
        text = refusal(zones=wired(**{key: "the-same"}))
        assert f"zones.{AZ2}.{key}: expected one of this zone alone" in text
        assert f"zones.{AZ4}.{key}: expected one of this zone alone" in text

    def test_one_private_subnet_in_two_zones(self) -> None:
        text = refusal(zones=wired(private_subnet_ids=["subnet-1"]))
        assert f"zones.{AZ2}.private_subnet_ids[0]: expected one of this zone alone" in text

    def test_a_shared_route_table_is_the_users_own_where_it_gets_no_route(self) -> None:
        deployment = made(zones=wired(route_table_id="rtb-1"), default_routes=False, gateway_endpoints=[])
        assert deployment.of_type(ROUTE) == ()

    def test_a_gateway_is_adopted_only_with_its_primary_address(self) -> None:
        """Its address cannot be exchanged: adopted alone, the next update would replace it."""
        text = refusal(imports={f"{AZ1}-gateway": "nat-1"})
        assert f'imports: expected "{AZ1}-address-0" beside "{AZ1}-gateway", found the gateway alone' in text

    def test_behind_one_gateway_zones_may_share_a_route_table(self) -> None:
        """The usual VPC that exists already: one private route table, one route to the one gateway."""
        deployment = made(
            load=load(connections=100, gateways=1),
            gateway_zone=AZ2,
            zones=wired(route_table_id="rtb-1"),
            egress_only_internet_gateway=True,
        )
        routes = {route.name: route.inputs["routeTableId"] for route in deployment.of_type(ROUTE)}
        assert routes == {f"egress-{AZ1}-default-route": "rtb-1", f"egress-{AZ1}-default-route-ipv6": "rtb-1"}
        assert deployment.resource("egress-s3").inputs["routeTableIds"] == ["rtb-1"]

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"vpc_id": None}, 'vpc_id: expected the input "vpc_id", found nothing'),
            ({"load": None}, 'load: expected the input "load", found nothing'),
            ({"zones": [AZ1]}, "zones: expected a mapping, found a list"),
            ({"zones": {AZ1: "subnet-1"}}, f"zones.{AZ1}: expected a mapping, found the text"),
            (
                {"zones": {AZ1: {"public_subnet_id": "subnet-1"}}},
                f'zones.{AZ1}.private_subnet_ids: expected the input "private_subnet_ids", found nothing',
            ),
            (
                {"zones": wired(private_subnet_ids="subnet-1")},
                f"zones.{AZ1}.private_subnet_ids: expected a list, found the text",
            ),
            ({"default_route": False}, 'Did you mean "default_routes"?'),
            ({"zones": wired(route_table="rtb-1")}, f"zones.{AZ1}.route_table: expected one of public_subnet_id"),
            ({"gateway_endpoints": "s3"}, "gateway_endpoints: expected a list, found the text"),
            ({"gateway_endpoints": ["s4"]}, "gateway_endpoints[0]: expected one of s3, dynamodb, found the text"),
            ({"default_routes": "no"}, "default_routes: expected true or false, found the text"),
            ({"internet_gateway": "igw-1"}, "internet_gateway: expected the resource itself, found the text"),
            ({"tags": ["team"]}, "tags: expected a mapping, found a list"),
            ({"tags": {"replicas": 3}}, "tags.replicas: expected a text, found 3"),
            ({"load": {"region": "us-east-1", "zones": 3}}, "load.flows: "),
        ],
    )
    def test_inputs_of_the_wrong_form(self, given: Args, expected: str) -> None:
        assert expected in refusal(**given)

    @pytest.mark.parametrize("name", ["zones", "default_routes", "gateway_zone", "tags", "imports", "alarms"])
    def test_an_output_where_the_number_of_resources_depends_on_it(self, name: str) -> None:
        """An output is true whatever it will be, and has no keys: it would be misread without a word."""

        def program() -> None:
            MultiAzNatEgress("egress", arguments(**{name: pulumi.Output.from_input(False)}))

        deployment = deploy(program, check=False)
        assert f"{name}: expected a plain value, known at preview" in str(deployment.error)
        assert deployment.resources == ()

    def test_a_list_of_subnets_that_is_an_output(self) -> None:
        """What other components give: its length decides how many associations there are."""

        def program() -> None:
            MultiAzNatEgress("egress", arguments(zones=wired(private_subnet_ids=pulumi.Output.from_input(["a"]))))

        deployment = deploy(program, check=False)
        assert f"zones.{AZ1}.private_subnet_ids: expected a plain value, known at preview" in str(deployment.error)

    @pytest.mark.parametrize("args", [None, [], "load"])
    def test_arguments_that_are_no_mapping(self, args: Any) -> None:
        deployment = deploy(lambda: MultiAzNatEgress("egress", args), check=False)
        assert str(deployment.error).startswith("MultiAzNatEgress 'egress': expected a mapping, found ")

    def test_all_problems_at_once(self) -> None:
        """Those of the form together, and where the form is right, those of the wiring together."""
        declared = load()
        declared["flows"][0].update(pods=-1, conections=1)
        form = refusal(load=declared, vpc_id=None, address_retention="keep", dashbord=True).splitlines()
        assert len(form) == 5
        assert all(line.startswith("MultiAzNatEgress 'egress': ") for line in form)

        zones = wired(AZ1, AZ2)
        del zones[AZ1]["public_subnet_id"]
        wiring = refusal(zones=zones, gateway_zone="use1-az9", imports={"gatway": "nat-1"}, gateway_endpoints=["s4"])
        for path in ("zones:", "gateway_zone:", f"zones.{AZ1}.public_subnet_id:", "imports.gatway:"):
            assert f"MultiAzNatEgress 'egress': {path} expected" in wiring
        assert "gateway_endpoints[0]: expected" in wiring


def test_the_dashboards_name_is_one_that_cloudwatch_takes() -> None:
    """Letters, digits, dashes and underscores: a project, a stack and a component may be called otherwise."""
    deployment = deploy(lambda: MultiAzNatEgress("egress v2", arguments()), project="shop.web", stack="prod.eu")
    (dashboard,) = deployment.of_type(DASHBOARD)
    assert dashboard.inputs["dashboardName"] == "shop-web-prod-eu-egress-v2"


def test_two_egresses_stand_in_one_stack() -> None:
    def program() -> None:
        MultiAzNatEgress("blue", arguments())
        MultiAzNatEgress("green", arguments())

    deployment = deploy(program)
    dashboards = {one.inputs["dashboardName"] for one in deployment.of_type(DASHBOARD)}
    assert dashboards == {"project-stack-blue", "project-stack-green"}


def test_the_dashboard_shows_every_gateway(case_study: Deployment) -> None:
    body = json.loads(case_study.resource("egress-dashboard").inputs["dashboardBody"])
    for widget in body["widgets"]:
        shown = {metric[3] for metric in widget["properties"]["metrics"]}
        assert shown == {f"egress-{zone}-gateway-id" for zone in (AZ1, AZ2, AZ4)}
