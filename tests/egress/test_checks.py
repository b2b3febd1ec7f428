"""What an egress plan breaks: each check at its limit and one beyond, and what its finding says."""

from typing import Any

import pytest
from hypothesis import given, settings

from loadfit.core.findings import Finding, Severity
from loadfit.core.paths import parse_path, show_path
from loadfit.egress import codes
from tests.egress.test_sizing import INCIDENT, sized
from tests.strategies import Document, documents

S3 = "bucket.s3.us-east-1.amazonaws.com:443"


def document(*flows: dict[str, Any], zones: int = 3, workload: dict[str, Any] | None = None, **egress: Any) -> Document:
    """A document of one pod that holds one connection, unless said otherwise."""
    return {
        "region": "us-east-1",
        "zones": zones,
        "workloads": {"shop": {"pods": 1, "rollout_surge": 0}, "web": {"pods": 1}, **(workload or {})},
        "egress": {"flows": [flow(**each) for each in flows or ({},)], **egress},
    }


def flow(**fields: Any) -> dict[str, Any]:
    """One held connection of shop to a.com."""
    held = {} if "new_connections_per_second_per_pod" in fields else {"connections_per_pod": 1}
    return {"from": "shop", "to": "a.com:443", **held, **fields}


def found(declared: Document, code: str) -> Finding | None:
    """The finding of a code."""
    return next((finding for finding in sized(declared).findings if finding.code == code), None)


def must(declared: Document, code: str) -> Finding:
    """The finding of a code, which has to be there."""
    finding = found(declared, code)
    assert finding is not None, [one.code for one in sized(declared).findings]
    return finding


class TestAddresses:
    def test_eight_addresses_are_the_most_that_a_gateway_takes(self) -> None:
        """8 fit where the quotas were raised; 9 never do, whatever the quota."""
        quotas: dict[str, Any] = {"quota_addresses_per_gateway": 100, "quota_addresses_per_region": 100}
        assert sized(document(addresses_per_gateway=8, **quotas)).findings == ()
        error = must(document(addresses_per_gateway=9, **quotas), codes.NAT_ADDRESSES_OVER_LIMIT)
        assert (error.severity, error.needed, error.available) == (Severity.ERROR, 9, 8)

    @pytest.mark.parametrize(
        ("quota", "given", "fits"), [(None, 2, True), (None, 3, False), (3, 3, True), (3, 4, False)]
    )
    def test_the_quota_per_gateway_is_two_unless_declared(self, quota: int | None, given: int, fits: bool) -> None:
        """Quota L-5F53652F."""
        declared: dict[str, Any] = {} if quota is None else {"quota_addresses_per_gateway": quota}
        case = document(addresses_per_gateway=given, quota_addresses_per_region=100, **declared)
        assert (found(case, codes.NAT_ADDRESSES_OVER_QUOTA) is None) is fits

    def test_limit_and_quota_are_not_both_reported(self) -> None:
        """Nine addresses are over the limit; that the quota is lower adds nothing."""
        assert found(document(addresses_per_gateway=9), codes.NAT_ADDRESSES_OVER_QUOTA) is None

    @pytest.mark.parametrize(
        ("egress", "needed"),
        [
            ({"addresses_per_gateway": 2}, 6),
            ({"addresses_in_use": 3}, 6),
            ({"addresses_in_use": 2}, None),
            ({"addresses_per_gateway": 2, "gateways": 1}, None),
            ({"addresses_per_gateway": 2, "quota_addresses_per_region": 6}, None),
            ({"quota_addresses_per_region": 2}, 3),
        ],
    )
    def test_addresses_of_the_region_are_counted_with_those_in_use(
        self, egress: dict[str, Any], needed: int | None
    ) -> None:
        """Quota L-0263D0A3: gateways x addresses + in use, five unless declared."""
        error = found(document(**egress), codes.REGION_ADDRESSES_OVER_QUOTA)
        assert (None if error is None else error.needed) == needed

    def test_brought_addresses_exist_already(self) -> None:
        """Allocations take nothing of the Region's quota, but no gateway takes more of them than its own allows."""
        allocations = {f"use1-az{zone}": [f"eipalloc-{zone}{number}" for number in range(3)] for zone in range(3)}
        case = document(allocations=allocations, addresses_in_use=5)
        assert found(case, codes.REGION_ADDRESSES_OVER_QUOTA) is None
        assert must(case, codes.NAT_ADDRESSES_OVER_QUOTA).needed == 3
        assert sized(case).addresses_per_gateway == 3

    def test_gateways_in_use_leave_room_for_one(self) -> None:
        """Quota L-FE5A380F: four in use and one more are five."""
        assert found(document(gateways_in_use=4), codes.ZONE_GATEWAYS_OVER_QUOTA) is None
        assert must(document(gateways_in_use=5), codes.ZONE_GATEWAYS_OVER_QUOTA).needed == 6
        assert found(document(gateways_in_use=5, quota_gateways_per_zone=6), codes.ZONE_GATEWAYS_OVER_QUOTA) is None


