"""MultiAzNatEgress: a NAT gateway in each zone, with as many addresses as the declared flows need."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from loadfit.component import accepted, declared_inputs, gathered, planned, refused, warn
from loadfit.core.paths import Path, show_path
from loadfit.core.problems import Problem, nearest, shown
from loadfit.egress.alarms import DIMENSION, NAMESPACE, Alarm, alarms, dashboard_body
from loadfit.egress.load import EgressLoad
from loadfit.egress.plan import EgressPlan
from loadfit.egress.sizing import size_egress
from loadfit.egress.summary import plan_summary

__all__ = ["AddressRetention", "EgressZone", "GatewayEndpoint", "MultiAzNatEgress", "MultiAzNatEgressArgs"]

_TOKEN = "loadfit:index:MultiAzNatEgress"


class AddressRetention(str, Enum):
    """What becomes of an elastic IP that the component made and no longer needs, or that is destroyed with it."""

    RETAIN = "retain"
    """It stays in the account, and goes on costing money: an address on an allow-list, once released, is gone."""
    RELEASE = "release"
    """It is released: right for stacks that come and go."""
    PROTECT = "protect"
    """Pulumi refuses to delete it."""


class GatewayEndpoint(str, Enum):
    """A service with a free gateway endpoint; what it carries needs no NAT port."""

    S3 = "s3"
    DYNAMODB = "dynamodb"


class EgressZone(TypedDict):
    """One Availability Zone of the network."""

    public_subnet_id: NotRequired[pulumi.Input[str]]
    """The subnet that the gateway stands in, with a route to the internet gateway; not needed in a zone without one."""
    private_subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets that the gateway serves; the list is append-only, because its positions are in resource names."""
    route_table_id: NotRequired[pulumi.Input[str]]
    """The private subnets' route table where it exists already; otherwise one is created and associated with them."""


class MultiAzNatEgressArgs(TypedDict):
    """What MultiAzNatEgress needs and what it lets be chosen."""

    load: EgressLoad
    """What leaves the network. Plain values: sizes are computed from it at preview."""
    vpc_id: pulumi.Input[str]
    """The VPC."""
    zones: Mapping[str, EgressZone]
    """The zones by zone id (use1-az1, not the account's own zone name), as many as the load says."""
    internet_gateway: NotRequired[pulumi.Input[aws.ec2.InternetGateway]]
    """The VPC's internet gateway where the same program makes it: gateways and addresses wait for it."""
    gateway_zone: NotRequired[str]
    """The zone id that the gateway stands in, where the load says one gateway for several zones."""
    address_retention: NotRequired[AddressRetention]
    """What becomes of addresses that are no longer needed; retain where not given."""
    default_routes: NotRequired[bool]
    """Whether 0.0.0.0/0 of each private route table leads to the gateway; true where not given."""
    # Not a list of GatewayEndpoint: hosted, the SDK turns every member of an enum in a list into an empty mapping.
    gateway_endpoints: NotRequired[Sequence[str]]
    """Gateway endpoints to make, of s3 and dynamodb; both where not given. Give an empty list where the VPC has them:
    making one also resets connections to the service that are open."""
    egress_only_internet_gateway: NotRequired[bool]
    """Whether to make an egress-only internet gateway and lead ::/0 to it, for dual-stack subnets; false where not
    given."""
    imports: NotRequired[Mapping[str, str]]
    """Ids of existing resources to adopt, by the name of the child without the component's name, such as
    use1-az1-gateway: nat-0a1b."""
    alarms: NotRequired[bool]
    """Whether to make the CloudWatch alarms; true where not given."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """What alarms notify, such as SNS topic ARNs."""
    dashboard: NotRequired[bool]
    """Whether to make the CloudWatch dashboard; true where not given."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every resource that takes tags."""


