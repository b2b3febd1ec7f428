"""What a function's callers would meet at the declared peak if what is short stayed short."""

from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import exact, show_number
from loadfit.core.findings import Basis, Consequence
from loadfit.functions.latency import WarmLatency
from loadfit.functions.load import FunctionLoad
from loadfit.functions.plan import WindowPlan
from loadfit.functions.window import Window

__all__ = ["of_cold_starts", "of_refusals", "of_request_rate", "of_slow_requests"]

_SECONDS_PER_HOUR = 3600


def of_cold_starts(declared: Window, window: WindowPlan, cold_start_ms: Fraction) -> tuple[Consequence, ...]:
    """Cold requests in an hour at the window's peak: a share of them x requests per second x 3600.

    The bound counts every request that no warm instance takes; the model leaves out those that find an instance which
    an earlier one has left warm.
    """
    requests = declared.requests_per_second * _SECONDS_PER_HOUR
    most, expected = exact(window.spillover_bound) * requests, exact(window.expected_cold_share) * requests
    longer = f"{show_number(cold_start_ms)} ms longer"
    return (
        Consequence(
            "cold_requests_per_hour_at_most",
            most,
            "requests per hour",
            Basis.AT_MOST,
            f"at most {show_number(most, 0)} of {show_number(requests, 0)} requests an hour in {window.name} start "
            f"cold and take {longer} (every one that finds no warm instance)",
        ),
        Consequence(
            "cold_requests_per_hour_expected",
            expected,
            "requests per hour",
            Basis.EXPECTED,
            f"{show_number(expected, 1)} requests an hour in {window.name} are expected to start cold: most find an "
            "instance that an earlier one has left warm, but after a pause or a deployment fewer do",
        ),
    )


def of_refusals(name: str, declared: Window, share: float) -> tuple[Consequence, ...]:
    """Requests that reserved concurrency refuses, in an hour at the window's peak."""
    requests = declared.requests_per_second * _SECONDS_PER_HOUR
    refused = exact(share) * requests
    return (
        Consequence(
            "requests_refused_per_hour",
            refused,
            "requests per hour",
            Basis.AT_MOST,
            f"at most {show_number(refused, 0)} of {show_number(requests, 0)} requests an hour in {name} are refused "
            "with the error 429",
        ),
    )


def of_slow_requests(
    name: str, declared: Window, beyond_ms: Fraction, consequence: str, happens: str
) -> tuple[Consequence, ...]:
    """Warm requests that take longer than a time, in an hour at the window's peak, with lognormal durations.

    Args:
        name: The window's name.
        declared: The window; it has requests.
        beyond_ms: The time, in milliseconds.
        consequence: The consequence's name.
        happens: What becomes of them.
    """
    requests = declared.requests_per_second * _SECONDS_PER_HOUR
    slow = exact(WarmLatency.of(declared).exceeds(beyond_ms)) * requests
    return (
        Consequence(
            consequence,
            slow,
            "requests per hour",
            Basis.EXPECTED,
            f"{show_number(slow, 0)} of {show_number(requests, 0)} requests an hour in {name} {happens}",
        ),
    )


def of_request_rate(load: FunctionLoad) -> tuple[Consequence, ...]:
    """Requests per second of all functions above ten times the account's concurrency: they are throttled."""
    most = limits.LAMBDA_REQUESTS_PER_INSTANCE.value * load.concurrency_quota
    coming = load.requests_per_second + exact(load.requests_per_second_of_others or 0)
    if coming <= most:
        return ()
    short = coming - most
    return (
        Consequence(
            "requests_throttled_per_second",
            short,
            "requests per second",
            Basis.COUNTED,
            f"{show_number(short)} of {show_number(coming)} requests a second are throttled ({show_number(coming)} - "
            f"10 x {load.concurrency_quota:,})",
        ),
    )
