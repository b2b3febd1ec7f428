"""The processes that a command is tried in end as its own would."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forking import Forking

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds what a process uses")


@pytest.fixture(scope="module")
def timeit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    """A command that runs the statements it is given."""
    forking = Forking("timeit", ["timeit"], os.environ, tmp_path_factory.mktemp("timeit"))
    yield forking
    forking.stop()


def run(timeit: Forking, folder: Path, statement: str) -> tuple[int, str, str]:
    words = ["--number=1", "--repeat=1", statement]
    ended = timeit.run(words, folder, memory_kib=256 * 1024, processor_seconds=1)
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def test_it_runs_in_its_folder(timeit: Forking, tmp_path: Path) -> None:
    code, out, err = run(timeit, tmp_path, "import os; print(os.getcwd())")
    assert (code, out.splitlines()[0], err) == (0, str(tmp_path), "")


def test_it_ends_with_its_code_and_says_why(timeit: Forking, tmp_path: Path) -> None:
    code, out, err = run(timeit, tmp_path, "1 / 0")
    assert (code, out) == (1, "")
    assert err.startswith("Traceback")


def test_none_knows_of_the_one_before(timeit: Forking, tmp_path: Path) -> None:
    statement = "import os; print(os.environ.get('SAID')); os.environ['SAID'] = 'so'"
    assert [run(timeit, tmp_path, statement)[1].splitlines()[0] for _ in range(2)] == ["None", "None"]


@linux
def test_its_memory_is_bounded(timeit: Forking, tmp_path: Path) -> None:
    code, _, err = run(timeit, tmp_path, "bytearray(256 << 20)")
    assert code == 1
    assert "MemoryError" in err


@linux
def test_its_time_is_bounded(timeit: Forking, tmp_path: Path) -> None:
    assert run(timeit, tmp_path, "while True: pass")[0] == -signal.SIGKILL
