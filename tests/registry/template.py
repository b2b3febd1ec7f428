"""The AWS resources of a deployment as one CloudFormation template: `python -m tests.registry.template prod`.

Nothing is deployed from it. It is what linters can read, with the relations between the resources: a program is run
with outputs that are references in the form of `Fn::Sub`, and where one stands in an input, the template has a `Ref`,
`Fn::GetAtt` or `Fn::Sub`.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from loadfit.testing import Deployment, Resource
from tests.registry.table import TABLE, Beside, placed, registered
from tests.test_platform import WHOLE, platform

__all__ = ["referring", "stack_template", "template"]

_REFERENCE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")

Properties = dict[str, Any]


def stack_template(stack: str, **config: Any) -> Properties:
    """The template of a stack of the reference project, with other values for some keys of its configuration."""
    return template(platform(stack, state=referring(WHOLE), **config))


def referring(state: Mapping[str, Any]) -> Callable[[Resource], Mapping[str, Any]]:
    """For `deploy`: outputs that are references to AWS's resources, and for other types those that are given."""

    def outputs(resource: Resource) -> Mapping[str, Any]:
        row = TABLE.get(resource.type)
        if row is None:
            given = state.get(resource.type, {})
            return cast("Mapping[str, Any]", given(resource) if callable(given) else given)
        forms = {"id": "${@}", **row.returns}
        return {output: form.replace("@", logical_id(resource)) for output, form in forms.items()}

    return outputs


def template(deployment: Deployment) -> Properties:
    """The template of a deployment whose outputs are references.

    Raises:
        LookupError: The table does not know a type of AWS.
    """
    made = {one.urn: one for one in deployment.resources if one.type.startswith(("aws:", "eks:")) and not one.read}
    if unknown := sorted({one.type for one in made.values()} - set(TABLE)):
        raise LookupError(f"tests/registry/types.yaml does not say what in CloudFormation is {', '.join(unknown)}")
    return _Writer(made).template()


def logical_id(resource: Resource) -> str:
    """The name of a resource in the template."""
    words = re.findall(r"[A-Za-z0-9]+", f"{resource.name}-{resource.type.rpartition(':')[2]}")
    return "".join(word[0].upper() + word[1:] for word in words)


@dataclass(frozen=True)
class _Writer:
    made: Mapping[str, Resource]

    def template(self) -> Properties:
        own = {one.urn: one for one in self.made.values() if TABLE[one.type].part_of is None}
        resources = dict(entry for one in own.values() for entry in self._entries(one))
        for one in self.made.values():
            if one.urn not in own:
                self._add_part(resources, one)
        parameters = {name: {"Type": "String"} for name in sorted(self._named(resources) - set(resources))}
        written = {name: _written(entry) for name, entry in resources.items()}
        return {"AWSTemplateFormatVersion": "2010-09-09", "Parameters": parameters, "Resources": written}

    def _entries(self, one: Resource) -> Iterator[tuple[str, Properties]]:
        """A resource, and those that are inputs of it here."""
        row = TABLE[one.type]
        properties = registered(one.type, {name: self._led(value) for name, value in one.inputs.items()})
        for path, other in row.elsewhere.items():
            if path not in properties:
                properties = placed(properties, path.split("."), other.value)
        for name, through in row.refers.items():
            if through in one.inputs:
                properties[name] = _to(self._source(one, through))
        entry = {"Type": row.type, "Properties": properties, "DependsOn": sorted(self._after(one))}
        yield logical_id(one), {**entry, **_kept(one)}
        for name, beside in row.beside.items():
            if one.inputs.get(name):
                yield _beside_id(one, beside), _beside(one, beside, one.inputs[name])

    def _add_part(self, resources: dict[str, Properties], part: Resource) -> None:
        """Puts a resource into the one whose property it is there."""
        of = TABLE[part.type].part_of
        assert of is not None
        owner = resources[logical_id(self._source(part, of.through, of.type))]
        value = registered(part.type, part.inputs)
        several = of.property.endswith(".*")
        owner["Properties"] = placed(owner["Properties"], of.property.split("."), [value] if several else value)

    def _source(self, one: Resource, name: str, token: str | None = None) -> Resource:
        """The resource that an input comes from."""
        found = [self.made[urn] for urn in one.property_dependencies.get(name, ()) if urn in self.made]
        (source,) = [other for other in found if token in {None, other.type}]
        return source

    def _led(self, value: Any) -> Any:
        """An input that is another resource, as a reference to it."""
        return _to(self.made[value]) if isinstance(value, str) and value in self.made else value

    def _after(self, one: Resource) -> Iterator[str]:
        """What has to be there first and no property says."""
        said = {urn for urns in one.property_dependencies.values() for urn in urns}
        for urn in set(one.dependencies) - said:
            other = self.made.get(urn)
            if other is not None and TABLE[other.type].part_of is None:
                yield logical_id(other)
                yield from (_beside_id(other, beside) for beside in TABLE[other.type].beside.values())

    def _named(self, value: Any) -> set[str]:
        """The names of all that is referred to, but what every stack has."""
        text = json.dumps(value)
        return {name.partition(".")[0] for name in _REFERENCE.findall(text) if not name.startswith("AWS::")}


def _to(resource: Resource) -> str:
    return f"${{{logical_id(resource)}}}"


def _beside_id(one: Resource, beside: Beside) -> str:
    return f"{logical_id(one)}{beside.suffix}"


def _beside(one: Resource, beside: Beside, value: Any) -> Properties:
    properties = {beside.self: _to(one)}
    if beside.input is not None:
        properties[beside.input] = value
    return {"Type": beside.type, "Properties": properties}


def _kept(one: Resource) -> Properties:
    """What a deletion leaves."""
    policy = (
        "Retain" if one.options.retain_on_delete else "Snapshot" if "finalSnapshotIdentifier" in one.inputs else None
    )
    return {} if policy is None else {"DeletionPolicy": policy, "UpdateReplacePolicy": policy}


def _written(value: Any) -> Any:
    """Texts with references in them as the functions that resolve them; what is empty is left out."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _written(item) for key, item in items if key != "DependsOn" or item}
    if isinstance(value, list):
        return [_written(item) for item in cast("list[Any]", value)]
    if not isinstance(value, str) or not _REFERENCE.search(value):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is None:
        return {"Fn::Sub": value}
    name, _, attribute = whole[1].partition(".")
    return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}


def main(arguments: list[str] | None = None) -> None:
    """Writes the template of a stack."""
    parser = argparse.ArgumentParser(prog="python -m tests.registry.template", description=__doc__)
    parser.add_argument("stack", choices=["prod", "dev"])
    given = parser.parse_args(arguments)
    sys.stdout.write(f"{json.dumps(stack_template(given.stack), indent=2)}\n")


if __name__ == "__main__":
    main()
