"""MultiAzNatEgress: a NAT gateway in each zone, with as many addresses as the declared flows need."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from loadfit.component import accepted, gathered, planned, warn
from loadfit.egress.component.arguments import AddressRetention, EgressZone, GatewayEndpoint, MultiAzNatEgressArgs
from loadfit.egress.component.children import Children
from loadfit.egress.component.wiring import Wiring
from loadfit.egress.load import EgressLoad
from loadfit.egress.sizing import size_egress
from loadfit.egress.summary import plan_summary

__all__ = ["AddressRetention", "EgressZone", "GatewayEndpoint", "MultiAzNatEgress", "MultiAzNatEgressArgs"]

_TOKEN = "loadfit:index:MultiAzNatEgress"


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
        wiring = Wiring(name, args, plan)
        wiring.check(label)
        super().__init__(_TOKEN, name, wiring.inputs(), opts)
        self._plan = plan
        warn(self, plan)
        children = Children(self, wiring)

        addresses = {zone: children.addresses(zone) for zone in wiring.gateway_zones}
        gateways = {zone: children.gateway(zone, addresses[zone]) for zone in wiring.gateway_zones}
        tables = {zone: children.route_table(zone) for zone in wiring.zones}
        if args.get("default_routes", True):
            for zone in wiring.routed_zones:
                children.default_route(zone, tables[zone], gateways[wiring.serving(zone)])
        if args.get("egress_only_internet_gateway", False):
            children.ipv6_routes({zone: tables[zone] for zone in wiring.routed_zones})
        for endpoint in wiring.endpoints:
            children.gateway_endpoint(endpoint, [tables[zone] for zone in wiring.routed_zones])
        watched = [children.alarm(zone, gateway, one) for zone, gateway in gateways.items() for one in wiring.alarms]
        if args.get("dashboard", True):
            children.dashboard(gateways)

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
