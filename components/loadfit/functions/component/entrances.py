"""What calls WarmLambda's function: always through the alias, because nothing else is warm."""

from typing import Any

import pulumi
import pulumi_aws as aws

from loadfit.functions.component.arguments import EventSource, FunctionCaller, FunctionUrl, InvokeMode
from loadfit.functions.component.children import Children

__all__ = ["Entrances"]

_INVOKE = "lambda:InvokeFunction"
_INVOKE_URL = "lambda:InvokeFunctionUrl"


class Entrances:
    """Makes what lets requests in, once instances are warm."""

    def __init__(
        self,
        children: Children,
        function: aws.lambda_.Function,
        alias: aws.lambda_.Alias,
        ready: list[pulumi.Resource],
    ) -> None:
        self.children = children
        self.wiring = children.wiring
        self.function = function
        self.alias = alias
        self.ready = ready

    def permission(self, suffix: str, caller: FunctionCaller, action: str, **more: Any) -> None:
        """A caller's permission."""
        name = self.children.name(suffix)
        # Without a statement id of its own: a changed caller's new statement is there before the old one goes.
        aws.lambda_.Permission(
            name,
            action=action,
            function=self.function.name,
            qualifier=self.alias.name,
            principal=caller["principal"],
            source_arn=caller.get("source_arn"),
            source_account=caller.get("source_account"),
            region=self.children.region,
            opts=self.children.options(depends_on=self.ready),
            **more,
        )

    def callers(self) -> None:
        """The permissions of those who call the alias itself."""
        for key, caller in self.wiring.callers.items():
            self.permission(f"caller-{key}", caller, _INVOKE)

    def function_url(self, wired: FunctionUrl) -> aws.lambda_.FunctionUrl:
        """The HTTPS endpoint, with both permissions that each of its callers needs."""
        authorization = self.wiring.url_authorization.value
        cors = wired.get("cors")
        everybody = {"everybody": FunctionCaller(principal="*")}
        callers = everybody if authorization == "NONE" else wired.get("callers") or {}
        for key, caller in callers.items():
            self.permission(f"url-{key}", caller, _INVOKE_URL, function_url_auth_type=authorization)
            # Since October 2025 a function URL asks for this one too.
            # Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
            self.permission(f"url-{key}-invoke", caller, _INVOKE, invoked_via_function_url=True)
        return aws.lambda_.FunctionUrl(
            self.children.name("url"),
            function_name=self.function.name,
            qualifier=self.alias.name,
            authorization_type=authorization,
            invoke_mode=wired.get("invoke_mode", InvokeMode.BUFFERED).value,
            cors=aws.lambda_.FunctionUrlCorsArgs(
                allow_origins=list(cors["allow_origins"]),
                allow_methods=cors.get("allow_methods"),
                allow_headers=cors.get("allow_headers"),
                expose_headers=cors.get("expose_headers"),
                allow_credentials=cors.get("allow_credentials"),
                max_age=cors.get("max_age_seconds"),
            )
            if cors
            else None,
            region=self.children.region,
            opts=self.children.options(depends_on=self.ready),
        )

    def event_sources(self, policy: aws.iam.RolePolicy) -> None:
        """The queues and streams."""
        for key, source in self.wiring.event_sources.items():
            self._event_source(f"source-{key}", source, policy)

    def _event_source(self, suffix: str, source: EventSource, policy: aws.iam.RolePolicy) -> None:
        most, position = source.get("maximum_concurrency"), source.get("starting_position")
        aws.lambda_.EventSourceMapping(
            self.children.name(suffix),
            event_source_arn=source["arn"],
            function_name=self.alias.arn,
            batch_size=source.get("batch_size"),
            maximum_batching_window_in_seconds=source.get("batching_window_seconds"),
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=most) if most else None,
            starting_position=position.value if position else None,
            function_response_types=["ReportBatchItemFailures"] if source.get("report_batch_item_failures") else None,
            region=self.children.region,
            tags=self.children.tags(suffix),
            # Lambda reads the source once to see whether it may.
            opts=self.children.options(depends_on=[policy, *self.ready]),
        )
