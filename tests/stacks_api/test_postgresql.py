"""The function against a real PostgreSQL, straight and through the pool as the component deploys it."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from database import Connection, Database, Unavailable
from proofs.postgresql.deployed import POOL_PORT, SERVICE_NAME, document
from proofs.postgresql.servers import ROLE, Servers, serving_servers
from routes import Api
from settings import Connector, Credentials, Settings
from tests.servers import require_servers
from tests.stacks_api.test_routes import event

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "stacks" / "api" / "schema.sql"
Opener = Callable[[Connector], Database]


@dataclass(frozen=True)
class Running:
    servers: Servers
    places: Mapping[str, tuple[str, int, str]]
    """By program: address, port, and the name in its certificate."""

    @property
    def password(self) -> str:
        return self.servers.password

    def psql(self, sql: str) -> str:
        return self.servers.postgresql.psql(sql)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    require_servers()
    with serving_servers() as servers:
        own = servers.postgresql
        own.load(SCHEMA, role=ROLE)
        with servers.pool(servers.deployed(document())) as replicas:
            postgresql = own.addresses[0], own.port, own.addresses[0]
            pgbouncer = replicas[0].address, POOL_PORT, SERVICE_NAME
            yield Running(servers, {"postgresql": postgresql, "pgbouncer": pgbouncer})


@pytest.fixture(params=["postgresql", "pgbouncer"])
def program(request: pytest.FixtureRequest) -> str:
    return request.param


def environment(running: Running, program: str, **given: str) -> dict[str, str]:
    host, port, name = running.places[program]
    told = {"HOST": host, "PORT": str(port), "SERVER_NAME": name, "CA": running.servers.authority.file.read_text()}
    named = {**told, "NAME": "orders", "SECRET": "arn:of:the:secret", **given}
    return {f"DATABASE_{name}": value for name, value in named.items()}


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Databases whose connections are closed in the end."""
    every: list[Database] = []

    def make(connector: Connector) -> Database:
        every.append(Database(connector))
        return every[-1]

    yield make
    for database in every:
        database.close()


def connector(running: Running, program: str, **given: str) -> Connector:
    def read(arn: str) -> Credentials:
        assert arn == "arn:of:the:secret"
        return Credentials(ROLE, running.password)

    return Connector(Settings.from_environment(environment(running, program, **given)), read)


def order(**given: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "item": "Grüner Tee 'x' :y", "quantity": 2, **given}


def insert(database: Database, order_id: str, then: Callable[[Connection], Any]) -> None:
    with database.transaction() as connection:
        connection.run("INSERT INTO orders VALUES (CAST(:id AS uuid), 'tea', 1)", id=order_id)
        then(connection)


