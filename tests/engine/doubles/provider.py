"""A provider's double: the provider protocol over a `Cloud`, with the laws that AWS or Kubernetes enforce."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from proofs.engine.provider import UNKNOWN, AttachedProvider, Inputs, plain, struct, type_and_name
from proofs.engine.rules import Kind, Reference, difference
from tests.engine.doubles.cloud import Cloud, Object, Operation, Refused

__all__ = ["Double", "Law", "Laws"]

_DEFAULTS = "__defaults"
"""Where the bridge to Terraform's providers keeps which inputs it filled in itself."""

_ACCOUNT = "123456789012"

Law: TypeAlias = Callable[[Cloud, Object, Inputs], None]
"""Given the object, and its inputs before an update (after it, they are the object's own): raises `Refused`, or does to
the cloud what the operation brings with it."""


@dataclass
class Laws:
    """What holds for the types of a package, beyond what its data file says."""

    checks: dict[str, Callable[[Inputs], list[tuple[str, str]]]] = field(default_factory=dict[str, Any])
    """By type, what the provider's own schema refuses: properties with reasons."""
    before: dict[tuple[Operation, str], list[Law]] = field(default_factory=dict[Any, Any])
    after: dict[tuple[Operation, str], list[Law]] = field(default_factory=dict[Any, Any])
    read: dict[str, Callable[[Cloud, Object], Inputs]] = field(default_factory=dict[str, Any])
    """By type, outputs that others than the object's own resource change."""
    renewed: dict[str, Callable[[Inputs, Inputs], tuple[str, ...]]] = field(default_factory=dict[str, Any])
    """By type, given old and new inputs, the outputs that the update will change."""

    def refuse(self, operation: Operation, *types: str) -> Callable[[Law], Law]:
        """Registers what is looked at before an operation."""
        return self._register(self.before, operation, types)

    def follow(self, operation: Operation, *types: str) -> Callable[[Law], Law]:
        """Registers what an operation brings with it."""
        return self._register(self.after, operation, types)

    @staticmethod
    def _register(laws: dict[Any, list[Law]], operation: Operation, types: tuple[str, ...]) -> Callable[[Law], Law]:
        def registered(law: Law) -> Law:
            for one in types:
                laws.setdefault((operation, one), []).append(law)
            return law

        return registered


