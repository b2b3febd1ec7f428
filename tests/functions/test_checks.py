"""What a function's plan breaks: each check at its limit and one beyond, and what its finding says."""

from typing import Any

import pytest

from loadfit.core.findings import Severity
from loadfit.core.paths import show_path
from loadfit.functions import codes
from loadfit.functions.checks import supports_snapstart
from tests.functions.loads import DAY, INCIDENT, REPAIRED, Document, found, keys, one, sized, window


def fits(document: Document, code: str) -> bool:
    """Whether a section has no finding of a code."""
    return found(sized(document), code) is None


def severity(document: Document, code: str) -> Severity | None:
    """How bad the finding of a code is; ``None`` without one."""
    finding = found(sized(document), code)
    return finding.severity if finding else None


class TestInstances:
    @pytest.mark.parametrize(("given", "fits_too"), [(4, False), (5, True), (6, True)])
    def test_a_given_number_is_checked(self, given: int, fits_too: bool) -> None:
        """Five are needed."""
        assert fits({**REPAIRED, "provisioned_concurrency": given}, codes.PC_TOO_SMALL) is fits_too

    def test_the_facts_message(self) -> None:
        """20 requests a second of 100 ms are 2 erlangs: five instances spill 3.7%, and seven are needed."""
        finding = found(sized({**one(20, 100), "provisioned_concurrency": 5}), codes.PC_TOO_SMALL)
        assert finding is not None
        assert finding.needed == 7
        assert finding.equation.startswith("20/s x 100 ms = 2 erlangs; B(5, 2) = 3.67%, above 50 requests in a second ")
        assert finding.equation.endswith("; allowed 1%; 7 instances keep that")

    def test_the_rate_has_a_code_of_its_own(self) -> None:
        """Ten instances for 100 requests a second of 20 ms: the rate term is larger than Erlang B."""
        assert not fits({**one(100, 20), "provisioned_concurrency": 10}, codes.RATE_10X)
        assert fits({**one(100, 20), "provisioned_concurrency": 11}, codes.RATE_10X)

    def test_so_has_a_burst(self) -> None:
        """Seven carry the requests that come one by one, and 15 the eight at once beside them."""
        document = one(20, 100, burst_size=8)
        for given, code in ((6, codes.PC_TOO_SMALL), (7, codes.BURST), (14, codes.BURST), (15, "")):
            of_instances = {codes.PC_TOO_SMALL, codes.BURST, codes.RATE_10X}
            assert {name for name, _ in keys(sized({**document, "provisioned_concurrency": given}))} & of_instances == (
                {code} - {""}
            )

    def test_each_window_has_its_own(self) -> None:
        """The subject tells them apart; a window without requests needs none."""
        document: Document = {
            "windows": {"day": DAY, "peak": window(50, 50), "night": {"peak_requests_per_second": 0}},
            "provisioned_concurrency": 0,
        }
        assert keys(sized(document)) == {(codes.PC_TOO_SMALL, "day"), (codes.PC_TOO_SMALL, "peak")}

    def test_none_is_needed_where_every_request_may_start_cold(self) -> None:
        """A target that cold requests keep."""
        assert sized({**INCIDENT, "target_p99_ms": 3600}).findings == ()

    @pytest.mark.parametrize(("missing", "fits_too"), [(1000, True), (1001, False)])
    def test_more_than_1000_missing_ones_cannot_start_at_once(self, missing: int, fits_too: bool) -> None:
        """1,100 erlangs, with some of the instances provisioned."""
        document = {**one(110, 10_000), "quota_concurrency": 10_000, "timeout_seconds": 900}
        given = sized(document).needed_instances - missing
        assert fits({**document, "provisioned_concurrency": given}, codes.SCALING_RATE) is fits_too


class TestAccount:
    @pytest.mark.parametrize(("in_use", "fits_too"), [(890, True), (891, False)])
    def test_a_hundred_always_stay_unreserved(self, in_use: int, fits_too: bool) -> None:
        """10 reserved + in use + 100 within 1,000."""
        assert fits({**REPAIRED, "concurrency_in_use": in_use}, codes.ACCOUNT_LIMIT) is fits_too

    def test_a_declared_quota_counts(self) -> None:
        """New accounts have less."""
        assert fits({**REPAIRED, "quota_concurrency": 110}, codes.ACCOUNT_LIMIT)
        assert not fits({**REPAIRED, "quota_concurrency": 109}, codes.ACCOUNT_LIMIT)

    def test_both_pools_of_a_deployment_are_claimed(self) -> None:
        """Twice the warm instances, unless the policy says that one pool is gone before."""
        document = {**one(26, 50), "quota_concurrency": 109}
        assert not fits(document, codes.ACCOUNT_LIMIT)
        assert fits({**document, "policy": {"deploy_pools": 1}}, codes.ACCOUNT_LIMIT)

    def test_requests_per_second_are_ten_times_the_concurrency(self) -> None:
        """10,000 a second with 1,000, and one more not."""
        for rate, fits_too in ((10_000, True), (10_001, False)):
            document = {**one(rate, 1), "provisioned_concurrency": 0, "max_cold_share": 1}
            assert fits(document, codes.ACCOUNT_LIMIT) is fits_too


