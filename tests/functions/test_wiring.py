"""What AWS would refuse of a function when half of its stack is there, and WarmLambda refuses before."""

import json
from importlib.resources import files
from typing import Any

import pulumi
import pytest

from loadfit.functions import runtimes
from tests.functions.test_component import (
    API_ARN,
    FUNCTION,
    QUEUE_ARN,
    STREAM_ARN,
    TABLE_ARN,
    Args,
    load,
    made,
    only,
    refusal,
)

FIFO_ARN = f"{QUEUE_ARN}.fifo"
KINESIS: Args = {"kind": "kinesis", "arn": STREAM_ARN, "starting_position": "LATEST"}


def sources(source: Args) -> Args:
    return {"work": {"kind": "sqs", "arn": QUEUE_ARN, **source}}


class TestEventSources:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            (
                {"batch_size": 11},
                "a batch_size above 10, found nothing. Give a window, or a batch_size of at most 10.",
            ),
            ({"batch_size": 11, "batching_window_seconds": 0}, "batching_window_seconds: expected at least 1"),
            ({"arn": FIFO_ARN, "batch_size": 11}, "batch_size: expected at most 10, for a FIFO queue, found 11"),
            (
                {"arn": FIFO_ARN, "batching_window_seconds": 1},
                "batching_window_seconds: expected nothing, for a FIFO queue, found 1",
            ),
            ({"maximum_concurrency": 1001}, "maximum_concurrency: expected 2 to 1,000, found 1001"),
            ({"arn": STREAM_ARN}, "arn: expected the ARN of a queue, such as arn:aws:sqs:us-east-1:"),
            ({"arn": STREAM_ARN}, "With this ARN, kind is kinesis."),
            ({**KINESIS, "arn": QUEUE_ARN}, "arn: expected the ARN of a stream"),
            ({**KINESIS, "kind": "dynamodb", "arn": TABLE_ARN.partition("/stream")[0]}, "of a table's stream"),
            ({"arn": "work"}, "arn: expected the ARN of a queue, such as arn:aws:sqs:us-east-1:123456789012:work"),
        ],
    )
    def test_that_cannot_be(self, source: Args, expected: str) -> None:
        text = refusal(event_sources=sources(source), load=load(reserved_concurrency=None, database=None))
        assert expected in text
        assert text.startswith("WarmLambda 'warm': event_sources.work.")

    @pytest.mark.parametrize(
        "source",
        [
            {"batch_size": 10},
            {"batch_size": 10_000, "batching_window_seconds": 1},
            {"arn": FIFO_ARN, "batch_size": 10, "batching_window_seconds": 0},
            {"maximum_concurrency": 2},
            {"maximum_concurrency": 1000},
            {**KINESIS, "batch_size": 100},
            {**KINESIS, "arn": f"{STREAM_ARN}/consumer/one:1"},
            {"arn": "arn:aws-cn:sqs:cn-north-1:123456789012:work"},
        ],
    )
    def test_that_can_be(self, source: Args) -> None:
        assert made(event_sources=sources(source), load=load(reserved_concurrency=None, database=None)).error is None

    def test_an_arn_that_is_known_only_later_is_taken(self) -> None:
        assert made(event_sources=lambda: sources({"arn": pulumi.Output.from_input(API_ARN)})).error is None


class TestEnvironment:
    @pytest.mark.parametrize("name", ["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_FUNCTION_NAME"])
    def test_names_that_lambda_keeps_to_itself(self, name: str) -> None:
        expected = f'environment.{name}: expected a name that Lambda does not reserve, found the text "{name}"'
        assert expected in refusal(environment={name: "eu-west-1"})

    @pytest.mark.parametrize("name", ["AWS_LAMBDA_EXEC_WRAPPER", "PYTHONPATH", "LANG", "AWS_XRAY_CONTEXT_MISSING"])
    def test_names_that_only_look_like_them(self, name: str) -> None:
        assert made(environment={name: "a"}).error is None

    def test_four_kilobytes_and_no_more(self) -> None:
        assert made(environment={"TABLE": "a" * (4096 - 5)}).error is None
        text = refusal(environment={"TABLE": "a" * (4096 - 5), "B2": ""})
        assert "environment: expected at most 4,096 bytes, names and values together, found 4,098." in text

    def test_bytes_count_and_not_characters(self) -> None:
        assert "found 4,105" in refusal(environment={"TABLE": "é" * 2050})

    def test_what_is_known_only_later_is_said_not_to_be_counted(self) -> None:
        text = refusal(environment=lambda: {"CERT": "a" * 4096, "HOST": pulumi.Output.from_input("b" * 9)})
        assert "found 4,104, without 1 that are known only after deployment" in text


