"""MultiAzNatEgress on the engine: what a change touches, in which order, and what is left in the end."""

import re
from typing import Any

import pytest
from pulumi.automation import CommandError

from loadfit import AddressRetention
from proofs.engine.stack import Program
from tests.engine.doubles.aws import EIP, INTERNET_GATEWAY, NAT_GATEWAY, SUBNET
from tests.engine.engine import Engine
from tests.engine.networks import ZONES, own_network, plant_address, plant_network, planted_network

FIRST, SECOND, LAST = ZONES
WATCHED: dict[str, Any] = {"alarms": True, "dashboard": True}
RELEASED: dict[str, Any] = {"address_retention": AddressRetention.RELEASE}
PROTECTED: dict[str, Any] = {"address_retention": AddressRetention.PROTECT}
UNDELETABLE = re.compile(r"cannot be deleted\s+because it is protected")

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def addresses(engine: Engine) -> dict[str, str]:
    """Public addresses by the resource that allocated them."""
    return {one.name: one.get("publicIp") for one in engine.aws.of_type(EIP)}


def gateways(engine: Engine) -> dict[str, str]:
    """Ids of gateways by resource."""
    return {one.name: one.id for one in engine.aws.of_type(NAT_GATEWAY)}


def done(engine: Engine, *types: str) -> list[str]:
    """What was done since the last call, to objects of these types, in order."""
    journal = [str(one) for one in engine.aws.journal if one.type in types]
    engine.aws.journal.clear()
    return journal


def with_brought_addresses(engine: Engine) -> Program:
    """Addresses that were brought do not wait for the internet gateway, so that with them a gateway alone has to."""
    brought = {zone: [plant_address(engine.aws, f"eipalloc-{zone}").id] for zone in ZONES}
    return own_network(declared={"allocations": brought})


class TestLifeCycle:
    def test_a_preview_does_nothing_and_names_what_up_does(self, engine: Engine) -> None:
        program = own_network(**WATCHED)
        previewed = engine.preview(program)
        assert engine.aws.journal == []
        assert set(previewed.operations.values()) == {"create"}
        assert engine.up(program).operations == previewed.operations
        assert previewed.messages == []
        assert engine.unaccounted() == []

    def test_a_second_up_changes_nothing_also_after_a_refresh(self, engine: Engine) -> None:
        program = own_network(**WATCHED)
        engine.begin(program)
        engine.aws.journal.clear()
        assert engine.up(program).touched == {}
        assert engine.up(program, refresh=True).touched == {}
        assert engine.aws.journal == []

    def test_a_load_that_does_not_fit_is_refused_before_anything_exists(self, engine: Engine) -> None:
        program = own_network(declared={"gateways": 1, "addresses_per_gateway": 1}, gateway_zone=FIRST)
        with pytest.raises(CommandError) as error:
            engine.up(program)
        assert "error NAT_PORTS_SHORT at flows[0].to: api.stripe.com:443 needs 75,000 ports" in str(error.value)
        assert "Traceback" not in str(error.value)
        assert {one.type for one in engine.aws.journal} <= {"aws:ec2/vpc:Vpc", INTERNET_GATEWAY, SUBNET}

    def test_what_was_deleted_by_hand_is_made_again_and_nothing_else(self, engine: Engine) -> None:
        engine.begin(own_network())
        route = engine.aws.named(f"egress-{SECOND}-default-route")
        del engine.aws.objects[route.type, route.id]
        assert engine.up(own_network(), refresh=True).touched == {f"Route egress-{SECOND}-default-route": "create"}

    def test_destroy_leaves_nothing_but_the_addresses(self, engine: Engine) -> None:
        engine.begin(own_network())
        kept = addresses(engine)
        engine.destroy()
        assert addresses(engine) == kept
        assert {one.type for one in engine.aws.objects.values()} == {EIP}
        assert engine.state == []

    def test_destroy_leaves_nothing_at_all_where_addresses_are_released(self, engine: Engine) -> None:
        program = own_network(**RELEASED)
        engine.begin(program)
        engine.destroy()
        assert engine.aws.objects == {}

    def test_protected_addresses_stop_a_destroy_at_its_preview(self, engine: Engine) -> None:
        engine.begin(own_network(**PROTECTED))
        engine.aws.journal.clear()
        with pytest.raises(CommandError, match=UNDELETABLE):
            engine.preview_destroy()
        assert engine.aws.journal == []

    def test_protected_addresses_survive_a_destroy_without_a_preview(self, engine: Engine) -> None:
        program = own_network(**PROTECTED)
        engine.begin(program)
        before = addresses(engine)
        with pytest.raises(CommandError, match=UNDELETABLE):
            engine.destroy()
        engine.up(program)
        assert addresses(engine) == before


