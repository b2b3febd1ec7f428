"""A function's plan as a whole: the incident, its repair, the week, the cost, and the names that reports use."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings

from loadfit.core.findings import Severity, Verdict
from loadfit.core.paths import show_path
from loadfit.functions import BoundBy, FunctionLoad, Window, codes, size_function
from loadfit.functions.summary import plan_summary
from tests.functions.loads import DAY, INCIDENT, REPAIRED, Document, documents, found, loaded, one, sized, window


class TestTheCaseStudy:
    def test_the_incident_does_not_fit_and_says_why(self) -> None:
        """No warm instance at 1.3 erlangs and 3,500 ms: up to every request starts cold, five instances are needed."""
        plan = sized(INCIDENT)
        day = plan.windows["day"]
        assert (day.offered_erlangs, day.warm_instances, day.needed_instances) == (Fraction(13, 10), 0, 5)
        assert (day.spillover_bound, day.is_enough) == (1, False)
        assert plan.verdict is Verdict.DOES_NOT_FIT
        (error,) = plan.findings
        assert (error.code, error.needed, error.available) == (codes.PC_TOO_SMALL, 5, 0)
        assert show_path(error.path) == "functions.storefront.provisioned_concurrency"
        assert error.message == (
            "with no warm instance up to 100% of the requests in day may start cold, a p99 of 3,600 ms where 200 are "
            "wanted; 5 are needed"
        )
        assert "26/s x 50 ms = 1.3 erlangs" in error.equation
        assert plan.autoscaling is None

    def test_the_repaired_function_needs_five_warm_instances(self) -> None:
        """0.85% spill over at the most; the autoscaling target is 0.272; both pools of a deployment are 10."""
        plan = sized(REPAIRED)
        day = plan.windows["day"]
        assert (plan.name, plan.verdict, plan.findings) == ("storefront", Verdict.FITS, ())
        assert (day.warm_instances, day.bound_by) == (5, BoundBy.ERLANG_B)
        assert day.spillover_bound == pytest.approx(0.008452, abs=5e-7)
        assert day.expected_cold_share < 0.0001 < day.spillover_bound
        assert day.most_erlangs == pytest.approx(1.3605, abs=5e-4)
        assert plan.autoscaling is not None
        assert (plan.autoscaling.min, plan.autoscaling.max) == (5, 10)
        assert plan.autoscaling.target == Fraction("0.272")
        assert (plan.account_concurrency, plan.database_connections, plan.environments) == (10, 10, 10)

    def test_names_that_everyone_uses(self) -> None:
        """The sizes of a function as plain data."""
        summary = plan_summary(sized(REPAIRED))
        assert set(summary["windows"]["day"]) == {
            "offered_erlangs",
            "warm_instances",
            "bound_by",
            "spillover_bound",
            "expected_cold_share",
            "p99_ms",
        }
        assert summary["windows"]["day"]["bound_by"] == "erlang_b"
        assert summary["autoscaling"] == {"min": 5, "max": 10, "target": 0.272}
        assert (summary["database_connections"], summary["account_concurrency"]) == (10, 10)
        assert summary["verdict"] == "fits"
        assert plan_summary(sized(INCIDENT))["autoscaling"] is None


class TestWhatCrossesToOtherSections:
    def test_the_database_sees_every_instance_that_there_may_be(self) -> None:
        """Reserved concurrency, and 26 requests a second of two transactions; both pools where none is reserved."""
        document = {**REPAIRED, "database": {**REPAIRED["database"], "transactions_per_request": 2}}
        assert loaded(document).transactions_per_second == 52
        assert sized({**document, "reserved_concurrency": 40}).database_connections == 40
        del document["reserved_concurrency"]
        assert sized(document).database_connections == 10
        assert sized(INCIDENT).database_connections is None
        assert loaded(INCIDENT).transactions_per_second == 0

    def test_what_other_functions_claim_counts_against_the_quota(self) -> None:
        """10 claimed + 890 of others + 100 fit; one more does not."""
        assert found(sized(REPAIRED, concurrency_of_others={"images": 890}), codes.ACCOUNT_LIMIT) is None
        error = found(sized(REPAIRED, concurrency_of_others={"images": 891}), codes.ACCOUNT_LIMIT)
        assert error is not None
        assert (error.needed, error.available) == (1001, 1000)

    def test_a_load_by_itself_has_its_own_paths(self) -> None:
        """Without an origin a path is the load's own."""
        load = FunctionLoad(
            name="f", region="us-east-1", windows={"day": Window.model_validate(DAY)}, provisioned_concurrency=0
        )
        assert show_path(size_function(load).findings[0].path) == "provisioned_concurrency"
        assert load.where(("region",)) == loaded(REPAIRED).where(("region",)) == ("region",)


