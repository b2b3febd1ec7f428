"""The worst that can happen to a document's egress, by trying every placement of its pods.

Nothing of loadfit is used here: a document is read as plain data, and its defaults are written down once more, from
docs/sizing-egress.md. Where the library has a formula, this has an enumeration.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

__all__ = ["PORTS", "SCENARIOS", "placements", "target", "worst_ports"]

PORTS = 55_000
SCENARIOS = ("steady", "rollout", "zone_lost")

Document = Mapping[str, Any]
Placement = tuple[int, ...]


def _number(value: float) -> Fraction:
    return Fraction(str(value))


def _policy(document: Document, name: str, default: str) -> Fraction:
    return _number(document["egress"].get("policy", {}).get(name, default))


def target(document: Document) -> Fraction:
    """The share of the ports that may be used."""
    return _policy(document, "target_utilization", "0.8")


def placements(pods: int, zones: int, skew: Fraction, max_skew: int | None) -> Iterator[Placement]:
    """Every way in which a number of pods can stand in a number of zones."""
    for split in itertools.product(range(pods + 1), repeat=zones - 1):
        rest = pods - sum(split)
        if rest < 0:
            continue
        placed = (*split, rest)
        if max_skew is not None:
            if max(placed) - min(placed) <= max_skew:
                yield placed
        elif max(placed) <= math.ceil(pods * min(Fraction(1), skew / zones)):
            yield placed


def worst_ports(document: Document) -> dict[tuple[str, str], dict[str, int]]:
    """Ports by destination (to, protocol) and scenario, on the gateway and in the placement that need the most."""
    destinations: dict[tuple[str, str], list[Document]] = {}
    for flow in document["egress"]["flows"]:
        if flow.get("via", "nat") == "nat":
            destinations.setdefault((flow["to"].lower(), flow.get("protocol", "tcp")), []).append(flow)
    return {
        destination: {scenario: _worst(document, flows, scenario) for scenario in SCENARIOS}
        for destination, flows in destinations.items()
    }


def _worst(document: Document, flows: list[Document], scenario: str) -> int:
    zones = document["zones"]
    lost = int(_policy(document, "zones_lost", "1")) if scenario == "zone_lost" else 0
    # Where every zone is lost nothing runs; the convention is to look at the last one before it is lost too.
    gone = [set(zones_gone) for zones_gone in itertools.combinations(range(zones), min(lost, zones - 1))]
    return max(
        _worst_in(document, flows, scenario, [zone for zone in range(zones) if zone not in without]) for without in gone
    )


def _worst_in(document: Document, flows: list[Document], scenario: str, zones: list[int]) -> int:
    """The most over all placements of all groups of pods at once, and over the gateways of the zones that are left."""
    skew = _policy(document, "zone_skew", "1.2")
    single = document["egress"].get("gateways", document["zones"]) == 1
    groups: list[tuple[list[Placement], Fraction]] = []
    for name in dict.fromkeys(flow["from"] for flow in flows):
        workload = document["workloads"][name]
        each = sum((_ports_of_a_pod(document, flow) for flow in flows if flow["from"] == name), Fraction(0))
        for pods in _groups(document, workload, scenario):
            # With one gateway it does not matter where the pods are: their sum counts.
            ways = [(pods,)] if single else list(placements(pods, len(zones), skew, workload.get("max_skew")))
            groups.append((list(dict.fromkeys(ways)), each))
    gateways = 1 if single else len(zones)
    addresses = flows[0].get("addresses", 1)
    share = min(Fraction(1), _policy(document, "address_skew", "1.25") / addresses)
    most = Fraction(0)
    for placed in itertools.product(*(ways for ways, _ in groups)):
        for gateway in range(gateways):
            total = sum((where[gateway] * each for where, (_, each) in zip(placed, groups, strict=True)), Fraction(0))
            most = max(most, total)
    return math.ceil(most * share)


def _groups(document: Document, workload: Document, scenario: str) -> Iterator[int]:
    """Pods that run, and pods just replaced whose ports cool down."""
    pods = workload.get("max_pods", workload["pods"])
    kind = workload.get("kind", "deployment")
    if scenario != "rollout":
        yield pods
        return
    surge = _number(workload.get("rollout_surge", 0.25 if kind == "deployment" else 0))
    yield pods + math.ceil(pods * surge)
    if "rollout_seconds" in workload and kind != "job":
        cooling = _policy(document, "port_cooldown_seconds", "60") / _number(workload["rollout_seconds"])
        yield math.ceil(pods * min(Fraction(1), cooling))


def _ports_of_a_pod(document: Document, flow: Document) -> Fraction:
    if "connections_per_pod" in flow:
        return Fraction(flow["connections_per_pod"])
    taken = _number(flow["connection_duration_ms"]) / 1000
    if flow.get("closed_by") == "nat_timeout":
        taken += 350
    else:
        taken += min(_number(flow.get("idle_timeout_seconds", 350)), Fraction(350))
        taken += _policy(document, "port_cooldown_seconds", "60")
    return _number(flow["new_connections_per_second_per_pod"]) * taken