class TestInternetGateway:
    def test_gateways_wait_for_it_when_they_are_made(self, engine: Engine) -> None:
        engine.aws.pause("create", INTERNET_GATEWAY, until=("create", NAT_GATEWAY), seconds=1)
        engine.up(with_brought_addresses(engine))
        assert len(gateways(engine)) == 3


class TestGrowth:
    def test_a_larger_load_changes_thresholds_and_no_gateway(self, engine: Engine) -> None:
        engine.begin(own_network(**WATCHED))
        touched = engine.up(own_network(connections=310, **WATCHED)).touched
        assert set(touched.values()) == {"update"}
        assert {name.split()[0] for name in touched} == {"MultiAzNatEgress", "MetricAlarm", "Dashboard"}

    def test_more_addresses_are_added_in_place_and_the_old_ones_stay(self, engine: Engine) -> None:
        engine.begin(own_network())
        before, standing = addresses(engine), gateways(engine)
        grown = engine.up(own_network(declared={"addresses_per_gateway": 2, "quota_addresses_per_region": 6}))
        assert before.items() < addresses(engine).items()
        assert len(addresses(engine)) == 6
        assert gateways(engine) == standing
        changed = {
            name: one for name, one in grown.touched.items() if not name.startswith(("MetricAlarm", "Dashboard"))
        }
        assert changed == {
            "MultiAzNatEgress egress": "update",
            **{f"Eip egress-{zone}-address-1": "create" for zone in ZONES},
            **{f"NatGateway egress-{zone}-gateway": "update" for zone in ZONES},
        }

    def test_fewer_addresses_leave_their_gateways_before_they_are_released(self, engine: Engine) -> None:
        engine.up(own_network(declared={"addresses_per_gateway": 2, "quota_addresses_per_region": 6}, **RELEASED))
        first = {name: ip for name, ip in addresses(engine).items() if name.endswith("-0")}
        standing = gateways(engine)
        engine.aws.journal.clear()
        engine.up(own_network(**RELEASED))
        assert (addresses(engine), gateways(engine)) == (first, standing)
        order = done(engine, EIP, NAT_GATEWAY)
        assert sorted(order[:3]) == [f"update NatGateway egress-{zone}-gateway" for zone in ZONES]
        assert sorted(order[3:]) == [f"delete Eip egress-{zone}-address-1" for zone in ZONES]

    def test_fewer_addresses_are_off_their_gateways_where_they_are_retained(self, engine: Engine) -> None:
        engine.up(own_network(declared={"addresses_per_gateway": 2, "quota_addresses_per_region": 6}))
        engine.up(own_network())
        assert len(addresses(engine)) == 6
        assert [one.get("secondaryAllocationIds") for one in engine.aws.of_type(NAT_GATEWAY)] == [[], [], []]

    def test_gateways_are_given_the_time_to_drain(self, engine: Engine) -> None:
        engine.begin(own_network())
        seconds = [one["customTimeouts"] for one in engine.state if one["type"] == NAT_GATEWAY]
        assert seconds == [{"create": 15 * 60, "update": 20 * 60, "delete": 30 * 60}] * 3

    def test_another_zone_adds_and_replaces_nothing(self, engine: Engine) -> None:
        engine.up(own_network((FIRST, LAST), connections=100, **WATCHED))
        before, standing = addresses(engine), gateways(engine)
        touched = engine.up(own_network(connections=100, **WATCHED)).touched
        assert before.items() < addresses(engine).items()
        assert standing.items() < gateways(engine).items()
        assert {name for name, one in touched.items() if one == "create" and SECOND not in name} == set()
        assert set(touched.values()) == {"create", "update"}
        updated = {name.split()[0] for name, one in touched.items() if one == "update"}
        assert updated <= {"MultiAzNatEgress", "VpcEndpoint", "MetricAlarm", "Dashboard"}

    def test_a_zone_that_goes_takes_only_its_own(self, engine: Engine) -> None:
        engine.up(own_network(connections=100))
        standing = gateways(engine)
        touched = engine.up(own_network((FIRST, LAST), connections=100)).touched
        assert {name for name, one in touched.items() if one not in {"update", "delete"}} == set()
        assert {name for name, one in touched.items() if one == "delete" and SECOND not in name} == set()
        assert gateways(engine).items() < standing.items()
        assert engine.unaccounted() == [f"leaked: Eip egress-{SECOND}-address-0"], "retained, as it should be"


