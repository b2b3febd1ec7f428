"""When a window holds: days of the week and hours of the day, as people write them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["MINUTES_PER_DAY", "MINUTES_PER_WEEK", "Schedule", "clock", "day_names", "parse_schedule"]

MINUTES_PER_DAY = 24 * 60
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_SCHEDULE = re.compile(
    rf"(?P<days>daily|{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*) "
    r"(?P<start>(?:[01]\d|2[0-3]):[0-5]\d)-(?P<end>(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours of the day on days of the week; over midnight where the end is not after the start."""

    days: tuple[int, ...]
    """The days on which it begins: 0 is Monday."""
    start: int
    """Minutes after midnight."""
    end: int
    """Minutes after midnight, up to 1,440."""

    @property
    def minutes(self) -> int:
        """How long it holds each time, in minutes: up to a day."""
        return self.end - self.start if self.end > self.start else self.end - self.start + MINUTES_PER_DAY

    def intervals(self) -> Iterator[tuple[int, int]]:
        """The parts of a week in which it holds, in minutes after Monday 00:00, each within 0 to 10,080."""
        for day in self.days:
            begin = day * MINUTES_PER_DAY + self.start
            yield begin, min(begin + self.minutes, MINUTES_PER_WEEK)
            if begin + self.minutes > MINUTES_PER_WEEK:
                yield 0, begin + self.minutes - MINUTES_PER_WEEK


def parse_schedule(text: str) -> Schedule | None:
    """A schedule from its text; ``None`` where it is none.

    Args:
        text: Days and hours: ``daily 00:00-24:00``, ``mon-fri 08:00-18:00``, ``sat,sun 22:00-06:00``.

    Example:
        >>> parse_schedule("fri-mon 22:00-06:00")
        Schedule(days=(0, 4, 5, 6), start=1320, end=360)
    """
    found = _SCHEDULE.fullmatch(text)
    if found is None:
        return None
    days: set[int] = set()
    for part in ("mon-sun" if found["days"] == "daily" else found["days"]).split(","):
        first, last = _DAYS.index(part[:3]), _DAYS.index(part[-3:])
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return Schedule(tuple(sorted(days)), _minutes(found["start"]), _minutes(found["end"]))


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def clock(minutes: int) -> str:
    """Minutes after midnight as people write them.

    Example:
        >>> clock(470)
        '07:50'
    """
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def day_names(days: tuple[int, ...]) -> str:
    """Days as a cron expression of AWS lists them.

    Example:
        >>> day_names((0, 1, 6))
        'MON,TUE,SUN'
    """
    return ",".join(_DAYS[day].upper() for day in days)
