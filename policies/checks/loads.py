"""The declared loads of a stack's components, sized again: each alone, and together what they share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from checks.functions import FUNCTION, PROVISIONED, WARM_LAMBDA
from checks.resources import NOT_KNOWN, Report, Stack, StackResource, Told
from loadfit import (
    DatabaseLoad,
    EgressLoad,
    FunctionLoad,
    FunctionPlan,
    InvalidLoad,
    Severity,
    SizingError,
    size_database,
    size_egress,
    size_function,
)
from loadfit.component import Plan, declared_data
from loadfit.core.model import Declared, validate
from loadfit.stack import in_one_account, on_one_server
from loadfit.testing import UNKNOWN

__all__ = ["check_account", "check_declared_loads", "check_servers"]

LoadT = TypeVar("LoadT", bound=Declared)

_EGRESS = "loadfit:index:MultiAzNatEgress"
_POOL = "loadfit:index:PgBouncerPool"
_ACCOUNT = "ACCOUNT_LIMIT"
_SERVERS = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
_PORT = ":5432"


def check_declared_loads(stack: Stack) -> Report:
    """Sizes the load of every component again, and finds those that do not fit.

    A component has refused such a load already; its inputs may have been changed since, by a transform, or it may be of
    an older release. What is short on a server that several pools share is told once, by :func:`check_servers`.
    """
    shared = {name for members in _servers(stack, []).values() if len(members) > 1 for name in members}
    violations: list[Told] = []
    unchecked: list[Told] = []
    for component in _components(stack, _EGRESS, EgressLoad, unchecked, violations):
        violations += _short(component, size_egress(component.load))
    for component in _components(stack, _POOL, DatabaseLoad, unchecked, violations):
        update = {"checks_server": False} if component.resource.urn in shared else {}
        violations += _short(component, size_database(component.load.model_copy(update=update)))
    for component in _components(stack, WARM_LAMBDA, FunctionLoad, unchecked, violations):
        violations += _short(component, size_function(component.load))
    return Report(tuple(violations), tuple(unchecked))


def check_servers(stack: Stack) -> Report:
    """Adds up the connections of all PgBouncerPools on one server, with those of their direct clients.

    Pools are on one server where they have the same endpoint, or one that comes from the same RDS server of the stack.
    """
    violations: list[Told] = []
    unchecked: list[Told] = []
    for server, pools in _servers(stack, unchecked).items():
        if len(pools) < 2:  # noqa: PLR2004 - alone on its server, a pool shares nothing
            continue
        first = next(iter(pools.values()))
        limits = {pool.load.max_connections for pool in pools.values()}
        if len(limits) > 1:
            said = ", ".join(f"{pool.load.max_connections} of {pool.name}" for pool in pools.values())
            violations.append(
                Told(first.resource.urn, f"{stack.label(server)} has one max_connections, declared as {said}")
            )
            continue
        own = {pool.load.name for pool in pools.values()}
        alone = {urn: pool.load.model_copy(update=_without(pool.load, own)) for urn, pool in pools.items()}
        names = _distinct({urn: pool.name for urn, pool in pools.items()})
        together = on_one_server({names[urn]: load for urn, load in alone.items()})
        by_name = {names[urn]: pool for urn, pool in pools.items()}
        for name, load in together.items():
            if load.checks_server is None:
                violations += _short(by_name[name], size_database(load), only="DATABASE_CONNECTIONS_SHORT")
    return Report(tuple(violations), tuple(unchecked))


def check_account(stack: Stack, quota: int | None = None) -> Report:
    """Adds up the concurrency of all functions of the stack, Region by Region, against the account's quota.

    Counted are the declared loads of WarmLambda, and of other functions what they reserve or provision.

    Args:
        stack: The resources.
        quota: The account's quota L-B99A9384; the largest that a load declares, or AWS's default, where not given.
    """
    unchecked: list[Told] = []
    violations: list[Told] = []
    by_region: dict[str, dict[str, _Component[FunctionLoad]]] = {}
    for component in _components(stack, WARM_LAMBDA, FunctionLoad, unchecked, []):
        by_region.setdefault(component.load.region, {})[component.resource.urn] = component
    outside = dict(_claimed_outside(stack, unchecked))
    for region, functions in by_region.items():
        if any(_is_short(size_function(one.load), _ACCOUNT) for one in functions.values()):
            continue  # told with the declared load
        # A function without a Region is in the provider's, which is not known here.
        claimed = sum(number for place, number in outside.values() if place in (region, None))
        declared = [one.load.quota_concurrency for one in functions.values() if one.load.quota_concurrency]
        changes = {
            "concurrency_of_others": None,
            "unreserved_of_others": None,
            "requests_per_second_of_others": None,
            "checks_account": None,
            "quota_concurrency": quota or max(declared, default=None),
        }
        names = _distinct({urn: one.name for urn, one in functions.items()})
        plans: dict[str, FunctionPlan] = {}
        for urn, one in functions.items():
            # What the load says of others may count the same functions.
            in_use = max(one.load.concurrency_in_use or 0, claimed)
            plans[names[urn]] = size_function(one.load.model_copy(update={**changes, "concurrency_in_use": in_use}))
        together = in_one_account(plans)
        for urn, one in functions.items():
            violations += _short(one, together[names[urn]], only=_ACCOUNT)
    return Report(tuple(violations), tuple(unchecked))


@dataclass(frozen=True)
class _Component(Generic[LoadT]):
    """A component of the stack with its declared load."""

    resource: StackResource
    load: LoadT

    @property
    def name(self) -> str:
        return self.resource.name


def _components(
    stack: Stack, type_: str, model: type[LoadT], unchecked: list[Told], violations: list[Told]
) -> Iterator[_Component[LoadT]]:
    for resource in stack.of_type(type_):
        inputs = resource.properties.get("load")
        if _has_unknown(inputs):
            unchecked.append(Told(resource.urn, f"{NOT_KNOWN}: the declared load of {resource.name}"))
            continue
        try:
            data = declared_data(model, cast("Mapping[str, Any]", inputs)) if isinstance(inputs, Mapping) else inputs
            yield _Component(resource, validate(model, data, source=f"{resource.name}: load"))
        except InvalidLoad as error:
            violations.append(Told(resource.urn, str(error)))


def _has_unknown(value: object) -> bool:
    match value:
        case Mapping():
            return any(map(_has_unknown, cast("Mapping[str, object]", value).values()))
        case list():
            return any(map(_has_unknown, cast("list[object]", value)))
        case _:
            return value is UNKNOWN


def _short(component: _Component[Any], plan: Plan, *, only: str | None = None) -> list[Told]:
    """The errors of a plan, each with its ways out."""
    errors = [
        item
        for item in plan.remedies()
        if item.finding.severity is Severity.ERROR and only in (None, item.finding.code)
    ]
    return [Told(component.resource.urn, str(SizingError([item], component.name))) for item in errors]


def _is_short(plan: Plan, code: str) -> bool:
    return any(finding.code == code and finding.severity is Severity.ERROR for finding in plan.findings)


def _servers(stack: Stack, unchecked: list[Told]) -> Mapping[str, Mapping[str, _Component[DatabaseLoad]]]:
    """The pools of each server, by their URNs."""
    found: dict[str, dict[str, _Component[DatabaseLoad]]] = {}
    for pool in _components(stack, _POOL, DatabaseLoad, [], []):
        server = stack.reference(pool.resource, "endpoint", *_SERVERS)
        if isinstance(server, str):
            server = server if stack.get(server) else server.lower().removesuffix(_PORT)
            found.setdefault(server, {})[pool.resource.urn] = pool
        else:
            unchecked.append(Told(pool.resource.urn, f"{NOT_KNOWN}: the server of {pool.name}"))
    return found


def _without(load: DatabaseLoad, own: set[str]) -> dict[str, Any]:
    """A load's own words of others, without those that are counted here."""
    others = {name: number for name, number in (load.connections_of_others or {}).items() if name not in own}
    return {"connections_of_others": others, "checks_server": None}


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    """A name for each URN: the component's own, or the URN where two have the same."""
    every = list(names.values())
    return {urn: name if every.count(name) == 1 else urn for urn, name in names.items()}


def _claimed_outside(stack: Stack, unchecked: list[Told]) -> Iterator[tuple[str, tuple[str | None, int]]]:
    """What functions that are no WarmLambda's claim: reserved concurrency, or else provisioned."""
    provisioned: dict[str, int] = {}
    for warm in stack.of_type(PROVISIONED):
        function, number = (
            stack.reference(warm, "functionName", FUNCTION),
            warm.properties.get("provisionedConcurrentExecutions"),
        )
        if isinstance(function, str) and isinstance(number, int | float):
            provisioned[function] = provisioned.get(function, 0) + int(number)
    for function in stack.of_type(FUNCTION):
        if stack.is_below(function, WARM_LAMBDA):
            continue
        reserved, region = function.properties.get("reservedConcurrentExecutions"), function.properties.get("region")
        if reserved is UNKNOWN:
            unchecked.append(Told(function.urn, f"{NOT_KNOWN}: the reserved concurrency of {function.name}"))
            continue
        claimed = (
            int(reserved) if isinstance(reserved, int | float) and reserved >= 0 else provisioned.get(function.urn, 0)
        )
        yield function.urn, (region if isinstance(region, str) else None, claimed)
