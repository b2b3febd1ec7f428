"""The example in Go: it compiles against the generated SDK."""

import pytest

from tests.engine.sdks.workshop import ROOT, go, go_program

EXAMPLE = ROOT / "examples/hosted/go/main.go"

WRONG = {
    "text": ("Pods:                  20,", 'Pods:                  "twenty",', 'cannot use "twenty" (untyped string'),
    "number": ('VpcId: pulumi.String("vpc-0a1b")', "VpcId: pulumi.Int(7)", "cannot use pulumi.Int(7)"),
    "unknown": ("PoolSize: ", "PoolSise: ", "unknown field PoolSise in struct literal"),
    "output": ("Zones:  3,", "Zones:  pulumi.Int(3).ToIntOutput(),", "as int value in struct literal"),
}
"""By program: what of the example is replaced, by what, and what the compiler says."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, workshop: None) -> str:
    """What the compiler says of the example and of variations of it."""
    folder = tmp_path_factory.mktemp("go")
    go_program(folder, EXAMPLE)
    example = EXAMPLE.read_text(encoding="utf-8")
    for name, (what, by, _) in WRONG.items():
        assert example.count(what) == 1
        (folder / name).mkdir()
        (folder / name / "main.go").write_text(example.replace(what, by), encoding="utf-8")
    return go(folder, "build", "./...").stderr


def said_of(path: str, said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith(path)]


def test_the_example_compiles(said: str) -> None:
    assert said_of("./main.go", said) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(said: str, name: str) -> None:
    (error,) = said_of(f"{name}/main.go:", said)
    assert WRONG[name][2] in error
