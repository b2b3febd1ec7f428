"""Ways out of what a function's plan breaks, each found by sizing again.

A remedy brings its number to what the plan needs, not a step further. Warm instances, reserved concurrency, the
account's quota and connections follow from one another and are all computed from one plan, so that remedies of
different findings agree.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from loadfit.core import limits
from loadfit.core.exact import ceiling, exact, show_number
from loadfit.core.findings import Change, Finding, Remedied, Remedy, RemedyKind, Severity
from loadfit.core.paths import Path, replaced, value_at
from loadfit.core.tightening import tightened
from loadfit.core.wording import counted, few
from loadfit.functions import codes
from loadfit.functions.checks import connections_wanted
from loadfit.functions.load import FunctionLoad, PackageType
from loadfit.functions.plan import FunctionPlan
from loadfit.functions.sizing import size_function

__all__ = ["find_remedies"]

_Changes = tuple[tuple[Path, Any], ...]
_ORDER = list(RemedyKind)
_INSTANCES = frozenset({codes.PC_TOO_SMALL, codes.RATE_10X, codes.BURST})
_RESERVED = frozenset({codes.RESERVED_LT_PC, codes.RESERVED_THROTTLES})
_CLAIMS = (codes.RESERVED_LT_PC, codes.ACCOUNT_LIMIT, codes.DB_CONNECTIONS)
"""What fewer provisioned instances, or less reserved concurrency, may bring within its limit."""


def find_remedies(plan: FunctionPlan) -> tuple[Remedied, ...]:
    """Each finding of a plan with its remedies: by kind, and within a kind by cost."""
    return tuple(Remedied(finding, _remedies(plan, finding)) for finding in plan.findings)


def _remedies(plan: FunctionPlan, finding: Finding) -> tuple[Remedy, ...]:
    found: dict[tuple[tuple[Path, str], ...], Remedy] = {}
    for draft in _drafts(plan, finding):
        remedy = _checked(plan, finding, draft)
        if remedy is not None:
            found.setdefault(tuple((change.path, str(change.after)) for change in remedy.changes), remedy)
    return tuple(sorted(found.values(), key=lambda one: (_ORDER.index(one.kind), one.monthly_cost_usd or 0)))


@dataclass(frozen=True)
class _Draft:
    """Changes of the load itself (paths in it, not in the document), still to be checked."""

    kind: RemedyKind
    changes: _Changes
    sentence: str


def _drafts(plan: FunctionPlan, finding: Finding) -> Iterator[_Draft]:
    """What may help against a finding, each sized but not yet checked as a whole."""
    code = finding.code
    if code in _INSTANCES or code == codes.SCALING_RATE:
        yield from _more_instances(plan)
        if code != codes.SCALING_RATE:
            yield from _shorter_requests(plan, finding, [finding.subject])
            yield from _shorter_init(plan, [one for one in plan.findings if one.code in _INSTANCES])
    elif code == codes.LATENCY_INFEASIBLE:
        target = int(finding.needed)
        yield _Draft(
            RemedyKind.CONFIGURATION,
            ((("target_p99_ms",), target),),
            f"a p99 target of {target:,} ms, the lowest that the warm function keeps",
        )
        busy = [name for name, window in plan.load.windows.items() if window.requests_per_second > 0]
        yield from _shorter_requests(plan, finding, busy)
    elif code in _CLAIMS or code in _RESERVED or code == codes.DB_UNBOUNDED:
        yield from _claims(plan, finding)
    elif code == codes.TIMEOUT_LT_P99:
        seconds = int(finding.needed)
        yield _Draft(
            RemedyKind.CONFIGURATION, ((("timeout_seconds",), seconds),), f"a time-out of {counted(seconds, 'second')}"
        )
    elif code == codes.INIT_OVER_10S:
        yield from _shorter_init(plan, [finding])
    elif code in (codes.ZIP_TOO_BIG, codes.UNZIPPED_TOO_BIG):
        yield from _package(finding)
    elif code == codes.SNAPSTART_CONFLICT:
        yield from _snapstart(plan, finding)


def _checked(plan: FunctionPlan, finding: Finding, draft: _Draft) -> Remedy | None:
    """The draft as a remedy, with what it needs besides; ``None`` where it does not do."""
    after = size_function(_applied(plan.load, draft.changes))
    if _new_errors(plan, after) == {codes.DB_CONNECTIONS}:
        budget: _Changes = ((("database", "budget"), connections_wanted(after)),)
        draft = _Draft(
            draft.kind,
            (*draft.changes, *budget),
            f"{draft.sentence}, with {counted(connections_wanted(after), 'connection')} for the function",
        )
        after = size_function(_applied(after.load, budget))
    if _new_errors(plan, after) or finding.key in {other.key for other in after.findings}:
        return None
    changes = tuple(Change(plan.load.where(path), value_at(plan.load, path), value) for path, value in draft.changes)
    return Remedy(draft.kind, changes, draft.sentence, _cost_difference(plan, after))


def _new_errors(before: FunctionPlan, after: FunctionPlan) -> set[str]:
    had = {finding.key for finding in before.findings if finding.severity is Severity.ERROR}
    return {finding.code for finding in after.findings if finding.severity is Severity.ERROR and finding.key not in had}


def _applied(load: FunctionLoad, changes: Iterable[tuple[Path, Any]]) -> FunctionLoad:
    for path, value in changes:
        load = replaced(load, path, value)
    return load


def _cost_difference(before: FunctionPlan, after: FunctionPlan) -> Fraction | None:
    if before.monthly_cost_usd is None or after.monthly_cost_usd is None:
        return None
    return after.monthly_cost_usd["total"] - before.monthly_cost_usd["total"]


def _more_instances(plan: FunctionPlan) -> Iterator[_Draft]:
    yield _Draft(
        RemedyKind.CONFIGURATION,
        ((("provisioned_concurrency",), plan.instances),),
        counted(plan.instances, "warm instance"),
    )
    if plan.load.snapstart:
        yield _Draft(
            RemedyKind.CONFIGURATION,
            ((("snapstart",), None), (("provisioned_concurrency",), plan.instances)),
            f"no SnapStart, and {counted(plan.instances, 'warm instance')}",
        )


def _claims(plan: FunctionPlan, finding: Finding) -> Iterator[_Draft]:
    """Remedies of what is claimed: of the account, of the reserved concurrency, of the database."""
    load = plan.load
    fewer = _fewer_instances(plan)
    if fewer is not None:
        yield fewer
    if finding.code in _RESERVED or finding.code == codes.DB_UNBOUNDED:
        if fewer is not None:
            yield from _fewer_and_reserved(plan, finding, fewer)
        yield from _reserve(plan)
        return
    yield from _less_reserved(plan)
    if finding.code == codes.ACCOUNT_LIMIT:
        yield _Draft(
            RemedyKind.QUOTA_REQUEST,
            ((("quota_concurrency",), plan.quota_needed),),
            f"ask for quota {limits.LAMBDA_CONCURRENCY_QUOTA.quota} to be raised to {plan.quota_needed:,}",
        )
    elif load.database is not None and load.database.budget is not None:
        wanted = connections_wanted(plan)
        each = load.database.budget // (wanted // load.database.connections_per_instance)
        if each:
            yield _Draft(
                RemedyKind.APPLICATION,
                ((("database", "connections_per_instance"), each),),
                f"{counted(each, 'connection')} in each instance",
            )
        yield _Draft(
            RemedyKind.CONFIGURATION,
            ((("database", "budget"), wanted),),
            f"{counted(wanted, 'connection')} of {load.database.name} for the function",
        )


def _reserve(plan: FunctionPlan) -> Iterator[_Draft]:
    reserved = plan.reserved_needed
    yield _Draft(
        RemedyKind.CONFIGURATION,
        ((("reserved_concurrency",), reserved),),
        f"a reserved concurrency of {reserved:,}",
    )


def _fewer_and_reserved(plan: FunctionPlan, finding: Finding, fewer: _Draft) -> Iterator[_Draft]:
    """Where fewer instances alone do not do: reserved concurrency as they need it, and as many as that has room for."""
    with_fewer = size_function(_applied(plan.load, fewer.changes))
    if finding.key not in {other.key for other in with_fewer.findings}:
        return
    for reserve in _reserve(with_fewer):
        room = _fewer_instances(size_function(_applied(plan.load, reserve.changes)))
        if room is not None:
            yield _Draft(
                RemedyKind.CONFIGURATION,
                (*room.changes, *reserve.changes),
                f"{room.sentence}, and {reserve.sentence}",
            )


def _fewer_instances(plan: FunctionPlan) -> _Draft | None:
    """As many provisioned instances as all that they claim has room for, and no fewer than are needed."""
    given = plan.load.provisioned_concurrency
    if given is None or given <= plan.needed_instances:
        return None
    value = _largest(plan, ("provisioned_concurrency",), plan.needed_instances, given)
    if value is None:
        return None
    return _Draft(
        RemedyKind.CONFIGURATION,
        ((("provisioned_concurrency",), value),),
        f"{counted(value, 'warm instance')}, of which {plan.needed_instances:,} are needed",
    )


def _less_reserved(plan: FunctionPlan) -> Iterator[_Draft]:
    reserved = plan.load.reserved_concurrency
    if reserved is None or reserved <= plan.reserved_needed:
        return
    value = _largest(plan, ("reserved_concurrency",), plan.reserved_needed, reserved)
    if value is not None:
        yield _Draft(
            RemedyKind.CONFIGURATION,
            ((("reserved_concurrency",), value),),
            f"a reserved concurrency of {value:,}, of which {plan.reserved_needed:,} are needed",
        )


def _largest(plan: FunctionPlan, path: Path, least: int, now: int) -> int | None:
    """The largest value of a number, from ``least``, that removes every claim that it can remove at all.

    One value for all of them, so that remedies of several findings do not undo one another.
    """
    values: list[int] = []
    for key in {finding.key for finding in plan.findings if finding.code in _CLAIMS}:

        def gone(moved: Sequence[int], key: tuple[str, str] = key) -> bool:
            after = size_function(replaced(plan.load, path, moved[0]))
            return key not in {finding.key for finding in after.findings}

        value = tightened([now], [least], gone)
        if value is not None:
            values.append(value[0])
    return min(values, default=None)


def _shorter_requests(plan: FunctionPlan, finding: Finding, names: Sequence[str]) -> Iterator[_Draft]:
    """Shorter requests in some windows, mean and p99 in proportion, in whole milliseconds of the mean."""
    declared = [plan.load.windows[name] for name in names]
    now = [ceiling(exact(window.mean_duration_ms or 0)) for window in declared]

    def changes(values: Sequence[int]) -> _Changes:
        made: list[tuple[Path, Any]] = []
        for name, window, value in zip(names, declared, values, strict=True):
            if value >= (window.mean_duration_ms or 0):
                continue
            p99 = exact(window.p99_duration_ms or 0) * value / exact(window.mean_duration_ms or 0)
            made += [
                (("windows", name, "mean_duration_ms"), value),
                (("windows", name, "p99_duration_ms"), int(p99) if p99.denominator == 1 else float(p99)),
            ]
        return tuple(made)

    values = tightened(now, [1] * len(now), partial(_does, plan, [finding], changes))
    if values is not None and (made := changes(values)):
        said = few(f"{value:,} ms on average in {path[1]}" for path, value in made if path[-1] == "mean_duration_ms")
        yield _Draft(RemedyKind.APPLICATION, made, f"requests of at most {said}, the p99 in proportion")


def _shorter_init(plan: FunctionPlan, findings: Sequence[Finding]) -> Iterator[_Draft]:
    """A shorter cold start: the whole, or where it is declared by phases the download and the function's own code.

    One for several findings, so that their remedies do not undo one another.
    """
    load = plan.load
    if load.init is None:
        paths: list[Path] = [("init_ms",)]
        declared = [load.cold_start_ms]
    else:
        paths = [("init", phase) for phase in ("download_ms", "code_ms")]
        declared = [exact(value_at(load, path)) for path in paths]
    now = [ceiling(milliseconds) for milliseconds in declared]

    def changes(values: Sequence[int]) -> _Changes:
        return tuple((path, value) for path, value, was in zip(paths, values, declared, strict=True) if value < was)

    values = tightened(now, [0] * len(now), partial(_does, plan, findings, changes))
    if values is not None and (made := changes(values)):
        whole = _applied(load, made).cold_start_ms
        yield _Draft(
            RemedyKind.APPLICATION,
            made,
            f"a cold start of at most {show_number(whole)} ms, by a smaller bundle or less work in it",
        )


def _does(
    plan: FunctionPlan,
    findings: Sequence[Finding],
    changes: Callable[[Sequence[int]], _Changes],
    values: Sequence[int],
) -> bool:
    """Whether changes remove some findings and add no error."""
    after = size_function(_applied(plan.load, changes(values)))
    left = {finding.key for finding in after.findings}
    return not _new_errors(plan, after) and all(finding.key not in left for finding in findings)


def _package(finding: Finding) -> Iterator[_Draft]:
    most = int(finding.available)
    if finding.code == codes.ZIP_TOO_BIG:
        yield _Draft(RemedyKind.CONFIGURATION, ((("code_in_s3",), True),), "upload the zip file through S3")
        yield _Draft(RemedyKind.APPLICATION, ((("zipped_mb",), most),), f"a zip file of at most {most:,} MB")
        return
    yield _Draft(RemedyKind.APPLICATION, ((("unzipped_mb",), most),), f"a package of at most {most:,} MB unpacked")
    if most == limits.LAMBDA_UNZIPPED.value:
        yield _Draft(
            RemedyKind.APPLICATION,
            ((("package_type",), PackageType.IMAGE),),
            f"a container image, of up to {limits.LAMBDA_IMAGE.value:,} MB",
        )


def _snapstart(plan: FunctionPlan, finding: Finding) -> Iterator[_Draft]:
    yield _Draft(RemedyKind.CONFIGURATION, ((("snapstart",), None),), "no SnapStart")
    if finding.subject == "provisioned concurrency":
        none: _Changes = ((("provisioned_concurrency",), 0),)
        left = {other.code for other in size_function(_applied(plan.load, none)).findings}
        if not left & {*_INSTANCES, codes.LATENCY_INFEASIBLE}:
            yield _Draft(
                RemedyKind.CONFIGURATION,
                none,
                "no provisioned instance: with SnapStart the target holds if every request starts cold",
            )
    elif finding.subject == "ephemeral storage":
        most = limits.LAMBDA_STORAGE_LEAST.value
        yield _Draft(RemedyKind.CONFIGURATION, ((("ephemeral_storage_mb",), most),), f"{most} MB of ephemeral storage")
