"""What an egress is sized from: the flows that leave the network, and the policy that they are sized by."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from pydantic import Field, model_validator

from loadfit.core.exact import exact
from loadfit.core.limits import (
    ELASTIC_IPS_PER_REGION_QUOTA,
    NAT_ADDRESSES_PER_GATEWAY_QUOTA,
    NAT_GATEWAYS_PER_ZONE_QUOTA,
    POD_EPHEMERAL_PORTS,
)
from loadfit.core.model import MAX_COUNT, MAX_RATE, MAX_SECONDS, REGION_PATTERN, Declared, problem_error
from loadfit.core.paths import Path, parse_path
from loadfit.core.policy import Default
from loadfit.core.prices import EgressPrices, egress_prices
from loadfit.core.problems import shown
from loadfit.core.workloads import Client
from loadfit.egress.traffic import MAX_PORT, Destination, Traffic

__all__ = [
    "FUNCTION_FIELDS",
    "MAX_ZONES",
    "POLICY_DEFAULTS",
    "DeclaredEgressPrices",
    "EgressLoad",
    "EgressPolicy",
    "EgressSettings",
    "Flow",
]

MAX_ZONES = 26
"""Zones are named by the Region's code and one letter."""


FUNCTION_FIELDS: Mapping[str, str] = {
    "connections_per_pod": "connections_per_instance",
    "new_connections_per_second_per_pod": "new_connections_per_second_per_instance",
}
"""What a function's section calls the fields of a flow, where it calls them otherwise."""


class Flow(Traffic, Client):
    """The connections of one client's pods to one destination, with all that sizing needs to know of the pods."""


POLICY_DEFAULTS: Mapping[str, Default] = {
    "target_utilization": Default(
        Fraction(8, 10),
        "of the ports",
        "a gateway is planned to use at most this share of its ports",
        "assumption: room for fluctuation around the declared peak",
    ),
    "zone_skew": Default(
        Fraction(12, 10),
        "times an even share",
        "the fullest zone holds at most this multiple of an even share of the pods",
        "assumption: default scheduling spreads pods, but does not promise to",
    ),
    "zones_lost": Default(
        Fraction(1), "zones", "the load is carried with this many zones lost", "assumption: one failure at a time"
    ),
    "port_cooldown_seconds": Default(
        Fraction(60),
        "seconds",
        "a port stays taken for this long after its connection was closed",
        "assumption: AWS's own figure, withdrawn in 2023, of 900 connections a second per destination implies 61 s",
    ),
    "address_skew": Default(
        Fraction(125, 100),
        "times an even share",
        "the busiest address of a destination takes at most this multiple of an even share",
        "assumption: clients resolve names at random, not evenly",
    ),
    "pod_ephemeral_ports": Default(
        Fraction(POD_EPHEMERAL_PORTS.value),
        "ports",
        "a pod has this many ports for connections to one destination",
        POD_EPHEMERAL_PORTS.source,
    ),
}
"""The policy where none is declared. Every number of it that a plan used is listed with the plan."""


class EgressPolicy(Declared):
    """How much margin an egress is sized with. Each field has a default in :data:`POLICY_DEFAULTS`."""

    target_utilization: float | None = Field(default=None, gt=0, le=1)
    """The share of a gateway's ports that a plan may use; 0.8 where not declared."""
    zone_skew: float | None = Field(default=None, ge=1, le=MAX_ZONES)
    """The fullest zone's pods over an even share; 1.2 where not declared. A workload's max_skew takes its place."""
    zones_lost: int | None = Field(default=None, ge=0, le=MAX_ZONES)
    """Zones whose loss the load must survive; 1 where not declared."""
    port_cooldown_seconds: float | None = Field(default=None, ge=0, le=MAX_SECONDS)
    """How long a port stays taken after its connection was closed, in seconds; 60 where not declared."""
    address_skew: float | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The busiest address's share over an even one, for destinations of several addresses; 1.25 where not declared."""
    pod_ephemeral_ports: int | None = Field(default=None, ge=1, le=MAX_PORT)
    """Ports that a pod has for connections to one destination; 28,232, Linux's default range, where not declared."""


