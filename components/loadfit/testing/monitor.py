"""The engine's side of a run, in the same process: answers a program's requests, and records them."""

# ruff: noqa: ARG002, D102, N802 - the methods are those of Pulumi's protocol
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, NoReturn

import pulumi
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from loadfit.testing.deployment import UNKNOWN, Call, Log, Options, Properties, Resource, StateOf, UndeclaredCall
from loadfit.testing.wire import plain_properties, sent

__all__ = ["Engine", "Monitor"]


class Engine:
    """Where log lines go."""

    def __init__(self) -> None:
        self.logs: list[Log] = []

    def Log(self, request: Any) -> None:
        severity = _SEVERITIES.get(request.severity)
        if severity is not None:
            self.logs.append(Log(severity=severity, message=request.message, urn=request.urn or None))


_SEVERITIES: Final[Mapping[int, Literal["info", "warning", "error"]]] = {
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class Monitor(mocks.MockMonitor):
    """Answers the program's requests, and records them.

    The SDK's own monitor drops parents, options and registered outputs, accepts the same URN twice, and makes an event
    loop in each worker thread. From it come the features that it claims, and the requests that need no record.
    """

    def __init__(
        self,
        *,
        project: str,
        stack: str,
        preview: bool,
        state: StateOf | Mapping[str, Properties | StateOf] | None,
        calls: Mapping[str, Properties | Call],
    ) -> None:
        super().__init__(_NoMocks())
        self.registered: dict[str, Resource] = {}
        self.outputs: Properties = {}
        self.secret_outputs: frozenset[str] = frozenset()
        self._prefix = f"urn:pulumi:{stack}::{project}::"
        self._stack_urn = f"{self._prefix}{_STACK}::{project}-{stack}"
        self._preview = preview
        self._state = _state_of(state)
        self._calls = calls
        self._properties: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=self._stack_urn)
        if request.transforms:
            _refuse_transform()
        named = f"{request.name}-id" if request.custom and not self._preview else None
        resource = self._resource(
            request,
            request.object,
            id=request.importId or named or (UNKNOWN if request.custom else None),
            custom=request.custom,
            remote=request.remote,
            property_dependencies={
                name: tuple(sorted(value.urns)) for name, value in request.propertyDependencies.items() if value.urns
            },
            providers={package: _provider_urn(reference) for package, reference in request.providers.items()},
            options=_sent_options(request),
        )
        resource, properties = self._recorded(resource, request.object, exists=bool(request.importId))
        return resource_pb2.RegisterResourceResponse(urn=resource.urn, id=_sent_id(resource), object=properties)

    def ReadResource(self, request: Any) -> Any:
        resource = self._resource(
            request,
            request.properties,
            id=UNKNOWN if request.id == rpc.UNKNOWN else request.id,
            custom=True,
            read=True,
            options=Options(
                additional_secret_outputs=tuple(request.additionalSecretOutputs),
                version=request.version or None,
                plugin_download_url=request.pluginDownloadURL or None,
            ),
        )
        resource, properties = self._recorded(resource, request.properties, exists=resource.id is not UNKNOWN)
        return resource_pb2.ReadResourceResponse(urn=resource.urn, id=_sent_id(resource), properties=properties)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs, secret = plain_properties(request.outputs)
        if request.urn == self._stack_urn:
            self.outputs, self.secret_outputs = outputs, secret
        else:
            resource = self.registered[request.urn]
            self.registered[request.urn] = replace(resource, registered_outputs=outputs, secret_outputs=secret)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:
        if request.tok == "pulumi:pulumi:getResource":
            known = self.registered[request.args.fields["urn"].string_value]
            result: Any = struct_pb2.Struct(fields={"urn": sent(known.urn), "id": sent(_sent_id(known))})
            result.fields["state"].struct_value.CopyFrom(self._properties[known.urn])
        else:
            result = self._called(request)
        return resource_pb2.ResourceInvokeResponse(**{"return": result})

    def Call(self, request: Any) -> Any:
        return provider_pb2.CallResponse(**{"return": self._called(request)})

    def RegisterStackTransform(self, request: Any) -> NoReturn:
        _refuse_transform()

    def RegisterStackInvokeTransform(self, request: Any) -> NoReturn:
        _refuse_transform()

    def _resource(self, request: Any, properties: Any, **rest: Any) -> Resource:
        """The record of a registration or a lookup, from what both kinds of request have."""
        parent = request.parent if request.parent != self._stack_urn else ""
        types = f"{parent.split('::')[2]}${request.type}" if parent else request.type
        urn = f"{self._prefix}{types}::{request.name}"
        if urn in self.registered:
            raise pulumi.RunError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        inputs, secret_inputs = plain_properties(properties)
        return Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=parent or None,
            inputs=inputs,
            secret_inputs=secret_inputs,
            dependencies=tuple(sorted(request.dependencies)),
            provider=_provider_urn(request.provider) if request.provider else None,
            **rest,
        )

    def _recorded(self, resource: Resource, request_properties: Any, *, exists: bool) -> tuple[Resource, Any]:
        """Record a resource; returns it with its id, and the outputs that the program sees."""
        properties = struct_pb2.Struct()
        properties.CopyFrom(request_properties)
        if exists or not self._preview:
            added = dict(self._state(resource) or {})
            if resource.custom and "id" in added:
                resource = replace(resource, id=added.pop("id"))
            for name, value in added.items():
                properties.fields[name].CopyFrom(sent(value))
        self.registered[resource.urn] = resource
        self._properties[resource.urn] = properties
        # Where the SDK's monitor looks for a resource that is asked for by its id.
        self.resources[resource.urn] = self.ResourceRegistration(resource.urn, _sent_id(resource), {})
        return resource, properties

    def _called(self, request: Any) -> Any:
        if request.tok not in self._calls:
            raise UndeclaredCall(request.tok, self._calls)
        call = self._calls[request.tok]
        arguments, _ = plain_properties(request.args)
        result = call(arguments) if callable(call) else call
        return sent(result).struct_value


_STACK: Final = "pulumi:pulumi:Stack"


class _NoMocks(mocks.Mocks):
    """What the SDK's monitor asks for and ours does not use."""

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> NoReturn:
        raise NotImplementedError


def _state_of(state: StateOf | Mapping[str, Properties | StateOf] | None) -> StateOf:
    """Either form of the argument, as a function."""
    if callable(state):
        return state
    by_type: Mapping[str, Properties | StateOf] = state or {}

    def state_of(resource: Resource) -> Properties | None:
        found = by_type.get(resource.type)
        return found(resource) if callable(found) else found

    return state_of


def _refuse_transform() -> NoReturn:
    raise NotImplementedError("deploy() does not run transforms, so what it shows would not be what is deployed")


def _provider_urn(reference: str) -> str:
    return reference.rpartition("::")[0]


def _sent_options(request: Any) -> Options:
    return Options(
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        import_id=request.importId or None,
        custom_timeouts=_set_fields(request.customTimeouts),
        aliases=tuple(alias.urn or _set_fields(alias.spec) for alias in request.aliases),
        deleted_with=request.deletedWith or None,
        replace_with=tuple(sorted(request.replace_with)),
        version=request.version or None,
        plugin_download_url=request.pluginDownloadURL or None,
    )


def _set_fields(message: Any) -> dict[str, Any]:
    return {descriptor.name: value for descriptor, value in message.ListFields() if value}


def _sent_id(resource: Resource) -> str:
    # The SDK takes an empty id for an unknown one.
    return resource.id if isinstance(resource.id, str) else ""
