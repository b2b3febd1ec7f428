"""What WarmLambda is given: the load, the code, what calls the function, and the choices."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NotRequired, TypedDict

import pulumi

from loadfit.functions.load import FunctionLoad

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
    "WarmLambdaArgs",
]


class CodeObject(TypedDict):
    """A zip file in S3."""

    bucket: pulumi.Input[str]
    """The bucket, in the function's Region."""
    key: pulumi.Input[str]
    """The object's key."""
    version: NotRequired[pulumi.Input[str]]
    """The object's version. Without one, an object that is exchanged under the same key deploys nothing."""


class FunctionCaller(TypedDict):
    """Who may call the function, through the alias."""

    principal: pulumi.Input[str]
    """A service (apigateway.amazonaws.com), an account's id, or the ARN of a user or role."""
    source_arn: NotRequired[pulumi.Input[str]]
    """The resource on whose behalf a service calls, such as an API's ARN."""
    source_account: NotRequired[pulumi.Input[str]]
    """The account on whose behalf a service calls, where the source's ARN does not tell, as a bucket's."""


class FunctionUrlAuthorization(str, Enum):
    """Who gets through a function URL."""

    AWS_IAM = "AWS_IAM"
    """Signed requests of those who may."""
    NONE = "NONE"
    """Everybody on the internet."""


class InvokeMode(str, Enum):
    """How a function URL answers."""

    BUFFERED = "BUFFERED"
    """With the whole response, up to 6 MB."""
    RESPONSE_STREAM = "RESPONSE_STREAM"
    """With a stream."""


class FunctionUrlCors(TypedDict):
    """What pages of other origins may do with a function URL."""

    allow_origins: Sequence[str]
    """Origins, such as https://example.com; * for all."""
    allow_methods: NotRequired[Sequence[str]]
    """HTTP methods, but OPTIONS, which Lambda answers itself; * for all."""
    allow_headers: NotRequired[Sequence[str]]
    """Headers of requests."""
    expose_headers: NotRequired[Sequence[str]]
    """Headers of responses that pages may read."""
    allow_credentials: NotRequired[bool]
    """Whether cookies are sent along; false where not given."""
    max_age_seconds: NotRequired[int]
    """How long a browser may keep this, up to 86,400 seconds."""


class FunctionUrl(TypedDict):
    """An HTTPS endpoint of the alias."""

    authorization: NotRequired[FunctionUrlAuthorization]
    """Who gets through; AWS_IAM where not given."""
    callers: NotRequired[Mapping[str, FunctionCaller]]
    """Who may call it besides the account's own users and roles, such as a CloudFront distribution, by a name of one's
    own."""
    invoke_mode: NotRequired[InvokeMode]
    """How it answers; BUFFERED where not given."""
    cors: NotRequired[FunctionUrlCors]
    """What pages of other origins may do; nothing where not given."""


class EventSourceKind(str, Enum):
    """A service that the function is fed from."""

    SQS = "sqs"
    KINESIS = "kinesis"
    DYNAMODB = "dynamodb"
    """A table's stream."""


class StartingPosition(str, Enum):
    """Where reading a stream begins."""

    LATEST = "LATEST"
    """With what comes next."""
    TRIM_HORIZON = "TRIM_HORIZON"
    """With the oldest that there is."""


class EventSource(TypedDict):
    """A queue or a stream that the function works on."""

    kind: EventSourceKind
    """The service."""
    arn: pulumi.Input[str]
    """The queue or the stream."""
    batch_size: NotRequired[int]
    """Messages or records for one request at most, up to 10,000; above 10, a queue needs a window. AWS's default, 10 or
    100, where not given."""
    batching_window_seconds: NotRequired[int]
    """How long to wait for a batch to fill, up to 300 seconds; not at all where not given, nor for a FIFO
    queue."""
    maximum_concurrency: NotRequired[int]
    """Instances that a queue may keep busy at once, 2 to 1,000; those that there are where not given."""
    starting_position: NotRequired[StartingPosition]
    """Where reading begins; needed of a stream."""
    report_batch_item_failures: NotRequired[bool]
    """Whether the function names the messages of a batch that failed, so that only those come again; false where not
    given."""


class RoleStatement(TypedDict):
    """What else the function may do."""

    actions: Sequence[str]
    """Such as dynamodb:GetItem."""
    resources: Sequence[pulumi.Input[str]]
    """ARNs."""


class WarmLambdaArgs(TypedDict):
    """What WarmLambda needs and what it lets be chosen."""

    load: FunctionLoad
    """The function's requests, target and limits. Plain values: sizes are computed from it at preview."""
    code: NotRequired[str]
    """A folder or a zip file; or code_object, or image_uri."""
    packed: NotRequired[bool]
    """Whether the code is packed: without what its handler cannot reach, and the same bytes every time. True for a
    folder of Python, false for anything else, where not given. Node.js needs esbuild in the folder's node_modules."""
    keep: NotRequired[Sequence[str]]
    """Modules, packages, distributions or paths that are packed in any case."""
    services: NotRequired[Sequence[str]]
    """AWS services that the code uses beside those that its sources name, as boto3 names them."""
    code_object: NotRequired[CodeObject]
    """A zip file in S3, in the place of code."""
    image_uri: NotRequired[pulumi.Input[str]]
    """A container image by its digest, in the place of code."""
    handler: NotRequired[str]
    """The entry point, such as app.handler; needed of everything but an image."""
    function_name: NotRequired[str]
    """The function's name; project-stack-component where not given. A change replaces the function."""
    alias_name: NotRequired[str]
    """The alias that everything calls; live where not given."""
    description: NotRequired[pulumi.Input[str]]
    """What the function does. A change publishes a version."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables, at most 4 KB. A change publishes a version."""
    environment_key_arn: NotRequired[pulumi.Input[str]]
    """The KMS key that encrypts them; Lambda's own where not given."""
    layers: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of layer versions, at most 5."""
    subnet_ids: NotRequired[Sequence[pulumi.Input[str]]]
    """Private subnets that the function runs in; with in_vpc in the load."""
    security_group_ids: NotRequired[Sequence[pulumi.Input[str]]]
    """Its security groups; with subnet_ids."""
    callers: NotRequired[Mapping[str, FunctionCaller]]
    """Who may call the alias besides the account's own users and roles, by a name of one's own."""
    event_sources: NotRequired[Mapping[str, EventSource]]
    """Queues and streams that the alias works on, by a name of one's own."""
    function_url: NotRequired[FunctionUrl]
    """An HTTPS endpoint; none where not given."""
    on_failure_arn: NotRequired[pulumi.Input[str]]
    """Where asynchronous requests go that failed: a queue, a topic, a function or an event bus."""
    role_statements: NotRequired[Sequence[RoleStatement]]
    """What else the function may do."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """The boundary of its role."""
    tracing: NotRequired[bool]
    """Whether X-Ray traces requests; true where not given."""
    log_retention_days: NotRequired[int]
    """How long logs are kept, in days; 30 where not given."""
    log_key_arn: NotRequired[pulumi.Input[str]]
    """The KMS key that encrypts logs; CloudWatch's own where not given."""
    alarms: NotRequired[bool]
    """Whether to make the CloudWatch alarms; true where not given."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """What alarms notify, such as SNS topic ARNs."""
    dashboard: NotRequired[bool]
    """Whether to make the CloudWatch dashboard and the saved queries; true where not given."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every resource that takes tags. A change publishes no version."""
