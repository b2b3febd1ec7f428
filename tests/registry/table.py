"""Pulumi's types of AWS by their names in the CloudFormation registry, and their inputs as its properties.

The registry's schemas are AWS's own, carried by cfn-lint. The table beside this module holds what they cannot tell:
which input is which property, where the two differ. How a value is written follows from the schema: tags are a mapping
here and a list of pairs there, a policy is a text here and an object there.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

__all__ = ["REGION", "TABLE", "Beside", "Elsewhere", "PartOf", "Row", "placed", "property_of", "registered", "schema"]

REGION = "us-east-1"

Schema = Mapping[str, Any]
_Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A property that no input of the program is."""

    because: str
    value: Any
    """What a template says for it, with references in the form of ``Fn::Sub``."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A resource of the registry that is an input here."""

    suffix: str
    type: str
    self: str
    """The property of it that is the resource with the input."""
    input: str | None = None
    """The property of it that is the input, if it has one."""


@dataclass(frozen=True, kw_only=True)
class PartOf:
    """A resource here that is a property of another there."""

    type: str
    through: str
    """The input that leads to the other one."""
    property: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the table says of one of Pulumi's types; the table's own comment tells of each field."""

    type: str = ""
    """The registry's; empty for a part of another."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: Sequence[str] = ()
    absent: Mapping[str, str] = field(default_factory=dict[str, str])
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict[str, Elsewhere])
    returns: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: Mapping[str, Beside] = field(default_factory=dict[str, Beside])
    refers: Mapping[str, str] = field(default_factory=dict[str, str])
    in_place: Mapping[str, str] = field(default_factory=dict[str, str])
    replaced: Mapping[str, str] = field(default_factory=dict[str, str])
    part_of: PartOf | None = None


def _row(data: _Data) -> Row:
    made = dict(data)
    for key, each in (("elsewhere", Elsewhere), ("beside", Beside)):
        made[key] = {name: each(**values) for name, values in data.get(key, {}).items()}
    if "part_of" in data:
        made["part_of"] = PartOf(**data["part_of"])
    made["absent"] = {**data.get("absent", {}), "region": "all resources are in the Region of the stack"}
    return Row(**made)


TABLE: dict[str, Row] = {
    token: _row(data)
    for token, data in yaml.safe_load(Path(__file__).with_name("types.yaml").read_text(encoding="utf-8")).items()
}


def schema(token: str) -> Schema:
    """The registry's schema of a type: of a part, that of the property which it is, with all definitions."""
    row = TABLE[token]
    if row.part_of is None:
        return PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, row.type).schema
    whole = schema(row.part_of.type)
    return {"definitions": whole.get("definitions", {}), **_below(whole, row.part_of.property.split("."), whole)}


def property_of(token: str, name: str) -> str:
    """The registry's name of an input, without what it has inside."""
    return TABLE[token].names.get(name, _capital(name)).partition(".")[0]


def registered(token: str, inputs: Mapping[str, Any]) -> Any:
    """A resource's inputs as the properties of the registry's type, or of the property that it is.

    What the table leaves out is left out, and what neither table nor schema knows keeps its name, for a check to find.
    """
    return _Translation(TABLE[token], schema(token)).whole(inputs)


@dataclass(frozen=True)
class _Translation:
    row: Row
    root: Schema

    def whole(self, inputs: Mapping[str, Any]) -> Any:
        return self._object(inputs, self.root, "")

    def _object(self, values: Mapping[str, Any], node: Schema, at: str) -> Any:
        made: _Data = {}
        for name, value in values.items():
            if value is None or f"{at}{name}" in self.row.absent:
                continue
            path = self.row.names.get(f"{at}{name}", _capital(name))
            if not path:
                return value
            steps = path.split(".")
            there = _below(node, steps, self.root)
            made = placed(made, steps, value, partial(self._value, node=there, at=f"{at}{name}."))
        return made

    def _value(self, value: Any, node: Schema, at: str) -> Any:
        types = node.get("type", ())
        if isinstance(value, str) and "object" in types and value.startswith("{"):
            return json.loads(value)
        if at.removesuffix(".") in self.row.texts:
            return str(value)
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[str, Any]", value), node, at)
        if isinstance(value, list):
            items = cast("list[Any]", value)
            if "object" in types:
                return {item["name"]: item["value"] for item in items}
            each = _below(node, ["*"], self.root)
            return [self._value(item, each, at) for item in items]
        return value

    def _mapping(self, values: Mapping[str, Any], node: Schema, at: str) -> Any:
        item = _below(node, ["*"], self.root).get("properties", {})
        for key in ("Key", "Name"):
            if key in item and "Value" in item:
                return [{key: name, "Value": value} for name, value in values.items()]
        return self._object(values, node, at) if "properties" in node else dict(values)


def placed(
    into: Mapping[str, Any], steps: Sequence[str], value: Any, each: Callable[[Any], Any] = lambda item: item
) -> _Data:
    """Properties with one more at a path: ``*`` is each item of a list, ``0`` its first."""
    first, *rest = steps
    made = dict(into)
    if not rest:
        made[first] = each(value)
    elif rest[0] == "*":
        below = rest[1:]
        items = [placed({}, below, item, each) if below else each(item) for item in value]
        made[first] = [*made.get(first, ()), *items]
    elif rest[0] == "0":
        (there,) = made.get(first, [{}])
        made[first] = [placed(there, rest[1:], value, each)]
    else:
        made[first] = placed(made.get(first, {}), rest, value, each)
    return made


def _below(node: Schema, steps: Sequence[str], root: Schema) -> Schema:
    """The schema at a path below another; empty where there is none."""
    for step in steps:
        node = node.get("items", {}) if step in {"*", "0"} else node.get("properties", {}).get(step, {})
        while "$ref" in node:
            node = root["definitions"][node["$ref"].rpartition("/")[2]]
    return node


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
