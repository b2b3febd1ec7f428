"""Programs with a fault planted, made of plain resources and of components."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws

import loadfit

ZONES = ("use1-az1", "use1-az2", "use1-az4")


def network(gateways: int, *, inline: bool = False, zone_names: bool = False, regional: bool = False) -> None:
    """Private subnets of three zones, whose default routes lead to one NAT gateway or to one in each zone."""
    vpc = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16")
    nats: list[aws.ec2.NatGateway] = []
    for number in range(gateways):
        place = None if regional else f"subnet-{number}"
        mode = "regional" if regional else None
        nats.append(aws.ec2.NatGateway(f"nat-{number}", availability_mode=mode, subnet_id=place))
    for number, zone in enumerate(ZONES):
        subnet = aws.ec2.Subnet(
            f"private-{zone}",
            vpc_id=vpc.id,
            cidr_block=f"10.0.{number}.0/24",
            availability_zone=f"us-east-1{'abc'[number]}" if zone_names else None,
            availability_zone_id=None if zone_names else zone,
        )
        nat = nats[number % gateways]
        default = aws.ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
        table = aws.ec2.RouteTable(f"table-{zone}", vpc_id=vpc.id, routes=[default] if inline else None)
        if not inline:
            aws.ec2.Route(
                f"default-{zone}", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id
            )
        aws.ec2.RouteTableAssociation(f"private-{zone}", subnet_id=subnet.id, route_table_id=table.id)


def function(name: str = "shop", **more: Any) -> aws.lambda_.Function:
    return aws.lambda_.Function(name, role="arn:aws:iam::111122223333:role/shop", publish=True, **more)


def warm(qualifier: pulumi.Input[str], of: aws.lambda_.Function, instances: int = 5) -> None:
    aws.lambda_.ProvisionedConcurrencyConfig(
        "warm", function_name=of.name, qualifier=qualifier, provisioned_concurrent_executions=instances
    )


def alias(of: aws.lambda_.Function, name: str = "live") -> aws.lambda_.Alias:
    return aws.lambda_.Alias(name, name=name, function_name=of.name, function_version=of.version)


def database_load(name: str = "orders", **more: Any) -> loadfit.DatabaseLoad:
    group = loadfit.ClientGroup(
        client=name, pods=20, pool_size=10, max_overflow=0, transactions_per_second=2000, mean_transaction_ms=10
    )
    fields: dict[str, Any] = {"name": name, "max_connections": 200, "replicas": 2, "server_connections": 50, **more}
    return loadfit.DatabaseLoad(clients=[group], **fields)


def pool(name: str, endpoint: pulumi.Input[str], load: loadfit.DatabaseLoad | None = None) -> loadfit.PgBouncerPool:
    return loadfit.PgBouncerPool(
        name,
        {
            "load": load or database_load(name),
            "endpoint": endpoint,
            "credentials": "orders-credentials",
            "server_ca_config_map": "rds-ca",
            "client_tls_secret": "pgbouncer-tls",
        },
    )


def server(name: str = "server") -> aws.rds.Instance:
    return aws.rds.Instance(name, instance_class="db.m7g.large")


def function_load(name: str = "shop", **more: Any) -> loadfit.FunctionLoad:
    day = loadfit.Window(peak_requests_per_second=26, mean_duration_ms=50, p99_duration_ms=100)
    fields: dict[str, Any] = {"windows": {"day": day}, "init_ms": 800, "target_p99_ms": 200, **more}
    return loadfit.FunctionLoad(name=name, region="us-east-1", **fields)


def warm_lambda(name: str = "shop", **more: Any) -> loadfit.WarmLambda:
    return loadfit.WarmLambda(
        name,
        {
            "load": function_load(name, **more),
            "image_uri": f"111122223333.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}",
            "function_url": {},
        },
    )


def not_known_yet() -> pulumi.Output[str]:
    """A value of a resource that is not there yet, of a kind that no check knows."""
    return pulumi.CustomResource("cloud:index:Thing", "elsewhere", {}).id


def registered(token: str, name: str, load: dict[str, Any]) -> Callable[[], object]:
    """A component whose inputs no release of this library has checked."""
    return lambda: pulumi.ComponentResource(token, name, {"load": load})
