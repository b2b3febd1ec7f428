"""What examples/egress_program.py asks for, with no component and no plan: the numbers are its author's."""

import json

import pulumi
import pulumi_aws as aws

REGION = "us-east-1"
VPC = "vpc-0a1b"
ZONES = {
    "use1-az1": ("subnet-1a", "subnet-1b"),
    "use1-az2": ("subnet-2a", "subnet-2b"),
    "use1-az4": ("subnet-4a", "subnet-4b"),
}
ALARMS = (
    ("port-allocation-errors", "ErrorPortAllocation", "Sum", 60, 5, 1, 0),
    ("connections-beyond-load", "ActiveConnectionCount", "Maximum", 60, 5, 3, 39_600),
    ("idle-timeouts", "IdleTimeoutCount", "Sum", 300, 3, 3, 360),
    ("bandwidth", "PeakBytesPerSecond", "Maximum", 60, 5, 3, 10_000_000_000),
    ("packet-rate", "PeakPacketsPerSecond", "Maximum", 60, 5, 3, 8_000_000),
)
SHARES = (
    (
        "packets-dropped",
        "100 * dropped / total",
        {"dropped": "PacketsDropCount", "total": "PacketsOutToDestination"},
        0.01,
    ),
    (
        "attempts-unanswered",
        "100 * (total - answered) / total",
        {"total": "ConnectionAttemptCount", "answered": "ConnectionEstablishedCount"},
        5,
    ),
)

gateways: dict[str, aws.ec2.NatGateway] = {}
tables: list[aws.ec2.RouteTable] = []
for zone, (public, private) in ZONES.items():
    name = f"egress-{zone}"
    address = aws.ec2.Eip(f"{name}-address-0", domain="vpc", region=REGION, tags={"Name": f"{name}-address-0"})
    gateway = aws.ec2.NatGateway(
        f"{name}-gateway",
        allocation_id=address.id,
        secondary_allocation_ids=[],
        subnet_id=public,
        region=REGION,
        tags={"Name": f"{name}-gateway"},
    )
    table = aws.ec2.RouteTable(f"{name}-routes", vpc_id=VPC, region=REGION, tags={"Name": f"{name}-routes"})
    aws.ec2.RouteTableAssociation(f"{name}-subnet-0", route_table_id=table.id, subnet_id=private, region=REGION)
    aws.ec2.Route(
        f"{name}-default-route",
        route_table_id=table.id,
        destination_cidr_block="0.0.0.0/0",
        nat_gateway_id=gateway.id,
        region=REGION,
    )
    for suffix, metric, statistic, period, periods, datapoints, threshold in ALARMS:
        aws.cloudwatch.MetricAlarm(
            f"{name}-{suffix}",
            namespace="AWS/NATGateway",
            metric_name=metric,
            dimensions={"NatGatewayId": gateway.id},
            statistic=statistic,
            period=period,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            comparison_operator="GreaterThanThreshold",
            threshold=threshold,
            treat_missing_data="notBreaching",
            region=REGION,
            tags={"Name": f"{name}-{suffix}"},
        )
    for suffix, expression, metrics, threshold in SHARES:
        aws.cloudwatch.MetricAlarm(
            f"{name}-{suffix}",
            metric_queries=[
                {"id": "share", "expression": expression, "return_data": True},
                *(
                    {
                        "id": key,
                        "metric": {
                            "namespace": "AWS/NATGateway",
                            "metric_name": metric,
                            "dimensions": {"NatGatewayId": gateway.id},
                            "stat": "Sum",
                            "period": 60,
                        },
                    }
                    for key, metric in metrics.items()
                ),
            ],
            evaluation_periods=5,
            datapoints_to_alarm=5,
            comparison_operator="GreaterThanThreshold",
            threshold=threshold,
            treat_missing_data="notBreaching",
            region=REGION,
            tags={"Name": f"{name}-{suffix}"},
        )
    gateways[zone] = gateway
    tables.append(table)
for service in ("s3", "dynamodb"):
    aws.ec2.VpcEndpoint(
        f"egress-{service}",
        vpc_id=VPC,
        service_name=f"com.amazonaws.{REGION}.{service}",
        vpc_endpoint_type="Gateway",
        route_table_ids=[table.id for table in tables],
        region=REGION,
        tags={"Name": f"egress-{service}"},
    )


def dashboard(ids: list[str]) -> str:
    widgets = [
        {
            "type": "metric",
            "width": 12,
            "height": 6,
            "properties": {
                "title": metric,
                "region": REGION,
                "stat": statistic,
                "period": period,
                "metrics": [["AWS/NATGateway", metric, "NatGatewayId", one] for one in ids],
            },
        }
        for _, metric, statistic, period, *_ in ALARMS
    ]
    return json.dumps({"widgets": widgets})


aws.cloudwatch.Dashboard(
    "egress-dashboard",
    dashboard_name=f"{pulumi.get_project()}-{pulumi.get_stack()}-egress",
    dashboard_body=pulumi.Output.all(*(gateway.id for gateway in gateways.values())).apply(dashboard),
    region=REGION,
)
pulumi.export("allow_list", pulumi.Output.all(*(gateway.public_ip for gateway in gateways.values())))
