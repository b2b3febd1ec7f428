"""Functions: provisioned concurrency that nothing calls, and a database's clients without a bound."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from checks.resources import NOT_KNOWN, Report, Stack, StackResource, Told
from loadfit.testing import UNKNOWN, Unknown

__all__ = ["DATABASE_TAG", "FUNCTION", "PROVISIONED", "WARM_LAMBDA", "check_database_functions", "check_warm_versions"]

DATABASE_TAG = "loadfit:database"
"""The tag by which a function that no component made says which database it opens connections to."""

FUNCTION = "aws:lambda/function:Function"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
WARM_LAMBDA = "loadfit:index:WarmLambda"
_ALIAS = "aws:lambda/alias:Alias"
_SERVERS = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:rds/clusterInstance:ClusterInstance")

_NAMED = {
    "aws:lambda/permission:Permission": "function",
    "aws:lambda/functionUrl:FunctionUrl": "functionName",
}
"""What lets callers in, with the property that names the function; the property qualifier names the version."""

_BY_ARN = {
    "aws:lambda/eventSourceMapping:EventSourceMapping": "functionName",
    "aws:apigateway/integration:Integration": "uri",
    "aws:apigatewayv2/integration:Integration": "integrationUri",
    "aws:cloudwatch/eventTarget:EventTarget": "arn",
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": "targetId",
    "aws:s3/bucketNotification:BucketNotification": "lambdaFunctions",
    "aws:scheduler/schedule:Schedule": "target",
    "aws:sns/topicSubscription:TopicSubscription": "endpoint",
}
"""What calls a function, with the property that holds its ARN, the version or the alias included."""

_FUNCTION_ARN = re.compile(r":function:(?P<name>[A-Za-z0-9_-]+)(:(?P<qualifier>[A-Za-z0-9_$-]+))?")
_NEWEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class _Call:
    """Something that calls a function, or lets it be called."""

    function: str
    """The function's URN, or its name."""
    target: str | Unknown
    """What it calls: an alias's URN, a version's number or an alias's name, or $LATEST."""
    by: str


def check_warm_versions(stack: Stack) -> Report:
    """Finds provisioned concurrency whose version or alias nothing in the stack calls."""
    calls = [*_calls(stack)]
    violations: list[Told] = []
    unchecked: list[Told] = []
    for warm in stack.of_type(PROVISIONED):
        function = _function(stack, warm, "functionName")
        if not isinstance(function, str):
            unchecked.append(Told(warm.urn, f"{NOT_KNOWN}: whose instances {warm.name} keeps warm"))
            continue
        label, targets = _targets(stack, warm, function)
        of_function = [call for call in calls if call.function == function]
        if any(call.target in targets for call in of_function):
            continue
        others = ", ".join(call.by for call in of_function)
        if any(call.target is UNKNOWN for call in of_function):
            unchecked.append(
                Told(warm.urn, f"{NOT_KNOWN}: which version of {stack.label(function)} is called by {others}")
            )
        elif of_function:
            calls_another = f"{others} {'call' if len(of_function) > 1 else 'calls'} another version of it"
            message = f"{label} of {stack.label(function)} is kept warm, and {calls_another}"
            violations.append(Told(warm.urn, f"{message}: {_WAY_OUT}"))
        elif _is_alias(targets):
            message = f"nothing in this stack calls {stack.label(function)}: whoever does has to call {label}"
            unchecked.append(Told(warm.urn, f"not checked: {message}"))
        else:
            message = f"{label} of {stack.label(function)} is kept warm, and nothing in this stack calls it"
            violations.append(Told(warm.urn, f"{message}: {_WAY_OUT}"))
    return Report(tuple(violations), tuple(unchecked))


_WAY_OUT = (
    "its instances idle while requests start cold. Keep an alias warm, and let every caller name that alias, as "
    "loadfit.WarmLambda does."
)


def _function(stack: Stack, resource: StackResource, property_: str) -> str | Unknown | None:
    """The function that a property names: its URN where it is of this stack, or its name."""
    found = stack.reference(resource, property_, FUNCTION)
    if not isinstance(found, str) or stack.get(found):
        return found
    return _named(stack, _split(found)[0])


def _named(stack: Stack, name: str) -> str:
    return next((one.urn for one in stack.of_type(FUNCTION) if one.properties.get("name") == name), name)


def _split(text: str) -> tuple[str, str | None]:
    """Name and qualifier of a function's ARN, or of its name."""
    found = _FUNCTION_ARN.search(text)
    if found:
        return found["name"], found["qualifier"]
    name, _, qualifier = text.partition(":")
    return name, qualifier or None


