"""What a smaller bundle or SnapStart would change, found by sizing again."""

from collections.abc import Iterator
from fractions import Fraction

from loadfit.core.exact import exact, show_number
from loadfit.core.wording import counted
from loadfit.functions.checks import may_be_smaller, may_use_snapstart
from loadfit.functions.latency import allowed_cold_share
from loadfit.functions.load import FunctionLoad
from loadfit.functions.plan import Alternative, FunctionPlan
from loadfit.functions.sizing import needed_instances, size_function

__all__ = ["find_alternatives"]


def find_alternatives(plan: FunctionPlan) -> tuple[Alternative, ...]:
    """Other ways to shorten cold starts, with what the function would then need."""
    return (*_smaller_bundle(plan.load), *_snapstart(plan.load))


def _smaller_bundle(load: FunctionLoad) -> Iterator[Alternative]:
    if not may_be_smaller(load):
        return
    small = load.policy_value("small_bundle_mb")
    saved = (exact(load.unzipped_mb or 0) - small) * load.policy_value("init_ms_per_mb")
    init = max(Fraction(0), load.cold_start_ms - saved)
    after = _sized(_with_init(load, init), None)
    before = _sized(load, None)
    yield Alternative(
        name="smaller bundle",
        cold_start_ms=init,
        p99_ms=_p99(after),
        warm_instances=needed_instances(after.load),
        monthly_cost_usd=_difference(before, _sized(after.load, needed_instances(after.load))),
        sentence=(
            f"{show_number(small)} MB in the place of {show_number(load.unzipped_mb or 0)}: a cold start of "
            f"{show_number(init, 0)} ms in the place of {show_number(load.cold_start_ms, 0)}, and "
            f"{counted(needed_instances(after.load), 'warm instance')} where {needed_instances(load):,} are needed now"
        ),
    )


def _snapstart(load: FunctionLoad) -> Iterator[Alternative]:
    if not may_use_snapstart(load):
        return
    restore = load.policy_value("snapstart_restore_ms")
    changed = _with_init(load, restore)
    after = _sized(changed, 0)
    holds = all(allowed_cold_share(changed, window) >= 1 for window in load.windows.values())
    free = (load.runtime or "").startswith("java")
    yield Alternative(
        name="snapstart",
        cold_start_ms=restore,
        p99_ms=_p99(after),
        warm_instances=0,
        monthly_cost_usd=_difference(_sized(load, None), after) if free else None,
        sentence=(
            f"a cold start of {show_number(restore, 0)} ms in the place of {show_number(load.cold_start_ms, 0)}, with "
            f"no provisioned instance; the target {'holds even' if holds else 'does not hold'} if every request "
            "starts cold"
        ),
    )


def _with_init(load: FunctionLoad, milliseconds: Fraction) -> FunctionLoad:
    return load.model_copy(update={"init": None, "init_ms": float(milliseconds)})


def _sized(load: FunctionLoad, instances: int | None) -> FunctionPlan:
    return size_function(load.model_copy(update={"provisioned_concurrency": instances}))


def _p99(plan: FunctionPlan) -> float | None:
    return max((window.p99_ms for window in plan.windows.values() if window.p99_ms is not None), default=None)


def _difference(before: FunctionPlan, after: FunctionPlan) -> Fraction | None:
    if before.monthly_cost_usd is None or after.monthly_cost_usd is None:
        return None
    return after.monthly_cost_usd["total"] - before.monthly_cost_usd["total"]
