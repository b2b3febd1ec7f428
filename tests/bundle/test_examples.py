"""The functions of examples/functions: what is said of them, and that their locks name no index."""

import re
from collections import Counter
from pathlib import Path

import pytest

from loadfit.bundle import own_sources, pack, read_contents
from loadfit.bundle.advice import Advice, advise

FUNCTIONS = Path(__file__).parents[2] / "examples/functions"
HANDLERS = {"python": "app.handler", "node": "index.handler"}


def advice(name: str) -> tuple[Advice, ...]:
    with read_contents(FUNCTIONS / name) as contents:
        return advise(own_sources(contents), HANDLERS[name.partition("-")[2]])


PLANTED = {
    "python": {"CLIENT_IN_HANDLER": 2, "POOL_ABOVE_ONE": 1, "WIDE_INDEX_IMPORTED": 1},
    "node": {"CLIENT_IN_HANDLER": 2, "POOL_ABOVE_ONE": 1, "WIDE_INDEX_IMPORTED": 1, "WHOLE_PACKAGE_IMPORTED": 3},
}


@pytest.mark.parametrize("language", HANDLERS)
def test_every_fault_of_the_heavy_ones_is_found_and_none_in_the_light_ones(language: str) -> None:
    assert Counter(one.code for one in advice(f"heavy-{language}")) == PLANTED[language]
    assert advice(f"light-{language}") == ()


def test_packing_leaves_out_the_tests_and_keeps_all_utilities(tmp_path: Path) -> None:
    made = pack(FUNCTIONS / "heavy-python", handler="app.handler", cache=tmp_path)
    assert {one.path for one in made.removed} == {"tests/"}


@pytest.mark.parametrize(
    "lock", sorted(FUNCTIONS.glob("*/*lock.json")) + sorted(FUNCTIONS.glob("*/requirements.txt")), ids=str
)
def test_a_lock_has_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index-url|\"resolved\"", text)
    assert len(re.findall(r"sha512-|--hash=sha256:", text)) >= 10
