"""Programs with a network and MultiAzNatEgress in it, and networks that were there before."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_aws as aws

from loadfit import MultiAzNatEgress
from proofs.engine.stack import Program
from tests.engine.doubles.cloud import Cloud, Object
from tests.engine.engine import REGION

ZONES = ("use1-az1", "use1-az2", "use1-az4")


_UNWATCHED = {"alarms": False, "dashboard": False}
"""Half of the resources, which most tests have no use for."""


def load(zones: int, connections: int = 300, **more: Any) -> dict[str, Any]:
    """The case study: 200 pods that hold 300 connections each."""
    flow = {"client": "checkout", "to": "api.stripe.com:443", "pods": 200, "connections_per_pod": connections}
    return {"region": REGION, "zones": zones, "flows": [flow], **more}


def own_network(
    zones: Sequence[str] = ZONES,
    *,
    subnets: Mapping[str, str] | None = None,
    connections: int = 300,
    declared: Any = None,
    **args: Any,
) -> Program:
    """Egress in a network of the same program.

    Args:
        zones: Zone ids.
        subnets: Names of public subnets by zone, where they are not the usual ones.
        connections: How many each pod holds.
        declared: What the load says beside the case study.
        args: Further arguments of the component.
    """

    def program() -> None:
        vpc = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16", region=REGION)
        internet = aws.ec2.InternetGateway("internet", vpc_id=vpc.id, region=REGION)
        wired = {
            zone: {
                "public_subnet_id": _subnet((subnets or {}).get(zone, f"public-{zone}"), vpc, zone).id,
                "private_subnet_ids": [_subnet(f"private-{zone}", vpc, zone).id],
            }
            for zone in zones
        }
        MultiAzNatEgress(
            "egress",
            {
                "load": load(len(zones), connections, **(declared or {})),
                "vpc_id": vpc.id,
                "internet_gateway": internet,
                "zones": wired,
                **_UNWATCHED,
                **args,
            },  # pyright: ignore[reportArgumentType] - a load may be plain data
        )

    return program


def _subnet(name: str, vpc: aws.ec2.Vpc, zone: str) -> aws.ec2.Subnet:
    # Any block of its own will do.
    block = sum(map(ord, name)) % 250
    return aws.ec2.Subnet(
        name, vpc_id=vpc.id, availability_zone_id=zone, cidr_block=f"10.0.{block}.0/24", region=REGION
    )


def plant_address(cloud: Cloud, allocation: str) -> Object:
    """An elastic IP that was there before."""
    planted = cloud.plant("aws:ec2/eip:Eip", allocation, domain="vpc")
    planted.computed["publicIp"] = f"address-of-{allocation}"
    return planted


def plant_network(cloud: Cloud) -> dict[str, Any]:
    """A network that was there before, with subnets and no egress: the component's zones in it."""
    cloud.plant("aws:ec2/vpc:Vpc", "vpc-1")
    cloud.plant("aws:ec2/internetGateway:InternetGateway", "igw-1", vpcId="vpc-1")
    for zone in ZONES:
        for kind in ("public", "private"):
            cloud.plant("aws:ec2/subnet:Subnet", f"subnet-{kind}-{zone}", vpcId="vpc-1")
    return {
        zone: {"public_subnet_id": f"subnet-public-{zone}", "private_subnet_ids": [f"subnet-private-{zone}"]}
        for zone in ZONES
    }


def planted_network(zones: Mapping[str, Any], *, declared: Any = None, **args: Any) -> Program:
    """Egress in a network that was there before."""

    def program() -> None:
        given: Any = {
            "load": load(len(zones), **(declared or {})),
            "vpc_id": "vpc-1",
            "zones": zones,
            **_UNWATCHED,
            **args,
        }
        MultiAzNatEgress("egress", given)

    return program
