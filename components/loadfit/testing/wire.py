"""Pulumi's wire format to plain values, and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from loadfit.testing.deployment import UNKNOWN

__all__ = ["plain_properties", "sent", "sorted_fields"]


def plain_properties(struct: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Properties as plain values, and the names of those that contain a secret."""
    secret: set[str] = set()
    values = {name: _plain(value, name, secret) for name, value in sorted_fields(struct.fields)}
    return values, frozenset(secret)


def _plain(value: Any, name: str, secret: set[str]) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number: float = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_plain(item, name, secret) for item in value.list_value.values]
    if kind != "struct_value":
        return None
    struct = value.struct_value.fields
    mark = _MARKS.get(struct[_SIGNATURE].string_value) if _SIGNATURE in struct else None
    if mark == "secret":
        secret.add(name)
        return _plain(struct["value"], name, secret)
    if mark == "resource":
        return struct["urn"].string_value
    return {key: _plain(item, name, secret) for key, item in sorted_fields(struct) if key != _SIGNATURE}


# Pulumi's wire format: a struct with this key is not a plain one, and its value says what it is.
# Source: sdk/go/common/resource/sig in pulumi/pulumi.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_MARKS: Final = {"1b47061264138c4ac30d75fd1eb44270": "secret", "5cf8f73096256a8f31e491e813e4eb8e": "resource"}


def sorted_fields(fields: Any) -> list[tuple[str, Any]]:
    """The fields of a struct; protobuf gives them in an order that differs from one process to the next."""
    return sorted(fields.items())


def sent(value: Any) -> Any:
    """A plain value as the SDK expects it."""
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=rpc.UNKNOWN)
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields={key: sent(item) for key, item in items}))
    if isinstance(value, Sequence):
        items = cast("Sequence[Any]", value)
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[sent(item) for item in items]))
    raise TypeError(f"state and calls hold plain values (text, numbers, lists, mappings, UNKNOWN), not {value!r}")
