"""What a pool is connected to and how: the inputs besides the load, with their defaults, and what of them cannot be.

Values that are known only after deployment pass through unseen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NotRequired, TypedDict

from loadfit.core.problems import InvalidLoad, Problem, shown
from loadfit.databases.config import POOL_PORT, ClientTls, PoolChoices, ServerTls
from loadfit.databases.drain import LOAD_BALANCER_SECONDS, PoolDrain, plan_drain
from loadfit.databases.features import session_problems
from loadfit.databases.images import EXPORTER_IMAGE, PGBOUNCER_IMAGE, image_problems, image_version
from loadfit.databases.load_balancer import keepalive_problems, load_balancer_problems
from loadfit.databases.plan import DatabasePlan
from loadfit.databases.settings import FLOOR, SECURE, SETTINGS, Version, setting_problems

__all__ = [
    "RDS_CA_FILE",
    "ClientPods",
    "Endpoint",
    "PoolMonitoring",
    "PoolWiring",
    "endpoint_problems",
    "parse_endpoint",
    "userlist",
]

RDS_CA_FILE = "global-bundle.pem"
_RDS_CA = f"https://truststore.pki.rds.amazonaws.com/global/{RDS_CA_FILE}"
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html"""
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?")
"""A Service's name begins with a letter. At most 50 characters, because Kubernetes appends to it in labels of 63."""
_IDENTIFIER_BYTES = 63
"""https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS"""


class PoolMonitoring(str, Enum):
    """What is made to watch the pool."""

    NONE = "none"
    """Nothing."""
    EXPORTER = "exporter"
    """The metrics exporter, and the dashboard in a ConfigMap that Grafana's sidecar finds."""
    OPERATOR = "operator"
    """The same with a ServiceMonitor and alerts, for which the cluster needs the Prometheus operator's definitions."""


class ClientPods(TypedDict):
    """Pods that may connect to the pool."""

    namespace: NotRequired[str]
    """Their namespace; the pool's own where not given."""
    labels: NotRequired[Mapping[str, str]]
    """Their labels; all pods of the namespace where not given."""


