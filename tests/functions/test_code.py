"""What WarmLambda does with a function's code: packed, weighed, and sized with what it measured."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadfit.bundle import weigh
from loadfit.testing import Deployment
from tests.functions.test_component import (
    ALIAS,
    CODE,
    FUNCTION,
    component,
    load,
    made,
    only,
    packed,
    refusal,
    touched,
)

MB = 1024 * 1024
SIZES = {"zipped_mb": None, "unzipped_mb": None}
"""Nothing is declared of them."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function with a module that it does not use."""
    folder = tmp_path / "api"
    folder.mkdir()
    (folder / "app.py").write_text("import used\ndef handler(event, context): ...\n", encoding="utf-8")
    (folder / "used.py").write_text("", encoding="utf-8")
    (folder / "idle.py").write_text("", encoding="utf-8")
    return folder


def incompressible(file: Path, size: int) -> None:
    """A file that has the same size zipped; sparse files would not."""
    file.write_bytes(os.urandom(size))


def uploaded(deployment: Deployment) -> Path:
    return Path(only(deployment, FUNCTION).inputs["code"]["path"])


def told(deployment: Deployment) -> list[str]:
    assert {log.severity for log in deployment.logs} <= {"warning"}
    assert {log.urn for log in deployment.logs} <= {component(deployment).urn}
    return [log.message for log in deployment.logs]


