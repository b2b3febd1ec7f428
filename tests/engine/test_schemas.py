"""What the double of AWS knows, and what the programs send, against the schemas of the CloudFormation registry.

They are AWS's own, and know nothing of Pulumi: an independent account of what replaces a resource, what it needs, and
which values its properties take. Properties that are objects have other names inside and are not compared.
"""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pulumi_aws
import pytest
import regex
import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from jsonschema.validators import extend

from tests.engine.doubles.aws import KINDS
from tests.engine.engine import REGION, Engine
from tests.engine.test_functions import API, warm
from tests.engine.test_reference_stack import configure, program

TABLE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "doubles" / "cloudformation.yaml").read_text(encoding="utf-8")
)
NOT_THERE = {
    "aws:appautoscaling/scheduledAction:ScheduledAction",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    "aws:lambda:PublishedVersion",
}
"""No types of the registry: there, they are properties of the target, the role and the alias."""


def schema(token: str) -> dict[str, Any]:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, TABLE[token]["type"]).schema


def property_of(token: str, name: str) -> str:
    """The registry's name of an input."""
    return TABLE[token].get("names", {}).get(name, name[0].upper() + name[1:])


def inputs_of(token: str) -> set[str]:
    """The inputs that the SDK's class has."""
    module, name = token.removeprefix("aws:").split(":")
    package = {"lambda": "lambda_"}.get(module.split("/")[0], module.split("/")[0])
    made = getattr(getattr(pulumi_aws, package), name)
    words = set(inspect.signature(made._internal_init).parameters) - {"__self__", "resource_name", "opts", "__props__"}
    return {first + "".join(map(str.capitalize, rest)) for first, *rest in (word.split("_") for word in words)}


def create_only(token: str) -> set[str]:
    found = schema(token)
    listed = [*found.get("createOnlyProperties", ()), *found.get("conditionalCreateOnlyProperties", ())]
    return {path.removeprefix("/properties/") for path in listed}


def test_every_type_is_in_the_table_or_not_in_the_registry() -> None:
    assert set(TABLE) | NOT_THERE == set(KINDS)
    assert not set(TABLE) & NOT_THERE


@pytest.mark.parametrize("token", TABLE)
class TestReplacement:
    def test_what_can_only_be_created_is_replaced_where_it_changes(self, token: str) -> None:
        certain = {path.removeprefix("/properties/") for path in schema(token).get("createOnlyProperties", ())}
        expected = {name for name in inputs_of(token) if property_of(token, name) in certain}
        assert expected - set(KINDS[token].replace) == set(TABLE[token].get("in_place", {}))

    def test_what_is_replaced_can_only_be_created(self, token: str) -> None:
        there = {name for name in KINDS[token].replace if property_of(token, name) in schema(token)["properties"]}
        changeable = {name for name in there if property_of(token, name) not in create_only(token)}
        explained = {name for name in TABLE[token].get("replaced", {}) if name in there}
        assert changeable - explained == set()

    def test_every_name_of_the_table_is_one(self, token: str) -> None:
        row = TABLE[token]
        named = {*row.get("names", {}), *row.get("in_place", {}), *row.get("replaced", {}), *row.get("other", {})}
        assert named - inputs_of(token) == set()
        assert set(row.get("names", {}).values()) - set(schema(token)["properties"]) == set()
        assert set(row.get("elsewhere", {})) - set(schema(token).get("required", ())) == set()


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """The schemas' patterns are of a dialect that has Unicode's classes."""
    if isinstance(value, str) and not regex.search(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: Any = extend(jsonschema.Draft7Validator, {"pattern": _pattern})


def problems(token: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """What of a resource's inputs the registry would not take."""
    found, row = schema(token), TABLE[token]
    given = {property_of(token, name): (name, value) for name, value in inputs.items() if value is not None}
    for needed in found.get("required", ()):
        if needed not in given and needed not in row.get("elsewhere", {}):
            yield f"{needed} is required"
    for wanted, (name, value) in given.items():
        if wanted in found["properties"] and name not in row.get("other", {}) and _is_plain(value):
            whole = {"definitions": found.get("definitions", {}), **found["properties"][wanted]}
            for error in _Validator(whole).iter_errors(value):
                yield f"{wanted}: {error.message}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return isinstance(value, bool | int | float | str)


def test_what_the_programs_send_is_what_the_registry_takes(cluster: Engine, code: Path) -> None:
    def both() -> None:
        program()
        warm(code, callers={"api": API}, function_url={"authorization": "NONE"})()

    configure(cluster)
    cluster.up(both)
    made = [one for one in cluster.aws.objects.values() if one.type in TABLE]
    assert {one.type for one in made} > {"aws:ec2/natGateway:NatGateway", "aws:rds/instance:Instance"}
    assert [f"{one.label}: {text}" for one in made for text in problems(one.type, one.inputs)] == []


def test_what_the_registry_does_not_take_is_found() -> None:
    token = "aws:ec2/natGateway:NatGateway"
    assert list(problems(token, {"connectivityType": "both", "subnetId": 1}))
    assert list(
        problems("aws:lambda/permission:Permission", {"action": "lambda:InvokeFunction", "principal": "*"})
    ) == ["FunctionName is required"]
