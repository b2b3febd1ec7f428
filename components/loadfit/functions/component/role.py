"""What the function's role lets it do: what is wired, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi

from loadfit.component import refused
from loadfit.core.problems import Problem, shown
from loadfit.functions.component.arguments import EventSourceKind, WarmLambdaArgs

__all__ = ["TRUST_POLICY", "ArnParts", "arn_parts", "destination_problem", "policy_document"]

TRUST_POLICY: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}

_DESTINATION_ACTIONS: Mapping[str, str] = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}
"""What sending to a destination takes, by the service of its ARN.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

_SOURCE_ACTIONS: Mapping[EventSourceKind, Sequence[str]] = {
    EventSourceKind.SQS: ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    EventSourceKind.KINESIS: (
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kinesis:SubscribeToShard",
    ),
    EventSourceKind.DYNAMODB: (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ),
}
"""What reading a source takes.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html, services-kinesis-create.html and
services-dynamodb-eventsourcemapping.html.
"""

_TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
_NETWORK_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
"""Those of AWSLambdaVPCAccessExecutionRole, without its logs.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
"""


def policy_document(label: str, args: WarmLambdaArgs, log_group_arn: pulumi.Output[str]) -> dict[str, Any]:
    """The role's policy.

    Args:
        label: The component for messages.
        args: What is wired.
        log_group_arn: The function's log group.
    """
    statements = [
        # The group is there before the function: it may not make one that nobody manages, without retention.
        _allow("Logs", ("logs:CreateLogStream", "logs:PutLogEvents"), log_group_arn.apply(lambda arn: f"{arn}:*"))
    ]
    if args.get("tracing", True):
        # X-Ray has no resources to name: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
        statements.append(_allow("Tracing", _TRACING, "*"))
    if args.get("subnet_ids"):
        # Network interfaces have no ARN before they are made, and describing them and subnets takes no resource at all.
        statements.append(_allow("NetworkInterfaces", _NETWORK_INTERFACES, "*"))
    if "environment_key_arn" in args:
        statements.append(_allow("EnvironmentKey", ("kms:Decrypt",), args["environment_key_arn"]))
    if "on_failure_arn" in args:
        arn = pulumi.Output.from_input(args["on_failure_arn"])
        action = arn.apply(lambda known: _destination_action(label, known))
        statements.append(_allow("OnFailure", action, arn))
    sources = (args.get("event_sources") or {}).items()
    statements += [
        _allow(f"Source{number}", _SOURCE_ACTIONS[source["kind"]], source["arn"])
        for number, (_, source) in enumerate(sorted(sources))
    ]
    statements += [
        _allow(f"Given{number}", given["actions"], given["resources"])
        for number, given in enumerate(args.get("role_statements") or ())
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _destination_action(label: str, arn: str) -> str:
    problem = destination_problem(arn)
    if problem is not None:
        raise refused(label, [problem])
    return _DESTINATION_ACTIONS[arn_parts(arn).service]


def destination_problem(arn: str) -> Problem | None:
    """What is wrong with the ARN of a destination."""
    if arn_parts(arn).service in _DESTINATION_ACTIONS:
        return None
    return Problem(("on_failure_arn",), f"the ARN of a destination ({', '.join(_DESTINATION_ACTIONS)})", shown(arn))


def _allow(sid: str, actions: Any, resources: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


class ArnParts(NamedTuple):
    """What an ARN names; empty where it is none."""

    service: str = ""
    resource: str = ""


def arn_parts(arn: str) -> ArnParts:
    """The service that an ARN is of, and what of it.

    Example:
        >>> arn_parts("arn:aws:sqs:us-east-1:123456789012:failed"), arn_parts("failed").service
        (ArnParts(service='sqs', resource='failed'), '')
    """
    parts = arn.split(":", 5)
    is_arn = parts[0] == "arn" and len(parts) > 5  # noqa: PLR2004 - arn:partition:service:region:account:resource
    return ArnParts(parts[2], parts[5]) if is_arn else ArnParts()
