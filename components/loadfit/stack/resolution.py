"""References and crossings made explicit: from the document to one load for each component.

In the order functions, databases, egress: a function's instances are clients of its database and of the egress, so that
it is sized before them. Functions share the account's concurrency, and databases of one server its max_connections:
each is told what the others take, and one of them says what is short.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from loadfit.core.exact import exact, show_number
from loadfit.core.model import MAX_RATE, Declared, validate
from loadfit.core.paths import Path, show_path
from loadfit.core.problems import InvalidLoad, Problem, shown, under
from loadfit.core.workloads import Client, Workload
from loadfit.databases import Access, ClientGroup, DatabaseLoad, DatabaseSettings, size_database
from loadfit.databases.load import FUNCTION_FIELDS as DATABASE_FIELDS
from loadfit.egress import EgressLoad, EgressSettings, Flow, Traffic
from loadfit.egress.load import FUNCTION_FIELDS as EGRESS_FIELDS
from loadfit.functions import FunctionLoad, FunctionPlan, FunctionSettings, size_function
from loadfit.stack.document import DatabaseSection, FunctionSection, StackLoad, problems_of_form, unknown_references

__all__ = [
    "ACCOUNT_FIELDS",
    "SERVER_FIELDS",
    "ResolvedLoad",
    "in_one_account",
    "on_one_server",
    "parse_load",
    "resolve",
    "servers",
]

ACCOUNT_FIELDS = ("quota_concurrency", "concurrency_in_use")
"""What the functions' sections say of the account: the same in each, or in one of them for all."""

SERVER_FIELDS = ("max_connections", "instance_class", "reserved", "internal", "other_clients")
"""What the sections of databases say of their server: the same in each of one server, or in one of them for all."""

_NAMED_OTHERS = 3
"""Other functions that a function's load names; the rest is counted."""


@dataclass(frozen=True)
class ResolvedLoad:
    """A load with every reference made explicit: one load for each component."""

    stack: StackLoad
    egress: EgressLoad | None
    databases: Mapping[str, DatabaseLoad] = field(default_factory=dict[str, DatabaseLoad])
    """By the name of the database."""
    functions: Mapping[str, FunctionLoad] = field(default_factory=dict[str, FunctionLoad])
    """By the name of the function."""
    sized: Mapping[str, FunctionPlan] = field(default_factory=dict[str, FunctionPlan], repr=False, compare=False)
    """Plans of functions that were made on the way, by their names."""


def parse_load(data: object, *, source: str = "") -> StackLoad:
    """A load from plain data, such as a parsed document.

    Args:
        data: Mappings, lists, text, numbers.
        source: Where the data came from, for messages.

    Raises:
        InvalidLoad: With every problem at once; a reference to something unknown is one.
    """
    return parse_resolved(data, source=source).stack


def parse_resolved(data: object, *, source: str = "") -> ResolvedLoad:
    """The same, resolved: parsing resolves a load to find what does not fit together, and sizing needs it so.

    Args:
        data: Mappings, lists, text, numbers.
        source: Where the data came from, for messages.

    Raises:
        InvalidLoad: With every problem at once.
    """
    load = validate(StackLoad, data, source=source)
    problems = list(problems_of_form(load))
    if problems:
        raise InvalidLoad(problems, source)
    return resolve(load, source=source)


def resolve(load: StackLoad, *, source: str = "") -> ResolvedLoad:
    """The load of each component, with its references and crossings made explicit.

    Raises:
        InvalidLoad: A section does not fit together, or refers to something unknown.
    """
    problems = list(unknown_references(load))
    if problems:
        raise InvalidLoad(problems, source)
    functions = _resolve_functions(load, problems)
    databases = _resolve_databases(load, functions, problems)
    egress = _resolve_egress(load, functions, problems)
    if problems:
        raise InvalidLoad(problems, source)
    return ResolvedLoad(load, egress, databases, {name: plan.load for name, plan in functions.items()}, functions)


def _resolve_functions(load: StackLoad, problems: list[Problem]) -> dict[str, FunctionPlan]:
    """The functions, sized: their instances are what others count."""
    sections = load.functions or {}
    shared = _shared(("functions",), sections, ACCOUNT_FIELDS, "the account", problems)
    plans: dict[str, FunctionPlan] = {}
    for name, section in sections.items():
        declared = {**shared, **_declared(section, FunctionSettings)}
        own = {"name": name, "region": load.region, "origin": show_path(("functions", name))}
        try:
            plans[name] = size_function(validate(FunctionLoad, {**declared, **own}))
        except InvalidLoad as error:
            problems += under(error.problems, ("functions", name))
    return plans if len(plans) <= 1 else in_one_account(plans)