class TestReserved:
    @pytest.mark.parametrize("reserved", [10**8, 10**9])
    def test_can_be_as_large_as_a_document_declares(self, reserved: int) -> None:
        document = {**REPAIRED, "reserved_concurrency": reserved}
        assert fits(document, codes.RESERVED_THROTTLES)
        assert not fits(document, codes.ACCOUNT_LIMIT)

    @pytest.mark.parametrize(
        ("reserved", "bad"), [(4, Severity.ERROR), (5, Severity.WARNING), (9, Severity.WARNING), (10, None)]
    )
    def test_holds_both_pools_of_a_deployment(self, reserved: int, bad: Severity | None) -> None:
        """Below the warm instances AWS refuses them; below both pools a deployment replaces one by the other."""
        assert severity({**REPAIRED, "reserved_concurrency": reserved}, codes.RESERVED_LT_PC) is bad

    def test_refuses_what_it_cannot_run(self) -> None:
        """1.3 erlangs without any warm instance: seven refuse less than one in a thousand, six do not."""
        document = {**INCIDENT, "target_p99_ms": 5000}
        for reserved, fits_too in ((6, False), (7, True)):
            assert fits({**document, "reserved_concurrency": reserved}, codes.RESERVED_THROTTLES) is fits_too
        assert fits(
            {**document, "reserved_concurrency": 6, "policy": {"throttled_share": 0.01}}, codes.RESERVED_THROTTLES
        )


class TestDatabase:
    def test_needs_reserved_concurrency(self) -> None:
        """Nothing else bounds what spills over."""
        document = {key: value for key, value in REPAIRED.items() if key != "reserved_concurrency"}
        finding = found(sized(document), codes.DB_UNBOUNDED)
        assert finding is not None
        assert finding.needed == 10
        assert show_path(finding.path) == "functions.storefront.reserved_concurrency"
        assert fits(REPAIRED, codes.DB_UNBOUNDED)

    @pytest.mark.parametrize(("each", "budget", "bad"), [(1, 10, None), (1, 9, Severity.ERROR), (2, 20, None)])
    def test_has_a_budget(self, each: int, budget: int, bad: Severity | None) -> None:
        """Reserved concurrency x connections of each instance."""
        database = {**REPAIRED["database"], "connections_per_instance": each, "budget": budget}
        assert severity({**REPAIRED, "database": database}, codes.DB_CONNECTIONS) is bad

    def test_warns_where_only_a_deployment_passes_it(self) -> None:
        """Seven reserved fit into eight connections; the ten that a deployment needs do not."""
        database = {**REPAIRED["database"], "budget": 8}
        document = {**REPAIRED, "database": database, "reserved_concurrency": 7}
        assert severity(document, codes.DB_CONNECTIONS) is Severity.WARNING


