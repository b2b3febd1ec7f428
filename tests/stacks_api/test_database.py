"""The one connection: when it is kept, when it is replaced, and what is never sent twice."""

import pytest
from pg8000.exceptions import DatabaseError

from database import IDLE_SECONDS, Database, OutcomeUnknown, Unavailable
from tests.stacks_api.fakes import DEADLOCK, LOST, SHUT_DOWN, TIMED_OUT, Clock, Failures, FakeServer

GONE = [LOST, TIMED_OUT, SHUT_DOWN, ConnectionResetError()]


def insert(database: Database) -> None:
    with database.transaction() as connection:
        connection.run("INSERT 1")


class TestKeeping:
    def test_one_connection_serves_every_request(self) -> None:
        server = FakeServer()
        database = Database(server)
        insert(database)
        insert(database)
        assert len(server.connections) == database.opened == 1
        assert server.statements == ["BEGIN", "INSERT", "COMMIT"] * 2

    def test_it_may_be_opened_ahead(self) -> None:
        server = FakeServer()
        database = Database(server)
        database.open()
        insert(database)
        assert len(server.connections) == 1

    @pytest.mark.parametrize(("rested", "opened"), [(IDLE_SECONDS, 1), (IDLE_SECONDS + 1, 2), (36_000, 2)])
    def test_one_that_rested_for_too_long_is_replaced_without_being_tried(self, rested: int, opened: int) -> None:
        server, clock = FakeServer(), Clock()
        database = Database(server, clock)
        insert(database)
        clock.now += rested
        insert(database)
        assert len(server.connections) == opened
        assert server.connections[0].closed == (opened > 1)
        assert server.statements == ["BEGIN", "INSERT", "COMMIT"] * 2

    def test_the_rest_counts_from_the_last_use(self) -> None:
        server, clock = FakeServer(), Clock()
        database = Database(server, clock)
        for _ in range(3):
            insert(database)
            clock.now += IDLE_SECONDS
        assert len(server.connections) == 1

    def test_a_connection_is_forgotten_before_the_network_forgets_it(self) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html."""
        assert IDLE_SECONDS < 350

    def test_one_that_was_given_back_is_replaced(self) -> None:
        server = FakeServer()
        database = Database(server)
        insert(database)
        database.close()
        database.close()
        assert server.connections[0].closed
        insert(database)
        assert len(server.connections) == 2


class TestReplacing:
    @pytest.mark.parametrize("failure", GONE)
    def test_a_dead_connection_is_replaced_once_before_the_first_statement(self, failure: Exception) -> None:
        server = FakeServer()
        database = Database(server)
        insert(database)
        server.connections[0].failures["BEGIN"] = failure
        insert(database)
        assert server.statements == ["BEGIN", "INSERT", "COMMIT", "BEGIN", "BEGIN", "INSERT", "COMMIT"]
        assert server.connections[0].closed

    def test_a_new_one_that_is_dead_as_well_is_the_end(self) -> None:
        server = FakeServer({}, {"BEGIN": LOST}, {})
        database = Database(server)
        insert(database)
        server.connections[0].failures["BEGIN"] = LOST
        with pytest.raises(Unavailable):
            insert(database)
        assert len(server.connections) == 2, "not a third one"
        insert(database)
        assert len(server.connections) == 3, "but the next request has its chance"

    @pytest.mark.parametrize("failure", [*GONE, DatabaseError({"S": "FATAL", "C": "28P01", "M": "no"})])
    def test_a_connection_that_cannot_be_opened_is_told(self, failure: Exception) -> None:
        database = Database(FakeServer({"connect": failure}, {"connect": failure}))
        with pytest.raises(Unavailable):
            database.open()
        with pytest.raises(Unavailable):
            insert(database)
        assert database.opened == 0


class TestFailing:
    @pytest.mark.parametrize("failure", GONE)
    def test_a_statement_is_never_sent_twice(self, failure: Exception) -> None:
        server = FakeServer({"INSERT": failure})
        database = Database(server)
        with pytest.raises(Unavailable):
            insert(database)
        assert server.statements == ["BEGIN", "INSERT"]
        assert server.connections[0].closed
        insert(database)
        assert server.statements == ["BEGIN", "INSERT", "BEGIN", "INSERT", "COMMIT"]

    @pytest.mark.parametrize("failure", GONE)
    def test_a_commit_without_an_answer_is_told_as_that_and_not_repeated(self, failure: Exception) -> None:
        server = FakeServer({"COMMIT": failure})
        database = Database(server)
        with pytest.raises(OutcomeUnknown):
            insert(database)
        assert server.statements == ["BEGIN", "INSERT", "COMMIT"]
        assert server.connections[0].closed

    @pytest.mark.parametrize("statement", ["INSERT", "COMMIT"])
    def test_what_the_server_refuses_is_rolled_back_and_the_connection_kept(self, statement: str) -> None:
        server = FakeServer({statement: DEADLOCK})
        database = Database(server)
        with pytest.raises(DatabaseError):
            insert(database)
        assert server.statements[-1] == "ROLLBACK"
        server.connections[0].failures.clear()
        insert(database)
        assert len(server.connections) == 1

    def test_so_is_whatever_the_caller_fails_at(self) -> None:
        server = FakeServer()
        with pytest.raises(ValueError, match="mine"), Database(server).transaction():
            raise ValueError("mine")
        assert server.statements == ["BEGIN", "ROLLBACK"]

    def test_a_connection_whose_transaction_cannot_be_ended_is_not_used_again(self) -> None:
        failures: Failures = {"INSERT": DEADLOCK, "ROLLBACK": LOST}
        server = FakeServer(failures)
        database = Database(server)
        with pytest.raises(DatabaseError, match="deadlock"):
            insert(database)
        assert server.connections[0].closed
        server = FakeServer()
        with pytest.raises(KeyboardInterrupt), Database(server).transaction():
            raise KeyboardInterrupt
        assert server.connections[0].closed
