"""Alarms and names on CloudWatch, made alike by every component on AWS."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from loadfit.core.watching import Alarm, Metric

__all__ = ["metric_alarm", "physical_name"]


def metric_alarm(
    name: str,
    alarm: Alarm,
    *,
    namespace: str,
    dimensions: Callable[[Metric], Mapping[str, pulumi.Input[str]]],
    actions: Sequence[pulumi.Input[str]] | None,
    region: str,
    tags: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> aws.cloudwatch.MetricAlarm:
    """An alarm as a resource.

    Args:
        name: The resource's logical name.
        alarm: What to watch.
        namespace: The namespace of its metrics.
        dimensions: A metric's dimensions.
        actions: What it notifies, such as SNS topic ARNs.
        region: The Region's code.
        tags: Its tags.
        opts: Its options.
    """
    measured = _expression if alarm.expression else _single_metric
    return aws.cloudwatch.MetricAlarm(
        name,
        comparison_operator="GreaterThanThreshold",
        threshold=alarm.threshold,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.periods_to_alarm,
        # What nothing uses reports nothing, and that is fine.
        treat_missing_data="notBreaching",
        alarm_description=alarm.description,
        alarm_actions=actions,
        region=region,
        tags=tags,
        opts=opts,
        **measured(alarm, namespace, dimensions),
    )


def _expression(
    alarm: Alarm, namespace: str, dimensions: Callable[[Metric], Mapping[str, pulumi.Input[str]]]
) -> dict[str, Any]:
    # With metric math, CloudWatch refuses a metric at the alarm's own level.
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="e0", expression=alarm.expression, label=alarm.suffix, return_data=True
    )
    read = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=f"m{number}",
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=namespace,
                metric_name=metric.name,
                stat=metric.statistic,
                period=alarm.period_seconds,
                dimensions=dimensions(metric),
            ),
        )
        for number, metric in enumerate(alarm.metrics)
    ]
    return {"metric_queries": [result, *read]}


def _single_metric(
    alarm: Alarm, namespace: str, dimensions: Callable[[Metric], Mapping[str, pulumi.Input[str]]]
) -> dict[str, Any]:
    (metric,) = alarm.metrics
    # Percentiles have an argument of their own.
    statistic = "extended_statistic" if re.fullmatch(r"p[\d.]+", metric.statistic) else "statistic"
    return {
        "namespace": namespace,
        "metric_name": metric.name,
        statistic: metric.statistic,
        "period": alarm.period_seconds,
        "dimensions": dimensions(metric),
    }


def physical_name(name: str) -> str:
    """A name for what Pulumi does not name by itself, unique in an account and Region.

    CloudWatch takes letters, digits, dashes and underscores; projects, stacks and components may be called otherwise.
    """
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}")
