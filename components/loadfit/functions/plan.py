"""What sizing a function gives: the plan that component, reports and alarms all read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

from loadfit.core.findings import Assumption, Finding, Remedied, Verdict, verdict
from loadfit.functions.load import FunctionLoad

__all__ = [
    "AccountNeed",
    "Alternative",
    "Autoscaling",
    "BoundBy",
    "FunctionPlan",
    "ScheduledAction",
    "Spillover",
    "WindowPlan",
]


class BoundBy(str, Enum):
    """What sets a window's number of warm instances."""

    ERLANG_B = "erlang_b"
    """Requests in work at once."""
    RATE = "rate"
    """Ten requests per second and instance, however short they are."""
    BURST = "burst"
    """Requests that arrive at the same moment: more than half of the instances are for them."""


@dataclass(frozen=True, slots=True)
class Spillover:
    """Bounds on the share of the requests that no warm instance takes."""

    busy: float
    """All instances busy: Erlang B."""
    over_rate: float
    """Above ten requests on each instance within a second: the Poisson excess."""

    @property
    def total(self) -> float:
        """Both together, at most 1."""
        return min(1.0, self.busy + self.over_rate)


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """One window, sized."""

    name: str
    offered_erlangs: Fraction
    """Requests in work on average at the peak."""
    allowed_cold_share: float
    """The share of the requests that may start cold: declared, or what the p99 target allows."""
    needed_instances: int
    """Warm instances as the formulas give them, whatever was declared."""
    warm_instances: int
    """As declared, or as needed."""
    bound_by: BoundBy
    """What sets the needed number."""
    spillover: Spillover
    """With the warm instances."""
    expected_cold_share: float
    """A model, not a bound: spill-over mostly finds an instance that an earlier one has left warm."""
    p99_ms: float | None
    """What at most 1% of the requests exceed, with as many cold as the bound allows; ``None`` without requests."""
    most_erlangs: float | None
    """The load that the warm instances carry at the allowed share and these durations, rounded down; ``None`` where any
    load may start cold."""
    hours_per_month: Fraction
    """How long this window's load is the largest of those that hold, a month."""
    lead_minutes: int
    """How long before the window its instances are asked for."""

    @property
    def spillover_bound(self) -> float:
        """The share of the requests, at most, that no warm instance takes, and so the share of cold ones."""
        return self.spillover.total

    @property
    def is_enough(self) -> bool:
        """Whether the warm instances are as many as needed, or no warm one is needed at all."""
        return self.warm_instances >= self.needed_instances or self.allowed_cold_share >= 1


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """Target tracking on the utilization of the provisioned instances."""

    min: int
    """What holds where no scheduled action says otherwise."""
    max: int
    target: Fraction
    """Utilization above which instances are added: the load that the minimum carries over the minimum, clipped to 0.1
    to 0.9, as AWS takes it."""


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """A change of the autoscaling limits at a time of the week."""

    name: str
    """Such as ``to-5-at-0750``: unique within the function."""
    cron: str
    """The expression as Application Auto Scaling takes it, in the load's timezone."""
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """What another way to shorten cold starts would change."""

    name: str
    """``smaller bundle`` or ``snapstart``."""
    cold_start_ms: Fraction
    """What a cold start would add to a request."""
    p99_ms: float | None
    """The p99 of the busiest window, with the instances it would need."""
    warm_instances: int
    """What the function would need at its peak; 0 where every request may start cold."""
    monthly_cost_usd: Fraction | None
    """The difference of the monthly cost; ``None`` where it is not known."""
    sentence: str


@dataclass(frozen=True, slots=True)
class AccountNeed:
    """What an account's concurrency has to hold in a Region: of this function, and of the others."""

    claimed: int
    """By this function: reserved, or provisioned for both pools of a deployment, as needed or declared."""
    claimed_by_others: int
    own_unreserved: int
    """Instances that this function needs at its peak besides those that it claims; 0 with reserved concurrency."""
    unreserved: int
    """What stays unreserved: what all functions need there, and the 100 that AWS keeps so where anything is claimed."""
    by_requests: int
    """The concurrency of which ten times are the requests per second of all functions at their peaks."""

    @property
    def quota(self) -> int:
        """The quota that is needed."""
        return max(1, self.claimed + self.claimed_by_others + self.unreserved, self.by_requests)


@dataclass(frozen=True)
class FunctionPlan:
    """A function, sized. Every number is as the formulas give it, also where the verdict is "does not fit"."""

    load: FunctionLoad
    windows: Mapping[str, WindowPlan]
    instances: int
    """Warm instances at the peak of the week: as declared where that is enough, as needed where it is not."""
    most_instances: int
    """Warm instances with both pools of a deployment."""
    reserved_needed: int
    """The least reserved concurrency that holds both pools of a deployment and refuses next to no request."""
    autoscaling: Autoscaling | None
    """``None`` where no instance is provisioned."""
    schedule: tuple[ScheduledAction, ...]
    """Empty where the limits are the same all week."""
    account_concurrency: int
    """What the function claims of the account: its reserved concurrency, as declared or, with a database, as needed;
    without any, both pools of a deployment."""
    account: AccountNeed
    """What the account's quota has to hold."""
    database_connections: int | None
    """Connections that the function may open, with every instance that it may have; ``None`` without a database."""
    instance_hours_per_month: Fraction
    """Provisioned instances over the hours that they are there."""
    utilization: Fraction | None
    """The share of the provisioned time that requests use, by the average load; ``None`` without instances."""
    monthly_cost_usd: Mapping[str, Fraction] | None
    """US dollars a month by line, with their total; ``None`` where a price is not known."""
    on_demand_monthly_usd: Fraction | None
    """What the same requests would cost without provisioned instances, cold starts not counted."""
    break_even_utilization: Fraction | None
    """The utilization from which on provisioned instances cost less than the same requests without."""
    findings: tuple[Finding, ...]
    """Errors first."""
    assumptions: tuple[Assumption, ...]
    """What the sizes rest on and nobody declared."""

    @property
    def name(self) -> str:
        """The function's name."""
        return self.load.name

    @property
    def verdict(self) -> Verdict:
        """Whether the declared load can be carried."""
        return verdict(self.findings)

    @property
    def needed_instances(self) -> int:
        """Warm instances that the busiest window needs, whatever was declared."""
        return max(window.needed_instances for window in self.windows.values())

    @property
    def quota_needed(self) -> int:
        """The account's quota that holds the function beside the others."""
        return self.account.quota

    @property
    def environments(self) -> int:
        """Instances that other sections count as clients.

        All that reserved concurrency allows; where none is declared, as many as hold the load and a deployment.
        """
        return self.load.reserved_concurrency or self.reserved_needed

    @cached_property
    def _remedied(self) -> tuple[Remedied, ...]:
        # A remedy is found by sizing again, so its module imports this one.
        from loadfit.functions.remedies import find_remedies  # noqa: PLC0415

        return find_remedies(self)

    def remedies(self) -> tuple[Remedied, ...]:
        """Each finding with its ways out, sized themselves. Computed when first asked for."""
        return self._remedied

    @cached_property
    def _alternatives(self) -> tuple[Alternative, ...]:
        # Found by sizing again, like remedies.
        from loadfit.functions.alternatives import find_alternatives  # noqa: PLC0415

        return find_alternatives(self)

    def alternatives(self) -> tuple[Alternative, ...]:
        """What a smaller bundle and SnapStart would change. Computed when first asked for."""
        return self._alternatives
