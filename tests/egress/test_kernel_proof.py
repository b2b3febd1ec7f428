"""What `make proof-egress` drives a kernel to, worked out by hand; the proof itself needs root."""

import pytest

from proofs.egress.claims import Use
from proofs.egress.planned import PODS, planned, runs_out


def test_the_incident_at_a_tenth_is_the_incident() -> None:
    """Ten declared pods for each of 20: 200 pods x 300 connections of 55,000 ports."""
    plan = planned(scale=10)
    assert (plan.worst and plan.worst.most_ports, plan.ports_per_gateway) == (60_000, 55_000)


@pytest.mark.parametrize(("addresses", "each"), [(1, 275), (2, 550)])
def test_held_connections_run_out_at_the_range(addresses: int, each: int) -> None:
    """20 pods x 275 connections = 5,500 = 55,000 / 10."""
    limit = runs_out(lambda number: planned({"connections_per_pod": number}, scale=10, addresses=addresses))
    assert limit == each


def test_churning_connections_run_out_at_the_range_over_their_life() -> None:
    """1,100 ports / 20 pods / (1 s + 3 s) = 13.75 new connections a second from each pod."""
    flow = {"connection_duration_ms": 1000, "idle_timeout_seconds": 0}

    def rate(hundredths: int) -> dict[str, float]:
        return {"new_connections_per_second_per_pod": hundredths / 100}

    limit = runs_out(lambda number: planned(flow | rate(number or 1), scale=50, cooldown_seconds=3))
    assert limit == 1375


@pytest.mark.parametrize(
    ("use", "cooldown", "ports"),
    [
        (Use(20, 1, 0.1, 0), 2, PODS * 20 * 2.1),
        (Use(2, 10, 0.1, 0), 2, PODS * 2 * 3),
        (Use(2.5, 1, 0.1, 3), 1, PODS * 2.5 * 4.1),
    ],
)
def test_reuse_and_time_outs_need_what_littles_law_says(use: Use, cooldown: int, ports: float) -> None:
    """Rate x (in use + idle + cool-down)."""
    assert use.ports(10, cooldown) == pytest.approx(ports)
