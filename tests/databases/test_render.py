"""``loadfit render``: the configuration of a document's database, on standard output."""

from pathlib import Path

import pytest

from loadfit.cli.__main__ import main

HERE = Path(__file__).parent
CASE_STUDY, INCIDENT = str(HERE / "case_study.yaml"), str(HERE / "incident.yaml")

Captured = pytest.CaptureFixture[str]


def test_it_prints_what_the_component_deploys_but_for_the_endpoint(capsys: Captured) -> None:
    assert main(["render", CASE_STUDY, "orders"]) == 0
    told = capsys.readouterr()
    reviewed = (HERE / "snapshots" / "case_study.ini").read_text()
    assert told.out == reviewed.replace("db.example.com", "endpoint.invalid")
    assert told.err == ""


def test_an_older_pgbouncer_gets_what_it_knows(capsys: Captured) -> None:
    assert main(["render", CASE_STUDY, "orders", "--pgbouncer-version", "1.18"]) == 0
    out = capsys.readouterr().out
    assert "\nmax_prepared_statements" not in out
    assert "%include" not in out


def test_a_load_that_does_not_fit_is_rendered_and_said_not_to_fit(capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "load.yaml"
    file.write_text(Path(CASE_STUDY).read_text().replace("max_client_conn: 1000", "max_client_conn: 100"))
    assert main(["render", str(file), "orders"]) == 1
    told = capsys.readouterr()
    assert "\nmax_client_conn = 100\n" in told.out
    assert "max_client_conn is 100" in told.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([CASE_STUDY, "order"], 'found "order". Did you mean orders?'),
        ([CASE_STUDY, "xyz"], 'found "xyz". They are: orders.'),
        ([INCIDENT, "orders"], "no client of orders goes through PgBouncer"),
        ([CASE_STUDY, "orders", "--pgbouncer-version", "1.17"], 'a PgBouncer version from 1.18.0, found "1.17"'),
        ([CASE_STUDY, "orders", "--pgbouncer-version", "new"], 'found "new"'),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], told: str, capsys: Captured) -> None:
    assert main(["render", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1
