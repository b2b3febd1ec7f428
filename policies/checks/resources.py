"""What a check knows of a stack: its resources as they were declared, and which of their values come from which."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadfit.testing import UNKNOWN, Unknown

__all__ = ["NOT_KNOWN", "Report", "Stack", "StackResource", "Told"]

NOT_KNOWN = "not checked: not known before deployment"


@dataclass(frozen=True, slots=True)
class StackResource:
    """One resource of a stack."""

    urn: str
    type: str
    name: str
    properties: Mapping[str, Any]
    """In camelCase; ``UNKNOWN`` where a value is known only after deployment."""
    parent: str | None = None
    """The parent's URN."""
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By property, the URNs of the resources that its value came from."""


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence about a resource."""

    urn: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    violations: tuple[Told, ...] = ()
    unchecked: tuple[Told, ...] = ()
    """What it could not look at, and why."""


class Stack:
    """The resources of a stack, by what a check asks for."""

    def __init__(self, resources: Iterable[StackResource]) -> None:
        self.resources = tuple(resources)
        self._by_urn = {one.urn: one for one in self.resources}
        # Ids of different types may be the same text: a function's is its name.
        self._by_id = {
            (one.type, str(one.properties["id"])): one.urn for one in self.resources if "id" in one.properties
        }

    def of_type(self, *types: str) -> Iterator[StackResource]:
        """The resources of some types."""
        return (one for one in self.resources if one.type in types)

    def get(self, urn: str | Unknown | None) -> StackResource | None:
        """The resource of a URN; ``None`` where there is none."""
        return self._by_urn.get(urn) if isinstance(urn, str) else None

    def is_below(self, resource: StackResource, type_: str) -> bool:
        """Whether a parent of the resource, or a parent's parent, is of a type."""
        above = self.get(resource.parent)
        return above is not None and (above.type == type_ or self.is_below(above, type_))

    def reference(self, resource: StackResource, property_: str, *types: str) -> str | Unknown | None:
        """What a property refers to: the URN of a resource of the stack, or else the value itself.

        ``UNKNOWN`` where the value is not known and does not come from one resource of these types; ``None`` where
        nothing is given.
        """
        return self.resolved(resource.properties.get(property_), resource, property_, *types)

    def resolved(self, value: Any, resource: StackResource, property_: str, *types: str) -> str | Unknown | None:
        """The same for a value that stands inside of a property."""
        if value is None or value == "":
            return None
        sources = [one.urn for one in map(self.get, resource.sources.get(property_, ())) if one and one.type in types]
        if len(sources) == 1:
            return sources[0]
        if not isinstance(value, str):
            return UNKNOWN
        return next((self._by_id[type_, value] for type_ in types if (type_, value) in self._by_id), value)

    def label(self, reference: str | Unknown | None) -> str:
        """A reference for people: the name of a resource of the stack, or the value."""
        found = self.get(reference)
        return found.name if found else str(reference)
