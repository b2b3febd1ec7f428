"""Limits of AWS, Linux and Kubernetes, each with its source.

A limit is a fact that somebody published. What nobody published is an assumption and stands in a policy instead.
"""

from dataclasses import dataclass

__all__ = ["Limit"]

_NAT_BASICS = "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html"
_VPC_QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"


@dataclass(frozen=True, slots=True)
class Limit:
    """A published number that cannot, or not without asking, be passed."""

    value: int
    unit: str
    source: str
    """An address, or the name of a text that can be found by it."""
    quota: str = ""
    """The Service Quotas code by which more can be asked for; empty where the limit is hard."""


NAT_PORTS_PER_ADDRESS = Limit(55_000, "connections per address to one destination", _NAT_BASICS)
"""Simultaneous connections of a NAT gateway, per IPv4 address of its own and per destination (address, port, protocol).
There is no published limit over all destinations."""

NAT_ADDRESSES_PER_GATEWAY = Limit(8, "addresses per gateway", _NAT_BASICS)
"""One primary and seven secondary addresses."""

NAT_ADDRESSES_PER_GATEWAY_QUOTA = Limit(2, "elastic IPs per public NAT gateway", _VPC_QUOTAS, "L-5F53652F")
"""Raised on request, to at most :data:`NAT_ADDRESSES_PER_GATEWAY`."""

ELASTIC_IPS_PER_REGION_QUOTA = Limit(5, "elastic IPs per Region", _VPC_QUOTAS, "L-0263D0A3")

NAT_GATEWAYS_PER_ZONE_QUOTA = Limit(5, "NAT gateways per zone", _VPC_QUOTAS, "L-FE5A380F")

NAT_IDLE_TIMEOUT = Limit(
    350, "seconds", "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html"
)
"""After it the gateway forgets an idle connection; it cannot be set."""

NLB_IDLE_TIMEOUT = Limit(
    350, "seconds", "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html"
)
"""After it a Network Load Balancer forgets a TCP connection without traffic; a keepalive is traffic. The default of a
listener's attribute, 60 to 6,000, which the AWS Load Balancer Controller leaves alone."""

NLB_DEREGISTRATION_DELAY = Limit(
    3_600,
    "seconds",
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html",
)
"""The longest that a target may take to leave."""

NAT_BANDWIDTH = Limit(100, "Gbit/s per gateway", _NAT_BASICS)
NAT_BANDWIDTH_AT_START = Limit(5, "Gbit/s per gateway", _NAT_BASICS)
"""What a gateway carries before it has scaled."""

NAT_PACKETS = Limit(10_000_000, "packets per second and gateway", _NAT_BASICS)
NAT_PACKETS_AT_START = Limit(1_000_000, "packets per second and gateway", _NAT_BASICS)

NODE_SNAT_PORTS = Limit(
    64_512,
    "ports per node and destination",
    "https://github.com/aws/amazon-vpc-cni-k8s (AWS_VPC_K8S_CNI_RANDOMIZESNAT)",
)
"""Ports 1024 to 65535 of a node's primary address, through which the VPC CNI sends what its pods send out of the VPC
unless external SNAT is on."""

POD_EPHEMERAL_PORTS = Limit(
    28_232, "ports per pod and destination", "https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)"
)
"""Ports 32768 to 60999, the default range of Linux."""

ROLLOUT_SURGE = Limit(
    25,
    "percent of the pods",
    "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge",
)
"""The default ``maxSurge`` of a Deployment's rolling update."""

ZONES_OF_ANY_REGION = Limit(
    3, "zones", "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html"
)
"""Every AWS Region has at least three Availability Zones: what a remedy may ask for without knowing the Region."""

POSTGRES_RESERVED = Limit(
    5,
    "connections",
    "https://repost.aws/knowledge-center/rds-postgresql-error-connection-slots",
)
"""Slots of an RDS PostgreSQL server that ordinary roles cannot have: superuser_reserved_connections 3 and
rds.rds_superuser_reserved_connections 2."""

RDS_MAX_CONNECTIONS_DIVISOR = Limit(
    9_531_392,
    "bytes of the instance class's memory per connection",
    "https://docs.aws.amazon.com/prescriptive-guidance/latest/tuning-postgresql-parameters/max-connections.html",
)
"""RDS's default max_connections is LEAST({DBInstanceClassMemory/9531392}, 5000)."""

RDS_MAX_CONNECTIONS_DEFAULT = Limit(5_000, "connections", RDS_MAX_CONNECTIONS_DIVISOR.source)

POSTGRES_MAX_CONNECTIONS = Limit(
    262_143, "connections", "https://www.postgresql.org/docs/current/runtime-config-connection.html"
)
"""The largest max_connections that the server takes."""

