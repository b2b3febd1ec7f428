"""What WarmLambda was given besides the load, with its defaults, and what of it cannot be."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pulumi

from loadfit.component import declared_inputs, refused
from loadfit.core import limits
from loadfit.core.paths import Path
from loadfit.core.problems import Problem, shown, under
from loadfit.core.watching import Alarm
from loadfit.functions.alarms import alarms
from loadfit.functions.component.arguments import (
    EventSource,
    FunctionCaller,
    FunctionUrl,
    FunctionUrlAuthorization,
    WarmLambdaArgs,
)
from loadfit.functions.component.code import Code
from loadfit.functions.component.cors import cors_problems
from loadfit.functions.component.environment import environment_problems
from loadfit.functions.component.role import destination_problem
from loadfit.functions.component.sources import source_problems
from loadfit.functions.load import PackageType
from loadfit.functions.plan import FunctionPlan
from loadfit.functions.runtimes import deprecation, runtime_problem, takes_handler
from loadfit.watching import physical_name

__all__ = ["Wiring"]

_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALIAS_NAME = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Wiring:
    """What was given besides the load, with its defaults, and what of it cannot be."""

    def __init__(self, name: str, label: str, args: WarmLambdaArgs, code: Code, plan: FunctionPlan) -> None:
        self.name = name
        self.label = label
        self.args = args
        self.code = code
        self.plan = plan
        self.load = plan.load
        # A name of its own rather than Pulumi's: the log group is named after it, and dimensions are known at preview.
        self.function_name = args.get("function_name") or physical_name(name)
        self.alias_name = args.get("alias_name", "live")
        self.tags: Mapping[str, pulumi.Input[str]] = args.get("tags") or {}
        self.subnet_ids: Sequence[pulumi.Input[str]] = args.get("subnet_ids") or ()
        self.security_group_ids: Sequence[pulumi.Input[str]] = args.get("security_group_ids") or ()
        self.callers: Mapping[str, FunctionCaller] = args.get("callers") or {}
        self.event_sources: Mapping[str, EventSource] = args.get("event_sources") or {}
        self.url: FunctionUrl | None = args.get("function_url")
        self.tracing = args.get("tracing", True)
        self.log_retention_days = args.get("log_retention_days", 30)
        has_destination = "on_failure_arn" in args
        self.alarms: Sequence[Alarm] = alarms(plan, has_destination=has_destination) if args.get("alarms", True) else ()

    @property
    def is_image(self) -> bool:
        """Whether the code is a container image."""
        return "image_uri" in self.args

    @property
    def url_authorization(self) -> FunctionUrlAuthorization:
        """Who gets through the function URL."""
        return (self.url or {}).get("authorization", FunctionUrlAuthorization.AWS_IAM)

    def check(self) -> None:
        """Refuses wiring that does not go with the load.

        Raises:
            InvalidInputs: With every problem at once.
        """
        wiring = (self._code, self._names, self._network, self._entrances, self._sources, self._rest)
        problems = [problem for find in wiring for problem in find()]
        if problems:
            raise refused(self.label, problems)

    def _code(self) -> Iterator[Problem]:
        args, load = self.args, self.load
        given = [name for name in ("code", "code_object", "image_uri") if name in args]
        if len(given) != 1:
            yield Problem(("code",), "one of code, code_object and image_uri", " and ".join(given) or "none of them")
            return
        declared_image = load.package_type is PackageType.IMAGE
        if self.is_image != declared_image:
            yield Problem(
                ("load", "package_type"),
                "image, as image_uri is given" if self.is_image else f"zip, as {given[0]} is given",
                shown(load.package_type.value) if load.package_type else "nothing, which is zip",
                "The limits that the load is checked against are those of its kind.",
            )
        if load.code_in_s3 and given[0] != "code_object":
            yield Problem(
                ("load", "code_in_s3"),
                f"false, as {given[0]} is given",
                "true",
                "Give the object in S3 as code_object: a zip file that is uploaded directly may have "
                f"{limits.LAMBDA_ZIP.value} MB.",
            )
        if self.is_image:
            if "handler" in args:
                yield Problem(("handler",), "nothing beside image_uri", shown(args["handler"]), "The image names it.")
            if "layers" in args:
                yield Problem(("layers",), "nothing beside image_uri", "a list", "An image has no layers of Lambda's.")
        else:
            if "handler" not in args:
                yield Problem(("handler",), "the entry point, such as app.handler", "nothing")
            yield from self._runtime()
        yield from self.code.problems
        if load.uses_efs:
            yield Problem(("load", "uses_efs"), "false", "true", "The component mounts no file system.")

    def _runtime(self) -> Iterator[Problem]:
        runtime, handler = self.load.runtime, self.args.get("handler")
        if runtime is None:
            yield Problem(("load", "runtime"), "the runtime's identifier, such as python3.13", "nothing")
            return
        problem = runtime_problem(runtime)
        if problem is not None:
            yield from under([problem], ("load",))
        elif handler is not None and not takes_handler(runtime, handler):
            expected = "a file and a function in it with a dot between them, such as app.handler"
            yield Problem(("handler",), expected, shown(handler))

    def _names(self) -> Iterator[Problem]:
        if not _FUNCTION_NAME.fullmatch(self.function_name):
            expected = "at most 64 letters, digits, dashes and underscores"
            way_out = (
                "" if "function_name" in self.args else "Made of project, stack and component: give a shorter one."
            )
            yield Problem(("function_name",), expected, shown(self.function_name), way_out)
        if not _ALIAS_NAME.fullmatch(self.alias_name):
            expected = "at most 128 letters, digits, dashes and underscores, not digits alone"
            yield Problem(("alias_name",), expected, shown(self.alias_name))
        own: tuple[tuple[Path, Iterable[str]], ...] = (
            (("callers",), self.callers),
            (("event_sources",), self.event_sources),
            (("function_url", "callers"), (self.url or {}).get("callers") or ()),
        )
        for path, keys in own:
            for key in keys:
                if not _KEY.fullmatch(key):
                    expected = "a name of at most 40 letters, digits, dashes and underscores"
                    yield Problem((*path, key), expected, shown(key))

    def _network(self) -> Iterator[Problem]:
        wired, declared = bool(self.subnet_ids), bool(self.load.in_vpc)
        if wired != declared:
            yield Problem(
                ("load", "in_vpc") if wired else ("subnet_ids",),
                "true, as subnet_ids are given" if wired else "the subnets, as the load says in_vpc",
                "false" if wired else "none",
                "What a function in the VPC sends leaves through its NAT gateways, and is sized with them.",
            )
        if wired != bool(self.security_group_ids):
            missing = "security_group_ids" if wired else "subnet_ids"
            if wired or not declared:
                yield Problem((missing,), "both subnet_ids and security_group_ids, or neither", "none")

    def _entrances(self) -> Iterator[Problem]:
        for key, caller in self.callers.items():
            yield from _caller(("callers", key), caller)
        if self.url is None:
            return
        if "cors" in self.url:
            yield from cors_problems(("function_url", "cors"), self.url["cors"])
        callers = self.url.get("callers") or {}
        open_to_all = self.url_authorization is FunctionUrlAuthorization.NONE
        if callers and open_to_all:
            yield Problem(("function_url", "callers"), "nobody, with authorization NONE", ", ".join(callers))
        for key, caller in callers.items():
            yield from _caller(("function_url", "callers", key), caller)

    def _sources(self) -> Iterator[Problem]:
        for key, source in self.event_sources.items():
            yield from source_problems(("event_sources", key), source, self.load)

    def _rest(self) -> Iterator[Problem]:
        if self.log_retention_days not in limits.LOG_RETENTION_DAYS:
            known = ", ".join(str(days) for days in limits.LOG_RETENTION_DAYS)
            yield Problem(("log_retention_days",), f"one of {known}", shown(self.log_retention_days))
        layers = self.args.get("layers") or ()
        if len(layers) > limits.LAMBDA_LAYERS.value:
            yield Problem(("layers",), f"at most {limits.LAMBDA_LAYERS.value}", str(len(layers)))
        yield from environment_problems(self.args.get("environment") or {})
        if "environment_key_arn" in self.args and not self.args.get("environment"):
            yield Problem(("environment_key_arn",), "nothing without environment", "a key")
        destination = self.args.get("on_failure_arn")
        if isinstance(destination, str) and (problem := destination_problem(destination)):
            yield problem
        for index, statement in enumerate(self.args.get("role_statements") or ()):
            for name in ("actions", "resources"):
                if not statement[name]:
                    yield Problem(("role_statements", index, name), "at least one", "none")

    def warn(self, resource: pulumi.Resource) -> None:
        """Logs on the component what is taken, and will not last."""
        old = deprecation(self.load.runtime or "")
        if old is not None and not self.is_image:
            pulumi.log.warn(f"load.runtime: {old}", resource=resource)
        for warning in self.code.warnings:
            pulumi.log.warn(f"code: {warning}", resource=resource)

    def inputs(self) -> dict[str, Any]:
        """The component's own inputs: in state, and in the preview's diff.

        No environment variable is among them, and nothing of the code: another machine may have it elsewhere, and what
        it weighs is no input of its own.
        """
        args = self.args
        return {
            "load": declared_inputs(args["load"]),
            "codeObject": args.get("code_object"),
            "imageUri": args.get("image_uri"),
            "handler": args.get("handler"),
            "aliasName": self.alias_name,
            "logRetentionDays": self.log_retention_days,
            "tracing": self.tracing,
            "functionUrlAuthorization": None if self.url is None else self.url_authorization.value,
        }


def _caller(path: Path, caller: FunctionCaller) -> Iterator[Problem]:
    principal = caller["principal"]
    if isinstance(principal, str) and principal == "*":
        yield Problem((*path, "principal"), "a service, an account, a user or a role", "everybody")
    is_service = isinstance(principal, str) and principal.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    if is_service and "source_arn" not in caller and "source_account" not in caller:
        yield Problem(
            path,
            "the source_arn or the source_account on whose behalf the service calls",
            "neither",
            "Without one, the service calls for anybody who asks it to.",
        )