class TestReplacement:
    def test_a_gateway_goes_before_its_successor_comes_and_its_addresses_survive(self, engine: Engine) -> None:
        engine.begin(own_network())
        before = addresses(engine)
        engine.aws.journal.clear()
        run = engine.up(own_network(subnets={FIRST: "elsewhere"}))
        assert run.touched[f"NatGateway egress-{FIRST}-gateway"] == "replace"
        assert run.touched[f"Route egress-{FIRST}-default-route"] == "update"
        assert addresses(engine) == before
        assert done(engine, NAT_GATEWAY) == [
            f"delete NatGateway egress-{FIRST}-gateway",
            f"create NatGateway egress-{FIRST}-gateway",
        ]
        assert engine.unaccounted() == []

    def test_one_that_fails_halfway_is_finished_by_the_next_up(self, engine: Engine) -> None:
        engine.begin(own_network())
        before = addresses(engine)
        engine.aws.fail("create", f"egress-{FIRST}-gateway", "InternalError")
        with pytest.raises(CommandError, match="InternalError"):
            engine.up(own_network(subnets={FIRST: "elsewhere"}))
        engine.up(own_network(subnets={FIRST: "elsewhere"}))
        assert len(gateways(engine)) == 3
        assert addresses(engine) == before
        assert engine.unaccounted() == []
        assert engine.up(own_network(subnets={FIRST: "elsewhere"})).touched == {}

    @pytest.mark.parametrize("failing", [f"egress-{SECOND}-address-0", f"egress-{SECOND}-gateway", "egress-s3"])
    def test_a_creation_that_fails_in_the_middle_leaks_nothing(self, engine: Engine, failing: str) -> None:
        engine.aws.fail("create", failing, "InternalError")
        with pytest.raises(CommandError, match="InternalError"):
            engine.up(own_network())
        assert engine.unaccounted() == []
        engine.up(own_network())
        assert len(gateways(engine)) == 3
        assert engine.unaccounted() == []
        assert engine.up(own_network()).touched == {}


class TestAdoption:
    def test_an_existing_gateway_is_adopted_with_its_address_and_stays(self, engine: Engine) -> None:
        zones = plant_network(engine.aws)
        plant_address(engine.aws, "eipalloc-1")
        engine.aws.plant(NAT_GATEWAY, "nat-1", allocationId="eipalloc-1", subnetId=f"subnet-public-{FIRST}")
        imports = {f"{FIRST}-gateway": "nat-1", f"{FIRST}-address-0": "eipalloc-1"}
        adopted = [("NatGateway", "gateway"), ("Eip", "address-0")]
        run = engine.up(planted_network(zones, imports=imports))
        assert {run.operations[f"{kind} egress-{FIRST}-{suffix}"] for kind, suffix in adopted} == {"import"}
        assert run.differing[f"NatGateway egress-{FIRST}-gateway"] == {"tags", "secondaryAllocationIds"}
        assert engine.aws.objects[NAT_GATEWAY, "nat-1"].get("allocationId") == "eipalloc-1"
        assert len(gateways(engine)) == len(addresses(engine)) == 3
        assert engine.up(planted_network(zones)).touched == {}, "also without the ids, which have done their work"

    def test_addresses_that_were_brought_are_never_touched(self, engine: Engine) -> None:
        zones = plant_network(engine.aws)
        brought = {zone: [plant_address(engine.aws, f"eipalloc-{zone}").id] for zone in ZONES}
        program = planted_network(zones, declared={"allocations": brought})
        engine.begin(program)
        assert engine.up(program).touched == {}
        engine.destroy()
        assert done(engine, EIP) == []
        assert len(list(engine.aws.of_type(EIP))) == 3
