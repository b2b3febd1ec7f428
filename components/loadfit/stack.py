"""The whole declared load: its sections, what crosses them, and their plans together.

A load is declared once (what runs as ``workloads``) and referred to by the sections that say how it uses the network.
:func:`resolve` makes every reference explicit, so that each section can be sized alone; :func:`size` sizes them all.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, Field

from loadfit.core.findings import Finding, Remedied, Severity, Verdict, verdict
from loadfit.core.model import Declared, validate
from loadfit.core.paths import Path, show_path
from loadfit.core.problems import SHOWN_PROBLEMS, InvalidLoad, Problem, nearest, shown, under
from loadfit.core.wording import few
from loadfit.core.workloads import Workload
from loadfit.databases import Access, ClientGroup, DatabaseLoad, DatabasePlan, DatabaseSettings, size_database
from loadfit.egress import EgressLoad, EgressPlan, EgressSettings, Flow, Traffic, size_egress
from loadfit.egress.load import MAX_ZONES, REGION_PATTERN

__all__ = [
    "DatabaseSection",
    "DeclaredClients",
    "DeclaredFlow",
    "EgressSection",
    "ResolvedLoad",
    "SectionPlan",
    "StackLoad",
    "StackPlan",
    "parse_load",
    "resolve",
    "size",
]

SectionPlan = EgressPlan | DatabasePlan
"""The plan of one section."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class DeclaredFlow(Traffic):
    """Connections from a declared workload to a destination."""

    model_config = ConfigDict(validate_by_name=False)

    client: str = Field(alias="from", max_length=63)
    """The workload that opens the connections, by its name under workloads."""


class EgressSection(EgressSettings):
    """How the workloads use the network outside of the VPC."""

    flows: list[DeclaredFlow] | None = Field(default=None)
    """What leaves the network."""


class DeclaredClients(Access):
    """How a declared workload uses a database."""

    model_config = ConfigDict(validate_by_name=False)

    client: str = Field(alias="from", max_length=63)
    """The workload that connects, by its name under workloads."""


class DatabaseSection(DatabaseSettings):
    """One database: its limits, its pool, and who connects to it."""

    clients: list[DeclaredClients] | None = Field(default=None)
    """Who connects to it."""


class StackLoad(Declared):
    """The load of a stack: one document."""

    region: str = Field(pattern=REGION_PATTERN)
    """The AWS Region's code, such as us-east-1."""
    zones: int = Field(ge=1, le=MAX_ZONES)
    """Availability Zones that the stack runs in."""
    workloads: dict[str, Workload] | None = Field(default=None)
    """What runs as pods, by name; sections refer to these names."""
    egress: EgressSection | None = Field(default=None)
    """What leaves the network, through NAT gateways or past them."""
    databases: dict[str, DatabaseSection] | None = Field(default=None)
    """PostgreSQL databases, by name, and the connections to them."""


SECTIONS = ("egress", "databases")
"""The sections of a document, of which at least one is there, in the order in which they are resolved and reported."""


@dataclass(frozen=True)
class ResolvedLoad:
    """A load with every reference made explicit: one load for each component."""

    stack: StackLoad
    egress: EgressLoad | None
    databases: Mapping[str, DatabaseLoad] = field(default_factory=dict[str, DatabaseLoad])
    """By the name of the database."""