class PoolWiring:
    """A component's inputs besides the load.

    Args:
        name: The component's.
        args: Its inputs, of the form that they are declared in.
        plan: Of its load.
    """

    def __init__(self, name: str, args: Mapping[str, Any], plan: DatabasePlan) -> None:
        self.name = name
        self.args = args
        self.plan = plan
        self.namespace: Any = args.get("namespace", "default")
        self.database: str = args.get("database_name", plan.name)
        self.server_tls: ServerTls = args.get("server_tls", ServerTls.VERIFY_FULL)
        self.client_tls: ClientTls = args.get("client_tls", ClientTls.REQUIRE)
        self.monitoring: PoolMonitoring = args.get("monitoring", PoolMonitoring.EXPORTER)
        self.image: str = args.get("image", PGBOUNCER_IMAGE)
        self.exporter_image: str = args.get("exporter_image", EXPORTER_IMAGE)
        self.settings: Mapping[str, str] = args.get("settings") or {}
        self.client_pods: Sequence[ClientPods] = args.get("client_pods") or []
        self.monitoring_labels: Mapping[str, Any] = args.get("monitoring_labels") or {}
        self.passwords: Mapping[str, Any] = args.get("passwords") or {}
        self.load_balancer: Mapping[str, Any] | None = args.get("load_balancer")
        self.drain, self._drain_problems = plan_drain(
            plan, args.get("drain") or PoolDrain(), ("drain",), load_balanced=self.load_balancer is not None
        )

    @property
    def version(self) -> Version:
        """The PgBouncer that reads the configuration."""
        return image_version(self.image) or Version.parse(self.args.get("pgbouncer_version", "")) or FLOOR

    def choices(self, endpoint: "Endpoint", peers: Sequence[str]) -> PoolChoices:
        """What the configuration is rendered with besides the plan."""
        return PoolChoices(
            database=self.database,
            host=endpoint.host,
            port=endpoint.port,
            peers=peers,
            version=self.version,
            server_tls=self.server_tls,
            client_tls=self.client_tls,
            settings=self.settings,
        )

    def url(self, host: str) -> str:
        """What clients connect to, without a password; with the role where there is only one."""
        pools = self.plan.pools
        role = f"{_escaped(pools[0].user)}@" if len(pools) == 1 else ""
        return f"postgresql://{role}{host}:{POOL_PORT}/{_escaped(self.database)}?sslmode={self.client_tls.value}"

    def problems(self) -> list[Problem]:
        """What does not go with the load, or would be refused only when PgBouncer starts."""
        return [
            *self._name_problems(),
            *self._load_problems(),
            *endpoint_problems(self.args["endpoint"]),
            *self._credential_problems(),
            *self._server_tls_problems(),
            *self._client_tls_problems(),
            *self._image_problems(),
            *self._drain_problems,
            *setting_problems(self.settings, ("settings",)),
            *session_problems(self.args.get("session_features") or [], ("session_features",)),
            *self._load_balancer_problems(),
            *self._monitoring_problems(),
        ]

    def _name_problems(self) -> list[Problem]:
        problems: list[Problem] = []
        if not _NAME.fullmatch(self.name):
            expected = "at most 50 lower-case letters, digits and dashes, the first a letter"
            problems.append(Problem(("name",), expected, shown(self.name), "Services and pods are named after it."))
        if self.database == "pgbouncer":
            way_out = "PgBouncer keeps that name for its own administration."
            problems.append(Problem(("database_name",), "another name", '"pgbouncer"', way_out))
        elif not self.database or not self.database.isprintable() or len(self.database.encode()) > _IDENTIFIER_BYTES:
            problems.append(Problem(("database_name",), "a database's name", shown(self.database)))
        return problems

    def _load_problems(self) -> list[Problem]:
        if self.plan.pools:
            return []
        way_out = "Leave the component out, or let a group of clients go through the pool."
        return [Problem(("load", "pooled"), "clients that go through PgBouncer", "none", way_out)]

    def _credential_problems(self) -> list[Problem]:
        given = [name for name in ("credentials", "passwords") if name in self.args]
        if len(given) != 1:
            expected = "the name of a Secret, or instead of it passwords"
            return [Problem(("credentials",), expected, "both" if given else "neither")]
        if "credentials" in self.args:
            return []
        missing = [
            Problem(("passwords", pool.user), "the role's password", "nothing", "Declared clients log in as it.")
            for pool in self.plan.pools
            if pool.user not in self.passwords
        ]
        known = {role: password for role, password in self.passwords.items() if isinstance(password, str)}
        return missing + _password_problems(known)

    def _server_tls_problems(self) -> list[Problem]:
        given = [name for name in ("server_ca", "server_ca_config_map") if name in self.args]
        if self.server_tls is ServerTls.DISABLE:
            return [Problem((name,), "none: server_tls is disable", "one") for name in given]
        if not given:
            way_out = f"For RDS pass the text of {_RDS_CA}, or the name of a ConfigMap in server_ca_config_map."
            expected = f"the authority that signed the database's certificate, for server_tls {self.server_tls.value}"
            return [Problem(("server_ca",), expected, "nothing", way_out)]
        if "server_ca" not in given:
            return []
        if "server_ca_config_map" in given:
            return [Problem(("server_ca",), "either server_ca or server_ca_config_map", "both")]
        text = self.args["server_ca"]
        if isinstance(text, str) and "-----BEGIN CERTIFICATE-----" not in text:
            return [Problem(("server_ca",), "certificates as PEM text", shown(text), f"For RDS: {_RDS_CA}.")]
        return []

    def _client_tls_problems(self) -> list[Problem]:
        given = "client_tls_secret" in self.args
        if self.client_tls is ClientTls.DISABLE and given:
            return [Problem(("client_tls_secret",), "none: client_tls is disable", "one")]
        if self.client_tls is not ClientTls.DISABLE and not given:
            way_out = "cert-manager makes one; where the network itself encrypts, choose client_tls: disable."
            expected = "a Secret with the pool's certificate (tls.crt, tls.key)"
            return [Problem(("client_tls_secret",), expected, "nothing", way_out)]
        return []

    def _image_problems(self) -> list[Problem]:
        problems = image_problems(self.image, ("image",))
        told, declared = image_version(self.image), self.args.get("pgbouncer_version")
        if declared is not None:
            version, at = Version.parse(declared), ("pgbouncer_version",)
            if version is None:
                problems.append(Problem(at, "a version, such as 1.26.1", shown(declared)))
            elif told not in (None, version):
                problems.append(Problem(at, f"{told}, as the image's tag says", shown(declared)))
            elif version < FLOOR:
                way_out = f"Versions before {FLOOR} have known security holes."
                problems.append(Problem(at, f"version {FLOOR} or later", shown(declared), way_out))
        if self.monitoring is not PoolMonitoring.NONE:
            problems += image_problems(self.exporter_image, ("exporter_image",), floor=None)
        return problems

    def _load_balancer_problems(self) -> list[Problem]:
        if self.load_balancer is None:
            return []
        return [
            *load_balancer_problems(self.load_balancer, ("load_balancer",)),
            *keepalive_problems(self.settings, ("settings",)),
        ]

    def _monitoring_problems(self) -> list[Problem]:
        if self.monitoring is not PoolMonitoring.NONE:
            return []
        return [
            Problem((name,), "nothing: monitoring is none", "a value")
            for name in ("exporter_image", "monitoring_labels")
            if name in self.args
        ]

    def warnings(self) -> list[str]:
        """What is allowed and may not be meant."""
        version = self.version
        sentences: list[str] = []
        if version < SECURE:
            holes = "CVE-2026-107350, CVE-2026-107349 and others"
            sentences.append(f"image: PgBouncer {version} has known security holes ({holes}) that {SECURE} closes")
        if self.load_balancer is not None and self.drain.endpoint_seconds < LOAD_BALANCER_SECONDS:
            seen = (
                f"a load balancer opens connections to a replica that stops for up to {LOAD_BALANCER_SECONDS} seconds"
            )
            found = f"after {self.drain.endpoint_seconds} they are refused"
            sentences.append(f"drain.endpoint_seconds: {seen}; {found}. Leave it out to have it chosen")
        for name in self.settings:
            if SETTINGS[name] > version:
                reason = f"PgBouncer {version} does not know it, it came with {SETTINGS[name]}"
                sentences.append(f"settings.{name}: left out, because {reason}")
        return sentences


