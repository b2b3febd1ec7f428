"""The children of MultiAzNatEgress, each with the options that its life cycle needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from loadfit.core.watching import Alarm
from loadfit.egress.alarms import DIMENSION, NAMESPACE, dashboard_body
from loadfit.egress.component.arguments import AddressRetention, GatewayEndpoint
from loadfit.egress.component.wiring import Wiring
from loadfit.watching import metric_alarm, physical_name

__all__ = ["Children"]


class Children:
    """Makes the children, each with the options that its life cycle needs."""

    def __init__(self, component: pulumi.ComponentResource, wiring: Wiring) -> None:
        self.component = component
        self.wiring = wiring
        self.load = wiring.load
        self.region = wiring.load.region

    def name(self, suffix: str) -> str:
        """A child's name; its suffix never changes, or the child would be made anew."""
        return f"{self.wiring.name}-{suffix}"

    def tags(self, suffix: str) -> dict[str, pulumi.Input[str]]:
        """A child's tags: a name of its own, which the user's may override."""
        return {"Name": self.name(suffix), **self.wiring.tags}

    def options(self, suffix: str, **more: Any) -> pulumi.ResourceOptions:
        """A child's options: its parent, and the resource that it adopts."""
        return pulumi.ResourceOptions(parent=self.component, import_=self.wiring.imports.get(suffix), **more)

    def waits(self) -> list[Any]:
        """The internet gateway, where it is known.

        Without it attached, creating a NAT gateway fails (Gateway.NotAttached), and detaching it fails while addresses
        are mapped; nothing else in the graph says so.
        """
        gateway = self.wiring.args.get("internet_gateway")
        return [] if gateway is None else [gateway]

    def addresses(self, zone: str) -> list[aws.ec2.Eip]:
        """The elastic IPs of a zone's gateway, the primary first."""
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
        """A zone's gateway, with all its addresses."""
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
        """The id of the route table of a zone's private subnets: the adopted one, or a new one."""
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
        """A zone's way out."""
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
        """The egress-only internet gateway, and each zone's way to it."""
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

    def gateway_endpoint(self, endpoint: GatewayEndpoint, tables: Sequence[pulumi.Output[str]]) -> None:
        """One service's gateway endpoint, reached from every private route table."""
        aws.ec2.VpcEndpoint(
            self.name(endpoint.value),
            vpc_id=self.wiring.args["vpc_id"],
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self.region}.{endpoint.value}",
            route_table_ids=list(tables),
            region=self.region,
            tags=self.tags(endpoint.value),
            opts=self.options(endpoint.value),
        )

    def alarm(self, zone: str, gateway: aws.ec2.NatGateway, alarm: Alarm) -> aws.cloudwatch.MetricAlarm:
        """One alarm of one gateway."""
        suffix = f"{zone}-{alarm.suffix}"
        return metric_alarm(
            self.name(suffix),
            alarm,
            namespace=NAMESPACE,
            dimensions=lambda _: {DIMENSION: gateway.id},
            actions=self.wiring.args.get("alarm_actions"),
            region=self.region,
            tags=self.tags(suffix),
            opts=self.options(suffix),
        )

    def dashboard(self, gateways: Mapping[str, aws.ec2.NatGateway]) -> None:
        """The dashboard over all gateways."""
        plan, region = self.wiring.plan, self.region
        ids = pulumi.Output.all(**{zone: gateway.id for zone, gateway in gateways.items()})
        aws.cloudwatch.Dashboard(
            self.name("dashboard"),
            # Dashboards share one namespace in an account.
            dashboard_name=physical_name(self.wiring.name),
            dashboard_body=ids.apply(lambda known: dashboard_body(plan, known, region)),
            region=region,
            opts=self.options("dashboard"),
        )
