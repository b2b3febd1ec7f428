"""What a program asked for: resources, outputs and log lines, and how two runs differ."""

# ruff: noqa: A002 - `type` of a resource is Pulumi's own name for it
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, cast

from loadfit.core.paths import Path, parse_path

__all__ = [
    "UNKNOWN",
    "Call",
    "Changes",
    "Deployment",
    "Log",
    "Options",
    "Properties",
    "Resource",
    "StateOf",
    "UndeclaredCall",
    "Unknown",
    "changes",
]

Properties: TypeAlias = Mapping[str, Any]
"""Property names, in camelCase as Pulumi sends them, with plain values."""


class Unknown(Enum):
    """The type of `UNKNOWN`, so that a type checker can tell it from a value."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return self.name


UNKNOWN: Final = Unknown.UNKNOWN
"""Stands where a value is known only after deployment."""


class UndeclaredCall(LookupError):
    """The program called a function of a provider, or a resource's method, whose result nobody declared.

    Args:
        token: The function's token.
        declared: The tokens of those that were declared.
    """

    def __init__(self, token: str, declared: Iterable[str]) -> None:
        self.token = token
        known = ", ".join(sorted(declared)) or "none"
        super().__init__(f"{token} is not declared: pass calls={{{token!r}: ...}}; declared: {known}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The resource options that the engine was sent, after inheritance from parents.

    `None` and empty mean that the option is not set. Property names are in camelCase.
    """

    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    import_id: str | None = None
    custom_timeouts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Any of `create`, `update`, `delete` and `read`, such as `{"create": "10m"}`."""
    aliases: tuple[str | Mapping[str, Any], ...] = ()
    """A URN, or the parts that differ: `name`, `type`, `stack`, `project`, `parentUrn`, `noParent`."""
    deleted_with: str | None = None
    replace_with: tuple[str, ...] = ()
    version: str | None = None
    """Of the provider's plugin."""
    plugin_download_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, as the program registered it.

    Example:
        >>> def program() -> None:
        ...     group = pulumi.ComponentResource("demo:index:Group", "workers")
        ...     options = pulumi.ResourceOptions(parent=group, protect=True)
        ...     pulumi.CustomResource("cloud:index:Queue", "jobs", {}, options)
        >>> queue = deploy(program).resource("jobs")
        >>> queue.parent, queue.options.protect
        ('urn:pulumi:stack::project::demo:index:Group::workers', True)
    """

    urn: str
    """As the engine makes it: the types of all parents but the stack, joined by `$`."""
    type: str
    name: str
    id: str | Unknown | None
    """`None` for a component, `UNKNOWN` for a new resource in a preview."""
    parent: str | None
    """The parent's URN; `None` directly below the stack."""
    custom: bool
    """Managed by a provider; false for a component."""
    remote: bool = False
    """A component that another process would construct: its children are not seen."""
    read: bool = False
    """Looked up with `.get()`, not created."""
    inputs: Properties
    """Without secrets' wrapping. A resource is its URN; an asset is `{"path": ...}`, `{"text": ...}` or the like."""
    secret_inputs: frozenset[str]
    """The inputs that are secret, or contain one."""
    dependencies: tuple[str, ...]
    """URNs of all that must exist first: `depends_on`, and whatever the inputs came from."""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By input, the URNs of the resources that its value came from."""
    provider: str | None
    """The URN of an explicit provider."""
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By package, the URNs of the providers that a component hands to its children."""
    options: Options
    registered_outputs: Properties | None = None
    """What a component registered as its outputs; `None` if it never called `register_outputs`."""
    secret_outputs: frozenset[str] = frozenset()
    """The registered outputs that are secret, or contain one."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """One line that the program logged, debug lines left out."""

    severity: Literal["info", "warning", "error"]
    message: str
    urn: str | None
    """The resource on which the CLI shows the line; `None`: the stack."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a program asked for.

    Example:
        >>> def program() -> None:
        ...     pulumi.CustomResource("cloud:index:Queue", "jobs", {"size": 10})
        ...     pulumi.log.warn("the queue is small")
        ...     pulumi.export("size", 10)
        >>> deployment = deploy(program)
        >>> deployment.resource("jobs").inputs, deployment.outputs, deployment.logs[0].message
        ({'size': 10}, {'size': 10}, 'the queue is small')
    """

    resources: tuple[Resource, ...]
    """Parents before their children, and otherwise by URN: the same in each run, and not the program's order."""
    outputs: Properties
    """The stack's exports, `UNKNOWN` where they are known only after deployment."""
    secret_outputs: frozenset[str]
    """The exports that are secret, or contain one."""
    logs: tuple[Log, ...]
    error: Exception | None
    """Why the run failed; always `None` unless `deploy(check=False)`."""

    def resource(self, name_or_urn: str, type: str | None = None) -> Resource:
        """The one resource of that name or URN.

        Args:
            name_or_urn: A logical name or a URN.
            type: The type token, where several resources share a name.

        Raises:
            LookupError: None matches, or more than one; the message names the nearest, or all.

        Example:
            >>> deploy(lambda: pulumi.ComponentResource("demo:index:Group", "workers")).resource("worker")
            Traceback (most recent call last):
            LookupError: no resource 'worker'; nearest: 'workers' (demo:index:Group)
        """
        found = [r for r in self.resources if name_or_urn in (r.name, r.urn) and type in (None, r.type)]
        if len(found) == 1:
            return found[0]
        wanted = repr(name_or_urn) if type is None else f"{name_or_urn!r} of type {type}"
        if found:
            urns = ", ".join(r.urn for r in found)
            raise LookupError(f"{len(found)} resources {wanted}: {urns}; ask for one by type or by URN")
        names = difflib.get_close_matches(name_or_urn, {r.name for r in self.resources}, n=3)
        near = [r for name in names for r in self.resources if r.name == name] or self.resources[:5]
        known = ", ".join(f"{r.name!r} ({r.type})" for r in near)
        raise LookupError(f"no resource {wanted}; nearest: {known or 'there is none at all'}")

    def of_type(self, type: str) -> tuple[Resource, ...]:
        """All resources of a type token, such as `aws:ec2/natGateway:NatGateway`."""
        return tuple(r for r in self.resources if r.type == type)

    def children(self, parent: Resource | str | None = None) -> tuple[Resource, ...]:
        """The resources directly below a parent, given as a `Resource` or a URN; without one, below the stack."""
        urn = parent.urn if isinstance(parent, Resource) else parent
        return tuple(r for r in self.resources if r.parent == urn)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the engine would do to go from one deployment to another, by URN.

    Whether a changed property means an update or a replacement is its provider's to say. Aliases are not followed: a
    resource that is renamed under an alias is listed as deleted and created.
    """

    created: tuple[str, ...]
    deleted: tuple[str, ...]
    changed: Mapping[str, frozenset[str]]
    """The inputs that differ, without what the new resource's `ignore_changes` names."""
    options: Mapping[str, frozenset[str]]
    """The resource options that differ, `provider` and `providers` among them."""


