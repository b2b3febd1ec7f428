"""What to watch of a NAT gateway: metrics, alarms and a dashboard as data, with thresholds from the plan.

Names, dimension and statistics are those of the manual:
https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from loadfit.core import limits
from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.watching import Alarm, Metric
from loadfit.egress.placement import Placement
from loadfit.egress.plan import EgressPlan, Scenario
from loadfit.egress.traffic import ClosedBy

__all__ = ["DIMENSION", "NAMESPACE", "alarms", "dashboard_body"]

NAMESPACE = "AWS/NATGateway"
DIMENSION = "NatGatewayId"

_BEYOND_LOAD = Fraction(11, 10)
"""Assumption: a tenth more than the declared worst case is a load that was not declared, not fluctuation."""
_OF_LIMIT = Fraction(8, 10)
"""Assumption: the share of a gateway's bandwidth and packet rate at which somebody should look."""
_IDLE_SHARE = Fraction(1, 100)
"""Assumption: the share of the open connections that may idle out in a period besides those that are declared to."""
_DROPPED_PERCENT = 0.01
"""https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway-cloudwatch.html, PacketsDropCount: more than 0.01
percent of the traffic may be AWS's own trouble."""
_UNANSWERED_PERCENT = 5.0
"""Assumption: some destinations always refuse some attempts."""


ERROR_PORT_ALLOCATION = Metric("ErrorPortAllocation", "Sum")
ACTIVE_CONNECTIONS = Metric("ActiveConnectionCount", "Maximum")
CONNECTION_ATTEMPTS = Metric("ConnectionAttemptCount", "Sum")
CONNECTIONS_ESTABLISHED = Metric("ConnectionEstablishedCount", "Sum")
IDLE_TIMEOUTS = Metric("IdleTimeoutCount", "Sum")
PACKETS_DROPPED = Metric("PacketsDropCount", "Sum")
PACKETS_OUT = Metric("PacketsOutToDestination", "Sum")
PACKETS_IN = Metric("PacketsInFromDestination", "Sum")
PEAK_BYTES = Metric("PeakBytesPerSecond", "Maximum")
PEAK_PACKETS = Metric("PeakPacketsPerSecond", "Maximum")


def alarms(plan: EgressPlan) -> tuple[Alarm, ...]:
    """The alarms of each gateway of a plan.

    Those that compare with the declared connections are left out where none are declared.
    """
    return (*_of_any_gateway(plan), *(_of_declared_connections(plan) if plan.open_connections else ()))


def _of_any_gateway(plan: EgressPlan) -> tuple[Alarm, ...]:
    return (
        Alarm(
            "port-allocation-errors",
            (ERROR_PORT_ALLOCATION,),
            "",
            0,
            60,
            5,
            1,
            "A connection found no free port: more connections to one destination than "
            f"{plan.ports_per_gateway:,} ({plan.addresses_per_gateway} x {plan.ports_per_address:,}). "
            f"The plan needs {plan.busiest_gateway_ports[plan.binding_scenario]:,} at its worst.",
        ),
        Alarm(
            "packets-dropped",
            (PACKETS_DROPPED, PACKETS_OUT, PACKETS_IN),
            "100 * m0 / (m1 + m2)",
            _DROPPED_PERCENT,
            60,
            5,
            3,
            f"The gateway drops more than {_DROPPED_PERCENT} percent of the packets: too much bandwidth or too many "
            "packets for it, or trouble at AWS.",
        ),
        Alarm(
            "attempts-unanswered",
            (CONNECTION_ATTEMPTS, CONNECTIONS_ESTABLISHED),
            "100 * (m0 - m1) / m0",
            _UNANSWERED_PERCENT,
            60,
            5,
            5,
            f"More than {_UNANSWERED_PERCENT:g} percent of the connection attempts get no answer: a destination is "
            "down, refuses, or does not have this gateway's addresses on its allow-list.",
        ),
        Alarm(
            "bandwidth",
            (PEAK_BYTES,),
            "",
            float(limits.NAT_BANDWIDTH.value * 10**9 * _OF_LIMIT / 8),
            60,
            5,
            3,
            f"The gateway carries over 80 percent of the {limits.NAT_BANDWIDTH.value} Gbit/s that it can.",
        ),
        Alarm(
            "packet-rate",
            (PEAK_PACKETS,),
            "",
            float(limits.NAT_PACKETS.value * _OF_LIMIT),
            60,
            5,
            3,
            f"The gateway carries over 80 percent of the {limits.NAT_PACKETS.value:,} packets a second that it can.",
        ),
    )