class DeclaredEgressPrices(Declared):
    """Prices in US dollars, for Regions where none is known or where others were agreed on."""

    gateway_hour: float = Field(ge=0, le=1_000_000)
    """One NAT gateway, per hour."""
    gateway_gb: float = Field(ge=0, le=1_000_000)
    """One gigabyte through a NAT gateway."""
    address_hour: float = Field(ge=0, le=1_000_000)
    """One public IPv4 address, per hour."""


class EgressSettings(Declared):
    """The egress itself: what is fixed of it, what is granted, and the policy."""

    gateways: int | None = Field(default=None, ge=1, le=MAX_ZONES)
    """NAT gateways: one in each zone where not declared, or 1 for all zones, which is lost with its zone."""
    addresses_per_gateway: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Elastic IPs on each gateway; computed where not declared, checked where it is."""
    allocations: dict[str, list[str]] | None = Field(default=None)
    """Allocation ids of elastic IPs that exist already, by zone id, the primary first: they are used in the place of
    new ones, and never managed. Every gateway needs the same number."""
    quota_addresses_per_gateway: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The account's quota L-5F53652F, elastic IPs per public NAT gateway; AWS's default of 2 where not declared."""
    quota_addresses_per_region: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The account's quota L-0263D0A3, elastic IPs per Region; AWS's default of 5 where not declared."""
    addresses_in_use: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    """Elastic IPs of the Region that others use; none where not declared."""
    quota_gateways_per_zone: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The account's quota L-FE5A380F, NAT gateways per zone; AWS's default of 5 where not declared."""
    gateways_in_use: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    """NAT gateways that others have in the fullest of the zones; none where not declared."""
    gb_per_month: float | None = Field(default=None, ge=0, le=1e12)
    """Gigabytes through the gateways per month, both directions, for the cost; left out where not declared."""
    peak_gbps: float | None = Field(default=None, ge=0, le=MAX_RATE)
    """Peak bandwidth of all pods together, in Gbit/s; not checked where not declared."""
    peak_packets_per_second: float | None = Field(default=None, ge=0, le=1e15)
    """Peak packet rate of all pods together, per second; not checked where not declared."""
    nodes: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Nodes of the cluster; the SNAT ports of a node are not checked where not declared."""
    external_snat: bool | None = Field(default=None)
    """Whether the VPC CNI leaves SNAT to the gateway (AWS_VPC_K8S_CNI_EXTERNALSNAT); false, its default, where not
    declared."""
    prices: DeclaredEgressPrices | None = Field(default=None)
    """Prices to count with; the Region's verified ones where not declared."""
    policy: EgressPolicy | None = Field(default=None)
    """How much margin to size with."""

    @model_validator(mode="after")
    def _same_number_of_allocations(self) -> "EgressSettings":
        if self.allocations is None:
            return self
        counts = {zone: len(ids) for zone, ids in self.allocations.items()}
        if not counts or 0 in counts.values() or len(set(counts.values())) > 1:
            found = ", ".join(f"{count} for {zone}" for zone, count in counts.items()) or "no zone"
            raise problem_error(
                "the same number of allocations, at least 1, for each gateway", found, at=("allocations",)
            )
        every = [allocation for ids in self.allocations.values() for allocation in ids]
        repeated = next((one for one, times in Counter(every).items() if times > 1), None)
        if repeated is not None:
            raise problem_error("each allocation once", f"{shown(repeated)} more than once", at=("allocations",))
        each = next(iter(counts.values()))
        if self.addresses_per_gateway not in (None, each):
            raise problem_error(
                f"the {each} for which there are allocations",
                str(self.addresses_per_gateway),
                "Leave it out, or bring as many elastic IPs.",
                at=("addresses_per_gateway",),
            )
        return self

    def policy_value(self, name: str) -> Fraction:
        """A number of the policy, declared or default, exactly."""
        declared = getattr(self.policy, name) if self.policy else None
        return POLICY_DEFAULTS[name].value if declared is None else exact(declared)

    @property
    def given_addresses_per_gateway(self) -> int | None:
        """Addresses that were declared, by number or by bringing them; ``None`` where they are to be computed."""
        if self.allocations:
            return len(next(iter(self.allocations.values())))
        return self.addresses_per_gateway

    @property
    def addresses_per_gateway_quota(self) -> int:
        """The quota in force."""
        return self.quota_addresses_per_gateway or NAT_ADDRESSES_PER_GATEWAY_QUOTA.value

    @property
    def addresses_per_region_quota(self) -> int:
        """The quota in force."""
        return self.quota_addresses_per_region or ELASTIC_IPS_PER_REGION_QUOTA.value

    @property
    def gateways_per_zone_quota(self) -> int:
        """The quota in force."""
        return self.quota_gateways_per_zone or NAT_GATEWAYS_PER_ZONE_QUOTA.value


