"""The checks as policies: what pulumi-policy gives becomes a stack, and what a check finds becomes violations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

import checks
from checks import Report, Stack, StackResource
from loadfit.testing import UNKNOWN

__all__ = ["POLICIES", "stack_of"]


@dataclass(frozen=True)
class _Check:
    name: str
    description: str
    find: Callable[[Stack, Mapping[str, Any]], Report]
    level: EnforcementLevel = EnforcementLevel.MANDATORY
    schema: PolicyConfigSchema | None = None


_QUOTA = {"quota_concurrency": {"type": "integer", "minimum": 1}}

_CHECKS = (
    _Check(
        "one-nat-gateway-for-several-zones",
        "Each zone's private subnets leave through a NAT gateway of their own zone.",
        lambda stack, _: checks.check_nat_gateways(stack),
        # What the ports have to carry is not known of subnets and routes: one gateway may be a choice.
        EnforcementLevel.ADVISORY,
    ),
    _Check(
        "warm-version-that-nothing-calls",
        "Provisioned concurrency is on a version or an alias that something calls.",
        lambda stack, _: checks.check_warm_versions(stack),
    ),
    _Check(
        "database-client-without-reserved-concurrency",
        "A function that opens connections to a database has reserved concurrency.",
        lambda stack, _: checks.check_database_functions(stack),
    ),
    _Check(
        "pools-of-one-server",
        "All pools of a PostgreSQL server, with their direct clients, fit into its max_connections.",
        lambda stack, _: checks.check_servers(stack),
    ),
    _Check(
        "declared-load",
        "Every component can carry the load that it declares.",
        lambda stack, _: checks.check_declared_loads(stack),
    ),
    _Check(
        "account-concurrency",
        "All functions of a Region fit into the account's concurrency.",
        lambda stack, config: checks.check_account(stack, _quota(config)),
        schema=PolicyConfigSchema(properties=_QUOTA),
    ),
)


def _quota(config: Mapping[str, Any]) -> int | None:
    # Numbers of a policy's configuration arrive as floats.
    declared = config.get("quota_concurrency")
    return None if declared is None else int(declared)


def _validate(check: _Check, args: StackValidationArgs, report: ReportViolation) -> None:
    for told in check.find(stack_of(args.resources), args.get_config()).violations:
        report(told.message, told.urn)


def _not_checked(args: StackValidationArgs, report: ReportViolation) -> None:
    stack = stack_of(args.resources)
    found = (told for check in _CHECKS for told in check.find(stack, {}).unchecked)
    for told in dict.fromkeys(found):
        report(told.message, told.urn)


POLICIES = [
    *(
        StackValidationPolicy(
            name=check.name,
            description=check.description,
            validate=partial(_validate, check),
            enforcement_level=check.level,
            config_schema=check.schema,
        )
        for check in _CHECKS
    ),
    # By itself, and never mandatory: what is not known before deployment fails no preview.
    StackValidationPolicy(
        name="not-checked",
        description="What the other policies could not look at.",
        validate=_not_checked,
        enforcement_level=EnforcementLevel.ADVISORY,
    ),
]


def stack_of(resources: list[PolicyResource]) -> Stack:
    """The resources as the checks read them."""
    return Stack(
        StackResource(
            urn=one.urn,
            type=one.resource_type,
            name=one.name,
            properties=_plain(one.props),
            parent=one.parent.urn if one.parent else None,
            sources={name: tuple(source.urn for source in of) for name, of in one.property_dependencies.items()},
        )
        for one in resources
    )


def _plain(value: Any) -> Any:
    """A property without its proxies: plain data, with ``UNKNOWN`` where reading it raises."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in cast("Mapping[str, Any]", value)}
    if hasattr(value, "__len__") and hasattr(value, "__getitem__"):
        return [_read(value, index) for index in range(len(value))]
    return value


def _read(owner: Any, key: Any) -> Any:
    try:
        return _plain(owner[key])
    except UnknownValueError:
        return UNKNOWN
