"""What of a queue or a stream cannot feed a function."""

from collections.abc import Iterator, Mapping

from loadfit.core import limits
from loadfit.core.paths import Path
from loadfit.core.problems import Problem, shown
from loadfit.functions.component.arguments import EventSource, EventSourceKind
from loadfit.functions.component.role import arn_parts
from loadfit.functions.load import FunctionLoad

__all__ = ["source_problems"]

_FORMS: Mapping[EventSourceKind, tuple[str, str, str]] = {
    EventSourceKind.SQS: ("sqs", "", "a queue, such as arn:aws:sqs:us-east-1:123456789012:work"),
    EventSourceKind.KINESIS: (
        "kinesis",
        "stream/",
        "a stream, such as arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
    ),
    EventSourceKind.DYNAMODB: (
        "dynamodb",
        "/stream/",
        "a table's stream, such as arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000",
    ),
}
"""Of each kind the service in its ARN, what the resource in it holds, and what it is."""


def source_problems(path: Path, source: EventSource, load: FunctionLoad) -> Iterator[Problem]:
    """What is wrong with an event source.

    Args:
        path: Where it stands.
        source: What was given.
        load: The function's load.
    """
    queue = source["kind"] is EventSourceKind.SQS
    yield from _arn(path, source)
    yield from _position(path, source, queue=queue)
    yield from _concurrency(path, source, load, queue=queue)
    yield from _batch(path, source, queue=queue)


def _arn(path: Path, source: EventSource) -> Iterator[Problem]:
    arn, kind = source["arn"], source["kind"]
    if not isinstance(arn, str):
        return  # known only after deployment
    service, holds, what = _FORMS[kind]
    found = arn_parts(arn)
    if found.service != service or holds not in found.resource:
        meant = [other.value for other, (name, *_) in _FORMS.items() if name == found.service and other is not kind]
        way_out = f"With this ARN, kind is {meant[0]}." if meant else ""
        yield Problem((*path, "arn"), f"the ARN of {what}, as kind is {kind.value}", shown(arn), way_out)


def _position(path: Path, source: EventSource, *, queue: bool) -> Iterator[Problem]:
    position = source.get("starting_position")
    if queue and position is not None:
        yield Problem((*path, "starting_position"), "nothing, for a queue", shown(position.value))
    if not queue and position is None:
        yield Problem((*path, "starting_position"), "LATEST or TRIM_HORIZON, for a stream", "nothing")


def _concurrency(path: Path, source: EventSource, load: FunctionLoad, *, queue: bool) -> Iterator[Problem]:
    given, reserved = source.get("maximum_concurrency"), load.reserved_concurrency
    if given is None:
        return
    path = (*path, "maximum_concurrency")
    if not queue:
        yield Problem(path, "nothing, for a stream", shown(given))
        return
    least, most = limits.LAMBDA_QUEUE_CONCURRENCY_LEAST.value, limits.LAMBDA_QUEUE_CONCURRENCY_MOST.value
    if not least <= given <= most:
        yield Problem(path, f"{least} to {most:,}", shown(given))
    elif reserved is not None and given > reserved:
        yield Problem(path, f"at most the {reserved:,} of load.reserved_concurrency", shown(given))


def _batch(path: Path, source: EventSource, *, queue: bool) -> Iterator[Problem]:
    size, window = source.get("batch_size"), source.get("batching_window_seconds")
    for name, least, most in (
        ("batch_size", 1, limits.LAMBDA_BATCH.value),
        ("batching_window_seconds", 0, limits.LAMBDA_BATCHING_WINDOW.value),
    ):
        number = source.get(name)
        if number is not None and not least <= number <= most:
            yield Problem((*path, name), f"{least} to {most:,}", shown(number))
            return
    if not queue:
        return
    if isinstance(source["arn"], str) and source["arn"].endswith(".fifo"):
        most = limits.LAMBDA_FIFO_BATCH.value
        if size is not None and size > most:
            yield Problem((*path, "batch_size"), f"at most {most}, for a FIFO queue", shown(size))
        if window:
            yield Problem((*path, "batching_window_seconds"), "nothing, for a FIFO queue", shown(window))
    elif size is not None and size > limits.LAMBDA_BATCH_AT_ONCE.value and not window:
        yield Problem(
            (*path, "batching_window_seconds"),
            f"at least 1, with a batch_size above {limits.LAMBDA_BATCH_AT_ONCE.value}",
            shown(window),
            f"Give a window, or a batch_size of at most {limits.LAMBDA_BATCH_AT_ONCE.value}.",
        )
