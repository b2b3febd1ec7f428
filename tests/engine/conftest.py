"""The engine's fixtures: one CLI, one home and one double of each provider for all tests of a process."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi import automation

from proofs.claims import Missing
from proofs.engine.stack import find_cli, new_stack, on_path
from proofs.kubernetes.kinds import CONFIG_MAP, SECRET
from tests.engine.bases import made_once
from tests.engine.doubles.cloud import Cloud
from tests.engine.doubles.kubernetes import unmounted
from tests.engine.engine import REGION, Doubles, Engine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _nothing_for_debugging() -> Iterator[None]:
    """Each line that the SDK writes for debugging is a call of the engine, and nobody reads it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.log, "debug", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def cli() -> Path:
    """The Pulumi CLI; without one these tests are skipped, but fail where continuous integration has to have it."""
    try:
        return find_cli()
    except Missing as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(str(absent))
        pytest.skip(str(absent))


@pytest.fixture(scope="session")
def command(cli: Path) -> Iterator[automation.PulumiCommand]:
    with on_path(cli) as found:
        yield found


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pulumi-home")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes of this run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def blank(shared: Path, home: Path, command: automation.PulumiCommand) -> Path:
    return made_once(shared / "blank", lambda folder: new_stack(folder, home, command, {"aws:region": REGION}))


@pytest.fixture(scope="session")
def doubles() -> Iterator[Doubles]:
    made = Doubles()
    yield made
    made.stop()


@pytest.fixture
def engine(
    tmp_path: Path, shared: Path, blank: Path, home: Path, command: automation.PulumiCommand, doubles: Doubles
) -> Engine:
    doubles.clear()
    folder = shutil.copytree(blank, tmp_path / "project")
    return Engine(folder, home, command, doubles, shared / "bases")


def plant_authority(kubernetes: Cloud) -> None:
    """The ConfigMap with who signed the pool's certificate, which functions are told."""
    data = {"ca.crt": "-----BEGIN CERTIFICATE-----"}
    kubernetes.plant(CONFIG_MAP, "default/pool-ca", metadata={"name": "pool-ca", "namespace": "default"}, data=data)


@pytest.fixture
def cluster(engine: Engine) -> Engine:
    """The engine, with what a pool is given in its cluster, and an eye on what its pods mount."""
    for token, name in ((SECRET, "orders-database"), (CONFIG_MAP, "rds-ca"), (SECRET, "orders-pool-tls")):
        engine.kubernetes.plant(token, f"default/{name}", metadata={"name": name, "namespace": "default"})
    plant_authority(engine.kubernetes)

    def a_pod_that_restarts_finds_its_configuration() -> None:
        missing = unmounted(engine.kubernetes)
        assert not missing, f"pods mount what is gone: {missing}"

    engine.kubernetes.invariants.append(a_pod_that_restarts_finds_its_configuration)
    return engine


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a function's code, by the same name in each test."""
    monkeypatch.chdir(tmp_path)
    folder = Path("code")
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context): ...\n", encoding="utf-8")
    return folder


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that the engine looks for on PATH."""
    command = tmp_path / "commands" / "pulumi-resource-loadfit"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "components"}" "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
