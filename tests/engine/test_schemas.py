"""What the double of AWS knows, and what the programs send, against the schemas of the CloudFormation registry.

They are AWS's own, and know nothing of Pulumi: an independent account of what replaces a resource, what it needs, and
which values its properties take. tests/registry has the names of one in the other.
"""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pulumi_aws
import pytest
import regex
from jsonschema.validators import extend

from tests.engine.doubles.aws import INSTANCE, KINDS, NAT_GATEWAY, PERMISSION, PROVISIONED, SCHEDULED, TARGET, VERSION
from tests.engine.engine import Engine
from tests.engine.test_functions import API, warm
from tests.engine.test_reference_stack import configure, program
from tests.registry.table import TABLE, property_of, registered, schema

TYPES = [token for token, row in TABLE.items() if row.type and token in KINDS]
"""What the double and the registry have in common."""


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


def test_every_type_of_the_double_is_in_the_table() -> None:
    assert set(KINDS) - set(TABLE) == {VERSION}, "no resource of its own here, either"


@pytest.mark.parametrize("token", TYPES)
class TestReplacement:
    def test_what_can_only_be_created_is_replaced_where_it_changes(self, token: str) -> None:
        certain = {path.removeprefix("/properties/") for path in schema(token).get("createOnlyProperties", ())}
        expected = {name for name in inputs_of(token) if property_of(token, name) in certain}
        assert expected - set(KINDS[token].replace) == set(TABLE[token].in_place)

    def test_what_is_replaced_can_only_be_created(self, token: str) -> None:
        there = {name for name in KINDS[token].replace if property_of(token, name) in schema(token)["properties"]}
        changeable = {name for name in there if property_of(token, name) not in create_only(token)}
        explained = {name for name in TABLE[token].replaced if name in there}
        assert changeable - explained == set()

    def test_every_input_of_the_table_is_one(self, token: str) -> None:
        row = TABLE[token]
        named = {*row.names, *row.absent, *row.beside, *row.refers.values(), *row.in_place, *row.replaced}
        assert {name.partition(".")[0] for name in named} - inputs_of(token) <= {"region"}


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """The schemas' patterns are of a dialect that has Unicode's classes."""
    if isinstance(value, str) and not regex.search(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: Any = extend(jsonschema.Draft7Validator, {"pattern": _pattern})


def problems(token: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """What of a resource's inputs the registry would not take, inside of objects too."""
    row = TABLE[token]
    given = registered(token, {name: value for name, value in inputs.items() if not name.startswith("__")})
    expected = {
        **schema(token),
        "required": [one for one in schema(token).get("required", ()) if one not in row.elsewhere],
    }
    for error in _Validator(expected).iter_errors(given):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"


def refused(engine: Engine, *expected: str) -> list[str]:
    """What the registry would not take of all that was made, types that are expected among it."""
    made = [one for one in engine.aws.objects.values() if one.type in TABLE]
    assert {one.type for one in made} > set(expected)
    return [f"{one.label}: {text}" for one in made for text in problems(one.type, one.inputs)]


def test_what_the_reference_stack_sends_is_what_the_registry_takes(cluster: Engine) -> None:
    configure(cluster)
    cluster.begin(program)
    assert refused(cluster, NAT_GATEWAY, INSTANCE, PROVISIONED) == []


def test_what_a_function_with_callers_sends_is_what_the_registry_takes(engine: Engine, code: Path) -> None:
    engine.up(warm(code, callers={"api": API}, function_url={"authorization": "NONE"}))
    assert refused(engine, PERMISSION, SCHEDULED, TARGET) == []


@pytest.mark.parametrize(
    ("token", "inputs", "told"),
    [
        (NAT_GATEWAY, {"subnetId": 1}, "SubnetId: 1 is not of type 'string'"),
        (PERMISSION, {"action": "lambda:InvokeFunction", "principal": "*"}, ": 'FunctionName' is a required property"),
        (NAT_GATEWAY, {"subnetID": "subnet-1"}, ": Additional properties are not allowed ('SubnetID' was unexpected)"),
        (
            "aws:lambda/functionUrl:FunctionUrl",
            {"functionName": "a", "authorizationType": "NONE", "cors": {"maxAge": 86401}},
            "Cors.MaxAge: 86401 is greater than the maximum of 86400",
        ),
        (
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {"metricQueries": [{"id": "m0", "metric": {"dimensions": {"a": "b"}, "period": 60, "metricName": "c"}}]},
            "Metrics.0.MetricStat: 'Stat' is a required property",
        ),
        ("aws:ec2/vpc:Vpc", {"tags": {"Name": 1}}, "Tags.0.Value: 1 is not of type 'string'"),
        (
            "aws:appautoscaling/scheduledAction:ScheduledAction",
            {"name": "day", "schedule": "cron(0 8 * * ? *)", "scalableTargetAction": {"minimum": 1}},
            "ScalableTargetAction: Additional properties are not allowed ('Minimum' was unexpected)",
        ),
    ],
)
def test_what_the_registry_does_not_take_is_found(token: str, inputs: dict[str, Any], told: str) -> None:
    assert told in list(problems(token, inputs))
