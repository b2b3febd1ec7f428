"""Each option that the facts of AWS and Kubernetes demand of a component: without it, a test of the engine fails."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pulumi
import pytest
from pulumi.automation import CommandError

from proofs.kubernetes.kinds import CONFIG_MAP, STATEFUL_SET
from tests.engine import test_egress as egress
from tests.engine import test_functions as functions
from tests.engine import test_pool as pool
from tests.engine import test_reference_stack as stacks
from tests.engine.doubles.aws import ALIAS, EIP, FUNCTION, INSTANCE, NAT_GATEWAY, PROVISIONED, SCHEDULED, TARGET
from tests.engine.engine import Engine

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


Change: TypeAlias = Callable[[str, dict[str, Any], pulumi.ResourceOptions], bool]
"""Given a resource's type, inputs and options: changes them, and says whether it did."""


@dataclass(frozen=True)
class Mutant:
    """A component without one of its options, and the test that fails of it."""

    name: str
    change: Change
    killer: Callable[..., None]
    because: str
    """A part of what the failure says: another failure would prove nothing."""


def option(wanted: str, name: str) -> Change:
    """Takes a resource option away from a type."""

    def changed(token: str, _props: dict[str, Any], opts: pulumi.ResourceOptions) -> bool:
        if token != wanted or not getattr(opts, name):
            return False
        setattr(opts, name, None)
        return True

    return changed


def given(wanted: str, **inputs: Any) -> Change:
    """Gives inputs of a type other values."""

    def changed(token: str, props: dict[str, Any], _opts: pulumi.ResourceOptions) -> bool:
        if token == wanted:
            props.update(inputs)
        return token == wanted

    return changed


def no_empty_list(token: str, props: dict[str, Any], _opts: pulumi.ResourceOptions) -> bool:
    """Leaves a gateway's secondary addresses out where there are none."""
    if token != NAT_GATEWAY or props["secondary_allocation_ids"]:
        return False
    props["secondary_allocation_ids"] = None
    return True


def one_name_for_ever(token: str, props: dict[str, Any], _opts: pulumi.ResourceOptions) -> bool:
    """Names a pool's configuration as if its content were always the same."""
    if token != CONFIG_MAP or "pgbouncer.ini" not in props["data"]:
        return False
    props["metadata"] = {**props["metadata"], "name": "orders-config"}
    return True


def on_the_version() -> Change:
    """Keeps the version warm that an alias leads to, instead of the alias."""
    versions: list[Any] = []

    def changed(token: str, props: dict[str, Any], _opts: pulumi.ResourceOptions) -> bool:
        if token == ALIAS:
            versions.append(props["function_version"])
        if token == PROVISIONED:
            props["qualifier"] = versions[-1]
        return token == PROVISIONED

    return changed


