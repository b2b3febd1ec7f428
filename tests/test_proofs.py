"""How every proof runs its claims, and what it prints."""

import io

import pytest
from rich.console import Console

from proofs.claims import Claim, Missing, prove
from proofs.table import Row, print_table

HOLDS = Row("20 pods x [10] connections", "0 of 8,978 failed", "0 failed", holds=True)
BROKEN = Row("a pod that is deleted under load", "7 of 8,978 failed", "0 failed", holds=False)


def printed(*, terminal: bool, width: int = 80) -> str:
    output = io.StringIO()
    print_table([HOLDS, BROKEN], Console(file=output, force_terminal=terminal, width=width, color_system=None))
    return output.getvalue()


def test_a_file_gets_each_claim_in_a_line() -> None:
    lines = printed(terminal=False, width=20).splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == [HOLDS.claim, BROKEN.claim]
    assert [line.split()[-1] for line in lines] == ["verdict", "-------", "holds", "BROKEN"]


def test_a_terminal_gets_all_of_it_within_its_width() -> None:
    lines = printed(terminal=True).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(lines)
    assert all(word in text for row in (HOLDS, BROKEN) for cell in row.cells for word in cell.split())


@pytest.mark.parametrize(
    ("rows", "controls", "ends"),
    [([HOLDS], False, 0), ([HOLDS, BROKEN], False, 1), ([BROKEN], True, 0), ([BROKEN, HOLDS], True, 1)],
)
def test_it_fails_where_a_claim_is_broken_and_a_control_where_it_is_not(
    rows: list[Row], controls: bool, ends: int
) -> None:
    asked: list[bool] = []

    def claimed(row: Row) -> Claim:
        def check(faulty: bool) -> Row:
            asked.append(faulty)
            return row

        return Claim("the pod is given 1 s", check)

    assert prove("pods", [claimed(row) for row in rows], lambda: "here", controls=controls) == ends
    assert asked == [controls] * len(rows)


def test_what_was_measured_is_told_where_a_claim_cannot_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: bool) -> Row:
        raise TimeoutError("not within 120 s: the Service answers")

    claims = [Claim("x", lambda _: HOLDS), Claim("y", fails)]
    with pytest.raises(TimeoutError):
        prove("pods", claims, lambda: "here", controls=False)
    assert HOLDS.claim in capsys.readouterr().out


def test_it_says_what_the_machine_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    def lacks(_: bool) -> Row:
        raise Missing("It needs root.")

    claims = [Claim("x", lambda _: HOLDS), Claim("y", lacks)]
    assert prove("pods", claims, lambda: "here", controls=False) == 2
    printed = capsys.readouterr()
    assert "proof-pods: not run to its end. It needs root." in printed.err
    assert HOLDS.claim in printed.out
