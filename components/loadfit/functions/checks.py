"""What a function's plan breaks: warm instances, latency, the account, the database, the package."""

import re
from collections.abc import Iterator
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.findings import Consequence, Finding, Severity
from loadfit.core.paths import Path
from loadfit.core.wording import SHOWN, counted
from loadfit.functions import codes
from loadfit.functions.consequences import of_cold_starts, of_refusals, of_request_rate, of_slow_requests
from loadfit.functions.latency import WarmLatency, attainable_target
from loadfit.functions.load import FunctionLoad, PackageType
from loadfit.functions.plan import FunctionPlan, WindowPlan
from loadfit.functions.warmth import spillover

__all__ = [
    "SNAPSTART_RUNTIMES",
    "connections_wanted",
    "findings",
    "may_be_smaller",
    "may_use_snapstart",
    "supports_snapstart",
]

SNAPSTART_RUNTIMES = {"java": (11,), "python": (3, 12), "dotnet": (8,)}
"""The least version of each runtime that has SnapStart.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""


def findings(plan: FunctionPlan) -> tuple[Finding, ...]:
    """Everything that does not fit or leaves too little margin, errors first."""
    found = [
        *_latency(plan.load),
        *_init(plan.load),
        *_instances(plan),
        *_scaling(plan),
        *_reserved(plan),
        *_account(plan),
        *_database(plan),
        *_timeout(plan.load),
        *_package(plan.load),
        *_snapstart(plan),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def _error(
    code: str,
    path: Path,
    needed: Fraction | int,
    available: Fraction | int,
    unit: str,
    equation: str,
    message: str,
    subject: str = "",
    asks: tuple[str, ...] = (),
    consequences: tuple[Consequence, ...] = (),
) -> Finding:
    return Finding(
        code,
        Severity.ERROR,
        path,
        Fraction(needed),
        Fraction(available),
        unit,
        equation,
        message,
        subject,
        asks,
        consequences=consequences,
    )


def _latency(load: FunctionLoad) -> Iterator[Finding]:
    busy = {name: window for name, window in load.windows.items() if window.requests_per_second > 0}
    if load.target_p99_ms is None or not busy:
        return
    target, lowest = exact(load.target_p99_ms), attainable_target(load)
    if lowest == target:
        return
    slowest = max(busy, key=lambda name: exact(busy[name].p99_duration_ms or 0))
    slow = WarmLatency.of(busy[slowest]).exceeds(target)
    p99 = show_number(busy[slowest].p99_duration_ms or 0)
    yield _error(
        codes.LATENCY_INFEASIBLE,
        load.where(("target_p99_ms",)),
        lowest,
        target,
        "ms",
        f"P(warm > {show_number(target)} ms) = {_percent(slow)} of the requests in {slowest}, and 1% may be slower",
        f"no number of warm instances keeps a p99 of {show_number(target)} ms: warm requests of {slowest} alone have a "
        f"p99 of {p99} ms; the lowest target is {show_number(lowest)} ms, and the sizes are those for it",
        asks=("More memory makes a function faster: run AWS Lambda Power Tuning, and size with its result.",),
        consequences=of_slow_requests(
            slowest, busy[slowest], target, "slow_requests_per_hour", f"take longer than {show_number(target)} ms, warm"
        ),
    )


def _instances(plan: FunctionPlan) -> Iterator[Finding]:
    for name, window in plan.windows.items():
        if window.is_enough:
            continue
        declared = plan.load.windows[name]
        extra, warm = declared.extra_instances, window.warm_instances
        alone = spillover(declared, warm + extra)
        if alone.total <= window.allowed_cold_share and extra:
            code = codes.BURST
        else:
            code = codes.RATE_10X if window.spillover.over_rate > window.spillover.busy else codes.PC_TOO_SMALL
        yield _error(
            code,
            plan.load.where(("provisioned_concurrency",)),
            window.needed_instances,
            warm,
            "warm instances",
            _instances_equation(plan.load, window),
            _instances_message(plan.load, window),
            subject=name,
            consequences=of_cold_starts(declared, window, plan.load.cold_start_ms),
        )


def _instances_equation(load: FunctionLoad, window: WindowPlan) -> str:
    declared, spilled = load.windows[window.name], window.spillover
    others = max(0, window.warm_instances - declared.extra_instances)
    burst = f", beside a burst of {declared.extra_instances:,}" if declared.extra_instances else ""
    return (
        f"{show_number(declared.requests_per_second)}/s x {show_number(declared.mean_duration_ms or 0)} ms = "
        f"{show_number(window.offered_erlangs)} erlangs; B({others:,}, {show_number(window.offered_erlangs)}) = "
        f"{_percent(spilled.busy)}, above {10 * others:,} requests in a second {_percent(spilled.over_rate)}; allowed "
        f"{_percent(window.allowed_cold_share)}{_why_allowed(load)}; {counted(window.needed_instances, 'instance')} "
        f"keep that{burst}"
    )


def _why_allowed(load: FunctionLoad) -> str:
    if load.target_p99_ms is None:
        return ""
    cold = show_number(load.cold_start_ms)
    return f" for a p99 of {show_number(attainable_target(load))} ms at a cold start of {cold} ms"


def _instances_message(load: FunctionLoad, window: WindowPlan) -> str:
    warm = f"{window.warm_instances:,}" if window.warm_instances else "no"
    kept = f"{warm} warm instance{'s' if window.warm_instances > 1 else ''}"
    spilled = f"up to {_percent(window.spillover_bound)} of the requests in {window.name} may start cold"
    p99 = ""
    if load.target_p99_ms is not None and window.p99_ms is not None:
        p99 = f", a p99 of {show_number(window.p99_ms, 0)} ms where {show_number(load.target_p99_ms)} are wanted"
    return f"with {kept} {spilled}{p99}; {window.needed_instances:,} are needed"


def _scaling(plan: FunctionPlan) -> Iterator[Finding]:
    most = limits.LAMBDA_SCALING_RATE.value
    for name, window in plan.windows.items():
        missing = window.needed_instances - window.warm_instances
        if not window.is_enough and missing > most:
            yield _error(
                codes.SCALING_RATE,
                plan.load.where(("provisioned_concurrency",)),
                missing,
                most,
                "instances in 10 seconds",
                f"{window.needed_instances:,} needed - {window.warm_instances:,} provisioned = {missing:,}",
                f"{missing:,} instances would have to start at the peak of {name}, and {most:,} can within 10 seconds",
                subject=name,
            )


def _reserved(plan: FunctionPlan) -> Iterator[Finding]:
    load, reserved = plan.load, plan.load.reserved_concurrency
    if reserved is None:
        return
    path = load.where(("reserved_concurrency",))
    if reserved < plan.most_instances:
        refused = reserved < plan.instances
        yield Finding(
            codes.RESERVED_LT_PC,
            Severity.ERROR if refused else Severity.WARNING,
            path,
            Fraction(plan.most_instances),
            Fraction(reserved),
            "concurrent executions",
            f"{show_number(load.policy_value('deploy_pools'))} pools in a deployment x "
            f"{counted(plan.instances, 'warm instance')} = {plan.most_instances:,}",
            f"{counted(plan.instances, 'warm instance')} and, in a deployment, as many of the new version do not fit "
            f"into a reserved concurrency of {reserved:,}",
        )
    share = load.policy_value("throttled_share")
    refused_in = {name: spillover(window, reserved).total for name, window in load.windows.items()}
    worst = max(refused_in, key=lambda name: refused_in[name])
    if plan.reserved_needed > reserved and refused_in[worst] > share:
        yield _error(
            codes.RESERVED_THROTTLES,
            path,
            plan.reserved_needed,
            reserved,
            "concurrent executions",
            f"B({reserved:,}, {show_number(load.windows[worst].offered_erlangs)}) with the rate term = "
            f"{_percent(refused_in[worst])} of the requests in {worst}; allowed {_percent(float(share))}",
            f"a reserved concurrency of {reserved:,} refuses {_percent(refused_in[worst])} of the requests in {worst}",
            consequences=of_refusals(worst, load.windows[worst], refused_in[worst]),
        )


def _account(plan: FunctionPlan) -> Iterator[Finding]:
    load, quota = plan.load, plan.load.concurrency_quota
    if plan.quota_needed <= quota or load.checks_account is False:
        return
    need = plan.account
    if plan.quota_needed == need.by_requests:
        others = f" + {show_number(rate)} of other functions" if (rate := load.requests_per_second_of_others) else ""
        equation = f"({show_number(load.requests_per_second)}{others} requests a second) / 10 = {need.by_requests:,}"
    else:
        names = [f"{number:,} of {name}" for name, number in (load.concurrency_of_others or {}).items() if number]
        outside = [f"{load.concurrency_in_use:,} outside of the document"] if load.concurrency_in_use else []
        claims = "".join(f" + {one}" for one in (*_cut(names), *outside))
        equation = (
            f"{need.claimed:,} claimed by {load.name}{claims} + {need.unreserved:,} unreserved = {plan.quota_needed:,}"
        )
    yield _error(
        codes.ACCOUNT_LIMIT,
        load.where(("quota_concurrency",)),
        plan.quota_needed,
        quota,
        "concurrent executions",
        equation,
        f"{plan.quota_needed:,} concurrent executions in {load.region}, and the quota "
        f"{limits.LAMBDA_CONCURRENCY_QUOTA.quota} allows {quota:,}",
        consequences=of_request_rate(load),
    )


def _cut(terms: list[str]) -> list[str]:
    return [*terms[:SHOWN], *([f"{len(terms) - SHOWN:,} more"] if len(terms) > SHOWN else [])]


def connections_wanted(plan: FunctionPlan) -> int:
    """Connections of the function, with the reserved concurrency that it has or needs, whichever is more."""
    database = plan.load.database
    each = database.connections_per_instance if database else 0
    return max(plan.load.reserved_concurrency or 0, plan.reserved_needed) * each


def _database(plan: FunctionPlan) -> Iterator[Finding]:
    load, database = plan.load, plan.load.database
    if database is None:
        return
    reserved, each = load.reserved_concurrency, database.connections_per_instance
    if reserved is None:
        yield _error(
            codes.DB_UNBOUNDED,
            load.where(("reserved_concurrency",)),
            plan.reserved_needed,
            0,
            "concurrent executions",
            f"unlimited instances x {counted(each, 'connection')}; {plan.reserved_needed:,} hold the load and a "
            "deployment",
            f"nothing bounds how many instances connect to {database.name}: requests that spill over start more",
        )
    wanted = connections_wanted(plan)
    if database.budget is not None and wanted > database.budget:
        over = reserved is None or reserved * each > database.budget
        yield Finding(
            codes.DB_CONNECTIONS,
            Severity.ERROR if over else Severity.WARNING,
            load.where(("database", "budget")),
            Fraction(wanted),
            Fraction(database.budget),
            "connections",
            f"{wanted // each:,} instances x {counted(each, 'connection')} = {wanted:,}",
            f"up to {counted(wanted, 'connection')} to {database.name}, and the function may open {database.budget:,}",
        )


def _timeout(load: FunctionLoad) -> Iterator[Finding]:
    slowest = max(load.windows, key=lambda name: load.windows[name].p99_duration_ms or 0)
    p99 = exact(load.windows[slowest].p99_duration_ms or 0)
    if p99 > load.timeout * 1000:
        seconds = show_number(p99 / 1000)
        yield _error(
            codes.TIMEOUT_LT_P99,
            load.where(("timeout_seconds",)),
            ceiling(p99 / 1000),
            load.timeout,
            "seconds",
            f"p99 of {slowest} = {seconds} s",
            f"the p99 of warm requests in {slowest} is {seconds} s, and they are ended after "
            f"{counted(load.timeout, 'second')}",
            consequences=(
                of_slow_requests(
                    slowest,
                    load.windows[slowest],
                    Fraction(load.timeout * 1000),
                    "requests_ended_per_hour",
                    f"are ended after {counted(load.timeout, 'second')}",
                )
                if load.windows[slowest].requests_per_second > 0
                else ()
            ),
        )


def _init(load: FunctionLoad) -> Iterator[Finding]:
    most = limits.LAMBDA_INIT.value
    if load.cold_start_ms > most:
        took = show_number(load.cold_start_ms)
        yield _error(
            codes.INIT_OVER_10S,
            load.where(("init_ms",) if load.init is None else ("init",)),
            load.cold_start_ms,
            most,
            "ms",
            f"{took} ms" if load.init is None else f"download + runtime + code = {took} ms",
            f"initialization takes {took} ms, and is broken off after {most:,} where a request spills over",
        )


def _package(load: FunctionLoad) -> Iterator[Finding]:
    image = load.package_type is PackageType.IMAGE
    zipped = exact(load.zipped_mb or 0)
    if not image and not load.code_in_s3 and zipped > limits.LAMBDA_ZIP.value:
        yield _error(
            codes.ZIP_TOO_BIG,
            load.where(("zipped_mb",)),
            zipped,
            limits.LAMBDA_ZIP.value,
            "MB",
            f"{show_number(zipped)} MB zipped",
            f"the zip file has {show_number(zipped)} MB, and Lambda takes {limits.LAMBDA_ZIP.value} MB directly",
        )
    most, what = (limits.LAMBDA_IMAGE, "the image has") if image else (limits.LAMBDA_UNZIPPED, "code and layers have")
    unzipped = exact(load.unzipped_mb or 0)
    if unzipped > most.value:
        yield _error(
            codes.UNZIPPED_TOO_BIG,
            load.where(("unzipped_mb",)),
            unzipped,
            most.value,
            "MB",
            f"{show_number(unzipped)} {most.unit}",
            f"{what} {show_number(unzipped)} MB unpacked, and Lambda takes {most.value:,} MB",
        )


def supports_snapstart(runtime: str) -> bool:
    """Whether a runtime has SnapStart.

    Example:
        >>> [supports_snapstart(name) for name in ("python3.12", "python3.9", "nodejs22.x", "java21")]
        [True, False, False, True]
    """
    found = re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)*)", runtime)
    least = SNAPSTART_RUNTIMES.get(found[1]) if found else None
    return bool(found and least and tuple(int(part) for part in found[2].split(".")) >= least)


def may_be_smaller(load: FunctionLoad) -> bool:
    """Whether the package is larger than one can be made, so that a cold start could be shorter."""
    return (
        load.unzipped_mb is not None
        and exact(load.unzipped_mb) > load.policy_value("small_bundle_mb")
        and not load.snapstart
    )


def may_use_snapstart(load: FunctionLoad) -> bool:
    """Whether SnapStart is to be had, and would make a cold start shorter."""
    return (
        load.runtime is not None
        and supports_snapstart(load.runtime)
        and load.package_type is not PackageType.IMAGE
        and not load.uses_efs
        and (load.ephemeral_storage_mb or 0) <= limits.LAMBDA_STORAGE_LEAST.value
        and not load.snapstart
        and load.cold_start_ms > load.policy_value("snapstart_restore_ms")
    )


def _snapstart(plan: FunctionPlan) -> Iterator[Finding]:
    load = plan.load
    if not load.snapstart:
        return
    most = limits.LAMBDA_STORAGE_LEAST.value
    storage = load.ephemeral_storage_mb or most
    for conflicts, subject, path, what in (
        (
            any(window.warm_instances for window in plan.windows.values()),
            "provisioned concurrency",
            ("provisioned_concurrency",),
            f"{counted(plan.instances, 'provisioned instance')}",
        ),
        (load.package_type is PackageType.IMAGE, "container image", ("package_type",), "a container image"),
        (bool(load.uses_efs), "EFS", ("uses_efs",), "a file system of EFS"),
        (storage > most, "ephemeral storage", ("ephemeral_storage_mb",), f"{storage:,} MB of ephemeral storage"),
        (
            load.runtime is not None and not supports_snapstart(load.runtime),
            "runtime",
            ("runtime",),
            f"the runtime {load.runtime}",
        ),
    ):
        if conflicts:
            yield _error(
                codes.SNAPSTART_CONFLICT,
                load.where(path),
                1,
                0,
                "of the two",
                f"snapstart and {what}",
                f"SnapStart does not go with {what}",
                subject=subject,
            )


def _percent(share: float) -> str:
    """A share for people: three digits of it.

    Example:
        >>> _percent(0.00852), _percent(1), _percent(3.5e-6)
        ('0.852%', '100%', '0.00035%')
    """
    return f"{show_number(Fraction(f'{share * 100:.3g}'), 12)}%"
