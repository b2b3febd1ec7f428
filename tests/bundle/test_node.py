"""A Node.js function is bundled by the esbuild that it has itself, and still gives the same answers."""

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from loadfit.bundle import NoBundler, Packed, pack
from loadfit.cli.__main__ import main
from loadfit.core.problems import InvalidLoad
from tests.bundle.packages import Content, folder
from tests.node import NODE, NODE_PATH, NpmFailed, install

LIBRARY: dict[str, Content] = {
    "node_modules/lib/package.json": json.dumps(
        {"name": "lib", "exports": {"import": "./index.mjs", "require": "./index.js"}, "sideEffects": False}
    ),
    "node_modules/lib/index.js": "exports.used = () => 'used'; exports.unused = () => 'never called';",
    "node_modules/lib/index.mjs": "export const used = () => 'used'; export const unused = () => 'never called';",
    "node_modules/lib/README.md": "# lib",
    "node_modules/@aws-sdk/client-s3/package.json": '{"name": "@aws-sdk/client-s3", "main": "index.js"}',
    "node_modules/@aws-sdk/client-s3/index.js": "exports.S3Client = class { region = 'eu-west-1' };",
}

COMMON: dict[str, Content] = {
    **LIBRARY,
    "package.json": '{"name": "function", "dependencies": {"lib": "1"}}',
    "package-lock.json": "{}",
    "index.js": """
        const { used } = require('lib');
        const { S3Client } = require('@aws-sdk/client-s3');
        const helper = require('./src/helper');
        const client = new S3Client({});
        exports.handler = async (event) => [used(), helper.twice(event.n), client.region];
    """,
    "src/helper.js": "exports.twice = (n) => 2 * n;",
    "src/other.js": "exports.never = 1;",
    "src/helper.test.js": "require('./helper');",
    "types.d.ts": "export {};",
    "template.html": "<p>",
}

MODULE: dict[str, Content] = {
    **LIBRARY,
    "package.json": '{"name": "function", "type": "module"}',
    "index.js": """
        import { used } from 'lib';
        import { S3Client } from '@aws-sdk/client-s3';
        import { twice } from './src/helper.js';
        const client = await new S3Client({});
        export const handler = async (event) => [used(), twice(event.n), client.region];
    """,
    "src/helper.js": "export const twice = (n) => 2 * n;",
}

TYPED: dict[str, Content] = {
    **LIBRARY,
    "package.json": "{}",
    "index.ts": """
        import { used } from 'lib';
        import { S3Client } from '@aws-sdk/client-s3';
        const client: any = new S3Client({});
        export const handler = async (event: { n: number }): Promise<unknown[]> => [used(), 2 * event.n, client.region];
    """,
}

ANSWER = ["used", 42, "eu-west-1"]


@pytest.fixture(scope="session")
def esbuild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with esbuild in its ``node_modules``.

    Without npm's index these tests are skipped, but fail where continuous integration has to have it.
    """
    root = tmp_path_factory.mktemp("esbuild")
    try:
        install(Path(__file__).parent / "esbuild", root)
    except NpmFailed as failed:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"esbuild could not be installed: {' '.join(str(failed).split())[:200]}")
    return root


@pytest.fixture
def place(esbuild: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a function, with esbuild."""
    monkeypatch.setenv("PATH", NODE_PATH)
    shutil.copytree(esbuild, tmp_path / "function", symlinks=True, copy_function=os.link)
    return tmp_path / "function"


def packed(place: Path, files: Mapping[str, Content], **options: object) -> Packed:
    values: dict[str, object] = {"handler": "index.handler", "runtime": "nodejs22.x", "cache": place.parent / "cache"}
    return pack(folder(place, files), **{**values, **options})  # pyright: ignore[reportArgumentType]


