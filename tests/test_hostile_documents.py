"""No document, whatever is in it, ends in anything but a size or one clear message."""

import json
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loadfit.core.problems import InvalidLoad
from loadfit.documents import parse_text, read_load
from loadfit.reports import Format, render
from loadfit.stack import StackLoad, resolve, size
from tests.forking import Forking
from tests.hostile import HOSTILE, VALID, Hostile
from tests.hostile_functions import FUNCTIONS

MAX_MESSAGE = 8 * 1024
MAX_MEMORY_KIB = 1024 * 1024
SECONDS = 10
"""Of the processor, where the kernel can bound it: how long that takes depends on who else works there."""
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
"""How many times as many texts are tried: `make fuzz` tries more."""
COMPONENTS = Path(__file__).parents[1] / "components"
EXAMPLES = Path(__file__).parents[1] / "examples"


def each(documents: Sequence[Hostile]) -> pytest.MarkDecorator:
    names = [f"{index}-{hostile.name.replace(' ', '-')}" for index, hostile in enumerate(documents)]
    return pytest.mark.parametrize("hostile", documents, ids=names)


# PyYAML's own scanner reads larger ones in many seconds; it stands in only where libyaml was not built in.
SMALL = [one for one in HOSTILE if not isinstance(one.content, str | bytes) or len(one.content) <= 100_000]


def assert_is_a_message(text: str, expected: str) -> None:
    assert expected in text
    assert "Traceback" not in text
    assert len(text.encode()) < MAX_MESSAGE
    bad = {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs"}} - {"\n"}
    assert not bad


def refusal(path: Path) -> str:
    with pytest.raises(InvalidLoad) as refused:
        read_load(path)
    return str(refused.value)


def test_every_hostile_document_has_a_cause_of_its_own() -> None:
    contents = [hostile.content for hostile in (*HOSTILE, *FUNCTIONS)]
    assert len(contents) >= 260
    assert len(set(contents)) == len(contents)


@each((*HOSTILE, *FUNCTIONS))
def test_reading_it_says_what_is_wrong(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    file = hostile.file(tmp_path)
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    text = refusal(file)
    took = time.perf_counter() - began
    record_property("seconds", took)
    print(f"{took:.3f} s: {hostile.name}")  # noqa: T201 - for who looks into how long each takes
    assert_is_a_message(text, hostile.expected)


@each(SMALL)
def test_reading_it_without_libyaml_says_the_same(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    monkeypatch.chdir(tmp_path)
    line_unknown = hostile.name == "escape beyond unicode"
    assert_is_a_message(refusal(hostile.file(tmp_path)), "valid YAML" if line_unknown else hostile.expected)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    # Without coverage, which would slow down what is to end in time.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environment = {**inherited, "PYTHONPATH": str(COMPONENTS), "PYTHONUTF8": "1"}
    forking = Forking("loadfit.cli", ["loadfit.cli.size"], environment, tmp_path_factory.mktemp("command"))
    yield forking
    forking.stop()


@each(HOSTILE)
def test_the_command_refuses_it_in_time_and_in_bounds(hostile: Hostile, tmp_path: Path, command: Forking) -> None:
    file = hostile.file(tmp_path)
    path = file.relative_to(tmp_path) if file.is_relative_to(tmp_path) else file
    ended = command.run(["size", os.fspath(path)], tmp_path, memory_kib=MAX_MEMORY_KIB, processor_seconds=SECONDS)
    assert (ended.returncode, ended.stdout) == (2, b""), ended.stderr[-2000:]
    assert_is_a_message(ended.stderr.decode(), hostile.expected)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "load.yaml"
    file.write_text(VALID)
    file.chmod(0)
    if os.access(file, os.R_OK):
        # root reads everything.
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.chdir(tmp_path)
    assert refusal(file) == "load.yaml: expected a load document, found a file that this user may not read"


FRAGMENTS = (
    *(
        "\t",
        "\n",
        "\r",
        "\0",
        "  ",
        "- ",
        ": ",
        ":",
        "? ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        '"',
        "#",
        "|",
        ">",
        "&a",
        "*a",
        "!",
        "%",
    ),
    *(
        "---",
        "...",
        "<<: *a",
        "!!python/name:os.system",
        "~",
        ".nan",
        "1e999",
        "-0",
        "9" * 5_000,
        "\\ud800",
        "\x85",
        "\u2028",
    ),
    *(
        "\ufeff",
        "region: us-east-1",
        "zones: 3",
        "egress:",
        "config:",
        "loadfit:load:",
        "secure: x",
        "pods: 2",
        "\U0001f4a5",
    ),
)
documents = st.sampled_from([VALID, *(path.read_text() for path in sorted(EXAMPLES.glob("*.yaml")))])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A load document after some slips of the keyboard."""
    text = draw(documents)
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        text = text[:start] + draw(st.sampled_from(["", text[start:end] * 2, *FRAGMENTS])) + text[end:]
    return text


@settings(max_examples=300 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=mutated() | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5)).map("".join))
@pytest.mark.parametrize("with_libyaml", [True, False])
@example(text="? {a: &a [b]}\n: *a\n")
def test_any_text_is_a_load_or_a_message(text: str, with_libyaml: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not with_libyaml:
            patch.delattr(yaml, "CSafeLoader", raising=False)
        try:
            assert isinstance(parse_text(text, "load.yaml"), StackLoad)
        except InvalidLoad as refused:
            assert_is_a_message(str(refused), "load.yaml")


@settings(max_examples=200 * TIMES, deadline=None)
@given(content=st.binary(max_size=200) | mutated().map(lambda text: text.encode("utf-8", "surrogatepass")[1:]))
def test_any_bytes_are_a_load_or_a_message(content: bytes) -> None:
    try:
        assert isinstance(parse_text(content, "load.yaml"), StackLoad)
    except InvalidLoad as refused:
        assert_is_a_message(str(refused), "load.yaml")


NUMBER = re.compile(r"(?<![\w.\"-])\d+(?:\.\d+)?(?![\w.\"])")
NUMBERS = ("0", "1", "2", "3", "26", "0.001", "0.999", "100", "350", "55000", "1e6", "1e9", "1000000000")


@st.composite
def renumbered(draw: st.DrawFn) -> str:
    """A load document with other numbers, most of which it may have."""
    text = draw(documents)
    return NUMBER.sub(lambda found: draw(st.sampled_from((*[found[0]] * 13, *NUMBERS))), text)


@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=renumbered())
def test_any_load_is_sized_and_reported(text: str) -> None:
    """However large its numbers are: no load of good form fails, or takes a time that grows with them."""
    try:
        load = parse_text(text, "load.yaml")
        plan = size(resolve(load))
    except InvalidLoad as refused:
        assert_is_a_message(str(refused), "load.yaml")
        return
    began = time.process_time()
    report = render(plan, Format.TEXT, "load.yaml")
    assert time.process_time() - began < SECONDS
    assert "Traceback" not in report
    assert isinstance(json.loads(render(plan, Format.JSON, "load.yaml")), dict)