def _of_declared_connections(plan: EgressPlan) -> tuple[Alarm, ...]:
    expected_idle = _expected_idle_timeouts(plan, seconds=300)
    return (
        Alarm(
            "connections-beyond-load",
            (ACTIVE_CONNECTIONS,),
            "",
            float(ceiling(plan.open_connections * _BEYOND_LOAD)),
            60,
            5,
            3,
            f"More connections than declared: the plan has at most {plan.open_connections:,} on a gateway, over all "
            "destinations. The declared load is no longer the real one.",
        ),
        Alarm(
            "idle-timeouts",
            (IDLE_TIMEOUTS,),
            "",
            float(ceiling(expected_idle + plan.open_connections * _IDLE_SHARE)),
            300,
            3,
            3,
            "More connections than declared go idle for 350 seconds and are forgotten by the gateway: "
            f"{show_number(ceiling(expected_idle))} in 5 minutes were declared. Clients that reuse them get a reset; "
            "their keepalive or idle time-out should be shorter.",
        ),
    )


def _expected_idle_timeouts(plan: EgressPlan, seconds: int) -> Fraction:
    """Connections that the declared load leaves to the gateway's idle time-out on the busiest gateway."""
    placement = Placement.of(plan.load)
    left = [flow for flow in plan.load.flows if flow.uses_nat and flow.closed_by is ClosedBy.NAT_TIMEOUT]
    return max(
        sum(
            (
                placement.pods(flow, scenario).running_behind_one
                * exact(flow.new_connections_per_second_per_pod or 0)
                * seconds
                for flow in left
            ),
            Fraction(0),
        )
        for scenario in Scenario
    )


def dashboard_body(plan: EgressPlan, gateways: Mapping[str, str], region: str) -> str:
    """A CloudWatch dashboard over all gateways, as its JSON body.

    Args:
        plan: For the lines at which a graph becomes a concern.
        gateways: Gateway ids by zone id.
        region: The Region's code.
    """
    open_most, beyond = plan.open_connections, ceiling(plan.open_connections * _BEYOND_LOAD)
    panels: tuple[tuple[str, tuple[Metric, ...], tuple[tuple[str, float], ...]], ...] = (
        ("Port allocation errors", (ERROR_PORT_ALLOCATION,), ()),
        (
            "Open connections, all destinations",
            (ACTIVE_CONNECTIONS,),
            ((f"declared worst case {open_most:,}", float(open_most)), (f"alarm {beyond:,}", float(beyond))),
        ),
        ("Connection attempts and those answered", (CONNECTION_ATTEMPTS, CONNECTIONS_ESTABLISHED), ()),
        ("Idle time-outs", (IDLE_TIMEOUTS,), ()),
        ("Packets dropped", (PACKETS_DROPPED,), ()),
        ("Peak bytes per second", (PEAK_BYTES,), (("100 Gbit/s", limits.NAT_BANDWIDTH.value * 10**9 / 8),)),
    )
    widgets: list[dict[str, Any]] = []
    for number, (title, metrics, lines) in enumerate(panels):
        properties: dict[str, Any] = {
            "title": title,
            "region": region,
            "view": "timeSeries",
            "period": 60,
            "metrics": [
                [
                    NAMESPACE,
                    metric.name,
                    DIMENSION,
                    gateway,
                    {"stat": metric.statistic, "label": f"{zone} {metric.name}"},
                ]
                for metric in metrics
                for zone, gateway in gateways.items()
            ],
        }
        if lines:
            properties["annotations"] = {"horizontal": [{"label": label, "value": value} for label, value in lines]}
        place = {"x": number % 2 * 12, "y": number // 2 * 6, "width": 12, "height": 6}
        widgets.append({"type": "metric", **place, "properties": properties})
    return json.dumps({"widgets": widgets})
