"""The wheel and the sdist: what is in them, and that the wheel works where nothing else of the repository is."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from collections.abc import Mapping
from email.parser import Parser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION = PROJECT["version"]
SOURCES = {
    str(path.relative_to(ROOT / "components"))
    for path in (ROOT / "components/loadfit").rglob("*")
    if path.suffix == ".py" or path.name == "py.typed"
}


def built(kind: str, source: Path, target: Path) -> Path:
    """What the locked build backend makes of a source tree; nothing is fetched for it."""
    scripts = Path(sys.executable).parent
    name = subprocess.run(
        [sys.executable, "-c", f"import sys, uv_build; print(uv_build.build_{kind}(sys.argv[1]))", str(target)],
        cwd=source,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[-1]
    return target / name


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_is_the_package_and_nothing_else(wheel: Path) -> None:
    """No test, no program, no tool; the type information, and the license."""
    info = f"loadfit-{VERSION}.dist-info"
    described = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}
    assert set(contents(wheel)) == SOURCES | described
    assert "loadfit/py.typed" in SOURCES


def test_its_metadata_are_those_of_the_project(wheel: Path) -> None:
    """The version's one source is pyproject.toml."""
    metadata = Parser().parsestr(contents(wheel)[f"loadfit-{VERSION}.dist-info/METADATA"].decode())
    assert wheel.name == f"loadfit-{VERSION}-py3-none-any.whl"
    assert (metadata["Name"], metadata["Version"]) == ("loadfit", VERSION)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("Requires-Dist") == PROJECT["dependencies"], "and no developer's tool"


def test_the_sdist_gives_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            archive.extractall(tmp_path, filter="data")
        else:
            archive.extractall(tmp_path)  # our own archive
    (tree,) = tmp_path.iterdir()
    assert contents(built("wheel", tree, tmp_path)) == contents(wheel)


def test_the_sdist_is_what_the_wheel_is_built_from(sdist: Path) -> None:
    """Not the plugin's files: who uses the components from another language takes the repository."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    own = {name for name in names if not name.startswith("components/")}
    assert own - {"pyproject.toml.orig"} == {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert names - own == {f"components/{source}" for source in SOURCES}


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the locked dependencies, which it borrows."""
    made = tmp_path_factory.mktemp("environment")
    venv.create(made, symlinks=True)
    # A path in a .pth file brings the packages of a folder, not the folder's own .pth files: the repository's sources,
    # which this environment has as an editable install, stay out.
    (site_packages(made) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    install = ["install", "--quiet", "--no-index", "--no-deps", "--no-compile", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(made / "bin/python"), *install], check=True)
    return made


def site_packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))


def run(environment: Path, folder: Path, *command: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_public_name_can_be_imported_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    program = (
        "import loadfit, sys\n"
        "from loadfit import *\n"
        "missing = [name for name in loadfit.__all__ if name not in globals()]\n"
        "print(loadfit.__file__, loadfit.__version__, missing, 'pulumi_aws' in sys.modules)"
    )
    imported = site_packages(environment) / "loadfit/__init__.py"
    assert run(environment, tmp_path, "python", "-c", program) == f"{imported} {VERSION} [] True\n"


def test_the_command_works_from_any_folder(environment: Path, tmp_path: Path) -> None:
    printed = run(environment, tmp_path, "loadfit", "size", str(ROOT / "examples/case-study.yaml"))
    assert "3 NAT gateways with 1 address each in us-east-1" in printed