def _targets(stack: Stack, warm: StackResource, function: str) -> tuple[str, set[str]]:
    """What provisioned concurrency is for, for people, and everything by which it is called."""
    qualifier = stack.reference(warm, "qualifier", _ALIAS)
    alias = stack.get(qualifier) if isinstance(qualifier, str) else None
    if alias is None and isinstance(qualifier, str):
        named = (one for one in stack.of_type(_ALIAS) if one.properties.get("name") == qualifier)
        alias = next((one for one in named if _function(stack, one, "functionName") == function), None)
    if alias is not None:
        return f"the alias {alias.properties.get('name') or alias.name}", _names(alias)
    if isinstance(qualifier, str) and not qualifier.isdecimal():
        return f"the alias {qualifier}", {qualifier}
    version = qualifier if isinstance(qualifier, str) else "published last"
    targets = {version}
    for one in stack.of_type(_ALIAS):
        leads_to = stack.reference(one, "functionVersion", FUNCTION)
        if _function(stack, one, "functionName") == function and leads_to in (function, version):
            targets |= _names(one)
    return f"the version {version}", targets


def _names(alias: StackResource) -> set[str]:
    name = alias.properties.get("name")
    return {alias.urn, name} if isinstance(name, str) else {alias.urn}


def _is_alias(targets: set[str]) -> bool:
    return not any(target.isdecimal() or target == "published last" for target in targets)


def _calls(stack: Stack) -> Iterator[_Call]:
    for caller in stack.of_type(*_NAMED):
        property_ = _NAMED[caller.type]
        function = _function(stack, caller, property_)
        if not isinstance(function, str):
            continue
        given = caller.properties.get(property_)
        qualifier = stack.reference(caller, "qualifier", _ALIAS)
        if qualifier is None:
            qualifier = (_split(given)[1] if isinstance(given, str) else None) or _NEWEST
        yield _Call(function, qualifier, caller.name)
    for caller in stack.of_type(*_BY_ARN):
        yield from _call_by_arn(stack, caller, _BY_ARN[caller.type])


def _call_by_arn(stack: Stack, caller: StackResource, property_: str) -> Iterator[_Call]:
    sources = [one for one in map(stack.get, caller.sources.get(property_, ())) if one is not None]
    texts = [text for text in _texts(caller.properties.get(property_)) if _FUNCTION_ARN.search(text)]
    for text in texts:
        name, qualifier = _split(text)
        function = _named(stack, name)
        if stack.get(function) is None:
            # Named by AWS, a function is known by where the ARN comes from.
            of = {_owner(stack, one) for one in sources} - {None}
            function = of.pop() or function if len(of) == 1 else function
        yield _Call(function, qualifier or _NEWEST, caller.name)
    if texts:
        return
    for source in sources:
        function = _owner(stack, source)
        if function is not None:
            # A function's ARN may be that of a version, or of none.
            yield _Call(function, source.urn if source.type == _ALIAS else UNKNOWN, caller.name)


def _owner(stack: Stack, source: StackResource) -> str | None:
    """The function that an ARN is of, by the resource that it comes from."""
    if source.type == FUNCTION:
        return source.urn
    function = _function(stack, source, "functionName") if source.type == _ALIAS else None
    return function if isinstance(function, str) else None


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in cast("list[Any]", value):
                yield from _texts(item)
        case dict():
            yield from _texts(list(cast("dict[str, Any]", value).values()))
        case _:
            return


def check_database_functions(stack: Stack) -> Report:
    """Finds functions that open connections to a database without reserved concurrency.

    What is known of a function that no component made: that it is tagged :data:`DATABASE_TAG`, or that its environment
    has a value of an RDS server of the stack. WarmLambda's load declares its database.
    """
    violations: list[Told] = []
    unchecked: list[Told] = []
    for component in stack.of_type(WARM_LAMBDA):
        load = component.properties.get("load")
        declared = cast("dict[str, Any]", load) if isinstance(load, dict) else {}
        database = declared.get("database")
        if isinstance(database, dict) and not declared.get("reservedConcurrency"):
            name = cast("dict[str, Any]", database).get("name")
            violations.append(Told(component.urn, _unbounded(component.name, str(name))))
    for function in stack.of_type(FUNCTION):
        database = None if stack.is_below(function, WARM_LAMBDA) else _database(stack, function)
        reserved = function.properties.get("reservedConcurrentExecutions")
        if database is None or (isinstance(reserved, int | float) and reserved >= 0):
            continue
        if reserved is UNKNOWN:
            unchecked.append(Told(function.urn, f"{NOT_KNOWN}: the reserved concurrency of {function.name}"))
        else:
            violations.append(Told(function.urn, _unbounded(function.name, database)))
    return Report(tuple(violations), tuple(unchecked))


def _unbounded(function: str, database: str) -> str:
    return (
        f"{function} opens connections to {database} and has no reserved concurrency: each instance that a peak starts "
        "is one more client, without a bound. Reserve as many instances as the database has connections for."
    )


def _database(stack: Stack, function: StackResource) -> str | None:
    tags = function.properties.get("tags")
    if isinstance(tags, dict):
        tagged = cast("dict[str, Any]", tags).get(DATABASE_TAG)
        if tagged is not None:
            return str(tagged)
    sources = map(stack.get, function.sources.get("environment", ()))
    return next((one.name for one in sources if one is not None and one.type in _SERVERS), None)
