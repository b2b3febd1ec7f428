"""A part of the week with a load of its own."""

from fractions import Fraction

from pydantic import Field, model_validator

from loadfit.core.exact import exact, show_number
from loadfit.core.limits import LAMBDA_REQUESTS_PER_INSTANCE, LAMBDA_TIMEOUT_MOST
from loadfit.core.model import MAX_SECONDS, Declared, problem_error
from loadfit.core.problems import nearest, shown
from loadfit.functions.schedule import Schedule, parse_schedule
from loadfit.functions.timezones import TIMEZONES

__all__ = ["MAX_INSTANCES", "MAX_MS", "Window"]

MAX_INSTANCES = 10**6
"""A thousand times AWS's default quota; a load above it is a typing error."""
MAX_MS = LAMBDA_TIMEOUT_MOST.value * 1000
"""No request takes longer."""
_MAX_RATE = LAMBDA_REQUESTS_PER_INSTANCE.value * MAX_INSTANCES


class Window(Declared):
    """A part of the week with a load of its own: business hours, the night, the first requests of the morning."""

    peak_requests_per_second: float = Field(ge=0, le=_MAX_RATE)
    """Requests per second at the peak, over the shortest time that can be measured (a second to a minute), those of
    bursts included; 0 for a window without requests."""
    mean_requests_per_second: float | None = Field(default=None, ge=0, le=_MAX_RATE)
    """Requests per second on average over the window, for the cost; the peak where not declared."""
    mean_duration_ms: float | None = Field(default=None, gt=0, le=MAX_MS)
    """Mean duration of a request on a warm instance, as billed, without initialization; needed wherever requests
    come."""
    p99_duration_ms: float | None = Field(default=None, gt=0, le=MAX_MS)
    """The duration that 1% of the requests on a warm instance exceed; needed wherever requests come."""
    burst_size: int | None = Field(default=None, ge=1, le=MAX_INSTANCES)
    """Requests that arrive at the same moment, such as parallel calls of one client or a batch; 1, none, where not
    declared."""
    seconds_between_bursts: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The shortest time from one burst to the next; not before the requests of the former have ended where not
    declared."""
    schedule: str | None = Field(default=None, max_length=60)
    """When the window holds, such as "mon-fri 08:00-18:00" or "daily 22:00-06:00"; whenever no window with a schedule
    does where not declared."""
    timezone: str | None = Field(default=None, max_length=40)
    """The time zone of the schedule by its IANA name, such as Europe/Berlin; UTC where not declared."""

    @model_validator(mode="after")
    def _consistent(self) -> "Window":
        if self.peak_requests_per_second > 0:
            self._has_durations()
        peak, mean = self.peak_requests_per_second, self.mean_requests_per_second
        if mean is not None and mean > peak:
            raise problem_error(
                f"at most the {peak:g} of peak_requests_per_second", f"{mean:g}", at=("mean_requests_per_second",)
            )
        if self.schedule is not None and parse_schedule(self.schedule) is None:
            raise problem_error(
                'days and hours such as "mon-fri 08:00-18:00", "sat,sun 10:00-16:00" or "daily 22:00-06:00"',
                shown(self.schedule),
                at=("schedule",),
            )
        if self.timezone is not None and self.schedule is None:
            raise problem_error("no timezone without a schedule", shown(self.timezone), at=("timezone",))
        if self.timezone is not None and self.timezone not in TIMEZONES:
            meant = nearest(self.timezone, TIMEZONES)
            raise problem_error(
                "the name of a time zone of the IANA database, such as Europe/Berlin",
                shown(self.timezone),
                f'Did you mean "{meant}"?' if meant else "",
                at=("timezone",),
            )
        self._bursts_beside_other_requests()
        return self

    def _has_durations(self) -> None:
        for name in ("mean_duration_ms", "p99_duration_ms"):
            if getattr(self, name) is None:
                raise problem_error(f'the field "{name}"', "nothing", "Needed wherever requests come.", at=(name,))
        mean, p99 = self.mean_duration_ms or 0, self.p99_duration_ms or 0
        if p99 < mean:
            raise problem_error(
                f"at least the {mean:g} ms of mean_duration_ms",
                f"{p99:g}",
                "No latency target can be kept on a function whose p99 is below its mean: measure again.",
                at=("p99_duration_ms",),
            )
        if self.offered_erlangs > MAX_INSTANCES:
            raise problem_error(
                f"at most {MAX_INSTANCES:,} requests in work at once",
                f"{show_number(self.offered_erlangs)} ({self.peak_requests_per_second:g}/s x {mean:g} ms)",
                at=("peak_requests_per_second",),
            )

    def _bursts_beside_other_requests(self) -> None:
        apart = self.seconds_between_bursts
        if self.extra_instances == 0:
            if apart is not None:
                raise problem_error(
                    "no such field without a burst_size above 1", f"{apart:g}", at=("seconds_between_bursts",)
                )
            return
        in_bursts = self.extra_instances / exact(apart) if apart is not None else Fraction(0)
        if in_bursts >= self.requests_per_second:
            came = (
                f"{show_number(in_bursts)} a second in bursts of {self.extra_instances:,}" if apart else "bursts only"
            )
            raise problem_error(
                "requests that arrive one by one beside the bursts, counted in peak_requests_per_second",
                f"{came} of {show_number(self.requests_per_second)} a second in all",
                "No law sizes a load that is all batches: let a queue spread it, or declare the requests beside it.",
                at=("burst_size",),
            )

    @property
    def requests_per_second(self) -> Fraction:
        """Requests per second at the peak, exactly."""
        return exact(self.peak_requests_per_second)

    @property
    def average_requests_per_second(self) -> Fraction:
        """Requests per second that the cost counts, exactly."""
        mean = self.mean_requests_per_second
        return self.requests_per_second if mean is None else exact(mean)

    @property
    def offered_erlangs(self) -> Fraction:
        """Requests in work on average at the peak, by Little's law: requests per second x mean seconds."""
        return self.requests_per_second * exact(self.mean_duration_ms or 0) / 1000

    @property
    def extra_instances(self) -> int:
        """Instances for a burst, beside those for the requests that come one by one: its size, or none at 1."""
        size = self.burst_size or 1
        return size if size > 1 else 0

    @property
    def hours(self) -> Schedule | None:
        """The schedule, read; ``None`` where none is declared."""
        return parse_schedule(self.schedule) if self.schedule is not None else None
