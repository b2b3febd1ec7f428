"""The week of a function: what holds when, minute by minute, and how autoscaling is told."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadfit.functions.scaling import plan_week
from loadfit.functions.schedule import parse_schedule
from tests.functions import oracle
from tests.functions.loads import DAY, Document, loaded, sized, window

NIGHT: Document = {"peak_requests_per_second": 0}
times = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
days = st.sampled_from(["daily", "mon", "mon-fri", "sat,sun", "fri-mon", "tue-thu,sun", "sun-sun"])
schedules = st.tuples(days, times, times | st.just("24:00")).map(lambda parts: f"{parts[0]} {parts[1]}-{parts[2]}")
instances = st.integers(1, 40)


class TestSchedules:
    @given(schedules)
    def test_cover_the_minutes_that_they_say(self, text: str) -> None:
        """Against every minute of the week, looked at by itself."""
        read = parse_schedule(text)
        assert read is not None
        covered = {minute for begin, end in read.intervals() for minute in range(begin, end)}
        assert covered == oracle.minutes_of(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "weekdays 08:00-18:00",
            "mon 8:00-18:00",
            "mon 08:00-25:00",
            "mon 24:00-25:00",
            "mon-fri",
            "Mon 08:00-09:00",
        ],
    )
    def test_anything_else_is_none(self, text: str) -> None:
        """The form is one."""
        assert parse_schedule(text) is None


class TestWeek:
    @given(
        st.lists(st.tuples(schedules, instances), min_size=1, max_size=3), st.none() | instances, st.integers(0, 900)
    )
    def test_holds_the_largest_window_of_each_minute(
        self, scheduled: list[tuple[str, int]], always: int | None, lead: int
    ) -> None:
        """Each window from its lead on; between windows one instance, or the one that holds whenever no other does."""
        windows = {f"w{index}": {**DAY, "schedule": text} for index, (text, _) in enumerate(scheduled)}
        numbers = {f"w{index}": number for index, (_, number) in enumerate(scheduled)}
        if always is not None:
            windows["rest"], numbers["rest"] = dict(DAY), always
        # The lead that AWS itself needs is at least 2 minutes and the initialization.
        load = loaded({"windows": windows, "init_ms": 0, "policy": {"lead_minutes": max(3, lead)}})
        week = plan_week(load, numbers)
        covered = {minute for text, _ in scheduled for minute in oracle.minutes_of(text)}
        expected = [1] * oracle.WEEK
        for text, number in scheduled:
            for minute in oracle.minutes_of(text, max(3, lead)):
                expected[minute] = max(expected[minute], number)
        for minute in set(range(oracle.WEEK)) - covered if always is not None else ():
            # Other times, and the lead before each of them.
            begins = (minute - 1) % oracle.WEEK in covered
            for other in range(minute - (max(3, lead) if begins else 0), minute + 1):
                expected[other % oracle.WEEK] = max(expected[other % oracle.WEEK], always or 1)
        held: list[int] = []
        begins = dict(week.steps)
        current = 0
        for minute in range(oracle.WEEK):
            current = begins.get(minute, current)
            held.append(current)
        assert held == expected
        assert week.instance_hours_per_month == sum(expected) * Fraction(730, 10_080)

    @given(st.lists(st.tuples(schedules, instances), min_size=1, max_size=3), st.booleans())
    def test_hours_of_the_windows_are_those_of_the_week(self, scheduled: list[tuple[str, int]], rest: bool) -> None:
        """Every covered minute is one window's: together 730 hours where something holds always."""
        windows = {f"w{index}": {**DAY, "schedule": text} for index, (text, _) in enumerate(scheduled)}
        numbers = {f"w{index}": number for index, (_, number) in enumerate(scheduled)}
        if rest:
            windows["rest"], numbers["rest"] = dict(DAY), 1
        week = plan_week(loaded({"windows": windows}), numbers)
        covered = set[int]().union(*(oracle.minutes_of(text) for text, _ in scheduled))
        minutes = oracle.WEEK if rest else len(covered)
        assert sum(week.hours_per_month.values()) == minutes * Fraction(730, 10_080)