def changes(before: Deployment, after: Deployment) -> Changes:
    """Compare two deployments.

    As for the engine, what the new resource's `ignore_changes` names keeps its old value: an input, a part of one
    (`tags.team`, `rules[0].port`), or every entry with `*` in the place of a key or a position. The engine refuses a
    path that leads to nothing in the old inputs; here it is passed over.

    Example:
        >>> def program(size: int) -> None:
        ...     pulumi.CustomResource("cloud:index:Queue", "jobs", {"size": size})
        >>> changes(deploy(lambda: program(10)), deploy(lambda: program(20))).changed
        {'urn:pulumi:stack::project::cloud:index:Queue::jobs': frozenset({'size'})}
    """
    old, new = ({r.urn: r for r in deployment.resources} for deployment in (before, after))
    kept = [urn for urn in new if urn in old]
    changed = {urn: _differing(old[urn].inputs, _unignored(old[urn], new[urn])) for urn in kept}
    options = {urn: _differing(_options(old[urn]), _options(new[urn])) for urn in kept}
    return Changes(
        created=tuple(urn for urn in new if urn not in old),
        deleted=tuple(urn for urn in old if urn not in new),
        changed={urn: names for urn, names in changed.items() if names},
        options={urn: names for urn, names in options.items() if names},
    )


def _differing(old: Properties, new: Properties) -> frozenset[str]:
    absent = object()
    return frozenset(name for name in {*old, *new} if old.get(name, absent) != new.get(name, absent))


def _unignored(old: Resource, new: Resource) -> Properties:
    """The new inputs, with the old values of what changes are ignored of."""
    inputs: Any = new.inputs
    for path in new.options.ignore_changes:
        inputs = _reset(inputs, old.inputs, parse_path(path.replace("[*]", ".*")))
    return inputs


def _reset(value: Any, old: Any, path: Path) -> Any:
    """The value with the old one at a path; as it is where the path leads to nothing."""
    if not path:
        return old
    step, rest = path[0], path[1:]
    if isinstance(value, Mapping) and isinstance(old, Mapping):
        entries, former = dict(cast("Mapping[str, Any]", value)), cast("Mapping[str, Any]", old)
        for key in {*entries, *former} if step == "*" else {str(step)}:
            if not rest and key not in former:
                entries.pop(key, None)
            elif key in former and (not rest or key in entries):
                entries[key] = _reset(entries.get(key), former[key], rest)
        return entries
    if isinstance(value, list) and isinstance(old, list):
        items, earlier = list(cast("list[Any]", value)), cast("list[Any]", old)
        for index in range(len(items)):
            if step in ("*", index) and index < len(earlier):
                items[index] = _reset(items[index], earlier[index], rest)
        return items
    return cast("Any", value)


def _options(resource: Resource) -> Properties:
    values = {option.name: getattr(resource.options, option.name) for option in fields(Options)}
    return {**values, "provider": resource.provider, "providers": resource.providers}


StateOf: TypeAlias = Callable[[Resource], Properties | None]
"""Given a resource as registered, the outputs that its provider would add; `id` among them sets the id."""

Call: TypeAlias = Callable[[Properties], Properties]
"""Given the arguments of a function of a provider, its result."""
