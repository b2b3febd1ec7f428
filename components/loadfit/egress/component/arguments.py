"""What MultiAzNatEgress is given: the load, the network's ids, and the choices."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from loadfit.egress.load import EgressLoad

__all__ = ["AddressRetention", "EgressZone", "GatewayEndpoint", "MultiAzNatEgressArgs"]


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