BUSINESS: Document = {
    "windows": {"day": {**DAY, "schedule": "mon-fri 08:00-18:00", "timezone": "Europe/Berlin"}, "night": NIGHT},
    "init_ms": 800,
}


class TestActions:
    def test_begin_ten_minutes_before_the_window(self) -> None:
        """Five instances at 07:50 and one at 18:00, on weekdays; never none."""
        actions = {action.cron: (action.name, action.min, action.max) for action in sized(BUSINESS).schedule}
        assert actions == {
            "cron(50 7 ? * MON,TUE,WED,THU,FRI *)": ("to-5-at-0750", 5, 10),
            "cron(0 18 ? * MON,TUE,WED,THU,FRI *)": ("to-1-at-1800", 1, 2),
        }
        assert loaded(BUSINESS).timezone == "Europe/Berlin"

    def test_the_morning_is_larger(self) -> None:
        """A burst of eight at the opening: 13 from 07:35 to 08:15, then five."""
        morning = {**DAY, "burst_size": 8, "schedule": "mon-fri 07:45-08:15", "timezone": "Europe/Berlin"}
        document = {**BUSINESS, "windows": {**BUSINESS["windows"], "morning": morning}}
        assert [(action.cron[5:9], action.min) for action in sized(document).schedule] == [
            ("35 7", 13),
            ("15 8", 5),
            ("0 18", 1),
        ]

    @given(st.lists(st.tuples(schedules, st.integers(1, 400)), min_size=1, max_size=3))
    def test_lead_through_the_whole_week(self, scheduled: list[tuple[str, int]]) -> None:
        """Carried out in their order from a week ago on, they give the week's numbers."""
        windows = {
            f"w{index}": {**window(rate, 1000), "schedule": text} for index, (text, rate) in enumerate(scheduled)
        }
        plan = sized({"windows": windows, "init_ms": 0})
        numbers = {name: one.warm_instances for name, one in plan.windows.items()}
        week = plan_week(plan.load, numbers)
        assert plan.load.timezone == "UTC"
        changes: dict[int, int] = {}
        for action in plan.schedule:
            cron = re.fullmatch(r"cron\((\d+) (\d+) \? \* ([A-Z,]+) \*\)", action.cron)
            assert cron is not None
            for day in cron[3].lower().split(","):
                minute = oracle.DAYS.index(day) * 1440 + int(cron[2]) * 60 + int(cron[1])
                assert minute not in changes
                changes[minute] = action.min
            assert action.min >= 1
            assert action.max == 2 * action.min
        assert len({action.name for action in plan.schedule}) == len(plan.schedule)
        if not changes:
            assert len(week.steps) == 1
            return
        for minute, count in week.steps:
            last = next((changes[at] for at in sorted(changes, reverse=True) if at <= minute), changes[max(changes)])
            assert last == count

    def test_many_instances_are_asked_for_earlier(self) -> None:
        """6,000 a minute after two minutes: 90,000 take 17, and the cold start more."""
        plan = sized({"windows": {"day": window(90_000, 1000)}, "init_ms": 10_000, "provisioned_concurrency": 90_000})
        assert plan.windows["day"].lead_minutes == 18

    def test_nothing_is_scheduled_where_all_is_the_same(self) -> None:
        """One window, or a number that is given."""
        assert sized({"windows": {"day": DAY}}).schedule == ()
        assert sized({**BUSINESS, "provisioned_concurrency": 5}).schedule == ()


class TestTarget:
    @pytest.mark.parametrize(
        ("document", "target"),
        [
            ({"windows": {"day": window(0.13, 10_000, 20_000)}, "timeout_seconds": 900}, "0.272"),
            ({"windows": {"day": window(0.001, 50)}}, "0.1"),
            ({"windows": {"day": window(100, 60_000)}, "timeout_seconds": 900}, "0.9"),
            ({"windows": {"day": DAY}, "max_cold_share": 1}, "0.9"),
        ],
    )
    def test_is_the_utilization_at_which_the_instances_carry_the_most(self, document: Document, target: str) -> None:
        """Clipped to 0.1 and 0.9; 0.272 for five instances at 1%."""
        scaling = sized({"max_cold_share": 0.01, **document}).autoscaling
        assert scaling is not None
        assert scaling.target == Fraction(target)
