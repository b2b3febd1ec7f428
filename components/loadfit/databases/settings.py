"""The settings of PgBouncer: since which version each is known, and which of them are not free to choose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loadfit.core.paths import Path
from loadfit.core.problems import Problem, nearest, printable, shown

__all__ = [
    "DEFAULT_VERSION",
    "FLOOR",
    "OLDEST",
    "PEERING",
    "PREPARED_STATEMENTS",
    "SECURE",
    "SETTINGS",
    "Version",
    "setting_problems",
]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of PgBouncer.

    Example:
        >>> Version.parse("1.25.2") < Version.parse("1.26")
        True
        >>> str(Version.parse("1.26"))
        '1.26.0'
    """

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """The version that a text is; ``None`` where it is none."""
        found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", text, re.ASCII)
        return cls(*(int(number or 0) for number in found.groups())) if found else None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Version(1, 18)
"""The oldest version that a configuration is rendered for: Debian bookworm's."""
FLOOR = Version(1, 25, 2)
"""The oldest version that is deployed: before it, an unauthenticated client can crash PgBouncer (CVE-2026-6664).
https://www.pgbouncer.org/changelog.html#pgbouncer-125x"""
SECURE = Version(1, 26, 1)
"""The oldest version without a known hole. Before it, whoever knows one password of the user list can log in as any
other user of it (CVE-2026-107350), and an unauthenticated client can stop PgBouncer (CVE-2026-107349, CVE-2026-19888,
CVE-2026-6668). https://access.crunchydata.com/documentation/pgbouncer/1.26.1/news/"""
DEFAULT_VERSION = SECURE
"""What is rendered for where no version is declared."""
PEERING = Version(1, 19)
"""Since when replicas pass cancel requests on to one another."""
PREPARED_STATEMENTS = Version(1, 21)
"""Since when prepared statements of the protocol work in transaction mode."""
PER_USER_POOLS = Version(1, 23)
"""Since when a user's pool has a size of its own."""

_EARLIER = Version(1, 0)
"""Known at least since :data:`OLDEST`."""

SETTINGS: Mapping[str, Version] = {
    **dict.fromkeys(
        (
            "application_name_add_host",
            "auth_file",
            "auth_hba_file",
            "auth_query",
            "auth_type",
            "auth_user",
            "admin_users",
            "autodb_idle_timeout",
            "client_idle_timeout",
            "client_login_timeout",
            "client_tls_ca_file",
            "client_tls_cert_file",
            "client_tls_ciphers",
            "client_tls_dheparams",
            "client_tls_ecdhcurve",
            "client_tls_key_file",
            "client_tls_protocols",
            "client_tls_sslmode",
            "conffile",
            "default_pool_size",
            "disable_pqexec",
            "dns_max_ttl",
            "dns_nxdomain_ttl",
            "dns_zone_check_period",
            "idle_transaction_timeout",
            "ignore_startup_parameters",
            "job_name",
            "listen_addr",
            "listen_backlog",
            "listen_port",
            "log_connections",
            "log_disconnections",
            "log_pooler_errors",
            "log_stats",
            "logfile",
            "max_client_conn",
            "max_db_connections",
            "max_packet_size",
            "max_user_connections",
            "min_pool_size",
            "pidfile",
            "pkt_buf",
            "pool_mode",
            "query_timeout",
            "query_wait_timeout",
            "reserve_pool_size",
            "reserve_pool_timeout",
            "resolv_conf",
            "sbuf_loopcnt",
            "server_check_delay",
            "server_check_query",
            "server_connect_timeout",
            "server_fast_close",
            "server_idle_timeout",
            "server_lifetime",
            "server_login_retry",
            "server_reset_query",
            "server_reset_query_always",
            "server_round_robin",
            "server_tls_ca_file",
            "server_tls_cert_file",
            "server_tls_ciphers",
            "server_tls_key_file",
            "server_tls_protocols",
            "server_tls_sslmode",
            "so_reuseport",
            "stats_period",
            "stats_users",
            "syslog",
            "syslog_facility",
            "syslog_ident",
            "tcp_defer_accept",
            "tcp_keepalive",
            "tcp_keepcnt",
            "tcp_keepidle",
            "tcp_keepintvl",
            "tcp_socket_buffer",
            "tcp_user_timeout",
            "unix_socket_dir",
            "unix_socket_group",
            "unix_socket_mode",
            "user",
            "verbose",
        ),
        _EARLIER,
    ),
    "auth_dbname": Version(1, 19),
    "cancel_wait_timeout": Version(1, 19),
    "peer_id": PEERING,
    "track_extra_parameters": Version(1, 20),
    "max_prepared_statements": PREPARED_STATEMENTS,
    "auth_ident_file": Version(1, 23),
    "max_db_client_connections": Version(1, 24),
    "max_user_client_connections": Version(1, 24),
    "auth_ldap_options": Version(1, 25),
    "client_tls13_ciphers": Version(1, 25),
    "query_wait_notify": Version(1, 25),
    "scram_iterations": Version(1, 25),
    "server_tls13_ciphers": Version(1, 25),
    "transaction_timeout": Version(1, 25),
    "login_notify_message": Version(1, 26),
    "pool_idle_timeout": Version(1, 26),
}
"""Every setting of the section [pgbouncer], and the version that brought it.

https://www.pgbouncer.org/config.html and https://www.pgbouncer.org/changelog.html; those of 1.18 as Debian's package
has them. Where the changelog leaves open which of two versions brought a setting, it is the later one here.
"""

_SIZES = frozenset(
    {"default_pool_size", "max_client_conn", "max_db_connections", "max_user_connections", "min_pool_size"}
    | {"reserve_pool_size", "reserve_pool_timeout"}
)
_WIRING = frozenset(
    {name for name in SETTINGS if name.startswith(("auth_", "client_tls_", "server_tls_", "syslog", "unix_socket_"))}
    - {name for name in SETTINGS if name.endswith(("_ciphers", "_protocols"))}
    | {"admin_users", "conffile", "job_name", "listen_addr", "listen_port", "logfile", "peer_id", "pidfile"}
    | {"pool_mode", "resolv_conf", "server_round_robin", "so_reuseport", "user"}
)


def setting_problems(settings: Mapping[str, str], path: Path) -> list[Problem]:
    """What is wrong with settings that a user chose: PgBouncer itself tells it only when it starts.

    Args:
        settings: Values by the name of their setting.
        path: Where they were declared.
    """
    problems: list[Problem] = []
    for name, value in settings.items():
        at = (*path, name)
        if name in _SIZES:
            problems.append(Problem(at, "no size", shown(value), f"{name} is computed: declare what it follows from."))
        elif name in _WIRING:
            problems.append(Problem(at, "no such choice", shown(value), f"{name} is set by the component."))
        elif name not in SETTINGS:
            meant = nearest(name, SETTINGS)
            problems.append(
                Problem(
                    at,
                    "a setting of PgBouncer",
                    f'the unknown setting "{printable(name)}"',
                    f'Did you mean "{meant}"?'
                    if meant
                    else "They are listed at https://www.pgbouncer.org/config.html.",
                )
            )
        elif not value.isprintable():
            problems.append(Problem(at, "one line of text", shown(value)))
        elif name == "query_wait_timeout" and not _positive(value):
            problems.append(
                Problem(at, "more than 0 seconds", shown(value), "With 0, clients of a stuck database wait for ever.")
            )
    return problems


def _positive(value: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", value.strip(), re.ASCII)) and float(value) > 0
