"""What connections would meet if nothing was changed: by hand, and against enumerated placements of the pods."""

from fractions import Fraction

import pytest
from hypothesis import given, settings

from loadfit.core.findings import Basis, Finding, Severity
from loadfit.egress import codes
from tests.egress import oracle
from tests.egress.test_checks import document, flow
from tests.egress.test_sizing import INCIDENT, sized
from tests.strategies import Document, documents, small_documents


def found(whole: Document, code: str) -> Finding:
    return next(one for one in sized(whole).findings if one.code == code)


def test_the_incidents_connections_without_a_port() -> None:
    """250 pods x 300 = 75,000 in a rollout, of 55,000."""
    (refused,) = found(INCIDENT, codes.NAT_PORTS_SHORT).consequences
    assert (refused.name, refused.amount, refused.basis) == ("connections_refused", 20_000, Basis.COUNTED)
    assert refused.sentence == (
        "20,000 of 75,000 connections find no port on the one gateway in a rollout (75,000 - 55,000)"
    )


def test_each_pod_runs_out_by_itself() -> None:
    """28,233 connections of a pod that has 28,232 ports."""
    whole = document({"connections_per_pod": 28_233})
    (refused,) = found(whole, codes.POD_PORTS_SHORT).consequences
    assert (refused.amount, refused.unit) == (1, "connections of each pod")


@pytest.mark.parametrize(("gbps", "dropped"), [(240, 44), (120, None)])
def test_a_gateway_drops_what_is_above_the_most_that_it_scales_to(gbps: int, dropped: int | None) -> None:
    """With one of 3 zones lost and a skew of 1.2, the fullest has 60%: 144 of 240 Gbit/s, of 100."""
    consequences = found(document(flow(), peak_gbps=gbps), codes.NAT_BANDWIDTH_SHORT).consequences
    if dropped is None:
        assert consequences == (), "a warning is of a load that is carried"
    else:
        assert [(one.amount, one.basis) for one in consequences] == [(dropped, Basis.AT_LEAST)]


@settings(max_examples=40, deadline=None)
@given(documents())
def test_only_errors_have_consequences_and_those_of_ports_are_what_is_missing(whole: Document) -> None:
    for one in sized(whole).findings:
        assert one.severity is Severity.ERROR or not one.consequences
        for consequence in one.consequences:
            assert consequence.amount == one.needed - one.available > 0


@settings(max_examples=60, deadline=None)
@given(small_documents())
def test_connections_without_a_port_are_those_of_the_worst_placement(whole: Document) -> None:
    """By enumeration, without a line of the sizing code."""
    whole["egress"]["addresses_per_gateway"] = 1
    worst = {place: max(by_scenario.values()) for place, by_scenario in oracle.worst_ports(whole).items()}
    short = [one for one in sized(whole).findings if one.code == codes.NAT_PORTS_SHORT and one.consequences]
    refused = sorted(one.consequences[0].amount for one in short)
    assert refused == sorted(Fraction(ports - 55_000) for ports in worst.values() if ports > 55_000)
