"""A start is measured in fresh interpreters, with nothing but the package to import from."""

import json
import re
import sys
from pathlib import Path

import pytest

from loadfit.bundle.measuring import measure
from loadfit.cli.__main__ import main
from loadfit.core.problems import InvalidLoad
from tests.bundle.packages import Content, folder, installed, zipped
from tests.node import NODE_PATH

SLOW = "import time\ntime.sleep(0.05)\n"
FILES: dict[str, Content] = {
    "app.py": "import heavy\nimport own\ndef handler(event, context): ...\n",
    "own.py": "import light\n",
    **installed("heavy", {"heavy/__init__.py": f"import heavy.slow\n{SLOW}", "heavy/slow.py": SLOW}),
    **installed("light", {"light.py": ""}),
}


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_imports_are_timed_one_by_one(tmp_path: Path, form: str) -> None:
    if form == "folder":
        path = folder(tmp_path / "package", FILES)
    else:
        path = tmp_path / "package.zip"
        path.write_bytes(zipped(FILES))
    start = measure(path, handler="app.handler", runs=3)
    assert start.interpreter == f"Python {sys.version.split()[0]}"
    init = start.init
    assert init.runs == 3
    assert 100 <= init.least_ms <= init.quartiles_ms[0] <= init.median_ms <= init.quartiles_ms[1] <= init.most_ms
    own = {one.name: one.own_ms for one in start.modules}
    assert own["heavy"] >= 50
    assert own["heavy.slow"] >= 50
    assert {one.name for one in start.direct} >= {"heavy", "own", "light"}
    assert "heavy.slow" not in {one.name for one in start.direct}, "the handler's own code does not import it"
    assert next(one for one in start.direct if one.name == "heavy").with_imports_ms >= 100
    if form == "folder":
        assert not list(path.rglob("__pycache__")), "Lambda's folder of code is read-only"


def test_a_layer_is_importable(tmp_path: Path) -> None:
    package = folder(tmp_path / "package", {"app.py": "import a, b\ndef handler(event, context): ...\n"})
    layers = [
        folder(tmp_path / "layer", {"python/a.py": ""}),
        folder(tmp_path / "other", {"python/lib/python3.13/site-packages/b.py": ""}),
    ]
    assert measure(package, handler="app.handler", layers=layers, runs=1).init.runs == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pydantic", "ModuleNotFoundError: No module named 'pydantic'. What Lambda's runtime or a layer brings"),
        ("raise RuntimeError('no table')", "RuntimeError: no table"),
        ("handle = 1", "has no attribute 'handler'"),
        ("import os\nos._exit(3)", "exit code 3"),
    ],
)
def test_a_handler_that_cannot_be_imported_is_told(tmp_path: Path, source: str, expected: str) -> None:
    """What this interpreter has installed is not to be found: Lambda would not find it either."""
    with pytest.raises(InvalidLoad) as refused:
        measure(folder(tmp_path, {"app.py": source}), handler="app.handler", runs=1)
    assert expected in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("kind", ["commonjs", "module"])
def test_node_is_timed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("PATH", NODE_PATH)
    slow = "const end = Date.now() + 50; while (Date.now() < end);"
    files: dict[str, Content] = {"package.json": f'{{"type": "{kind}"}}'}
    if kind == "commonjs":
        files |= {"index.js": "require('./slow'); exports.handler = () => 1;", "slow.js": slow}
    else:
        files |= {"index.js": "import './slow.js'; export const handler = () => 1;", "slow.js": slow}
    start = measure(folder(tmp_path, files), handler="index.handler", runs=2)
    assert start.interpreter.startswith("Node.js ")
    assert start.init.least_ms >= 49, "Date.now() counts whole milliseconds"
    if kind == "commonjs":
        assert {one.name: one.own_ms >= 49 for one in start.modules}["./slow"]


def test_a_node_handler_that_is_not_exported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", NODE_PATH)
    with pytest.raises(InvalidLoad, match="no function handler is exported"):
        measure(folder(tmp_path, {"index.js": "exports.handle = 1"}), handler="index.handler", runs=1)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_measures_thirty_starts(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    files: dict[str, Content] = {"app.py": "import decimal\ndef handler(event, context): ...\n"}
    package = folder(tmp_path, files)
    assert main(["bundle", str(package), "--handler", "app.handler", "--measure", "--format", form]) == 0
    told = capsys.readouterr().out
    if form == "json":
        [start] = json.loads(told)["starts"]
        assert (start["init"]["runs"], start["init"]["how"]) == (30, "measured")
        assert start["lazy_imports"][0]["name"] == "decimal"
        assert start["lazy_imports"][0]["how"] == "estimated"
    else:
        flat = " ".join(told.split())
        assert "The median of 30 fresh interpreters" in flat
        assert re.search(r"To declare in a load: init_ms: \d+, and on top what Lambda takes", flat)
        assert "This machine is not Lambda" in flat
        assert "A lazy import moves out of the start (estimated)" in flat
