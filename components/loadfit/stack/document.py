"""The load document: what it is made of, and what in it refers to what."""

from collections.abc import Iterator

from pydantic import ConfigDict, Field, model_validator

from loadfit.core.model import MAX_COUNT, MAX_RATE, NAME, REGION_PATTERN, Declared, problem_error
from loadfit.core.paths import Path
from loadfit.core.problems import SHOWN_PROBLEMS, Problem, nearest, shown
from loadfit.core.wording import few
from loadfit.core.workloads import Workload
from loadfit.databases import Access, DatabaseSettings
from loadfit.egress import EgressSettings, Traffic
from loadfit.egress.load import MAX_ZONES
from loadfit.functions import FunctionSettings

__all__ = [
    "SECTIONS",
    "DatabaseSection",
    "DeclaredClients",
    "DeclaredFlow",
    "EgressSection",
    "FunctionFlow",
    "FunctionSection",
    "StackLoad",
    "problems_of_form",
    "unknown_references",
]


class DeclaredFlow(Traffic):
    """Connections from a declared workload to a destination."""

    model_config = ConfigDict(validate_by_name=False)

    client: str = Field(alias="from", max_length=63)
    """The workload that opens the connections, by its name under workloads."""


class EgressSection(EgressSettings):
    """How the workloads, and the functions in the VPC, use the network outside of it."""

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


class FunctionFlow(Traffic):
    """Connections from a function's instances to a destination."""

    model_config = ConfigDict(validate_by_name=False)

    connections_per_pod: int | None = Field(default=None, alias="connections_per_instance", ge=1, le=MAX_COUNT)
    """Connections that each instance holds open, also between requests."""
    new_connections_per_second_per_pod: float | None = Field(
        default=None, alias="new_connections_per_second_per_instance", gt=0, le=MAX_RATE
    )
    """Connections that each instance opens per second at its peak: its requests a second, times the connections of a
    request."""


class FunctionSection(FunctionSettings):
    """One function: its requests, its target, what is fixed of it, and how it uses the network."""

    egress: list[FunctionFlow] | None = Field(default=None)
    """What leaves the VPC from its instances; they have to be in it (in_vpc)."""

    @model_validator(mode="after")
    def _leaves_the_vpc_from_inside(self) -> "FunctionSection":
        if self.egress and not self.in_vpc:
            raise problem_error(
                "in_vpc: true beside egress",
                "a function outside of the VPC" if self.in_vpc is False else "no in_vpc",
                "Only instances in the VPC take its NAT ports: declare in_vpc, or leave egress out.",
                at=("egress",),
            )
        return self


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
    functions: dict[str, FunctionSection] | None = Field(default=None)
    """AWS Lambda functions, by name, with their requests and what they use."""


SECTIONS = ("egress", "databases", "functions")
"""The sections of a document, of which at least one is there, in the order in which they are reported."""


def problems_of_form(load: StackLoad) -> Iterator[Problem]:
    """What is wrong with a document as a whole: names, missing sections, references."""
    yield from _bad_names(load)
    yield from _shared_names(load)
    yield from _missing_sections(load)
    yield from unknown_references(load)


def _bad_names(load: StackLoad) -> Iterator[Problem]:
    named = (("workloads", load.workloads), ("databases", load.databases), ("functions", load.functions))
    for section, names in named:
        for name in names or {}:
            if not NAME.fullmatch(name):
                yield Problem(
                    (section, name),
                    "a name of lower-case letters, digits and dashes, at most 63 of them, as Kubernetes takes it",
                    shown(name),
                )


def _shared_names(load: StackLoad) -> Iterator[Problem]:
    """Workloads and functions are both clients, and clients are told apart by their names."""
    for name in load.functions or {}:
        if name in (load.workloads or {}):
            yield Problem(("functions", name), "a name that no workload has", shown(name), "Rename one of the two.")


def _missing_sections(load: StackLoad) -> Iterator[Problem]:
    if all(getattr(load, section) is None for section in SECTIONS):
        yield Problem((), f"at least one section ({', '.join(SECTIONS)})", "none")
    for section, noun in (("databases", "database"), ("functions", "function")):
        declared = getattr(load, section)
        if declared is not None and not declared:
            yield Problem((section,), f"at least one {noun}, by name", "none")


def unknown_references(load: StackLoad) -> Iterator[Problem]:
    """References to what is not declared, each with the name that was most likely meant."""
    guesses = SHOWN_PROBLEMS  # a guess compares with every name, and only so many are shown
    for noun, section, known, references in (
        ("workload", "workloads", load.workloads or {}, _references_to_workloads(load)),
        ("database", "databases", load.databases or {}, _references_to_databases(load)),
    ):
        names = f" ({few(known, most=5)})" if known else ": none is declared"
        for path, name in references:
            if name not in known:
                meant = nearest(name, known) if guesses > 0 else None
                guesses -= 1
                way_out = f'Did you mean "{meant}"?' if meant else f"Declare it under {section}."
                yield Problem(path, f"the name of a {noun}{names}", shown(name), way_out)


def _references_to_workloads(load: StackLoad) -> Iterator[tuple[Path, str]]:
    for index, flow in enumerate((load.egress.flows if load.egress else None) or []):
        yield ("egress", "flows", index, "from"), flow.client
    for name, database in (load.databases or {}).items():
        for index, clients in enumerate(database.clients or []):
            yield ("databases", name, "clients", index, "from"), clients.client


def _references_to_databases(load: StackLoad) -> Iterator[tuple[Path, str]]:
    for name, function in (load.functions or {}).items():
        if function.database is not None:
            yield ("functions", name, "database", "name"), function.database.name
