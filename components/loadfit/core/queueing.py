"""The laws of blocking and waiting that every room sizes with: Erlang B, Erlang C, Allen-Cunneen, Poisson excess.

Loads are in erlangs: arrivals per second times mean seconds of service, the servers that are busy on average.
Arrivals are Poisson. Capacities are rounded down and needs up: a result always meets the limit it was sized for.

Nothing here is summed from a long recursion: a blocking probability is one Poisson term, taken in log space, divided by
a sum of its neighbours that falls off after about 9 sqrt(N) terms. That keeps 13 digits for a probability of 1e-300 and
a million servers.

References:
    Jagerman, "Some properties of the Erlang loss function", Bell System Technical Journal 53(3), 1974.
    Jagerman, "Methods in traffic calculations", AT&T Bell Laboratories Technical Journal 63(7), 1984.
    Iversen, "Teletraffic Engineering Handbook", ITU-D SG 2 and DTU.
    Allen, "Probability, Statistics, and Queueing Theory", 2nd edition, 1990.
    Loader, "Fast and accurate computation of binomial probabilities", 2000.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count

from loadfit.core.exact import exact

__all__ = [
    "MOST_SERVERS",
    "erlang_b",
    "erlang_c",
    "offered_for_blocking",
    "offered_for_wait",
    "poisson_excess",
    "servers_for_blocking",
    "servers_for_wait",
    "wait_quantile",
]

MOST_SERVERS = 10**9
"""The largest number of servers (and Poisson limit) taken: the work grows with its square root, about 0.1 s here."""


def erlang_b(servers: int, offered_erlangs: float | Fraction) -> float:
    """The share of arrivals that find every server busy, where nobody waits (M/G/N/N).

    Erlang's loss formula, ``B = (a^N / N!) / sum(a^k / k! for k in 0..N)``. It holds for any distribution of the
    service time (insensitivity), and an arrival sees what time sees (PASTA). Without servers everything is blocked:
    ``B(0, a) = 1`` for every load, also none, as the recursion ``B(n) = a B(n-1) / (n + a B(n-1))`` starts.

    Args:
        servers: 0 to ``MOST_SERVERS``.
        offered_erlangs: any finite load from 0.

    Returns:
        A probability from 0 to 1; relative error below 1e-11, down to where floats underflow to 0.

    Raises:
        TypeError: an argument is not a number, is a boolean, or ``servers`` is not an int.
        ValueError: an argument is not finite or out of range.

    Source: Jagerman 1974; Iversen, Teletraffic Engineering Handbook, chapter "Erlang's loss system and B-formula".

    Example:
        >>> round(erlang_b(5, 1.36), 6)
        0.009979
    """
    return _blocking(_whole("servers", servers), _number("offered_erlangs", offered_erlangs))


def erlang_c(servers: int, offered_erlangs: float | Fraction) -> float:
    """The probability that an arrival has to wait, where everybody waits in one line (M/M/N).

    ``C = B / (1 - (a/N)(1 - B))``, with B from ``erlang_b``.

    Args:
        servers: 0 to ``MOST_SERVERS``.
        offered_erlangs: any finite load from 0.

    Returns:
        A probability from 0 to 1; 1.0 where the load is not below the number of servers.

    Raises:
        TypeError: an argument is not a number, is a boolean, or ``servers`` is not an int.
        ValueError: an argument is not finite or out of range.

    Source: Iversen, Teletraffic Engineering Handbook, chapter "Delay systems"; Allen 1990, section on M/M/c.

    Example:
        >>> round(erlang_c(25, 20), 6)
        0.209103
    """
    servers, offered = _whole("servers", servers), _number("offered_erlangs", offered_erlangs)
    return 1.0 if offered >= servers else _waiting(servers, offered, _blocking(servers, offered))


def servers_for_blocking(offered_erlangs: float | Fraction, blocking: float) -> int:
    """The fewest servers that block no more than a given share of a load.

    Args:
        offered_erlangs: a load from 0 to ``MOST_SERVERS``.
        blocking: the share allowed, above 0 and up to 1.

    Returns:
        The smallest n from 0 with ``erlang_b(n, offered_erlangs) <= blocking``. 0 servers only where ``blocking`` is 1.

    Raises:
        TypeError: an argument is not a number or is a boolean.
        ValueError: an argument is not finite or out of range, or more than ``MOST_SERVERS`` would be needed.

    Source: Erlang B, read backwards: see ``erlang_b``.

    Example:
        >>> servers_for_blocking(10, 0.01)
        18
    """
    offered = _number("offered_erlangs", offered_erlangs)
    blocking = _number("blocking", blocking, above=0, most=1)
    # n servers never carry more than n erlangs, so a(1 - B) <= n: no answer lies below a(1 - blocking).
    floor = max(0, math.floor(offered * (1 - blocking)) - 1)
    near = next(n for n, share in _with_more_servers(floor, offered) if share <= blocking)
    return _smallest(lambda n: _blocking(n, offered) <= blocking, near, least=0)


def offered_for_blocking(servers: int, blocking: float) -> float:
    """The largest load of which a number of servers blocks no more than a given share.

    Args:
        servers: 1 to ``MOST_SERVERS``.
        blocking: the share allowed, above 0 and below 1 (at 1, any load would do).

    Returns:
        Erlangs, rounded down: ``erlang_b(servers, result) <= blocking`` always holds.

    Raises:
        TypeError: an argument is not a number, is a boolean, or ``servers`` is not an int.
        ValueError: an argument is not finite or out of range.

    Source: Erlang B, read backwards; the derivative is Jagerman 1984's, ``dB/da = B (N/a - 1 + B)``.

    Example:
        >>> load = offered_for_blocking(5, 0.01)
        >>> round(load, 5), erlang_b(5, load) <= 0.01
        (1.36079, True)
    """
    servers = _whole("servers", servers, least=1)
    blocking = _number("blocking", blocking, above=0, below=1)
    # One server alone carries blocking / (1 - blocking); more servers carry at least that.
    load = blocking / (1 - blocking)
    # log B rises with log a at the rate N - a(1 - B), ever more slowly: Newton's steps never pass the root.
    for _ in range(100):
        log_share = _log_blocking(servers, load)
        rate = servers + load * math.expm1(log_share)
        step = (math.log(blocking) - log_share) / rate if rate > 0 else 0.0
        if step <= _CONVERGED:
            break
        load *= math.exp(min(step, 700))
    return _largest_near(lambda a: _blocking(servers, a) <= blocking, load)


def wait_quantile(
    servers: int,
    offered_erlangs: float | Fraction,
    mean_service_seconds: float,
    quantile: float,
    service_cv2: float = 1.0,
) -> float:
    """The time that a given share of arrivals does not exceed in waiting, first come first served.

    ``(1 + cv2)/2 * s/(N - a) * ln(C / (1 - quantile))``: exact for exponential service (``service_cv2`` 1), otherwise
    the approximation of Allen and Cunneen with Poisson arrivals.

    Args:
        servers: 0 to ``MOST_SERVERS``.
        offered_erlangs: any finite load from 0.
        mean_service_seconds: mean time of one service, above 0.
        quantile: above 0 and below 1; 0.99 asks for the p99.
        service_cv2: squared coefficient of variation of the service time, from 0; 0 is constant, 1 exponential.

    Returns:
        Seconds. 0.0 where no more than ``1 - quantile`` of the arrivals wait at all; infinity where the load is not
        below the number of servers.

    Raises:
        TypeError: an argument is not a number, is a boolean, or ``servers`` is not an int.
        ValueError: an argument is not finite or out of range.

    Source: Allen 1990, M/M/c waiting-time percentiles and the Allen-Cunneen approximation for GI/G/c.

    Example:
        >>> round(wait_quantile(25, 20, 0.010, 0.99) * 1000, 3)
        6.08
    """
    servers, offered = _whole("servers", servers), _number("offered_erlangs", offered_erlangs)
    seconds, tail = _service_and_tail(mean_service_seconds, quantile, service_cv2)
    if offered >= servers:
        return math.inf
    return _wait(servers, offered, _blocking(servers, offered), seconds, tail)


def servers_for_wait(
    offered_erlangs: float | Fraction,
    mean_service_seconds: float,
    quantile: float,
    target_seconds: float,
    max_utilization: float,
    service_cv2: float = 1.0,
) -> int:
    """The fewest servers that keep a quantile of the wait and the utilization within their limits.

    Args:
        offered_erlangs: a load from 0 to ``MOST_SERVERS``. A ``Fraction``, such as the exact product of a rate and a
            time, is compared with the utilization as it is; a float as it is written in decimals.
        mean_service_seconds: mean time of one service, above 0.
        quantile: above 0 and below 1; 0.99 asks for the p99.
        target_seconds: the longest wait allowed at that quantile, from 0.
        max_utilization: the largest load per server, above 0 and up to 1, compared as it is written in decimals: 8.5
            erlangs at 0.85 are 10 servers.
        service_cv2: squared coefficient of variation of the service time, from 0.

    Returns:
        The smallest n from 1 with ``wait_quantile(n, ...) <= target_seconds`` and
        ``offered_erlangs / n <= max_utilization``.

    Raises:
        TypeError: an argument is not a number or is a boolean.
        ValueError: an argument is not finite or out of range, or more than ``MOST_SERVERS`` would be needed.

    Source: Erlang C and Allen-Cunneen, read backwards: see ``wait_quantile``.

    Example:
        >>> servers_for_wait(20, 0.010, 0.99, target_seconds=0.010, max_utilization=0.85)
        24
    """
    offered = _number("offered_erlangs", offered_erlangs)
    seconds, tail = _service_and_tail(mean_service_seconds, quantile, service_cv2)
    target = _number("target_seconds", target_seconds)
    utilization = _number("max_utilization", max_utilization, above=0, most=1)
    # A load equal to the number of servers waits forever, so more than that are needed also at a utilization of 1.
    least = max(math.ceil(exact(offered_erlangs) / exact(utilization)), math.floor(offered) + 1)
    near = next(
        n for n, share in _with_more_servers(least, offered) if _wait(n, offered, share, seconds, tail) <= target
    )
    return _smallest(lambda n: _wait(n, offered, _blocking(n, offered), seconds, tail) <= target, near, least)


def offered_for_wait(
    servers: int,
    mean_service_seconds: float,
    quantile: float,
    target_seconds: float,
    max_utilization: float,
    service_cv2: float = 1.0,
) -> float:
    """The largest load that a number of servers carries within both limits of ``servers_for_wait``.

    Args:
        servers: 1 to ``MOST_SERVERS``.
        mean_service_seconds: mean time of one service, above 0.
        quantile: above 0 and below 1; 0.99 asks for the p99.
        target_seconds: the longest wait allowed at that quantile, from 0.
        max_utilization: the largest load per server, above 0 and up to 1, compared as it is written in decimals.
        service_cv2: squared coefficient of variation of the service time, from 0.

    Returns:
        Erlangs, rounded down: ``servers_for_wait(result, ...) <= servers`` always holds.

    Raises:
        TypeError: an argument is not a number, is a boolean, or ``servers`` is not an int.
        ValueError: an argument is not finite or out of range.

    Source: Erlang C and Allen-Cunneen, read backwards: see ``wait_quantile``.

    Example:
        >>> offered_for_wait(10, 0.010, 0.99, target_seconds=0.100, max_utilization=0.85)
        8.5
    """
    servers = _whole("servers", servers, least=1)
    seconds, tail = _service_and_tail(mean_service_seconds, quantile, service_cv2)
    target = _number("target_seconds", target_seconds)
    utilization = _number("max_utilization", max_utilization, above=0, most=1)

    def fits(offered: float) -> bool:
        return offered < servers and _wait(servers, offered, _blocking(servers, offered), seconds, tail) <= target

    allowed = servers * exact(utilization)
    load = float(allowed)
    if exact(load) > allowed:
        load = math.nextafter(load, 0)
    return load if fits(load) else _largest_between(fits, 0.0, load)


def poisson_excess(mean: float, limit: int) -> float:
    """The mean number of events above a limit, ``E[(X - limit)^+]``, for X Poisson-distributed.

    ``poisson_excess(requests_per_second, 10 * n) / requests_per_second`` is the share of the requests that exceeds 10
    on each of n instances within one second.

    Args:
        mean: mean number of events, any finite number from 0.
        limit: 0 to ``MOST_SERVERS``.

    Returns:
        Events; at least ``mean - limit``. Relative error below 1e-11, down to where floats underflow to 0: every sum
        is of positive terms, nothing cancels.

    Raises:
        TypeError: an argument is not a number, is a boolean, or ``limit`` is not an int.
        ValueError: an argument is not finite or out of range.

    Source: the definition, summed from the limit outwards; below the mean through ``E[(X - L)^+] = mean - L +
    E[(L - X)^+]``.

    Example:
        >>> round(poisson_excess(100, 100) / 100, 6)
        0.039861
    """
    mean, limit = _number("mean", mean), _whole("limit", limit)
    if mean == 0:
        return 0.0
    shorter = mean > limit
    terms = _below(limit, mean) if shorter else _above(limit, mean)
    weighted = math.fsum(distance * term for distance, term in enumerate(terms, start=1))
    far_side = math.exp(_log_poisson(limit, mean) + math.log(weighted)) if weighted > 0 else 0.0
    return (mean - limit) + far_side if shorter else far_side


def _blocking(servers: int, offered: float) -> float:
    return math.exp(_log_blocking(servers, offered))


def _log_blocking(servers: int, offered: float) -> float:
    """Log of P(X = N) / P(X <= N) for X Poisson: Erlang B, summed on whichever side of N holds less."""
    if offered > servers:
        return -math.log1p(math.fsum(_below(servers, offered)))
    if offered == 0:
        return -math.inf if servers else 0.0
    log_all_busy = _log_poisson(servers, offered)
    return log_all_busy - math.log1p(-math.exp(log_all_busy) * math.fsum(_above(servers, offered)))


def _waiting(servers: int, offered: float, blocking: float) -> float:
    """Erlang C from Erlang B, for a load below the number of servers; free of cancellation as both approach."""
    return servers * blocking / (servers - offered + offered * blocking)


def _wait(servers: int, offered: float, blocking: float, seconds: float, tail: float) -> float:
    """The wait that ``tail`` of the arrivals exceed, with the service time weighted for its variation."""
    waiting = _waiting(servers, offered, blocking)
    return 0.0 if waiting <= tail else seconds / (servers - offered) * math.log(waiting / tail)


def _with_more_servers(servers: int, offered: float) -> Iterator[tuple[int, float]]:
    """Servers and their blocking, one server more each time: the Erlang B recursion from a value fully worked out."""
    if servers <= MOST_SERVERS:
        blocking = _blocking(servers, offered)
        while servers <= MOST_SERVERS:
            yield servers, blocking
            servers += 1
            blocking = offered * blocking / (servers + offered * blocking)
    message = f"offered_erlangs: expected a load that {MOST_SERVERS:,} servers carry within the limits, got {offered!r}"
    raise ValueError(message)


def _smallest(fits: Callable[[int], bool], near: int, least: int) -> int:
    """The smallest number that fits, from one that is it or nearly so: the recursion may differ in the last digits."""
    while not fits(near):
        near += 1
    while near > least and fits(near - 1):
        near -= 1
    return near


def _largest_near(fits: Callable[[float], bool], near: float) -> float:
    """The largest load that fits, from one that nearly is it: steps that double until they straddle it."""
    step = near * 2**-52 or math.ulp(0.0)
    low = high = near
    if fits(near):
        while fits(high := near + step):
            low, step = high, step * 2
    else:
        while low > 0 and not fits(low := max(0.0, near - step)):
            high, step = low, step * 2
    return _largest_between(fits, low, high)


def _largest_between(fits: Callable[[float], bool], low: float, high: float) -> float:
    """The largest float that fits, where ``low`` fits and ``high`` does not."""
    while low < (middle := (low + high) / 2) < high:
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


_CONVERGED = 1e-14
"""A relative step of Newton's method below this is rounding: the last digits are found by trying."""

