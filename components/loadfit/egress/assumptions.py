"""What an egress plan rests on and nobody declared."""

from collections.abc import Iterator
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.findings import Assumption
from loadfit.core.paths import Path
from loadfit.core.prices import HOURS_PER_MONTH
from loadfit.core.wording import few
from loadfit.core.workloads import WorkloadKind
from loadfit.egress.load import POLICY_DEFAULTS, EgressLoad, Flow
from loadfit.egress.traffic import ClosedBy, Via

__all__ = ["assumptions"]

_AWS_DEFAULT = "AWS's default quota"


def assumptions(load: EgressLoad) -> tuple[Assumption, ...]:
    """Every number that was used and not declared, with its source, and everything that was left out."""
    return (*_of_policy(load), *_of_flows(load), *_of_ways_out(load), *_of_quotas(load), *_of_cost(load))


def _of_policy(load: EgressLoad) -> Iterator[Assumption]:
    through_nat = [flow for flow in load.flows if flow.uses_nat]
    churning = any(flow.connections_per_pod is None for flow in through_nat)
    cooling = churning or any(flow.rollout_duration is not None for flow in through_nat)
    used = {
        "target_utilization": bool(through_nat),
        "zone_skew": load.number_of_gateways > 1
        and (any(flow.max_skew is None for flow in through_nat) or _declares_traffic(load)),
        "zones_lost": load.zones > 1,
        "port_cooldown_seconds": cooling,
        "address_skew": any((flow.addresses or 1) > 1 for flow in load.flows),
        "pod_ephemeral_ports": bool(load.flows),
    }
    for name, default in POLICY_DEFAULTS.items():
        declared = load.policy is not None and getattr(load.policy, name) is not None
        if used[name] and not declared:
            path = load.where(("policy", name))
            yield Assumption(path, default.value, default.unit, f"{default.meaning}", default.source)


def _declares_traffic(load: EgressLoad) -> bool:
    return load.peak_gbps is not None or load.peak_packets_per_second is not None


def _of_flows(load: EgressLoad) -> Iterator[Assumption]:
    """One line for each thing assumed, however many flows it was assumed for."""
    nat = [(index, flow) for index, flow in enumerate(load.flows) if flow.uses_nat]
    if not nat:
        return

    def first(field: str, flows: list[tuple[int, Flow]]) -> Path:
        return load.where(("flows", flows[0][0], field))

    if surging := [item for item in nat if item[1].surge_is_assumed]:
        surge = limits.ROLLOUT_SURGE
        yield Assumption(
            first("rollout_surge", surging),
            Fraction(surge.value, 100),
            "of the pods",
            f"a rollout adds this share of the pods{_for(surging)}",
            surge.source,
        )
    if unknown := [
        item for item in nat if item[1].rollout_seconds is None and item[1].controller is not WorkloadKind.JOB
    ]:
        yield Assumption(
            first("rollout_seconds", unknown),
            None,
            "seconds",
            f"ports of the pods that a rollout replaces are free at once{_for(unknown)}: how long a rollout takes was "
            "not declared",
            "assumption",
        )
    if alone := [item for item in nat if item[1].addresses is None]:
        yield Assumption(
            first("addresses", alone),
            Fraction(1),
            "address",
            f"all connections to a destination go to one address{_for(alone)}",
            "the worst case",
        )
    if idling := [item for item in nat if _idles_to_the_end(item[1])]:
        yield Assumption(
            first("idle_timeout_seconds", idling),
            Fraction(limits.NAT_IDLE_TIMEOUT.value),
            "seconds",
            f"clients keep unused connections open this long before they close them{_for(idling)}",
            limits.NAT_IDLE_TIMEOUT.source,
        )
    if known := [item for item in nat if item[1].rollout_duration is not None and load.number_of_gateways > 1]:
        yield Assumption(
            first("rollout_seconds", known),
            None,
            "seconds",
            f"the pods that a rollout replaces are spread over the zones like all others{_for(known)}",
            "assumption",
        )
    if spread := [item for item in nat if item[1].max_skew is not None and load.number_of_gateways > 1]:
        yield Assumption(
            first("max_skew", spread),
            None,
            "pods",
            f"the hard topology spread holds at all times{_for(spread)}; the scheduler keeps it when it places pods, "
            "not when others end",
            "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",
        )
    if of_functions := [item for item in nat if item[1].function]:
        yield Assumption(
            first("pods", of_functions),
            None,
            "instances",
            f"every instance that a function may have is there{_for(of_functions)}, and they are spread over the zones "
            "like pods",
            "assumption",
        )
    for index, flow in {flow.client: (index, flow) for index, flow in of_functions if flow.bounded is False}.values():
        yield Assumption(
            load.where(("flows", index, "pods")),
            Fraction(flow.pods),
            "instances",
            f"{flow.client} has as many instances as hold its load and a deployment: without reserved_concurrency, "
            "nothing bounds them",
            "assumption",
        )
    if any(flow.connections_per_pod is None for _, flow in nat):
        yield Assumption(
            load.where(("flows",)),
            None,
            "connections",
            "opened and closed connections are counted by their mean at the peak rate (Little's law); the target "
            "utilization leaves room for fluctuation",
            "assumption",
        )
    if load.nodes is not None and not load.external_snat:
        yield Assumption(load.where(("nodes",)), None, "nodes", "pods are spread evenly over the nodes", "assumption")
    if len({flow.destination for _, flow in nat}) > 1:
        yield Assumption(
            load.where(("flows",)),
            None,
            "addresses",
            "destinations of different names share no address; if they do, declare them as one",
            "assumption",
        )


