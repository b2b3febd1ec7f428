"""Every planted fault is found at its line, and nothing is found where nothing is planted."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loadfit.bundle.advice import Basis, advise
from loadfit.bundle.advice.codes import EXPLANATIONS, HANDLER_NOT_FOUND
from loadfit.databases import codes as databases
from loadfit.egress import codes as egress
from loadfit.functions import codes as functions
from tests.bundle.advice.corpus import Case, cases

FAULTS = [*cases("python_faults"), *cases("javascript_faults")]
CLEAN = [*cases("python_clean"), *cases("javascript_clean")]


def each(some: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", some, ids=lambda case: f"{next(iter(case.sources))}: {case.name}")


def found(case: Case, handler: str | None) -> set[tuple[str, int, str]]:
    return {(one.path, one.line, one.code) for one in advise(case.sources, handler)}


@each(FAULTS)
def test_a_planted_fault_is_found_at_its_line(case: Case) -> None:
    assert case.faults
    assert found(case, case.handler) == case.faults


@each(CLEAN)
def test_nothing_is_found_where_nothing_is_planted(case: Case) -> None:
    assert not case.faults
    assert found(case, case.handler) == set()


@each([*FAULTS, *CLEAN])
def test_the_handler_is_found_by_its_usual_name(case: Case) -> None:
    assert {fault for fault in found(case, None) if not fault[0].startswith("tests/")} >= case.faults


def test_there_are_enough_cases() -> None:
    assert len(FAULTS) >= 60
    assert len(CLEAN) >= 60
    for some in (FAULTS, CLEAN):
        names = {(case.name, next(iter(case.sources)).endswith(".py")) for case in some}
        assert len(names) == len(some)


def test_every_code_is_planted_and_explained() -> None:
    planted = {code for case in FAULTS for _, _, code in case.faults}
    assert planted | {HANDLER_NOT_FOUND} == set(EXPLANATIONS)


def test_a_code_is_unique_in_the_project() -> None:
    for room in (egress, databases, functions):
        assert not set(EXPLANATIONS) & set(room.EXPLANATIONS)


@each(FAULTS)
def test_advice_says_what_is_the_case_how_to_change_it_and_what_that_rests_on(case: Case) -> None:
    for one in advise(case.sources, case.handler):
        for sentence in (one.message, one.way_out, one.saves):
            assert sentence.endswith(".")
            assert sentence.isprintable()
            assert len(sentence) < 300
        assert one.source
        assert isinstance(one.basis, Basis)


@each(FAULTS)
def test_milliseconds_are_published_ones(case: Case) -> None:
    for one in advise(case.sources, case.handler):
        assert one.basis is Basis.PUBLISHED or " ms" not in one.saves + one.message


def test_the_order_of_the_files_does_not_matter() -> None:
    for case in FAULTS:
        assert advise(dict(reversed(case.sources.items())), case.handler) == advise(case.sources, case.handler)


def test_the_example_of_the_documentation_prints_what_it_shows() -> None:
    page = (Path(__file__).parents[3] / "docs/bundle-advice.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(shown[1], {})
    assert printed.getvalue() == shown[2]


def test_python_needs_no_parser_of_javascript() -> None:
    program = (
        "import sys; from loadfit.bundle.advice import advise; advise({'app.py': ''}, None); "
        "print(*(name for name in sys.modules if name.startswith(('tree_sitter', 'pulumi'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
