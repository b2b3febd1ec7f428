"""The machine that the proof on a node makes itself, and what is left of it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proofs.claims import Missing
from proofs.kubernetes.machine import grounds, require_machine
from tests.servers import lacking

ROOT = Path(__file__).parents[2]
RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it starts in the background ignore it
from proofs.kubernetes.machine import grounds
from proofs.postgresql.processes import ending_on_signals
with ending_on_signals(), grounds() as own:
    print(own.folder, own.cgroup, flush=True)
    code = own.run("tests.kubernetes.littering", sys.argv[1:])
sys.exit(code)
"""
END_SECONDS = 15


@pytest.fixture(scope="module")
def namespaces() -> None:
    """Not every machine lets its tests make them."""
    trial = ["unshare", "--net", "--mount", "--pid", "--fork", "true"]
    if shutil.which("ip") is None or subprocess.run(trial, capture_output=True, check=False).returncode:
        lacking("this machine allows no namespaces, or has no iproute2")


@dataclass
class Grounds:
    """A program in namespaces of its own, and where it is."""

    process: subprocess.Popen[str]
    folder: Path
    cgroup: str
    told: str

    @property
    def cgroups(self) -> list[Path]:
        return [path for path in Path("/sys/fs/cgroup").rglob(self.cgroup) if path.is_dir()]

    @property
    def processes(self) -> list[str]:
        """Those that have the folder among their arguments, or are in the cgroup."""
        found: list[str] = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                known = (path / "cmdline").read_bytes() + (path / "cgroup").read_bytes()
            except OSError:
                continue
            if self.cgroup.encode() in known:
                found.append(path.name)
        return found

    def gone(self) -> bool:
        """Whether nothing of it is there, in time."""
        end = time.monotonic() + END_SECONDS
        while self.processes or self.cgroups or self.folder.exists():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


@contextmanager
def started(how: str, temporary: Path) -> Generator[Grounds]:
    command = [sys.executable, "-c", RUN, how]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder, cgroup = process.stdout.readline().split()
        try:
            yield Grounds(process, Path(folder), cgroup, process.stdout.readline())
        finally:
            process.terminate()  # a kill would leave its cgroups
            process.wait(timeout=END_SECONDS)


def around() -> tuple[list[str], list[str]]:
    """This machine's mounts and links."""
    mounts = [line.split(" ", 2)[2] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return mounts, sorted(path.name for path in Path("/sys/class/net").iterdir())


@pytest.mark.usefixtures("namespaces")
class TestLeftovers:
    def test_it_is_another_machine_which_this_one_does_not_see(self, tmp_path: Path) -> None:
        before = around()
        with started("wait", tmp_path) as here:
            assert here.told.split() == ["ready", "pid=1", "address=True", "host=node"]
            assert around() == before
            assert len(here.processes) > 1
            assert here.cgroups

    def test_a_program_that_fails_leaves_nothing_and_its_end_is_told(self, tmp_path: Path) -> None:
        before = around()
        with started("fail", tmp_path) as here:
            assert here.process.wait(timeout=END_SECONDS) == 3
            assert here.gone()
        assert around() == before
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_an_interrupt_leaves_nothing(self, tmp_path: Path, number: signal.Signals) -> None:
        with started("wait", tmp_path) as here:
            assert here.processes
            here.process.send_signal(number)
            here.process.wait(timeout=END_SECONDS)
            assert here.gone()
        assert list(tmp_path.iterdir()) == []

    def test_what_a_kill_leaves_is_no_process_and_the_next_one_removes_it(self, tmp_path: Path) -> None:
        with started("wait", tmp_path) as killed:
            killed.process.kill()
            killed.process.wait(timeout=END_SECONDS)
            assert killed.folder.exists()
            with started("fail", tmp_path) as following:
                following.process.wait(timeout=END_SECONDS)
            assert killed.gone()
        assert list(tmp_path.iterdir()) == []

    def test_what_another_process_of_the_same_number_has_left_is_removed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with grounds() as first:
            left = [path for path in Path("/sys/fs/cgroup").rglob(first.cgroup) if path.is_dir()]
        for path in left:
            path.mkdir()
        with grounds() as second:
            assert (second.cgroup, len(left) > 0) == (first.cgroup, True)
        assert not [path for path in left if path.exists()]


class TestNeeds:
    def test_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(Missing, match=r"It needs root: a node makes namespaces, mounts and cgroups\."):
            require_machine()

    def test_another_system_is_told_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(Missing, match=r"It needs Linux"):
            require_machine()

    def test_programs_are_named_by_what_brings_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(shutil, "which", lambda name, path: None if name in {"runc", "ctr"} else f"/usr/bin/{name}")
        with pytest.raises(Missing, match=r"\(apt-get install containerd (containernetworking-plugins )?runc\)"):
            require_machine()

    def test_no_folder_that_a_node_has_for_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(tempfile, "tempdir", "/var/lib/builds/tmp")
        with pytest.raises(Missing, match=r"TMPDIR outside of /run, /var/lib, /var/log, .* found /var/lib/builds/tmp"):
            require_machine()
