"""The smallest move of several whole numbers that meets a condition."""

from collections.abc import Callable, Sequence

__all__ = ["tightened"]

_STEPS = 1024


def tightened(
    now: Sequence[int], most: Sequence[int], meets: Callable[[Sequence[int]], bool]
) -> tuple[int, ...] | None:
    """Whole numbers, moved from ``now`` towards ``most`` no further than a condition asks for.

    First all are moved together, in proportion; then each is moved back as far as the condition still holds. No single
    one of the result can therefore be moved one step back.

    Args:
        now: The numbers as they are.
        most: As far as each may be moved, up or down.
        meets: The condition; it must not stop holding when a number is moved further towards ``most``.

    Returns:
        The numbers; ``None`` where even ``most`` does not meet the condition.

    Example:
        >>> tightened([300], [1], lambda values: 250 * values[0] <= 44_000)
        (176,)
    """
    if not now or not meets(most):
        return None

    def mixed(step: int) -> list[int]:
        return [start + (end - start) * step // _STEPS for start, end in zip(now, most, strict=True)]

    few, enough = -1, _STEPS
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if meets(mixed(middle)) else (middle, enough)
    values = mixed(enough)
    for position, start in enumerate(now):
        sign = 1 if values[position] >= start else -1
        # Distances from the start: the least that meets lies in (low, high].
        low, high = -1, abs(values[position] - start)
        while high - low > 1:
            middle = (low + high) // 2
            tried = [*values[:position], start + sign * middle, *values[position + 1 :]]
            low, high = (low, middle) if meets(tried) else (middle, high)
        values[position] = start + sign * high
    return tuple(values)
