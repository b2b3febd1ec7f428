"""Requests and answers: what a client is told, and what the log holds."""

import base64
import json
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from database import Database
from routes import MAX_BODY, Api
from tests.stacks_api.fakes import DEADLOCK, LOST, FakeServer

ID = "6f1c2f6e-8a8d-4a53-9d3b-0c7a5f0d2b11"
ORDER: dict[str, Any] = {"id": ID, "item": "tea", "quantity": 2}
Answer = tuple[int, Any]


def api(server: FakeServer | None = None) -> Api:
    return Api(Database(server or FakeServer()), "provisioned-concurrency")


def event(method: str, path: str, body: Any = None) -> dict[str, Any]:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {"rawPath": path, "requestContext": {"http": {"method": method}}, "body": text}


def asked(method: str, path: str, body: Any = None, server: FakeServer | None = None) -> Answer:
    answer = api(server).answer(event(method, path, body), "request-1")
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def holding(item: str, quantity: int) -> FakeServer:
    """A server that has one order already."""
    return FakeServer(answer=lambda sql, _: [[item, quantity]] if sql.startswith("SELECT") else [])


class TestStoring:
    def test_a_new_order_is_created(self) -> None:
        server = FakeServer(answer=lambda sql, _: [[1]] if sql.startswith("INSERT") else [])
        answer = api(server).answer(event("POST", "/orders", ORDER), "request-1")
        assert (answer["statusCode"], json.loads(answer["body"])) == (201, ORDER)
        assert answer["headers"]["location"] == f"/orders/{ID}"
        assert server.statements == ["BEGIN", "INSERT", "COMMIT"]

    def test_the_same_order_sent_again_is_the_same_answer(self) -> None:
        assert asked("POST", "/orders", ORDER, holding("tea", 2)) == (200, ORDER)

    def test_another_order_with_its_id_is_a_conflict(self) -> None:
        assert asked("POST", "/orders", ORDER, holding("coffee", 2)) == (
            409,
            {"error": f"another order has the id {ID}"},
        )

    def test_a_body_may_be_encoded(self) -> None:
        server = FakeServer(answer=lambda sql, _: [[1]])
        encoded = event("POST", "/orders", base64.b64encode(json.dumps(ORDER).encode()).decode())
        assert api(server).answer({**encoded, "isBase64Encoded": True}, "1")["statusCode"] == 201

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (None, "expected a body in JSON"),
            ("{", "expected a body in JSON"),
            ("[" * 10_000, "expected a body in JSON"),
            ([ORDER], "expected an object with id, item and quantity"),
            ({}, "item: expected a line of text of 1 to 200 characters"),
            ({**ORDER, "price": 1}, "expected id, item and quantity, found also price"),
            ({**ORDER, "id": 5}, "id: expected a UUID, such as"),
            ({**ORDER, "id": "5"}, "id: expected a UUID"),
            ({**ORDER, "id": "{" + ID + "}"}, "id: expected a UUID"),
            ({**ORDER, "item": ""}, "item: expected"),
            ({**ORDER, "item": "x" * 201}, "item: expected"),
            ({**ORDER, "item": "a\x00"}, "item: expected"),
            ({**ORDER, "item": "\ud800"}, "item: expected"),
            ({**ORDER, "quantity": 0}, "quantity: expected a whole number, 1 to 1,000,000"),
            ({**ORDER, "quantity": 1_000_001}, "quantity: expected"),
            ({**ORDER, "quantity": True}, "quantity: expected"),
            ({**ORDER, "quantity": "2"}, "quantity: expected"),
            ({**ORDER, "quantity": 2.5}, "quantity: expected"),
        ],
    )
    def test_what_is_no_order_is_told_and_nothing_is_asked_of_the_database(self, body: Any, told: str) -> None:
        server = FakeServer()
        status, content = asked("POST", "/orders", body, server)
        assert (status, list(content)) == (400, ["error"])
        assert content["error"].startswith(told)
        assert server.statements == []

    def test_a_body_that_is_not_what_it_is_said_to_be_is_told(self) -> None:
        sent = {**event("POST", "/orders", "%%%"), "isBase64Encoded": True}
        assert json.loads(api().answer(sent, "1")["body"]) == {"error": "expected a body in UTF-8"}
        sent = {**event("POST", "/orders", base64.b64encode(b"\xff\xfe").decode()), "isBase64Encoded": True}
        assert api().answer(sent, "1")["statusCode"] == 400

    def test_a_body_that_is_too_long_is_refused(self) -> None:
        status, content = asked("POST", "/orders", " " * (MAX_BODY + 1))
        assert (status, content) == (413, {"error": "expected at most 16,384 bytes"})


class TestFinding:
    def test_an_order_is_found_by_its_id(self) -> None:
        assert asked("GET", f"/orders/{ID}", server=holding("tea", 2)) == (200, ORDER)
        assert asked("GET", f"/orders/{ID.upper()}/", server=holding("tea", 2)) == (200, ORDER)

    def test_one_that_is_not_there_is_told(self) -> None:
        assert asked("GET", f"/orders/{ID}") == (404, {"error": f"no order has the id {ID}"})
        assert asked("GET", "/orders/5")[0] == 400

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/", 404),
            ("GET", "/order", 404),
            ("GET", f"/orders/{ID}/lines", 404),
            ("GET", "/orders", 405),
            ("DELETE", f"/orders/{ID}", 405),
        ],
    )
    def test_other_requests_are_refused(self, method: str, path: str, status: int) -> None:
        assert asked(method, path)[0] == status

    def test_what_may_be_asked_instead_is_told(self) -> None:
        assert api().answer(event("GET", "/orders"), "1")["headers"]["allow"] == "POST"


class TestFailing:
    def test_a_database_that_is_away_is_told_and_may_be_tried_again(self) -> None:
        server = FakeServer({"connect": LOST})
        answer = api(server).answer(event("POST", "/orders", ORDER), "1")
        assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
        assert "nothing was changed" in answer["body"]

    def test_an_outcome_that_is_not_known_is_told_with_what_to_do(self) -> None:
        status, content = asked("POST", "/orders", ORDER, FakeServer({"COMMIT": LOST}))
        assert status == 503
        assert content["error"] == "it is not known whether the order was stored: send it again, with the same id"

    def test_what_nobody_expected_is_an_error_of_the_function(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(DatabaseError):
            asked("POST", "/orders", ORDER, FakeServer({"INSERT": DEADLOCK}))
        (line,) = capsys.readouterr().out.splitlines()
        assert (json.loads(line)["status"], json.loads(line)["level"]) == (500, "error")


class TestLog:
    def test_each_request_is_one_line_of_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        one = api(holding("tea", 2))
        one.answer(event("GET", f"/orders/{ID}"), "request-1")
        one.answer(event("GET", "/secret-of-a-client"), "request-2")
        first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
        assert first.pop("milliseconds") >= 0
        assert first == {
            "level": "info",
            "message": "request",
            "request_id": "request-1",
            "method": "GET",
            "route": "/orders/{id}",
            "status": 200,
            "initialization_type": "provisioned-concurrency",
            "first_request": True,
            "connections_opened": 1,
        }
        assert (second["first_request"], second["route"]) == (False, "unknown")

    def test_nothing_of_an_order_is_in_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        api(holding("coffee", 7)).answer(event("POST", "/orders", {**ORDER, "item": "secret"}), "request-1")
        logged = capsys.readouterr().out
        assert "secret" not in logged
        assert ID not in logged