def answer(root: Path, sdk: Path) -> object:
    """What the handler answers; the SDK lies where the runtime has it: above the function's folder."""
    shutil.copytree(sdk / "node_modules/@aws-sdk", root.parent / "node_modules/@aws-sdk", dirs_exist_ok=True)
    program = """
        const { pathToFileURL } = require("node:url"), fs = require("node:fs");
        const file = ["index.mjs", "index.js"].map((name) => process.argv[1] + "/" + name).find(fs.existsSync);
        import(pathToFileURL(file))
          .then((found) => (found.handler ?? found.default.handler)({ n: 21 }))
          .then((said) => console.log(JSON.stringify(said)));
    """
    done = subprocess.run([NODE, "-e", program, root], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def unpacked(made: Packed, root: Path) -> dict[str, str]:
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(root)
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize(("files", "bundle"), [(COMMON, "index.js"), (MODULE, "index.mjs"), (TYPED, "index.js")])
def test_a_bundle_gives_the_same_answer_without_what_it_does_not_call(
    place: Path, tmp_path: Path, files: dict[str, Content], bundle: str
) -> None:
    made = packed(place, files)
    target = tmp_path / "opt/task"
    content = unpacked(made, target)
    assert answer(target, place) == ANSWER
    assert {bundle, f"{bundle}.map"} <= content.keys() <= {bundle, f"{bundle}.map", "template.html"}
    assert "S3Client=class" not in content[bundle], "the runtime brings the SDK"
    assert ("never called" in content[bundle]) is (files is COMMON), "what modules do not use is shaken off"
    sources = json.loads(content[f"{bundle}.map"])["sources"]
    assert all(source in place_files(place) for source in sources)
    assert content[bundle].rstrip().endswith(f"//# sourceMappingURL={bundle}.map")


def place_files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def test_what_is_left_out_has_its_reason(place: Path) -> None:
    made = packed(place, COMMON)
    told = {one.path: one.reason for one in made.removed}
    assert told["index.js"] == told["src/helper.js"] == told["node_modules/lib/index.js"] == "bundled into index.js"
    assert told["node_modules/@aws-sdk/"] == "the runtime brings it"
    assert told["node_modules/esbuild/"] == told["src/other.js"] == "nothing that the handler reaches imports it"
    assert told["src/helper.test.js"] == "a test"
    assert told["types.d.ts"] == "for type checkers only"
    assert told["package.json"].startswith("settings of tools")
    assert made.warnings == ()


def test_an_older_runtime_does_not_bring_the_sdk(place: Path, tmp_path: Path) -> None:
    content = unpacked(packed(place, COMMON, runtime="nodejs16.x"), tmp_path / "out")
    assert "eu-west-1" in content["index.js"]


def test_the_sdk_is_bundled_where_it_is_kept(place: Path, tmp_path: Path) -> None:
    """One file is read faster than the runtime's many."""
    content = unpacked(packed(place, COMMON, keep=["@aws-sdk"]), tmp_path / "out")
    assert "eu-west-1" in content["index.js"]


def test_the_same_function_gives_the_same_bytes_in_another_folder(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = packed(place, COMMON)
    other = tmp_path / "quite another" / "place"
    shutil.copytree(place, other, symlinks=True, copy_function=os.link)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    second = pack(other, handler="index.handler", runtime="nodejs22.x", cache=tmp_path / "other cache")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert not list((tmp_path / "temporary").iterdir())


def test_what_is_kept_by_name_is_not_bundled(place: Path, tmp_path: Path) -> None:
    files = COMMON | {
        "node_modules/lib/package.json": '{"name": "lib", "main": "index.js", "dependencies": {"needed": "1"}}',
        "node_modules/needed/package.json": '{"name": "needed"}',
        "node_modules/needed/index.js": "",
        "plugins/a.js": "exports.a = 1;",
    }
    target = tmp_path / "opt/task"
    content = unpacked(packed(place, files, keep=["lib", "plugins"]), target)
    assert {"node_modules/lib/index.js", "node_modules/needed/index.js", "plugins/a.js"} <= content.keys()
    assert answer(target, place) == ANSWER


def test_a_computed_import_is_warned_of(place: Path) -> None:
    files = COMMON | {"src/helper.js": "exports.twice = (n) => 2 * n;\nexports.load = (name) => require(name);"}
    [warning] = packed(place, files).warnings
    assert "src/helper.js:2" in warning


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({}, {"handler": "indx.handler"}, "the handler's file indx.js, found no such file in it. Did you mean index"),
        ({}, {"runtime": "nodejs"}, 'a runtime such as nodejs22.x, found "nodejs"'),
        ({}, {"keep": ["lbi"]}, 'packages or paths of it to keep, found "lbi"'),
        ({"index.js": "exports.handler = ("}, {}, "a handler that esbuild bundles, found"),
        ({"index.js": "require('./gone')"}, {}, 'Could not resolve "./gone"'),
        ({"package.json": "{"}, {}, "expected JSON, found package.json, which is none"),
    ],
)
def test_what_cannot_be_bundled_is_refused(
    place: Path, changes: dict[str, Content], options: dict[str, object], expected: str
) -> None:
    with pytest.raises(InvalidLoad) as refused:
        packed(place, COMMON | changes, **options)
    assert expected in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_without_esbuild_it_says_so_and_weighs_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is installed, and an esbuild elsewhere on the machine is not taken."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/esbuild").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "bin/esbuild").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoBundler, match="npm install --save-dev esbuild"):
        packed(tmp_path / "function", COMMON)
    before = place_files(tmp_path / "function")
    assert main(["bundle", "function", "--handler", "index.handler", "--pack", "out.zip"]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("function: within the limits\n\nWeighed only: ")
    assert told.err.startswith("function: expected esbuild in its node_modules, found none.")
    assert place_files(tmp_path / "function") == before
    assert not Path("out.zip").exists()


def test_an_esbuild_that_is_not_of_this_machine_is_told(place: Path) -> None:
    binary = place / "node_modules/esbuild/bin/esbuild"
    binary.unlink()
    binary.write_bytes(b"\x7fELF of another machine")
    binary.chmod(0o755)
    with pytest.raises(InvalidLoad, match="its esbuild to run, found that it cannot be started"):
        packed(place, COMMON)


def test_a_zip_file_is_not_bundled(place: Path, tmp_path: Path) -> None:
    made = packed(place, COMMON)
    with pytest.raises(InvalidLoad, match=r"the folder of a Node\.js function, found a zip file"):
        pack(made.path, handler="index.handler", cache=tmp_path / "cache")
