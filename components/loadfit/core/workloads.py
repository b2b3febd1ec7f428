"""What runs as pods, declared once and referred to by every section that it loads."""

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction

from pydantic import Field, model_validator

from loadfit.core.exact import exact, times
from loadfit.core.limits import ROLLOUT_SURGE
from loadfit.core.model import MAX_COUNT, MAX_SECONDS, Declared, problem_error
from loadfit.core.paths import Path, parse_path

__all__ = ["Client", "Workload", "WorkloadKind"]


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


class Client(Workload):
    """What opens connections, with all that sizing needs to know of its pods: a workload's, or a function's instances.

    Instances of a function are counted as its pods. They have no rollout of their own: in a deployment the old and the
    new version's are there together, within the function's reserved concurrency.
    """

    client: str = Field(max_length=63)
    """The workload, or the function."""
    function: bool | None = Field(default=None)
    """Whether the pods are instances of an AWS Lambda function; false where not declared."""
    origin: str | None = Field(default=None, max_length=500, exclude=True)
    """The path in the document that declared the connections; nothing where they were declared by themselves."""
    client_origin: str | None = Field(default=None, max_length=500, exclude=True)
    """The path in the document that declared the pods; nothing where they were declared with the connections."""
    bounded: bool | None = Field(default=None, exclude=True)
    """Whether reserved concurrency bounds a function's instances; true where not declared."""
    least_pods: int | None = Field(default=None, ge=1, le=MAX_COUNT, exclude=True)
    """The fewest instances that a function needs for itself: no remedy asks for less."""

    @model_validator(mode="after")
    def _instances_have_no_rollout(self) -> "Client":
        if self.function:
            for name in ("max_pods", "kind", "rollout_surge", "rollout_seconds", "max_skew"):
                if getattr(self, name) is not None:
                    raise problem_error(
                        "no such field beside function: true",
                        str(getattr(self, name)),
                        "Instances are bounded by reserved concurrency; pods says how many there are.",
                        at=(name,),
                    )
        return self

    @property
    def controller(self) -> WorkloadKind:
        """The declared kind, or a Deployment; instances of a function behave as a Job's pods do: no rollout."""
        return WorkloadKind.JOB if self.function else super().controller

    @property
    def noun(self) -> str:
        """What is counted: pods, or instances."""
        return "instance" if self.function else "pod"

    def declared_at(self, field: Path, names: Mapping[str, str]) -> Path | None:
        """The path in the document of a field of the connections or of the pods.

        Args:
            field: The field, and what is below it.
            names: How a function's section calls the fields of the connections, where it calls them otherwise.

        Returns:
            ``None`` where the client was declared by itself.
        """
        of_pods = bool(field) and field[0] in Workload.model_fields
        origin = self.client_origin if of_pods else self.origin
        if origin is None:
            return None
        if self.function and field:
            called = _FUNCTION_NAMES if of_pods else names
            field = (called.get(str(field[0]), field[0]), *field[1:])
        return parse_path(origin) + field


_FUNCTION_NAMES = {"pods": "reserved_concurrency"}
"""What a function's section calls the number of its instances."""
