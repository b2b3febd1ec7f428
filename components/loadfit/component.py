"""What the components share at the edge to Pulumi: refuse or plan, before any resource exists."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from inspect import isawaitable
from types import UnionType
from typing import Any, Protocol, TypeVar, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

import pulumi
from pydantic import BaseModel

from loadfit.core.findings import Finding, Remedied, Severity, SizingError, Verdict
from loadfit.core.model import Declared, validate
from loadfit.core.paths import Path, show_path
from loadfit.core.problems import InvalidLoad, Problem, nearest, printable, shown, under
from loadfit.core.wording import few

__all__ = [
    "InvalidInputs",
    "Plan",
    "accepted",
    "camel_case",
    "declared_data",
    "declared_inputs",
    "field_types",
    "gathered",
    "plain_type",
    "planned",
    "refused",
    "refused_late",
    "warn",
]


class InvalidInputs(pulumi.RunError, ValueError):
    """A component's inputs are refused. Raised before anything is registered.

    The CLI prints a ``RunError`` as its message alone, without a traceback.
    """


class Plan(Protocol):
    """What every room's plan has."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What does not fit."""
        ...

    @property
    def verdict(self) -> Verdict:
        """Whether the load can be carried."""
        ...

    def remedies(self) -> tuple[Remedied, ...]:
        """The findings with their ways out."""
        ...


ArgsT = TypeVar("ArgsT")
LoadT = TypeVar("LoadT", bound=Declared)
PlanT = TypeVar("PlanT", bound=Plan)


def accepted(label: str, shape: type[ArgsT], args: object) -> ArgsT:
    """A component's arguments, of the form that they are declared in; the load in them is validated.

    An argument that is ``None`` counts as not given, as ``pulumi.Config().get_bool(...)`` gives it.

    Args:
        label: The component for messages, such as ``MultiAzNatEgress 'egress'``.
        shape: A ``TypedDict``. Where it does not say ``Input``, a value has to be plain.
        args: What the program gave.

    Raises:
        InvalidInputs: With every problem of the form at once, the load's among them.
    """
    problems: list[Problem] = []
    found = _accepted(shape, args, (), problems)
    if problems:
        raise refused(label, problems)
    return cast("ArgsT", found)


def planned(label: str, model: type[LoadT], load: object, size: Callable[[LoadT], PlanT]) -> PlanT:
    """The plan of a component's load.

    Args:
        label: The component for messages, such as ``MultiAzNatEgress 'egress'``.
        model: The load's model.
        load: An instance of it, or plain data (as hosted programs and configuration give it).
        size: The room's sizing.

    Raises:
        InvalidInputs: The load is not of the model's form, holds an ``Output``, or cannot be carried.
    """
    problems: list[Problem] = []
    valid = _accepted(model, load, ("load",), problems)
    if problems:
        raise refused(label, problems)
    plan = size(cast("LoadT", valid))
    if plan.verdict is Verdict.DOES_NOT_FIT:
        raise InvalidInputs(str(SizingError(plan.remedies(), label))) from None
    return plan


def refused(label: str, problems: Iterable[Problem]) -> InvalidInputs:
    """The error for inputs of the wrong form, every problem in it."""
    return InvalidInputs(str(InvalidLoad(problems, label)))


def refused_late(label: str, problems: Iterable[Problem]) -> pulumi.RunError:
    """The same for what is known only once something is deployed: raised in an ``apply``.

    Not a ``ValueError``, which the SDK takes for a fault of what it was sending: it would bury the message.
    """
    return pulumi.RunError(str(InvalidLoad(problems, label)))


def warn(resource: pulumi.Resource, plan: Plan) -> None:
    """Logs each warning of a plan on the component, in one line with its cheapest way out."""
    for item in plan.remedies():
        finding = item.finding
        if finding.severity is Severity.WARNING:
            way = f"; {item.remedies[0].sentence} ({item.remedies[0].cost})" if item.remedies else ""
            pulumi.log.warn(f"{finding.code} at {show_path(finding.path)}: {finding.message}{way}", resource=resource)


def gathered(values: object) -> pulumi.Output[Any]:
    """One output of mappings and lists that hold outputs; its type is the one of the attribute that it goes to."""
    return pulumi.Output.from_input(values)


def declared_inputs(model: BaseModel) -> dict[str, Any]:
    """A declared model as a component's own inputs: what was declared, under the names that the engine shows.

    Only a resource's properties are renamed by the SDK, a component's are sent as they are.
    """
    fields = type(model).model_fields
    # What is excluded was not declared: it says where a document declared the rest.
    return {
        camel_case(name): _input(getattr(model, name)) for name in model.model_fields_set if not fields[name].exclude
    }


