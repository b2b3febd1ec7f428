"""The laws and the week, worked out another way: exact recursions, SciPy, minute by minute. Imports no sizing code."""

import math
from collections.abc import Iterable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from scipy import optimize, stats

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = 7 * 24 * 60
poisson: Any = stats.poisson


def blocking(servers: int, erlangs: Fraction) -> Fraction:
    """Erlang B by its recursion, without rounding."""
    share = Fraction(1)
    for number in range(1, servers + 1):
        share = erlangs * share / (number + erlangs * share)
    return share


def over_rate(instances: int, rate: Fraction) -> Decimal:
    """E[(X - 10 n)+] / rate for X Poisson, by its definition, in 40 digits."""
    with localcontext() as context:
        context.prec = 40
        mean, total = Decimal(rate.numerator) / Decimal(rate.denominator), Decimal(0)
        probability, count = (-mean).exp(), 0
        while count <= mean or probability * count > total * Decimal("1e-30"):
            if count > 10 * instances:
                total += (count - 10 * instances) * probability
            count += 1
            probability = probability * mean / count
        return total / mean


def share(instances: int, rate: Fraction, erlangs: Fraction) -> Fraction:
    """The whole bound, as exactly as its parts."""
    if instances == 0:
        return Fraction(1)
    return blocking(instances, erlangs) + Fraction(over_rate(instances, rate))


def fewest(rate: Fraction, erlangs: Fraction, allowed: Fraction, burst: int = 1) -> int:
    """Warm instances by trying one after the other."""
    number = 0
    while share(number, rate, erlangs) > allowed:
        number += 1
    return max(1, number + (burst if burst > 1 else 0))


def lognormal(mean: float, p99: float) -> Any:
    """SciPy's lognormal of a mean and a p99: scale x exp(sigma^2 / 2) and scale x exp(z sigma)."""
    z = float(stats.norm.ppf(0.99))
    sigma: Any = optimize.brentq(lambda s: z * s - s * s / 2 - math.log(p99 / mean), 0, z, xtol=1e-15)
    return stats.lognorm(sigma, scale=p99 / math.exp(z * sigma))


def minutes_of(schedule: str, lead: int = 0) -> set[int]:
    """The minutes of a week that a schedule covers, each looked at by itself."""
    days, _, hours = schedule.partition(" ")
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    covered: set[int] = set()
    for day in days_of(days):
        length = end - begin if end > begin else end - begin + 24 * 60
        covered |= {(day * 24 * 60 + begin + minute) % WEEK for minute in range(-lead, length)}
    return covered


def days_of(text: str) -> Iterable[int]:
    """Days of the week, 0 for Monday."""
    if text == "daily":
        return range(7)
    found: set[int] = set()
    for part in text.split(","):
        first, last = DAYS.index(part[:3]), DAYS.index(part[-3:])
        day = first
        found.add(day)
        while day != last:
            day = (day + 1) % 7
            found.add(day)
    return found
