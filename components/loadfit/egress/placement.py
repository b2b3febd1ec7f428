"""Where pods stand: how many count in each scenario, and how many of them one gateway serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from loadfit.core.exact import ceiling, times
from loadfit.egress.load import EgressLoad, Flow
from loadfit.egress.plan import Scenario

__all__ = ["Placement", "Pods", "hottest_share"]


@dataclass(frozen=True, slots=True)
class Pods:
    """A flow's pods in a scenario, and those of them that the busiest gateway serves."""

    running: int
    cooling: int
    """Pods that a rollout has just replaced, whose ports still cool down: those of the last cool-down's time."""
    running_behind_one: int
    cooling_behind_one: int

    @property
    def counted(self) -> int:
        """Pods whose ports are taken, on all gateways together."""
        return self.running + self.cooling

    @property
    def counted_behind_one(self) -> int:
        """Pods whose ports are taken on the busiest gateway."""
        return self.running_behind_one + self.cooling_behind_one


@dataclass(frozen=True, slots=True)
class Placement:
    """What decides where the pods of an egress stand."""

    gateways: int
    cooldown_seconds: Fraction
    zones_left: Mapping[Scenario, int]
    """Zones that the pods run in. Where all would be lost there is nothing to size, so one counts as left."""
    fullest_share: Mapping[Scenario, Fraction]
    """The share of a flow's pods in the fullest zone: min(1, zone skew / zones left)."""

    @classmethod
    def of(cls, load: EgressLoad) -> "Placement":
        """The placement that a load's zones and policy give."""
        lost, skew = int(load.policy_value("zones_lost")), load.policy_value("zone_skew")
        left = {scenario: max(1, load.zones - (lost if scenario is Scenario.ZONE_LOST else 0)) for scenario in Scenario}
        return cls(
            gateways=load.number_of_gateways,
            cooldown_seconds=load.policy_value("port_cooldown_seconds"),
            zones_left=left,
            fullest_share={scenario: min(Fraction(1), skew / zones) for scenario, zones in left.items()},
        )

    def pods(self, flow: Flow, scenario: Scenario) -> Pods:
        """The pods of a flow that count in a scenario."""
        running, cooling = flow.peak_pods, 0
        if scenario is Scenario.ROLLOUT:
            running = flow.rollout_pods
            if flow.rollout_duration is not None:
                cooling = ceiling(flow.peak_pods * min(Fraction(1), self.cooldown_seconds / flow.rollout_duration))
        return Pods(
            running, cooling, self._behind_one(flow, running, scenario), self._behind_one(flow, cooling, scenario)
        )

    def _behind_one(self, flow: Flow, pods: int, scenario: Scenario) -> int:
        """The most of a flow's pods that one gateway serves.

        Bound by the scheduler where the flow declares a hard topology spread: with M pods in the fullest of n zones and
        at least M - m in each other, P >= M + (n - 1)(M - m). Otherwise by the zone skew: ceil(P x min(1, skew / n)).
        """
        left = self.zones_left[scenario]
        if self.gateways == 1 or left == 1:
            return pods
        if flow.max_skew is not None:
            return min(pods, (pods + flow.max_skew * (left - 1)) // left)
        return times(pods, self.fullest_share[scenario])


def hottest_share(load: EgressLoad, flow: Flow) -> Fraction:
    """The share of a flow's connections that goes to the busiest of its destination's addresses."""
    if not flow.addresses:
        return Fraction(1)
    return min(Fraction(1), load.policy_value("address_skew") / flow.addresses)
