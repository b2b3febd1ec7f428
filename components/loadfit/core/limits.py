"""Limits of AWS, Linux and Kubernetes, each with its source.

A limit is a fact that somebody published. What nobody published is an assumption and stands in a policy instead.
"""

from dataclasses import dataclass

__all__ = ["Limit"]

_NAT_BASICS = "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html"
_VPC_QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"


@dataclass(frozen=True, slots=True)
class Limit:
    """A published number that cannot, or not without asking, be passed."""

    value: int
    unit: str
    source: str
    """An address, or the name of a text that can be found by it."""
    quota: str = ""
    """The Service Quotas code by which more can be asked for; empty where the limit is hard."""


NAT_PORTS_PER_ADDRESS = Limit(55_000, "connections per address to one destination", _NAT_BASICS)
"""Simultaneous connections of a NAT gateway, per IPv4 address of its own and per destination (address, port, protocol).
There is no published limit over all destinations."""

NAT_ADDRESSES_PER_GATEWAY = Limit(8, "addresses per gateway", _NAT_BASICS)
"""One primary and seven secondary addresses."""

NAT_ADDRESSES_PER_GATEWAY_QUOTA = Limit(2, "elastic IPs per public NAT gateway", _VPC_QUOTAS, "L-5F53652F")
"""Raised on request, to at most :data:`NAT_ADDRESSES_PER_GATEWAY`."""

ELASTIC_IPS_PER_REGION_QUOTA = Limit(5, "elastic IPs per Region", _VPC_QUOTAS, "L-0263D0A3")

NAT_GATEWAYS_PER_ZONE_QUOTA = Limit(5, "NAT gateways per zone", _VPC_QUOTAS, "L-FE5A380F")

NAT_IDLE_TIMEOUT = Limit(
    350, "seconds", "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html"
)
"""After it the gateway forgets an idle connection; it cannot be set."""

NAT_BANDWIDTH = Limit(100, "Gbit/s per gateway", _NAT_BASICS)
NAT_BANDWIDTH_AT_START = Limit(5, "Gbit/s per gateway", _NAT_BASICS)
"""What a gateway carries before it has scaled."""

NAT_PACKETS = Limit(10_000_000, "packets per second and gateway", _NAT_BASICS)
NAT_PACKETS_AT_START = Limit(1_000_000, "packets per second and gateway", _NAT_BASICS)

NODE_SNAT_PORTS = Limit(
    64_512,
    "ports per node and destination",
    "https://github.com/aws/amazon-vpc-cni-k8s (AWS_VPC_K8S_CNI_RANDOMIZESNAT)",
)
"""Ports 1024 to 65535 of a node's primary address, through which the VPC CNI sends what its pods send out of the VPC
unless external SNAT is on."""

POD_EPHEMERAL_PORTS = Limit(
    28_232, "ports per pod and destination", "https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)"
)
"""Ports 32768 to 60999, the default range of Linux."""

ROLLOUT_SURGE = Limit(
    25,
    "percent of the pods",
    "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge",
)
"""The default ``maxSurge`` of a Deployment's rolling update."""

ZONES_OF_ANY_REGION = Limit(
    3, "zones", "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html"
)
"""Every AWS Region has at least three Availability Zones: what a remedy may ask for without knowing the Region."""
