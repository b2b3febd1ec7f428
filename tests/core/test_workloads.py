"""Pods: at their peak, in a rollout, by kind."""

from fractions import Fraction
from typing import Any

import pytest

from loadfit.core.model import validate
from loadfit.core.problems import InvalidLoad
from loadfit.core.workloads import Workload


@pytest.mark.parametrize(
    ("fields", "pods"),
    [
        ({"pods": 200}, 250),
        ({"pods": 3}, 4),
        ({"pods": 1}, 2),
        ({"pods": 100, "rollout_surge": 1.1}, 210),
        ({"pods": 100, "rollout_surge": 0}, 100),
        ({"pods": 100, "max_pods": 200}, 250),
        ({"pods": 100, "kind": "deployment"}, 125),
        ({"pods": 100, "kind": "statefulset"}, 100),
        ({"pods": 100, "kind": "daemonset"}, 100),
        ({"pods": 100, "kind": "daemonset", "rollout_surge": 0.1}, 110),
        ({"pods": 100, "kind": "job"}, 100),
    ],
)
def test_pods_in_a_rollout(fields: dict[str, Any], pods: int) -> None:
    """pods + ceil(pods x surge), of the autoscaler's maximum; only a Deployment surges by default."""
    assert validate(Workload, fields).rollout_pods == pods


def test_a_job_is_never_rolled_out() -> None:
    """Whatever is declared, it has no rollout that lasts."""
    assert validate(Workload, {"pods": 1, "kind": "job", "rollout_seconds": 60}).rollout_duration is None
    assert validate(Workload, {"pods": 1, "rollout_seconds": 90.1}).rollout_duration == Fraction("90.1")


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"pods": 10, "max_pods": 9}, "max_pods"),
        ({"pods": 10, "kind": "statefulset", "rollout_surge": 0.1}, "rollout_surge"),
        ({"pods": 10, "kind": "job", "rollout_surge": 0.1}, "rollout_surge"),
        ({"pods": 0}, "pods"),
        ({"pods": 10, "rollout_seconds": 0}, "rollout_seconds"),
        ({"pods": 10, "max_skew": 0}, "max_skew"),
        ({"pods": 10, "kind": "cronjob"}, "kind"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], at: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(InvalidLoad, match=rf"^{at}: "):
        validate(Workload, fields)
