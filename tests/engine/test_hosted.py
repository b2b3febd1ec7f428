"""The package for other languages on the engine: started as a plugin, it makes what a program in Python makes."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.automation import CommandError

from proofs.engine.stack import Program
from tests.engine.doubles.aws import FUNCTION
from tests.engine.engine import REGION, Engine
from tests.engine.networks import ZONES, plant_network, planted_network

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PROBLEM = "loadfit:index:MultiAzNatEgress resource 'egress' has a problem: MultiAzNatEgress 'egress': "
"""How the engine shows what the package refuses, with the message in the same line."""


def remote(component: str, name: str, **inputs: Any) -> Program:
    """What an SDK of another language registers."""

    def program() -> None:
        pulumi.ComponentResource(f"loadfit:index:{component}", name, inputs, remote=True)

    return program


LOAD = {
    "region": REGION,
    "zones": 3,
    "flows": [{"client": "checkout", "to": "api.stripe.com:443", "pods": 200, "connectionsPerPod": 300}],
}
"""The case study as other languages spell it."""


def wired(zones: Any) -> dict[str, Any]:
    return {
        zone: {"publicSubnetId": one["public_subnet_id"], "privateSubnetIds": one["private_subnet_ids"]}
        for zone, one in zones.items()
    }


@pytest.mark.usefixtures("plugin")
class TestConstruct:
    def test_it_makes_what_the_same_program_in_python_makes(self, engine: Engine) -> None:
        zones = plant_network(engine.aws)
        hosted = engine.up(remote("MultiAzNatEgress", "egress", load=LOAD, vpcId="vpc-1", zones=wired(zones)))
        assert "NatGateway egress-use1-az1-gateway" in hosted.operations
        # The program in Python takes over from it and finds nothing to do, not even to the component itself.
        python = engine.up(planted_network(zones, alarms=True, dashboard=True))
        assert python.touched == {}
        assert set(python.operations) == set(hosted.operations)

    def test_a_load_that_does_not_fit_is_refused_with_its_findings(self, engine: Engine) -> None:
        zones = plant_network(engine.aws)
        short = {**LOAD, "gateways": 1, "addressesPerGateway": 1}
        given: dict[str, Any] = {"load": short, "vpcId": "vpc-1", "zones": wired(zones), "gatewayZone": ZONES[0]}
        with pytest.raises(CommandError, match=f"{PROBLEM}error NAT_PORTS_SHORT at flows\\[0\\].to: api.stripe.com"):
            engine.up(remote("MultiAzNatEgress", "egress", **given))
        assert engine.aws.journal == []

    def test_an_input_of_the_wrong_type_is_refused(self, engine: Engine) -> None:
        with pytest.raises(CommandError, match=f'{PROBLEM}zones: expected a mapping, found the text "all"'):
            engine.up(remote("MultiAzNatEgress", "egress", load=LOAD, vpcId="vpc-1", zones="all"))
        assert engine.aws.journal == []

    def test_a_path_is_relative_to_the_programs_folder(self, engine: Engine, code: Path) -> None:
        code.rename(engine.folder / "api")
        storefront = {
            "name": "storefront",
            "region": REGION,
            "runtime": "python3.13",
            "windows": {"day": {"peakRequestsPerSecond": 26, "meanDurationMs": 50, "p99DurationMs": 100}},
            "initMs": 800,
            "targetP99Ms": 200,
            "reservedConcurrency": 12,
        }
        engine.up(remote("WarmLambda", "storefront", load=storefront, code="api", handler="app.handler"))
        assert len(list(engine.aws.of_type(FUNCTION))) == 1
