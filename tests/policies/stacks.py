"""Stacks as the policy pack sees them, from programs that were run offline."""

from collections.abc import Callable
from typing import Any

from pulumi_policy import PolicyResource, StackValidationArgs
from pulumi_policy.policy import PolicyCustomTimeouts, PolicyResourceOptions
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from checks import Stack, StackResource
from loadfit.testing import UNKNOWN, Deployment, Resource, deploy
from pack import POLICIES

_OPTIONS = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [], None)


def with_outputs(resource: Resource) -> dict[str, Any]:
    """What providers add and the checks read: the version that was published, the name that was given."""
    if resource.type == "aws:lambda/function:Function":
        name = resource.inputs.get("name", f"{resource.name}-0a1b2c")
        arn = f"arn:aws:lambda:us-east-1:111122223333:function:{name}"
        return {"name": name, "version": "7", "arn": arn, "qualifiedArn": f"{arn}:7"}
    if resource.type == "aws:lambda/alias:Alias":
        name, function = resource.inputs["name"], resource.inputs["functionName"]
        return {"arn": f"arn:aws:lambda:us-east-1:111122223333:function:{function}:{name}"}
    if resource.type == "aws:rds/instance:Instance":
        return {"endpoint": f"{resource.name}.0a1b2c.us-east-1.rds.amazonaws.com:5432"}
    return {}


def run(program: Callable[[], object], *, preview: bool = False) -> Deployment:
    return deploy(program, preview=preview, state=with_outputs)


def stack(program: Callable[[], object], *, preview: bool = False) -> Stack:
    """The stack as the pure checks take it: inputs in a preview, with outputs once it is deployed."""
    return Stack(
        StackResource(one.urn, one.type, one.name, properties(one, preview), one.parent, one.property_dependencies)
        for one in run(program, preview=preview).resources
    )


def properties(resource: Resource, preview: bool) -> dict[str, Any]:
    identity = {} if preview or not resource.custom else {"id": resource.id}
    return {**resource.inputs, **({} if preview else with_outputs(resource)), **identity}


def policy_resources(deployment: Deployment, *, preview: bool) -> list[PolicyResource]:
    """The same resources as the engine gives them to a policy pack: what is not known raises when it is read."""
    found: dict[str, PolicyResource] = {}
    for one in deployment.resources:  # parents come first
        known = unknown_checking_proxy(_with_sentinels(properties(one, preview)))
        parent = found[one.parent] if one.parent else None
        found[one.urn] = PolicyResource(one.type, known, one.urn, one.name, _OPTIONS, None, parent, [], {})
    for one in deployment.resources:
        found[one.urn].property_dependencies = {
            name: [found[urn] for urn in urns] for name, urns in one.property_dependencies.items()
        }
    return list(found.values())


def _with_sentinels(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_sentinels(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_sentinels(item) for item in value]
    return UNKNOWN_STRING_VALUE if value is UNKNOWN else value


def violations(
    deployment: Deployment, *, preview: bool = False, config: dict[str, Any] | None = None
) -> dict[str, list[str]]:
    """What each policy of the pack reports of a stack; those that report nothing are left out."""
    resources = policy_resources(deployment, preview=preview)
    reported: dict[str, list[str]] = {}
    for policy in POLICIES:
        arguments = StackValidationArgs(resources, config)
        policy.validate(
            arguments, lambda message, urn=None, of=policy.name: reported.setdefault(of, []).append(message)
        )
    return reported
