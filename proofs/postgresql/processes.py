"""Processes of the servers: as a user without rights, ended with whoever started them."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["ending_on_signals", "loopback_network", "open_files", "owned", "run", "start", "stop", "temporary", "until"]

_USER, _GROUP = "nobody", "nogroup"
START_SECONDS = 30


@contextmanager
def ending_on_signals() -> Generator[None]:
    """Lets SIGTERM and SIGHUP end the program as an interrupt does, so that what is to be ended with it is."""

    def interrupt(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def temporary() -> Generator[Path]:
    """A folder that the servers' user may enter."""
    with tempfile.TemporaryDirectory(prefix="loadfit-servers-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def owned(*paths: Path) -> None:
    """Gives files and folders to the servers' user."""
    if os.geteuid() == 0:
        for path in paths:
            for one in (path, *path.rglob("*")):
                shutil.chown(one, _USER, _GROUP)


def start(
    command: Sequence[str], log: Path, *, cwd: Path, env: Mapping[str, str] | None = None, as_root: bool = False
) -> subprocess.Popen[bytes]:
    """Starts a server.

    It is in a group of its own, so that an interrupt at the terminal reaches this process alone, which then ends it.
    Linux kills it where this process is killed; that goes by threads: the one that starts it has to live as long.

    Args:
        command: In the foreground.
        log: What it prints is appended to it.
        cwd: Where it runs.
        env: Its environment; this process's own where not given.
        as_root: Whether it keeps this process's user and rights.
    """
    guard = shutil.which("setpriv")
    ended = [guard, "--pdeathsig", "KILL", "--"] if guard else []
    with log.open("ab") as output:
        return subprocess.Popen[bytes](
            [*ended, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=env,
            process_group=0,
            **({} if as_root else _unprivileged()),
        )


def stop(process: subprocess.Popen[bytes], number: int, seconds: float = 30) -> None:
    """Sends a signal and waits for the end, which is by force where it takes too long."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a stopped one receives nothing else
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(command: Sequence[str], *, cwd: Path, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, as the servers' user.

    Raises:
        RuntimeError: It failed, and ``check`` is set.
    """
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, **_unprivileged(), **more}
    done = subprocess.run(command, cwd=cwd, text=True, check=False, **options)
    if check and done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()}")
    return done


def _unprivileged() -> dict[str, Any]:
    """Neither server runs as root."""
    return {"user": _USER, "group": _GROUP, "extra_groups": []} if os.geteuid() == 0 else {}


def until(true: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for a server that starts.

    Raises:
        RuntimeError: It ended, or takes too long; with the end of its log.
    """
    end = time.monotonic() + START_SECONDS
    while not true():
        if process.poll() is not None or time.monotonic() > end:
            what = "did not start" if process.poll() is None else f"ended with {process.returncode}"
            raise RuntimeError(f"{log.stem} {what}: {log.read_text()[-800:]}")
        time.sleep(0.02)


def open_files(number: int) -> int:
    """How many a process may have open, as the kernel has it.

    Args:
        number: The process's.
    """
    lines = Path(f"/proc/{number}/limits").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith("Max open files")]
    return int(line.split()[3])


@contextmanager
def loopback_network() -> Generator[str]:
    """The first three numbers of a network of this machine's own addresses that no other process here uses.

    Linux has all of 127.0.0.0/8, so that every server has the port that it has in production, on an address of its own.
    """
    with closing(socket.socket()) as claim:
        yield _bound(claim)


def _bound(claim: socket.socket) -> str:
    for _ in range(100):
        network = f"127.{random.randrange(16, 255)}.{random.randrange(256)}"
        with suppress(OSError):
            claim.bind((f"{network}.254", 6432))
            return network
    raise RuntimeError("no loopback address could be bound")
