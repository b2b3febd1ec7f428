"""Each option that the facts of AWS and Kubernetes demand of a component: without it, a test of the engine fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest
from pulumi.automation import CommandError

from tests.engine import test_egress as egress
from tests.engine.doubles.aws import EIP, NAT_GATEWAY
from tests.engine.engine import Engine

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@dataclass(frozen=True)
class Mutant:
    """A component without one of its options, and the test that fails of it."""

    name: str
    type: str
    change: Callable[[dict[str, Any], pulumi.ResourceOptions], None]
    killer: Callable[[Any, Engine], None]
    because: str
    """A part of what the failure says: another failure would prove nothing."""


def option(name: str) -> Callable[[dict[str, Any], pulumi.ResourceOptions], None]:
    """Takes a resource option away."""
    return lambda _props, opts: setattr(opts, name, None)


def given(**inputs: Any) -> Callable[[dict[str, Any], pulumi.ResourceOptions], None]:
    """Gives an input another value."""
    return lambda props, _opts: props.update(inputs)


MUTANTS = [
    Mutant(
        "a gateway without delete_before_replace",
        NAT_GATEWAY,
        option("delete_before_replace"),
        egress.TestReplacement.test_a_gateway_goes_before_its_successor_comes_and_its_addresses_survive,
        "Resource.AlreadyAssociated",
    ),
    Mutant(
        "a gateway that does not wait for the internet gateway",
        NAT_GATEWAY,
        option("depends_on"),
        egress.TestInternetGateway.test_gateways_wait_for_it_when_they_are_made,
        "Gateway.NotAttached",
    ),
    Mutant(
        "a gateway that names no secondary addresses instead of an empty list",
        NAT_GATEWAY,
        lambda props, _opts: props.update(secondary_allocation_ids=props["secondary_allocation_ids"] or None),
        egress.TestGrowth.test_fewer_addresses_leave_their_gateways_before_they_are_released,
        "DependencyViolation",
    ),
    Mutant(
        "a gateway with the provider's own time-outs",
        NAT_GATEWAY,
        option("custom_timeouts"),
        egress.TestGrowth.test_gateways_are_given_the_time_to_drain,
        "customTimeouts",
    ),
    Mutant(
        "an address without retain_on_delete",
        EIP,
        option("retain_on_delete"),
        egress.TestLifeCycle.test_destroy_leaves_nothing_but_the_addresses,
        "egress-use1-az1-address-0",
    ),
    Mutant(
        "an address without protect",
        EIP,
        option("protect"),
        egress.TestLifeCycle.test_protected_addresses_stop_a_destroy_at_its_preview,
        "DID NOT RAISE",
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_component_without_it_fails_a_test(engine: Engine, mutant: Mutant) -> None:
    changed: list[str] = []

    def mutate(type: str, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:  # noqa: A002
        if type == mutant.type:
            mutant.change(props, opts)
            changed.append(name)

    # A missed `pytest.raises` fails with an exception that is no Exception.
    with (
        engine.mutated(mutate),
        pytest.raises((AssertionError, CommandError, KeyError, pytest.fail.Exception)) as failed,
    ):
        mutant.killer(None, engine)
    assert changed, "the mutation found nothing to change"
    assert mutant.because in str(failed.value)
