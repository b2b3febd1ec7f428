"""What is the same for every provider that this project serves to an engine itself: the protocol around resources."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

__all__ = ["UNKNOWN", "AttachedProvider", "Inputs", "plain", "struct", "type_and_name"]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that is not known yet (UnknownStringValue in sdk/go/common/resource/plugin/rpc.go)."""

Inputs: TypeAlias = dict[str, Any]


class AttachedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one package to an engine, on a port of its own. What it does with resources, its subclasses say.

    Args:
        version: The plugin's, at least the SDK's, or the engine warns.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.server = grpc.server(ThreadPoolExecutor(max_workers=64))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self, self.server)
        self.port: int = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def stop(self) -> None:
        """Ends the server."""
        self.server.stop(0).wait()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's names, here and below
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self.version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        # Without acceptSecrets the engine keeps book itself of what is secret.
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def type_and_name(urn: str) -> tuple[str, str]:
    """A resource's own type, without those of its parents, and its name."""
    _, _, types, name = urn.removeprefix("urn:pulumi:").split("::", 3)
    return types.rsplit("$", 1)[-1], name


def plain(properties: struct_pb2.Struct) -> Inputs:
    """Properties as Python has them."""
    return {key: _whole(value) for key, value in json_format.MessageToDict(properties).items()}


def _whole(value: Any) -> Any:
    """Numbers arrive as floats; whole ones are meant as such, in ids and messages."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as the protocol has them."""
    made = struct_pb2.Struct()
    json_format.ParseDict(dict(values), made)
    return made
