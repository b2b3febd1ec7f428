"""The findings of egress sizing: what each means, its equation, its sources."""

from collections.abc import Mapping

from loadfit.core import limits
from loadfit.core.explanations import Explanation

__all__ = [
    "EXPLANATIONS",
    "NAT_ADDRESSES_OVER_LIMIT",
    "NAT_ADDRESSES_OVER_QUOTA",
    "NAT_BANDWIDTH_SHORT",
    "NAT_PACKETS_SHORT",
    "NAT_PORTS_SHORT",
    "NODE_SNAT_PORTS_SHORT",
    "POD_PORTS_SHORT",
    "REGION_ADDRESSES_OVER_QUOTA",
    "ZONE_GATEWAYS_OVER_QUOTA",
    "ZONE_LOSS_STOPS_EGRESS",
]

NAT_PORTS_SHORT = "NAT_PORTS_SHORT"
NAT_ADDRESSES_OVER_LIMIT = "NAT_ADDRESSES_OVER_LIMIT"
NAT_ADDRESSES_OVER_QUOTA = "NAT_ADDRESSES_OVER_QUOTA"
REGION_ADDRESSES_OVER_QUOTA = "REGION_ADDRESSES_OVER_QUOTA"
ZONE_GATEWAYS_OVER_QUOTA = "ZONE_GATEWAYS_OVER_QUOTA"
ZONE_LOSS_STOPS_EGRESS = "ZONE_LOSS_STOPS_EGRESS"
POD_PORTS_SHORT = "POD_PORTS_SHORT"
NODE_SNAT_PORTS_SHORT = "NODE_SNAT_PORTS_SHORT"
NAT_BANDWIDTH_SHORT = "NAT_BANDWIDTH_SHORT"
NAT_PACKETS_SHORT = "NAT_PACKETS_SHORT"

_PORTS = (
    "ports = sum over the flows to one destination of ceil(pods in the zone) x ports per pod; "
    "ports per pod = connections held, or rate x (duration + idle + cool-down)"
)

EXPLANATIONS: Mapping[str, Explanation] = {
    NAT_PORTS_SHORT: Explanation(
        "A NAT gateway gives each of its addresses 55,000 ports for one destination (address, port, protocol). The "
        "pods behind the busiest gateway need more for one destination than its addresses have (error), or more than "
        "the target share of them (warning). New connections to that destination then time out, at peak hours, on some "
        "pods only; ErrorPortAllocation counts them.",
        f"{_PORTS}; available = addresses x 55,000; target = available x target_utilization",
        (limits.NAT_PORTS_PER_ADDRESS.source,),
    ),
    NAT_ADDRESSES_OVER_LIMIT: Explanation(
        "The busiest gateway needs more addresses than a NAT gateway can have. No quota raises this.",
        "addresses = ceil(ports on the busiest gateway / (55,000 x target_utilization))",
        (limits.NAT_ADDRESSES_PER_GATEWAY.source,),
    ),
    NAT_ADDRESSES_OVER_QUOTA: Explanation(
        "The gateways need more elastic IPs each than the account may put on one: quota L-5F53652F, 2 by default.",
        "addresses = ceil(ports on the busiest gateway / (55,000 x target_utilization))",
        (limits.NAT_ADDRESSES_PER_GATEWAY_QUOTA.source,),
    ),
    REGION_ADDRESSES_OVER_QUOTA: Explanation(
        "All gateways together need more elastic IPs than the account may have in the Region: quota L-0263D0A3, 5 by "
        "default. Elastic IPs that are brought (allocations) exist already and do not count.",
        "addresses = gateways x addresses per gateway + addresses in use",
        (limits.ELASTIC_IPS_PER_REGION_QUOTA.source,),
    ),
    ZONE_GATEWAYS_OVER_QUOTA: Explanation(
        "The zone cannot take another NAT gateway: quota L-FE5A380F, 5 by default; gateways that are being deleted "
        "count.",
        "gateways = 1 + gateways in use",
        (limits.NAT_GATEWAYS_PER_ZONE_QUOTA.source,),
    ),
    ZONE_LOSS_STOPS_EGRESS: Explanation(
        "One NAT gateway serves all zones. When its zone is lost, or the gateway is replaced, nothing in any zone can "
        "reach anything outside. With one zone per gateway, a lost zone costs its own pods and no others.",
        "gateways left = gateways - gateways in lost zones",
        (limits.NAT_PORTS_PER_ADDRESS.source, "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html"),
    ),
    POD_PORTS_SHORT: Explanation(
        "A pod has its own range of ephemeral ports, 28,232 in Linux's default; each connection to one destination "
        "address takes one. Beyond it, connect() fails in the pod with EADDRNOTAVAIL, whatever the gateway has.",
        "ports in a pod = sum over its flows to the destination of ports per pod x share of the busiest address",
        (limits.POD_EPHEMERAL_PORTS.source,),
    ),
    NODE_SNAT_PORTS_SHORT: Explanation(
        "Unless external SNAT is on, the VPC CNI sends what leaves the VPC from the node's primary address, which has "
        "64,512 ports for one destination.",
        "ports on a node = sum over the flows to the destination of ceil(pods / nodes) x ports per pod",
        (limits.NODE_SNAT_PORTS.source, "https://docs.aws.amazon.com/eks/latest/userguide/external-snat.html"),
    ),
    NAT_BANDWIDTH_SHORT: Explanation(
        "The busiest gateway carries more than the 100 Gbit/s that a NAT gateway scales to (error), or more than the "
        "5 Gbit/s that it starts with (warning): until it has scaled, it drops packets.",
        "Gbit/s on the busiest gateway = peak_gbps x share of the fullest zone",
        (limits.NAT_BANDWIDTH.source,),
    ),
    NAT_PACKETS_SHORT: Explanation(
        "The busiest gateway carries more than the 10 million packets a second that a NAT gateway scales to (error), "
        "or more than the 1 million that it starts with (warning): what is above is dropped.",
        "packets on the busiest gateway = peak_packets_per_second x share of the fullest zone",
        (limits.NAT_PACKETS.source,),
    ),
}
