"""A way in for clients outside of the cluster: a Network Load Balancer inside the network, before the replicas.

The AWS Load Balancer Controller, which has to run in the cluster, makes it from one more Service. Its annotations:
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from loadfit.core.limits import NLB_DEREGISTRATION_DELAY, NLB_IDLE_TIMEOUT
from loadfit.core.paths import Path
from loadfit.core.problems import Problem, shown
from loadfit.databases.config import POOL_PORT
from loadfit.databases.drain import DrainPlan

__all__ = [
    "REGISTRATION_SECONDS",
    "admitted_cidrs",
    "keepalive_problems",
    "load_balancer_annotations",
    "load_balancer_problems",
    "load_balancer_service",
]

REGISTRATION_SECONDS = 180
"""Assumption: by then the load balancer sends connections to a replica that is new. No time is published; up to two
minutes and more were seen (https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1834)."""

_PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
_HEALTH_CHECK_SECONDS = 10
"""Choice: a replica on a node that is gone is out after two checks, before Kubernetes notices. The interval is not
shorter than the load balancer's own time-out for a check by TCP."""
_SUBNET = re.compile(r"subnet-[0-9a-z-]+", re.ASCII)


def load_balancer_problems(declared: Mapping[str, Any], path: Path) -> list[Problem]:
    """What cannot be of what is known already.

    Args:
        declared: Who comes, and where it stands.
        path: Where it was declared.
    """
    problems: list[Problem] = []
    for name in ("client_cidrs", "subnet_cidrs"):
        blocks: Sequence[object] | None = declared.get(name)
        if blocks is None:
            continue
        if not blocks:
            problems.append(Problem((*path, name), "at least one block of addresses", "none"))
        for position, block in enumerate(blocks):
            if isinstance(block, str):
                problems += _block_problems(block, (*path, name, position))
    subnets: Sequence[object] = declared.get("subnet_ids") or ()
    for position, subnet in enumerate(subnets):
        if isinstance(subnet, str) and not _SUBNET.fullmatch(subnet):
            problems.append(Problem((*path, "subnet_ids", position), "a subnet's id", shown(subnet)))
    return problems


def _block_problems(block: str, path: Path) -> list[Problem]:
    expected = "an IPv4 block, such as 10.0.0.0/20"
    try:
        IPv4Network(block)
    except ValueError:
        try:
            meant = f"Did you mean {IPv4Network(block, strict=False)}?"
        except ValueError:
            meant = ""
        return [Problem(path, expected, shown(block), meant)]
    return [] if "/" in block else [Problem(path, expected, shown(block), f"Did you mean {block}/32?")]


def keepalive_problems(settings: Mapping[str, str], path: Path) -> list[Problem]:
    """Settings with which the load balancer forgets connections that only rest.

    Args:
        settings: The user's own, over the defaults.
        path: Where they were declared.
    """
    problems: list[Problem] = []
    if settings.get("tcp_keepalive", "1").strip() == "0":
        way_out = f"A load balancer forgets a connection that is silent for {NLB_IDLE_TIMEOUT.value} seconds."
        problems.append(Problem((*path, "tcp_keepalive"), "1, with a load balancer", shown("0"), way_out))
    idle = settings.get("tcp_keepidle")
    if idle is not None and not (
        re.fullmatch(r"\d{1,9}", idle.strip(), re.ASCII) and 0 < int(idle) < NLB_IDLE_TIMEOUT.value
    ):
        expected = f"1 to {NLB_IDLE_TIMEOUT.value - 1} seconds, after which a load balancer forgets a connection"
        problems.append(Problem((*path, "tcp_keepidle"), expected, shown(idle)))
    return problems


def admitted_cidrs(declared: Mapping[str, Any]) -> Sequence[Any]:
    """The addresses that replicas see: those of the load balancer's subnets."""
    return declared.get("subnet_cidrs") or declared["client_cidrs"]


def load_balancer_annotations(drain: DrainPlan, subnets: Any = None) -> dict[str, Any]:
    """What the controller is told.

    Args:
        drain: How a replica stops.
        subnets: The ids of the subnets that it stands in, joined by commas; ``None``: found by their tags.
    """
    # A target that leaves keeps its open connections for as long as its replica goes on; that one closes them itself.
    delay = min(drain.grace_period_seconds, NLB_DEREGISTRATION_DELAY.value)
    annotations: dict[str, Any] = {
        "type": "external",
        "nlb-target-type": "ip",
        "scheme": "internal",
        # There may be fewer replicas than zones, and the plan counts on each of them having its share.
        "attributes": "load_balancing.cross_zone.enabled=true",
        # With the client's address kept, one client's connections through two zones may collide at a replica.
        "target-group-attributes": (
            f"preserve_client_ip.enabled=false,deregistration_delay.timeout_seconds={delay},"
            "deregistration_delay.connection_termination.enabled=false"
        ),
        # Whether PgBouncer answers, its own readiness probe asks: a replica that is not ready is no target.
        "healthcheck-protocol": "tcp",
        "healthcheck-port": "traffic-port",
        "healthcheck-interval": str(_HEALTH_CHECK_SECONDS),
        "healthcheck-healthy-threshold": "2",
        "healthcheck-unhealthy-threshold": "2",
    }
    if subnets is not None:
        annotations["subnets"] = subnets
    return {_PREFIX + name: value for name, value in annotations.items()}


def load_balancer_service(declared: Mapping[str, Any], selector: Mapping[str, str]) -> dict[str, Any]:
    """The Service that the controller makes the load balancer from. Only replicas that are ready are its targets."""
    return {
        "type": "LoadBalancer",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "loadBalancerSourceRanges": list(declared["client_cidrs"]),
        # It reaches the pods themselves: a port on every node would be one more way in.
        "allocateLoadBalancerNodePorts": False,
        "selector": dict(selector),
        "ports": [{"name": "postgres", "port": POOL_PORT, "targetPort": "postgres", "protocol": "TCP"}],
    }