_NEGLIGIBLE = 2.0**-64
"""A term below this part of the first no longer changes a float sum of the falling terms."""


def _above(n: int, mean: float) -> Iterator[float]:
    """``P(X = n + j) / P(X = n)`` for j = 1, 2, ... and X Poisson with a mean up to n: falling terms."""
    term = mean / (n + 1)
    last = term * _NEGLIGIBLE
    for k in count(n + 2):
        if term <= last:
            return
        yield term
        term *= mean / k


def _below(n: int, mean: float) -> Iterator[float]:
    """``P(X = n - j) / P(X = n)`` for j = 1, 2, ... and X Poisson with a mean above n: falling terms."""
    term = n / mean
    last = term * _NEGLIGIBLE
    for k in count(n - 1, -1):
        if term <= last:
            return
        yield term
        term *= k / mean


def _log_poisson(n: int, mean: float) -> float:
    """Log of P(X = n) for X Poisson with a mean above 0, by Loader's saddle point: no large numbers are subtracted."""
    if n < 16:  # noqa: PLR2004 - from here on Stirling's series is exact to a float
        return n * math.log(mean) - mean - math.lgamma(n + 1)
    inverse = 1 / (n * n)
    stirling = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - inverse / 1188) * inverse) * inverse) * inverse) / n
    return -_deviance(n, mean) - stirling - 0.5 * math.log(2 * math.pi * n)


