"""The components for programs in other languages: one provider process that the Pulumi engine starts and asks.

The SDK reads the schema off the components' annotations. What it does with a program's inputs is not used, because it
drops an input that it does not know, makes an empty mapping of a choice in a list, and tells a refused input as a
program error with a traceback: here inputs are renamed and nothing else, so that the component itself refuses them,
with the message that a Python program gets.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from inspect import cleandoc, get_annotations
from typing import Any, cast, get_args, is_typeddict

import pulumi
from pulumi.output import Unknown
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.experimental.component import ComponentProvider

from loadfit.component import camel_case, field_types, plain_type
from loadfit.core.descriptions import descriptions
from loadfit.core.model import Declared

__all__ = ["Components"]


class Components(Provider):
    """Serves components to the engine.

    Args:
        package: The first part of every token, such as ``loadfit``.
        components: Classes whose ``args`` are a ``TypedDict``; each is ``PACKAGE:index:CLASS``.
        version: The package's, as semantic versioning has it.

    Raises:
        Exception: A component has a type that no schema can express; the SDK names it.
    """

    def __init__(self, package: str, components: Sequence[type[pulumi.ComponentResource]], version: str) -> None:
        self._components = {f"{package}:index:{component.__name__}": component for component in components}
        inferred = json.loads(_schema(ComponentProvider(list(components), package, version=version)))
        super().__init__(version, json.dumps(completed(inferred, components)))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, pulumi.Input[Any]],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Makes a component; the engine calls this for each of a program.

        Args:
            name: The component's.
            resource_type: Its token.
            inputs: Under the names of the schema.
            options: What the program chose.

        Raises:
            pulumi.InputPropertiesError: The inputs are refused. The engine prints its message as it is.
        """
        component = cast("Any", self._components[resource_type])
        try:
            made = component(name, python_inputs(_arguments(component), inputs), options)
        except pulumi.RunError as error:
            # With a list, even an empty one: the SDK fails where there is none.
            raise pulumi.InputPropertiesError(str(error), []) from None
        outputs = {output: getattr(made, output, None) for output in get_annotations(component)}
        state = {camel_case(output): value for output, value in outputs.items() if value is not None}
        return ConstructResult(made.urn, state)


def python_inputs(expected: Any, value: Any) -> Any:
    """A program's inputs under their Python names; what is of another form stays as it is, to be refused.

    Args:
        expected: The type that the inputs are declared as.
        value: What the engine sent.
    """
    if isinstance(value, Unknown):
        return pulumi.Output.from_input(cast("Any", value))
    plain, _ = plain_type(expected)
    if isinstance(value, Mapping):
        given = cast("Mapping[str, Any]", value)
        fields: Mapping[str, Any] = field_types(plain) if _has_fields(plain) else {}
        names = {camel_case(name): name for name in fields}
        # The wire has no order; problems are told in one that stays.
        named = {names.get(key, key): item for key, item in given.items()}
        return {name: python_inputs(fields.get(name, _items(plain)), named[name]) for name in sorted(named)}
    if isinstance(value, list):
        return [python_inputs(_items(plain), item) for item in cast("list[Any]", value)]
    return value


def completed(schema: Any, components: Sequence[type[pulumi.ComponentResource]]) -> Any:
    """The schema that the SDK inferred, with what it cannot read and without what is no program's concern.

    It reads docstrings off a class's own source, so that inherited fields have none; it repeats a list's description
    on its items; and it knows nothing of fields that only say where a document declared the rest.

    Args:
        schema: Of the package.
        components: Those in it.
    """
    known = {found.__name__: found for component in components for found in _types(_arguments(component))}
    for token, declared in schema["types"].items():
        model = known[token.rpartition(":")[2]]
        if issubclass(model, Declared):
            for name, field in model.model_fields.items():
                if field.exclude:
                    declared["properties"].pop(camel_case(name))
                else:
                    declared["properties"][camel_case(name)]["description"] = descriptions(model).get(name)
    # Without, the generator makes no type for the items of a plain list, and the package for Go does not compile.
    schema["language"]["go"]["generateExtraInputTypes"] = True
    return _tidied(schema)


def _schema(provider: Provider) -> str:
    return provider.schema or "{}"


def _arguments(component: Any) -> Any:
    return component.__init__.__annotations__["args"]


def _has_fields(kind: Any) -> bool:
    return is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, Declared))


def _items(kind: Any) -> Any:
    """The type of what a mapping or a list holds; nothing where the type is of neither."""
    return get_args(kind)[-1] if get_args(kind) else None


def _types(kind: Any) -> Iterator[Any]:
    """All types with fields or choices that a type is made of, itself among them."""
    plain, _ = plain_type(kind)
    if _has_fields(plain):
        yield plain
        for field in field_types(plain).values():
            yield from _types(field)
    elif isinstance(plain, type) and issubclass(plain, Enum):
        yield plain
    for part in get_args(plain):
        yield from _types(part)


def _tidied(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidied(item) for item in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    tidied: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", part).items():
        if value is None:
            continue
        if key == "description" and isinstance(value, str):
            tidied[key] = _prose(value)
        elif key in ("items", "additionalProperties"):
            tidied[key] = _tidied({name: item for name, item in value.items() if name != "description"})
        else:
            tidied[key] = _tidied(value)
    return tidied


def _prose(docstring: str) -> str:
    """A docstring's paragraphs, each on one line, without the sections for readers of Python."""
    plain = re.sub(r"(?::\w+:)?(`+)(.+?)\1", r"`\2`", cleandoc(docstring), flags=re.DOTALL)
    paragraphs = [" ".join(paragraph.split()) for paragraph in plain.split("\n\n")]
    sections = ("Args:", "Example:", "Raises:", "Returns:")
    last = next((number for number, one in enumerate(paragraphs) if one.startswith(sections)), len(paragraphs))
    return "\n\n".join(paragraphs[:last])
