"""Pods, a NAT and destinations, each in a network namespace of its own. Imports nothing of loadfit.

The namespaces have no name and no link to the machine's network: they, their links and their rules go with the last
file descriptor of this process, however it ends.
"""

import ctypes
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from ipaddress import ip_address

from proofs.claims import Missing

__all__ = ["DESTINATION_PORT", "Namespace", "Network", "isolate", "versions"]

FIRST_PORT = 1024
"""Of the NAT's range, as a NAT gateway's; pods use other ones, so every port is chosen by the NAT."""
DESTINATION_PORT = 443
FILES = 14_000
"""File descriptors that the largest of the claims needs: both ends of a connection are this process's."""
CLONE_NEWNET = 0x40000000
CLOSING = ("fin_wait", "close_wait", "last_ack", "time_wait", "close")
"""The states of a closing connection; each has a time-out of its own."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def isolate() -> None:
    """Moves this process to an empty network namespace, so that nothing it sends can leave.

    Raises:
        Missing: It is not allowed to, or the tools are missing.
    """
    if sys.platform != "linux":
        raise Missing("It proves on the NAT of a Linux kernel, and this system has another.")
    tools = {"ip": "iproute2", "iptables": "iptables", "conntrack": "conntrack"}
    missing = [package for tool, package in tools.items() if shutil.which(tool) is None]
    if missing:
        raise Missing(f"It needs {' and '.join(missing)}: apt-get install {' '.join(missing)}.")
    try:
        _checked(_libc.unshare(CLONE_NEWNET))
    except OSError as error:
        raise Missing(f"It makes network namespaces, which needs root with CAP_SYS_ADMIN ({error.strerror}).") from None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES:
        raise Missing(f"It holds {FILES:,} files open; the limit is {hard:,} (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # it needs little of a processor, but at the right moment


def versions() -> str:
    """What the proof runs on."""
    command = ["iptables", "--version"]
    iptables = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return f"Linux {os.uname().release}, {iptables}"


class Namespace:
    """A network namespace, which lasts as long as it is open."""

    def __init__(self) -> None:
        own = _own_namespace()
        _checked(_libc.unshare(CLONE_NEWNET))
        self.file = _own_namespace()
        _checked(_libc.setns(own, CLONE_NEWNET))
        os.close(own)

    @contextmanager
    def entered(self) -> Generator[None]:
        """What this thread makes and starts meanwhile belongs to the namespace."""
        own = _own_namespace()
        _checked(_libc.setns(self.file, CLONE_NEWNET))
        try:
            yield
        finally:
            _checked(_libc.setns(own, CLONE_NEWNET))
            os.close(own)

    @property
    def path(self) -> str:
        """How other programs find it."""
        return f"/proc/{os.getpid()}/fd/{self.file}"

    def socket(self) -> socket.socket:
        """A TCP socket that lives in it."""
        with self.entered():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        return made

    def run(self, *command: str, given: str = "") -> str:
        """What a program prints that runs in it.

        Raises:
            Missing: The kernel does not do what it is asked for.
        """
        with self.entered():
            done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(
                f"`{' '.join(command)}` fails here: {(done.stderr.strip() or 'no reason given').splitlines()[0]}"
            )
        return done.stdout

    def set(self, name: str, value: int | str) -> None:
        """Sets a kernel parameter of it."""
        with self.entered(), open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(str(value))

    def close(self) -> None:
        """Gives it up."""
        os.close(self.file)


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Network:
    """Pods behind a NAT, and destinations beyond it."""

    def __init__(
        self, *, pods: int, ports: int, addresses: int = 1, destinations: int = 1, cooldown_seconds: int = 1
    ) -> None:
        """Builds it.

        Args:
            pods: How many.
            ports: The range of each address of the NAT.
            addresses: Of the NAT; new connections take them in turn.
            destinations: How many, each with an address of its own.
            cooldown_seconds: How long the NAT keeps the port of a connection that is closing.
        """
        self.nat = Namespace()
        self.pods = [Namespace() for _ in range(pods)]
        self.destinations = {f"203.0.113.{4 * index + 2}": Namespace() for index in range(destinations)}
        """By their address."""
        ends = {f"10.0.{index}.2": pod for index, pod in enumerate(self.pods)} | self.destinations
        gateways = {address: str(ip_address(address) - 1) for address in ends}
        own = [f"198.51.100.{index + 1}" for index in range(addresses)]
        self._ip(
            self.nat,
            "link set lo up",
            *(f"address add {address}/32 dev lo" for address in own),
            *(
                line
                for number, (address, end) in enumerate(ends.items())
                for line in (
                    f"link add link{number} type veth peer name eth0 netns {end.path}",
                    f"address add {gateways[address]}/30 dev link{number}",
                    f"link set link{number} up",
                )
            ),
        )
        for address, end in ends.items():
            gateway = f"route add default via {gateways[address]}"
            self._ip(end, f"address add {address}/30 dev eth0", "link set eth0 up", gateway)
        for index, address in enumerate(own):
            turns = f"-m statistic --mode nth --packet 0 --every {addresses - index}" if index + 1 < addresses else ""
            rule = f"-A POSTROUTING -s 10.0.0.0/16 -p tcp {turns} -j SNAT --to-source"
            self.nat.run("iptables", "-t", "nat", *rule.split(), f"{address}:{FIRST_PORT}-{FIRST_PORT + ports - 1}")
        self.nat.set("ipv4/ip_forward", 1)
        for state in CLOSING:
            self.nat.set(f"netfilter/nf_conntrack_tcp_timeout_{state}", cooldown_seconds)
        for pod in self.pods:
            # What the proof has closed leaves the pod soon, so that the namespaces go when the proof does.
            pod.set("ipv4/tcp_fin_timeout", 1)
        for destination in self.destinations.values():
            destination.set("core/somaxconn", ports)

    @staticmethod
    def _ip(namespace: Namespace, *lines: str) -> None:
        namespace.run("ip", "-batch", "-", given="\n".join(lines))

    @property
    def refused(self) -> int:
        """Connections so far that the NAT had no port for, and dropped the first packet of."""
        return sum(int(number) for number in re.findall(r"\binsert_failed=(\d+)", self.nat.run("conntrack", "-S")))

    @property
    def taken(self) -> int:
        """Ports that are taken now, by open connections and by those that cool down."""
        return len(self.nat.run("conntrack", "-L", "-p", "tcp").splitlines())

    def close(self) -> None:
        """Gives up its namespaces, and with them its links and rules."""
        for namespace in (self.nat, *self.pods, *self.destinations.values()):
            namespace.close()