def _deviance(n: int, mean: float) -> float:
    """``n ln(n / mean) + mean - n``, by the series of the logarithm where the two are close and would cancel."""
    apart = (n - mean) / (n + mean)
    if abs(apart) > 0.5:  # noqa: PLR2004 - beyond a factor of 3 nothing cancels
        return n * (math.log(n) - math.log(mean)) + mean - n
    total, power = (n - mean) * apart, 2 * n * apart
    for k in count(3, 2):
        power *= apart * apart
        if total + power / k == total:
            return total
        total += power / k
    raise AssertionError


def _service_and_tail(mean_service_seconds: float, quantile: float, service_cv2: float) -> tuple[float, float]:
    """The service time weighted for its variation (Allen-Cunneen), and the share of arrivals that may wait longer."""
    seconds = _number("mean_service_seconds", mean_service_seconds, above=0)
    variation = _number("service_cv2", service_cv2)
    # In decimals: 1 - 0.9999999999 in floats is off by 8e-8 of itself.
    tail = float(1 - exact(_number("quantile", quantile, above=0, below=1)))
    return (1 + variation) / 2 * seconds, tail


def _whole(name: str, value: object, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{name}: expected a whole number (int), got {value!r}"
        raise TypeError(message)
    if not least <= value <= MOST_SERVERS:
        message = f"{name}: expected {least} to {MOST_SERVERS:,}, got {value!r}"
        raise ValueError(message)
    return value


def _number(
    name: str, value: object, *, above: float = -math.inf, below: float = math.inf, most: float = math.inf
) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        message = f"{name}: expected a number, got {value!r}"
        raise TypeError(message)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number >= 0 and above < number < below and number <= most):
        limits = [
            "at least 0" if above < 0 else f"above {above:g}",
            *([f"below {below:g}"] if below < math.inf else []),
            *([f"at most {most:g}"] if most < math.inf else []),
        ]
        message = f"{name}: expected a finite number {' and '.join(limits)}, got {value!r}"
        raise ValueError(message)
    return number
