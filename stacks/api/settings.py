"""What the function is told by its environment, and the connection that is opened with it.

No password is in the environment, which everybody may read who may look at the function: it is in a secret of Secrets
Manager, as JSON with ``username`` and ``password``, which the function's role alone may read.
"""

import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pg8000.native
from pg8000.exceptions import DatabaseError

from database import Connection, sql_state

__all__ = ["BadSettings", "Connector", "Credentials", "Settings"]

_REFUSED = frozenset({"28000", "28P01", "08P01"})
"""SQLSTATE of a role or password that is not accepted; the last is PgBouncer's for that and more."""
_KEEPALIVE_SECONDS = 60
"""Load balancers and networks forget a silent connection after 350."""


class BadSettings(ValueError):
    """The function's environment or its secret lacks something: a mistake of the deployment."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the database is reached, and how."""

    host: str
    port: int
    server_name: str
    """The name in the server's certificate. The load balancer's own is not in it."""
    ca: str
    """The certificates, as PEM, of who signed it."""
    database: str
    secret: str
    """The secret's ARN."""
    timeout_seconds: float
    """For each answer of the server."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings from environment variables.

        Raises:
            BadSettings: One is missing or wrong.
        """
        names = ("HOST", "SERVER_NAME", "CA", "NAME", "SECRET")
        missing = [f"DATABASE_{name}" for name in names if not environment.get(f"DATABASE_{name}")]
        if missing:
            raise BadSettings(f"expected the environment variables {', '.join(missing)}, found nothing")
        try:
            port = int(environment.get("DATABASE_PORT", "6432"))
            timeout = float(environment.get("DATABASE_TIMEOUT_SECONDS", "3"))
        except ValueError as error:
            raise BadSettings(f"expected numbers in DATABASE_PORT and DATABASE_TIMEOUT_SECONDS: {error}") from None
        host, name, ca, database, secret = (environment[f"DATABASE_{one}"] for one in names)
        return cls(host, port, name, ca, database, secret, timeout)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whom the function logs in as."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


def read_secret(arn: str) -> Credentials:
    """The credentials in a secret.

    Raises:
        BadSettings: It holds none; what it holds is not shown.
    """
    # Both are in Lambda's runtime, and needed nowhere else. Where there is no way to Secrets Manager, this fails before
    # the initialization may take no longer, instead of after minutes.
    patience: Any = import_module("botocore.config").Config(
        connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2}
    )
    manager: Any = import_module("boto3").client("secretsmanager", config=patience)
    return parse_secret(manager.get_secret_value(SecretId=arn)["SecretString"])


def parse_secret(text: str) -> Credentials:
    """The credentials in a secret's text.

    Raises:
        BadSettings: It holds none; what it holds is not shown.
    """
    try:
        held: Any = json.loads(text)
        return Credentials(held["username"], held["password"])
    except (ValueError, KeyError, TypeError):
        raise BadSettings("expected the secret to be JSON with username and password") from None


class Connector:
    """Opens connections, with the credentials that it has read once.

    Args:
        settings: Where to, and how.
        read: Reads the credentials.
    """

    def __init__(self, settings: Settings, read: Callable[[str], Credentials] = read_secret) -> None:
        self._settings = settings
        self._read = read
        self._tls = ssl.create_default_context(cadata=settings.ca)
        self._credentials = read(settings.secret)

    def __call__(self) -> Connection:
        """A new connection.

        A password that is refused may be that of yesterday: the secret is read again, once.
        """
        try:
            return self._open(self._credentials)
        except DatabaseError as error:
            if sql_state(error) not in _REFUSED:
                raise
            current = self._read(self._settings.secret)
            if current == self._credentials:
                raise
            self._credentials = current
            return self._open(current)

    def _open(self, credentials: Credentials) -> Connection:
        settings = self._settings
        link = socket.create_connection((settings.host, settings.port), settings.timeout_seconds)
        try:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)
            # The host is whom the certificate has to name; the connection itself is open already.
            return pg8000.native.Connection(
                credentials.username,
                host=settings.server_name,
                database=settings.database,
                password=credentials.password,
                ssl_context=self._tls,
                application_name="orders-api",
                sock=link,
            )
        except BaseException:
            link.close()
            raise
