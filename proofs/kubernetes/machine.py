"""The machine that a node runs on: namespaces and cgroups of its own, and nothing of it left afterwards.

A program that is started there has its own network, mounts, processes, host name and semaphores. It is the first
process there: the kernel ends every other one with it, whoever started it, and the mounts and links go with the last of
them. Cgroups and files do not; this process removes them.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proofs.claims import Missing

__all__ = ["ADDRESS", "CNI_PROGRAMS", "Grounds", "grounds", "require_machine", "settle"]

ADDRESS = "10.99.0.1"
"""The node's own, in its own network."""
CNI_PROGRAMS = Path("/usr/lib/cni")
"""Where Debian puts them."""
_PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
    "ldd": "libc-bin",
}
"""Programs by name, with Debian's packages."""
_ROOT = Path(__file__).parents[2]
_PREFIX = "loadfit-proof-"
"""Of the names of folders and cgroups; a process's number follows."""
_END_SECONDS = 10
_SYSCTLS = {"vm/overcommit_memory": 1, "kernel/panic": 10, "kernel/panic_on_oops": 1}
"""What a kubelet sets for the whole machine. It is shown files that say so already, and the machine keeps its own."""
_OWN_FOLDERS = ("/run", "/var/lib", "/var/log")
"""They hold this machine's own things of the same kind, and a node writes to them wherever it is: it has empty ones."""

_TRIAL = """
set -e
try() { what=$1; shift; "$@" >/dev/null 2>"$1.why" || { echo "$what: $(head -n 1 "$1.why")"; exit 1; }; }
cd "$1"
mkdir lower upper work merged
try "a process file system of its own" mount -t proc proc /proc
try "overlay file systems" mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
try "veth links" ip link add one type veth peer name two
try "bridges" ip link add three type bridge
nat="iptables -w -t nat"
try "NAT by iptables" $nat -A POSTROUTING -m comment --comment x -j MASQUERADE
try "random choice by iptables" $nat -A OUTPUT -m statistic --mode random --probability 0.5 -j MARK --set-xmark 0x4000
try "connection tracking" conntrack -L
"""
"""Run in namespaces of its own, which take all of it with them."""


@dataclass(frozen=True)
class Grounds:
    """What a proof has of the machine."""

    folder: Path
    cgroup: str
    """Its name below the root of each hierarchy."""

    def run(self, module: str, arguments: Sequence[str]) -> int:
        """Runs a module of Python in namespaces of its own, given the folder and the cgroup before its arguments.

        Returns:
            How it ended.
        """
        command = [sys.executable, "-m", module, str(self.folder), self.cgroup, *arguments]
        # It may not outlive this process, nor hear of an interrupt before this process does.
        guard = ["setpriv", "--pdeathsig", "KILL", "--", *_namespaces(), *command]
        # The library that speaks to the engine complains of each fork, and needs not follow it: another program begins.
        environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0"}
        process = subprocess.Popen(guard, process_group=0, stdin=subprocess.DEVNULL, env=environment)
        try:
            return process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # unshare itself waits through every other signal
            process.wait()


def _namespaces() -> list[str]:
    return ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--"]


@contextmanager
def grounds() -> Generator[Grounds]:
    """A folder and cgroups, which are removed in the end, together with those that a killed proof has left.

    Raises:
        RuntimeError: Something is left.
    """
    _sweep()
    name = f"{_PREFIX}{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        try:
            for hierarchy in _hierarchies():
                (hierarchy / name).mkdir()
            yield Grounds(Path(folder), name)
        finally:
            for hierarchy in _hierarchies():
                _remove(hierarchy / name)
    left = [str(path) for path in (Path(folder), *_cgroups(name)) if path.exists()]
    if left:
        raise RuntimeError(f"left behind: {', '.join(left)}")


