"""AWS Lambda Power Tuning's result, read and used: the cheapest memory that meets the p99 target."""

import base64
import struct
from typing import Any

import pytest

from loadfit.core.problems import InvalidLoad
from loadfit.functions import choose_memory, codes, parse_power_tuning
from tests.functions.loads import DAY, Document, found, loaded

STATS = [
    {"value": 512, "averageDuration": 40.0, "averagePrice": 3.4e-7, "totalCost": 1e-5},
    {"value": 128, "averageDuration": 160.0, "averagePrice": 3.4e-7, "totalCost": 1e-5},
    {"value": 1024, "averageDuration": 25.0, "averagePrice": 4.2e-7, "totalCost": 1e-5},
    {"value": 256, "averageDuration": 80.0, "averagePrice": 3.4e-7, "totalCost": 1e-5},
]
RESULT: Document = {
    "results": {
        "power": "128",
        "cost": 3.4e-7,
        "duration": 160.0,
        "stateMachine": {"executionCost": 0.00045, "lambdaCost": 0.0005, "visualization": "https://x/#"},
        "stats": STATS,
    }
}
FUNCTION: Document = {
    "windows": {"day": {**DAY, "mean_duration_ms": 160, "p99_duration_ms": 320}},
    "memory_mb": 128,
    "init_ms": 800,
    "target_p99_ms": 200,
}


def chart(memories: list[int], durations: list[float], costs: list[float]) -> str:
    """The address of the tool's chart."""
    raw = [struct.pack(f"<{len(memories)}h", *memories)]
    raw += [struct.pack(f"<{len(values)}f", *values) for values in (durations, costs)]
    return "https://lambda-power-tuning.show/#" + ";".join(base64.b64encode(part).decode() for part in raw)


class TestReading:
    def test_the_figures_by_memory(self) -> None:
        """Of the state machine's output, or of its results alone."""
        for data in (RESULT, RESULT["results"]):
            tuning = parse_power_tuning(data)
            assert [(one.memory_mb, float(one.mean_duration_ms)) for one in tuning.measured] == [
                (128, 160),
                (256, 80),
                (512, 40),
                (1024, 25),
            ]
        assert parse_power_tuning(RESULT).at(512) is not None
        assert parse_power_tuning(RESULT).at(513) is None

    def test_the_same_figures_from_the_charts_address(self) -> None:
        """Where the tool ran without includeOutputResults."""
        address = chart([128, 256], [160, 80.5], [2**-22, 2**-21])
        results = {"power": "128", "stateMachine": {"visualization": address}}
        tuning = parse_power_tuning({"results": results})
        assert [
            (one.memory_mb, float(one.mean_duration_ms), float(one.usd_per_request)) for one in tuning.measured
        ] == [
            (128, 160, 2**-22),
            (256, 80.5, 2**-21),
        ]

    def test_the_address_of_the_tools_documentation(self) -> None:
        """Published in its README."""
        address = "https://lambda-power-tuning.show/#gAAAAQACAAQABsAL;ZooQR4yvkUa/pQRGRC5zRaADHUVjOftE;QdWhOEMkoziDT5Q4xhiIOMYYiDi6RNc4"
        tuning = parse_power_tuning({"stateMachine": {"visualization": address}})
        assert [one.memory_mb for one in tuning.measured] == [128, 256, 512, 1024, 1536, 3008]
        assert [round(float(one.mean_duration_ms)) for one in tuning.measured] == [37002, 18648, 8489, 3891, 2512, 2010]

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            {},
            {"results": {"power": "128"}},
            {"stats": []},
            {"stats": [{"value": 128}]},
            {"stats": [{"value": 128, "averageDuration": "160", "averagePrice": 1}]},
            {"stats": [{"value": 64, "averageDuration": 160, "averagePrice": 1}]},
            {"stats": [{"value": 128.5, "averageDuration": 160, "averagePrice": 1}]},
            {"stats": [{"value": True, "averageDuration": 160, "averagePrice": 1}]},
            {"stats": [{"value": 128, "averageDuration": float("nan"), "averagePrice": 1}]},
            {"stateMachine": {"visualization": "https://x/#AA;BB"}},
            {"stateMachine": {"visualization": "https://x/#AAA;!;?"}},
            {"stateMachine": {"visualization": chart([128], [160, 1], [1])}},
            {"stateMachine": {"visualization": chart([1], [160], [1])}},
        ],
    )
    def test_anything_else_is_refused(self, data: Any) -> None:
        """With what was expected."""
        with pytest.raises(InvalidLoad, match="expected"):
            parse_power_tuning(data, source="tuning.json")


class TestChoosing:
    def test_the_cheapest_that_meets_the_target(self) -> None:
        """At 128 and 256 MB the p99 of warm requests is 320 and 160 ms; 256 keeps 200 ms, and costs less than 512."""
        choice = choose_memory(loaded(FUNCTION), parse_power_tuning(RESULT))
        assert choice.memory_mb == 256
        assert found(choice.plans[128], codes.LATENCY_INFEASIBLE) is not None
        totals = {memory: plan.monthly_cost_usd for memory, plan in choice.plans.items()}
        fitting = {memory: lines["total"] for memory, lines in totals.items() if lines is not None and memory > 128}
        assert min(fitting, key=lambda memory: fitting[memory]) == 256
        assert float(choice.plans[256].windows["day"].offered_erlangs) == pytest.approx(26 * 0.08)

    def test_a_lower_target_takes_more_memory(self) -> None:
        """1,024 MB have a p99 of 50 ms: they meet 55 ms, and nothing meets 45."""
        tuning = parse_power_tuning(RESULT)
        assert choose_memory(loaded({**FUNCTION, "target_p99_ms": 55}), tuning).memory_mb == 1024
        assert choose_memory(loaded({**FUNCTION, "target_p99_ms": 45}), tuning).memory_mb is None

    def test_measured_means_are_taken_where_the_memory_in_use_was_not_measured(self) -> None:
        """The p99 keeps its proportion to the mean."""
        choice = choose_memory(loaded({**FUNCTION, "memory_mb": 200}), parse_power_tuning(RESULT))
        window = choice.plans[512].load.windows["day"]
        assert (window.mean_duration_ms, window.p99_duration_ms) == (40, 80)

    def test_by_the_price_of_a_request_where_no_other_is_known(self) -> None:
        """Of equal ones the least memory; a window without requests stays as it is."""
        document = {**FUNCTION, "windows": {**FUNCTION["windows"], "night": {"peak_requests_per_second": 0}}}
        choice = choose_memory(loaded(document, region="sa-east-1"), parse_power_tuning(RESULT))
        assert choice.memory_mb == 256
