"""Findings and remedies as data and as text."""

import pickle
from dataclasses import replace
from fractions import Fraction

import pytest
import yaml

from loadfit.core.findings import (
    Basis,
    Change,
    Consequence,
    Finding,
    Remedied,
    Remedy,
    RemedyKind,
    Severity,
    SizingError,
    Verdict,
    told,
    verdict,
)


def finding(severity: Severity = Severity.ERROR) -> Finding:
    """A finding about a destination."""
    return Finding(
        "NAT_PORTS_SHORT",
        severity,
        ("egress", "flows", 0, "to"),
        Fraction(2),
        Fraction(1),
        "ports",
        "1 + 1 = 2 ports",
        "needs 2 ports, has 1",
        "a.com:443",
        ("Declare more.",),
    )


def test_only_errors_keep_a_load_from_fitting() -> None:
    """Warnings are of margin."""
    assert verdict([]) is Verdict.FITS
    assert verdict([finding(Severity.WARNING)]) is Verdict.FITS
    assert verdict([finding(Severity.WARNING), finding()]) is Verdict.DOES_NOT_FIT


def test_a_finding_is_told_with_place_equation_ways_out_and_questions() -> None:
    """One line each; what it costs not to fix it before what it costs to."""
    remedy = Remedy(RemedyKind.CONFIGURATION, (Change(("egress", "gateways"), 1, 3),), "three gateways", Fraction(73))
    refused = Consequence("connections_refused", Fraction(1), "connections", Basis.COUNTED, "1 of 2 finds no port")
    found = replace(finding(), consequences=(refused,))
    assert told(Remedied(found, (remedy,)), "load.yaml").splitlines() == [
        "load.yaml: error NAT_PORTS_SHORT at egress.flows[0].to: needs 2 ports, has 1",
        "  1 + 1 = 2 ports",
        "  Not fixed, estimated at the declared peak: 1 of 2 finds no port",
        "  1. configuration, +$73.00 a month: three gateways [egress.gateways: 3]",
        "  Declare more.",
    ]


def test_a_sizing_error_carries_its_findings() -> None:
    """As data and as text."""
    error = SizingError([Remedied(finding(), ())])
    assert error.findings == (finding(),)
    assert isinstance(error, ValueError)
    assert "NAT_PORTS_SHORT" in str(error)
    assert pickle.loads(pickle.dumps(error)).remedied == error.remedied


def test_the_key_outlives_a_changed_number() -> None:
    """Code and subject tell findings apart, numbers do not."""
    assert finding().key == finding(Severity.WARNING).key == ("NAT_PORTS_SHORT", "a.com:443")


@pytest.mark.parametrize("value", [3, 176, True, 2.5, 0.1959, 20_000.0, 3.3333333333333335, 12345.678])
def test_a_change_is_text_for_a_document(value: object) -> None:
    """YAML reads back exactly what was sized: no thousands apart, no digit lost."""
    assert yaml.safe_load(str(Change(("egress", "x"), None, value)).partition(": ")[2]) == value
