"""Private subnets of several zones behind one NAT gateway."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from checks.resources import NOT_KNOWN, Report, Stack, StackResource, Told
from loadfit.testing import UNKNOWN

__all__ = ["check_nat_gateways"]

_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
_COMPONENT = "loadfit:index:MultiAzNatEgress"
_GATEWAY = "aws:ec2/natGateway:NatGateway"
_ROUTE = "aws:ec2/route:Route"
_SUBNET = "aws:ec2/subnet:Subnet"
_TABLES = ("aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable")
_EVERYWHERE = "0.0.0.0/0"


def check_nat_gateways(stack: Stack) -> Report:
    """Finds NAT gateways that the default routes of several zones lead to.

    A subnet's zone is that of the subnet in the same stack. A gateway that serves all zones by itself (regional) is
    left out, and so are the routes of MultiAzNatEgress: its load declares how many gateways there are, and is sized.
    """
    unchecked: list[Told] = []
    subnets = _subnets_by_table(stack, unchecked)
    gateways: dict[str, list[_Default]] = {}
    for route in _default_routes(stack, unchecked):
        gateways.setdefault(route.gateway, []).append(route)
    violations: list[Told] = []
    for gateway, routes in gateways.items():
        served = [subnet for route in routes for subnet in subnets.get(route.table, [])]
        zones = list(_zones(stack, served, routes[0].urn, unchecked))
        # A zone's id and its name cannot be compared: another account's us-east-1a is another zone.
        for property_ in ("availabilityZoneId", "availabilityZone"):
            of_kind = sorted({zone for kind, zone in zones if kind == property_})
            if len(of_kind) > 1:
                found = stack.get(gateway)
                violations.append(Told(found.urn if found else routes[0].urn, _message(stack.label(gateway), of_kind)))
    return Report(tuple(violations), tuple(unchecked))


def _message(gateway: str, zones: list[str]) -> str:
    return (
        f"the default routes of {len(zones)} zones ({', '.join(zones)}) lead to the one NAT gateway {gateway}: their "
        "connections to a destination share its ports, and all of them lose the internet with its zone. Make a gateway "
        "in each zone, each for the subnets of its own, as loadfit.MultiAzNatEgress does."
    )


@dataclass(frozen=True, slots=True)
class _Default:
    """A default route through a NAT gateway."""

    table: str
    gateway: str
    urn: str


def _default_routes(stack: Stack, unchecked: list[Told]) -> Iterator[_Default]:
    for route in stack.of_type(_ROUTE):
        destination = route.properties.get("destinationCidrBlock")
        gateway = stack.reference(route, "natGatewayId", _GATEWAY)
        table = stack.reference(route, "routeTableId", *_TABLES)
        if gateway is None or destination not in (_EVERYWHERE, UNKNOWN) or _is_left_out(stack, route, gateway):
            continue
        if not isinstance(gateway, str) or not isinstance(table, str) or destination is UNKNOWN:
            unchecked.append(Told(route.urn, f"{NOT_KNOWN}: where the route {route.name} leads"))
            continue
        yield _Default(table, gateway, route.urn)
    for table in stack.of_type(*_TABLES):
        routes = table.properties.get("routes")
        if routes is UNKNOWN:
            unchecked.append(Told(table.urn, f"{NOT_KNOWN}: where the routes in {table.name} lead"))
            continue
        for given in cast("list[object]", routes or []):
            inline = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
            if inline.get("cidrBlock") not in (_EVERYWHERE, UNKNOWN):
                continue
            gateway = stack.resolved(inline.get("natGatewayId"), table, "routes", _GATEWAY)
            if gateway is None or _is_left_out(stack, table, gateway):
                continue
            if isinstance(gateway, str) and inline["cidrBlock"] is not UNKNOWN:
                yield _Default(table.urn, gateway, table.urn)
            else:
                unchecked.append(Told(table.urn, f"{NOT_KNOWN}: where the default route in {table.name} leads"))


def _is_left_out(stack: Stack, route: StackResource, gateway: object) -> bool:
    found = stack.get(gateway) if isinstance(gateway, str) else None
    return stack.is_below(route, _COMPONENT) or (
        found is not None and found.properties.get("availabilityMode") == "regional"
    )


def _subnets_by_table(stack: Stack, unchecked: list[Told]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for association in stack.of_type(_ASSOCIATION):
        table = stack.reference(association, "routeTableId", *_TABLES)
        subnet = stack.reference(association, "subnetId", _SUBNET)
        if isinstance(table, str) and isinstance(subnet, str):
            found.setdefault(table, []).append(subnet)
        elif subnet is not None:
            unchecked.append(Told(association.urn, f"{NOT_KNOWN}: what {association.name} joins"))
    return found


def _zones(stack: Stack, subnets: Iterable[str], route: str, unchecked: list[Told]) -> Iterator[tuple[str, str]]:
    for reference in dict.fromkeys(subnets):
        subnet = stack.get(reference)
        if subnet is None:
            message = f"not checked: the zone of {reference}, which is not in this stack"
            unchecked.append(Told(route, message))
            continue
        for property_ in ("availabilityZoneId", "availabilityZone"):
            zone = subnet.properties.get(property_)
            if isinstance(zone, str):
                yield property_, zone
                break
        else:
            unchecked.append(Told(subnet.urn, f"{NOT_KNOWN}: the zone of {subnet.name}"))