MUTANTS = [
    Mutant(
        "a gateway without delete_before_replace",
        option(NAT_GATEWAY, "delete_before_replace"),
        egress.TestReplacement.test_a_gateway_goes_before_its_successor_comes_and_its_addresses_survive,
        "Resource.AlreadyAssociated",
    ),
    Mutant(
        "a gateway that does not wait for the internet gateway",
        option(NAT_GATEWAY, "depends_on"),
        egress.TestInternetGateway.test_gateways_wait_for_it_when_they_are_made,
        "Gateway.NotAttached",
    ),
    Mutant(
        "a gateway that names no secondary addresses instead of an empty list",
        no_empty_list,
        egress.TestGrowth.test_fewer_addresses_leave_their_gateways_before_they_are_released,
        "DependencyViolation",
    ),
    Mutant(
        "a gateway with the provider's own time-outs",
        option(NAT_GATEWAY, "custom_timeouts"),
        egress.TestGrowth.test_gateways_are_given_the_time_to_drain,
        "customTimeouts",
    ),
    Mutant(
        "an address without retain_on_delete",
        option(EIP, "retain_on_delete"),
        egress.TestLifeCycle.test_destroy_leaves_nothing_but_the_addresses,
        "egress-use1-az1-address-0",
    ),
    Mutant(
        "an address without protect",
        option(EIP, "protect"),
        egress.TestLifeCycle.test_protected_addresses_stop_a_destroy_at_its_preview,
        "DID NOT RAISE",
    ),
    Mutant(
        "a configuration under one name for ever",
        one_name_for_ever,
        pool.TestChange.test_the_new_configuration_is_there_first_and_the_old_one_goes_last,
        "assert 'replace' == 'update'",  # of the replicas: what mounts a thing that is gone goes with it
    ),
    Mutant(
        "replicas that do not wait for what they need",
        option(STATEFUL_SET, "depends_on"),
        pool.TestLifeCycle.test_pods_start_once_they_have_names,
        "the pods have no names",
    ),
    Mutant(
        "replicas with the provider's own time-outs",
        option(STATEFUL_SET, "custom_timeouts"),
        pool.TestLifeCycle.test_replicas_are_given_the_time_to_restart_one_by_one,
        "customTimeouts",
    ),
    Mutant(
        "a function that publishes no version",
        given(FUNCTION, publish=False),
        functions.TestDeployment.test_new_code_is_a_new_version_under_the_same_alias_and_the_warm_pool_stays,
        "cannot be applied to $LATEST",
    ),
    Mutant(
        "a function that does not wait until its role is complete",
        option(FUNCTION, "depends_on"),
        functions.TestOrder.test_its_role_is_complete_before_a_function_in_a_network_is_made,
        "does not have permissions to call CreateNetworkInterface",
    ),
    Mutant(
        "provisioned concurrency on the version instead of the alias",
        on_the_version(),
        functions.TestDeployment.test_new_code_is_a_new_version_under_the_same_alias_and_the_warm_pool_stays,
        "'ProvisionedConcurrencyConfig warm-provisioned': 'replace'",
    ),
    Mutant(
        "provisioned concurrency that each deployment sets back",
        option(PROVISIONED, "ignore_changes"),
        functions.TestLifeCycle.test_what_autoscaling_has_set_stays_also_after_a_refresh,
        "ProvisionedConcurrencyConfig warm-provisioned",
    ),
    Mutant(
        "provisioned concurrency with the provider's own time-outs",
        option(PROVISIONED, "custom_timeouts"),
        functions.TestOrder.test_instances_are_given_the_time_to_start,
        "customTimeouts",
    ),
    Mutant(
        "a scalable target that does not wait for provisioned concurrency",
        option(TARGET, "depends_on"),
        functions.TestOrder.test_it_is_warm_before_it_is_scaled,
        "'Target'",
    ),
    Mutant(
        "schedules that are set at once",
        option(SCHEDULED, "depends_on"),
        functions.TestOrder.test_schedules_are_set_one_after_the_other,
        "ConcurrentUpdateException",
    ),
    Mutant(
        "a database without protect",
        option(INSTANCE, "protect"),
        stacks.TestLifeCycle.test_a_destroy_stops_at_its_preview_because_of_the_database,
        "DID NOT RAISE",
    ),
    Mutant(
        "a database that does not wait until its role may monitor it",
        option(INSTANCE, "depends_on"),
        stacks.TestLifeCycle.test_it_is_made_and_a_second_up_changes_nothing_also_after_a_refresh,
        "required permissions for: ENHANCED_MONITORING",
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_component_without_it_fails_a_test(engine: Engine, mutant: Mutant, request: pytest.FixtureRequest) -> None:
    # What the other test is given besides itself: fixtures, by their names.
    wanted = list(inspect.signature(mutant.killer).parameters)[1:]
    fixtures = {name: request.getfixturevalue(name) for name in wanted}
    changed: list[str] = []

    def mutate(type: str, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:  # noqa: A002
        if mutant.change(type, props, opts):
            changed.append(name)

    # A missed `pytest.raises` fails with an exception that is no Exception.
    with (
        engine.mutated(mutate),
        pytest.raises((AssertionError, CommandError, KeyError, pytest.fail.Exception)) as failed,
    ):
        mutant.killer(None, **fixtures)
    assert changed, "the mutation found nothing to change"
    assert mutant.because in str(failed.value)
