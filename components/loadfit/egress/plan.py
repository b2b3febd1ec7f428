"""What sizing an egress gives: the plan that component, reports and alarms all read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

from loadfit.core.exact import flooring
from loadfit.core.findings import Assumption, Finding, Remedied, Verdict, verdict
from loadfit.core.limits import NAT_PORTS_PER_ADDRESS
from loadfit.egress.load import EgressLoad
from loadfit.egress.traffic import Destination

__all__ = ["DestinationPlan", "EgressPlan", "Scenario"]


class Scenario(str, Enum):
    """A state that the egress has to carry its load in."""

    STEADY = "steady"
    """All zones there, no rollout."""
    ROLLOUT = "rollout"
    """All zones there, every workload in a rolling update at once."""
    ZONE_LOST = "zone_lost"
    """As many zones lost as the policy says; their pods run in the zones that are left."""


@dataclass(frozen=True, slots=True)
class DestinationPlan:
    """What one destination needs."""

    destination: Destination
    flows: tuple[int, ...]
    """Positions in the load's flows."""
    addresses: int
    """Distinct addresses behind the destination's name."""
    hottest_share: Fraction
    """The share of the connections that goes to the busiest of them."""
    ports: Mapping[Scenario, int]
    """Ports on all gateways and to all addresses together."""
    busiest_gateway_ports: Mapping[Scenario, int]
    """Ports on the busiest gateway, to the busiest address."""

    @property
    def binding_scenario(self) -> Scenario:
        """The scenario that needs the most on the busiest gateway."""
        return max(self.busiest_gateway_ports, key=lambda scenario: self.busiest_gateway_ports[scenario])

    @property
    def most_ports(self) -> int:
        """The need on the busiest gateway in the binding scenario."""
        return self.busiest_gateway_ports[self.binding_scenario]


@dataclass(frozen=True)
class EgressPlan:
    """An egress, sized. Every number is as the formulas give it, also where the verdict is "does not fit"."""

    load: EgressLoad
    gateways: int
    """One in each zone, or one for all."""
    addresses_per_gateway: int
    """As declared, or ceil(ports on the busiest gateway / (55,000 x target utilization)), at least 1."""
    addresses_needed: int
    """The computed number, whatever was declared."""
    destinations: tuple[DestinationPlan, ...]
    """Destinations reached through the gateways, the worst first."""
    open_connections: int
    """TCP connections open on the busiest gateway, over all destinations: what ActiveConnectionCount shows at most."""
    findings: tuple[Finding, ...]
    """Errors first."""
    assumptions: tuple[Assumption, ...]
    """What the sizes rest on and nobody declared."""
    monthly_cost_usd: Mapping[str, Fraction] | None
    """US dollars a month by line, with their total; ``None`` where a price is not known."""

    @property
    def verdict(self) -> Verdict:
        """Whether the declared load can be carried."""
        return verdict(self.findings)

    @property
    def worst(self) -> DestinationPlan | None:
        """The destination that binds; ``None`` where nothing goes through the gateways."""
        return self.destinations[0] if self.destinations else None

    @property
    def ports_needed(self) -> Mapping[Scenario, int]:
        """Ports for the worst destination, on all gateways together."""
        return self.worst.ports if self.worst else dict.fromkeys(Scenario, 0)

    @property
    def busiest_gateway_ports(self) -> Mapping[Scenario, int]:
        """Ports for the worst destination on the busiest gateway."""
        return self.worst.busiest_gateway_ports if self.worst else dict.fromkeys(Scenario, 0)

    @property
    def binding_scenario(self) -> Scenario:
        """The scenario that decides the size."""
        return self.worst.binding_scenario if self.worst else Scenario.STEADY

    @property
    def ports_per_address(self) -> int:
        """What one address gives for one destination."""
        return NAT_PORTS_PER_ADDRESS.value

    @property
    def ports_per_gateway(self) -> int:
        """What one gateway gives for one destination."""
        return self.ports_per_address * self.addresses_per_gateway

    @property
    def target_ports_per_gateway(self) -> int:
        """What one gateway gives at the target utilization, rounded down."""
        return flooring(self.ports_per_gateway * self.load.policy_value("target_utilization"))

    @property
    def ports_total(self) -> int:
        """What all gateways give for one destination, with an even spread."""
        return self.ports_per_gateway * self.gateways

    @property
    def ports_with_zone_lost(self) -> int:
        """The same with the gateways of the lost zones gone."""
        return self.ports_per_gateway * max(0, self.gateways - int(self.load.policy_value("zones_lost")))

    @property
    def utilization(self) -> Fraction:
        """Ports on the busiest gateway over the ports that it has."""
        return Fraction(self.worst.most_ports if self.worst else 0, self.ports_per_gateway)

    @property
    def cost_over_one_gateway(self) -> Fraction | None:
        """What the gateways beyond the first cost a month, in US dollars; ``None`` where a price is not known."""
        if self.monthly_cost_usd is None:
            return None
        fixed = self.monthly_cost_usd["nat_gateways"] + self.monthly_cost_usd["addresses"]
        return fixed * Fraction(self.gateways - 1, self.gateways)

    @cached_property
    def _remedied(self) -> tuple[Remedied, ...]:
        # A remedy is found by sizing again, so its module imports this one.
        from loadfit.egress.remedies import find_remedies  # noqa: PLC0415

        return find_remedies(self)

    def remedies(self) -> tuple[Remedied, ...]:
        """Each finding with its ways out, sized themselves. Computed when first asked for."""
        return self._remedied
