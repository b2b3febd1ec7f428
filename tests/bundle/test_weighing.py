"""What a package weighs, of what it consists, and what of it cannot run."""

import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from loadfit.bundle import in_mb, weigh
from loadfit.bundle.machine import machine_of
from loadfit.bundle.needless import find_needless
from loadfit.core.problems import InvalidLoad
from tests.bundle.packages import APP, Content, elf, folder, installed, zipped

MB = 1024 * 1024
FILES: dict[str, Content] = {
    **APP,
    "config.json": "{}",
    **installed("Some_Package", {"some/__init__.py": "x = 1\n", "some/data.bin": os.urandom(5000)}),
    "vendored/inner.py": "y = 2\n",
    "node_modules/a/index.js": "1",
    "node_modules/@b/c/node_modules/d/index.js": "22",
}


def test_a_zip_file_is_measured_and_a_folder_estimated_close_to_it(tmp_path: Path) -> None:
    made = tmp_path / "package.zip"
    made.write_bytes(zipped(FILES))
    of_zip, of_folder = weigh(made), weigh(folder(tmp_path / "package", FILES))
    assert of_zip.zipped == made.stat().st_size
    assert (of_zip.zipped_is_measured, of_folder.zipped_is_measured) == (True, False)
    assert of_folder.zipped == pytest.approx(of_zip.zipped, rel=0.01)
    assert of_zip.unzipped == of_folder.unzipped == sum(len(content) for content in FILES.values())
    assert of_zip.files == of_folder.files == len(FILES)


def test_each_byte_belongs_to_one_package(tmp_path: Path) -> None:
    weight = weigh(folder(tmp_path, FILES))
    names = {part.name: part.files for part in weight.parts}
    assert names == {
        "some-package 1.0": 5,
        "(own files)": 2,
        "vendored/": 1,
        "node_modules/a": 1,
        "node_modules/d": 1,
    }
    assert sum(part.unzipped for part in weight.parts) == weight.unzipped


def test_the_ten_largest_files_are_told_largest_first(tmp_path: Path) -> None:
    weight = weigh(folder(tmp_path, {f"f{number:02}": bytes(number) for number in range(1, 20)}))
    assert weight.largest == tuple((f"f{number:02}", number) for number in range(19, 9, -1))


