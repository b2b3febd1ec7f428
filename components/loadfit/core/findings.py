"""What sizing has to say: findings, the remedies for them, and the assumptions that a size rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from loadfit.core.paths import Path, show_path
from loadfit.core.prices import show_difference

__all__ = [
    "CONSEQUENCES",
    "Assumption",
    "Basis",
    "Change",
    "Consequence",
    "Finding",
    "Remedied",
    "Remedy",
    "RemedyKind",
    "Severity",
    "SizingError",
    "Verdict",
    "show_value",
    "told",
    "verdict",
]


CONSEQUENCES = "Not fixed, estimated at the declared peak"
"""How consequences are told, in every report."""


class Severity(str, Enum):
    """How bad a finding is."""

    ERROR = "error"
    """The declared load cannot be carried: nothing is provisioned."""
    WARNING = "warning"
    """It can be carried, with less margin than the policy asks for."""


class Verdict(str, Enum):
    """Whether a load can be carried."""

    FITS = "fits"
    DOES_NOT_FIT = "does not fit"


class RemedyKind(str, Enum):
    """Who can carry out a remedy; reports show them in this order."""

    CONFIGURATION = "configuration"
    """A change of what is provisioned."""
    APPLICATION = "application"
    """A change of how the workload behaves."""
    QUOTA_REQUEST = "quota request"
    """A change that AWS has to grant first."""


class Basis(str, Enum):
    """How the amount of a consequence is meant."""

    COUNTED = "counted"
    """A difference of numbers of the plan."""
    EXPECTED = "expected"
    """What a model expects on average."""
    AT_MOST = "at most"
    """A bound: no more."""
    AT_LEAST = "at least"
    """A bound: no less."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What an error would do at the declared peak if nothing was changed, by the models that the sizes come from."""

    name: str
    """Such as ``connections_refused``."""
    amount: Fraction
    """In ``unit``."""
    unit: str
    basis: Basis
    sentence: str
    """What would happen, with the amount and how it was computed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One number of a load that does not fit, or fits with too little margin."""

    code: str
    """Upper-case words, unique in the project; ``loadfit explain CODE`` tells what it means."""
    severity: Severity
    path: Path
    """Where in the declared load."""
    needed: Fraction
    """What the load needs, in ``unit``."""
    available: Fraction
    """What there is, in ``unit``: the hard limit of an error, the target of a warning."""
    unit: str
    equation: str
    """How the need was computed, with its numbers."""
    message: str
    """One sentence: what is needed, what is available."""
    subject: str = ""
    """What it is about where the path does not say it, such as a destination; tells findings of one code apart."""
    asks: tuple[str, ...] = ()
    """What was not declared and would allow more remedies, each a sentence."""
    state: str = ""
    """When it is short, such as "in a rollout" or "with 1 zone lost"; nothing where it is at any time."""
    consequences: tuple[Consequence, ...] = ()
    """What an error would do at the declared peak; empty for a warning, and where no model says it."""

    @property
    def key(self) -> tuple[str, str]:
        """What stays the same when the same finding is found again in a changed load."""
        return (self.code, self.subject)


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a declared load, changed."""

    path: Path
    before: Any
    """The declared value; ``None`` where none was declared."""
    after: Any
    """The value to declare; ``None`` for none."""

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {show_value(self.after)}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A way out of a finding, as data: applied in order, the changes bring the number to its target, tightly."""

    kind: RemedyKind
    changes: tuple[Change, ...]
    sentence: str
    monthly_cost_usd: Fraction | None
    """The difference of the monthly cost, in US dollars; ``None`` where a price is not known."""

    @property
    def cost(self) -> str:
        """The difference of the monthly cost for people: ``+$3.65 a month``."""
        return show_difference(self.monthly_cost_usd)


@dataclass(frozen=True, slots=True)
class Remedied:
    """A finding with its remedies, the best first."""

    finding: Finding
    remedies: tuple[Remedy, ...]

    @property
    def asks(self) -> tuple[str, ...]:
        """What to declare to see more remedies; where there is neither, that none was found."""
        if self.remedies or self.finding.asks:
            return self.finding.asks
        return ("No change of this document's numbers was found that does.",)


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number that a plan rests on and that nobody declared."""

    path: Path
    """The field that declares it."""
    value: Fraction | None
    """The number that was used, in ``unit``; ``None`` where something was left out."""
    unit: str
    meaning: str
    """What was assumed, as a sentence."""
    source: str
    """Where the number comes from, or the word "assumption"."""


class SizingError(ValueError):
    """A load of good form that cannot be carried.

    Args:
        remedied: The findings with their remedies, errors and warnings.
        source: What was sized; shown before each finding.
    """

    def __init__(self, remedied: Sequence[Remedied], source: str = "") -> None:
        self.remedied = tuple(remedied)
        self.source = source
        super().__init__("\n".join(told(item, source) for item in self.remedied))

    def __reduce__(self) -> tuple[type["SizingError"], tuple[tuple[Remedied, ...], str]]:
        return type(self), (self.remedied, self.source)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings alone."""
        return tuple(item.finding for item in self.remedied)


def told(item: Remedied, source: str = "") -> str:
    """A finding and its ways out as lines of text."""
    finding = item.finding
    head = f"{source}: " if source else ""
    at = show_path(finding.path)
    lines = [f"{head}{finding.severity.value} {finding.code} at {at}: {finding.message}", f"  {finding.equation}"]
    lines += [f"  {CONSEQUENCES}: {one.sentence}" for one in finding.consequences]
    for number, remedy in enumerate(item.remedies, start=1):
        changes = "; ".join(str(change) for change in remedy.changes)
        lines.append(f"  {number}. {remedy.kind.value}, {remedy.cost}: {remedy.sentence} [{changes}]")
    lines += [f"  {ask}" for ask in item.asks]
    return "\n".join(lines)


def verdict(findings: Sequence[Finding]) -> Verdict:
    """Whether what was found lets the load be carried."""
    return Verdict.DOES_NOT_FIT if any(item.severity is Severity.ERROR for item in findings) else Verdict.FITS


def show_value(value: Any) -> str:
    """A declared value as a document has it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case Fraction():
            return repr(float(value)) if value.denominator != 1 else str(value.numerator)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case Mapping():
            return "{...}"
        case _:
            return str(value)
