"""pulumi-kubernetes for an engine, as far as this project's objects need it, on a real API server.

It is not the real provider, which is in no package registry: what that one does, this one does where it matters for the
order and the outcome of a deployment (provider/pkg/provider/provider.go and provider/pkg/await of
pulumi/pulumi-kubernetes). What it does not do: it waits for no Service, reads no object that the program did not make,
and finds no difference but that of the program's own inputs.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, TypeAlias, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from proofs.engine.provider import UNKNOWN, AttachedProvider, Inputs, plain, struct, type_and_name
from proofs.engine.rules import Kind, difference, looked_up
from proofs.engine.stack import Stack, find_cli, new_stack, on_path
from proofs.kubernetes.api import Answer, Api, Json, Refused
from proofs.kubernetes.kinds import KINDS, same_place
from proofs.kubernetes.waiting import NotReady, wait_until_gone, wait_until_ready

__all__ = ["ApplyingProvider", "Change", "applying_stack"]

Change: TypeAlias = Callable[[Json], None]
"""Given an object on its way to the server, changes it in place."""


@contextmanager
def applying_stack(api: Api, change: Change = lambda _: None) -> Generator[Stack]:
    """An empty stack whose Kubernetes objects are those of a real API server. Other providers are not there.

    Its objects are those of the namespace that the program names, which has to be there. What is left at the end stays.

    Args:
        api: The server.
        change: What is done to each object before it is sent; the stack's state keeps what the program said.

    Raises:
        Missing: There is no Pulumi CLI.
    """
    with TemporaryDirectory(prefix="loadfit-stack-") as name, on_path(find_cli()) as command:
        folder, home = Path(name) / "project", Path(name) / "home"
        new_stack(folder, home, command)
        provider = ApplyingProvider(api, change)
        try:
            yield Stack(folder, home, command, {"kubernetes": provider.port})
        finally:
            provider.stop()


class ApplyingProvider(AttachedProvider):
    """Serves the package to an engine, on a port of its own.

    Args:
        api: The server.
        change: What is done to each object before it is sent.
    """

    def __init__(self, api: Api, change: Change = lambda _: None) -> None:
        self.api = api
        self.change = change
        self.interrupted = threading.Event()
        super().__init__(version("pulumi-kubernetes"))

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's names, here and below
        self.interrupted.clear()  # each command begins with this
        return super().Configure(request, context)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The engine waits for what goes on, also where its user does not."""
        self.interrupted.set()
        return super().Cancel(request, context)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._kind(request, context)
        inputs = plain(request.news)
        failures = [
            provider_pb2.CheckFailure(property=path, reason="is needed: this provider makes up no names and no kinds")
            for path in ("apiVersion", "kind", "metadata.name")
            if not looked_up(inputs, path)
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        old, new = plain(request.old_inputs), plain(request.news)
        return difference(old, new, self._kind(request, context), deletes_first=same_place(old, new))

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = plain(request.properties)
        if request.preview:
            self._try(request, context, inputs)
            # What the server made up for the dry run (a uid, an address) is not what it will make up.
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        stored = self._apply(request, context, inputs, "created")
        return provider_pb2.CreateResponse(id=_id(stored), properties=struct(stored))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = plain(request.news)
        if request.preview:
            stored = self._try(request, context, inputs)
            return provider_pb2.UpdateResponse(properties=request.news if stored is None else struct(stored))
        return provider_pb2.UpdateResponse(properties=struct(self._apply(request, context, inputs, "updated")))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        one = _placed(request)
        answer = self._asked(request, context, lambda: self.api.remove(one))
        if answer.status == 404:
            return empty_pb2.Empty()
        self._accepted(request, context, answer)
        try:
            wait_until_gone(self.api, one, request.timeout, self.interrupted)
        except (OSError, NotReady) as error:
            self._refuse(request, context, str(error))
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        if not request.inputs.fields:
            self._refuse(request, context, "this provider reads no object that the program did not make")
        answer = self._asked(request, context, lambda: self.api.read(plain(request.inputs)))
        if answer.status == 404:
            return provider_pb2.ReadResponse()
        stored = _stored(self._accepted(request, context, answer))
        return provider_pb2.ReadResponse(id=request.id, properties=struct(stored), inputs=request.inputs)

    def _try(self, request: Any, context: Any, inputs: Inputs) -> Json | None:
        """What the server would store; nothing where what it would be told is not known yet."""
        if _unknown(inputs):
            return None
        one = self._sent(inputs)
        answer = self._asked(request, context, lambda: self.api.apply(one, dry_run=True))
        if answer.status == 422 and isinstance(request, provider_pb2.CreateRequest):
            # A replacement that keeps its name, before its predecessor is gone, is seen as a change of that one. The
            # server has no dry run of both, so it is asked about the same object under a name that is free.
            one["metadata"]["name"] += "-preview"
            other = self._asked(request, context, lambda: self.api.apply(one, dry_run=True))
            answer = answer if other.status >= 300 else other
        return _stored(self._accepted(request, context, answer))

    def _apply(self, request: Any, context: Any, inputs: Inputs, done: str) -> Json:
        """What the server has stored once it stands."""
        answer = self._asked(request, context, lambda: self.api.apply(self._sent(inputs)))
        stored = self._accepted(request, context, answer)
        try:
            return _stored(wait_until_ready(self.api, stored, request.timeout, self.interrupted))
        except (OSError, NotReady) as error:
            _, name = type_and_name(request.urn)
            _abort_unready(context, _stored(stored), f"{stored['kind']} {name} was {done}, but {error}")

    def _sent(self, inputs: Inputs) -> Json:
        one = deepcopy(inputs)
        self.change(one)
        return one

    def _kind(self, request: Any, context: Any) -> Kind:
        token, _ = type_and_name(request.urn)
        if token not in KINDS:
            message = f"this provider knows no {token}: describe it in proofs/kubernetes/kinds.yaml"
            context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        return KINDS[token]

    def _asked(self, request: Any, context: Any, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except (OSError, Refused) as error:
            self._refuse(request, context, str(error))

    def _accepted(self, request: Any, context: Any, answer: Answer) -> Json:
        if answer.status >= 300:
            self._refuse(request, context, answer.message)
        return answer.body

    @staticmethod
    def _refuse(request: Any, context: Any, message: str) -> NoReturn:
        token, name = type_and_name(request.urn)
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{token.rpartition(':')[2]} {name}: {message}")
        raise AssertionError


def _placed(request: Any) -> Json:
    """The object that a request without inputs of a program is about, as it was stored."""
    outputs = plain(request.properties)
    return {key: outputs[key] for key in ("apiVersion", "kind", "metadata")}


def _id(stored: Json) -> str:
    metadata = stored["metadata"]
    return "/".join(metadata[key] for key in ("namespace", "name") if key in metadata)


def _stored(one: Json) -> Json:
    """What a program is told: not who manages which field, which is longer than all the rest."""
    metadata = {key: value for key, value in one["metadata"].items() if key != "managedFields"}
    return {**one, "metadata": metadata}


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_unknown, cast("dict[str, Any]", value).values()))
    if isinstance(value, list):
        return any(map(_unknown, cast("list[Any]", value)))
    return value == UNKNOWN


def _abort_unready(context: Any, stored: Json, message: str) -> NoReturn:
    """Has the engine keep what is there, and look after it the next time."""
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=message)
    failed = provider_pb2.ErrorResourceInitFailed(id=_id(stored), properties=struct(stored), reasons=[message])
    status.details.add().Pack(failed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, message)
    raise AssertionError