class TestPacking:
    def test_a_folder_of_python_is_packed_without_what_its_handler_cannot_reach(self, folder: Path) -> None:
        with_all = made(code=str(folder), packed=False)
        assert uploaded(with_all) == folder
        without = uploaded(made(code=str(folder)))
        assert without.suffix == ".zip"
        assert weigh(without).files == 2
        assert weigh(uploaded(made(code=str(folder), keep=["idle"]))).files == 3

    def test_what_is_not_reached_publishes_no_version(self, folder: Path) -> None:
        """Nor does what running the code here leaves behind."""
        before = uploaded(made(code=str(folder))).read_bytes()
        (folder / "idle.py").write_text("changed = True\n", encoding="utf-8")
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__/app.cpython-313.pyc").write_bytes(b"compiled")
        after = made(code=str(folder))
        assert uploaded(after).read_bytes() == before
        assert told(after) == []

    def test_what_the_packing_cannot_tell_is_warned_of_on_the_component(self, folder: Path) -> None:
        (folder / "used.py").write_text("import importlib, os\nimportlib.import_module(os.environ['PLUGIN'])\n")
        (warning,) = told(made(code=str(folder)))
        assert warning.startswith("code: ")
        assert "used.py" in warning

    def test_services_name_what_the_sources_do_not(self, folder: Path) -> None:
        (folder / "app.py").write_text(
            "import os, boto3\ndef handler(event, context): boto3.client(os.environ['SERVICE'])\n", encoding="utf-8"
        )
        for file in ("boto3/__init__.py", "botocore/__init__.py", *(f"botocore/data/{one}/1/a.json" for one in "ab")):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("import botocore" if file.startswith("boto3") else "{}", encoding="utf-8")
        everything = weigh(uploaded(made(code=str(folder)))).files
        assert weigh(uploaded(made(code=str(folder), services=["a"]))).files == everything - 1
        assert "code: expected" in refusal(code=str(folder), services=["c"])

    def test_a_zip_file_is_packed_where_that_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "app.zip").write_bytes(Path(packed(CODE)).read_bytes())
        assert uploaded(made(code=str(tmp_path / "app.zip"))) == tmp_path / "app.zip"
        assert uploaded(made(code=str(tmp_path / "app.zip"), packed=True)).parent != tmp_path

    def test_node_without_esbuild_is_refused_where_it_is_to_be_packed(self, tmp_path: Path) -> None:
        (tmp_path / "index.js").write_text("exports.handler = async () => 1\n", encoding="utf-8")
        given: dict[str, Any] = {"code": str(tmp_path), "handler": "index.handler", "load": load(runtime="nodejs24.x")}
        assert uploaded(made(**given)) == tmp_path
        text = refusal(**given, packed=True)
        assert "code: expected esbuild in its node_modules, found none" in text
        assert "With packed false, the folder is uploaded as it is." in text

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (
                {"handler": "ap.handler"},
                "Did you mean app.handler? With packed false, the folder is uploaded as it is.",
            ),
            ({"keep": ["absent"]}, "code: expected "),
            ({"packed": False, "keep": ["app"]}, "keep: expected nothing, as the code is not packed"),
            ({"packed": False, "services": ["s3"]}, "services: expected nothing, as the code is not packed"),
            (
                {"code": None, "code_object": {"bucket": "a", "key": "b"}, "packed": True},
                "packed: expected nothing without code, found true",
            ),
        ],
    )
    def test_that_cannot_be(self, given: dict[str, Any], expected: str) -> None:
        assert expected in refusal(**given)

    def test_code_elsewhere_costs_no_import(self) -> None:
        program = (
            "import sys, tests.functions.test_component as t; before = {n for n in sys.modules if 'bundle.pack' in n};"
            "[sys.modules.pop(n) for n in list(sys.modules) if n.startswith('loadfit.bundle')];"
            "t.made(code=None, code_object={'bucket': 'a', 'key': 'b'});"
            "print([n for n in sys.modules if n.startswith('loadfit.bundle.')])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


class TestSizes:
    def test_what_is_too_big_zipped_is_refused(self, folder: Path) -> None:
        incompressible(folder / "data.bin", 51 * MB)
        text = refusal(code=str(folder), packed=False)
        assert "ZIP_TOO_BIG" in text
        assert "the zip file has 51" in text

    def test_what_is_too_big_unzipped_is_refused(self, folder: Path) -> None:
        for number in range(3):
            (folder / f"{number}.bin").write_bytes(bytes(85 * MB))
        assert "UNZIPPED_TOO_BIG" in refusal(code=str(folder), packed=False)

    def test_what_is_measured_is_no_input_of_the_component(self, folder: Path) -> None:
        """A changed package changes the function's code and the version, and nothing else."""
        before = made(code=str(folder), packed=False, load=load(**SIZES))
        (folder / "used.py").write_text("more = 'than before'\n" * 99, encoding="utf-8")
        after = made(code=str(folder), load=load(**SIZES))
        assert set(touched(before, after)) <= {FUNCTION, ALIAS}
        assert "zippedMb" not in component(after).inputs["load"]

    def test_declared_sizes_that_are_not_the_measured_ones_are_told_and_count(self, folder: Path) -> None:
        deployment = made(code=str(folder), load=load(zipped_mb=15, unzipped_mb=150))
        zipped, unzipped = told(deployment)
        assert zipped.startswith("code: load.zipped_mb says 15 MB, and 0 MB were measured")
        assert unzipped.startswith("code: load.unzipped_mb says 150 MB, and 0 MB were measured")
        assert component(deployment).inputs["load"]["unzippedMb"] == 150

    def test_a_little_is_no_difference(self, folder: Path) -> None:
        incompressible(folder / "data.bin", 20 * MB)
        close = load(zipped_mb=21.5, unzipped_mb=18.5)
        assert told(made(code=str(folder), packed=False, load=close)) == []
        assert len(told(made(code=str(folder), packed=False, load=load(zipped_mb=23, unzipped_mb=17)))) == 2

    def test_declared_sizes_hold_the_layers_that_are_not_measured(self, folder: Path) -> None:
        given: dict[str, Any] = {"code": str(folder), "layers": ["arn:aws:lambda:us-east-1:1:layer:big:1"]}
        assert told(made(**given, load=load(unzipped_mb=150))) == []


class TestUnpacked:
    def test_a_folder_that_changes_with_every_run_is_warned_of(self, folder: Path) -> None:
        assert told(made(code=str(folder), packed=False)) == []
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__/app.cpython-313.pyc").write_bytes(b"compiled")
        (warning,) = told(made(code=str(folder), packed=False))
        assert "the folder has __pycache__" in warning

    @pytest.mark.parametrize("packed", [True, False])
    def test_machine_code_for_another_processor_is_warned_of(self, folder: Path, packed: bool) -> None:
        elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + b"\xb7\x00" + bytes(64)
        (folder / "fast.so").write_bytes(elf)
        (folder / "app.py").write_text("import fast, used\ndef handler(event, context): ...\n", encoding="utf-8")
        (warning,) = (text for text in told(made(code=str(folder), packed=packed)) if "cannot run" in text)
        assert "cannot run on x86_64: fast.so (Linux arm64)" in warning
        arm = made(code=str(folder), packed=packed, load=load(architecture="arm64"))
        assert not [text for text in told(arm) if "cannot run" in text]

    def test_an_archive_that_none_can_be_made_from_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "app.zip").write_bytes(b"no zip file")
        assert "code: expected" in refusal(code=str(tmp_path / "app.zip"))
