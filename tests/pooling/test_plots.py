"""The drawings of the proof of pooling."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from proofs.pooling import plots
from proofs.pooling.clients import Course, Times
from proofs.pooling.waiting import LOADS, Wait
from proofs.postgresql.records import Connect, Sample


def course(*refused: float) -> Course:
    """With 40 server connections all the time."""
    seen = Course(Times(), began=100)
    seen.records += [Sample(100 + second, 42, {}, {"": 2, "127.0.0.1": 40}) for second in range(20)]
    seen.records += [Connect("old-0", 0, 100, 100 + after, "OperationalError", None, "refused") for after in refused]
    return seen


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "direct", lambda _: course(1, 1.1, 7))
    monkeypatch.setattr(plots, "pooled", lambda _: course())
    monkeypatch.setattr(plots, "waits", lambda: {busy: Wait(200, 9, 0, replace(load)) for busy, load in LOADS.items()})


@pytest.mark.usefixtures("measured")
def test_the_same_measurements_are_the_same_files(tmp_path: Path) -> None:
    made: list[dict[str, bytes]] = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        plots.draw(tmp_path / name)
        made.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == set(plots.PLOTS)
    for content in made[0].values():
        assert Xml.fromstring(content).tag.endswith("svg")
        assert len(content) < 100_000


@pytest.mark.usefixtures("measured")
def test_errors_and_connections_are_drawn_where_they_are() -> None:
    (straight, through), (errors, none) = ([*row] for row in zip(*[iter(plots.rollout().axes)] * 2, strict=True))
    for axes in (straight, through):
        assert set(axes.lines[0].get_ydata()) == {40}
        assert list(axes.lines[0].get_xdata())[:2] == [0, 1]
    assert {(bar.get_x(), bar.get_height()) for bar in errors.patches if bar.get_width() == 0.5} == {(1, 2), (7, 1)}
    assert [text.get_text() for text in none.texts] == ["none"]
