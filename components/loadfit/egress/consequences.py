"""What an egress would do to its clients at the declared peak if what is short stayed short."""

from fractions import Fraction

from loadfit.core.exact import show_number
from loadfit.core.findings import Basis, Consequence
from loadfit.core.limits import Limit
from loadfit.core.wording import counted
from loadfit.egress.plan import EgressPlan

__all__ = ["of_gateway_ports", "of_pod_ports", "of_traffic"]


def of_gateway_ports(plan: EgressPlan, needed: int, when: str) -> tuple[Consequence, ...]:
    """Connections that find no port on the busiest gateway: each takes one, and a gateway has no more.

    Args:
        plan: What there is.
        needed: Ports on the busiest gateway, to one destination.
        when: The state in which so many are needed.
    """
    available = plan.ports_per_gateway
    gateway = "the one gateway" if plan.gateways == 1 else "the busiest gateway"
    short = needed - available
    return (
        Consequence(
            "connections_refused",
            Fraction(short),
            "connections",
            Basis.COUNTED,
            f"{short:,} of {counted(needed, 'connection')} find no port on {gateway} {when} "
            f"({needed:,} - {available:,})",
        ),
    )


def of_pod_ports(noun: str, needed: int, available: int) -> tuple[Consequence, ...]:
    """Connections that find no port of the pod's own.

    Args:
        noun: What opens them: a pod, or an instance.
        needed: Ports of one, to one destination.
        available: Ports that it has.
    """
    short = needed - available
    return (
        Consequence(
            "connections_refused",
            Fraction(short),
            f"connections of each {noun}",
            Basis.COUNTED,
            f"{short:,} of {counted(needed, 'connection')} in each {noun} find no port of its own "
            f"({needed:,} - {available:,})",
        ),
    )


def of_traffic(needed: Fraction, hard: Limit, unit: str) -> tuple[Consequence, ...]:
    """What the busiest gateway drops, fully scaled.

    Args:
        needed: What it would have to carry, in ``unit``.
        hard: What it scales to.
        unit: Of both.
    """
    short = needed - hard.value
    return (
        Consequence(
            "traffic_dropped",
            short,
            unit,
            Basis.AT_LEAST,
            f"at least {show_number(short)} of {show_number(needed)} {unit} are dropped by the busiest gateway "
            f"({show_number(needed)} - {hard.value:,})",
        ),
    )
