"""No archive, whatever is in it, is unpacked to disk or ends in anything but a report or one clear message."""

import json
import os
import resource
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadfit.bundle import weigh
from loadfit.core.problems import InvalidLoad
from tests.bundle.packages import APP, HOSTILE, PLAIN, HostileZip, zipped

MAX_MESSAGE = 2 * 1024
MAX_MEMORY = 512 * 1024 * 1024
SECONDS = 60
COMPONENTS = Path(__file__).parents[2] / "components"


def assert_is_one_message(text: str, expected: str) -> None:
    assert expected in text
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1
    assert len(text.encode()) < MAX_MESSAGE
    assert not {one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Cs"}} - {"\n"}


def bounded() -> None:
    """Memory, and files that are written, of the process that is about to start."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


EACH = """
import contextlib, io, json, os, sys
from loadfit.cli.__main__ import main
for name in sorted(os.listdir()):
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = main(["bundle", name])
    print(json.dumps([name, code, out.getvalue(), error.getvalue()]), flush=True)
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    """How the command ended for each archive: in one process, which may have little memory and write no file."""
    folder = tmp_path_factory.mktemp("hostile")
    for hostile in HOSTILE:
        hostile.make(folder / hostile.file)
    before = sorted(folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", EACH],
        cwd=folder,
        env={"PYTHONPATH": str(COMPONENTS), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=bounded,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(folder.iterdir()) == before, "nothing is unpacked beside it either"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (code, out, error) for name, code, out, error in lines}


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name.replace(" ", "-"))
def test_it_is_refused_in_bounded_memory_and_nothing_is_written(
    hostile: HostileZip, ended: dict[str, tuple[int, str, str]]
) -> None:
    code, out, error = ended[hostile.file]
    assert (code, out) == (2, ""), error
    assert_is_one_message(error, hostile.expected)


def test_every_hostile_archive_has_a_cause_of_its_own() -> None:
    assert len(HOSTILE) >= 45
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE)


def test_a_plain_archive_is_not_refused(tmp_path: Path) -> None:
    """What the hostile ones are made from."""
    file = tmp_path / "package.zip"
    file.write_bytes(PLAIN)
    weight = weigh(file)
    assert (weight.files, weight.zipped, weight.unzipped) == (1, len(PLAIN), len(str(APP["app.py"])))


def test_folders_comments_and_names_beyond_ascii_are_plain_too(tmp_path: Path) -> None:
    file = tmp_path / "package.zip"
    content = zipped({"vorlagen/": "", "vorlagen/größe.txt": "x", "空.txt": "yy"})
    file.write_bytes(content[:-2] + b"\x05\x00hello")
    assert weigh(file).unzipped == 3


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(PLAIN) - 1), change=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_any_damage_is_told_or_harmless(
    at: int, change: bytes, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.zip"
    file.write_bytes(PLAIN[:at] + change + (b"" if cut else PLAIN[at + len(change) :]))
    try:
        assert weigh(file).files == 1
    except InvalidLoad as refused:
        assert_is_one_message(str(refused), "")
