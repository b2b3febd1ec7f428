"""What an egress plan breaks: ports, addresses, quotas, zones, pods, nodes, bandwidth."""

from collections.abc import Iterator
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import ceiling, exact, flooring, show_number
from loadfit.core.findings import Finding, Severity
from loadfit.core.limits import Limit
from loadfit.core.paths import Path
from loadfit.core.wording import SHOWN, counted, few
from loadfit.egress import codes
from loadfit.egress.consequences import of_gateway_ports, of_pod_ports, of_traffic
from loadfit.egress.load import EgressLoad, Flow
from loadfit.egress.placement import Placement, hottest_share
from loadfit.egress.plan import DestinationPlan, EgressPlan, Scenario
from loadfit.egress.traffic import Destination, Via

__all__ = ["findings"]


def findings(plan: EgressPlan) -> tuple[Finding, ...]:
    """Everything that does not fit or leaves too little margin, errors first."""
    found = [
        *_ports(plan),
        *_addresses(plan),
        *_zone_gateways(plan),
        *_pod_ports(plan.load),
        *_node_ports(plan.load),
        *_traffic(plan),
        *_zone_loss(plan),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def _scenario(load: EgressLoad, scenario: Scenario) -> str:
    if scenario is Scenario.STEADY:
        return "steady"
    if scenario is Scenario.ROLLOUT:
        return "in a rollout"
    return f"with {counted(int(load.policy_value('zones_lost')), 'zone')} lost"


def _ports(plan: EgressPlan) -> Iterator[Finding]:
    available, target = plan.ports_per_gateway, plan.target_ports_per_gateway
    share = show_number(plan.load.policy_value("target_utilization") * 100)
    gateway = "the one gateway" if plan.gateways == 1 else "the busiest gateway"
    count = plan.addresses_per_gateway
    has = f"{count} {'address has' if count == 1 else 'addresses have'} {available:,} ({target:,} at {share}%)"
    for one in plan.destinations:
        if one.most_ports <= target:
            return  # the worst come first
        # With one gateway, a lost zone is either its own, and nothing is left, or changes nothing.
        others = ", ".join(
            f"{_scenario(plan.load, scenario)} {ports:,}"
            for scenario, ports in one.busiest_gateway_ports.items()
            if scenario is not one.binding_scenario and (plan.gateways > 1 or scenario is not Scenario.ZONE_LOST)
        )
        exhausted = one.most_ports > available
        yield Finding(
            code=codes.NAT_PORTS_SHORT,
            severity=Severity.ERROR if exhausted else Severity.WARNING,
            path=plan.load.where(("flows", heaviest(plan.load, one), "to")),
            subject=str(one.destination),
            needed=Fraction(one.most_ports),
            available=Fraction(available if exhausted else target),
            unit="ports",
            equation=_ports_equation(plan.load, one),
            message=(
                f"{one.destination} needs {one.most_ports:,} ports on {gateway} "
                f"{_scenario(plan.load, one.binding_scenario)} ({others}); {has}"
            ),
            asks=_asks(plan.load, one),
            state=_scenario(plan.load, one.binding_scenario),
            consequences=(
                of_gateway_ports(plan, one.most_ports, _scenario(plan.load, one.binding_scenario)) if exhausted else ()
            ),
        )


def heaviest(load: EgressLoad, one: DestinationPlan) -> int:
    """The position of the flow that takes the most ports of a destination."""
    cooldown = load.policy_value("port_cooldown_seconds")
    return max(one.flows, key=lambda index: load.flows[index].ports_per_pod(cooldown) * load.flows[index].peak_pods)


def _ports_equation(load: EgressLoad, one: DestinationPlan) -> str:
    scenario = one.binding_scenario
    shown = one.flows[:SHOWN]
    terms = [_term(load, load.flows[index], scenario) for index in shown]
    if len(one.flows) > len(shown):
        terms.append(f"{len(one.flows) - len(shown):,} more flows")
    share = f" x {show_number(one.hottest_share, 6)} to the busiest address" if one.hottest_share != 1 else ""
    total = " + ".join(terms)
    return f"{f'({total})' if share and len(terms) > 1 else total}{share} = {one.most_ports:,} ports"


def _term(load: EgressLoad, flow: Flow, scenario: Scenario) -> str:
    placement = Placement.of(load)
    cooldown, pods = placement.cooldown_seconds, placement.pods(flow, scenario)
    text = counted(pods.running_behind_one, flow.noun)
    if pods.running_behind_one != pods.running:
        text += f" of {pods.running:,} in the fullest of {placement.zones_left[scenario]} zones"
    if pods.cooling:
        text = f"({text} + {pods.cooling_behind_one:,} replaced ones cooling down)"
    return f"{text} x {_per_pod(flow, cooldown)}"


def _per_pod(flow: Flow, cooldown: Fraction) -> str:
    """The ports of one pod or instance, as they are computed."""
    if flow.connections_per_pod is not None:
        return counted(flow.connections_per_pod, "connection")
    cools = flow.ports_per_pod(cooldown) > flow.ports_per_pod(Fraction(0))
    cooling = f" + {show_number(cooldown, 6)} s cool-down" if cools else ""
    rate = show_number(flow.new_connections_per_second_per_pod or 0, 6)
    return f"{rate}/s x ({show_number(flow.open_seconds, 6)} s open{cooling})"


def _asks(load: EgressLoad, one: DestinationPlan) -> tuple[str, ...]:
    every = [load.flows[index] for index in one.flows]
    held = [flow for flow in every if flow.connections_per_pod is not None]
    unsaid = [flow for flow in every if flow.connections_per_pod is None and flow.requests_per_connection is None]
    asks = [
        f"To see what reuse or a shorter idle time-out would save, declare new_connections_per_second_per_{noun} "
        f"and connection_duration_ms for {_clients([flow for flow in held if flow.noun == noun])} instead of "
        f"connections_per_{noun}."
        for noun in dict.fromkeys(flow.noun for flow in held)
    ]
    if unsaid:
        asks.append(f"To see what more reuse would save, declare requests_per_connection for {_clients(unsaid)}.")
    if load.allocations:
        asks.append("To bring more elastic IPs, list their allocation ids under allocations.")
    return tuple(asks)


def _clients(flows: list[Flow]) -> str:
    return few(flow.client for flow in flows)


def _addresses(plan: EgressPlan) -> Iterator[Finding]:
    load, count = plan.load, plan.addresses_per_gateway
    hard, quota = limits.NAT_ADDRESSES_PER_GATEWAY, load.addresses_per_gateway_quota
    given = load.given_addresses_per_gateway is not None
    # With one address each, nothing lighter needs fewer.
    asks = _asks(load, plan.worst) if plan.worst is not None and not given and count > 1 else ()
    declared = f"addresses_per_gateway = {count:,}, as declared"
    why = declared if given and not load.allocations else _addresses_equation(plan)
    if count > hard.value:
        yield _over(
            codes.NAT_ADDRESSES_OVER_LIMIT,
            load.where(("addresses_per_gateway",)),
            count,
            hard.value,
            "addresses per gateway",
            why,
            f"{counted(count, 'address', 'addresses')} on each gateway, and a NAT gateway takes at most {hard.value}",
            asks,
        )
    elif count > quota:
        yield _over(
            codes.NAT_ADDRESSES_OVER_QUOTA,
            load.where(("quota_addresses_per_gateway",)),
            count,
            quota,
            "addresses per gateway",
            why,
            f"{counted(count, 'address', 'addresses')} on each gateway, and the quota "
            f"{limits.NAT_ADDRESSES_PER_GATEWAY_QUOTA.quota} allows {quota:,}",
            asks,
        )
    if load.allocations:
        return
    in_use, region = load.addresses_in_use or 0, load.addresses_per_region_quota
    total = plan.gateways * count + in_use
    if total > region:
        yield _over(
            codes.REGION_ADDRESSES_OVER_QUOTA,
            load.where(("quota_addresses_per_region",)),
            total,
            region,
            "elastic IPs in the Region",
            f"{counted(plan.gateways, 'gateway')} x {counted(count, 'address', 'addresses')} + {in_use:,} in use = "
            f"{total:,} elastic IPs",
            f"{total:,} elastic IPs in {load.region}, and the quota {limits.ELASTIC_IPS_PER_REGION_QUOTA.quota} allows "
            f"{region:,}",
            asks,
        )


def _addresses_equation(plan: EgressPlan) -> str:
    most = plan.worst.most_ports if plan.worst else 0
    target = show_number(plan.load.policy_value("target_utilization"))
    needed = counted(plan.addresses_needed, "address", "addresses")
    return f"ceil({most:,} ports / ({plan.ports_per_address:,} x {target})) = {needed} per gateway"


def _zone_gateways(plan: EgressPlan) -> Iterator[Finding]:
    load = plan.load
    needed, quota = 1 + (load.gateways_in_use or 0), load.gateways_per_zone_quota
    if needed > quota:
        yield _over(
            codes.ZONE_GATEWAYS_OVER_QUOTA,
            load.where(("quota_gateways_per_zone",)),
            needed,
            quota,
            "NAT gateways per zone",
            f"1 + {load.gateways_in_use or 0:,} in use = {needed:,} NAT gateways in the fullest zone",
            f"{needed:,} NAT gateways in a zone, and the quota {limits.NAT_GATEWAYS_PER_ZONE_QUOTA.quota} allows "
            f"{quota:,}",
        )


def _over(
    code: str,
    path: Path,
    needed: int,
    available: int,
    unit: str,
    equation: str,
    message: str,
    asks: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        code, Severity.ERROR, path, Fraction(needed), Fraction(available), unit, equation, message, asks=asks
    )


def _pod_ports(load: EgressLoad) -> Iterator[Finding]:
    """A pod's own ports to one destination, whichever way the flows take; those of one client share its pods."""
    available = flooring(load.policy_value("pod_ephemeral_ports"))
    cooldown = load.policy_value("port_cooldown_seconds")
    together: dict[tuple[str, str, Destination], list[int]] = {}
    for index, flow in enumerate(load.flows):
        together.setdefault((flow.client, flow.noun, flow.destination), []).append(index)
    for (client, noun, destination), indices in together.items():
        flows = [load.flows[index] for index in indices]
        needed = ceiling(sum(flow.ports_per_pod(cooldown) for flow in flows) * hottest_share(load, flows[0]))
        if needed > available:
            yield Finding(
                code=codes.POD_PORTS_SHORT,
                severity=Severity.ERROR,
                path=load.where(("flows", max(indices, key=lambda i: load.flows[i].ports_per_pod(cooldown)), "to")),
                subject=f"{client} to {destination}",
                needed=Fraction(needed),
                available=Fraction(available),
                unit="ports",
                equation=_pod_equation(load, flows, needed),
                message=f"each {noun} of {client} needs {needed:,} ports to {destination}, and has {available:,}",
                consequences=of_pod_ports(noun, needed, available),
            )


def _pod_equation(load: EgressLoad, flows: list[Flow], needed: int) -> str:
    cooldown = load.policy_value("port_cooldown_seconds")
    terms = " + ".join(_per_pod(flow, cooldown) for flow in flows[:SHOWN])
    if len(flows) > SHOWN:
        terms += f" + {len(flows) - SHOWN:,} more flows"
    share = hottest_share(load, flows[0])
    if share != 1:
        terms = f"({terms}) x {show_number(share, 6)} to the busiest address"
    return f"{terms} = {needed:,} ports in one {flows[0].noun}"


def _node_ports(load: EgressLoad) -> Iterator[Finding]:
    if load.nodes is None or load.external_snat:
        return
    available = limits.NODE_SNAT_PORTS.value
    cooldown = load.policy_value("port_cooldown_seconds")
    together: dict[Destination, list[int]] = {}
    for index, flow in enumerate(load.flows):
        # The ways that lead to addresses outside of the VPC; functions run on no node.
        if flow.via in (None, Via.NAT, Via.GATEWAY_ENDPOINT) and not flow.function:
            together.setdefault(flow.destination, []).append(index)
    for destination, indices in together.items():
        flows = [load.flows[index] for index in indices]
        on_one = sum(ceiling(Fraction(flow.rollout_pods, load.nodes)) * flow.ports_per_pod(cooldown) for flow in flows)
        needed = ceiling(on_one * hottest_share(load, flows[0]))
        if needed > available:
            yield Finding(
                code=codes.NODE_SNAT_PORTS_SHORT,
                severity=Severity.WARNING,
                path=load.where(("nodes",)),
                subject=str(destination),
                needed=Fraction(needed),
                available=Fraction(available),
                unit="ports",
                equation=_node_equation(load, flows, needed),
                message=f"each node needs {needed:,} ports to {destination}, and its primary address has {available:,}",
            )


def _node_equation(load: EgressLoad, flows: list[Flow], needed: int) -> str:
    cooldown = load.policy_value("port_cooldown_seconds")
    terms = " + ".join(
        f"ceil({counted(flow.rollout_pods, 'pod')} / {counted(load.nodes or 1, 'node')}) x {_per_pod(flow, cooldown)}"
        for flow in flows[:SHOWN]
    )
    if len(flows) > SHOWN:
        terms += f" + {len(flows) - SHOWN:,} more flows"
    share = hottest_share(load, flows[0])
    if share != 1:
        terms = f"({terms}) x {show_number(share, 6)} to the busiest address"
    return f"{terms} = {needed:,} ports on one node"


def _traffic(plan: EgressPlan) -> Iterator[Finding]:
    load = plan.load
    for code, declared, field, hard, start, unit in (
        (
            codes.NAT_BANDWIDTH_SHORT,
            load.peak_gbps,
            "peak_gbps",
            limits.NAT_BANDWIDTH,
            limits.NAT_BANDWIDTH_AT_START,
            "Gbit/s",
        ),
        (
            codes.NAT_PACKETS_SHORT,
            load.peak_packets_per_second,
            "peak_packets_per_second",
            limits.NAT_PACKETS,
            limits.NAT_PACKETS_AT_START,
            "packets per second",
        ),
    ):
        if declared is not None:
            yield from _busiest_carries(plan, code, exact(declared), field, hard, start, unit)


def _busiest_carries(
    plan: EgressPlan, code: str, total: Fraction, field: str, hard: Limit, start: Limit, unit: str
) -> Iterator[Finding]:
    load = plan.load
    share = Fraction(1)
    if plan.gateways > 1:
        share = Placement.of(load).fullest_share[Scenario.ZONE_LOST]
    needed = total * share
    if needed <= start.value:
        return
    over = needed > hard.value
    yield Finding(
        code=code,
        severity=Severity.ERROR if over else Severity.WARNING,
        path=load.where((field,)),
        needed=needed,
        available=Fraction(hard.value if over else start.value),
        unit=unit,
        equation=(
            f"{show_number(total)} {unit} x {show_number(share)} through the busiest gateway = "
            f"{show_number(needed)} {unit}"
        ),
        message=f"the busiest gateway carries {show_number(needed)} {unit}; a gateway starts with {start.value:,} and "
        f"scales to {hard.value:,}",
        asks=("Ramp traffic up gradually, or send part of it through endpoints or IPv6.",),
        consequences=of_traffic(needed, hard, unit) if over else (),
    )


def _zone_loss(plan: EgressPlan) -> Iterator[Finding]:
    load, lost = plan.load, int(plan.load.policy_value("zones_lost"))
    if lost == 0 or (plan.gateways > lost and load.zones > lost):
        return
    if plan.gateways == 1 and load.zones > 1:
        message = f"one gateway serves all {load.zones} zones: with its zone, egress is lost in every zone"
    else:
        message = (
            f"with {lost} of {load.zones} zones lost, no gateway is left"
            if load.zones > 1
            else "the only zone: with it, pods and egress are lost"
        )
    yield Finding(
        code=codes.ZONE_LOSS_STOPS_EGRESS,
        severity=Severity.WARNING,
        path=load.where(("gateways",) if load.zones > 1 else ("zones",)),
        needed=Fraction(lost + 1),
        available=Fraction(plan.gateways),
        unit="gateways",
        equation=f"{counted(plan.gateways, 'gateway')} - {lost} in lost zones leave none",
        message=message,
    )