class EgressLoad(EgressSettings):
    """All that an egress is sized from, by itself.

    Example:
        >>> load = EgressLoad(region="us-east-1", zones=3, flows=[Flow(
        ...     client="checkout", pods=200, to="api.stripe.com:443", connections_per_pod=300)])
        >>> load.flows[0].rollout_pods
        250
    """

    region: str = Field(pattern=REGION_PATTERN)
    """The AWS Region's code."""
    zones: int = Field(ge=1, le=MAX_ZONES)
    """Availability Zones that the pods run in."""
    flows: list[Flow] = Field()
    """What leaves the network."""
    origin: str | None = Field(default=None, max_length=500, exclude=True)
    """The path of the section that the load was resolved from; nothing where it was declared by itself."""

    @model_validator(mode="after")
    def _fits_together(self) -> "EgressLoad":
        if self.gateways not in (None, 1, self.zones):
            raise problem_error(
                f"1 gateway for all zones, or one in each of the {self.zones}", str(self.gateways), at=("gateways",)
            )
        if self.allocations is not None and len(self.allocations) != self.number_of_gateways:
            raise problem_error(
                f"allocations for {self.number_of_gateways} gateway(s)", f"{len(self.allocations)}", at=("allocations",)
            )
        if not self.flows and self.given_addresses_per_gateway is None:
            raise problem_error(
                "at least one flow",
                "none",
                "Without a flow there is nothing to size: declare one, or addresses_per_gateway.",
                at=("flows",),
            )
        behind: dict[Destination, int] = {}
        for index, flow in enumerate(self.flows):
            addresses = behind.setdefault(flow.destination, flow.addresses or 1)
            if addresses != (flow.addresses or 1):
                raise problem_error(
                    f"{addresses}, as another flow to {flow.destination} declares",
                    str(flow.addresses or 1),
                    "One destination has one number of addresses: declare it on all of its flows.",
                    at=("flows", index, "addresses"),
                )
        return self

    @property
    def number_of_gateways(self) -> int:
        """Declared, or one in each zone."""
        return self.gateways or self.zones

    def where(self, path: Path) -> Path:
        """The path in the document that declared what stands at a path of this load."""
        if self.origin is None or path[:1] in (("region",), ("zones",)):
            return path
        if path[:1] == ("flows",) and len(path) > 1 and isinstance(path[1], int):
            declared = self.flows[path[1]].declared_at(path[2:], FUNCTION_FIELDS)
            if declared is not None:
                return declared
        return (*parse_path(self.origin), *path)

    def known_prices(self) -> EgressPrices | None:
        """Declared prices, the Region's verified ones, or ``None``."""
        if self.prices is None:
            return egress_prices(self.region)
        return EgressPrices(
            gateway_hour=exact(self.prices.gateway_hour),
            gateway_gb=exact(self.prices.gateway_gb),
            address_hour=exact(self.prices.address_hour),
            as_of="declared",
            source="declared",
        )
