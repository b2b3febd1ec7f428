"""What watches a gateway: against the manual, and against the plan."""

import json
import re
from typing import Any

import pytest

from loadfit import MultiAzNatEgress
from loadfit.core.watching import Alarm
from loadfit.egress import EgressLoad, EgressPlan, alarms, size_egress
from loadfit.egress.alarms import dashboard_body
from loadfit.testing import Resource, deploy

NAMESPACE = "AWS/NATGateway"
DIMENSION = "NatGatewayId"
MANUAL = {
    "ActiveConnectionCount": "Maximum",
    "BytesInFromDestination": "Sum",
    "BytesInFromSource": "Sum",
    "BytesOutToDestination": "Sum",
    "BytesOutToSource": "Sum",
    "ConnectionAttemptCount": "Sum",
    "ConnectionEstablishedCount": "Sum",
    "ErrorPortAllocation": "Sum",
    "IdleTimeoutCount": "Sum",
    "PacketsDropCount": "Sum",
    "PacketsInFromDestination": "Sum",
    "PacketsInFromSource": "Sum",
    "PacketsOutToDestination": "Sum",
    "PacketsOutToSource": "Sum",
    "PeakBytesPerSecond": "Maximum",
    "PeakPacketsPerSecond": "Maximum",
}
"""Each metric with the statistic that the manual calls the most useful. Typed from
https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html: an alarm on a name that is not
there never fires."""

ZONES = ("use1-az1", "use1-az2", "use1-az4")


def plan(zones: int = 3, **flow: Any) -> EgressPlan:
    """The case study's, unless said otherwise."""
    held = {} if "new_connections_per_second_per_pod" in flow else {"connections_per_pod": 300}
    flows = [{"client": "checkout", "pods": 200, "to": "api.stripe.com:443", **held, **flow}]
    return size_egress(EgressLoad.model_validate({"region": "us-east-1", "zones": zones, "flows": flows}))


def alarm(suffix: str, of: EgressPlan | None = None) -> Alarm:
    (found,) = [one for one in alarms.alarms(of or plan()) if one.suffix == suffix]
    return found


@pytest.fixture(scope="module")
def made() -> dict[str, Resource]:
    """The alarms of a gateway as CloudWatch would be asked for them."""
    flow = {"client": "checkout", "pods": 200, "to": "api.stripe.com:443", "connections_per_pod": 300}
    args: Any = {
        "load": {"region": "us-east-1", "zones": 3, "flows": [flow]},
        "vpc_id": "vpc-1",
        "zones": {zone: {"public_subnet_id": f"{zone}-public", "private_subnet_ids": [zone]} for zone in ZONES},
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:oncall"],
    }
    deployment = deploy(lambda: MultiAzNatEgress("egress", args))
    prefix = f"egress-{ZONES[0]}-"
    found = deployment.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    return {one.name.removeprefix(prefix): one for one in found if one.name.startswith(prefix)}


def test_namespace_and_dimension_are_the_manuals() -> None:
    """Case matters: `AWS/NatGateway` is another namespace, and an empty one."""
    assert (alarms.NAMESPACE, alarms.DIMENSION) == (NAMESPACE, DIMENSION)


def test_every_metric_is_in_the_manual_with_its_statistic() -> None:
    metrics = {metric for one in alarms.alarms(plan()) for metric in one.metrics}
    assert {metric.name: metric.statistic for metric in metrics}.items() <= MANUAL.items()


def test_no_shortage_goes_unwatched() -> None:
    """What facts and manual recommend to watch: ports, connections, drops, attempts, idle time-outs, peaks."""
    watched = {metric.name for one in alarms.alarms(plan()) for metric in one.metrics}
    assert watched >= {
        "ErrorPortAllocation",
        "ActiveConnectionCount",
        "PacketsDropCount",
        "ConnectionAttemptCount",
        "ConnectionEstablishedCount",
        "IdleTimeoutCount",
        "PeakBytesPerSecond",
        "PeakPacketsPerSecond",
    }


class TestThresholds:
    def test_one_failed_allocation_is_enough(self) -> None:
        """Within a minute, not within AWS's example of 15."""
        one = alarm("port-allocation-errors")
        assert (one.threshold, one.period_seconds, one.periods, one.periods_to_alarm) == (0, 60, 5, 1)

    @pytest.mark.parametrize(
        ("of", "open_connections", "threshold"),
        [
            (plan(), 36_000, 39_600.0),  # 100 pods of a zone's share 0.6 x 200 = 120 pods x 300
            (plan(connections_per_pod=1), 120, 132.0),
            (plan(pods=1, connections_per_pod=1), 1, 2.0),  # ceil(1.1)
        ],
    )
    def test_connections_are_compared_with_the_declared_worst_case(
        self, of: EgressPlan, open_connections: int, threshold: float
    ) -> None:
        """ActiveConnectionCount sums over destinations, so the plan's sum is what it is compared with."""
        assert of.open_connections == open_connections
        one = alarm("connections-beyond-load", of)
        assert one.threshold == threshold
        assert f"{open_connections:,}" in one.description

    def test_idle_timeouts_that_were_declared_are_none_too_many(self) -> None:
        """120 pods x 1 a second x 300 s of a period, and 1% of the 120 x 1 x (0.2 + 350) open ones."""
        churning = plan(new_connections_per_second_per_pod=1, connection_duration_ms=200, closed_by="nat_timeout")
        assert churning.open_connections == 42_024
        assert alarm("idle-timeouts", churning).threshold == 36_000 + 421
        assert alarm("idle-timeouts").threshold == 360.0

    @pytest.mark.parametrize(
        ("suffix", "threshold"),
        [
            ("bandwidth", 100e9 * 0.8 / 8),  # 80% of 100 Gbit/s, in bytes
            ("packet-rate", 10e6 * 0.8),
            ("packets-dropped", 0.01),
            ("attempts-unanswered", 5.0),
        ],
    )
    def test_what_a_gateway_can_carry(self, suffix: str, threshold: float) -> None:
        assert alarm(suffix).threshold == pytest.approx(threshold)

    def test_descriptions_tell_the_plans_numbers(self) -> None:
        text = alarm("port-allocation-errors").description
        assert "55,000 (1 x 55,000)" in text
        assert "36,000" in text

    def test_descriptions_are_as_long_as_cloudwatch_takes_them(self) -> None:
        assert all(len(one.description) <= 1024 for one in alarms.alarms(plan(to=f"{'a' * 250}.com:443")))


