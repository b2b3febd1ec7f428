"""What watches a component on CloudWatch, as data: metrics and the alarms on them."""

from dataclasses import dataclass

__all__ = ["Alarm", "Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a service's manual, with the statistic to read it with."""

    name: str
    statistic: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm."""

    suffix: str
    """Part of its name; never changes."""
    metrics: tuple[Metric, ...]
    """What it reads; by the names m0, m1, ... in the expression."""
    expression: str
    """CloudWatch metric math over the metrics; empty where the one metric itself is compared."""
    threshold: float
    """It fires above this."""
    period_seconds: int
    periods: int
    periods_to_alarm: int
    description: str
