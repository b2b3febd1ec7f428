"""``loadfit bundle``: reports, exit codes, and what it refuses."""

import json
import zipfile
from pathlib import Path

import pytest

from loadfit.cli.__main__ import main
from tests.bundle.packages import APP, elf, folder, installed, zipped

FILES = {**APP, "x.so": elf(183), "other.py": "", **installed("lib", {"lib.py": "", "lib.pyi": ""})}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    return folder(tmp_path / "package", FILES)


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_package_within_the_limits_is_reported_with_exit_code_0(
    package: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bundle", "package", "--format", form]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    if form == "json":
        data = json.loads(told.out)
        assert (data["within_limits"], data["unzipped"]) == (
            True,
            {"bytes": data["with_layers"]["bytes"], "how": "measured"},
        )
        assert data["zipped"]["how"] == "estimated"
        assert data["machine_code"] == [{"path": "x.so", "machine": "Linux arm64", "runs": False}]
    else:
        assert "(estimated)" in told.out
        assert "(measured)" in told.out or "(measured\\)" in told.out
        assert "x.so" in told.out
        assert "type stubs" in told.out
    if form == "text":
        assert max(map(len, told.out.splitlines())) <= 80


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_package_over_a_limit_ends_with_exit_code_1(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    with (layer / "x").open("wb") as file:
        file.truncate(250 * 1024 * 1024)
    package = tmp_path / "package.zip"
    package.write_bytes(zipped(APP))
    assert main(["bundle", str(package), "--layer", str(layer), "--format", form]) == 1
    told = capsys.readouterr()
    assert "250.1 MB unzipped, layers included, and Lambda takes 250 MB" in " ".join(told.out.split())


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_packing_writes_the_file_and_tells_what_was_left_out(
    package: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bundle", "package", "--handler", "app.handler", "--pack", "out.zip", "--format", form]
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert told.err == ""
    with zipfile.ZipFile("out.zip") as archive:
        assert archive.namelist() == ["app.py"]
    if form == "json":
        packed = json.loads(told.out)["packed"]
        assert packed["unzipped"]["bytes"] == len(str(APP["app.py"]))
        assert {one["path"] for one in packed["removed"]} == {
            "lib-1.0.dist-info/",
            "lib.py",
            "lib.pyi",
            "other.py",
            "x.so",
        }
        assert all(one["reason"] for one in packed["removed"])
    else:
        assert "Left out, because" in told.out


def test_what_counts_is_the_package_that_was_made(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (package / "lib-1.0.dist-info/huge").open("wb") as file:
        file.truncate(249 * 1024 * 1024)
    (package / "lib-1.0.dist-info/more").write_bytes(bytes(2 * 1024 * 1024))
    assert main(["bundle", "package", "--handler", "app.handler", "--pack", "out.zip", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["with_layers"]["bytes"] > 250 * 1024 * 1024


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "the following arguments are required: PATH"),
        (["gone"], "gone: expected a folder or a zip file, found nothing at this path"),
        (["package/app.py"], "package/app.py: expected a zip file, found a file that is none"),
        (["package", "--architecture", "amd64"], "invalid choice: 'amd64'"),
        (["package", "--format", "html"], "invalid choice: 'html'"),
        (["package", "--layer", "gone"], "gone: expected a folder or a zip file"),
        (["package", "--pack", "out.zip"], "--pack needs the handler: expected --handler such as app.handler"),
        (["package", "--measure"], "--measure needs the handler"),
        (["package", "--keep", "lib"], "--keep is about what is packed: expected --pack OUT.zip with it"),
        (["package", "--handler", "app.main", "--pack", "out.zip"], "the function main in app.py, found none"),
        (["package", "--handler", "app.handler", "--pack", "package/o.zip"], "outside of what is packed"),
        (["package", "--handler", "app.handler", "--pack", "o.zip", "--keep", "libb"], "Did you mean lib?"),
    ],
)
def test_bad_input_is_told_in_one_message_with_exit_code_2(
    package: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["bundle", *arguments])
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert expected in told.err
    assert "Traceback" not in told.err
    assert not list(Path().glob("*.zip"))


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_advice_on_its_own_sources_is_told(package: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = "import boto3\ndef handler(event, context):\n    return boto3.client('s3').list_buckets()\n"
    folder(package, {"app.py": client, **installed("other", {"other/app.py": client})})
    assert main(["bundle", "package", "--handler", "app.handler", "--format", form]) == 0
    told = capsys.readouterr().out
    if form == "json":
        [advice] = json.loads(told)["advice"]
        assert (advice["path"], advice["line"], advice["code"]) == ("app.py", 3, "CLIENT_IN_HANDLER")
        assert advice["how"] in ("measured", "estimated", "published")
    else:
        assert told.count("app.py:3") == 1