def _input(value: Any) -> Any:
    match value:
        case BaseModel():
            return declared_inputs(value)
        case Enum():
            return value.value
        case dict():
            return {key: _input(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_input(item) for item in cast("list[Any]", value)]
        case _:
            return value


def declared_data(model: type[BaseModel], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`declared_inputs` made of a model, as the plain data that the model validates.

    Only names of fields are translated, by the model: a user's own names in a mapping stay as they are. A key that is
    no field's stays too, for the validation to tell.
    """
    names = {camel_case(name): name for name in model.model_fields}
    return {
        names.get(key, key): _data(model.model_fields[names[key]].annotation, value) if key in names else value
        for key, value in inputs.items()
    }


def _data(annotation: Any, value: Any) -> Any:
    plain, _ = plain_type(annotation)
    if isinstance(plain, type) and issubclass(plain, BaseModel) and isinstance(value, Mapping):
        return declared_data(plain, cast("Mapping[str, Any]", value))
    if get_origin(plain) is dict and isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return {key: _data(get_args(plain)[1], item) for key, item in entries.items()}
    if get_origin(plain) is list and isinstance(value, list | tuple):
        return [_data(get_args(plain)[0], item) for item in cast("Sequence[Any]", value)]
    return value


def camel_case(name: str) -> str:
    """``idle_timeout_seconds`` as ``idleTimeoutSeconds``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def field_types(shape: Any) -> Mapping[str, Any]:
    """The types of what a ``TypedDict`` or a model holds, by name."""
    # Input[T] names its Output[T] by a text, which is resolved here.
    return get_type_hints(shape, localns={"Output": pulumi.Output, "T": Any})


def plain_type(expected: Any) -> tuple[Any, bool]:
    """What ``Input[T]`` or ``T | None`` holds, and whether it may be known only after deployment."""
    if get_origin(expected) not in (Union, UnionType):
        return expected, False
    parts = get_args(expected)
    plain = [part for part in parts if part is not type(None) and not _is_output(part) and not _is_awaitable(part)]
    return plain[0], any(_is_output(part) for part in parts)


def _accepted(expected: Any, value: object, path: Path, problems: list[Problem]) -> Any:
    """The value as it is meant; what is wrong with it is added to the problems."""
    plain, may_wait = plain_type(expected)
    if isinstance(value, pulumi.Output) or isawaitable(value):
        if not may_wait:
            problems.append(_waits(path))
        return cast("object", value)
    if is_typeddict(plain):
        return _accepted_fields(plain, value, path, problems)
    if isinstance(plain, type) and issubclass(plain, Declared):
        return _accepted_load(plain, value, path, problems)
    if isinstance(plain, type) and issubclass(plain, Enum):
        member = next((one for one in plain if value in (one, one.value)), None)
        if member is None:
            problems.append(Problem(path, f"one of {', '.join(str(one.value) for one in plain)}", shown(value)))
        return member
    if plain is int and isinstance(value, float) and value.is_integer():
        return int(value)  # hosted programs send whole numbers so
    origin, parts = get_origin(plain), get_args(plain)
    if origin is Mapping and isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        problems += [Problem(path, "text as keys", shown(key)) for key in entries if not isinstance(key, str)]
        return {key: _accepted(parts[1], item, (*path, str(key)), problems) for key, item in entries.items()}
    if origin is Sequence and isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        return [_accepted(parts[0], item, (*path, index), problems) for index, item in enumerate(items)]
    if isinstance(plain, type) and issubclass(plain, pulumi.Resource):
        # Whatever exists only once the wanted resource is there, such as its attachment, may be waited for instead.
        plain = pulumi.Resource
    if origin is not None or (isinstance(plain, type) and not _is_a(plain, value)):
        problems.append(Problem(path, _FORMS.get(origin or plain, "another value"), shown(value)))
    return value


_FORMS: Mapping[Any, str] = {
    Mapping: "a mapping",
    Sequence: "a list",
    pulumi.Resource: "the resource itself",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
}


def _is_a(plain: type, value: object) -> bool:
    # To Python, true is a whole number too.
    return isinstance(value, plain) and (plain is bool or not isinstance(value, bool))


def _is_output(part: Any) -> bool:
    return get_origin(part) is pulumi.Output


def _is_awaitable(part: Any) -> bool:
    return get_origin(part) is Awaitable


def _accepted_fields(shape: Any, value: object, path: Path, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(Problem(path, "a mapping", shown(value)))
        return value
    given = {key: item for key, item in cast("Mapping[object, object]", value).items() if item is not None}
    fields = field_types(shape)
    for key in given:
        if key not in fields:
            meant = nearest(str(key), fields)
            way_out = f'Did you mean "{meant}"?' if meant else ""
            found = f'the unknown input "{printable(str(key))}"'
            problems.append(Problem((*path, str(key)), f"one of {few(fields, most=20)}", found, way_out))
    missing = [name for name in fields if name in shape.__required_keys__ and name not in given]
    problems += [Problem((*path, name), f'the input "{name}"', "nothing") for name in missing]
    return {
        name: _accepted(fields[name], item, (*path, name), problems)
        for name, item in given.items()
        if isinstance(name, str) and name in fields
    }


def _accepted_load(model: type[Declared], load: object, path: Path, problems: list[Problem]) -> object:
    outputs = [_waits(place) for place in _outputs(load, path)]
    if outputs:
        problems += outputs
        return load
    try:
        return validate(model, load)
    except InvalidLoad as error:
        problems += under(error.problems, path)
        return load


def _waits(path: Path) -> Problem:
    return Problem(
        path,
        "a plain value, known at preview",
        "a value that is known only after deployment (an Output)",
        "Sizing decides how many resources there are, so it cannot wait for one: declare the number."
        if path[:1] == ("load",)
        else "The component is laid out at preview, which cannot wait for one.",
    )


def _outputs(value: object, path: Path) -> Iterator[Path]:
    """Where a load holds values that are not known yet."""
    if isinstance(value, pulumi.Output):
        yield path
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[Any, object]", value).items():
            yield from _outputs(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _outputs(item, (*path, index))
