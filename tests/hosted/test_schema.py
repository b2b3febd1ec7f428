"""What programs in other languages see of the package."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import yaml

from loadfit import MultiAzNatEgressArgs, PgBouncerPoolArgs, WarmLambdaArgs
from loadfit.component import camel_case, field_types
from loadfit.hosting import python_inputs
from tests.hosted.provider import ROOT, Provider
from tests.hosted.schema import SNAPSHOT, reviewed

SCHEMA: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
RESOURCES = {"MultiAzNatEgress": MultiAzNatEgressArgs, "PgBouncerPool": PgBouncerPoolArgs, "WarmLambda": WarmLambdaArgs}


def described(part: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Whatever has properties or is one, with where it stands."""
    for kind in ("resources", "types", "inputProperties", "properties"):
        for name, found in part.get(kind, {}).items():
            yield f"{place}{name}", found
            yield from described(found, f"{place}{name}.")


def test_a_change_of_it_is_reviewed(provider: Provider) -> None:
    """`make schema` writes the new one."""
    assert reviewed(provider.schema()) == SNAPSHOT.read_text(encoding="utf-8")


def test_it_has_the_components_of_the_package(provider: Provider) -> None:
    assert set(SCHEMA["resources"]) == {f"loadfit:index:{name}" for name in RESOURCES}


def test_its_version_is_that_of_the_package(provider: Provider) -> None:
    """Which has one source, and which other languages take as a semantic version."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version("loadfit") == declared
    assert provider.version() == declared
    assert json.loads(provider.schema())["version"] == declared
    assert re.fullmatch(r"\d+\.\d+\.\d+", declared)


def test_everything_is_described() -> None:
    """Inherited fields too, which the SDK by itself leaves without."""
    assert [place for place, found in described(SCHEMA) if not found.get("description")] == []


def test_no_description_is_for_readers_of_python() -> None:
    markup = re.compile(r"``|:\w+:`|>>>|\bRaises:|\n(?!\n)(?<!\n\n)")
    assert [place for place, found in described(SCHEMA) if markup.search(found["description"])] == []


def test_every_input_has_its_python_name() -> None:
    for name, args in RESOURCES.items():
        inputs = SCHEMA["resources"][f"loadfit:index:{name}"]["inputProperties"]
        assert set(python_inputs(args, dict.fromkeys(inputs))) == set(field_types(args))


def test_what_only_documents_declare_is_no_input() -> None:
    """Where a number was declared is no business of a program that declares it itself."""
    assert [place for place, _ in described(SCHEMA) if place.lower().endswith("origin")] == []
    assert camel_case("client_origin") == "clientOrigin"


def test_the_plugin_file_starts_the_provider() -> None:
    """The CLI runs the ``__main__.py`` beside it, in an environment of its own."""
    plugin = yaml.safe_load((ROOT / "components/PulumiPlugin.yaml").read_text(encoding="utf-8"))
    assert plugin["runtime"] == {"name": "python", "options": {"toolchain": "uv", "virtualenv": ".venv"}}
    assert (ROOT / "components/__main__.py").exists()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["uv"]["default-groups"] == [], "whoever installs the plugin needs no tools of developers"