def sparse(path: Path, size: int) -> Path:
    """A file of zeros, which takes no room on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize(("size", "over"), [(250 * MB, 0), (250 * MB + 1, 1)])
def test_the_limit_of_the_unzipped_size_is_250_mb_with_layers(tmp_path: Path, size: int, over: int) -> None:
    """262,144,000 bytes: AWS counts 1024 x 1024 to the MB."""
    sparse(tmp_path / "layer/python/x", size - 1000)
    weight = weigh(folder(tmp_path / "package", {"app.py": "#" * 1000}), layers=[tmp_path / "layer"])
    assert weight.with_layers == size
    assert len(weight.over) == over


@pytest.mark.parametrize(("extra", "over"), [(0, 0), (1, 1)])
def test_the_limit_of_the_zipped_size_is_50_mb(tmp_path: Path, extra: int, over: int) -> None:
    """52,428,800 bytes."""
    made = tmp_path / "package.zip"
    around = len(zipped({"x": ""})) - 2  # an empty deflated file has 2 bytes
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x", bytes(50 * MB - around + extra))
    weight = weigh(made)
    assert weight.zipped == 50 * MB + extra
    assert len(weight.over) == over


def test_a_function_has_at_most_five_layers(tmp_path: Path) -> None:
    package, layer = folder(tmp_path / "package", APP), folder(tmp_path / "layer", APP)
    assert weigh(package, layers=[layer] * 5).over == ()
    assert weigh(package, layers=[layer] * 6).over == ("6 layers, and a function has at most 5.",)


def test_a_size_over_a_limit_never_looks_like_the_limit() -> None:
    assert (in_mb(50 * MB), in_mb(50 * MB + 1), in_mb(0), in_mb(1)) == ("50.0", "50.1", "0.0", "<0.1")


@pytest.mark.parametrize(
    ("path", "head", "machine"),
    [
        ("a.so", elf(62), "Linux x86_64"),
        ("bin/tool", elf(183, kind=2), "Linux arm64"),
        ("a.so", elf(3), "Linux i386"),
        ("a.so", elf(21, big=True), "Linux on ELF machine 21"),
        ("a.o", elf(62, kind=1), None),
        ("a.so", bytes.fromhex("cffaedfe") + bytes(60), "macOS"),
        ("a.class", bytes.fromhex("cafebabe") + bytes(60), None),
        ("a.pyd", b"MZ" + bytes(62), "Windows"),
        ("t32.exe", b"MZ" + bytes(62), None),
        ("a.so", b"\x7fELF", None),
        ("a.so", b"", None),
    ],
)
def test_machine_code_is_told_by_its_header(path: str, head: bytes, machine: str | None) -> None:
    assert machine_of(path, head) == machine


def test_the_interpreter_that_runs_the_tests_is_machine_code_of_this_machine() -> None:
    """An oracle that wrote its header itself."""
    uname = {"x86_64": "Linux x86_64", "aarch64": "Linux arm64"}
    head = Path("/proc/self/exe").read_bytes()[:64]
    assert machine_of("python", head) == uname[os.uname().machine]


@pytest.mark.parametrize("architecture", ["x86_64", "arm64", None])
def test_machine_code_for_another_architecture_is_told(tmp_path: Path, architecture: str | None) -> None:
    package = folder(tmp_path, {**APP, "x.so": elf(62), "y.so": elf(183)})
    weight = weigh(package, architecture=architecture)
    assert [one.path for one in weight.wrong_machine_code] == ["x.so" if architecture == "arm64" else "y.so"]
    assert weight.architecture_is_given is (architecture is not None)


def test_what_need_not_ship_is_told_by_kind() -> None:
    sizes = {
        "pkg/__pycache__/a.cpython-312.pyc": 1,
        ".pytest_cache/x": 2,
        "pkg/tests/test_a.py": 3,
        "pkg/tests/data/big.json": 4,
        "conftest.py": 5,
        "pkg/a.pyi": 6,
        "pkg/py.typed": 7,
        "pkg-1.0.dist-info/RECORD": 8,
        ".git/HEAD": 9,
        "src/a.test.ts": 10,
        "pkg/latest.py": 100,
        "pkg/testing.py": 100,
        "assets/tests/page.html": 100,
        "contest/test.txt": 100,
    }
    found = {one.kind: one.unzipped for one in find_needless(sizes)}
    assert found == {
        "caches": 1 + 2,
        "tests": 3 + 4 + 5 + 10,
        "type stubs": 6 + 7,
        "package metadata": 8,
        "version control": 9,
    }


def a_pipe(root: Path) -> None:
    os.mkfifo(root / "pipe")


def a_socket(root: Path) -> None:
    before = Path.cwd()
    os.chdir(root)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: (root / "link").symlink_to("/etc"), "link: a link that leads out of the folder"),
        (lambda root: (root / "link").symlink_to("gone"), "link: a link that leads nowhere"),
        (lambda root: (root / "loop").symlink_to("loop"), "loop: a link that leads nowhere"),
        (lambda root: (root / "sub/up").symlink_to(".."), "sub/up: a link to a folder that it is in"),
        (a_pipe, "pipe: what is no file"),
        (a_socket, "socket: what is no file"),
        (lambda root: (root / "a\\b").write_text(""), "a name with a backslash"),
        (lambda root: (root / "a\nb").write_text(""), "a name with a backslash or a control character"),
        (lambda root: Path(os.fsdecode(os.fsencode(root) + b"/\xff")).write_text(""), "a name that is not UTF-8"),
    ],
)
def test_a_folder_that_cannot_be_packed_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], expected: str
) -> None:
    root = folder(tmp_path / "package", {**APP, "sub/x": ""})
    spoil(root)
    with pytest.raises(InvalidLoad) as refused:
        weigh(root)
    assert expected in str(refused.value)


def test_links_inside_a_folder_are_followed_as_zip_does(tmp_path: Path) -> None:
    """npm makes such links for commands."""
    root = folder(tmp_path, {"node_modules/a/run.js": "12345", "node_modules/.bin/.x": ""})
    (root / "node_modules/.bin/a").symlink_to("../a/run.js")
    assert weigh(root).unzipped == 10


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("gone", "a folder or a zip file, found nothing at this path"),
        ("", "the path of a folder or a zip file, found no path"),
        ("nul\0", "the path of a folder or a zip file, found no path"),
        ("/dev/null", "a folder or a zip file, found neither"),
        ("app.py/x", "one that cannot be read (Not a directory)"),
        ("empty", "a package, found no file in it"),
    ],
)
def test_a_path_without_a_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: str
) -> None:
    folder(tmp_path, APP)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidLoad) as refused:
        weigh(path)
    assert expected in str(refused.value)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidLoad, match='expected an architecture of x86_64 or arm64, found "amd64"'):
        weigh(folder(tmp_path, APP), architecture="amd64")
