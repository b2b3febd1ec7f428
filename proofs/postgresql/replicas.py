"""The replicas of a deployed pool, each a process of this machine.

The pod is taken as the component has it: the configuration, the commands of its containers, its hook, its probes. What
cannot be the same without containers is replaced, all of it in :meth:`Replica.here`.
"""

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from proofs.claims import Missing
from proofs.postgresql.deployed import Deployed
from proofs.postgresql.processes import owned, run, start, stop, until
from proofs.postgresql.programs import PgBouncer, find_pgbouncer, postgresql

__all__ = ["Replica", "serving_replicas"]

_LEAST_GRACE_SECONDS = 2
"""What a container has at least between SIGTERM and SIGKILL.
https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/#hook-handler-execution"""


@dataclass(eq=False)
class Replica:
    """One pod."""

    number: int
    folder: Path
    deployed: Deployed
    pgbouncer: PgBouncer
    addresses: Mapping[int, str]
    """Of every replica, by number."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])
    """Of its containers, by name."""

    @property
    def name(self) -> str:
        """The pod's, which is its host name too."""
        return f"orders-{self.number}"

    @property
    def address(self) -> str:
        """Where it listens, on PgBouncer's own port."""
        return self.addresses[self.number]

    @property
    def pid(self) -> int:
        """PgBouncer's process."""
        return self.processes["pgbouncer"].pid

    @property
    def running(self) -> bool:
        """Whether PgBouncer is there."""
        return "pgbouncer" in self.processes and self.processes["pgbouncer"].poll() is None

    def log(self, container: str = "pgbouncer") -> Path:
        """What a container has printed, of all its starts."""
        return self.folder / f"{container}.log"

    def volume(self, name: str) -> Path:
        """The folder of a volume."""
        return self.folder / "volumes" / name

    def here(self, text: str) -> str:
        """A text of the pod for this machine, and all that is replaced for it."""
        return self._pattern.sub(lambda found: self._replaced[found[0]], text).replace(
            # The first process of its container.
            "kill -INT 1",
            f"kill -INT {self.pid if self.running else 1}",
        )

    @cached_property
    def _replaced(self) -> Mapping[str, str]:
        mounts = {
            mount["mountPath"]: str(self.volume(mount["name"]))
            for mount in self.deployed.container("pgbouncer")["volumeMounts"]
        }
        hosts = {
            f"orders-{number}.orders-peers.default.svc.cluster.local": address
            for number, address in self.addresses.items()
        }
        return {
            **mounts,
            **hosts,
            "/usr/bin/pgbouncer": shlex.join(self.pgbouncer.command),
            # Replicas share this machine's addresses, as pods do not.
            "listen_addr = *": f"listen_addr = {self.address}",
            "--host=127.0.0.1": f"--host={self.address}",
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # In one pass, the longest first: what is put in place holds some of it again.
        return re.compile("|".join(map(re.escape, sorted(self._replaced, key=len, reverse=True))))

    def start(self, *, ready: bool = True) -> None:
        """Starts the pod anew, with an empty folder in memory, and waits until it is ready."""
        for name, files in self.deployed.volumes().items():
            folder = self.volume(name)
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()
            for file, text in files.items():
                (folder / file).write_text(self.here(text) if name == "config" else text)
        owned(self.folder)
        self.start_container("pgbouncer")
        if ready:
            until(self.ready, self.processes["pgbouncer"], self.log())

    def start_container(self, name: str) -> None:
        """Starts one of its containers, as the kubelet does again when it has ended: the volumes stay."""
        command = self.deployed.container(name)["command"]
        self.processes[name] = start(
            [self.here(part) for part in command], self.log(name), cwd=self.folder, env=self._environment(name)
        )

    def _environment(self, container: str) -> dict[str, str]:
        given = {one["name"]: one["value"] for one in self.deployed.container(container).get("env", ())}
        programs = f"{postgresql('psql').parent}:{os.environ.get('PATH', '')}"
        return {"PATH": programs, "HOSTNAME": self.name, **given}

    def exec(self, command: Sequence[str], *, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command in the pod; one that takes longer ends with 124."""
        here = [self.here(part) for part in command]
        try:
            return run(here, cwd=self.folder, check=False, env=self._environment("pgbouncer"), timeout=seconds)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(here, 124, "", "")

    def probe(self, kind: str = "readinessProbe") -> bool:
        """Asks once what the kubelet asks."""
        probe = self.deployed.container("pgbouncer")[kind]
        return self.exec(probe["exec"]["command"], seconds=probe["timeoutSeconds"]).returncode == 0

    def ready(self) -> bool:
        """Whether the readiness probe is answered."""
        return self.probe()

    def admin(self, command: str) -> str:
        """What PgBouncer's own console answers, by the socket inside of the pod."""
        options = ["--no-psqlrc", "--no-align", "--tuples-only", f"--command={command}"]
        place = ["--host=/run/pgbouncer", "--port=6432", "--username=pgbouncer", "--dbname=pgbouncer"]
        done = self.exec(["psql", *options, *place], seconds=10)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {command}: {done.stderr.strip()}")
        return done.stdout.strip()

    def signal(self, number: int) -> None:
        """Sends a signal to PgBouncer."""
        self.processes["pgbouncer"].send_signal(number)

    def terminate(self, grace_seconds: float | None = None) -> float:
        """Ends the pod as the kubelet does: its hook, then SIGTERM, and force once the grace period is over.

        Args:
            grace_seconds: The grace period; the pod's own where not given.

        Returns:
            Seconds that it took.
        """
        began = time.monotonic()
        given = self.deployed.pod["terminationGracePeriodSeconds"] if grace_seconds is None else grace_seconds
        end = began + given
        process = self.processes["pgbouncer"]
        hook = self._start_hook()
        try:
            while hook and process.poll() is None and hook.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            self.signal(signal.SIGTERM)
            try:
                process.wait(timeout=max(end - time.monotonic(), _LEAST_GRACE_SECONDS))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        finally:
            if hook:
                _kill_group(hook)
        for other in self.processes.values():
            stop(other, signal.SIGTERM)
        return time.monotonic() - began

    def _start_hook(self) -> subprocess.Popen[bytes] | None:
        hook = self.deployed.container("pgbouncer").get("lifecycle", {}).get("preStop")
        if hook is None:
            return None
        command = [self.here(part) for part in hook["exec"]["command"]]
        return start(command, self.log("hook"), cwd=self.folder, env=self._environment("pgbouncer"))

    def kill(self) -> None:
        """Ends it without notice."""
        for process in self.processes.values():
            _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """With what it has started: a hook sleeps, a reloader too."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def serving_replicas(folder: Path, deployed: Deployed, network: str) -> Generator[list[Replica]]:
    """All replicas of a pool, ready, which are ended in the end.

    Args:
        folder: That is there, for the replicas alone.
        deployed: The pool.
        network: As :func:`~proofs.postgresql.processes.loopback_network` gives it.

    Raises:
        Missing: There is no PgBouncer that is new enough.
    """
    found = find_pgbouncer()
    if found is None:
        raise Missing("There is no PgBouncer that is new enough (make servers)")
    pgbouncer = found.copy_to(folder)
    numbers = range(1, deployed.plan.replicas + 1)
    addresses = {number: f"{network}.{10 + number}" for number in numbers}
    replicas = [Replica(number, folder / f"orders-{number}", deployed, pgbouncer, addresses) for number in numbers]
    try:
        for replica in replicas:
            replica.folder.mkdir()
            replica.start(ready=False)
        for replica in replicas:
            until(replica.ready, replica.processes["pgbouncer"], replica.log())
        yield replicas
    finally:
        for replica in replicas:
            replica.kill()
