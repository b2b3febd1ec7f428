"""The plans of a stack's sections, and what they say together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from loadfit.core.findings import Finding, Remedied, Severity, Verdict, verdict
from loadfit.databases import DatabasePlan, size_database
from loadfit.databases.codes import DATABASE_CONNECTIONS_SHORT
from loadfit.egress import EgressPlan, size_egress
from loadfit.functions import FunctionPlan, size_function
from loadfit.functions.codes import ACCOUNT_LIMIT
from loadfit.stack.resolution import ResolvedLoad

__all__ = ["Identity", "SectionPlan", "StackPlan", "size"]

SectionPlan = EgressPlan | DatabasePlan | FunctionPlan
"""The plan of one section."""

Identity = tuple[str, str, str]
"""What tells findings of a document apart: whose it is (a section, the account, a server), its code, its subject."""


@dataclass(frozen=True)
class StackPlan:
    """The plans of a stack's sections."""

    load: ResolvedLoad
    egress: EgressPlan | None
    databases: Mapping[str, DatabasePlan] = field(default_factory=dict[str, DatabasePlan])
    """By the name of the database."""
    functions: Mapping[str, FunctionPlan] = field(default_factory=dict[str, FunctionPlan])
    """By the name of the function."""

    @cached_property
    def sections(self) -> Mapping[str, SectionPlan]:
        """The plans by the path of what they size: ``egress``, ``databases.orders``, ``functions.storefront``."""
        plans: dict[str, SectionPlan] = {} if self.egress is None else {"egress": self.egress}
        plans |= {f"databases.{name}": plan for name, plan in self.databases.items()}
        return plans | {f"functions.{name}": plan for name, plan in self.functions.items()}

    def found(self) -> list[tuple[str, Finding]]:
        """The findings of every section with the section's path, errors first."""
        found = [(path, one) for path, plan in self.sections.items() for one in plan.findings]
        return sorted(found, key=lambda item: item[1].severity is not Severity.ERROR)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of every section, errors first."""
        return tuple(finding for _, finding in self.found())

    def identity(self, path: str, finding: Finding) -> Identity:
        """What stays the same when a finding is found again in a changed document, also where another section says it.

        Args:
            path: The path of the section that it is of.
            finding: One of its findings.
        """
        code, subject = finding.key
        if code == ACCOUNT_LIMIT:
            return ("account", code, "")
        server = self.server_of(path)
        if code == DATABASE_CONNECTIONS_SHORT and server is not None:
            return ("server", code, server)
        return (path, code, subject)

    def server_of(self, path: str) -> str | None:
        """The server that a section's database names; ``None`` for any other section."""
        section, _, name = path.partition(".")
        return (self.load.stack.databases or {})[name].server if section == "databases" else None

    @property
    def verdict(self) -> Verdict:
        """Whether every section can carry its load."""
        return verdict(self.findings)

    @cached_property
    def remedied(self) -> Mapping[str, tuple[Remedied, ...]]:
        """The findings of each section with their ways out, by the section's path. Computed when first asked for.

        Those whose change reaches another section were sized with the whole document.
        """
        # A remedy is found by sizing again, so its module imports this one.
        from loadfit.stack.remedies import find_remedies  # noqa: PLC0415

        return find_remedies(self)

    def remedies(self) -> tuple[Remedied, ...]:
        """Each finding with its ways out, errors first. Computed when first asked for."""
        found = [item for items in self.remedied.values() for item in items]
        return tuple(sorted(found, key=lambda item: item.finding.severity is not Severity.ERROR))


def size(load: ResolvedLoad) -> StackPlan:
    """Sizes every section.

    Example:
        >>> from loadfit.stack import parse_load, resolve
        >>> plan = size(resolve(parse_load({"region": "us-east-1", "zones": 3, "workloads": {"shop": {"pods": 20}},
        ...     "egress": {"flows": [{"from": "shop", "to": "api.example.com:443", "connections_per_pod": 10}]}})))
        >>> plan.egress.addresses_per_gateway
        1
    """
    return StackPlan(
        load,
        size_egress(load.egress) if load.egress is not None else None,
        {name: size_database(database) for name, database in load.databases.items()},
        {name: load.sized.get(name) or size_function(function) for name, function in load.functions.items()},
    )