class TestCors:
    @pytest.mark.parametrize(
        ("cors", "expected"),
        [
            ({"max_age_seconds": 86_401}, "max_age_seconds: expected 0 to 86,400, found 86401"),
            ({"max_age_seconds": -1}, "max_age_seconds: expected 0 to 86,400, found -1"),
            ({"allow_methods": ["GET", "OPTIONS"]}, "allow_methods[1]: expected one of GET, PUT, HEAD"),
            ({"allow_methods": ["get"]}, "allow_methods[0]: expected one of GET"),
            ({"allow_origins": ["example.com"]}, "allow_origins[0]: expected *, or scheme and host"),
            ({"allow_origins": ["https://example.com/"]}, "An origin has no path and no slash at its end."),
            ({"allow_origins": []}, "allow_origins: expected at least one origin"),
            ({"allow_headers": ["x-a"] * 101}, "allow_headers: expected at most 100, found 101"),
        ],
    )
    def test_that_cannot_be(self, cors: Args, expected: str) -> None:
        text = refusal(function_url={"cors": {"allow_origins": ["*"], **cors}})
        assert text.startswith("WarmLambda 'warm': function_url.cors.")
        assert expected in text

    def test_at_the_bounds(self) -> None:
        cors = {"allow_origins": ["https://a.example:8443", "null"], "allow_methods": ["*"], "max_age_seconds": 86_400}
        assert made(function_url={"cors": cors}).error is None


class TestRuntimes:
    @pytest.mark.parametrize(
        ("runtime", "expected"),
        [
            ("pyton3.13", 'found the text "pyton3.13". Did you mean "python3.13"?'),
            ("nodejs22", 'Did you mean "nodejs22.x"?'),
            ("python313", 'Did you mean "python3.13"?'),
            ("python3.5", "load.runtime: expected a runtime of Lambda"),
            ("cobol", "There are python3.11, python3.12"),
            ("python2.7", "Lambda makes no new function of it. The newest of its language is python3.14."),
            ("nodejs14.x", "The newest of its language is nodejs24.x."),
            ("dotnetcore3.1", "The newest of its language is dotnet10."),
            ("go1.x", "The newest of its language is provided.al2023."),
            ("provided", "The newest of its language is provided.al2023."),
        ],
    )
    def test_that_lambda_makes_no_function_of(self, runtime: str, expected: str) -> None:
        text = refusal(load=load(runtime=runtime))
        assert text.startswith("WarmLambda 'warm': load.runtime: expected ")
        assert expected in text

    @pytest.mark.parametrize("runtime", ["java21", "ruby3.4", "provided.al2023", "python3.15", "nodejs26.x", "java29"])
    def test_that_it_does_and_those_that_come_later(self, runtime: str) -> None:
        deployment = made(load=load(runtime=runtime))
        assert only(deployment, FUNCTION).inputs["runtime"] == runtime
        assert deployment.logs == ()

    def test_one_that_is_no_longer_kept_up_is_warned_of(self) -> None:
        (log,) = made(load=load(runtime="python3.9")).logs
        assert log.severity == "warning"
        assert "load.runtime: python3.9 is deprecated since 2025-12-15" in log.message

    def test_the_lists_are_those_of_the_manual(self) -> None:
        """As the linter of CloudFormation has them."""
        text = (files("cfnlint") / "data/AdditionalSpecs/LmbdRuntimeLifecycle.json").read_text()
        lifecycles: dict[str, Any] = json.loads(text)
        # Only for images, and only at the edge.
        known = {name: one for name, one in lifecycles.items() if one["create-block"] and name != "nodejs4.3-edge"}
        ended = {name for name, one in known.items() if one["create-block"] <= runtimes.AS_OF}
        old = {name: one["deprecated"] for name, one in known.items() if one["deprecated"] <= runtimes.AS_OF}
        assert set(runtimes.ENDED) == ended
        assert {name: day for name, day in old.items() if name not in ended} == runtimes.DEPRECATED
        assert set(runtimes.SUPPORTED) == known.keys() - ended - old.keys()


class TestHandler:
    @pytest.mark.parametrize("handler", ["app", "app.", ".handler", "src.d/app"])
    @pytest.mark.parametrize("runtime", ["python3.13", "nodejs24.x"])
    def test_without_a_function(self, handler: str, runtime: str) -> None:
        text = refusal(handler=handler, load=load(runtime=runtime))
        expected = "a file and a function in it with a dot between them, such as app.handler"
        assert f'handler: expected {expected}, found the text "{handler}"' in text

    def test_of_other_runtimes_needs_no_dot(self) -> None:
        assert made(handler="bootstrap", load=load(runtime="provided.al2023")).error is None
