"""Requests and answers, in payload format 2.0 of function URLs and HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from database import Database, OutcomeUnknown, Unavailable
from orders import BadOrder, Stored, find, parse_id, parse_order, store

__all__ = ["Api", "log"]

MAX_BODY = 16 * 1024
"""Bytes; an order is much smaller."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class _BadBody(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Answers requests, each within one transaction.

    Args:
        database: Where orders are.
        initialization: How the instance was started: provisioned-concurrency or on-demand.
    """

    def __init__(self, database: Database, initialization: str) -> None:
        self._database = database
        self._initialization = initialization
        self._answered = 0

    def answer(self, event: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """The answer to a request. What nobody expected is raised, so that it counts as an error of the function."""
        started = time.perf_counter()
        request: Mapping[str, Any] = event["requestContext"]["http"]
        method = request["method"]
        route, parts = _route(event["rawPath"])
        status = 500
        try:
            answer = self._answer(method, route, parts, event)
            status = answer.status
        finally:
            self._answered += 1
            log(
                "error" if status >= 500 else "info",  # noqa: PLR2004 - a class of HTTP statuses
                "request",
                request_id=request_id,
                method=method,
                route=route,
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                initialization_type=self._initialization,
                first_request=self._answered == 1,
                connections_opened=self._database.opened,
            )
        return {
            "statusCode": answer.status,
            "headers": {"content-type": "application/json", "cache-control": "no-store", **answer.headers},
            "body": json.dumps(answer.content, ensure_ascii=False),
        }

    def _answer(self, method: str, route: str, parts: list[str], event: Mapping[str, Any]) -> _Answer:
        try:
            match route, method:
                case "/orders", "POST":
                    return self._post(event)
                case "/orders/{id}", "GET":
                    return self._get(parts[1])
                case "/orders", _:
                    return _Answer(405, {"error": "expected POST"}, {"allow": "POST"})
                case "/orders/{id}", _:
                    return _Answer(405, {"error": "expected GET"}, {"allow": "GET"})
                case _:
                    return _Answer(404, {"error": "expected /orders or /orders/{id}"})
        except _BadBody as error:
            return _Answer(error.status, {"error": str(error)})
        except BadOrder as error:
            return _Answer(400, {"error": str(error)})
        except Unavailable as error:
            log("warning", "database unavailable", reason=str(error), cause=repr(error.__cause__))
            return _Answer(503, {"error": "the database cannot be reached; nothing was changed"}, {"retry-after": "1"})
        except OutcomeUnknown as error:
            log("warning", "outcome unknown", cause=repr(error.__cause__))
            message = "it is not known whether the order was stored: send it again, with the same id"
            return _Answer(503, {"error": message}, {"retry-after": "1"})

    def _post(self, event: Mapping[str, Any]) -> _Answer:
        order = parse_order(_body(event))
        with self._database.transaction() as connection:
            stored = store(connection, order)
        if stored is Stored.CONFLICT:
            return _Answer(409, {"error": f"another order has the id {order.id}"})
        return _Answer(201 if stored is Stored.CREATED else 200, order.as_dict(), {"location": f"/orders/{order.id}"})

    def _get(self, text: str) -> _Answer:
        order_id = parse_id(text)
        with self._database.transaction() as connection:
            order = find(connection, order_id)
        return (
            _Answer(404, {"error": f"no order has the id {order_id}"})
            if order is None
            else _Answer(200, order.as_dict())
        )


def _route(path: str) -> tuple[str, list[str]]:
    """A path as its route, in which nothing of a client's is left, and its parts."""
    parts = [part for part in path.split("/") if part]
    known = {1: "/orders", 2: "/orders/{id}"}
    return known.get(len(parts), "unknown") if parts[:1] == ["orders"] else "unknown", parts


def _body(event: Mapping[str, Any]) -> object:
    sent: str = event.get("body") or ""
    try:
        raw = base64.b64decode(sent, validate=True) if event.get("isBase64Encoded") else sent.encode()
    except (binascii.Error, UnicodeError):
        raise _BadBody(400, "expected a body in UTF-8") from None
    if len(raw) > MAX_BODY:
        raise _BadBody(413, f"expected at most {MAX_BODY:,} bytes")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _BadBody(400, "expected a body in JSON") from None


def log(level: str, message: str, **fields: Any) -> None:
    """Writes one line of JSON, which CloudWatch takes apart by itself."""
    print(json.dumps({"level": level, "message": message, **fields}))
