"""How clients use connections to a destination: which way, how many, how long."""

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from pydantic import Field, field_validator, model_validator

from loadfit.core.exact import exact
from loadfit.core.limits import NAT_IDLE_TIMEOUT
from loadfit.core.model import MAX_COUNT, MAX_RATE, MAX_SECONDS, Declared, problem_error
from loadfit.core.problems import shown

__all__ = ["ClosedBy", "Destination", "Protocol", "Traffic", "Via"]

MAX_PORT = 65_535


class Protocol(str, Enum):
    """The transport of a flow; NAT ports of different protocols do not count against each other."""

    TCP = "tcp"
    UDP = "udp"


class Via(str, Enum):
    """The way that a flow takes out of the VPC."""

    NAT = "nat"
    GATEWAY_ENDPOINT = "gateway_endpoint"
    """An S3 or DynamoDB gateway endpoint: no NAT port, no charge."""
    INTERFACE_ENDPOINT = "interface_endpoint"
    """An interface endpoint (PrivateLink): no NAT port."""
    IPV6 = "ipv6"
    """The egress-only internet gateway: no NAT, no port."""


class ClosedBy(str, Enum):
    """Who ends an idle connection."""

    CLIENT = "client"
    """The client closes it; its port then cools down."""
    NAT_TIMEOUT = "nat_timeout"
    """Nobody: the gateway forgets it after 350 seconds, and the port is free at once (assumption)."""


@dataclass(frozen=True, slots=True)
class Destination:
    """What NAT ports are counted against: host and port and protocol."""

    host: str
    port: int
    protocol: Protocol

    def __str__(self) -> str:
        return f"{self.host}:{self.port}{'/udp' if self.protocol is Protocol.UDP else ''}"


_DESTINATION = re.compile(
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_*](?:[A-Za-z0-9_.*-]*[A-Za-z0-9_])?\.?):(?P<port>[0-9]{1,5})"
)


class Traffic(Declared):
    """How pods use connections to one destination.

    They hold them open (``connections_per_pod``) or open them again and again (``new_connections_per_second_per_pod``).
    """

    to: str = Field(max_length=300)
    """The destination as host:port, such as api.stripe.com:443."""
    protocol: Protocol | None = Field(default=None)
    """tcp where not declared."""
    via: Via | None = Field(default=None)
    """The way out; through the NAT gateway where not declared."""
    addresses: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Distinct addresses behind the destination's name that clients use at the same time; 1, the worst case, where not
    declared."""
    connections_per_pod: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Connections that each pod holds open at its peak, not on average."""
    new_connections_per_second_per_pod: float | None = Field(default=None, gt=0, le=MAX_RATE)
    """Connections that each pod opens per second at its peak."""
    connection_duration_ms: float | None = Field(default=None, ge=0, le=MAX_SECONDS * 1000)
    """From opening a connection to the last byte on it, mean, in milliseconds."""
    idle_timeout_seconds: float | None = Field(default=None, ge=0, le=MAX_SECONDS)
    """How long the client keeps a connection open that it no longer uses, in seconds; 0 if it closes at once. Counted
    to at most 350, the gateway's own time-out, which is also what is assumed where nothing is declared."""
    closed_by: ClosedBy | None = Field(default=None)
    """Who ends a connection; the client where not declared."""
    requests_per_connection: float | None = Field(default=None, ge=1, le=MAX_RATE)
    """Requests that one connection carries today. Changes no size; with it, sizing says what more reuse would save."""

    @field_validator("to")
    @classmethod
    def _is_destination(cls, to: str) -> str:
        found = _DESTINATION.fullmatch(to)
        if found is None or not 1 <= int(found["port"]) <= MAX_PORT:
            raise problem_error("a destination as host:port with a port from 1 to 65535", shown(to))
        return to

    @model_validator(mode="after")
    def _held_or_churning(self) -> "Traffic":
        held, rate = self.connections_per_pod, self.new_connections_per_second_per_pod
        held_field, rate_field = (
            type(self).model_fields[name].alias or name
            for name in ("connections_per_pod", "new_connections_per_second_per_pod")
        )
        if (held is None) == (rate is None):
            raise problem_error(
                f"either {held_field} (held open) or {rate_field} (opened again and again)",
                "both" if held is not None else "neither",
                "" if held is not None else "Declare one of them.",
            )
        if held is not None:
            for name in ("connection_duration_ms", "idle_timeout_seconds", "closed_by", "requests_per_connection"):
                if getattr(self, name) is not None:
                    raise problem_error(
                        f"no such field beside {held_field}",
                        shown(getattr(self, name)),
                        f"It goes with {rate_field}.",
                        at=(name,),
                    )
        elif self.connection_duration_ms is None:
            raise problem_error(
                'the field "connection_duration_ms"',
                "nothing",
                "Beside a rate of new connections, say how long one is in use.",
                at=("connection_duration_ms",),
            )
        if self.uses_nat and self.to.startswith("["):
            raise problem_error(
                "ipv6: NAT gateways translate IPv4 addresses",
                shown(self.to),
                "Declare via: ipv6, or the destination's name or IPv4 address.",
                at=("via",),
            )
        if self.closed_by is ClosedBy.NAT_TIMEOUT and self.idle_timeout_seconds is not None:
            raise problem_error(
                "no idle time-out where the gateway ends the connections: its own is fixed at 350 seconds",
                f"{self.idle_timeout_seconds:g}",
                "Leave idle_timeout_seconds out.",
                at=("idle_timeout_seconds",),
            )
        return self

    @property
    def destination(self) -> Destination:
        """What the flow's ports are counted against; spellings of one host are one destination."""
        host, _, port = self.to.rpartition(":")
        return Destination(host.lower().rstrip("."), int(port), self.protocol or Protocol.TCP)

    @property
    def uses_nat(self) -> bool:
        """Whether the flow takes NAT ports."""
        return (self.via or Via.NAT) is Via.NAT

    @property
    def open_seconds(self) -> Fraction:
        """How long a churning connection is open: in use and idle."""
        idle = NAT_IDLE_TIMEOUT.value
        if self.closed_by is not ClosedBy.NAT_TIMEOUT and self.idle_timeout_seconds is not None:
            idle = min(exact(self.idle_timeout_seconds), idle)
        return exact(self.connection_duration_ms or 0) / 1000 + idle

    def held_connections_per_pod(self) -> Fraction | int:
        """Connections that a pod has open at its peak (Little's law for churning ones)."""
        if self.connections_per_pod is not None:
            return self.connections_per_pod
        return exact(self.new_connections_per_second_per_pod or 0) * self.open_seconds

    def ports_per_pod(self, cooldown_seconds: Fraction) -> Fraction | int:
        """NAT ports that a pod takes: open connections, and closed ones whose port still cools down.

        Args:
            cooldown_seconds: How long a port stays taken after the client has closed, in seconds.
        """
        if self.connections_per_pod is not None:
            return self.connections_per_pod
        cooling = 0 if self.closed_by is ClosedBy.NAT_TIMEOUT else cooldown_seconds
        return exact(self.new_connections_per_second_per_pod or 0) * (self.open_seconds + cooling)