PROCESS_FILE_DESCRIPTORS = Limit(
    524_288, "file descriptors per process", "https://github.com/containerd/containerd (LimitNOFILE: hard limit)"
)
"""What a container of containerd may raise its own limit to; it starts with 1,024."""

_LAMBDA_QUOTAS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_LAMBDA_CONCURRENCY = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"
_LAMBDA_CREATE = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"

LAMBDA_CONCURRENCY_QUOTA = Limit(1_000, "concurrent executions per Region", _LAMBDA_QUOTAS, "L-B99A9384")
"""What all functions of an account may run at once in a Region. New accounts start with less."""

LAMBDA_UNRESERVED_CONCURRENCY = Limit(100, "concurrent executions", _LAMBDA_CONCURRENCY)
"""What always stays unreserved: the rest of the account's concurrency can be reserved or provisioned."""

LAMBDA_REQUESTS_PER_INSTANCE = Limit(10, "requests per second and instance", _LAMBDA_CONCURRENCY)
"""Provisioned instances take this many requests a second each, however short; the rest spills over. The same holds
between the account's concurrency and its requests per second."""

LAMBDA_SCALING_RATE = Limit(1_000, "instances per function in 10 seconds", _LAMBDA_QUOTAS)
"""How fast a function gets instances that are not provisioned."""

LAMBDA_PROVISIONING_RATE = Limit(6_000, "instances per function and minute", _LAMBDA_CONCURRENCY)
"""How fast provisioned instances are made; none can be used before all are."""

LAMBDA_PROVISIONING_START = Limit(2, "minutes", _LAMBDA_CONCURRENCY)
"""Provisioned instances appear "after a minute or two"."""

LAMBDA_ZIP = Limit(50, "MB zipped", _LAMBDA_QUOTAS)
"""The largest package that can be uploaded directly; a larger one goes through S3."""

LAMBDA_UNZIPPED = Limit(250, "MB unzipped, layers included", _LAMBDA_QUOTAS)

LAMBDA_LAYERS = Limit(5, "layers", _LAMBDA_QUOTAS)

LAMBDA_IMAGE = Limit(10_240, "MB uncompressed", _LAMBDA_QUOTAS)
"""The largest container image."""

LAMBDA_INIT = Limit(10_000, "ms", "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html")
"""A longer initialization of an instance that is not provisioned is broken off and begun again by the first request."""

LAMBDA_MEMORY_LEAST = Limit(128, "MB", _LAMBDA_QUOTAS)
LAMBDA_MEMORY_MOST = Limit(10_240, "MB", _LAMBDA_QUOTAS)
LAMBDA_MEMORY_DEFAULT = Limit(128, "MB", _LAMBDA_CREATE)

LAMBDA_TIMEOUT_DEFAULT = Limit(3, "seconds", "https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html")
LAMBDA_TIMEOUT_MOST = Limit(900, "seconds", _LAMBDA_QUOTAS)

LAMBDA_STORAGE_LEAST = Limit(512, "MB of ephemeral storage", _LAMBDA_QUOTAS)
"""The default, and the most with SnapStart."""
LAMBDA_STORAGE_MOST = Limit(10_240, "MB of ephemeral storage", _LAMBDA_QUOTAS)

LAMBDA_ENVIRONMENT = Limit(4_096, "bytes of environment variables", _LAMBDA_QUOTAS)
"""All names and values of a function together."""

_LAMBDA_QUEUES = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html"
_LAMBDA_MAPPING = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html"
_LAMBDA_QUEUE_SCALING = "https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html"

LAMBDA_BATCH = Limit(10_000, "messages or records in a batch", _LAMBDA_MAPPING)
LAMBDA_BATCH_AT_ONCE = Limit(10, "messages of a queue in a batch without a window", _LAMBDA_MAPPING)
"""A larger batch of a queue needs a batching window of at least a second."""
LAMBDA_FIFO_BATCH = Limit(10, "messages of a FIFO queue in a batch", _LAMBDA_QUEUES)
"""And a FIFO queue has no batching window."""
LAMBDA_BATCHING_WINDOW = Limit(300, "seconds of a batching window", _LAMBDA_MAPPING)

LAMBDA_QUEUE_CONCURRENCY_LEAST = Limit(2, "instances that a queue keeps busy", _LAMBDA_QUEUE_SCALING)
LAMBDA_QUEUE_CONCURRENCY_MOST = Limit(1_000, "instances that a queue keeps busy", _LAMBDA_QUEUE_SCALING)

_LAMBDA_CORS = "https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html"
LAMBDA_CORS_MAX_AGE = Limit(86_400, "seconds that a browser keeps what a function URL allows", _LAMBDA_CORS)
LAMBDA_CORS_ITEMS = Limit(100, "origins or headers of a function URL", _LAMBDA_CORS)
LAMBDA_CORS_ORIGIN = Limit(253, "characters of an origin", _LAMBDA_CORS)

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The days for which CloudWatch can keep logs.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""
