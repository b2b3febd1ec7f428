"""The base of every declared model, and how a mistake in one is told.

Declared numbers are taken as they are written: ``200.0`` is 200 (hosted programs send whole numbers so), ``true`` and
``"200"`` are no numbers, and nothing that is not finite is one.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from loadfit.core.descriptions import descriptions
from loadfit.core.paths import Path
from loadfit.core.problems import SHOWN_PROBLEMS, InvalidLoad, Problem, nearest, printable, shown

__all__ = ["MAX_COUNT", "MAX_RATE", "MAX_SECONDS", "NAME", "REGION_PATTERN", "Declared", "problem_error", "validate"]

DeclaredT = TypeVar("DeclaredT", bound="Declared")

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""What a part of a load may be called: a label as Kubernetes takes it, at most 63 characters."""
REGION_PATTERN = r"^[a-z]{2,}(-[a-z]+)+-\d$"
"""The code of an AWS Region."""

MAX_COUNT = 10**9
"""The largest count that a load can declare. Nothing on AWS or Kubernetes comes near; a larger number is a typing error
and would only make every size unreadable."""
MAX_RATE = 1e9
"""The largest declared rate, per second; for the same reason."""
MAX_SECONDS = 1e9
"""The longest declared time, about 31 years; for the same reason."""


class Declared(BaseModel):
    """A part of a declared load: frozen, with no field but its own, and with no guessing of types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,  # a document has few of the parts that it could have
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        """Brings values to the form that strict validation takes, where their meaning is beyond doubt."""
        if not isinstance(data, dict):
            return data
        annotations = _annotations(cls)
        entries = cast("dict[Any, Any]", data)
        return {key: _as_written(annotations.get(key), value) for key, value in entries.items()}


@cache
def _annotations(model: type[BaseModel]) -> Mapping[str, Any]:
    """What the fields of a model are declared as, by every name that a document may call them by."""
    fields = model.model_fields.items()
    return {known: field.annotation for name, field in fields for known in (name, field.alias) if known}


def _as_written(annotation: Any, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return _as_written(next(part for part in get_args(annotation) if part is not type(None)), value)
    if annotation is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if origin is list and isinstance(value, list | tuple):
        return [_as_written(get_args(annotation)[0], item) for item in cast("list[Any]", value)]
    if origin is dict and isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return {key: _as_written(get_args(annotation)[1], item) for key, item in entries.items()}
    if isinstance(annotation, type):
        if issubclass(annotation, Enum) and isinstance(value, str):
            return next((member for member in annotation if member.value == value), value)
        if issubclass(annotation, BaseModel) and isinstance(value, Mapping):
            return dict(cast("Mapping[Any, Any]", value))
    return value


def problem_error(expected: str, found: str, way_out: str = "", *, at: Path = ()) -> PydanticCustomError:
    """What a validator of a model raises, so that its message has the same four parts as every other.

    Args:
        expected: The end of "expected ...".
        found: The end of "found ...".
        way_out: A sentence.
        at: The field below the validated model that is meant.
    """
    context = {"expected": expected, "found": found, "way_out": way_out, "at": list(at)}
    return PydanticCustomError("loadfit", "expected {expected}, found {found}", context)


def validate(model: type[DeclaredT], data: object, *, source: str = "") -> DeclaredT:
    """A declared model from plain data, or from an instance of it.

    Raises:
        InvalidLoad: With every problem of the data at once.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # A guess at what was meant compares with every name, and only so many problems are shown.
        details = error.errors(include_url=False)
        problems = [_problem(model, one, guesses=number < SHOWN_PROBLEMS) for number, one in enumerate(details)]
        raise InvalidLoad(problems, source) from None


def _problem(model: type[BaseModel], error: ErrorDetails, *, guesses: bool) -> Problem:
    # "[key]" marks a problem of a mapping's key itself.
    path: Path = tuple(step for step in error["loc"] if step != "[key]")
    context: Mapping[str, Any] = error.get("ctx", {})
    found = shown(error["input"])
    kind = error["type"]
    if kind == "loadfit":
        at: Path = tuple(context["at"])
        return Problem(path + at, context["expected"], context["found"], context["way_out"])
    if kind == "extra_forbidden":
        return _unknown_key(model, path, guesses=guesses)
    if kind == "missing":
        return Problem(path, f'the field "{path[-1]}"', "nothing", _meaning(model, path))
    choices = _choices(model, path)
    if choices:
        meant = nearest(str(error["input"]), choices)
        return Problem(path, f"one of {', '.join(choices)}", found, f'Did you mean "{meant}"?' if meant else "")
    if kind == "string_pattern_mismatch":
        meaning = _meaning(model, path).rstrip(".")
        return Problem(path, meaning[:1].lower() + meaning[1:] or f"a text like {context['pattern']}", found)
    expectation = _EXPECTED.get(kind)
    return Problem(path, expectation(context) if expectation else printable(error["msg"].lower(), 200), found)


_EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "int_type": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "string_type": lambda _: "a text",
    "string_unicode": lambda _: "a text without halves of characters",
    "list_type": lambda _: "a list",
    "dict_type": lambda _: "a mapping",
    "model_type": lambda _: "a mapping",
    "model_attributes_type": lambda _: "a mapping",
    "literal_error": lambda context: f"one of {context['expected']}",
    "none_required": lambda _: "nothing",
    "greater_than": lambda context: f"more than {_plain(context['gt'])}",
    "greater_than_equal": lambda context: f"at least {_plain(context['ge'])}",
    "less_than": lambda context: f"less than {_plain(context['lt'])}",
    "less_than_equal": lambda context: f"at most {_plain(context['le'])}",
    "too_short": lambda context: f"at least {_plain(context['min_length'])} of them",
    "too_long": lambda context: f"at most {_plain(context['max_length'])} of them",
    "string_too_short": lambda context: f"at least {_plain(context['min_length'])} characters",
    "string_too_long": lambda context: f"at most {_plain(context['max_length'])} characters",
}


def _plain(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:g}"


def _unknown_key(model: type[BaseModel], path: Path, *, guesses: bool) -> Problem:
    owner = _model_at(model, path[:-1])
    known = [field.alias or name for name, field in owner.model_fields.items() if not field.exclude] if owner else []
    meant = nearest(str(path[-1]), known) if guesses else None
    expected = f'"{meant}"' if meant else f"one of {', '.join(known)}" if known else "no such key"
    way_out = f'Did you mean "{meant}"?' if meant else ""
    return Problem(path, expected, f'the unknown key "{printable(str(path[-1]))}"', way_out)


def _meaning(model: type[BaseModel], path: Path) -> str:
    owner = _model_at(model, path[:-1])
    for name, field in owner.model_fields.items() if owner else ():
        if owner and path[-1] in (name, field.alias):
            return descriptions(owner).get(name, "").split("\n\n")[0].replace("\n", " ")
    return ""


def _choices(model: type[BaseModel], path: Path) -> list[str]:
    """The values of a closed choice; empty where the path leads to anything else."""
    owner = _model_at(model, path[:-1])
    field = _field(owner, path[-1]) if owner and path else None
    annotation = _plain_annotation(field.annotation) if field else None
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    return []


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that declares the mapping at a path of another."""
    annotation: Any = model
    for step in path:
        annotation = _plain_annotation(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = _field(annotation, step)
            if field is None:
                return None
            annotation = field.annotation
        elif get_origin(annotation) in (list, dict):
            annotation = get_args(annotation)[-1]
        else:
            return None
    annotation = _plain_annotation(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _field(model: type[BaseModel], step: str | int) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if step in (name, field.alias)), None)


def _plain_annotation(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation
