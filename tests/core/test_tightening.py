"""Numbers are moved as far as needed and not one step further."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from loadfit.core.tightening import tightened

places = st.integers(-5000, 5000)
moves = st.lists(st.tuples(places, places, st.integers(0, 20)), min_size=1, max_size=5)


@given(moves, st.floats(0, 1.2))
def test_the_result_meets_and_one_step_back_does_not(numbers: list[tuple[int, int, int]], share: float) -> None:
    """For a condition that asks for a weighted share of all moves; ``None`` only where all is not enough."""
    now, most, weights = ([row[part] for row in numbers] for part in range(3))

    def moved(values: Sequence[int]) -> int:
        return sum(abs(value - start) * weight for value, start, weight in zip(values, now, weights, strict=True))

    needed = share * moved(most)

    def meets(values: Sequence[int]) -> bool:
        return moved(values) >= needed

    result = tightened(now, most, meets)
    if not meets(most):
        assert result is None
        return
    assert result is not None
    assert meets(result)
    for position, (start, end, value) in enumerate(zip(now, most, result, strict=True)):
        assert min(start, end) <= value <= max(start, end)
        if value != start:
            back = list(result)
            back[position] -= 1 if end > start else -1
            assert not meets(back)


def test_nothing_to_move_is_nothing_found() -> None:
    """Without a number there is no move."""
    assert tightened([], [], lambda _: True) is None


def test_where_the_condition_holds_already_nothing_moves() -> None:
    """The smallest move is none."""
    assert tightened([5, 6], [0, 0], lambda _: True) == (5, 6)