class TestZoneLoss:
    @pytest.mark.parametrize(
        ("zones", "gateways", "lost", "warned"),
        [
            (3, None, 1, False),
            (3, 1, 1, True),
            (1, None, 1, True),
            (2, None, 1, False),
            (2, None, 2, True),
            (3, None, 2, False),
            (3, None, 3, True),
            (3, 1, 0, False),
            (1, 1, 0, False),
        ],
    )
    def test_a_gateway_must_be_left(self, zones: int, gateways: int | None, lost: int, warned: bool) -> None:
        """A warning where the loss that the policy plans for leaves no gateway, never an error."""
        declared: dict[str, Any] = {} if gateways is None else {"gateways": gateways}
        finding = found(document(zones=zones, policy={"zones_lost": lost}, **declared), codes.ZONE_LOSS_STOPS_EGRESS)
        assert (finding is not None) is warned
        assert finding is None or finding.severity is Severity.WARNING


class TestPods:
    def test_a_pod_has_28_232_ports_for_one_destination(self) -> None:
        """Linux's default range, 32768 to 60999."""
        assert found(document({"connections_per_pod": 28_232}), codes.POD_PORTS_SHORT) is None
        error = must(document({"connections_per_pod": 28_233}), codes.POD_PORTS_SHORT)
        assert (error.severity, error.needed, error.available) == (Severity.ERROR, 28_233, 28_232)

    def test_flows_of_one_client_to_one_destination_share_a_pods_ports(self) -> None:
        """Two flows of one workload are of the same pods; two workloads are not."""
        half = {"connections_per_pod": 15_000}
        assert must(document(half, half), codes.POD_PORTS_SHORT).needed == 30_000
        assert found(document(half, {**half, "from": "web"}), codes.POD_PORTS_SHORT) is None
        assert found(document(half, {**half, "to": "b.com:443"}), codes.POD_PORTS_SHORT) is None

    def test_the_equation_gives_what_it_says(self) -> None:
        """Where a destination has several addresses, the share of the busiest one is a part of the equation."""
        error = must(document({"connections_per_pod": 60_000, "addresses": 2}), codes.POD_PORTS_SHORT)
        assert error.needed == 37_500
        assert "0.625" in error.equation

    @pytest.mark.parametrize("via", ["gateway_endpoint", "interface_endpoint", "ipv6"])
    def test_a_way_past_the_gateway_gives_a_pod_no_more_ports(self, via: str) -> None:
        """The pod's kernel has one ephemeral range for every way out: no endpoint is a remedy for it."""
        assert found(document({"connections_per_pod": 30_000, "to": S3, "via": via}), codes.POD_PORTS_SHORT)


class TestNodes:
    @pytest.mark.parametrize(("nodes", "external", "warned"), [(1, None, True), (2, None, False), (1, True, False)])
    def test_a_node_has_64_512_ports_unless_snat_is_external(
        self, nodes: int, external: bool | None, warned: bool
    ) -> None:
        """4 pods in a rollout of 5 hold 17,000 each: 85,000 on one node, 51,000 on each of two."""
        declared: dict[str, Any] = {} if external is None else {"external_snat": external}
        case = document({"connections_per_pod": 17_000}, workload={"shop": {"pods": 4}}, nodes=nodes, **declared)
        finding = found(case, codes.NODE_SNAT_PORTS_SHORT)
        assert (finding is not None) is warned
        assert finding is None or (finding.severity, finding.needed) == (Severity.WARNING, 85_000)

    def test_nodes_are_not_guessed(self) -> None:
        """Nothing is checked where the nodes were not declared."""
        case = document({"connections_per_pod": 20_000}, workload={"shop": {"pods": 1_000}})
        assert found(case, codes.NODE_SNAT_PORTS_SHORT) is None


