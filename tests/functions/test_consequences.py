"""What callers would meet if nothing was changed: by hand, and by the laws worked out another way."""

from fractions import Fraction

import pytest
from hypothesis import given, settings

from loadfit.core.findings import Basis, Consequence, Severity
from loadfit.functions import codes
from tests.functions import oracle
from tests.functions.loads import INCIDENT, Document, documents, found, one, sized


def consequences(document: Document, code: str) -> dict[str, Consequence]:
    finding = found(sized(document), code)
    assert finding is not None
    return {consequence.name: consequence for consequence in finding.consequences}


def test_the_incidents_cold_requests() -> None:
    """Without a warm instance nothing takes the 26 x 3600 requests of an hour; most find one that was left warm."""
    cold = consequences(INCIDENT, codes.PC_TOO_SMALL)
    bound, expected = cold["cold_requests_per_hour_at_most"], cold["cold_requests_per_hour_expected"]
    assert (bound.amount, bound.basis) == (93_600, Basis.AT_MOST)
    assert expected.basis is Basis.EXPECTED
    assert 0 < expected.amount < bound.amount
    assert bound.sentence.startswith("at most 93,600 of 93,600 requests an hour in day start cold and take 3,500 ms")
    share = Fraction(sized(INCIDENT).windows["day"].expected_cold_share)
    assert float(expected.amount) == pytest.approx(float(share * 93_600))


@pytest.mark.parametrize(
    ("warm", "code"),
    [(0, codes.PC_TOO_SMALL), (1, codes.RATE_10X), *((warm, codes.PC_TOO_SMALL) for warm in (2, 3, 4))],
)
def test_cold_requests_are_bounded_by_what_finds_no_warm_instance(warm: int, code: str) -> None:
    """Erlang B by its recursion and the rate term by its definition, of 93,600 requests."""
    cold = consequences({**INCIDENT, "provisioned_concurrency": warm}, code)
    share = min(Fraction(1), oracle.share(warm, Fraction(26), Fraction(13, 10)))
    assert float(cold["cold_requests_per_hour_at_most"].amount) == pytest.approx(float(share * 93_600), rel=1e-9)


def test_reserved_concurrency_refuses_what_finds_all_of_it_busy() -> None:
    document = {**one(26, 50), "reserved_concurrency": 3, "provisioned_concurrency": 0, "max_cold_share": 1}
    refused = consequences(document, codes.RESERVED_THROTTLES)["requests_refused_per_hour"]
    share = oracle.share(3, Fraction(26), Fraction(13, 10))
    assert float(refused.amount) == pytest.approx(float(share * 93_600), rel=1e-9)


def test_slow_requests_of_a_target_that_cannot_be_kept() -> None:
    """SciPy's lognormal of a mean of 50 and a p99 of 100, beyond 90 ms."""
    document = {**one(10, 50, 100, target=90), "init_ms": 800}
    slow = consequences(document, codes.LATENCY_INFEASIBLE)["slow_requests_per_hour"]
    assert float(slow.amount) == pytest.approx(oracle.lognormal(50, 100).sf(90) * 36_000, rel=1e-6)
    assert 0.01 < float(slow.amount) / 36_000 < 0.05


def test_requests_that_are_ended_at_the_time_out() -> None:
    document = {**one(10, 1500, 3500), "timeout_seconds": 3}
    ended = consequences(document, codes.TIMEOUT_LT_P99)["requests_ended_per_hour"]
    assert float(ended.amount) == pytest.approx(oracle.lognormal(1500, 3500).sf(3000) * 36_000, rel=1e-6)


def test_requests_above_ten_times_the_account_are_throttled() -> None:
    document = {**one(10_001, 1), "provisioned_concurrency": 0, "max_cold_share": 1}
    throttled = consequences(document, codes.ACCOUNT_LIMIT)["requests_throttled_per_second"]
    assert (throttled.amount, throttled.basis) == (1, Basis.COUNTED)
    document = {**one(26, 50), "reserved_concurrency": 901}
    assert consequences(document, codes.ACCOUNT_LIMIT) == {}, "what AWS does not take, nobody waits for"


@settings(max_examples=60, deadline=None)
@given(documents())
def test_only_errors_have_consequences_and_never_more_than_all_requests(document: Document) -> None:
    plan = sized(document)
    most = plan.load.requests_per_second * 3600
    for finding in plan.findings:
        assert finding.severity is Severity.ERROR or not finding.consequences
        amounts = {one.name: one.amount for one in finding.consequences if one.unit == "requests per hour"}
        assert all(0 <= amount <= most for amount in amounts.values())
        if "cold_requests_per_hour_at_most" in amounts:
            assert amounts["cold_requests_per_hour_expected"] <= amounts["cold_requests_per_hour_at_most"]