class TestCost:
    def test_of_a_gigabyte_for_a_month(self) -> None:
        """$10.95 on x86_64 and $8.76 on arm64 for one idle instance."""
        idle: Document = {"windows": {"night": {"peak_requests_per_second": 0}}, "memory_mb": 1024}
        for architecture, cost in (("x86_64", 10.95), ("arm64", 8.76)):
            lines = sized({**idle, "architecture": architecture}).monthly_cost_usd
            assert lines is not None
            assert float(lines["provisioned"]) == pytest.approx(cost, abs=0.005)
            assert lines["total"] == lines["provisioned"]

    def test_against_on_demand(self) -> None:
        """At the break-even utilization of 60%, provisioned instances that take every request cost the same."""
        document: Document = {"windows": {"day": window(8, 60_000)}, "memory_mb": 1024, "timeout_seconds": 900}
        plan = sized({**document, "provisioned_concurrency": 800, "max_cold_share": 0.01})
        lines, on_demand = plan.monthly_cost_usd, plan.on_demand_monthly_usd
        assert lines is not None
        assert on_demand is not None
        assert plan.utilization == pytest.approx(480 / 800)
        assert plan.break_even_utilization == pytest.approx(0.6, abs=1e-4)
        assert float(lines["total"] / on_demand) == pytest.approx(1, abs=1e-4)
        assert lines["spillover"] < 1e-6
        fewer = sized({**document, "provisioned_concurrency": 700, "max_cold_share": 0.01}).monthly_cost_usd
        assert fewer is not None
        assert fewer["total"] < on_demand

    def test_counts_the_average_rate_where_declared(self) -> None:
        """2.6 requests a second x 730 h at $0.20 a million, and a tenth of the duration."""
        peak, average = (
            sized({"windows": {"day": {**DAY, **fields}}}).monthly_cost_usd
            for fields in ({}, {"mean_requests_per_second": 2.6})
        )
        assert peak is not None
        assert average is not None
        assert average["requests"] == Fraction("2.6") * 730 * 3600 / 10**6 * Fraction("0.2")
        assert {line: peak[line] / average[line] for line in ("duration", "spillover", "requests")} == dict.fromkeys(
            ("duration", "spillover", "requests"), 10
        )
        assert peak["provisioned"] == average["provisioned"]

    def test_is_left_out_where_no_price_is_known(self) -> None:
        """Unless it is declared."""
        plan = size_function(loaded(REPAIRED, region="sa-east-1"))
        assert (plan.monthly_cost_usd, plan.on_demand_monthly_usd, plan.break_even_utilization) == (None, None, None)
        dearer = size_function(loaded(INCIDENT, region="sa-east-1"))
        assert [one.monthly_cost_usd for one in dearer.alternatives()] == [None]
        assert {remedy.monthly_cost_usd for item in dearer.remedies() for remedy in item.remedies} == {None}
        assert any("no verified price for sa-east-1" in one.meaning for one in plan.assumptions)
        prices = {
            "provisioned_gb_second": 0.5,
            "provisioned_duration_gb_second": 2,
            "duration_gb_second": 2,
            "million_requests": 1,
        }
        plan = size_function(loaded({**REPAIRED, "prices": prices, "memory_mb": 1024}, region="sa-east-1"))
        assert plan.monthly_cost_usd is not None
        assert plan.monthly_cost_usd["provisioned"] == 5 * 730 * 3600 * Fraction(1, 2)
        assert plan.break_even_utilization is None