def in_one_account(plans: Mapping[str, FunctionPlan]) -> dict[str, FunctionPlan]:
    """The functions, each with what the others take of the account; the one that takes the most says what is short."""
    largest = sorted(plans, key=lambda name: -(plans[name].account.claimed + plans[name].account.own_unreserved))
    totals = _Taken(
        sum(plan.account.claimed for plan in plans.values()),
        sum(plan.account.own_unreserved for plan in plans.values()),
        sum((plan.load.requests_per_second for plan in plans.values()), Fraction(0)),
    )
    found: dict[str, FunctionPlan] = {}
    for name, plan in plans.items():
        named = [other for other in largest[: _NAMED_OTHERS + 1] if other != name][:_NAMED_OTHERS]
        claims = {other: plans[other].account.claimed for other in named if plans[other].account.claimed}
        rest = totals.claimed - plan.account.claimed - sum(claims.values())
        if rest:
            claims[f"{len(plans) - 1 - len(claims):,} more"] = rest
        changes = {
            "checks_account": None if name == largest[0] else False,
            "concurrency_of_others": claims,
            "unreserved_of_others": totals.unreserved - plan.account.own_unreserved,
            "requests_per_second_of_others": float(totals.requests - plan.load.requests_per_second),
        }
        found[name] = size_function(plan.load.model_copy(update=changes))
    return found


@dataclass(frozen=True, slots=True)
class _Taken:
    """What all functions take of their account together."""

    claimed: int
    unreserved: int
    requests: Fraction


def _resolve_databases(
    load: StackLoad, functions: Mapping[str, FunctionPlan], problems: list[Problem]
) -> dict[str, DatabaseLoad]:
    sections = load.databases or {}
    of_server: dict[str, dict[str, Any]] = {}
    for server, names in servers(load).items():
        together = {name: sections[name] for name in names}
        of_server[server] = _shared(("databases",), together, SERVER_FIELDS, f"the server {server}", problems)
    databases: dict[str, DatabaseLoad] = {}
    for name, section in sections.items():
        groups = [*_groups_of_workloads(load, name, section), *_groups_of_functions(name, functions, problems)]
        settings = {**of_server.get(section.server or "", {}), **_declared(section, DatabaseSettings)}
        whole = {**settings, "name": name, "clients": groups, "origin": show_path(("databases", name))}
        try:
            databases[name] = validate(DatabaseLoad, whole)
        except InvalidLoad as error:
            problems += [_placed(problem, ("databases", name), "clients", groups) for problem in error.problems]
    if not problems:
        for names in servers(load).values():
            databases |= on_one_server({name: databases[name] for name in names})
    return databases


def servers(load: StackLoad) -> dict[str, list[str]]:
    """The databases of each server that several of them are on."""
    found: dict[str, list[str]] = {}
    for name, section in (load.databases or {}).items():
        if section.server is not None:
            found.setdefault(section.server, []).append(name)
    return found


def on_one_server(databases: Mapping[str, DatabaseLoad]) -> dict[str, DatabaseLoad]:
    """The databases of a server, each with the connections of the others; the one with the most says what is short.

    Args:
        databases: By a name of each. What a load already says of others stays, unless they are of the same name.
    """
    if len(databases) < 2:  # noqa: PLR2004 - alone there, it shares nothing
        return dict(databases)
    connections = {name: size_database(load).server_connections for name, load in databases.items()}
    first = max(connections, key=lambda name: connections[name])
    found: dict[str, DatabaseLoad] = {}
    for name, load in databases.items():
        others = {other: number for other, number in connections.items() if other != name}
        others = {**(load.connections_of_others or {}), **others}
        checks = None if name == first else False
        found[name] = load.model_copy(update={"connections_of_others": others, "checks_server": checks})
    return found


def _groups_of_workloads(load: StackLoad, name: str, section: DatabaseSection) -> list[ClientGroup]:
    return [
        ClientGroup(
            **_declared(clients, Access),
            **_declared((load.workloads or {})[clients.client], Workload),
            client=clients.client,
            origin=show_path(("databases", name, "clients", index)),
            client_origin=show_path(("workloads", clients.client)),
        )
        for index, clients in enumerate(section.clients or [])
    ]


