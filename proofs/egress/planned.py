"""What sizing says of the incident's egress and of variations of it: the plan under test.

The kernel runs it at a scale: of 55,000 ports and of the declared pods it has a tenth, a twentieth or a fiftieth.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from loadfit import EgressPlan, parse_load, resolve, size

__all__ = ["PODS", "planned", "runs_out"]

INCIDENT = Path(__file__).parents[2] / "examples/incident.yaml"
PODS = 20
"""That the kernel runs."""


def planned(
    *flows: Mapping[str, Any], scale: int, addresses: int = 1, cooldown_seconds: int | None = None
) -> EgressPlan:
    """The plan of the incident's one gateway, with its pods at rest (no rollout).

    Args:
        flows: What takes the place of the incident's flow, to the same destination where none is named; where no flow
            is given, the incident's.
        scale: Declared pods for each one that the kernel runs.
        addresses: Of the gateway.
        cooldown_seconds: The policy's, where one is to be declared.
    """
    document = yaml.safe_load(INCIDENT.read_text(encoding="utf-8"))
    egress = document["egress"] | {"addresses_per_gateway": addresses}
    if flows:
        egress["flows"] = [{"from": "checkout", "to": egress["flows"][0]["to"]} | dict(flow) for flow in flows]
    if cooldown_seconds is not None:
        egress["policy"] = {"port_cooldown_seconds": cooldown_seconds}
    workloads = {"checkout": document["workloads"]["checkout"] | {"pods": scale * PODS, "rollout_surge": 0}}
    parts = {"region": document["region"], "zones": document["zones"], "workloads": workloads, "egress": egress}
    return cast("EgressPlan", size(resolve(parse_load(parts))).egress)


def runs_out(plan_of: Callable[[int], EgressPlan]) -> int:
    """The largest number that a gateway still has the ports for, as its plan says.

    Args:
        plan_of: The plan for a number; the more, the more ports.
    """
    least, most = 0, 2**16
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if plan_of(middle).utilization <= 1 else (least, middle)
    return least
