"""No source, whatever is in it, ends in anything but advice, in time."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadfit.bundle.advice import Advice, advise
from loadfit.bundle.advice.codes import EXPLANATIONS, HANDLER_NOT_FOUND, SOURCE_NOT_ANALYZED
from loadfit.bundle.advice.sources import LONGEST_FILE, LONGEST_TOGETHER
from tests.bundle.advice.corpus import cases

SECONDS = 60
"""Far more than any takes; what is not bounded takes far longer."""

PYTHON = {
    "brackets": "(" * 100_000,
    "signs": "x = " + "-" * 100_000 + "1",
    "attributes": "x = a" + ".b" * 100_000,
    "calls": "x = a" + "()" * 50_000,
    "sums": "x = 1" + " + 1" * 100_000,
    "lists": "x = " + "[" * 90 + "]" * 90,
    "lambdas": "x = " + "lambda: " * 90_000 + "1",
    "indents": "".join(f"{' ' * depth}if x:\n" for depth in range(99)) + " " * 99 + "x",
    "zero byte": "import boto3\n\0",
    "zero bytes": "\0" * 1000,
    "half a character": "x = '\ud800'\n",
    "carriage returns": "x = 1\r" * 1000,
    "text": "The quick brown fox\n" * 1000,
    "one long line": "x = 1;" * 2_000_000,
    "a long string": "x = '" + "a" * 900_000 + "'",
    "a long name": "a" * 900_000 + " = 1",
    "an open string": "x = '''" + "a" * 100_000,
    "controls": "".join(map(chr, range(1, 32))),
    "nothing": "",
    "newlines": "\n" * 900_000,
}
JAVASCRIPT = {
    "brackets": "(\n" * 50_000,
    "blocks": "{\n" * 50_000 + "}" * 50_000,
    "arrays": "x = " + "[\n" * 30_000 + "]" * 30_000,
    "signs": "x = " + "-\n" * 50_000 + "1",
    "members": "x = a" + "\n.b" * 100_000,
    "calls": "x = a" + "()\n" * 50_000,
    "sums": "x = 1" + "\n+ 1" * 100_000,
    "arrows": "x = " + "() =>\n" * 20_000 + "1",
    "conditions": "x = " + "a ? b :\n" * 30_000 + "1",
    "branches": "if (a) b();\n" + "else if (a) b();\n" * 20_000,
    "templates": "`${" * 20_000,
    "an open string": "x = '",
    "an open comment": "/* " + "a\n" * 10_000,
    "zero byte": "const a = 1;\n\0",
    "half a character": "x = '\ud800';\n",
    "minified": "x=1;" * 200_000,
    "one long line": "x = 1;" * 2_000_000,
    "text": "The quick brown fox\n" * 1000,
    "controls": "".join(map(chr, range(1, 32))),
    "patterns": "const " + "[\n" * 5_000 + "a" + "]" * 5_000 + " = b;",
    "shebang": "#!/usr/bin/env node\nconsole.log(1);\n",
    "nothing": "",
}
HOSTILE = {
    **{f"{name}.py": source for name, source in PYTHON.items()},
    **{f"{name}.js": source for name, source in JAVASCRIPT.items()},
    **{f"{name}.ts": source for name, source in JAVASCRIPT.items()},
}
READABLE = {
    *("attributes", "calls", "lists", "indents", "controls", "carriage returns", "half a character"),
    *("a long string", "a long name", "nothing", "newlines"),
}
"""Odd, and Python all the same; whether nested names are too many depends on the Python that runs this."""


def in_time(sources: dict[str, str], handler: str | None = None) -> tuple[Advice, ...]:
    began = time.process_time()
    found = advise(sources, handler)
    assert time.process_time() - began < SECONDS
    assert all(one.code in EXPLANATIONS for one in found)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_at_most_one_notice_with_its_line(name: str) -> None:
    path = f"app.{name.rpartition('.')[2]}"
    found = in_time({path: HOSTILE[name]})
    assert [one.code for one in found] in ([SOURCE_NOT_ANALYZED], [])
    lines = max(1, len(HOSTILE[name].splitlines()) + 1)
    assert all(1 <= one.line <= lines and "\n" not in one.message for one in found)


@pytest.mark.parametrize("name", sorted(PYTHON.keys() - READABLE))
def test_python_that_cannot_be_read_is_said(name: str) -> None:
    assert [one.code for one in advise({"app.py": PYTHON[name]}, None)] == [SOURCE_NOT_ANALYZED]


@pytest.mark.parametrize("path", ["index.js", "index.ts", "index.mjs", "index.cjs", "index.mts", "index.cts"])
@pytest.mark.parametrize("name", ["brackets", "templates", "an open string", "zero byte", "minified", "text", "signs"])
def test_javascript_that_cannot_be_read_is_said(name: str, path: str) -> None:
    assert [one.code for one in advise({path: JAVASCRIPT[name]}, None)] == [SOURCE_NOT_ANALYZED]


def test_a_file_that_cannot_be_read_does_not_hide_the_others() -> None:
    good = "import boto3\ndef handler(event, context):\n    boto3.client('s3')\n"
    found = advise({"app.py": good, "broken.py": "def f(:\n", "a/zero.py": "x\n\0"}, "app.handler")
    assert [(one.path, one.line, one.code) for one in found] == [
        ("a/zero.py", 2, SOURCE_NOT_ANALYZED),
        ("app.py", 3, "CLIENT_IN_HANDLER"),
        ("broken.py", 1, SOURCE_NOT_ANALYZED),
    ]


def test_a_byte_order_mark_is_no_mistake() -> None:
    source = "\ufeffimport boto3\ndef handler(event, context):\n    boto3.client('s3')\n"
    assert [one.line for one in advise({"app.py": source}, "app.handler")] == [3]


def test_files_together_are_bounded() -> None:
    part = "x = '" + "a" * (LONGEST_FILE - 10) + "'"
    many = LONGEST_TOGETHER // len(part) + 3
    found = in_time({f"part{number:02}.py": part for number in range(many)})
    assert [one.code for one in found] == [SOURCE_NOT_ANALYZED] * (many - LONGEST_TOGETHER // len(part))


def test_names_that_lead_round_in_circles_end() -> None:
    assert in_time({"a.py": "from b import x\ny = x()\n", "b.py": "from a import y as x\n"}, "a.handler")
    circle = "a = b\nb = a\nc = c.c()\ndef handler(event, context):\n    handler(event, context)\n    a()\n    c.d()\n"
    assert in_time({"app.py": circle}, "app.handler") == ()
    stars = {"a.py": "from b import *\nhandler = x\n", "b.py": "from a import *\n"}
    assert [one.code for one in in_time(stars, "a.handler")] == [HANDLER_NOT_FOUND]
    bases = "class A(B):\n    pass\nclass B(A):\n    pass\ndef handler(event, context):\n    A().x()\n"
    assert in_time({"app.py": bases}, "app.handler") == ()


def test_functions_that_call_one_another_in_every_way_end() -> None:
    names = [f"f{number}" for number in range(120)]
    bodies = [f"def {name}(a, b):\n" + "".join(f"    {other}(a, b)\n" for other in names) for name in names]
    in_time({"app.py": "".join(bodies) + "def handler(event, context):\n    f0(event, 1)\n"}, "app.handler")


@pytest.mark.parametrize(
    ("path", "first", "each", "last"),
    [
        ("app.py", "def handler(event, context):\n", "    if a: return b\n", "    c[0] = d\n"),
        ("app.js", "exports.handler = () => {\n", "  if (a) return b;\n", "  c[0] = d;\n}\n"),
    ],
)
def test_many_early_returns_end(path: str, first: str, each: str, last: str) -> None:
    assert in_time({path: first + each * 20_000 + last}, "app.handler") == ()


@pytest.mark.parametrize("handler", ["", ".", "app", "app.", ".handler", "nothing.there", "../app.handler", "a" * 9000])
def test_a_handler_that_is_not_there_is_said(handler: str) -> None:
    found = advise({"app.py": "import boto3\ndef handler(event, context):\n    boto3.client('s3')\n"}, handler)
    assert [one.code for one in found] == [HANDLER_NOT_FOUND, "CLIENT_IN_HANDLER"]
    assert len(found[0].message) < 200


def test_nothing_gives_nothing() -> None:
    assert advise({}, "app.handler") == ()
    assert advise({"readme.md": "boto3.client()", "\0.py": "x"}, None) == ()


CORPUS = ("python_faults", "python_clean", "javascript_faults", "javascript_clean")
SEEDS = [source for name in CORPUS for case in cases(name) for source in case.sources.values()]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A source after some slips of the keyboard."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 20)))
        added = draw(
            st.sampled_from(["", text[start:end] * 2, "(", ")", ":", "\n", " ", "'", "\0", "*", "@", ",", "="])
        )
        text = text[:start] + added + text[end:]
    return text


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=mutated() | st.text(), path=st.sampled_from(["app.py", "app.js", "app.ts", "app.mjs"]))
def test_any_source_gives_advice(source: str, path: str) -> None:
    for one in advise({path: source}, "app.handler"):
        assert one.code in EXPLANATIONS
        assert 1 <= one.line <= len(source.splitlines()) + 1
