"""What watches a function: against the manual, and against the plan."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from loadfit import WarmLambda
from loadfit.core.watching import Alarm
from loadfit.functions import FunctionPlan, alarms, codes
from loadfit.functions.alarms import FunctionMetric, Scope, dashboard_body, dimensions
from loadfit.functions.queries import queries
from loadfit.testing import Resource, deploy
from tests.functions.loads import DAY, REPAIRED, Document, one, sized, window

NAMESPACE = "AWS/Lambda"
MANUAL = {
    "Invocations": {"Sum"},
    "Errors": {"Sum"},
    "DestinationDeliveryFailures": {"Sum"},
    "Throttles": {"Sum"},
    "ProvisionedConcurrencyInvocations": {"Sum"},
    "ProvisionedConcurrencySpilloverInvocations": {"Sum"},
    "Duration": {"Average", "Maximum", "p99"},
    "ConcurrentExecutions": {"Maximum"},
    "ProvisionedConcurrentExecutions": {"Maximum"},
    "ProvisionedConcurrencyUtilization": {"Maximum", "Average"},
    "ClaimedAccountConcurrency": {"Maximum"},
}
"""Each metric with the statistics that the manual views it with. Typed from
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and monitoring-concurrency.html; utilization
on average from provisioned-concurrency.html, where it is what target tracking reads. An alarm on a name that is not
there never fires."""
DIMENSIONS = {
    Scope.ALIAS: {"FunctionName": "storefront", "Resource": "storefront:live"},
    Scope.FUNCTION: {"FunctionName": "storefront"},
    Scope.ACCOUNT: {},
}
PER_FUNCTION = {"Throttles", "DestinationDeliveryFailures", "ConcurrentExecutions", "Invocations"}
"""Those that the manual has for a function as a whole, too."""

FITTING: Document = {**REPAIRED, "reserved_concurrency": 12, "runtime": "python3.13"}
OPEN: Document = {name: value for name, value in REPAIRED.items() if name not in ("reserved_concurrency", "database")}


def alarm(suffix: str, of: FunctionPlan | None = None) -> Alarm:
    (found,) = [each for each in alarms.alarms(of or sized(FITTING), has_destination=True) if each.suffix == suffix]
    return found


def suffixes(document: Document, **options: Any) -> set[str]:
    return {each.suffix for each in alarms.alarms(sized(document), **options)}


PLANNED = alarms.alarms(sized(FITTING), has_destination=True)


@pytest.fixture(scope="module")
def made() -> dict[str, Resource]:
    """The alarms as CloudWatch would be asked for them."""
    args: Any = {
        "load": {"name": "storefront", "region": "us-east-1", **FITTING},
        "code": str(Path(__file__).parents[2] / "examples/storefront"),
        "handler": "app.handler",
        "function_name": "storefront",
        "on_failure_arn": "arn:aws:sqs:us-east-1:123456789012:failed",
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:oncall"],
    }
    deployment = deploy(lambda: WarmLambda("warm", args))
    return {
        each.name.removeprefix("warm-"): each for each in deployment.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    }


def test_every_metric_is_in_the_manual_with_its_statistic_and_dimensions() -> None:
    for metric in {metric for each in PLANNED for metric in each.metrics}:
        assert isinstance(metric, FunctionMetric)
        assert metric.statistic in MANUAL[metric.name], metric.name
        assert (metric.scope is Scope.ACCOUNT) == (metric.name == "ClaimedAccountConcurrency")
        assert metric.scope is not Scope.FUNCTION or metric.name in PER_FUNCTION
        assert dimensions(metric, "storefront", "storefront:live") == DIMENSIONS[metric.scope]
    assert alarms.NAMESPACE == NAMESPACE


def test_there_is_no_metric_of_initialization() -> None:
    """Lambda has none: an alarm on one would never fire."""
    body = dashboard_body(sized(FITTING), alarms.alarms(sized(FITTING)), "storefront", "live", "us-east-1")
    names = {metric.name for each in PLANNED for metric in each.metrics}
    assert [name for name in names if "init" in name.lower()] == []
    assert "InitDuration" not in body


def test_what_is_watched_follows_from_the_plan() -> None:
    always = {"requests-beyond-load", "duration", "throttles", "errors", "account-concurrency"}
    warm = {"spillover", "utilization", "past-alias"}
    assert suffixes(FITTING) == always | warm
    assert suffixes(FITTING, has_destination=True) == always | warm | {"undelivered"}
    assert suffixes({**one(26, 50, share=1), "provisioned_concurrency": 0}) == always
    snapshots = {**one(26, 50, share=1), "provisioned_concurrency": 0, "snapstart": True}
    assert suffixes(snapshots) == always | {"past-alias"}
    # Where any request may start cold, none spills over too often.
    assert suffixes(one(26, 50, share=1)) == always | warm - {"spillover"}
    # Without requests, there is none too many and none too slow.
    assert suffixes({"windows": {"none": {"peak_requests_per_second": 0}}}) == (always | warm) - {
        "requests-beyond-load",
        "duration",
        "spillover",
    }


DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "warm-lambda.md").read_text(encoding="utf-8")
RUNBOOK = (DOCS / "runbooks/cold-starts.md").read_text(encoding="utf-8")


def test_the_page_has_each_alarm_with_the_metrics_that_it_is_charged_for() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| .+ \| (\d) \|$", PAGE, re.MULTILINE))
    assert rows == {each.suffix: str(len(each.metrics)) for each in PLANNED}
    said = re.search(r"([\d.]+) for a function with warm instances and reserved concurrency \((\d+)\s+metrics\)", PAGE)
    assert said is not None
    metrics = sum(len(each.metrics) for each in alarms.alarms(sized(FITTING)))
    assert (said[1], said[2]) == (f"{metrics / 10:.2f}", str(metrics))


def test_the_runbook_has_each_alarm_and_each_finding() -> None:
    assert sorted(re.findall(r"^### (.+)$", RUNBOOK, re.MULTILINE)) == sorted(each.suffix for each in PLANNED)
    assert re.findall(r"^\| `([A-Z_0-9a-z]+)` \| [^|]+ \|$", RUNBOOK.partition("## Findings")[2], re.MULTILINE) == list(
        codes.EXPLANATIONS
    )


def test_the_runbook_reads_metrics_of_the_manual() -> None:
    """By their names and statistics, in the namespace that exists."""
    read = re.findall(r"\b(\w+):(Sum|Maximum)\b", RUNBOOK)
    assert len(read) == 3
    assert [name for name, statistic in read if statistic not in MANUAL[name]] == []
    assert "--namespace AWS/Lambda " in RUNBOOK


def test_the_page_has_each_query() -> None:
    assert [name for name in queries(snapstart=False) if f"| `{name}` |" not in PAGE] == []


class TestThresholds:
    def test_spillover_is_compared_with_what_the_target_allows(self) -> None:
        """In any window: what the loosest of them allows is no surprise."""
        assert alarm("spillover", sized(one(26, 50, share=0.02))).threshold == 2.0
        plan = sized(FITTING)
        allowed = plan.windows["day"].allowed_cold_share
        assert alarm("spillover").threshold == pytest.approx(100 * allowed, abs=1e-4)
        windows = {"day": DAY, "night": window(1, 90, 190, schedule="daily 22:00-06:00")}
        several = sized({**OPEN, "windows": windows})
        shares = [each.allowed_cold_share for each in several.windows.values()]
        assert min(shares) < max(shares)
        assert alarm("spillover", several).threshold == pytest.approx(100 * max(shares), abs=1e-4)

    def test_spillover_is_seen_where_no_instance_is_ready(self) -> None:
        """Then there is no metric of requests on warm ones, and without FILL no share either."""
        assert alarm("spillover").expression == "100 * m0 / (m0 + FILL(m1, 0))"

    def test_utilization_is_compared_on_average_with_autoscalings_target(self) -> None:
        """At most it is 1 in every minute at the declared peak: of 1,560 requests, 0.85% find all instances busy."""
        plan = sized(FITTING)
        assert 26 * 60 * plan.windows["day"].spillover.busy > 10
        found = alarm("utilization", plan)
        assert plan.autoscaling is not None
        assert (found.threshold, found.metrics[0].statistic) == (float(plan.autoscaling.target), "Average")
        assert plan.windows["day"].offered_erlangs / plan.instances < plan.autoscaling.target
        assert str(found.threshold) in found.description
        assert "10" in found.description

    @pytest.mark.parametrize(("rate", "threshold"), [(26, 1835.0), (0.1, 14.0), (0.01, 3.0), (1000, 66_735.0)])
    def test_requests_beyond_the_declared_peak_by_more_than_they_fluctuate(self, rate: float, threshold: float) -> None:
        """A tenth and three standard deviations of a Poisson count: 1,560 x 1.1 + 3 x 39.5 = 1,834.5."""
        assert threshold == math.ceil(66 * rate + 3 * math.sqrt(60 * rate))
        assert alarm("requests-beyond-load", sized(one(rate, 50))).threshold == threshold

    def test_the_busiest_window_is_the_declared_peak(self) -> None:
        windows = {"day": DAY, "night": window(1, 50, schedule="daily 22:00-06:00")}
        assert alarm("requests-beyond-load", sized({**OPEN, "windows": windows})).threshold == 1835.0

    @pytest.mark.parametrize(
        ("document", "threshold"),
        [
            (FITTING, 110.0),  # a tenth above the declared 100 ms
            ({**OPEN, "target_p99_ms": 105}, 105.0),  # the target itself
            (one(26, 50, 120), 132.0),
        ],
    )
    def test_duration_is_compared_with_the_declared_warm_one(self, document: Document, threshold: float) -> None:
        found = alarm("duration", sized(document))
        assert (found.threshold, found.metrics[0].statistic) == (threshold, "p99")
        assert f"{threshold:g} ms" in found.description

    def test_throttles_are_none_too_many_but_for_those_that_were_planned(self) -> None:
        """Reserved concurrency refuses up to a thousandth of the requests, as sized."""
        found = alarm("throttles", sized(OPEN))
        assert (found.threshold, found.expression, found.periods_to_alarm) == (0, "", 1)
        assert "1,000" in found.description
        reserved = alarm("throttles")
        assert (reserved.threshold, reserved.expression) == (0.1, "100 * m0 / (m0 + FILL(m1, 0))")
        assert "12" in reserved.description
        policy = sized({**FITTING, "policy": {"throttled_share": 0.02}})
        assert alarm("throttles", policy).threshold == 2.0

    def test_the_accounts_concurrency_is_compared_with_its_quota(self) -> None:
        assert alarm("account-concurrency").threshold == 800.0
        assert alarm("account-concurrency", sized({**FITTING, "quota_concurrency": 5000})).threshold == 4000.0

    def test_what_was_declared_of_the_account_is_no_surprise(self) -> None:
        plan = sized({**FITTING, "concurrency_in_use": 850})
        assert alarm("account-concurrency", plan).threshold == 850.0 + 12

    def test_each_description_names_its_number(self) -> None:
        for each in PLANNED:
            assert re.search(r"\d", each.description), each.suffix
            assert len(each.description) <= 1024


class TestAsAsked:
    """The inputs of the alarm resources."""

    def test_there_is_one_of_each(self, made: dict[str, Resource]) -> None:
        assert set(made) == {each.suffix for each in PLANNED}

    @pytest.mark.parametrize("planned", PLANNED, ids=lambda each: each.suffix)
    def test_it_is_the_planned_one(self, made: dict[str, Resource], planned: Alarm) -> None:
        inputs = made[planned.suffix].inputs
        assert inputs["threshold"] == planned.threshold
        assert inputs["comparisonOperator"] == "GreaterThanThreshold"
        assert (inputs["evaluationPeriods"], inputs["datapointsToAlarm"]) == (planned.periods, planned.periods_to_alarm)
        assert inputs["datapointsToAlarm"] <= inputs["evaluationPeriods"]
        assert inputs["treatMissingData"] == "notBreaching"
        assert inputs["alarmActions"] == ["arn:aws:sns:us-east-1:123456789012:oncall"]
        assert inputs["alarmDescription"] == planned.description

    @pytest.mark.parametrize("planned", PLANNED, ids=lambda each: each.suffix)
    def test_a_metric_stands_at_the_top_or_in_queries_never_both(
        self, made: dict[str, Resource], planned: Alarm
    ) -> None:
        """CloudWatch refuses an alarm with both."""
        inputs = made[planned.suffix].inputs
        at_top = {"metricName", "namespace", "statistic", "extendedStatistic", "period", "dimensions"} & set(inputs)
        if not planned.expression:
            assert "metricQueries" not in inputs
            (metric,) = planned.metrics
            statistic = "extendedStatistic" if metric.statistic == "p99" else "statistic"
            assert at_top == {"metricName", "namespace", statistic, "period", "dimensions"}
            assert (inputs["metricName"], inputs[statistic]) == (metric.name, metric.statistic)
            assert (inputs["namespace"], inputs["period"]) == (NAMESPACE, planned.period_seconds)
            assert inputs["dimensions"] == dimensions(metric, "storefront", "storefront:live")
            return
        assert at_top == set()
        expression, *metrics = inputs["metricQueries"]
        assert expression["returnData"] is True
        assert [each for each in metrics if each.get("returnData")] == [], "CloudWatch takes one result"
        assert set(re.findall(r"[a-z]\d", expression["expression"])) == {each["id"] for each in metrics}
        for each, metric in zip(metrics, planned.metrics, strict=True):
            assert each["metric"] == {
                "namespace": NAMESPACE,
                "metricName": metric.name,
                "stat": metric.statistic,
                "period": planned.period_seconds,
                "dimensions": dimensions(metric, "storefront", "storefront:live"),
            }


class TestDashboard:
    def widgets(self, document: Document = FITTING) -> list[Any]:
        plan = sized(document)
        return json.loads(dashboard_body(plan, alarms.alarms(plan), "storefront", "live", "eu-west-1"))["widgets"]

    def test_every_line_is_a_metric_of_the_manual(self) -> None:
        for widget in self.widgets():
            assert widget["type"] == "metric"
            assert widget["properties"]["region"] == "eu-west-1"
            for namespace, name, *named, options in widget["properties"]["metrics"]:
                assert namespace == NAMESPACE
                assert options["stat"] in MANUAL[name]
                assert dict(zip(named[::2], named[1::2], strict=True)) in DIMENSIONS.values()

    def test_the_plans_numbers_are_lines_in_it(self) -> None:
        lines = [
            line
            for widget in self.widgets()
            for line in widget["properties"].get("annotations", {}).get("horizontal", [])
        ]
        assert {"label": "alarm 1,835", "value": 1835.0} in lines
        assert {"label": "warm 5", "value": 5.0} in lines
        assert {"label": "reserved 12", "value": 12.0} in lines
        assert {"label": "autoscaling's target 0.272", "value": 0.272} in lines

    def test_without_warm_instances_there_is_nothing_of_them_in_it(self) -> None:
        body = json.dumps(self.widgets({**one(26, 50, share=1), "provisioned_concurrency": 0}))
        assert "Provisioned" not in body
        assert "warm" not in body

    def test_no_graph_lies_over_another(self) -> None:
        """On a grid of 24 columns."""
        cells = [
            (x, y)
            for each in self.widgets()
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


class TestQueries:
    @pytest.mark.parametrize(("snapstart", "read"), [(False, "@initDuration"), (True, "Restore Duration: * ms")])
    def test_each_reads_what_a_cold_start_writes(self, snapstart: bool, read: str) -> None:
        found = queries(snapstart=snapstart)
        assert set(found) == {"init-duration", "cold-share", "slowest-inits"}
        for text in found.values():
            assert text.startswith('filter @type = "REPORT"\n')
            assert read in text

    def test_the_share_is_of_all_requests(self) -> None:
        """Whoever filters first, divides by the cold ones alone."""
        share = queries(snapstart=False)["cold-share"]
        assert "filter ispresent" not in share
        assert "100 * sum(ispresent(cold_ms)) / count(*)" in share