class TestPackage:
    @pytest.mark.parametrize(
        ("fields", "code", "fits_too"),
        [
            ({"zipped_mb": 50}, codes.ZIP_TOO_BIG, True),
            ({"zipped_mb": 50.1}, codes.ZIP_TOO_BIG, False),
            ({"zipped_mb": 50.1, "code_in_s3": True}, codes.ZIP_TOO_BIG, True),
            ({"zipped_mb": 50.1, "package_type": "image"}, codes.ZIP_TOO_BIG, True),
            ({"unzipped_mb": 250}, codes.UNZIPPED_TOO_BIG, True),
            ({"unzipped_mb": 250.5}, codes.UNZIPPED_TOO_BIG, False),
            ({"unzipped_mb": 10_240, "package_type": "image"}, codes.UNZIPPED_TOO_BIG, True),
            ({"unzipped_mb": 10_241, "package_type": "image"}, codes.UNZIPPED_TOO_BIG, False),
            ({"init_ms": 10_000}, codes.INIT_OVER_10S, True),
            ({"init_ms": 10_000.5}, codes.INIT_OVER_10S, False),
            (
                {"init_ms": None, "init": {"download_ms": 5000, "runtime_ms": 3000, "code_ms": 2001}},
                codes.INIT_OVER_10S,
                False,
            ),
            ({"windows": {"day": window(1, 1000, 3000)}}, codes.TIMEOUT_LT_P99, True),
            ({"windows": {"day": window(1, 1000, 3000.1)}}, codes.TIMEOUT_LT_P99, False),
            ({"windows": {"day": window(1, 1000, 3000.1)}, "timeout_seconds": 4}, codes.TIMEOUT_LT_P99, True),
        ],
    )
    def test_limits_of_the_package_and_of_time(self, fields: Document, code: str, fits_too: bool) -> None:
        """At the limit and beyond."""
        assert fits({**REPAIRED, "target_p99_ms": 20_000, **fields}, code) is fits_too

    @pytest.mark.parametrize(
        ("fields", "subject"),
        [
            ({"provisioned_concurrency": 1}, "provisioned concurrency"),
            ({"package_type": "image"}, "container image"),
            ({"uses_efs": True}, "EFS"),
            ({"ephemeral_storage_mb": 513}, "ephemeral storage"),
            ({"runtime": "nodejs22.x"}, "runtime"),
            ({"runtime": "python3.12", "ephemeral_storage_mb": 512, "uses_efs": False, "package_type": "zip"}, None),
        ],
    )
    def test_snapstart_excludes(self, fields: Document, subject: str | None) -> None:
        """Each conflict by itself; with none of them it goes."""
        document = {**INCIDENT, "target_p99_ms": 5000, "snapstart": True, **fields}
        assert keys(sized(document)) == ({(codes.SNAPSTART_CONFLICT, subject)} if subject else set())

    @pytest.mark.parametrize(
        ("runtime", "has"),
        [
            ("java11", True),
            ("java8.al2", False),
            ("java25", True),
            ("python3.11", False),
            ("python3.12", True),
            ("dotnet6", False),
            ("dotnet8", True),
            ("provided.al2023", False),
            ("ruby3.4", False),
        ],
    )
    def test_runtimes_with_snapstart(self, runtime: str, has: bool) -> None:
        """Java from 11, Python from 3.12, .NET from 8."""
        assert supports_snapstart(runtime) is has


class TestAssumptions:
    def meanings(self, document: Document) -> str:
        """What is assumed, in one text."""
        return "\n".join(item.meaning for item in sized(document).assumptions)

    @pytest.mark.parametrize(
        ("document", "text", "without"),
        [
            ({"windows": {"day": DAY}}, "neither target_p99_ms nor max_cold_share", {"max_cold_share": 0.01}),
            ({"windows": {"day": DAY}}, "neither init_ms nor init", {"init_ms": 800}),
            ({"windows": {"day": DAY}}, "default quota", {"quota_concurrency": 500}),
            ({"windows": {"day": DAY}}, "Lambda's default", {"memory_mb": 512, "timeout_seconds": 5}),
            ({"windows": {"day": DAY}}, "unzipped_mb not declared", {"zipped_mb": 5, "unzipped_mb": 9}),
            ({"windows": {"day": DAY}}, "deployment", {"policy": {"deploy_pools": 2}}),
            ({"windows": {"day": DAY}, "snapstart": True}, "supports SnapStart", {"runtime": "java21"}),
            ({"windows": {"day": window(1, 1, 20)}}, "no lognormal", {"windows": {"day": window(1, 1, 14)}}),
            (
                {"windows": {"day": {**DAY, "burst_size": 2}}},
                "a burst comes after",
                {"windows": {"day": {**DAY, "burst_size": 2, "seconds_between_bursts": 1}}},
            ),
            ({"windows": {"a": DAY, "b": DAY}}, "come at the same times", {"windows": {"a": DAY}}),
            (
                {"windows": {"day": {**DAY, "schedule": "mon 08:00-09:00"}}},
                "outside of the scheduled windows",
                {"windows": {"day": DAY}},
            ),
            (
                {"windows": {"day": DAY}},
                "counts the peak rate",
                {"windows": {"day": {**DAY, "mean_requests_per_second": 5}}},
            ),
        ],
    )
    def test_what_is_declared_is_not_assumed(self, document: Document, text: str, without: dict[str, Any]) -> None:
        """Each assumption is listed until the field that replaces it is there."""
        assert text in self.meanings(document)
        assert text not in self.meanings({**document, **without})