def asked(api: Api, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = api.answer(event(method, path, body), "request-1")
    return answer["statusCode"], json.loads(answer["body"])


class TestOrders:
    def test_an_order_is_stored_once_and_found(self, running: Running, opened: Opener, program: str) -> None:
        database = opened(connector(running, program))
        api, sent = Api(database, "on-demand"), order()
        assert asked(api, "POST", "/orders", sent) == (201, sent)
        assert asked(api, "POST", "/orders", sent) == (200, sent)
        assert asked(api, "POST", "/orders", {**sent, "quantity": 3})[0] == 409
        assert asked(api, "GET", f"/orders/{sent['id']}") == (200, sent)
        assert asked(api, "GET", f"/orders/{uuid.uuid4()}")[0] == 404
        assert running.psql(f"SELECT count(*), sum(quantity) FROM orders WHERE id = '{sent['id']}'") == "1|2"
        assert database.opened == 1

    def test_a_transaction_that_fails_leaves_nothing_and_the_connection_is_used_again(
        self, running: Running, opened: Opener, program: str
    ) -> None:
        database = opened(connector(running, program))
        api, sent = Api(database, "on-demand"), order()
        with pytest.raises(DatabaseError, match="division by zero"):
            insert(database, sent["id"], lambda connection: connection.run("SELECT 1 / 0"))
        assert asked(api, "POST", "/orders", sent)[0] == 201
        assert database.opened == 1

    def test_the_role_may_do_no_more_than_it_needs(self, running: Running, opened: Opener) -> None:
        database = opened(connector(running, "postgresql"))
        with pytest.raises(Exception, match="permission denied"), database.transaction() as connection:
            connection.run("DELETE FROM orders")


# pg8000 leaves the socket of a dead connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestDeadConnections:
    def killed(self, running: Running) -> None:
        running.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orders'")

    def test_one_that_the_server_ended_is_replaced(self, running: Running, opened: Opener, program: str) -> None:
        database = opened(connector(running, program))
        api, sent = Api(database, "on-demand"), order()
        assert asked(api, "POST", "/orders", sent)[0] == 201
        self.killed(running)
        assert asked(api, "GET", f"/orders/{sent['id']}") == (200, sent)

    def test_one_that_ends_within_a_transaction_changes_nothing(
        self, running: Running, opened: Opener, program: str
    ) -> None:
        database = opened(connector(running, program))
        api, sent = Api(database, "on-demand"), order()

        def killed(connection: Connection) -> None:
            self.killed(running)
            connection.run("SELECT 1")

        with pytest.raises(Unavailable):
            insert(database, sent["id"], killed)
        assert asked(api, "GET", f"/orders/{sent['id']}")[0] == 404
        assert database.opened == 2


class TestConnecting:
    def test_traffic_is_encrypted(self, running: Running, opened: Opener) -> None:
        database = opened(connector(running, "postgresql"))
        with database.transaction() as connection:
            rows = connection.run("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert rows[0][0] is True
        assert rows[0][1] in {"TLSv1.2", "TLSv1.3"}

    @pytest.mark.parametrize("name", ["127.0.0.1", "k8s-orders.elb.us-east-1.amazonaws.com"])
    def test_a_server_of_another_name_is_refused(
        self, running: Running, opened: Opener, program: str, name: str
    ) -> None:
        with pytest.raises(Unavailable) as raised:
            opened(connector(running, program, SERVER_NAME=name)).open()
        assert "certificate verify failed" in str(raised.value.__cause__)

    def test_so_is_one_of_another_authority(
        self, running: Running, opened: Opener, program: str, tmp_path: Path
    ) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt"), "-subj", "/CN=other"]
        subprocess.run([*command, *files], check=True, capture_output=True)
        with pytest.raises(Unavailable) as raised:
            opened(connector(running, program, CA=(tmp_path / "crt").read_text())).open()
        assert "certificate verify failed" in str(raised.value.__cause__)

    def test_a_password_that_has_changed_is_read_again(self, running: Running, opened: Opener, program: str) -> None:
        held = ["yesterday's", running.password, running.password]
        secrets = iter(held)
        settings = Settings.from_environment(environment(running, program))
        database = opened(Connector(settings, lambda _: Credentials("orders", next(secrets))))
        database.open()
        assert list(secrets) == [running.password], "once more, and not twice"

    def test_one_that_stays_wrong_is_told_without_being_shown(
        self, running: Running, opened: Opener, program: str
    ) -> None:
        settings = Settings.from_environment(environment(running, program))
        database = opened(Connector(settings, lambda _: Credentials("orders", "wrong horse")))
        with pytest.raises(Unavailable) as raised:
            database.open()
        assert "wrong horse" not in repr(raised.value.__cause__)


class TestEntryPoint:
    """app.py as Lambda loads it, in a process of its own, with stand-ins for boto3 and botocore."""

    BOTO3 = """\
import json

class Secrets:
    def get_secret_value(self, SecretId):
        assert SecretId == "arn:of:the:secret"
        return {"SecretString": json.dumps({"username": "orders", "password": %r})}

def client(name, config):
    assert name == "secretsmanager"
    worst = (config["connect_timeout"] + config["read_timeout"]) * config["retries"]["total_max_attempts"]
    assert worst < 10, "the longest that an initialization may take"
    return Secrets()
"""

    def run(self, running: Running, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        (folder / "boto3.py").write_text(self.BOTO3 % running.password)
        (folder / "botocore").mkdir()
        (folder / "botocore" / "config.py").write_text("Config = dict\n")
        (folder / "main.py").write_text(
            "import json, sys, types\n"
            "import app\n"
            "context = types.SimpleNamespace(aws_request_id='request-1')\n"
            "print(json.dumps(app.handler(json.loads(sys.stdin.read()), context)))\n"
        )
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'stacks' / 'api'}:{folder}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency",
            **variables,
        }
        sent = json.dumps(event("POST", "/orders", order()))
        return subprocess.run(
            [sys.executable, "main.py"],
            cwd=folder,
            input=sent,
            env=variables,
            text=True,
            capture_output=True,
            check=False,
        )

    def test_a_request_is_answered_on_a_connection_that_was_opened_before(
        self, running: Running, program: str, tmp_path: Path
    ) -> None:
        done = self.run(running, tmp_path, environment(running, program))
        logged, answer = (json.loads(line) for line in done.stdout.splitlines())
        assert answer["statusCode"] == 201
        assert (logged["initialization_type"], logged["connections_opened"]) == ("provisioned-concurrency", 1)

    def test_an_instance_starts_while_the_database_is_away(self, running: Running, tmp_path: Path) -> None:
        done = self.run(running, tmp_path, environment(running, "pgbouncer", PORT="1"))
        started, _, _, answer = (json.loads(line) for line in done.stdout.splitlines())
        assert (started["level"], started["message"]) == ("warning", "no connection yet")
        assert answer["statusCode"] == 503

    def test_a_setting_that_is_missing_ends_the_start(self, running: Running, tmp_path: Path) -> None:
        done = self.run(running, tmp_path, environment(running, "pgbouncer", CA=""))
        assert "BadSettings: expected the environment variables DATABASE_CA, found nothing" in done.stderr