class TestAlternatives:
    def test_of_the_incident(self) -> None:
        """15 MB instead of 150: 800 ms instead of 3,500, and still five warm instances for a p99 of 200 ms."""
        (smaller,) = sized(INCIDENT).alternatives()
        assert (smaller.name, smaller.cold_start_ms, smaller.warm_instances) == ("smaller bundle", 800, 5)
        assert smaller.monthly_cost_usd == 0
        assert smaller.p99_ms == pytest.approx(122.3, abs=0.1)

    def test_a_smaller_bundle_may_need_no_warm_instance(self) -> None:
        """800 ms beside a warm p99 of 100 keep 900."""
        (smaller,) = sized({**INCIDENT, "target_p99_ms": 900}).alternatives()
        assert smaller.warm_instances == 0
        assert smaller.monthly_cost_usd is not None
        assert smaller.monthly_cost_usd < 0

    @pytest.mark.parametrize(("target", "text"), [(1100, "the target holds"), (1099, "the target does not hold")])
    def test_snapstart_restores_in_a_second(self, target: int, text: str) -> None:
        """1,000 ms beside a warm p99 of 100."""
        document = {**INCIDENT, "target_p99_ms": target, "runtime": "java21"}
        snapstart = sized(document).alternatives()[1]
        assert (snapstart.name, snapstart.cold_start_ms, snapstart.warm_instances) == ("snapstart", 1000, 0)
        assert text in snapstart.sentence
        assert snapstart.p99_ms == pytest.approx(1100)
        assert snapstart.monthly_cost_usd is not None
        python = sized({**document, "runtime": "python3.12"}).alternatives()[1]
        assert python.monthly_cost_usd is None

    @pytest.mark.parametrize(
        "fields",
        [
            {"runtime": "nodejs22.x"},
            {"runtime": "java21", "package_type": "image"},
            {"runtime": "java21", "uses_efs": True},
            {"runtime": "java21", "ephemeral_storage_mb": 1024},
            {"runtime": "java21", "init_ms": 900},
            {"runtime": "java21", "snapstart": True},
        ],
    )
    def test_snapstart_is_not_offered_where_it_cannot_be_or_does_not_help(self, fields: Document) -> None:
        """Conflicts, other runtimes, and cold starts that are short already."""
        assert all(one.name != "snapstart" for one in sized({**INCIDENT, **fields}).alternatives())


class TestEveryPlan:
    @settings(max_examples=60)
    @given(documents())
    def test_is_whole_whatever_is_declared(self, document: Document) -> None:
        """Every document of good form has a plan with every number, its findings in order, and its assumptions."""
        plan = sized(document)
        given: Any = document.get("provisioned_concurrency")
        for name, one_window in plan.windows.items():
            assert one_window.warm_instances == (one_window.needed_instances if given is None else given)
            assert 0 <= one_window.expected_cold_share <= one_window.spillover_bound <= 1
            assert (one_window.p99_ms is None) is (document["windows"][name]["peak_requests_per_second"] == 0)
        assert plan.most_instances >= plan.instances >= (given or 0)
        assert plan.reserved_needed >= plan.most_instances
        severities = [finding.severity for finding in plan.findings]
        assert severities == sorted(severities, key=lambda severity: severity is not Severity.ERROR)
        assert {finding.code for finding in plan.findings} <= set(codes.EXPLANATIONS)
        assert len({finding.key for finding in plan.findings}) == len(plan.findings)
        assert plan.monthly_cost_usd is not None
        assert plan.monthly_cost_usd["total"] == sum(
            amount for line, amount in plan.monthly_cost_usd.items() if line != "total"
        )
        assert plan.assumptions
        assert plan_summary(plan)["verdict"] == plan.verdict.value

    def test_of_a_given_number_never_changes_it(self) -> None:
        """More than is needed is taken as it is."""
        plan = sized({**one(26, 50), "provisioned_concurrency": 9})
        assert (plan.windows["day"].warm_instances, plan.windows["day"].needed_instances) == (9, 5)
        assert plan.findings == ()
