"""Every refusal of the doubles is reached by a fault that a test plants: test_doubles.py has those that they know by
themselves, this file those of their data.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.account import Account
from tests.engine.doubles import aws
from tests.engine.doubles.cloud import Refused
from tests.engine.doubles.provider import Double
from tests.engine.refusals import all_laws, all_raises

ROOT = Path(__file__).parents[2]
NEEDS = [(token, path) for token, kind in aws.KINDS.items() for path in kind.needs]
HOLDS = [(token, path) for token, path in NEEDS if aws.KINDS[token].needs[path].holds]
UNIQUE = [(token, paths) for token, kind in aws.KINDS.items() for paths in kind.unique]
ONE_AT_A_TIME = [(token, kind.one_at_a_time) for token, kind in aws.KINDS.items() if kind.one_at_a_time]


@pytest.fixture
def account() -> Iterator[Account]:
    double = Double(aws.KINDS, aws.LAWS, "7.0.0")
    yield Account(double)
    double.stop()


def at(path: str, value: Any) -> dict[str, Any]:
    """Inputs with a value at a dotted path."""
    first, _, rest = path.partition(".")
    return {first: at(rest, value) if rest else value}


def plant_needed(account: Account, token: str, path: str) -> Any:
    """The object that an input names; gives what the input says."""
    reference = aws.KINDS[token].needs[path]
    return account.cloud.plant(reference.type, "needed", **({} if reference.by == "id" else {reference.by: "needed"}))


def test_each_is_reached_by_a_planted_fault(tmp_path: Path) -> None:
    """A law counts once for each operation and type that it is for."""
    file = tmp_path / "reached.json"
    plugin = ["-p", "tests.engine.refusals", "--refusals", str(file)]
    alone = ["-n", "0", "-p", "no:cacheprovider", "--quiet"]
    tests = ["tests/engine/test_doubles.py", "tests/engine/test_refusals.py", "-k", "not each_is_reached"]
    command = [sys.executable, "-m", "pytest", *alone, *plugin, *tests]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert (all_laws() | all_raises()) - set(json.loads(file.read_text(encoding="utf-8"))) == set()


@pytest.mark.parametrize(("token", "path"), NEEDS)
def test_what_an_input_names_is_needed(account: Account, token: str, path: str) -> None:
    with pytest.raises(Refused, match=f"NotFound: {path} none is no "):
        account.create(token, **at(path, "none"))


@pytest.mark.parametrize(("token", "path"), HOLDS)
def test_what_an_input_holds_is_not_deleted(account: Account, token: str, path: str) -> None:
    needed = plant_needed(account, token, path)
    account.cloud.plant(token, "holder", **at(path, "needed"))
    with pytest.raises(Refused, match=f"DependencyViolation: needed .* {token.rpartition(':')[2]} holder"):
        account.delete(needed.type, "needed")


@pytest.mark.parametrize(("token", "paths"), UNIQUE)
def test_what_is_unique_is_not_made_twice(account: Account, token: str, paths: tuple[str, ...]) -> None:
    for path in set(paths) & set(aws.KINDS[token].needs):
        plant_needed(account, token, path)
    same = dict.fromkeys(paths, "needed")
    account.cloud.plant(token, "first", **same)
    with pytest.raises(Refused, match=f"AlreadyExists: .* has the same {', '.join(paths)}"):
        account.create(token, **same)


@pytest.mark.parametrize(("token", "path"), ONE_AT_A_TIME)
def test_what_is_changed_one_at_a_time_is_not_changed_at_once(account: Account, token: str, path: str) -> None:
    with (
        account.cloud.during("create", token, "first", {path: "same"}),
        pytest.raises(Refused, match="ConcurrentUpdateException: same is being changed already"),
    ):
        account.create(token, **{path: "same"})
