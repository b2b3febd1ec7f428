"""``loadfit memory``: the cheapest memory, with what every measured one needs."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadfit.cli.__main__ import main

EXAMPLES = Path(__file__).parents[2] / "examples"
CASE_STUDY, RESULT = str(EXAMPLES / "case-study.yaml"), str(EXAMPLES / "power-tuning.json")


def written(folder: Path, stats: list[dict[str, Any]]) -> str:
    file = folder / "result.json"
    file.write_text(json.dumps({"power": "128", "stats": stats}), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_cheapest_that_carries_the_load_is_named_with_what_to_declare(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """128 MB is cheapest: its 5 instances cost less than those of more memory, and its p99 holds."""
    assert main(["memory", CASE_STUDY, "storefront", RESULT, "--format", form]) == 0
    told = capsys.readouterr().out.replace("\\", "")
    assert "storefront: 128 MB is the cheapest that carries the load" in told
    for declared in ("memory_mb: 128", "windows.day.mean_duration_ms: 50", "windows.day.p99_duration_ms: 100"):
        assert f"functions.storefront.{declared}" in told
    assert all(f"{memory} MB" in told for memory in ("128", "256", "512", "1,024"))


def test_a_slow_memory_that_misses_the_target_is_not_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At 128 MB the p99 is twice 150 ms, above the target of 200; more memory halves it, whatever it costs."""
    document = Path(CASE_STUDY).read_text(encoding="utf-8")
    slow = tmp_path / "load.yaml"
    day = "mean_duration_ms: 50, p99_duration_ms: 100"
    slow.write_text(document.replace(day, "mean_duration_ms: 150, p99_duration_ms: 300"), encoding="utf-8")
    stats = [
        {"value": 128, "averageDuration": 150, "averagePrice": 3e-7},
        {"value": 512, "averageDuration": 75, "averagePrice": 6e-7},
    ]
    assert main(["memory", str(slow), "storefront", written(tmp_path, stats)]) == 0
    told = capsys.readouterr().out
    assert "storefront: 512 MB is the cheapest" in told
    assert "LATENCY_INFEASIBLE" in told
    assert main(["memory", str(slow), "storefront", written(tmp_path, stats[:1])]) == 1
    assert "no memory that was measured carries the load" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((CASE_STUDY, "storefront", CASE_STUDY), "expected JSON, found none"),
        ((CASE_STUDY, "storefront", "absent.json"), "expected a JSON file, found no file"),
        ((CASE_STUDY, "storefront", str(EXAMPLES)), "expected a JSON file, found a directory"),
        ((CASE_STUDY, "storfront", RESULT), "Did you mean storefront?"),
        ((RESULT, "storefront", RESULT), "expected"),
    ],
)
def test_bad_input_is_told_once_and_clearly(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert "Traceback" not in told.err
