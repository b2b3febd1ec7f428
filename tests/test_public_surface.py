"""What users import, what that costs them, and what programs in other languages see."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.analyzer import Analyzer

import loadfit
from loadfit import MultiAzNatEgress

ROOT = Path(__file__).parents[1]


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


class TestNames:
    @pytest.mark.parametrize("name", loadfit.__all__)
    def test_every_public_name_can_be_imported(self, name: str) -> None:
        assert getattr(loadfit, name) is not None

    def test_they_are_listed_once_and_by_dir(self) -> None:
        assert len(set(loadfit.__all__)) == len(loadfit.__all__)
        assert dir(loadfit) == sorted(loadfit.__all__)

    def test_each_is_documented(self) -> None:
        bare = [name for name in loadfit.__all__ if not name.startswith("__") and not getattr(loadfit, name).__doc__]
        assert bare == []

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="module 'loadfit' has no attribute 'MultiAzNatEgres'"):
            loadfit.MultiAzNatEgres  # noqa: B018

    def test_the_version_is_the_projects(self) -> None:
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        assert loadfit.__version__ == version("loadfit") == declared

    def test_it_is_typed(self) -> None:
        assert (Path(loadfit.__file__).parent / "py.typed").is_file()


class TestWithoutPulumi:
    """Sizing starts in a tenth of the time that the SDK takes to import, and works where it cannot be imported."""

    LOADED = "; import sys; print(sorted(name for name in sys.modules if name.partition('.')[0].startswith('pulumi')))"

    @pytest.mark.parametrize(
        "imported",
        [
            "import loadfit",
            "import loadfit.cli.size",
            "import loadfit.cli.__main__",
            "import loadfit; loadfit.parse_load, loadfit.size_egress, loadfit.read_load, loadfit.EgressLoad",
            "from loadfit.cli.__main__ import main; main(['size', 'examples/case-study.yaml', '--format', 'json'])",
        ],
    )
    def test_nothing_of_it_is_loaded(self, imported: str) -> None:
        assert run(imported + self.LOADED).splitlines()[-1] == "[]"

    def test_the_component_does_load_it(self) -> None:
        """The check above would see it."""
        assert "'pulumi'" in run("import loadfit; loadfit.InvalidInputs" + self.LOADED)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the SDK's, when it reads another's version
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestHosted:
    """The schema that the SDK infers, for YAML and other languages."""

    def analyzed(self) -> Any:
        return Analyzer("loadfit").analyze([MultiAzNatEgress])

    def test_its_inputs_are_the_documented_ones(self) -> None:
        component = self.analyzed()["component_definitions"]["MultiAzNatEgress"]
        assert set(component.inputs) == {
            "load",
            "vpcId",
            "zones",
            "internetGateway",
            "gatewayZone",
            "addressRetention",
            "defaultRoutes",
            "gatewayEndpoints",
            "egressOnlyInternetGateway",
            "imports",
            "alarms",
            "alarmActions",
            "dashboard",
            "tags",
        }
        required = {name for name, one in component.inputs.items() if not one.optional}
        assert required == {"load", "vpcId", "zones"}

    def test_its_outputs_are_the_documented_ones(self) -> None:
        component = self.analyzed()["component_definitions"]["MultiAzNatEgress"]
        assert set(component.outputs) == {
            "gatewayIds",
            "publicAddresses",
            "allowListCidrs",
            "allocationIds",
            "routeTableIds",
            "alarmArns",
            "sizing",
        }

    def test_inputs_and_outputs_are_described(self) -> None:
        component = self.analyzed()["component_definitions"]["MultiAzNatEgress"]
        assert component.description
        properties = {**component.inputs, **component.outputs}
        assert [name for name, one in properties.items() if not one.description] == []

    def test_so_is_every_type_in_them_with_its_own_properties(self) -> None:
        """The SDK reads descriptions from the class itself, not from those that it inherits from."""
        for token, kind in self.analyzed()["type_definitions"].items():
            assert kind.description, token
            own = kind.python_type.__annotations__
            declared = {name: one for name, one in kind.properties.items() if kind.properties_mapping[name] in own}
            assert [name for name, one in declared.items() if not one.description] == [], token

    def test_of_a_load_only_what_has_no_default_is_required(self) -> None:
        """A default that is not `None` would be required of hosted programs."""
        found = self.analyzed()["type_definitions"]
        required = {
            token: {name for name, one in kind.properties.items() if not one.optional} for token, kind in found.items()
        }
        assert required["EgressLoad"] == {"region", "zones", "flows"}
        assert required["Flow"] == {"client", "pods", "to"}
        assert required["EgressPolicy"] == set()
        assert required["EgressZone"] == {"privateSubnetIds"}

    def test_no_list_holds_members_of_an_enum(self) -> None:
        """The SDK would hand each of them over as an empty mapping."""
        found = self.analyzed()
        enums = {f"#/types/loadfit:index:{token}" for token, kind in found["type_definitions"].items() if kind.enum}
        assert len(enums) > 2
        properties = [
            *found["component_definitions"]["MultiAzNatEgress"].inputs.items(),
            *(one for kind in found["type_definitions"].values() for one in kind.properties.items()),
        ]
        held = [
            name
            for name, one in properties
            for inner in (one.items, one.additional_properties)
            if inner is not None and inner.ref in enums
        ]
        assert held == []
