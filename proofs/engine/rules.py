"""What is known of each type of resource, read from a data file, and what a provider decides from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import yaml
from pulumi.runtime.proto import provider_pb2

__all__ = ["Kind", "Reference", "difference", "differing", "looked_up", "read_kinds"]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An input that names another object."""

    type: str
    by: str = "id"
    """The property of the other object that is named."""
    holds: bool = False
    """Whether the other object cannot be deleted while this one names it."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is known of a type of resource. Inputs are dotted paths."""

    id: str
    """The form of its ids: inputs by name, ``{n}`` for something unique."""
    replace: tuple[str, ...] = ()
    """Inputs that cannot change: the provider replaces the object."""
    sets: tuple[str, ...] = ()
    """Lists whose order means nothing."""
    kept: tuple[str, ...] = ()
    """Inputs that stay as they are where a program gives none: only another value, such as an empty list, ends them."""
    named: str | None = None
    """The input that Pulumi fills in where no name is given; one that is given means delete-before-replace."""
    one_at_a_time: str | None = None
    """The input by which the service takes one change after the other: those who share it are not changed at once."""
    unique: tuple[tuple[str, ...], ...] = ()
    """Inputs that no two objects may have in common."""
    needs: Mapping[str, Reference] = field(default_factory=dict[str, Reference])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What creating it adds, with the same fields as in ids."""


def read_kinds(file: Path) -> dict[str, Kind]:
    """The types of a data file; ``common`` in it is added to each."""
    data = cast("dict[str, dict[str, Any]]", yaml.safe_load(file.read_text(encoding="utf-8")))
    common = data.pop("common", {})
    return {token: _kind(token, common, own) for token, own in data.items()}


def _kind(token: str, common: Mapping[str, Any], own: Mapping[str, Any]) -> Kind:
    unknown = {*common, *own} - {one.name for one in fields(Kind)}
    assert not unknown, f"{token}: unknown {', '.join(unknown)}"
    return Kind(
        id=own["id"],
        replace=(*common.get("replace", ()), *own.get("replace", ())),
        sets=tuple(own.get("sets", ())),
        kept=tuple(own.get("kept", ())),
        named=own.get("named"),
        one_at_a_time=own.get("one_at_a_time"),
        unique=tuple(tuple(group) for group in own.get("unique", ())),
        needs={path: Reference(**reference) for path, reference in own.get("needs", {}).items()},
        outputs={**common.get("outputs", {}), **own.get("outputs", {})},
    )


def looked_up(values: Any, path: str) -> Any:
    """The value at a dotted path; ``*`` stands for every item of a list."""
    first, _, rest = path.partition(".")
    if first == "*":
        return [looked_up(item, rest) if rest else item for item in values or ()]
    if not isinstance(values, Mapping):
        return None
    found = cast("Mapping[str, Any]", values).get(first)
    return looked_up(found, rest) if rest else found


def differing(old: Mapping[str, Any], new: Mapping[str, Any], kind: Kind, at: str = "") -> Iterator[str]:
    """The dotted paths at which two objects' inputs differ; lists differ as a whole."""
    for key in sorted({*old, *new}):
        path = f"{at}{key}"
        was, now = old.get(key), new.get(key)
        if now is None and path in kind.kept:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from differing(cast("Mapping[str, Any]", was), cast("Mapping[str, Any]", now), kind, f"{path}.")
        elif path in kind.sets and isinstance(was, list) and isinstance(now, list):
            if sorted(map(str, cast("list[Any]", was))) != sorted(map(str, cast("list[Any]", now))):
                yield path
        elif was != now:
            yield path


def difference(old: Mapping[str, Any], new: Mapping[str, Any], kind: Kind, *, deletes_first: bool) -> Any:
    """What a provider answers to the engine's question whether two objects' inputs differ.

    Args:
        old: Inputs.
        new: Inputs.
        kind: What is known of their type.
        deletes_first: Whether a replacement waits until its predecessor is gone.
    """
    changed = list(differing(old, new, kind))
    replaced = [path for path in changed if _below(path, kind.replace)]
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.UPDATE_REPLACE if path in replaced else provider_pb2.PropertyDiff.UPDATE,
            inputDiff=True,
        )
        for path in changed
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=changed,
        replaces=replaced,
        deleteBeforeReplace=bool(replaced) and deletes_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _below(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a path is one of these, or below or above one of them."""
    return any(path == prefix or path.startswith(f"{prefix}.") or prefix.startswith(f"{path}.") for prefix in prefixes)
