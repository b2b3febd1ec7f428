"""WarmLambda: a function behind an alias, with as many warm instances as the declared load needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from loadfit.component import accepted, gathered, planned, warn
from loadfit.functions.component.arguments import (
    CodeObject,
    EventSource,
    EventSourceKind,
    FunctionCaller,
    FunctionUrl,
    FunctionUrlAuthorization,
    FunctionUrlCors,
    InvokeMode,
    RoleStatement,
    StartingPosition,
    WarmLambdaArgs,
)
from loadfit.functions.component.children import Children
from loadfit.functions.component.code import prepared
from loadfit.functions.component.entrances import Entrances
from loadfit.functions.component.wiring import Wiring
from loadfit.functions.load import FunctionLoad
from loadfit.functions.sizing import size_function
from loadfit.functions.summary import plan_summary

__all__ = [
    "CodeObject",
    "EventSource",
    "EventSourceKind",
    "FunctionCaller",
    "FunctionUrl",
    "FunctionUrlAuthorization",
    "FunctionUrlCors",
    "InvokeMode",
    "RoleStatement",
    "StartingPosition",
    "WarmLambda",
    "WarmLambdaArgs",
]

_TOKEN = "loadfit:index:WarmLambda"


class WarmLambda(pulumi.ComponentResource):
    """A Lambda function whose requests find a warm instance, as many of them as its latency target asks for.

    A published version behind an alias, provisioned concurrency on the alias with autoscaling and a schedule from the
    plan, a role that may do what is wired, a log group, alarms with thresholds from the plan, a dashboard and queries.
    A load that does not fit is refused before any resource exists.
    """

    alias_arn: pulumi.Output[str]
    """The alias's ARN: what everything that calls the function has to call."""
    alias_invoke_arn: pulumi.Output[str]
    """The ARN that API Gateway calls the alias by."""
    alias_name: pulumi.Output[str]
    """The alias's name."""
    version: pulumi.Output[str]
    """The version that the alias leads to."""
    function_name: pulumi.Output[str]
    """The function's name; with the alias as qualifier wherever it is called."""
    function_url: pulumi.Output[str]
    """The HTTPS endpoint; empty where there is none."""
    log_group_name: pulumi.Output[str]
    """The log group."""
    role_arn: pulumi.Output[str]
    """The function's role."""
    role_name: pulumi.Output[str]
    """The name of the function's role, for policies of one's own."""
    provisioned_concurrency: pulumi.Output[int]
    """Warm instances at the peak; autoscaling and its schedule change them from there."""
    alarm_arns: pulumi.Output[Sequence[str]]
    """The alarms."""
    sizing: pulumi.Output[Mapping[str, Any]]
    """The plan's sizes and monthly cost."""

    def __init__(self, name: str, args: WarmLambdaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"WarmLambda '{name}'"
        args = accepted(label, WarmLambdaArgs, args)
        code = prepared(args)
        plan = planned(label, FunctionLoad, code.sized(args["load"]), size_function)
        wiring = Wiring(name, label, args, code, plan)
        wiring.check()
        super().__init__(_TOKEN, name, wiring.inputs(), opts)
        self._plan = plan
        warn(self, plan)
        wiring.warn(self)
        children = Children(self, wiring)

        log_group = children.log_group()
        role = children.role()
        policy = children.role_policy(role, log_group)
        function = children.function(role, log_group, policy)
        alias = children.alias(function)
        ready: list[pulumi.Resource] = []
        if plan.autoscaling is not None:
            provisioned = children.provisioned(function, alias, plan.autoscaling)
            children.autoscaling(function, alias, provisioned, plan.autoscaling)
            ready.append(provisioned)
        if "on_failure_arn" in args:
            children.destination(function, alias, args["on_failure_arn"])
        entrances = Entrances(children, function, alias, ready)
        entrances.callers()
        url = None if wiring.url is None else entrances.function_url(wiring.url)
        entrances.event_sources(policy)
        watched = children.alarms(function, alias)
        if args.get("dashboard", True):
            children.dashboard(function, log_group)

        self.alias_arn = alias.arn
        self.alias_invoke_arn = alias.invoke_arn
        self.alias_name = alias.name
        self.version = function.version
        self.function_name = function.name
        self.function_url = gathered("" if url is None else url.function_url)
        self.log_group_name = log_group.name
        self.role_arn = role.arn
        self.role_name = role.name
        self.provisioned_concurrency = gathered(0 if plan.autoscaling is None else plan.autoscaling.min)
        self.alarm_arns = gathered([alarm.arn for alarm in watched])
        self.sizing = gathered(plan_summary(plan))
        self.register_outputs(
            {
                "aliasArn": self.alias_arn,
                "aliasInvokeArn": self.alias_invoke_arn,
                "aliasName": self.alias_name,
                "version": self.version,
                "functionName": self.function_name,
                "functionUrl": self.function_url,
                "logGroupName": self.log_group_name,
                "roleArn": self.role_arn,
                "roleName": self.role_name,
                "provisionedConcurrency": self.provisioned_concurrency,
                "alarmArns": self.alarm_arns,
                "sizing": self.sizing,
            }
        )

    @property
    def plan(self):
        """The plan that the component was built from: plain, and known at preview."""
        # Not annotated: an annotation would make the plan an output of the hosted component's schema.
        return self._plan
