"""The doubles without an engine: what an engine would ask of them, one operation at a time."""

from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2

from tests.engine.doubles.cloud import Refused
from tests.engine.doubles.provider import Double

__all__ = ["Account", "Inputs"]

Inputs = dict[str, Any]


class Context:
    """Stands for the call's context, which would end it with a status."""

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise Refused(details)


class Account:
    """What a provider's double is asked for, one operation at a time."""

    def __init__(self, double: Double) -> None:
        self.double = double
        self.cloud = double.cloud

    def create(self, type: str, name: str = "one", /, **inputs: Any) -> str:  # noqa: A002
        asked = provider_pb2.CreateRequest(urn=_urn(type, name), properties=_struct(inputs))
        return self.double.Create(asked, Context()).id

    def update(self, type: str, id: str, old: Inputs | None = None, /, **inputs: Any) -> Inputs:  # noqa: A002
        """Updates an object; ``old`` are the inputs of one that is not there."""
        old = self.cloud.objects[type, id].inputs if old is None else old
        asked = provider_pb2.UpdateRequest(
            id=id, urn=_urn(type, "one"), old_inputs=_struct(old), news=_struct({**old, **inputs})
        )
        return json_format.MessageToDict(self.double.Update(asked, Context()).properties)

    def delete(self, type: str, id: str) -> None:  # noqa: A002
        self.double.Delete(provider_pb2.DeleteRequest(id=id, urn=_urn(type, "one")), Context())

    def diff(self, type: str, old: Inputs, new: Inputs) -> Any:  # noqa: A002
        asked = provider_pb2.DiffRequest(urn=_urn(type, "one"), old_inputs=_struct(old), news=_struct(new))
        return self.double.Diff(asked, Context())

    def check(self, type: str, inputs: Inputs) -> Any:  # noqa: A002
        return self.double.Check(provider_pb2.CheckRequest(urn=_urn(type, "one"), news=_struct(inputs)), Context())


def _urn(type: str, name: str) -> str:  # noqa: A002
    return f"urn:pulumi:stack::project::{type}::{name}"


def _struct(values: Inputs) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    json_format.ParseDict(values, made)
    return made