def _groups_of_functions(
    database: str, functions: Mapping[str, FunctionPlan], problems: list[Problem]
) -> Iterable[ClientGroup]:
    for name, plan in functions.items():
        use = plan.load.database
        if use is None or use.name != database:
            continue
        rate = plan.load.transactions_per_second
        if rate > exact(MAX_RATE):
            path: Path = ("functions", name, "database", "transactions_per_request")
            found = f"{show_number(plan.load.requests_per_second)} requests x {use.transactions_per_request:g}"
            problems.append(Problem(path, f"at most {MAX_RATE:,.0f} transactions a second", found))
            continue
        fields = ("user", "pooled", "transaction_cv2", "longest_transaction_seconds", "recycle_seconds")
        yield ClientGroup(
            **_client(plan),
            **{name: getattr(use, name) for name in fields if name in use.model_fields_set},
            origin=show_path(("functions", name, "database")),
            processes_per_pod=1,
            engines_per_process=1,
            pool_size=use.connections_per_instance,
            max_overflow=0,
            transactions_per_second=float(rate),
            mean_transaction_ms=use.mean_transaction_ms,
        )


def _client(plan: FunctionPlan) -> dict[str, Any]:
    """What every section counts of a function: all instances that it may have."""
    return {
        "client": plan.name,
        "function": True,
        "pods": plan.environments,
        "least_pods": min(plan.environments, plan.reserved_needed),
        "bounded": plan.load.reserved_concurrency is not None,
        "client_origin": show_path(("functions", plan.name)),
    }


def _resolve_egress(
    load: StackLoad, functions: Mapping[str, FunctionPlan], problems: list[Problem]
) -> EgressLoad | None:
    section = load.egress
    if section is None:
        first = next((name for name, one in (load.functions or {}).items() if one.egress), None)
        if first is not None:
            found = f"none, and {first} leaves the VPC through it"
            problems.append(
                Problem((), "the section egress, which sizes the way out of the VPC", found, "Add `egress: {}`.")
            )
        return None
    flows = [
        *(
            Flow(
                **_declared(flow, Traffic),
                **_declared((load.workloads or {})[flow.client], Workload),
                client=flow.client,
                origin=show_path(("egress", "flows", index)),
                client_origin=show_path(("workloads", flow.client)),
            )
            for index, flow in enumerate(section.flows or [])
        ),
        *_flows_of_functions(load.functions or {}, functions),
    ]
    settings = _declared(section, EgressSettings)
    whole = {**settings, "region": load.region, "zones": load.zones, "flows": flows, "origin": "egress"}
    try:
        return validate(EgressLoad, whole)
    except InvalidLoad as error:
        for problem in error.problems:
            prefix = () if problem.path[:1] in (("region",), ("zones",)) else ("egress",)
            problems.append(_placed(problem, prefix, "flows", flows))
        return None


def _flows_of_functions(
    sections: Mapping[str, FunctionSection], functions: Mapping[str, FunctionPlan]
) -> Iterable[Flow]:
    for name, plan in functions.items():
        for index, flow in enumerate(sections[name].egress or []):
            yield Flow(
                **_declared(flow, Traffic),
                **_client(plan),
                origin=show_path(("functions", name, "egress", index)),
            )


def _placed(problem: Problem, prefix: Path, part: str, clients: list[Any]) -> Problem:
    """A problem of a resolved load where it was declared: what came from a function, in the function's section."""
    path = problem.path
    if len(path) > 1 and path[0] == part and isinstance(path[1], int):
        client: Client = clients[path[1]]
        declared = client.declared_at(path[2:], {**DATABASE_FIELDS, **EGRESS_FIELDS}) if client.function else None
        if declared is not None:
            return Problem(declared, problem.expected, problem.found, problem.way_out)
    return Problem(prefix + path, problem.expected, problem.found, problem.way_out)


def _shared(
    prefix: Path, sections: Mapping[str, Declared], fields: Iterable[str], whose: str, problems: list[Problem]
) -> dict[str, Any]:
    """What sections say of something that they share; where one says nothing, what another says holds."""
    found: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    for name, section in sections.items():
        for one in fields:
            value = getattr(section, one)
            if value is None:
                continue
            if found.setdefault(one, value) != value:
                problems.append(
                    Problem(
                        (*prefix, name, one),
                        f"{shown(found[one])}, as {said_by[one]} has it",
                        shown(value),
                        f"It is one number of {whose}: declare it in one section, or the same in each.",
                    )
                )
            said_by.setdefault(one, name)
    return found


def _declared(part: Declared, model: type[Declared]) -> dict[str, Any]:
    """What was declared of a model's fields."""
    return {name: getattr(part, name) for name in model.model_fields if name in part.model_fields_set}