def _of_ways_out(load: EgressLoad) -> Iterator[Assumption]:
    """Flows past the gateways take no ports, whether or not what they leave through was made by this stack."""
    for via, way in _WAYS_OUT.items():
        if past := [(index, flow) for index, flow in enumerate(load.flows) if flow.via is via]:
            path = load.where(("flows", past[0][0], "via"))
            yield Assumption(path, None, "ports", f"{way} is there and routed to{_for(past)}", "assumption")


_WAYS_OUT = {
    Via.GATEWAY_ENDPOINT: "a gateway endpoint of the destination's service",
    Via.INTERFACE_ENDPOINT: "an interface endpoint of the destination's service",
    Via.IPV6: "an egress-only internet gateway",
}


def _idles_to_the_end(flow: Flow) -> bool:
    churning = flow.connections_per_pod is None
    return churning and flow.idle_timeout_seconds is None and flow.closed_by is not ClosedBy.NAT_TIMEOUT


def _for(flows: list[tuple[int, Flow]]) -> str:
    return f" ({few(flow.client for _, flow in flows)})"


def _of_quotas(load: EgressLoad) -> Iterator[Assumption]:
    for name, limit in (
        ("quota_addresses_per_gateway", limits.NAT_ADDRESSES_PER_GATEWAY_QUOTA),
        ("quota_addresses_per_region", limits.ELASTIC_IPS_PER_REGION_QUOTA),
        ("quota_gateways_per_zone", limits.NAT_GATEWAYS_PER_ZONE_QUOTA),
    ):
        if getattr(load, name) is None:
            meaning = f"{_AWS_DEFAULT} {limit.quota} is in force"
            yield Assumption(load.where((name,)), Fraction(limit.value), limit.unit, meaning, limit.source)
    for name, unit in (("addresses_in_use", "elastic IPs"), ("gateways_in_use", "NAT gateways")):
        if getattr(load, name) is None:
            yield Assumption(load.where((name,)), Fraction(0), unit, "others in the account use none", "assumption")


def _of_cost(load: EgressLoad) -> Iterator[Assumption]:
    prices = load.known_prices()
    if prices is None:
        meaning = (
            f"cost is left out: no verified price for {load.region}; declare gateway_hour, gateway_gb, address_hour"
        )
        yield Assumption(load.where(("prices",)), None, "US dollars", meaning, "no source")
        return
    if load.prices is None:
        meaning = f"a month has {HOURS_PER_MONTH} hours; prices of {prices.as_of}"
        yield Assumption(load.where(("prices",)), Fraction(HOURS_PER_MONTH), "hours", meaning, prices.source)
    if load.gb_per_month is None:
        meaning = "the charge for data through the gateways is left out: the amount was not declared"
        yield Assumption(load.where(("gb_per_month",)), None, "gigabytes", meaning, "assumption")
    if any(flow.via is Via.INTERFACE_ENDPOINT for flow in load.flows):
        meaning = "the cost of interface endpoints is left out"
        yield Assumption(load.where(("flows",)), None, "US dollars", meaning, "assumption")
