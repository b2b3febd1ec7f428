"""Documents of a function that are refused, and why."""

from typing import Any

import pytest

from loadfit.core.problems import InvalidLoad
from tests.functions.loads import DAY, REPAIRED, Document, loaded, window


def refused(document: Document) -> str:
    """The text of the refusal."""
    with pytest.raises(InvalidLoad) as caught:
        loaded(document)
    return str(caught.value)


class TestWindows:
    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"peak_requests_per_second": -1}, "at least 0"),
            ({"peak_requests_per_second": "26"}, "a number"),
            ({"peak_requests_per_second": True}, "a number"),
            ({"peak_requests_per_second": float("nan")}, "a finite number"),
            ({"peak_requests_per_second": float("inf")}, "finite number"),
            (
                {"peak_requests_per_second": 1e7, "mean_duration_ms": 900_000, "p99_duration_ms": 900_000},
                "at most 1,000,000 requests in work",
            ),
            ({"mean_duration_ms": 0}, "more than 0"),
            ({"mean_duration_ms": None}, 'the field "mean_duration_ms"'),
            ({"p99_duration_ms": None}, 'the field "p99_duration_ms"'),
            ({"p99_duration_ms": 49}, "at least the 50 ms of mean_duration_ms"),
            ({"p99_duration_ms": 900_001}, "at most 900,000"),
            ({"mean_requests_per_second": 27}, "at most the 26 of peak_requests_per_second"),
            ({"burst_size": 0}, "at least 1"),
            ({"burst_size": 2.5}, "a whole number"),
            ({"schedule": "weekdays"}, 'days and hours such as "mon-fri 08:00-18:00"'),
            ({"timezone": "Europe/Berlin"}, "no timezone without a schedule"),
            ({"schedule": "mon 08:00-09:00", "timezone": "+01:00"}, "timezone"),
            ({"seconds_between_bursts": 1}, "no such field without a burst_size above 1"),
            ({"requests": 1}, "unknown key"),
        ],
    )
    def test_of_no_meaning(self, fields: dict[str, Any], text: str) -> None:
        """Each with what was expected."""
        assert text in refused({"windows": {"day": {**DAY, **fields}}})

    @pytest.mark.parametrize(
        "fields",
        [
            {"peak_requests_per_second": 0, "burst_size": 8},
            {"peak_requests_per_second": 4, "burst_size": 8, "seconds_between_bursts": 2},
            {"peak_requests_per_second": 3.9, "burst_size": 8, "seconds_between_bursts": 2},
        ],
    )
    def test_that_are_all_batches(self, fields: Document) -> None:
        """No law sizes them; with requests beside the bursts they are taken."""
        text = refused({"windows": {"day": {**DAY, **fields}}})
        assert "windows.day.burst_size" in text
        assert "No law sizes a load that is all batches" in text
        assert loaded({"windows": {"day": {**DAY, **fields, "peak_requests_per_second": 4.1}}})

    def test_without_requests_need_no_durations(self) -> None:
        """The idle night."""
        assert loaded({"windows": {"night": {"peak_requests_per_second": 0}}}).windows["night"].offered_erlangs == 0

    @pytest.mark.parametrize(
        "name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"]
    )
    def test_time_zones_are_iana_names(self, name: str) -> None:
        """Checked for their form only: no file is read."""
        assert loaded({"windows": {"day": {**DAY, "schedule": "mon 08:00-09:00", "timezone": name}}}).timezone == name

    def test_whole_numbers_may_come_as_floats(self) -> None:
        """Hosted programs send them so."""
        assert loaded({"windows": {"day": {**DAY, "burst_size": 4.0}}}).windows["day"].extra_instances == 4


class TestFunctions:
    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"windows": {}}, "at least one window"),
            ({"windows": {"Day": DAY}}, "lower-case letters"),
            ({"max_cold_share": 0.01}, "either target_p99_ms or max_cold_share"),
            ({"max_cold_share": 0, "target_p99_ms": None}, "more than 0"),
            ({"init": {"download_ms": 1, "runtime_ms": 1, "code_ms": 1}}, "either init_ms or init"),
            ({"memory_mb": 127}, "at least 128"),
            ({"memory_mb": 10_241}, "at most 10,240"),
            ({"timeout_seconds": 901}, "at most 900"),
            ({"architecture": "arm"}, "arm64"),
            ({"reserved_concurrency": 0}, "at least 1"),
            ({"provisioned_concurrency": -1}, "at least 0"),
            ({"policy": {"deploy_pools": 3}}, "at most 2"),
            ({"database": {"name": "orders"}}, "connections_per_instance"),
            ({"region": "us-east"}, "region"),
        ],
    )
    def test_of_no_meaning(self, fields: dict[str, Any], text: str) -> None:
        """Each with what was expected."""
        document = {**REPAIRED, **fields}
        region = document.pop("region", "us-east-1")
        with pytest.raises(InvalidLoad) as caught:
            loaded(document, region=region)
        assert text in str(caught.value)

    def test_windows_have_one_timezone(self) -> None:
        """Scheduled actions compare them."""
        windows = {
            "day": window(1, 1, schedule="mon 08:00-09:00", timezone="Europe/Berlin"),
            "peak": window(1, 1, schedule="mon 10:00-11:00"),
        }
        assert "one timezone for all windows" in refused({"windows": windows})

    def test_phases_of_the_cold_start_are_summed(self) -> None:
        """Exactly."""
        init = {"download_ms": 0.1, "runtime_ms": 0.2, "code_ms": 500}
        document = {**REPAIRED, "init": init}
        del document["init_ms"]
        assert loaded(document).cold_start_ms * 10 == 5003
