"""What a field of the document can hold."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loadfit.core.exact import exact
from loadfit.core.model import MAX_COUNT
from loadfit.core.paths import Path, value_at

__all__ = ["Bounds", "bounds_of", "owner_of"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers that a field takes."""

    least: Fraction
    least_is_allowed: bool
    """Whether ``least`` itself is taken."""
    most: Fraction
    """The largest that is taken; every bound above is one that the field takes itself."""
    whole: bool
    """Whether it takes whole numbers only."""


def owner_of(model: BaseModel, path: Path) -> tuple[Path, BaseModel]:
    """The part of a model that declares the field at a path, and the part's own path."""
    for length in range(len(path) - 1, 0, -1):
        owner = value_at(model, path[:length])
        if isinstance(owner, BaseModel):
            return path[:length], owner
    return (), model


def bounds_of(model: BaseModel, path: Path) -> Bounds:
    """The bounds of a number of a model.

    Raises:
        KeyError: The path does not lead to a field.
    """
    at, owner = owner_of(model, path)
    if len(path) > len(at) + 1:
        # An entry of a mapping of counts.
        return Bounds(Fraction(0), least_is_allowed=True, most=Fraction(MAX_COUNT), whole=True)
    field = _field(type(owner), path[-1])
    annotation: Any = field.annotation
    limits = {
        name: exact(value)
        for one in field.metadata
        for name in ("ge", "gt", "le")
        if (value := getattr(one, name, None)) is not None
    }
    return Bounds(
        limits.get("ge", limits.get("gt", Fraction(0))),
        least_is_allowed="gt" not in limits,
        most=limits.get("le", Fraction(MAX_COUNT)),
        whole=annotation in (int, int | None),
    )


def _field(model: type[BaseModel], step: str | int) -> FieldInfo:
    return next(field for name, field in model.model_fields.items() if step in (name, field.alias))
