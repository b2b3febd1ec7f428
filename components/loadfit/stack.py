"""The whole declared load: its sections, what crosses them, and their plans together.

A load is declared once (what runs as ``workloads``) and referred to by the sections that say how it uses the network.
:func:`resolve` makes every reference explicit, so that each section can be sized alone; :func:`size` sizes them all.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ConfigDict, Field

from loadfit.core.findings import Finding, Remedied, Severity, Verdict, verdict
from loadfit.core.model import Declared, validate
from loadfit.core.paths import show_path
from loadfit.core.problems import SHOWN_PROBLEMS, InvalidLoad, Problem, nearest, shown
from loadfit.core.wording import few
from loadfit.core.workloads import Workload
from loadfit.egress import EgressLoad, EgressPlan, EgressSettings, Flow, Traffic, size_egress
from loadfit.egress.load import MAX_ZONES, REGION_PATTERN

__all__ = ["DeclaredFlow", "EgressSection", "ResolvedLoad", "StackLoad", "StackPlan", "parse_load", "resolve", "size"]

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


SECTIONS = ("egress",)
"""The sections of a document, of which at least one is there, in the order in which they are resolved and reported."""


@dataclass(frozen=True)
class ResolvedLoad:
    """A load with every reference made explicit: one load for each component."""

    stack: StackLoad
    egress: EgressLoad | None


@dataclass(frozen=True)
class StackPlan:
    """The plans of a stack's sections."""

    load: ResolvedLoad
    egress: EgressPlan | None

    @property
    def sections(self) -> Mapping[str, EgressPlan]:
        """The plans by the name of their section."""
        return {} if self.egress is None else {"egress": self.egress}

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
    try:
        return ResolvedLoad(load, _resolve_egress(load))
    except InvalidLoad as error:
        raise InvalidLoad(error.problems, source) from None


def size(load: ResolvedLoad) -> StackPlan:
    """Sizes every section.

    Example:
        >>> plan = size(resolve(parse_load({"region": "us-east-1", "zones": 3, "workloads": {"shop": {"pods": 20}},
        ...     "egress": {"flows": [{"from": "shop", "to": "api.example.com:443", "connections_per_pod": 10}]}})))
        >>> plan.egress.addresses_per_gateway
        1
    """
    return StackPlan(load, size_egress(load.egress) if load.egress is not None else None)


def _bad_names(load: StackLoad) -> Iterator[Problem]:
    for name in load.workloads or {}:
        if not _LABEL.fullmatch(name):
            yield Problem(
                ("workloads", name),
                "a name of lower-case letters, digits and dashes, at most 63 of them, as Kubernetes takes it",
                shown(name),
            )


def _missing_sections(load: StackLoad) -> Iterator[Problem]:
    if all(getattr(load, section) is None for section in SECTIONS):
        yield Problem((), f"at least one section ({', '.join(SECTIONS)})", "none")


def _unknown_references(load: StackLoad) -> Iterator[Problem]:
    known = load.workloads or {}
    expected = f"the name of a workload ({few(known, most=5)})" if known else "the name of a workload: none is declared"
    guesses = SHOWN_PROBLEMS  # a guess compares with every name, and only so many are shown
    for index, flow in enumerate((load.egress.flows if load.egress else None) or []):
        if flow.client not in known:
            meant = nearest(flow.client, known) if guesses > 0 else None
            guesses -= 1
            way_out = f'Did you mean "{meant}"?' if meant else "Declare it under workloads."
            yield Problem(("egress", "flows", index, "from"), expected, shown(flow.client), way_out)


def _resolve_egress(load: StackLoad) -> EgressLoad | None:
    section = load.egress
    if section is None:
        return None
    settings = {
        name: getattr(section, name) for name in EgressSettings.model_fields if name in section.model_fields_set
    }
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
    workload = (load.workloads or {})[flow.client]
    declared = {name: getattr(flow, name) for name in Traffic.model_fields if name in flow.model_fields_set}
    pods = {name: getattr(workload, name) for name in Workload.model_fields if name in workload.model_fields_set}
    return Flow(
        **declared,
        **pods,
        client=flow.client,
        origin=show_path(("egress", "flows", index)),
        client_origin=show_path(("workloads", flow.client)),
    )