class Double(AttachedProvider):
    """Serves one package to an engine, on a port of its own.

    Args:
        kinds: The package's types.
        laws: What holds for them.
        version: The plugin's, at least the SDK's, or the engine warns.
    """

    def __init__(self, kinds: dict[str, Kind], laws: Laws, version: str) -> None:
        super().__init__(version)
        self.kinds = kinds
        self.laws = laws
        self.cloud = Cloud(kinds)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        type, name = type_and_name(request.urn)  # noqa: A001
        inputs, olds = plain(request.news), plain(request.olds)
        kind = self._kind(type, context)
        if kind.named is not None and kind.named not in inputs:
            generated = kind.named in olds.get(_DEFAULTS, ())
            with self.cloud.lock:
                inputs[kind.named] = olds[kind.named] if generated else f"{name}-{self.cloud.unique()}"
            inputs[_DEFAULTS] = [kind.named]
        failures = self.laws.checks.get(type, lambda _: [])(inputs)
        return provider_pb2.CheckResponse(
            inputs=struct(inputs),
            failures=[provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in failures],
        )

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        type, _ = type_and_name(request.urn)  # noqa: A001
        kind = self._kind(type, context)
        old, new = plain(request.old_inputs), plain(request.news)
        return difference(_given(old), _given(new), kind, deletes_first=self.keeps_its_name(kind, old, new))

    def keeps_its_name(self, kind: Kind, old: Inputs, new: Inputs) -> bool:
        """Whether a successor waits until its predecessor is gone: where the program, not Pulumi, gave the name."""
        return kind.named is not None and kind.named not in new.get(_DEFAULTS, ())

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        type, name = type_and_name(request.urn)  # noqa: A001
        inputs = plain(request.properties)
        kind = self._kind(type, context)
        if request.preview:
            outputs = dict.fromkeys(kind.outputs, UNKNOWN)
            return provider_pb2.CreateResponse(id="", properties=struct({**outputs, **inputs}))
        try:
            with self.cloud.during("create", type, name, inputs), self.cloud.lock:
                made = self._create(type, name, kind, inputs)
        except Refused as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"creating {type} ({name}): {error}")
            raise AssertionError from error
        return provider_pb2.CreateResponse(id=made.id, properties=struct({**made.computed, **inputs}))

    def _create(self, type: str, name: str, kind: Kind, inputs: Inputs) -> Object:  # noqa: A002
        terms = _Terms({**inputs, "n": self.cloud.unique(), "account": _ACCOUNT})
        made = Object(type, kind.id.format_map(terms), inputs, name=name)
        terms["id"] = made.id
        made.computed = {path: _filled(form, terms) for path, form in kind.outputs.items() if path not in inputs}
        if (type, made.id) in self.cloud.objects:
            raise Refused(f"AlreadyExists: there is a {made.id} already")
        self._refuse_missing(made)
        self._refuse_duplicate(made)
        self._apply(self.laws.before, "create", made, {})
        self.cloud.objects[type, made.id] = made
        self._apply(self.laws.after, "create", made, {})
        self.cloud.did("create", made)
        return made

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        type, name = type_and_name(request.urn)  # noqa: A001
        kind = self._kind(type, context)
        old, new = plain(request.old_inputs), plain(request.news)
        if request.preview:
            renewed = self.laws.renewed.get(type, lambda _old, _new: ())(old, new)
            outputs = {path: value for path, value in plain(request.olds).items() if path in kind.outputs}
            outputs.update(dict.fromkeys(renewed, UNKNOWN))
            return provider_pb2.UpdateResponse(properties=struct({**outputs, **new}))
        try:
            with self.cloud.during("update", type, name, new), self.cloud.lock:
                found = self._update(type, name, request.id, new)
        except Refused as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"updating {type} ({name}): {error}")
            raise AssertionError from error
        return provider_pb2.UpdateResponse(properties=struct({**found.computed, **new}))

    def _update(self, type: str, name: str, id: str, new: Inputs) -> Object:  # noqa: A002
        found = self.cloud.objects.get((type, id))
        if found is None:
            raise Refused(f"NotFound: there is no {id}")
        old = found.inputs
        kept = {path: old[path] for path in self.cloud.kind(type).kept if path in old}
        intended = Object(type, id, {**kept, **new}, dict(found.computed), name)
        self._refuse_missing(intended)
        self._refuse_duplicate(intended)
        self._apply(self.laws.before, "update", intended, old)
        self.cloud.objects[type, id] = intended
        self._apply(self.laws.after, "update", intended, old)
        self.cloud.did("update", intended)
        return intended

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        type, name = type_and_name(request.urn)  # noqa: A001
        try:
            inputs = plain(request.old_inputs)
            with self.cloud.during("delete", type, name, inputs), self.cloud.lock:
                found = self.cloud.objects.get((type, request.id))
                if found is not None:
                    self._refuse_held(found)
                    self._apply(self.laws.before, "delete", found, {})
                    del self.cloud.objects[type, request.id]
                    self._apply(self.laws.after, "delete", found, {})
                    self.cloud.did("delete", found)
        except Refused as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"deleting {type} ({name}): {error}")
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        type, _ = type_and_name(request.urn)  # noqa: A001
        self._kind(type, context)
        with self.cloud.lock:
            found = self.cloud.objects.get((type, request.id))
            if found is None:
                return provider_pb2.ReadResponse()
            seen = self.laws.read.get(type, lambda _cloud, _object: {})(self.cloud, found)
            outputs = {**found.computed, **seen, **found.inputs}
            return provider_pb2.ReadResponse(id=found.id, properties=struct(outputs), inputs=struct(dict(found.inputs)))

    # What is the same for every type

    def _kind(self, type: str, context: Any) -> Kind:  # noqa: A002
        try:
            return self.cloud.kind(type)
        except Refused as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
            raise AssertionError from error

    def _apply(
        self, laws: Mapping[tuple[Operation, str], list[Law]], operation: Operation, one: Object, old: Inputs
    ) -> None:
        for law in laws.get((operation, one.type), ()):
            law(self.cloud, one, old)

    def _refuse_missing(self, one: Object) -> None:
        for path, reference in self.cloud.kind(one.type).needs.items():
            for named in _named(one, path):
                if not any(_is(other, reference, named) for other in self.cloud.of_type(reference.type)):
                    raise Refused(f"NotFound: {path} {named} is no {reference.type}")

    def _refuse_held(self, one: Object) -> None:
        for other in self.cloud.objects.values():
            for path, reference in self.cloud.kind(other.type).needs.items():
                if reference.holds and any(_is(one, reference, named) for named in _named(other, path)):
                    raise Refused(f"DependencyViolation: {one.id} has a dependent object, {other.label} ({path})")

    def _refuse_duplicate(self, one: Object) -> None:
        for paths in self.cloud.kind(one.type).unique:
            wanted = [one.get(path) for path in paths]
            for other in self.cloud.of_type(one.type):
                if other.id != one.id and [other.get(path) for path in paths] == wanted:
                    raise Refused(f"AlreadyExists: {other.label} has the same {', '.join(paths)}: {wanted}")


class _Terms(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def _filled(form: Any, terms: Mapping[str, Any]) -> Any:
    if isinstance(form, str):
        return form.format_map(terms)
    if isinstance(form, dict):
        return {key: _filled(item, terms) for key, item in cast("dict[str, Any]", form).items()}
    return form


def _given(inputs: Inputs) -> Inputs:
    return {key: value for key, value in inputs.items() if key != _DEFAULTS}


def _named(one: Object, path: str) -> list[Any]:
    found = one.get(path)
    values = cast("list[Any]", found) if isinstance(found, list) else [found]
    return [value for value in values if value is not None]


def _is(other: Object, reference: Reference, named: Any) -> bool:
    return other.type == reference.type and other.get(reference.by) == named
