"""The command line: what goes where, and with which exit code."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import loadfit
from loadfit.bundle.advice import codes as advice
from loadfit.cli.__main__ import main
from loadfit.cli.explain import EXPLANATIONS
from loadfit.databases import codes as databases
from loadfit.egress import codes as egress
from loadfit.functions import codes as functions

ROOT = Path(__file__).parents[2]
FITS, BREAKS = str(ROOT / "examples/case-study.yaml"), str(ROOT / "examples/incident.yaml")
COMMAND = [sys.executable, "-m", "loadfit.cli"]


@pytest.mark.parametrize(("file", "code"), [(FITS, 0), (BREAKS, 1), (str(ROOT / "stacks/Pulumi.incident.yaml"), 1)])
@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
def test_size_reports_on_standard_output_with_the_verdict_as_its_exit_code(
    file: str, code: int, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", file, "--format", form]) == code
    told = capsys.readouterr()
    assert told.err == ""
    assert ("36,000" if code == 0 else "75,000") in told.out or form == "json"
    if form == "json":
        assert json.loads(told.out)["fits"] is (code == 0)


@pytest.mark.parametrize(("file", "code"), [(FITS, 0), (BREAKS, 1)])
def test_limits_reports_on_standard_output_with_the_verdict_as_its_exit_code(
    file: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["limits", file, "--format", "json"]) == code
    told = capsys.readouterr()
    assert told.err == ""
    assert json.loads(told.out)["fits"] is (code == 0)
    assert main(["limits", file]) == code
    told = capsys.readouterr().out
    figures = r"^  checkout\.pods +200 +" + ("243 +305$" if code == 0 else "116 +146$")
    assert re.search(figures, told, re.MULTILINE)
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    ("base", "head", "code", "fits", "fitted"),
    [
        (FITS, BREAKS, 1, False, True),
        (BREAKS, FITS, 0, True, False),
        ("no-such-file.yaml", BREAKS, 1, False, None),
        (os.devnull, FITS, 0, True, None),
        (BREAKS, "no-such-file.yaml", 0, None, False),
        (BREAKS, os.devnull, 0, None, False),
        (str(ROOT), BREAKS, 1, False, None),
    ],
)
def test_diff_ends_with_the_verdict_of_head(
    base: str, head: str, code: int, fits: bool | None, fitted: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("text", "markdown"):
        assert main(["diff", base, head, "--format", form]) == code
        assert capsys.readouterr().err == ""
    assert main(["diff", base, head, "--format", "json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["fits"], told["fitted_before"]) == (fits, fitted)
    assert bool(told["base_problems"]) is (base == str(ROOT))


def test_a_base_that_is_no_load_is_told_with_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "base.yaml"
    base.write_text("region: us-east-1\nzones: three\nworkloads:\n  checkout: {pod: 200}\n", encoding="utf-8")
    assert main(["diff", str(base), FITS, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [line.split(": ")[0].rpartition(":")[2] for line in told["base_problems"]] == ["2", "4", "4"]
    assert main(["diff", FITS, str(base)]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sise"],
        ["size"],
        ["size", "no-such-file.yaml"],
        ["size", str(ROOT)],
        ["size", FITS, "--format", "xml"],
        ["size", FITS, "--colour"],
        ["size", FITS, BREAKS],
        ["diff"],
        ["diff", FITS],
        ["diff", FITS, BREAKS, FITS],
        ["diff", FITS, str(ROOT)],
        ["diff", str(ROOT), "no-such-file.yaml"],
        ["diff", "no-such-file.yaml", os.devnull],
        ["diff", FITS, BREAKS, "--format", "html"],
        ["limits"],
        ["limits", "no-such-file.yaml"],
        ["limits", FITS, "--format", "html"],
        ["limits", FITS, "checkout.pods"],
        ["explain", "NAT_PORT_SHORT"],
        ["preview", "--cwd", "no-such-folder"],
        ["preview", "production", "--cwd", str(ROOT)],
    ],
)
def test_bad_arguments_are_told_on_standard_error_with_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert told.err
    assert "Traceback" not in told.err


def test_every_mistake_of_a_document_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "load.yaml"
    file.write_text("region: us-east-1\nzones: three\nworkloads:\n  checkout: {pod: 200}\n", encoding="utf-8")
    assert main(["size", str(file), "--format", "json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(": ")[0].rpartition(":")[2] for line in told.err.splitlines()] == ["2", "4", "4"]


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_explain_tells_what_a_code_means(
    code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["explain", code.lower()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == code
    assert "Equation" in lines
    assert all(source in " ".join(" ".join(lines).split()) for source in EXPLANATIONS[code].sources)
    told = lines[: lines.index("Sources")]
    assert max(map(len, told)) <= 60, "a source is told whole, so that it can be copied"


def test_explain_alone_lists_the_codes_of_every_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.split() == sorted(EXPLANATIONS)
    rooms = (egress.EXPLANATIONS, databases.EXPLANATIONS, functions.EXPLANATIONS, advice.EXPLANATIONS)
    assert set(EXPLANATIONS) == {code for room in rooms for code in room}
    assert len(EXPLANATIONS) == sum(map(len, rooms)), "a code is unique"


def test_explain_knows_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nat_port_short"]) == 2
    assert 'found "nat_port_short". Did you mean NAT_PORTS_SHORT?' in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["size", "--help"]])
def test_help_and_version_succeed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code
    told = capsys.readouterr().out
    assert told == f"loadfit {loadfit.__version__}\n" if arguments == ["--version"] else told.startswith("usage: ")


def test_preview_shows_resources_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "prod", "--cwd", str(ROOT / "docs")]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Resources of stack prod: 107 to create, 1 read\n")
    assert "├─ loadfit:index:MultiAzNatEgress  egress\n" in told.out
    assert "├─ loadfit:index:PgBouncerPool  orders\n" in told.out
    assert "├─ loadfit:index:WarmLambda  storefront\n" in told.out
    assert "36,000 of 55,000" in told.out
    assert told.err == ""


def test_preview_of_what_does_not_fit_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "incident", "--cwd", str(ROOT)]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("Preview of stack incident failed: nothing would be created.\n")
    assert told.out.count("error NAT_PORTS_SHORT") == 1
    assert told.out.count("error DATABASE_CONNECTIONS_SHORT") == 1
    assert told.err == ""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, its output as bytes that were escaped where they had to be."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "COLUMNS")}
    return subprocess.run(
        [*COMMAND, *arguments], env=inherited | environment, capture_output=True, text=True, check=False
    )


def test_a_terminal_that_cannot_show_a_character_gets_its_escape() -> None:
    told = run("size", BREAKS, "--format", "markdown", PYTHONIOENCODING="ascii")
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.startswith("## \\u274c ")


def test_sizing_does_not_import_pulumi() -> None:
    """Importing the SDK takes longer than sizing does."""
    program = (
        "import sys; from loadfit.cli.__main__ import main; main(sys.argv[1:]);"
        "sys.exit(any(name.partition('.')[0].startswith('pulumi') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, "size", BREAKS], capture_output=True, check=False)
    assert done.returncode == 0


def test_a_reader_that_has_gone_ends_the_command_in_silence() -> None:
    with subprocess.Popen([*COMMAND, "size", BREAKS], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_an_output_that_cannot_be_written_is_not_taken_for_a_verdict() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([*COMMAND, "size", FITS], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 74
    assert done.stderr == "loadfit: the output cannot be written: No space left on device\n"


def test_a_closed_standard_output_leaves_the_exit_code() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "size", BREAKS], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_color_unless_its_user_does_not_want_it(environment: dict[str, str], colored: bool) -> None:
    """https://no-color.org"""
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    reading, writing = pty.openpty()
    with subprocess.Popen([*COMMAND, "size", BREAKS], env=inherited | environment, stdout=writing) as process:
        os.close(writing)
        told = b""
        while b"gb_per_month" not in told:
            told += os.read(reading, 65536)
        process.wait()
    os.close(reading)
    assert (b"\x1b[" in told) is colored