@dataclass(frozen=True)
class StackPlan:
    """The plans of a stack's sections."""

    load: ResolvedLoad
    egress: EgressPlan | None
    databases: Mapping[str, DatabasePlan] = field(default_factory=dict[str, DatabasePlan])
    """By the name of the database."""

    @property
    def sections(self) -> Mapping[str, SectionPlan]:
        """The plans by the path of what they size: ``egress``, ``databases.orders``."""
        plans: dict[str, SectionPlan] = {} if self.egress is None else {"egress": self.egress}
        return plans | {f"databases.{name}": plan for name, plan in self.databases.items()}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of every section, errors first."""
        found = [finding for plan in self.sections.values() for finding in plan.findings]
        return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))

    @property
    def verdict(self) -> Verdict:
        """Whether every section can carry its load."""
        return verdict(self.findings)

    def remedies(self) -> tuple[Remedied, ...]:
        """Each finding with its ways out, errors first. Computed when first asked for."""
        found = [item for plan in self.sections.values() for item in plan.remedies()]
        return tuple(sorted(found, key=lambda item: item.finding.severity is not Severity.ERROR))


def parse_load(data: object, *, source: str = "") -> StackLoad:
    """A load from plain data, such as a parsed document.

    Args:
        data: Mappings, lists, text, numbers.
        source: Where the data came from, for messages.

    Raises:
        InvalidLoad: With every problem at once; a reference to something unknown is one.
    """
    load = validate(StackLoad, data, source=source)
    problems = [*_bad_names(load), *_missing_sections(load), *_unknown_references(load)]
    if problems:
        raise InvalidLoad(problems, source)
    resolve(load, source=source)
    return load


def resolve(load: StackLoad, *, source: str = "") -> ResolvedLoad:
    """The load of each component, with its references made explicit.

    Raises:
        InvalidLoad: A section does not fit together, or refers to something unknown.
    """
    problems = list(_unknown_references(load))
    if problems:
        raise InvalidLoad(problems, source)
    egress: EgressLoad | None = None
    databases: dict[str, DatabaseLoad] = {}
    try:
        egress = _resolve_egress(load)
    except InvalidLoad as error:
        problems += error.problems
    for name, section in (load.databases or {}).items():
        try:
            databases[name] = _resolve_database(load, name, section)
        except InvalidLoad as error:
            problems += under(error.problems, ("databases", name))
    if problems:
        raise InvalidLoad(problems, source)
    return ResolvedLoad(load, egress, databases)


def size(load: ResolvedLoad) -> StackPlan:
    """Sizes every section.

    Example:
        >>> plan = size(resolve(parse_load({"region": "us-east-1", "zones": 3, "workloads": {"shop": {"pods": 20}},
        ...     "egress": {"flows": [{"from": "shop", "to": "api.example.com:443", "connections_per_pod": 10}]}})))
        >>> plan.egress.addresses_per_gateway
        1
    """
    return StackPlan(
        load,
        size_egress(load.egress) if load.egress is not None else None,
        {name: size_database(database) for name, database in load.databases.items()},
    )


def _bad_names(load: StackLoad) -> Iterator[Problem]:
    for section, names in (("workloads", load.workloads), ("databases", load.databases)):
        for name in names or {}:
            if not _LABEL.fullmatch(name):
                yield Problem(
                    (section, name),
                    "a name of lower-case letters, digits and dashes, at most 63 of them, as Kubernetes takes it",
                    shown(name),
                )


def _missing_sections(load: StackLoad) -> Iterator[Problem]:
    if all(getattr(load, section) is None for section in SECTIONS):
        yield Problem((), f"at least one section ({', '.join(SECTIONS)})", "none")
    if load.databases is not None and not load.databases:
        yield Problem(("databases",), "at least one database, by name", "none")


def _unknown_references(load: StackLoad) -> Iterator[Problem]:
    known = load.workloads or {}
    expected = f"the name of a workload ({few(known, most=5)})" if known else "the name of a workload: none is declared"
    guesses = SHOWN_PROBLEMS  # a guess compares with every name, and only so many are shown
    for path, name in _references(load):
        if name not in known:
            meant = nearest(name, known) if guesses > 0 else None
            guesses -= 1
            way_out = f'Did you mean "{meant}"?' if meant else "Declare it under workloads."
            yield Problem(path, expected, shown(name), way_out)


def _references(load: StackLoad) -> Iterator[tuple[Path, str]]:
    """Where workloads are referred to, and by which name."""
    for index, flow in enumerate((load.egress.flows if load.egress else None) or []):
        yield ("egress", "flows", index, "from"), flow.client
    for name, database in (load.databases or {}).items():
        for index, clients in enumerate(database.clients or []):
            yield ("databases", name, "clients", index, "from"), clients.client


def _resolve_egress(load: StackLoad) -> EgressLoad | None:
    section = load.egress
    if section is None:
        return None
    settings = _declared(section, EgressSettings)
    flows = [_resolve_flow(load, index, flow) for index, flow in enumerate(section.flows or [])]
    try:
        return validate(
            EgressLoad,
            {**settings, "region": load.region, "zones": load.zones, "flows": flows, "origin": "egress"},
        )
    except InvalidLoad as error:
        raise InvalidLoad([_in_section(problem) for problem in error.problems]) from None


def _in_section(problem: Problem) -> Problem:
    path = problem.path if problem.path[:1] in (("region",), ("zones",)) else ("egress", *problem.path)
    return Problem(path, problem.expected, problem.found, problem.way_out)


def _resolve_flow(load: StackLoad, index: int, flow: DeclaredFlow) -> Flow:
    return Flow(
        **_declared(flow, Traffic),
        **_declared((load.workloads or {})[flow.client], Workload),
        client=flow.client,
        origin=show_path(("egress", "flows", index)),
        client_origin=show_path(("workloads", flow.client)),
    )


def _resolve_database(load: StackLoad, name: str, section: DatabaseSection) -> DatabaseLoad:
    groups = [
        ClientGroup(
            **_declared(clients, Access),
            **_declared((load.workloads or {})[clients.client], Workload),
            client=clients.client,
            origin=show_path(("databases", name, "clients", index)),
            client_origin=show_path(("workloads", clients.client)),
        )
        for index, clients in enumerate(section.clients or [])
    ]
    settings = _declared(section, DatabaseSettings)
    origin = show_path(("databases", name))
    return validate(DatabaseLoad, {**settings, "name": name, "clients": groups, "origin": origin})


def _declared(part: Declared, model: type[Declared]) -> dict[str, Any]:
    """What was declared of a model's fields."""
    return {name: getattr(part, name) for name in model.model_fields if name in part.model_fields_set}
