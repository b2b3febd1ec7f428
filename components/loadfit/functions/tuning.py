"""Reads a result of AWS Lambda Power Tuning and chooses the cheapest memory that meets the latency target.

Source: https://github.com/alexcasalboni/aws-lambda-power-tuning, README-INPUT-OUTPUT.md: ``stats`` where the tool ran
with includeOutputResults, and otherwise the same figures in the address of its chart.
"""

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from loadfit.core.exact import exact
from loadfit.core.findings import Severity
from loadfit.core.limits import LAMBDA_MEMORY_LEAST, LAMBDA_MEMORY_MOST
from loadfit.core.problems import InvalidLoad, Problem, shown
from loadfit.functions.load import FunctionLoad
from loadfit.functions.plan import FunctionPlan
from loadfit.functions.sizing import size_function

__all__ = ["MemoryChoice", "PowerTuning", "TunedMemory", "choose_memory", "parse_power_tuning"]


@dataclass(frozen=True, slots=True)
class TunedMemory:
    """What the tool measured at one memory."""

    memory_mb: int
    mean_duration_ms: Fraction
    """Warm, with the slowest and the fastest fifth left out."""
    usd_per_request: Fraction
    """Its duration at on-demand prices."""


@dataclass(frozen=True, slots=True)
class PowerTuning:
    """A result of AWS Lambda Power Tuning."""

    measured: tuple[TunedMemory, ...]
    """By memory, the least first."""

    def at(self, memory_mb: int) -> TunedMemory | None:
        """What was measured at a memory; ``None`` where nothing was."""
        return next((one for one in self.measured if one.memory_mb == memory_mb), None)


@dataclass(frozen=True, slots=True)
class MemoryChoice:
    """The cheapest memory that meets the target."""

    memory_mb: int | None
    """``None`` where none meets it."""
    plans: Mapping[int, FunctionPlan]
    """The function sized at each memory that was measured."""


def choose_memory(load: FunctionLoad, tuning: PowerTuning) -> MemoryChoice:
    """Sizes a function at every memory that was measured, and chooses the cheapest that carries its load.

    Durations follow the measured means: where the declared memory was measured, in proportion to it; otherwise the
    measured mean takes the place of the declared one. The p99 keeps its proportion to the mean (an assumption: the
    tool measures no p99), and a cold start takes as long as declared.

    Args:
        load: The function, with a target.
        tuning: The tool's result.

    Returns:
        The memory of the lowest monthly cost among the plans without an error; where no price is known, of the lowest
        cost of a request. Of equal ones the least memory.
    """
    plans = {one.memory_mb: size_function(_at_memory(load, tuning, one)) for one in tuning.measured}
    fitting = [one for one in tuning.measured if _fits(plans[one.memory_mb])]

    def cost(one: TunedMemory) -> tuple[Fraction, int]:
        monthly = plans[one.memory_mb].monthly_cost_usd
        return (one.usd_per_request if monthly is None else monthly["total"], one.memory_mb)

    return MemoryChoice(min(fitting, key=cost).memory_mb if fitting else None, plans)


def _fits(plan: FunctionPlan) -> bool:
    return all(finding.severity is not Severity.ERROR for finding in plan.findings)


def _at_memory(load: FunctionLoad, tuning: PowerTuning, one: TunedMemory) -> FunctionLoad:
    now = tuning.at(load.memory)
    windows = dict(load.windows)
    for name, window in windows.items():
        mean, p99 = exact(window.mean_duration_ms or 0), exact(window.p99_duration_ms or 0)
        if mean == 0:
            continue
        factor = one.mean_duration_ms / (now.mean_duration_ms if now else mean)
        durations = {"mean_duration_ms": float(mean * factor), "p99_duration_ms": float(p99 * factor)}
        windows[name] = window.model_copy(update=durations)
    return load.model_copy(update={"memory_mb": one.memory_mb, "windows": windows})


def parse_power_tuning(data: object, *, source: str = "") -> PowerTuning:
    """The tool's result from its JSON, read: the output of the state machine, or its ``results`` alone.

    Args:
        data: What the JSON holds.
        source: The file, for messages.

    Raises:
        InvalidLoad: It is no such result, or holds neither the figures nor the address of the chart.

    Example:
        >>> tuning = parse_power_tuning({"results": {"power": "512", "stats": [
        ...     {"value": 256, "averageDuration": 80.0, "averagePrice": 3.3e-07},
        ...     {"value": 512, "averageDuration": 40.0, "averagePrice": 3.3e-07}]}})
        >>> [(one.memory_mb, float(one.mean_duration_ms)) for one in tuning.measured]
        [(256, 80.0), (512, 40.0)]
    """
    results = _mapping(_mapping(data).get("results")) or _mapping(data)
    stats: Any = results.get("stats")
    if isinstance(stats, list) and stats:
        rows = [_from_stats(index, row, source) for index, row in enumerate(cast("list[Any]", stats))]
    else:
        chart = _mapping(results.get("stateMachine")).get("visualization")
        rows = _from_chart(chart) if isinstance(chart, str) else []
    if not rows:
        expected = 'a result of AWS Lambda Power Tuning with "stats", or with the address of its chart'
        raise InvalidLoad([Problem((), expected, shown(data), "Run it with includeOutputResults: true.")], source)
    return PowerTuning(tuple(sorted(rows, key=lambda one: one.memory_mb)))


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _from_stats(index: int, row: object, source: str) -> TunedMemory:
    fields = _mapping(row)
    memory, duration, price = (fields.get(name) for name in ("value", "averageDuration", "averagePrice"))
    one = _tuned(memory, duration, price)
    if one is None:
        expected = (
            f"value ({LAMBDA_MEMORY_LEAST.value} to {LAMBDA_MEMORY_MOST.value:,} MB), averageDuration and averagePrice"
        )
        raise InvalidLoad([Problem(("stats", index), expected, shown(row))], source)
    return one


def _tuned(memory: object, duration: object, price: object) -> TunedMemory | None:
    numbers: list[Fraction] = []
    for value in (memory, duration, price):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        numbers.append(exact(value))
    mb, mean, usd = numbers
    within = LAMBDA_MEMORY_LEAST.value <= mb <= LAMBDA_MEMORY_MOST.value and mb.denominator == 1
    return TunedMemory(int(mb), mean, usd) if within and mean > 0 and usd >= 0 else None


def _from_chart(address: str) -> list[TunedMemory]:
    """The figures behind the "#" of the chart's address: memories (16 bit), durations and costs (32 bit floats)."""
    parts = address.partition("#")[2].split(";")
    if len(parts) != 3:  # noqa: PLR2004 - memories, durations, costs
        return []
    try:
        raw = [base64.b64decode(part, validate=True) for part in parts]
        memories = [mb for (mb,) in struct.iter_unpack("<h", raw[0])]
        durations, costs = ([number for (number,) in struct.iter_unpack("<f", part)] for part in raw[1:])
        rows = [_tuned(*row) for row in zip(memories, durations, costs, strict=True)]
    except (binascii.Error, struct.error, ValueError):
        return []
    return [row for row in rows if row is not None] if all(rows) else []
