"""What tests begin with, where it was made before, is what their own first `up` would have made."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import automation

from tests.engine.bases import Base
from tests.engine.engine import Doubles, Engine
from tests.engine.networks import ZONES, own_network


@pytest.fixture
def new(
    tmp_path: Path, blank: Path, home: Path, command: automation.PulumiCommand, doubles: Doubles
) -> Callable[[str], Engine]:
    """Makes an engine with an empty account, which keeps what it begins with in a folder of this test."""

    def made(name: str) -> Engine:
        doubles.clear()
        return Engine(shutil.copytree(blank, tmp_path / name), home, command, doubles, tmp_path / "bases")

    return made


def test_what_is_put_back_is_what_was_made(new: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    first, program = new("first"), own_network(ZONES[:1], connections=100)
    first.begin(program)
    assert first.aws.objects
    second = new("second")
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "up", lambda *_: pytest.fail("it was made anew"))
        second.begin(program)
    assert (second.aws.objects, second.aws.journal) == (first.aws.objects, first.aws.journal)
    assert (second.state, second.unaccounted()) == (first.state, [])
    assert second.up(program).touched == {}


def test_another_program_or_account_begins_with_something_else(engine: Engine) -> None:
    def base(connections: int) -> Path:
        clouds = (engine.aws, engine.kubernetes)
        return Base(engine.bases, engine.folder, clouds, own_network(connections=connections)).folder

    before = base(100)
    assert base(100) == before
    assert base(101) != before
    engine.aws.plant("aws:ec2/vpc:Vpc", "vpc-1")
    assert base(100) != before


def test_what_a_program_closes_over_has_a_value_of_its_own(engine: Engine) -> None:
    one = object()

    def program() -> None:
        assert one

    with pytest.raises(AssertionError, match="cannot be told from others"):
        engine.begin(program)
