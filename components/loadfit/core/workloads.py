"""What runs as pods, declared once and referred to by every section that it loads."""

from enum import Enum
from fractions import Fraction

from pydantic import Field, model_validator

from loadfit.core.exact import exact, times
from loadfit.core.limits import ROLLOUT_SURGE
from loadfit.core.model import MAX_COUNT, MAX_SECONDS, Declared, problem_error

__all__ = ["Workload", "WorkloadKind"]


_DEPLOYMENT_SURGE = Fraction(ROLLOUT_SURGE.value, 100)
_NO_SURGE = Fraction(0)


class WorkloadKind(str, Enum):
    """The Kubernetes controller that runs the pods."""

    DEPLOYMENT = "deployment"
    """Starts new pods before it ends old ones: a rollout surges."""
    STATEFULSET = "statefulset"
    """Replaces its pods one by one, each after its predecessor is gone: no surge."""
    DAEMONSET = "daemonset"
    """One pod on each node; surges only where ``rollout_surge`` is declared (Kubernetes's default is 0)."""
    JOB = "job"
    """Runs to its end: never rolled out."""


class Workload(Declared):
    """Pods of one kind."""

    pods: int = Field(ge=1, le=MAX_COUNT)
    """Pods at the declared peak, without those that a rollout adds."""
    max_pods: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The autoscaler's maximum; sizing counts these where declared."""
    kind: WorkloadKind | None = Field(default=None)
    """The controller that runs them; a Deployment where not declared."""
    rollout_surge: float | None = Field(default=None, ge=0, le=10)
    """Pods that a rollout adds, as a share of the pods (maxSurge): 0.25 where not declared, for a Deployment."""
    rollout_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """How long a rollout takes, first new pod to last old one, in seconds."""
    max_skew: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The maxSkew of a topologySpreadConstraint over zones with whenUnsatisfiable: DoNotSchedule, if there is one."""

    @model_validator(mode="after")
    def _consistent(self) -> "Workload":
        if self.max_pods is not None and self.max_pods < self.pods:
            raise problem_error(
                f"at least the {self.pods:,} of pods", str(self.max_pods), "Raise it or lower pods.", at=("max_pods",)
            )
        if self.rollout_surge and self.controller in (WorkloadKind.STATEFULSET, WorkloadKind.JOB):
            raise problem_error(
                f"none: a {self.controller.value} starts no pod beyond its number",
                f"{self.rollout_surge:g}",
                "Leave rollout_surge out.",
                at=("rollout_surge",),
            )
        return self

    @property
    def controller(self) -> WorkloadKind:
        """The declared kind, or a Deployment."""
        return self.kind or WorkloadKind.DEPLOYMENT

    @property
    def peak_pods(self) -> int:
        """The pods that sizing counts."""
        return self.max_pods or self.pods

    @property
    def surge(self) -> Fraction:
        """The share of the pods that a rollout adds, exactly."""
        if self.rollout_surge is not None:
            return exact(self.rollout_surge)
        return _DEPLOYMENT_SURGE if self.controller is WorkloadKind.DEPLOYMENT else _NO_SURGE

    @property
    def surge_is_assumed(self) -> bool:
        """Whether :attr:`surge` is Kubernetes's default rather than declared."""
        return self.rollout_surge is None and self.controller is WorkloadKind.DEPLOYMENT

    @property
    def rollout_pods(self) -> int:
        """Pods while a rollout is under way: pods + ceil(pods x surge)."""
        return self.peak_pods + times(self.peak_pods, self.surge)

    @property
    def rollout_duration(self) -> Fraction | None:
        """How long a rollout takes, in seconds, exactly; ``None`` where it was not declared or there is no rollout."""
        if self.rollout_seconds is None or self.controller is WorkloadKind.JOB:
            return None
        return exact(self.rollout_seconds)