_POSTGRESQL_PORT = 5432
_LARGEST_PORT = 65_535
_ENDPOINT = re.compile(r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(:(?P<port>\d{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where PostgreSQL listens."""

    host: str
    port: int


def parse_endpoint(text: str) -> Endpoint:
    """An endpoint from ``host:port`` or ``host``.

    Raises:
        InvalidLoad: It is neither.

    Example:
        >>> parse_endpoint("orders.abc.us-east-1.rds.amazonaws.com:5433").port
        5433
    """
    found = _ENDPOINT.fullmatch(text)
    endpoint = Endpoint(found["host"], int(found["port"] or _POSTGRESQL_PORT)) if found else None
    if endpoint is None or not 0 < endpoint.port <= _LARGEST_PORT:
        # A URL may hold a password, which is not shown.
        harmless = "a text with a user in it" if "@" in text else shown(text)
        expected = "host:port or host, without a scheme, user or database"
        raise InvalidLoad([Problem(("endpoint",), expected, harmless)])
    return endpoint


def endpoint_problems(endpoint: object) -> list[Problem]:
    """What is wrong with an endpoint, where it is known already."""
    if isinstance(endpoint, str):
        try:
            parse_endpoint(endpoint)
        except InvalidLoad as error:
            return list(error.problems)
    return []


def userlist(passwords: Mapping[str, str]) -> str:
    """PgBouncer's user list. https://www.pgbouncer.org/config.html#authentication-file-format.

    Raises:
        InvalidLoad: A password cannot stand in it; which one is told, the password is not.
    """
    problems = _password_problems(passwords)
    if problems:
        raise InvalidLoad(problems)
    return "".join(f"{_quoted(role)} {_quoted(password)}\n" for role, password in sorted(passwords.items()))


def _password_problems(passwords: Mapping[str, str]) -> list[Problem]:
    return [
        Problem(("passwords", role), "one line of text", "a password with a line break, or none")
        for role, password in passwords.items()
        if not password or any(character in password for character in "\r\n\0")
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    """A part of a URL. https://www.rfc-editor.org/rfc/rfc3986#section-2.3."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
