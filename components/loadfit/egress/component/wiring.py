"""What MultiAzNatEgress was given besides the load, with its defaults, and what of it cannot be."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from loadfit.component import camel_case, declared_inputs, refused
from loadfit.core.paths import Path, show_path
from loadfit.core.problems import Problem, nearest, shown
from loadfit.core.watching import Alarm
from loadfit.egress.alarms import alarms
from loadfit.egress.component.arguments import AddressRetention, EgressZone, GatewayEndpoint, MultiAzNatEgressArgs
from loadfit.egress.plan import EgressPlan

__all__ = ["Wiring"]

_ZONE_NAME = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d[a-z]")


class Wiring:
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

    @property
    def routed_zones(self) -> list[str]:
        """Zones by route table, each table once: behind one gateway, zones may share theirs."""
        first: dict[object, str] = {}
        for zone, wired in self.zones.items():
            first.setdefault(wired.get("route_table_id", zone), zone)
        return list(first.values())

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
        problems += [
            Problem(
                ("zones", zone),
                "a zone id, such as use1-az1",
                f"the zone name {zone}",
                "Names stand for other zones in other accounts: `aws ec2 describe-availability-zones` shows both.",
            )
            for zone in self.zones
            if _ZONE_NAME.fullmatch(zone)
        ]
        problems += [
            Problem(("zones", zone, "private_subnet_ids"), "the subnets that the gateway serves", "none")
            for zone, wired in self.zones.items()
            if not wired["private_subnet_ids"] and "route_table_id" not in wired
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
        routed = self.plan.gateways > 1 and self.args.get("default_routes", True)
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
        ] + [
            Problem(
                ("imports",),
                f'"{zone}-address-0" beside "{zone}-gateway"',
                "the gateway alone",
                "A gateway cannot be adopted without its primary address: name its allocation id too, or it would be "
                "replaced.",
            )
            for zone in self.gateway_zones
            if not self.load.allocations
            and f"{zone}-gateway" in self.imports
            and f"{zone}-address-0" not in self.imports
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
            if zone in self.routed_zones and self.args.get("default_routes", True):
                names.append(f"{zone}-default-route")
            if zone in self.routed_zones and self.args.get("egress_only_internet_gateway", False):
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
                zone: {camel_case(key): value for key, value in wired.items() if value is not None}
                for zone, wired in self.zones.items()
            },
            "addressRetention": self.retention.value,
            "gatewayEndpoints": [endpoint.value for endpoint in self.endpoints],
        }


def _no_zones() -> Problem:
    return Problem(("zones",), "the zones by zone id", "none", "Wire each zone's subnets.")


def _unknown_zone(path: tuple[str, ...], zone: str, zones: list[str]) -> Problem:
    return Problem(path, f"a zone id that is wired ({', '.join(zones)})", shown(zone))