class TestAsAsked:
    """The inputs of the alarm resources."""

    def test_there_is_one_of_each(self, made: dict[str, Resource]) -> None:
        assert set(made) == {one.suffix for one in alarms.alarms(plan())}

    @pytest.mark.parametrize("planned", alarms.alarms(plan()), ids=lambda one: one.suffix)
    def test_it_is_the_planned_one(self, made: dict[str, Resource], planned: Alarm) -> None:
        inputs = made[planned.suffix].inputs
        assert inputs["threshold"] == planned.threshold
        assert inputs["comparisonOperator"] == "GreaterThanThreshold"
        assert (inputs["evaluationPeriods"], inputs["datapointsToAlarm"]) == (planned.periods, planned.periods_to_alarm)
        assert inputs["datapointsToAlarm"] <= inputs["evaluationPeriods"]
        assert inputs["treatMissingData"] == "notBreaching"
        assert inputs["alarmActions"] == ["arn:aws:sns:us-east-1:123456789012:oncall"]
        assert inputs["alarmDescription"] == planned.description

    @pytest.mark.parametrize("planned", alarms.alarms(plan()), ids=lambda one: one.suffix)
    def test_a_metric_stands_at_the_top_or_in_queries_never_both(
        self, made: dict[str, Resource], planned: Alarm
    ) -> None:
        """CloudWatch refuses an alarm with both."""
        inputs = made[planned.suffix].inputs
        dimensions = {DIMENSION: f"egress-{ZONES[0]}-gateway-id"}
        at_top = {"metricName", "namespace", "statistic", "period", "dimensions"} & set(inputs)
        if not planned.expression:
            assert "metricQueries" not in inputs
            (metric,) = planned.metrics
            assert (inputs["metricName"], inputs["statistic"]) == (metric.name, MANUAL[metric.name])
            assert (inputs["namespace"], inputs["dimensions"]) == (NAMESPACE, dimensions)
            assert inputs["period"] == planned.period_seconds
            return
        assert at_top == set()
        expression, *metrics = inputs["metricQueries"]
        assert expression["returnData"] is True
        assert [one for one in metrics if one.get("returnData")] == [], "CloudWatch takes one result"
        assert set(re.findall(r"[a-z]\d", expression["expression"])) == {one["id"] for one in metrics}
        for one in metrics:
            assert one["metric"] == {
                "namespace": NAMESPACE,
                "metricName": one["metric"]["metricName"],
                "stat": MANUAL[one["metric"]["metricName"]],
                "period": planned.period_seconds,
                "dimensions": dimensions,
            }


class TestDashboard:
    GATEWAYS = {zone: f"nat-{zone}" for zone in ZONES}  # noqa: RUF012

    def widgets(self) -> list[Any]:
        return json.loads(dashboard_body(plan(), self.GATEWAYS, "eu-west-1"))["widgets"]

    def test_every_graph_shows_every_gateway(self) -> None:
        for widget in self.widgets():
            assert widget["type"] == "metric"
            assert widget["properties"]["region"] == "eu-west-1"
            lines = widget["properties"]["metrics"]
            assert {line[3] for line in lines} == set(self.GATEWAYS.values())
            for namespace, name, dimension, _, options in lines:
                assert (namespace, dimension, options["stat"]) == (NAMESPACE, DIMENSION, MANUAL[name])

    def test_the_plans_numbers_are_lines_in_it(self) -> None:
        lines = [
            line
            for widget in self.widgets()
            for line in widget["properties"].get("annotations", {}).get("horizontal", [])
        ]
        assert {"label": "declared worst case 36,000", "value": 36_000.0} in lines
        assert {"label": "alarm 39,600", "value": 39_600.0} in lines
        assert {"label": "100 Gbit/s", "value": 12.5e9} in lines

    def test_no_graph_lies_over_another(self) -> None:
        """On a grid of 24 columns."""
        cells = [
            (x, y)
            for one in self.widgets()
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


def test_without_declared_connections_nothing_is_compared_with_them() -> None:
    """A threshold of 0 would fire on any traffic."""
    load = EgressLoad(region="us-east-1", zones=3, addresses_per_gateway=1, flows=[])
    suffixes = {alarm.suffix for alarm in alarms.alarms(size_egress(load))}
    assert "port-allocation-errors" in suffixes
    assert not suffixes & {"connections-beyond-load", "idle-timeouts"}