class MultiAzNatEgress(pulumi.ComponentResource):
    """Egress from a VPC through NAT gateways that carry the declared load, also with a zone lost.

    One gateway in each zone, with as many addresses as the plan says; routes, gateway endpoints, alarms with thresholds
    from the plan, and a dashboard. A load that does not fit is refused before any resource exists.
    """

    gateway_ids: pulumi.Output[Mapping[str, str]]
    """NAT gateway ids by zone id."""
    public_addresses: pulumi.Output[Mapping[str, Sequence[str]]]
    """Public IPv4 addresses by zone id; traffic may come from any of them."""
    allow_list_cidrs: pulumi.Output[Sequence[str]]
    """All public addresses as /32 blocks, for partners' allow-lists."""
    allocation_ids: pulumi.Output[Mapping[str, Sequence[str]]]
    """Allocation ids of the addresses by zone id, the primary first."""
    route_table_ids: pulumi.Output[Mapping[str, str]]
    """Route tables of the private subnets by zone id."""
    alarm_arns: pulumi.Output[Sequence[str]]
    """The alarms."""
    sizing: pulumi.Output[Mapping[str, Any]]
    """The plan's sizes and monthly cost."""

    def __init__(self, name: str, args: MultiAzNatEgressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"MultiAzNatEgress '{name}'"
        args = accepted(label, MultiAzNatEgressArgs, args)
        plan = planned(label, EgressLoad, args["load"], size_egress)
        wiring = _Wiring(name, args, plan)
        wiring.check(label)
        super().__init__(_TOKEN, name, wiring.inputs(), opts)
        self._plan = plan
        warn(self, plan)
        build = _Build(self, wiring)

        addresses = {zone: build.addresses(zone) for zone in wiring.gateway_zones}
        gateways = {zone: build.gateway(zone, addresses[zone]) for zone in wiring.gateway_zones}
        tables = {zone: build.route_table(zone) for zone in wiring.zones}
        if args.get("default_routes", True):
            for zone, table in tables.items():
                build.default_route(zone, table, gateways[wiring.serving(zone)])
        if args.get("egress_only_internet_gateway", False):
            build.ipv6_routes(tables)
        for endpoint in wiring.endpoints:
            build.gateway_endpoint(endpoint, tables)
        watched = [build.alarm(zone, gateways[zone], alarm) for zone in wiring.gateway_zones for alarm in wiring.alarms]
        if args.get("dashboard", True):
            build.dashboard(gateways)

        ids = {zone: gateway.id for zone, gateway in gateways.items()}
        public = {zone: [address.public_ip for address in own] for zone, own in addresses.items()}
        self.gateway_ids = gathered(ids)
        self.public_addresses = gathered(public)
        self.allow_list_cidrs = gathered(
            [address.public_ip.apply(lambda ip: f"{ip}/32") for own in addresses.values() for address in own]
        )
        self.allocation_ids = gathered({zone: [address.id for address in own] for zone, own in addresses.items()})
        self.route_table_ids = gathered(tables)
        self.alarm_arns = gathered([alarm.arn for alarm in watched])
        self.sizing = gathered(plan_summary(plan))
        self.register_outputs(
            {
                "gatewayIds": self.gateway_ids,
                "publicAddresses": self.public_addresses,
                "allowListCidrs": self.allow_list_cidrs,
                "allocationIds": self.allocation_ids,
                "routeTableIds": self.route_table_ids,
                "alarmArns": self.alarm_arns,
                "sizing": self.sizing,
            }
        )

    @property
    def plan(self):
        """The plan that the component was built from: plain, and known at preview."""
        # Not annotated: an annotation would make the plan an output of the hosted component's schema.
        return self._plan


class _Wiring:
    """What was given besides the load, with its defaults, and what of it cannot be."""

    def __init__(self, name: str, args: MultiAzNatEgressArgs, plan: EgressPlan) -> None:
        self.name = name
        self.args = args
        self.plan = plan
        self.load = plan.load
        self.zones: Mapping[str, EgressZone] = dict(sorted(args["zones"].items()))
        self.tags: Mapping[str, pulumi.Input[str]] = args.get("tags") or {}
        self.retention = args.get("address_retention", AddressRetention.RETAIN)
        # Each once, always in the same order.
        chosen = args.get("gateway_endpoints", list(GatewayEndpoint))
        self.endpoints = [endpoint for endpoint in GatewayEndpoint if endpoint.value in chosen]
        self.imports: Mapping[str, str] = args.get("imports") or {}
        self.alarms: Sequence[Alarm] = alarms(plan) if args.get("alarms", True) else ()

    @property
    def gateway_zones(self) -> list[str]:
        """Zones with a gateway."""
        if self.plan.gateways > 1:
            return list(self.zones)
        return [self.args.get("gateway_zone") or next(iter(self.load.allocations or self.zones))]

    def serving(self, zone: str) -> str:
        """The zone of the gateway that serves a zone."""
        return zone if self.plan.gateways > 1 else self.gateway_zones[0]

    def check(self, label: str) -> None:
        """Refuses wiring that does not go with the load.

        Raises:
            InvalidInputs: With every problem at once.
        """
        wiring = (self._zone_problems, self._shared, self._import_problems)
        problems = [problem for find in wiring for problem in find()] if self.zones else [_no_zones()]
        problems += self._endpoint_problems()
        if problems:
            raise refused(label, problems)

    def _zone_problems(self) -> list[Problem]:
        problems: list[Problem] = []
        zones = self.load.zones
        if len(self.zones) != zones:
            found = f"{len(self.zones)} ({', '.join(self.zones)})"
            problems.append(Problem(("zones",), f"{zones}, as the load says", found, "Wire as many as are declared."))
        one_for_all = self.plan.gateways == 1 and len(self.zones) > 1
        chosen = self.args.get("gateway_zone")
        if one_for_all and chosen is None and not self.load.allocations:
            where = f"one of {', '.join(self.zones)}"
            problems.append(
                Problem(("gateway_zone",), where, "nothing", "One gateway for all zones stands in one: say in which.")
            )
        if chosen is not None and chosen not in self.zones:
            problems.append(_unknown_zone(("gateway_zone",), chosen, list(self.zones)))
        if chosen is not None and self.plan.gateways > 1:
            expected = "nothing, because each zone has its gateway"
            problems.append(Problem(("gateway_zone",), expected, shown(chosen), "It goes with gateways: 1."))
        problems += [
            _unknown_zone(("load", "allocations", zone), zone, list(self.zones))
            for zone in self.load.allocations or {}
            if zone not in self.zones
        ]
        for zone in self.gateway_zones:
            if zone in self.zones and "public_subnet_id" not in self.zones[zone]:
                path = ("zones", zone, "public_subnet_id")
                problems.append(Problem(path, "the subnet that the gateway stands in", "nothing"))
            if zone in self.zones and self.load.allocations and zone not in self.load.allocations:
                path = ("load", "allocations", zone)
                problems.append(Problem(path, "allocation ids for the gateway in this zone", "none"))
        return problems

    def _shared(self) -> list[Problem]:
        """What belongs to one zone and is wired to several: gateways in one zone, or two routes to 0.0.0.0/0."""
        routed = self.args.get("default_routes", True) or self.args.get("egress_only_internet_gateway", False)
        wired: list[tuple[Path, object]] = []
        for zone, own in self.zones.items():
            if zone in self.gateway_zones:
                wired.append((("zones", zone, "public_subnet_id"), own.get("public_subnet_id")))
            if "route_table_id" not in own:
                wired += [
                    (("zones", zone, "private_subnet_ids", number), subnet)
                    for number, subnet in enumerate(own["private_subnet_ids"])
                ]
            elif routed:
                wired.append((("zones", zone, "route_table_id"), own["route_table_id"]))
        first: dict[object, Path] = {}
        problems: list[Problem] = []
        for path, value in wired:
            # An Output is compared by identity: one that is wired twice has one value, whatever it will be.
            if value is not None and first.setdefault(value, path) != path:
                known = shown(value) if isinstance(value, str) else "the same output"
                problems.append(Problem(path, "one of this zone alone", f"{known} as in {show_path(first[value])}"))
        return problems

    def _endpoint_problems(self) -> list[Problem]:
        known = [endpoint.value for endpoint in GatewayEndpoint]
        return [
            Problem(("gateway_endpoints", index), f"one of {', '.join(known)}", shown(endpoint))
            for index, endpoint in enumerate(self.args.get("gateway_endpoints", ()))
            if endpoint not in known
        ]

    def _import_problems(self) -> list[Problem]:
        known = self.importable()
        return [
            Problem(
                ("imports", suffix),
                "the name of a child without the component's name",
                shown(suffix),
                f'Did you mean "{meant}"?' if (meant := nearest(suffix, known)) else f"They are: {', '.join(known)}.",
            )
            for suffix in self.imports
            if suffix not in known
        ]

    def importable(self) -> list[str]:
        """The children that can be adopted by id."""
        names: list[str] = []
        for zone, wired in self.zones.items():
            if zone in self.gateway_zones:
                names.append(f"{zone}-gateway")
                if not self.load.allocations:
                    names += [f"{zone}-address-{number}" for number in range(self.plan.addresses_per_gateway)]
            if "route_table_id" not in wired:
                names.append(f"{zone}-routes")
                names += [f"{zone}-subnet-{number}" for number in range(len(wired["private_subnet_ids"]))]
            if self.args.get("default_routes", True):
                names.append(f"{zone}-default-route")
            if self.args.get("egress_only_internet_gateway", False):
                names.append(f"{zone}-default-route-ipv6")
        if self.args.get("egress_only_internet_gateway", False):
            names.append("egress-only")
        return [*names, *(endpoint.value for endpoint in self.endpoints)]

    def inputs(self) -> dict[str, Any]:
        """The component's own inputs: in state, and in the preview's diff."""
        return {
            "load": declared_inputs(self.load),
            "vpcId": self.args["vpc_id"],
            "zones": {
                zone: {
                    "publicSubnetId": wired.get("public_subnet_id"),
                    "privateSubnetIds": list(wired["private_subnet_ids"]),
                    "routeTableId": wired.get("route_table_id"),
                }
                for zone, wired in self.zones.items()
            },
            "addressRetention": self.retention.value,
            "gatewayEndpoints": [endpoint.value for endpoint in self.endpoints],
        }


def _no_zones() -> Problem:
    return Problem(("zones",), "the zones by zone id", "none", "Wire each zone's subnets.")


def _unknown_zone(path: tuple[str, ...], zone: str, zones: list[str]) -> Problem:
    return Problem(path, f"a zone id that is wired ({', '.join(zones)})", shown(zone))


class _Build:
    """Makes the children, each with the options that its life cycle needs."""

    def __init__(self, component: MultiAzNatEgress, wiring: _Wiring) -> None:
        self.component = component
        self.wiring = wiring
        self.load = wiring.load
        self.region = wiring.load.region

    def name(self, suffix: str) -> str:
        return f"{self.wiring.name}-{suffix}"

    def tags(self, suffix: str) -> dict[str, pulumi.Input[str]]:
        return {"Name": self.name(suffix), **self.wiring.tags}

    def options(self, suffix: str, **more: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self.component, import_=self.wiring.imports.get(suffix), **more)

    def waits(self) -> list[Any]:
        """The internet gateway, where it is known.

        Without it attached, creating a NAT gateway fails (Gateway.NotAttached), and detaching it fails while addresses
        are mapped; nothing else in the graph says so.
        """
        gateway = self.wiring.args.get("internet_gateway")
        return [] if gateway is None else [gateway]

    def addresses(self, zone: str) -> list[aws.ec2.Eip]:
        brought = (self.load.allocations or {}).get(zone)
        if brought:
            # Read, never managed: what the user brought is not the component's to change or release.
            return [
                aws.ec2.Eip.get(
                    self.name(f"{zone}-brought-{number}"),
                    allocation,
                    opts=pulumi.ResourceOptions(parent=self.component),
                    region=self.region,
                )
                for number, allocation in enumerate(brought)
            ]
        return [self._address(f"{zone}-address-{number}") for number in range(self.wiring.plan.addresses_per_gateway)]

    def _address(self, suffix: str) -> aws.ec2.Eip:
        retention = self.wiring.retention
        return aws.ec2.Eip(
            self.name(suffix),
            domain="vpc",
            region=self.region,
            tags=self.tags(suffix),
            opts=self.options(
                suffix,
                depends_on=self.waits(),
                protect=True if retention is AddressRetention.PROTECT else None,
                retain_on_delete=True if retention is AddressRetention.RETAIN else None,
            ),
        )

    def gateway(self, zone: str, addresses: Sequence[aws.ec2.Eip]) -> aws.ec2.NatGateway:
        suffix = f"{zone}-gateway"
        primary, *secondary = addresses
        return aws.ec2.NatGateway(
            self.name(suffix),
            # The primary address cannot be exchanged without replacing the gateway: number 0 stays for ever.
            allocation_id=primary.id,
            # In place, all in one call; an empty list, not None, is what removes the last one.
            secondary_allocation_ids=[address.id for address in secondary],
            subnet_id=self.wiring.zones[zone].get("public_subnet_id"),
            region=self.region,
            tags=self.tags(suffix),
            opts=self.options(
                suffix,
                depends_on=self.waits(),
                # An elastic IP cannot be on two gateways, so the successor can only come after.
                delete_before_replace=True,
                # Removing a secondary address drains it for up to 350 s, one change at a time.
                custom_timeouts=pulumi.CustomTimeouts(create="15m", update="20m", delete="30m"),
            ),
        )

    def route_table(self, zone: str) -> pulumi.Output[str]:
        wired = self.wiring.zones[zone]
        adopted = wired.get("route_table_id")
        if adopted is not None:
            return pulumi.Output.from_input(adopted)
        table = aws.ec2.RouteTable(
            self.name(f"{zone}-routes"),
            vpc_id=self.wiring.args["vpc_id"],
            region=self.region,
            tags=self.tags(f"{zone}-routes"),
            opts=self.options(f"{zone}-routes"),
        )
        for number, subnet in enumerate(wired["private_subnet_ids"]):
            suffix = f"{zone}-subnet-{number}"
            aws.ec2.RouteTableAssociation(
                self.name(suffix),
                route_table_id=table.id,
                subnet_id=subnet,
                region=self.region,
                opts=self.options(suffix),
            )
        return table.id

    def default_route(self, zone: str, table: pulumi.Output[str], gateway: aws.ec2.NatGateway) -> None:
        suffix = f"{zone}-default-route"
        # A route of its own, not inside the table: its target is replaced in place, and adopted tables keep theirs.
        aws.ec2.Route(
            self.name(suffix),
            route_table_id=table,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=gateway.id,
            region=self.region,
            opts=self.options(suffix),
        )

    def ipv6_routes(self, tables: Mapping[str, pulumi.Output[str]]) -> None:
        gateway = aws.ec2.EgressOnlyInternetGateway(
            self.name("egress-only"),
            vpc_id=self.wiring.args["vpc_id"],
            region=self.region,
            tags=self.tags("egress-only"),
            opts=self.options("egress-only"),
        )
        for zone, table in tables.items():
            suffix = f"{zone}-default-route-ipv6"
            aws.ec2.Route(
                self.name(suffix),
                route_table_id=table,
                destination_ipv6_cidr_block="::/0",
                egress_only_gateway_id=gateway.id,
                region=self.region,
                opts=self.options(suffix),
            )

    def gateway_endpoint(self, endpoint: GatewayEndpoint, tables: Mapping[str, pulumi.Output[str]]) -> None:
        aws.ec2.VpcEndpoint(
            self.name(endpoint.value),
            vpc_id=self.wiring.args["vpc_id"],
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self.region}.{endpoint.value}",
            route_table_ids=list(tables.values()),
            region=self.region,
            tags=self.tags(endpoint.value),
            opts=self.options(endpoint.value),
        )

    def alarm(self, zone: str, gateway: aws.ec2.NatGateway, alarm: Alarm) -> aws.cloudwatch.MetricAlarm:
        suffix = f"{zone}-{alarm.suffix}"
        dimensions = {DIMENSION: gateway.id}
        measured: dict[str, Any]
        if alarm.expression:
            # With metric math, CloudWatch refuses a metric at the alarm's own level.
            measured = {
                "metric_queries": [
                    aws.cloudwatch.MetricAlarmMetricQueryArgs(
                        id="e0", expression=alarm.expression, label=alarm.suffix, return_data=True
                    ),
                    *(
                        aws.cloudwatch.MetricAlarmMetricQueryArgs(
                            id=f"m{number}",
                            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                                namespace=NAMESPACE,
                                metric_name=metric.name,
                                stat=metric.statistic,
                                period=alarm.period_seconds,
                                dimensions=dimensions,
                            ),
                        )
                        for number, metric in enumerate(alarm.metrics)
                    ),
                ]
            }
        else:
            measured = {
                "namespace": NAMESPACE,
                "metric_name": alarm.metrics[0].name,
                "statistic": alarm.metrics[0].statistic,
                "period": alarm.period_seconds,
                "dimensions": dimensions,
            }
        return aws.cloudwatch.MetricAlarm(
            self.name(suffix),
            comparison_operator="GreaterThanThreshold",
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.periods_to_alarm,
            # A gateway that nothing uses reports nothing, and that is fine.
            treat_missing_data="notBreaching",
            alarm_description=alarm.description,
            alarm_actions=self.wiring.args.get("alarm_actions"),
            region=self.region,
            tags=self.tags(suffix),
            opts=self.options(suffix),
            **measured,
        )

    def dashboard(self, gateways: Mapping[str, aws.ec2.NatGateway]) -> None:
        plan, region = self.wiring.plan, self.region
        ids = pulumi.Output.all(**{zone: gateway.id for zone, gateway in gateways.items()})
        aws.cloudwatch.Dashboard(
            self.name("dashboard"),
            # Dashboards share one namespace in an account, and Pulumi does not name them by itself. CloudWatch takes
            # letters, digits, dashes and underscores; Pulumi's own names may hold more.
            dashboard_name=re.sub(
                r"[^A-Za-z0-9_-]", "-", f"{pulumi.get_project()}-{pulumi.get_stack()}-{self.wiring.name}"
            ),
            dashboard_body=ids.apply(lambda known: dashboard_body(plan, known, region)),
            region=region,
            opts=self.options("dashboard"),
        )
