"""The network: a VPC with a public and a private subnet in each zone, or one that exists already.

A new network lays its subnets out by the position of a zone in ``loadfit:zones``, so that the list is append-only. An
existing one is named in the stack's configuration, and nothing of it is made or changed:

.. code-block:: yaml

    loadfit:network:
      vpc_id: vpc-0a1b
      zones:
        use1-az1: {public_subnet_id: subnet-1, private_subnet_ids: [subnet-2], route_table_id: rtb-3}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import islice

import pulumi
import pulumi_aws as aws

import loadfit
from configuration import declared, validated
from loadfit.core.model import Declared

CIDR = IPv4Network("10.0.0.0/16")
ZONES = 15
"""For so many there is room: a /20 each for private subnets, and the last /20 for the public ones."""

_ZONE_ID = re.compile(r"[a-z]+\d+(-[a-z]+\d+)?-az\d+")


@dataclass(frozen=True)
class Network:
    """What the other parts of the stack need of the network."""

    vpc_id: pulumi.Input[str]
    zones: Mapping[str, loadfit.EgressZone]
    internet_gateway: aws.ec2.InternetGateway | None
    private_blocks: Mapping[str, str]
    """Addresses of the private subnets by zone; none are known of a network that exists already."""

    @property
    def private_subnet_ids(self) -> list[pulumi.Input[str]]:
        """All private subnets, zone by zone."""
        return [subnet for zone in self.zones.values() for subnet in zone["private_subnet_ids"]]


class _ExistingZone(Declared):
    public_subnet_id: str
    private_subnet_ids: list[str]
    route_table_id: str


class _ExistingNetwork(Declared):
    vpc_id: str
    zones: dict[str, _ExistingZone]


def network(zones: int, region: str) -> Network:
    """The network that the configuration asks for.

    Args:
        zones: How many zones the load declares.
        region: The Region's code.

    Raises:
        loadfit.InvalidInputs: The configuration does not go with the load.
    """
    existing = declared("network")
    return _existing(existing) if existing is not None else _new(_zone_ids(zones), region)


def exists() -> bool:
    """Whether the configuration names a network that exists already."""
    return declared("network") is not None


def _zone_ids(zones: int) -> list[str]:
    given = declared("zones")
    ids = [str(zone) for zone in given] if isinstance(given, list) else []
    if len(ids) != zones or len(set(ids)) != zones:
        raise loadfit.InvalidInputs(
            f"loadfit:zones: expected {zones} different zone ids, as the load declares, found {len(ids)} "
            f"({', '.join(ids) or 'none'}). List as many zones of the Region; append, do not reorder."
        )
    names = [zone for zone in ids if not _ZONE_ID.fullmatch(zone)]
    if names:
        raise loadfit.InvalidInputs(
            f"loadfit:zones: expected zone ids, such as use1-az1, found {', '.join(names)}. Zone names (us-east-1a) "
            "stand for other zones in other accounts; `aws ec2 describe-availability-zones` shows both."
        )
    if zones > ZONES:
        raise loadfit.InvalidInputs(f"loadfit:zones: expected at most {ZONES}, found {zones}: {CIDR} has room for them")
    return ids


def _existing(given: object) -> Network:
    found = validated("network", _ExistingNetwork, given)
    zones = {zone: loadfit.EgressZone(**wired.model_dump()) for zone, wired in found.zones.items()}
    return Network(found.vpc_id, zones, None, {})


def _new(zone_ids: list[str], region: str) -> Network:
    tags = {"project": pulumi.get_project(), "stack": pulumi.get_stack()}
    vpc = aws.ec2.Vpc(
        "network",
        cidr_block=str(CIDR),
        enable_dns_support=True,
        enable_dns_hostnames=True,
        region=region,
        tags={"Name": "network", **tags},
    )
    below = pulumi.ResourceOptions(parent=vpc)
    gateway = aws.ec2.InternetGateway(
        "internet", vpc_id=vpc.id, region=region, tags={"Name": "internet", **tags}, opts=below
    )
    # Routes of their own, never inside the table: the two ways fight over the same entries.
    table = aws.ec2.RouteTable("public", vpc_id=vpc.id, region=region, tags={"Name": "public", **tags}, opts=below)
    aws.ec2.Route(
        "public-default",
        route_table_id=table.id,
        destination_cidr_block="0.0.0.0/0",
        gateway_id=gateway.id,
        region=region,
        opts=below,
    )

    zones: dict[str, loadfit.EgressZone] = {}
    for position, zone in enumerate(zone_ids):
        public = _subnet(f"public-{zone}", vpc, zone, _public_block(position), region, tags)
        aws.ec2.RouteTableAssociation(
            f"public-{zone}", route_table_id=table.id, subnet_id=public.id, region=region, opts=below
        )
        private = _subnet(f"private-{zone}", vpc, zone, _private_block(position), region, tags)
        zones[zone] = {"public_subnet_id": public.id, "private_subnet_ids": [private.id]}
    blocks = {zone: str(_private_block(position)) for position, zone in enumerate(zone_ids)}
    return Network(vpc.id, zones, gateway, blocks)


def _subnet(
    name: str, vpc: aws.ec2.Vpc, zone: str, block: IPv4Network, region: str, tags: dict[str, str]
) -> aws.ec2.Subnet:
    return aws.ec2.Subnet(
        name,
        vpc_id=vpc.id,
        availability_zone_id=zone,
        cidr_block=str(block),
        region=region,
        tags={"Name": name, **tags},
        opts=pulumi.ResourceOptions(parent=vpc),
    )


def _private_block(position: int) -> IPv4Network:
    """A /20: 4,091 addresses for pods."""
    return next(islice(CIDR.subnets(new_prefix=20), position, None))


def _public_block(position: int) -> IPv4Network:
    """A /24 of the last /20, which no zone's private subnet takes."""
    last = list(CIDR.subnets(new_prefix=20))[-1]
    return next(islice(last.subnets(new_prefix=24), position, None))
