"""The engine's part: starts ``python components`` as the Pulumi CLI does, and asks it over gRPC."""

import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2, resource_pb2_grpc

from loadfit.testing import Log, Resource
from loadfit.testing.monitor import Engine, Monitor
from loadfit.testing.wire import plain_properties, sent

ROOT = Path(__file__).parents[2]

PROJECT, STACK = "shop", "prod"
STACK_URN = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""A struct with this key is not a plain one. Source: sdk/go/common/resource/sig in pulumi/pulumi."""


def output(value: Any, *, secret: bool = False, dependencies: tuple[str, ...] = ()) -> dict[str, Any]:
    """An output as a program sends it to a component of another process."""
    mark = {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "secret": secret, "dependencies": list(dependencies)}
    return mark if value is None else {**mark, "value": value}


def resource(urn: str, id: str) -> dict[str, Any]:  # noqa: A002 - Pulumi's own name for it
    """A reference to a resource as a program sends it."""
    return {SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": urn, "id": id, "packageVersion": ""}


@dataclass(frozen=True)
class Constructed:
    """What came of one component."""

    urn: str
    outputs: Mapping[str, Any]
    secret_outputs: frozenset[str]
    resources: Mapping[str, Resource]
    """By name, the component among them."""
    logs: list[Log]


class Refused(Exception):
    """What the engine is told in place of a component, and prints."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Provider:
    """A running provider."""

    def __init__(self, channel: Any, engine: Engine) -> None:
        self._stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)
        self._engine = engine

    def schema(self) -> str:
        return self._stub.GetSchema(provider_pb2.GetSchemaRequest()).schema

    def version(self) -> str:
        return self._stub.GetPluginInfo(empty_pb2.Empty()).version

    def construct(
        self,
        token: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        dependencies: Mapping[str, tuple[str, ...]] | None = None,
        known: Mapping[str, Mapping[str, Any]] | None = None,
        preview: bool = False,
        state: Any = None,
        **options: Any,
    ) -> Constructed:
        """Asks for a component; raises ``Refused`` where there is none.

        Args:
            token: Its type.
            name: Its name.
            inputs: As `sent` takes them.
            dependencies: URNs that an input came from, by input.
            known: Properties of resources that the program has, by URN; the last part of each is its type.
            preview: Whether nothing is made.
            state: What resources have once they are made, as in `deploy`.
            options: More of the request.
        """
        monitor = Monitor(project=PROJECT, stack=STACK, preview=preview, state=state, calls={})
        for urn, properties in (known or {}).items():
            register(monitor, urn, properties)
        before = len(self._engine.logs)
        request = provider_pb2.ConstructRequest(
            project=PROJECT,
            stack=STACK,
            organization="organization",
            parallel=16,
            parent=STACK_URN,
            type=token,
            name=name,
            dryRun=preview,
            inputs=sent(inputs).struct_value,
            inputDependencies={
                key: provider_pb2.ConstructRequest.PropertyDependencies(urns=urns)
                for key, urns in (dependencies or {}).items()
            },
            accepts_output_values=True,
            **options,
        )
        with served(resource_pb2_grpc.add_ResourceMonitorServicer_to_server, monitor) as address:
            request.monitorEndpoint = address
            try:
                response = self._stub.Construct(request)
            except grpc.RpcError as error:
                call: Any = error
                raise Refused(call.code(), call.details()) from None
        outputs, secret = plain_properties(response.state)
        made = {found.name: found for found in monitor.registered.values()}
        return Constructed(response.urn, outputs, secret, made, self._engine.logs[before:])


def register(monitor: Monitor, urn: str, properties: Mapping[str, Any]) -> None:
    """Makes a resource of the program known to the monitor."""
    monitor.RegisterResource(
        resource_pb2.RegisterResourceRequest(
            type=urn.split("::")[2], name=urn.split("::")[3], custom=True, object=sent(properties).struct_value
        )
    )


class _Answers:
    """The methods of a service, answered by an object of the same methods without a context."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def SupportsFeature(self, request: Any, _context: Any) -> Any:  # noqa: N802 - a method of the protocol
        return resource_pb2.SupportsFeatureResponse(hasSupport=self._target.SupportsFeature(request).hasSupport)

    def __getattr__(self, name: str) -> Any:
        return lambda request, _context: getattr(self._target, name)(request) or empty_pb2.Empty()


@contextmanager
def served(add_to_server: Any, target: Any) -> Generator[str]:
    """Serves an object; yields the address."""
    server: Any = grpc.server(ThreadPoolExecutor(max_workers=1))
    add_to_server(_Answers(target), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def started() -> Generator[Provider]:
    """A provider, until the end of the block."""
    engine = Engine()
    with served(engine_pb2_grpc.add_EngineServicer_to_server, engine) as address:
        command = [sys.executable, str(ROOT / "components"), address]
        # When it is interrupted, gRPC complains of its closed loop; until then, what it says belongs to a failed test.
        with (
            TemporaryFile("w+") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        ):
            assert process.stdout is not None
            try:
                port = process.stdout.readline().strip()
                if not port:
                    process.wait()
                    errors.seek(0)
                    raise AssertionError(errors.read())
                with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                    yield Provider(channel, engine)
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:  # gRPC's poller, collected while Python ends, may wait for ever
                    process.kill()