class TestTraffic:
    @pytest.mark.parametrize(
        ("field", "code", "start", "hard"),
        [
            ("peak_gbps", codes.NAT_BANDWIDTH_SHORT, 5, 100),
            ("peak_packets_per_second", codes.NAT_PACKETS_SHORT, 1_000_000, 10_000_000),
        ],
    )
    def test_a_gateway_starts_small_and_scales_to_a_limit(self, field: str, code: str, start: int, hard: int) -> None:
        """Up to its start nothing, up to its limit a warning, then an error; 0.4 with one of 4 zones lost."""

        def severity(amount: float, gateways: int) -> str | None:
            traffic: dict[str, Any] = {field: amount}
            finding = found(document(zones=4, gateways=gateways, **traffic), code)
            return None if finding is None else finding.severity.value

        amounts = (start, start * 1.01, hard, hard * 1.01)
        assert [severity(amount, 1) for amount in amounts] == [None, "warning", "warning", "error"]
        assert [severity(amount / 0.4, 4) for amount in amounts] == [None, "warning", "warning", "error"]


class TestTexts:
    def test_the_flow_that_takes_most_is_pointed_at(self) -> None:
        """The path is that of the heaviest flow of the destination, by pods and connections."""
        case = document(
            {"connections_per_pod": 10_000},
            {"from": "web", "connections_per_pod": 300},
            workload={"web": {"pods": 500}},
            addresses_per_gateway=1,
        )
        assert must(case, codes.NAT_PORTS_SHORT).path == ("egress", "flows", 1, "to")

    def test_an_equation_names_every_part(self) -> None:
        """Pods, the zone, the rate, open time, cool-down, replaced pods and the busiest address."""
        case = document(
            {"new_connections_per_second_per_pod": 10, "connection_duration_ms": 200, "addresses": 2},
            workload={"shop": {"pods": 300, "rollout_seconds": 120}},
            addresses_per_gateway=1,
            policy={"zones_lost": 0},
        )
        assert must(case, codes.NAT_PORTS_SHORT).equation == (
            "(150 pods of 375 in the fullest of 3 zones + 60 replaced ones cooling down) x 10/s x "
            "(350.2 s open + 60 s cool-down) x 0.625 to the busiest address = 538,388 ports"
        )

    def test_every_code_is_explained(self) -> None:
        """``loadfit explain`` knows each code, with sources."""
        every = {value for name, value in vars(codes).items() if name.isupper() and name == value}
        assert set(codes.EXPLANATIONS) == every
        assert all(one.meaning and one.equation and one.sources for one in codes.EXPLANATIONS.values())

    @settings(max_examples=60, deadline=None)
    @given(documents())
    def test_findings_are_told_apart_and_point_into_the_document(self, declared: Document) -> None:
        """Errors first, each key once, a need above what is available, and a path that starts at a declared section."""
        findings = sized(declared).findings
        severities = [finding.severity for finding in findings]
        assert severities == sorted(severities, key=[Severity.ERROR, Severity.WARNING].index)
        assert len({finding.key for finding in findings}) == len(findings)
        for finding in findings:
            assert finding.needed > finding.available
            assert finding.path[0] in ("egress", "zones")
            assert parse_path(show_path(finding.path)) == finding.path
            assert finding.message
            assert finding.equation

    @settings(max_examples=60, deadline=None)
    @given(documents())
    def test_no_text_counts_one_thing_as_several(self, declared: Document) -> None:
        """ "1 addresses" is not English."""
        plan = sized(declared)
        texts = [text for finding in plan.findings for text in (finding.message, finding.equation)]
        texts += [remedy.sentence for item in plan.remedies() for remedy in item.remedies]
        for text in texts:
            for plural in ("addresses", "gateways", "pods", "zones", "nodes", "connections", "requests"):
                assert not text.startswith(f"1 {plural}"), text
                assert f" 1 {plural}" not in text, text

    def test_a_destination_that_is_short_asks_for_what_was_not_declared(self) -> None:
        """Held connections ask for the rate; a rate without requests asks for the requests."""
        assert "connection_duration_ms for checkout" in sized(INCIDENT).findings[0].asks[0]
