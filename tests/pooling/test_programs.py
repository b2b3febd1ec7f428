"""Which PgBouncer is found, and which is fetched."""

from pathlib import Path

import pytest

from loadfit.databases.images import PGBOUNCER_IMAGE, image_version
from proofs.claims import Missing
from proofs.postgresql import programs
from proofs.postgresql.programs import DEPLOYED, OLDEST, SUITES, PgBouncer, fetch_pgbouncer, find_pgbouncer


def installed(folder: Path, version: str) -> Path:
    """A program that says so."""
    path = folder / "usr" / "sbin" / "pgbouncer"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho PgBouncer {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where those that were fetched are; they start by themselves here, and this machine has none of its own."""
    monkeypatch.setattr(programs, "FOLDER", tmp_path / "servers")
    monkeypatch.setattr(programs, "_command", lambda _: None)
    monkeypatch.setattr(PgBouncer, "command", property(lambda one: (str(one.path),)))
    return tmp_path / "servers"


def unpacking(monkeypatch: pytest.MonkeyPatch, folder: Path, found: dict[str, str]) -> list[str]:
    """Has suites give these versions, and others nothing; what was asked for is told."""
    asked: list[str] = []

    def unpack(suite: str) -> None:
        asked.append(suite)
        if suite not in found:
            raise Missing(f"apt-get update failed: {suite}")
        installed(folder / suite, found[suite])

    monkeypatch.setattr(programs, "_unpack", unpack)
    return asked


def test_the_version_that_is_wanted_is_the_one_that_is_deployed() -> None:
    deployed = image_version(PGBOUNCER_IMAGE)
    assert deployed is not None
    assert tuple(map(int, str(deployed).split(".")))[:2] == DEPLOYED


class TestFinding:
    def test_the_newest_counts(self, folder: Path) -> None:
        for suite, version in {"one": "1.24.1", "two": "1.26.1", "three": "1.25.2"}.items():
            installed(folder / suite, version)
        found = find_pgbouncer()
        assert found is not None
        assert found.version == (1, 26, 1)
        assert found.root == folder / "two"

    def test_this_machines_own_counts_too(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed(folder / "one", "1.24.1")
        own = installed(tmp_path / "own", "1.30.0")
        monkeypatch.setattr(programs, "_command", lambda _: own)
        assert find_pgbouncer() == PgBouncer(None, own)

    def test_one_that_is_too_old_does_not(self, folder: Path) -> None:
        installed(folder / "one", f"{OLDEST[0]}.{OLDEST[1] - 1}.9")
        assert find_pgbouncer() is None


class TestFetching:
    def test_the_newest_suite_is_asked_first_and_is_enough(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = unpacking(monkeypatch, folder, {"forky": "1.26.1", "trixie": "1.24.1"})
        assert fetch_pgbouncer().version == (1, 26, 1)
        assert asked == ["forky"]

    def test_nothing_is_fetched_twice(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed(folder / "forky", "1.27.0")
        asked = unpacking(monkeypatch, folder, {})
        assert fetch_pgbouncer().version == (1, 27, 0)
        assert asked == []

    def test_the_next_suite_does_where_the_newest_does_not_and_it_is_said(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        unpacking(monkeypatch, folder, {"trixie": "1.24.1"})
        assert fetch_pgbouncer().version == (1, 24, 1)
        assert capsys.readouterr().err == ("servers: no PgBouncer of Debian forky. apt-get update failed: forky\n")

    def test_one_that_is_there_does_where_the_newest_suite_does_not(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed(folder / "trixie", "1.24.1")
        asked = unpacking(monkeypatch, folder, {})
        assert fetch_pgbouncer().version == (1, 24, 1)
        assert asked == ["forky"]

    def test_without_any_it_is_told_what_is_missing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = unpacking(monkeypatch, folder, {})
        with pytest.raises(Missing, match="apt-get update failed: trixie"):
            fetch_pgbouncer()
        assert asked == list(SUITES)
        assert not folder.exists()