def _hierarchies() -> list[Path]:
    """Where cgroups are mounted: each controller's by itself (version 1), or all of them (version 2)."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    found = [line.split() for line in lines]
    return [Path(words[4]) for words in found if words[words.index("-") + 1] in {"cgroup", "cgroup2"}]


def _cgroups(name: str) -> list[Path]:
    return [hierarchy / name for hierarchy in _hierarchies() if (hierarchy / name).exists()]


def _remove(cgroup: Path) -> None:
    """Removes a cgroup and those in it, as soon as the kernel has taken their last processes out."""
    end = time.monotonic() + _END_SECONDS
    while cgroup.exists() and time.monotonic() < end:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
        if cgroup.exists():
            time.sleep(0.1)


def _sweep() -> None:
    """Removes what is there of proofs that were killed, and so could not do it themselves."""
    for path in (*(path for one in _hierarchies() for path in one.glob(f"{_PREFIX}*")), *_folders()):
        found = re.match(rf"{_PREFIX}(\d+)", path.name)
        # This process itself has made nothing yet: a number like its own was another one's before.
        if found and (int(found[1]) == os.getpid() or not Path("/proc", found[1]).exists()):
            if path.parent in _hierarchies():
                _remove(path)
            else:
                shutil.rmtree(path, ignore_errors=True)


def _folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


def require_machine() -> None:
    """Does nothing where a node can run here.

    Raises:
        Missing: The machine lacks something, or does not allow it.
    """
    lacks = [*_missing_rights()] or [*_missing_packages(), *_hidden()] or [*_cgroup_trial(), *_trial()]
    if lacks:
        raise Missing(f"It needs {'; '.join(lacks)}.")


def _missing_rights() -> Iterator[str]:
    if sys.platform != "linux":
        yield "Linux: a node's containers are a Linux kernel's"
    elif os.geteuid() != 0:
        yield "root: a node makes namespaces, mounts and cgroups"


def _missing_packages() -> Iterator[str]:
    packages = {package for name, package in _PROGRAMS.items() if _which(name) is None}
    if not all((CNI_PROGRAMS / name).exists() for name in ("bridge", "host-local", "loopback")):
        packages.add("containernetworking-plugins")
    if packages:
        yield f"{', '.join(sorted(packages))} (apt-get install {' '.join(sorted(packages))})"


def _hidden() -> Iterator[str]:
    """What would be there no longer, once those folders are the node's own."""
    needed = {"the project": _ROOT, "Python": Path(sys.base_prefix), "TMPDIR": Path(tempfile.gettempdir())}
    for what, path in needed.items():
        if any(path.resolve().is_relative_to(Path(own).resolve()) for own in _OWN_FOLDERS):
            yield f"{what} outside of {', '.join(_OWN_FOLDERS)}, which a node has for itself, found {path}"


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _cgroup_trial() -> list[str]:
    hierarchies = _hierarchies()
    if not hierarchies:
        return ["cgroups: none are mounted"]
    trial = f"{_PREFIX}{os.getpid()}-trial"
    try:
        for hierarchy in hierarchies:
            (hierarchy / trial).mkdir()
    except OSError as error:
        return [f"cgroups that can be written ({error.filename}: {error.strerror})"]
    finally:
        for path in _cgroups(trial):
            _remove(path)
    return []


def _trial() -> list[str]:
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-trial-") as folder:
        command = [*_namespaces(), "sh", "-c", _TRIAL, "sh", folder]
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode == 0:
        return []
    return [done.stdout.strip() or f"namespaces of its own, with CAP_SYS_ADMIN ({done.stderr.strip()})"]


def settle(kubelet: Path) -> None:
    """Makes the namespaces a machine: called by the first process in them.

    Args:
        kubelet: Where the kubelet is to have its files, and what it mounts; it is not there yet.
    """
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "proc", "proc", "/proc")
    for path in _OWN_FOLDERS:
        _run("mount", "-t", "tmpfs", "tmpfs", path)
    for path in ("/run/lock", "/run/containerd", "/run/netns", "/run/sysctl", "/var/lib/cni"):
        Path(path).mkdir()
    _run("mount", "--make-rshared", "/run")
    for name, value in _SYSCTLS.items():
        file = Path("/run/sysctl") / name.replace("/", "-")
        file.write_text(f"{value}\n", encoding="ascii")
        _run("mount", "--bind", str(file), f"/proc/sys/{name}")
    kubelet.mkdir(parents=True)
    _run("mount", "--bind", str(kubelet), str(kubelet))
    _run("mount", "--make-rshared", str(kubelet))
    socket.sethostname("node")
    _run("ip", "link", "set", "lo", "up")
    # Both ends are here: pods and clients need an address that is no loopback's, and nothing else is to be reached.
    _run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0")
    _run("ip", "link", "set", "peer0", "up")
    _run("ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0")
    _run("ip", "link", "set", "eth0", "up")
    _run("ip", "route", "add", "default", "dev", "eth0")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
