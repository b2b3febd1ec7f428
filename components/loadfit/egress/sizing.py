"""The arithmetic of an egress: from flows to ports, addresses and cost. Nothing else.

NAT ports are counted per destination (address, port, protocol) and per address of a gateway: flows to one destination
are summed, destinations are not; the worst one counts, on the busiest gateway, in the worst of three scenarios. Pods
are whole, fractions are exact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from loadfit.core.exact import ceiling
from loadfit.core.limits import NAT_PORTS_PER_ADDRESS
from loadfit.core.prices import HOURS_PER_MONTH
from loadfit.egress.assumptions import assumptions
from loadfit.egress.checks import findings
from loadfit.egress.load import EgressLoad, Flow
from loadfit.egress.placement import Placement, hottest_share
from loadfit.egress.plan import DestinationPlan, EgressPlan, Scenario
from loadfit.egress.traffic import Destination, Protocol

__all__ = ["addresses_for", "plan_destination", "size_egress"]


def size_egress(load: EgressLoad) -> EgressPlan:
    """Sizes an egress.

    Args:
        load: What leaves the network, and the policy.

    Returns:
        The plan, also where the load does not fit: then its findings say so.

    Example:
        >>> plan = size_egress(EgressLoad(region="us-east-1", zones=3, flows=[Flow(
        ...     client="checkout", pods=200, to="api.stripe.com:443", connections_per_pod=300)]))
        >>> plan.busiest_gateway_ports[Scenario.ZONE_LOST], plan.addresses_per_gateway, plan.verdict.value
        (36000, 1, 'fits')
    """
    placement = Placement.of(load)
    destinations = tuple(
        sorted(_plan_destinations(load, placement), key=lambda one: (-one.most_ports, str(one.destination)))
    )
    needed = addresses_for(load, destinations[0].most_ports if destinations else 0)
    plan = EgressPlan(
        load=load,
        gateways=load.number_of_gateways,
        addresses_per_gateway=load.given_addresses_per_gateway or needed,
        addresses_needed=needed,
        destinations=destinations,
        open_connections=_open_connections(load, placement),
        findings=(),
        assumptions=assumptions(load),
        monthly_cost_usd=None,
    )
    plan = replace(plan, monthly_cost_usd=_monthly_cost(plan))
    return replace(plan, findings=findings(plan))


def addresses_for(load: EgressLoad, ports: int) -> int:
    """Addresses per gateway for a number of ports on the busiest one: ceil(ports / (55,000 x target utilization))."""
    return max(1, ceiling(ports / (NAT_PORTS_PER_ADDRESS.value * load.policy_value("target_utilization"))))


def _plan_destinations(load: EgressLoad, placement: Placement) -> Iterator[DestinationPlan]:
    together: dict[Destination, list[int]] = {}
    for index, flow in enumerate(load.flows):
        if flow.uses_nat:
            together.setdefault(flow.destination, []).append(index)
    for destination, indices in together.items():
        yield plan_destination(load, placement, destination, {index: load.flows[index] for index in indices})


def plan_destination(
    load: EgressLoad, placement: Placement, destination: Destination, flows: Mapping[int, Flow]
) -> DestinationPlan:
    """The ports of one destination.

    Args:
        load: The policy.
        placement: Where the load's pods stand.
        destination: What the flows lead to.
        flows: The flows to it, by their position in the load.
    """
    first = next(iter(flows.values()))
    hottest = hottest_share(load, first)
    each = {index: flow.ports_per_pod(placement.cooldown_seconds) for index, flow in flows.items()}
    ports: dict[Scenario, int] = {}
    busiest: dict[Scenario, int] = {}
    for scenario in Scenario:
        pods = {index: placement.pods(flow, scenario) for index, flow in flows.items()}
        ports[scenario] = ceiling(sum(each[index] * counted.counted for index, counted in pods.items()))
        on_one = sum(each[index] * counted.counted_behind_one for index, counted in pods.items())
        busiest[scenario] = ceiling(on_one * hottest)
    return DestinationPlan(destination, tuple(flows), first.addresses or 1, hottest, ports, busiest)


def _open_connections(load: EgressLoad, placement: Placement) -> int:
    tcp = [flow for flow in load.flows if flow.uses_nat and flow.destination.protocol is Protocol.TCP]
    held = [flow.held_connections_per_pod() for flow in tcp]
    return max(
        ceiling(
            sum(each * placement.pods(flow, scenario).running_behind_one for each, flow in zip(held, tcp, strict=True))
        )
        for scenario in Scenario
    )


def _monthly_cost(plan: EgressPlan) -> Mapping[str, Fraction] | None:
    prices = plan.load.known_prices()
    if prices is None:
        return None
    lines = {
        "nat_gateways": plan.gateways * HOURS_PER_MONTH * prices.gateway_hour,
        "addresses": plan.gateways * plan.addresses_per_gateway * HOURS_PER_MONTH * prices.address_hour,
    }
    if plan.load.gb_per_month is not None:
        lines["data"] = prices.of_data(plan.load.gb_per_month)
    return {**lines, "total": sum(lines.values(), Fraction(0))}
