"""The example in TypeScript: it type-checks against the generated SDK, and the engine runs it."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadfit import MultiAzNatEgress, PgBouncerPool, WarmLambda
from proofs.engine.stack import PROJECT, STACK, Program
from tests.engine.engine import Engine
from tests.engine.sdks.workshop import MODULES, ROOT, generate
from tests.hosted.test_construct import in_python
from tests.node import NODE

EXAMPLES = ROOT / "examples/hosted"
PREVIEW = Path(__file__).parent / "node/preview.cjs"

WRONG = {
    "text": ("poolSize: 10", 'poolSize: "ten"', "Type 'string' is not assignable to type 'number'."),
    "number": ('vpcId: "vpc-0a1b"', "vpcId: 7", "Type 'number' is not assignable to type 'Input<string>'."),
    "unknown": ("poolSize: 10", "poolSise: 10", "but 'poolSise' does not exist in type 'ClientGroupArgs'."),
    "missing": ("        zones: 3,\n", "", "Property 'zones' is missing in type"),
    "output": ("pods: 20,", "pods: egress.urn,", "Type 'Output<string>' is not assignable to type 'number'."),
}
"""By program: what of the example is replaced, by what, and what the compiler says."""

SHORT = ("maxConnections: 200", "maxConnections: 40")
"""A load that does not fit, in types that do."""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, workshop: None) -> tuple[Path, str]:
    """The example beside its SDK and variations of it, as the compiler left them, and what it said."""
    folder = tmp_path_factory.mktemp("typescript")
    generate(folder / "sdks")
    scope = folder / "node_modules/@pulumi"
    scope.mkdir(parents=True)
    for name in ("@pulumi/pulumi", "@pulumi/aws", "@types"):
        (folder / "node_modules" / name).symlink_to(MODULES / name)
    (scope / "loadfit").symlink_to(folder / "sdks/nodejs")
    # As `npm install` does where the CLI has added the package: its own script compiles it.
    path = os.pathsep.join([str(MODULES / ".bin"), str(NODE.parent), os.environ["PATH"]])
    run([NODE, "scripts/postinstall.js"], folder / "sdks/nodejs", {**os.environ, "PATH": path})

    example = (EXAMPLES / "typescript/index.ts").read_text(encoding="utf-8")
    (folder / "index.ts").write_text(example, encoding="utf-8")
    for name, (what, by, _) in {**WRONG, "short": (*SHORT, "")}.items():
        assert example.count(what) == 1 or name == "missing"
        (folder / f"{name}.ts").write_text(example.replace(what, by, 1), encoding="utf-8")
    shutil.copy(EXAMPLES / "typescript/tsconfig.json", folder / "example.json")
    here = {"noEmit": False, "outDir": "bin"}
    files = ["index.ts", "short.ts", *(f"{name}.ts" for name in WRONG)]
    settings = {"extends": "./example.json", "compilerOptions": here, "files": files}
    (folder / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [NODE, MODULES / "typescript/bin/tsc", "--project", folder, "--skipLibCheck"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return folder, done.stdout


def run(command: list[str | Path], folder: Path, environment: Mapping[str, str]) -> str:
    """What it prints; what it has started ends with it, also where it takes too long."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, errors = process.communicate(timeout=600)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, errors
    return printed


def said_of(name: str, compiled: tuple[Path, str]) -> list[str]:
    """The compiler's errors in a program, each with the lines that belong to it."""
    return re.findall(rf"^{name}\.ts\(.*(?:\n  .*)*", compiled[1], re.MULTILINE)


def previewed(compiled: tuple[Path, str], program: str, engine: Engine) -> dict[str, Any]:
    path = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
    command = [NODE, PREVIEW, compiled[0] / f"bin/{program}.js", PROJECT, STACK, engine.folder]
    environment = {**os.environ, **engine.environment, "PATH": path, "NODE_PATH": str(MODULES)}
    return json.loads(run(command, compiled[0], environment))


class TestTypes:
    def test_the_example_type_checks(self, compiled: tuple[Path, str]) -> None:
        assert said_of("index", compiled) == said_of("short", compiled) == []

    @pytest.mark.parametrize("name", WRONG)
    def test_what_is_wrong_is_refused(self, compiled: tuple[Path, str], name: str) -> None:
        (error,) = said_of(name, compiled)
        assert WRONG[name][2] in " ".join(error.split())


@pytest.mark.usefixtures("plugin")
class TestPreview:
    def test_it_shows_what_the_same_program_in_python_shows(self, compiled: tuple[Path, str], engine: Engine) -> None:
        shown = previewed(compiled, "index", engine)
        assert shown["messages"] == []
        operations = {f"{kind.rsplit(':', 1)[-1]} {name}": step for kind, name, step in steps(shown)}
        python = engine.preview(in_the_example())
        assert operations == python.operations
        assert len(operations) > 50
        assert set(operations.values()) == {"create"}

    def test_a_load_that_does_not_fit_is_refused_with_its_findings(
        self, compiled: tuple[Path, str], engine: Engine
    ) -> None:
        shown = previewed(compiled, "short", engine)
        refused = "loadfit:index:PgBouncerPool resource 'orders' has a problem: PgBouncerPool 'orders': error "
        assert shown["messages"][0].startswith(
            f"{refused}DATABASE_CONNECTIONS_SHORT at max_connections: orders needs 50 connections; max_connections 40:"
        )
        assert "1. configuration, price not known: max_connections 68" in shown["messages"][0]


def steps(shown: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(*label.split(" "), step) for label, step in shown["steps"].items()]


def in_the_example() -> Program:
    """The example in Python: that in YAML has the same inputs, which another test holds them to."""
    made = yaml.safe_load((EXAMPLES / "yaml/Pulumi.yaml").read_text(encoding="utf-8"))["resources"]
    components = {"MultiAzNatEgress": MultiAzNatEgress, "PgBouncerPool": PgBouncerPool, "WarmLambda": WarmLambda}

    def program() -> None:
        for name, one in made.items():
            components[one["type"].removeprefix("loadfit:")](name, in_python(one["properties"]))

    return program
