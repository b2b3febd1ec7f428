"""What a report is made of, before it is text, Markdown or HTML."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Block", "Bullets", "Details", "FindingBlock", "Heading", "Paragraph", "Table", "Tone", "Way"]


class Tone(str, Enum):
    """How a line is meant; colored where color is to be had."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; level 1 is the report's, level 2 a section's, level 3 a part's."""

    level: int
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Bullets:
    """Lines that stand side by side, each with where it comes from (empty: nowhere)."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; every column but the first is of numbers, unless named as text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a finding."""

    kind: str
    sentence: str
    cost: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingBlock:
    """One finding with its ways out."""

    tone: Tone
    severity: str
    code: str
    path: str
    message: str
    equation: str
    consequences: tuple[str, ...]
    """What would happen if nothing was changed, each with how it is meant."""
    ways: tuple[Way, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """What a reader opens when in doubt: folded where the format can fold."""

    title: str
    blocks: tuple["Bullets | Paragraph | Table", ...]


Block = Heading | Paragraph | Bullets | Table | FindingBlock | Details
