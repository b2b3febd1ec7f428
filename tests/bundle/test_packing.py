"""What is packed still runs, gives the same answers, and is the same bytes everywhere."""

import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loadfit
from loadfit.bundle import Packed, cache_folder, pack, zipping
from loadfit.core.problems import InvalidLoad
from tests.bundle.packages import APP, Content, elf, folder, installed, zipped

RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import app
print(app.handler({}, None))
print(*sorted(path for module in list(sys.modules.values()) if (path := getattr(module, "__file__", None))), sep="\\n")
"""


def run(path: Path) -> tuple[str, set[str]]:
    """The handler's answer in a fresh interpreter, and the files of the package that it loaded: the oracle."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", RUN, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer, *loaded = done.stdout.splitlines()
    return answer, {os.path.relpath(file, path) for file in loaded if file.startswith(f"{path}{os.sep}")}


def packed(tmp_path: Path, files: dict[str, Content], **options: object) -> Packed:
    root = folder(tmp_path / "package", {path: _dedented(content) for path, content in files.items()})
    return pack(root, handler="app.handler", cache=tmp_path / "cache", **options)  # pyright: ignore[reportArgumentType]


def _dedented(content: Content) -> Content:
    return textwrap.dedent(content) if isinstance(content, str) else content


def names(made: Packed) -> set[str]:
    with zipfile.ZipFile(made.path) as archive:
        return set(archive.namelist())


def reasons(made: Packed) -> dict[str, str]:
    return {one.path: one.reason for one in made.removed}


def unpacked(made: Packed, target: Path) -> Path:
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(target)
    return target


HANDLER = "def handler(event, context):\n    return 1\n"

REACHED: dict[str, tuple[str, dict[str, Content], set[str]]] = {
    "import": ("import a", {}, {"a/__init__.py"}),
    "import of a submodule": ("import a.b", {}, {"a/__init__.py", "a/b.py"}),
    "import of a submodule from its package": ("from a import b", {}, {"a/__init__.py", "a/b.py"}),
    "import under another name": ("import a.b as x", {}, {"a/__init__.py", "a/b.py"}),
    "relative import": ("import a.c.d", {"a/c/d.py": "from .. import b"}, {"a/b.py", "a/c/__init__.py", "a/c/d.py"}),
    "relative import of a name": ("import a.c", {"a/c/__init__.py": "from ..b import x"}, {"a/b.py"}),
    "import inside a function": ("def f():\n    import a.b", {}, {"a/b.py"}),
    "import that may fail": ("try:\n    import a.b\nexcept ImportError:\n    pass", {}, {"a/b.py"}),
    "attribute of a package": ("import a.c\na.c\ndef f():\n    return a.b.x", {}, {"a/b.py"}),
    "star": ("from a import *", {"a/__init__.py": "__all__ = ['b']"}, {"a/b.py"}),
    "lazy names": ("import a", {"a/__init__.py": "def __getattr__(name): ..."}, {"a/b.py", "a/c/d.py"}),
    "import_module": ("import importlib\nimportlib.import_module('a.b')", {}, {"a/b.py"}),
    "import_module, imported": ("from importlib import import_module as i\ni('a.b')", {}, {"a/b.py"}),
    "relative import_module": (
        "import a.c",
        {"a/c/__init__.py": "import importlib\nimportlib.import_module('..b', __name__)"},
        {"a/b.py"},
    ),
    "import_module of a constant": ("NAME = 'a.b'\nimport importlib\nimportlib.import_module(NAME)", {}, {"a/b.py"}),
    "__import__": ("__import__('a')", {}, {"a/__init__.py"}),
    "known beginning": (
        "import importlib\ndef f(n):\n    importlib.import_module(f'a.c.{n}')",
        {},
        {"a/__init__.py", "a/c/d.py"},
    ),
    "known beginning, added": (
        "import importlib\ndef f(n):\n    importlib.import_module('a.c.' + n)",
        {},
        {"a/c/d.py"},
    ),
    "own package, computed": (
        "import a",
        {"a/__init__.py": "import importlib\ndef f(n): importlib.import_module(f'{__name__}.{n}')"},
        {"a/b.py", "a/c/d.py"},
    ),
    "computed in a library": (
        "import a",
        {"a/__init__.py": "import importlib\ndef f(n): importlib.import_module(n)"},
        {"a/b.py", "a/c/d.py"},
    ),
    "modules that are listed": (
        "import a",
        {"a/__init__.py": "import pkgutil\npkgutil.walk_packages(__path__)"},
        {"a/b.py"},
    ),
    "text that is run": ("import a", {"a/__init__.py": "def f(t): exec(t)"}, {"a/b.py"}),
    "dotted text": ("HANDLERS = ['a.b.Class']", {}, {"a/b.py"}),
    "entry point text": ("HANDLERS = ['a.b:Class']", {}, {"a/b.py"}),
    "configuration file": ("", {"logging.json": '{"class": "a.b.Handler"}'}, {"a/b.py"}),
    "file that is named": ("WORKER = 'a/b.py'", {}, {"a/b.py"}),
    "broken source": ("import a.c", {"a/c/__init__.py": "print 'Python 2'"}, {"a/b.py", "a/c/d.py"}),
    "machine code": ("import a.fast", {"a/fast.cpython-311-x86_64-linux-gnu.so": elf(62)}, {"a/b.py"}),
    "machine code of the stable ABI": ("import a.fast", {"a/fast.abi3.so": elf(62)}, {"a/b.py"}),
    "bytecode alone": ("import a.c", {"a/c/__init__.pyc": b"?", "a/c/__init__.py": ""}, {"a/c/__init__.py"}),
    "namespace package": ("import n.m", {"n/m/__init__.py": "from . import x", "n/m/x.py": ""}, {"n/m/x.py"}),
}

LIBRARY: dict[str, Content] = {
    "a/__init__.py": "",
    "a/b.py": "x = 1",
    "a/c/__init__.py": "",
    "a/c/d.py": "",
    "a/data.txt": "kept with its package",
    "a/tests/__init__.py": "",
    "a/tests/test_a.py": "import a",
}


@pytest.mark.parametrize("form", REACHED)
def test_whatever_an_import_may_reach_is_packed(tmp_path: Path, form: str) -> None:
    imports, changes, expected = REACHED[form]
    own = {path for path in changes if path.endswith(".json")}
    library = LIBRARY | {path: content for path, content in changes.items() if path not in own}
    made = packed(
        tmp_path,
        {
            "app.py": f"{imports}\n{HANDLER}",
            **{path: changes[path] for path in own},
            **installed("library", library),
            **installed("unused", {"unused/__init__.py": "", "unused/data.bin": b"1"}),
        },
    )
    kept = names(made)
    assert expected <= kept
    assert "a/tests/test_a.py" not in kept
    assert not any(path.startswith("unused") for path in kept)


def test_only_what_is_reached_is_packed(tmp_path: Path) -> None:
    made = packed(
        tmp_path,
        {
            "app.py": f"import typing\nimport a.b\nif typing.TYPE_CHECKING:\n    import a.c\n{HANDLER}",
            "other.py": "",
            "template.html": "<p>",
            **installed("library", LIBRARY | {"a/b.pyi": "", "a/__pycache__/b.cpython-311.pyc": b"1"}),
            **installed("unused", {"unused/__init__.py": "", "unused/x.so": elf(62), "unused.libs/y.so": elf(62)}),
        },
    )
    assert names(made) == {"app.py", "template.html", "a/__init__.py", "a/b.py", "a/data.txt"}
    told = reasons(made)
    assert told["unused/"].startswith("part of a package of which nothing")
    assert told["unused.libs/"].startswith("part of a package of which nothing")
    assert told["other.py"] == told["a/c/"] == "nothing that the handler reaches imports it"
    assert told["a/tests/"].startswith("a test")
    assert told["a/b.pyi"] == "for type checkers only"
    assert told["a/__pycache__/"].startswith("a cache")
    assert told["library-1.0.dist-info/"].startswith("read by installers only")
    assert sum(one.files for one in made.removed) + made.files == sum(1 for _ in files_below(tmp_path / "package"))
    assert sum(one.unzipped for one in made.removed) + made.unzipped == made.unzipped_before
    assert made.warnings == ()


def files_below(root: Path) -> Iterable[Path]:
    return (path for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        ("from importlib.metadata import version\nversion('Some.Lib')", True),
        ("import importlib.metadata\nimportlib.metadata.version('some_lib')", True),
        ("import importlib.metadata as m\nm.metadata('some-lib')", True),
        ("from importlib import metadata\nmetadata.distribution('some-lib >= 1')", True),
        ("from importlib.metadata import version\ndef f(n): return version(n)", True),
        (
            "import importlib.metadata\nimportlib.metadata.distributions()",
            True,
        ),
        ("from importlib.metadata import entry_points\nentry_points(group='plugins')", True),
        ("from importlib.metadata import entry_points\nentry_points()", True),
        ("from importlib.metadata import entry_points\nentry_points(group='others')", False),
        ("from importlib.metadata import version\nversion('other')", False),
        ("def version(n): ...\nversion('some-lib')", False),
    ],
)
def test_metadata_is_packed_where_it_is_read(tmp_path: Path, call: str, kept: bool) -> None:
    points = "[plugins]\nfirst = lib.plugin:Class\n[console_scripts]\nlib = lib.plugin:main\n"
    library = installed("some_lib", {"lib/__init__.py": "", "lib/plugin.py": ""}, points=points)
    made = packed(tmp_path, {"app.py": f"import lib\n{call}\n{HANDLER}", **library})
    assert ("some_lib-1.0.dist-info/METADATA" in names(made)) is kept
    assert ("lib/plugin.py" in names(made)) is ("entry_points(" in call and kept)


def test_what_machine_code_requires_is_packed(tmp_path: Path) -> None:
    made = packed(
        tmp_path,
        {
            "app.py": f"import fast\n{HANDLER}",
            **installed(
                "fast", {"fast/__init__.py": "from . import _x", "fast/_x.so": elf(62)}, requires="Needed,x;extra=='y'"
            ),
            **installed("needed", {"needed/__init__.py": "", "needed/a.py": ""}),
            **installed("x", {"x.py": ""}),
        },
    )
    assert {"needed/a.py", "fast/_x.so"} <= names(made)
    assert "x.py" not in names(made)
    assert any("machine code cannot be read" in warning for warning in made.warnings)


PLUGINS: dict[str, Content] = {
    "app.py": f"import importlib\ndef load(name):\n    return importlib.import_module(name)\n{HANDLER}",
    "own.py": "",
    **installed("plugin", {"plugin/__init__.py": "import needed", "plugin/a.py": "", "plugin/x.json": "{}"}),
    **installed("needed", {"needed.py": ""}),
}


def test_a_computed_import_is_warned_of_and_keeps_the_handlers_own_code(tmp_path: Path) -> None:
    made = packed(tmp_path, PLUGINS)
    assert names(made) == {"app.py", "own.py"}
    [warning] = made.warnings
    assert "app.py:3 importlib.import_module(name)" in warning


@pytest.mark.parametrize("keep", ["plugin", "plugin/"])
def test_what_is_kept_by_name_is_packed_with_what_it_imports(tmp_path: Path, keep: str) -> None:
    made = packed(tmp_path, PLUGINS, keep=[keep])
    assert {"plugin/__init__.py", "plugin/a.py", "plugin/x.json", "needed.py"} <= names(made)


def test_what_is_kept_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidLoad, match=r'to keep, found "plugni"\. Did you mean plugin\?'):
        packed(tmp_path, PLUGINS, keep=["plugni"])


SDK = installed(
    "botocore",
    {
        "botocore/__init__.py": "",
        "botocore/credentials.py": "def f(client_creator): client_creator('sts')",
        **{f"botocore/data/{name}/2020-01-01/service-2.json.gz": name for name in ("s3", "sqs", "ec2", "sts", "sso")},
        "botocore/data/endpoints.json": "{}",
    },
) | installed("boto3", {"boto3/__init__.py": "import botocore", "boto3/data/ec2/2020/resources-1.json": "{}"})


@pytest.mark.parametrize(
    ("calls", "services", "expected", "warned"),
    [
        ("boto3.client('s3')", [], {"s3", "sts", "sso"}, ""),
        ("boto3.client(service_name='s3')\nboto3.Session().resource('sqs')", [], {"s3", "sqs", "sts", "sso"}, ""),
        ("NAME = 's3'\nboto3.client(NAME)", [], {"s3", "sts", "sso"}, ""),
        ("def f(n): boto3.client(n)", [], {"s3", "sqs", "ec2", "sts", "sso"}, "the name of a service is computed"),
        ("def f(n): boto3.client(n)", ["sqs"], {"sqs", "sts", "sso"}, ""),
        ("MAKE = boto3.client", [], {"s3", "sqs", "ec2", "sts", "sso"}, "the name of a service is computed"),
        ("boto3.client('s3')", ["sqs"], {"s3", "sqs", "sts", "sso"}, ""),
        ("", [], {"s3", "sqs", "ec2", "sts", "sso"}, "no call of client() or resource() names a service"),
    ],
)
def test_models_of_services_that_are_not_named_are_left_out(
    tmp_path: Path, calls: str, services: list[str], expected: set[str], warned: str
) -> None:
    made = packed(tmp_path, {"app.py": f"import boto3\n{calls}\n{HANDLER}", **SDK}, services=services)
    models = {path.split("/")[2] for path in names(made) if path.startswith("botocore/data/") and path.count("/") > 2}
    assert models == expected
    assert "botocore/data/endpoints.json" in names(made)
    assert ("boto3/data/ec2/2020/resources-1.json" in names(made)) is ("ec2" in expected)
    assert warned in " ".join(made.warnings)
    assert bool(made.warnings) is bool(warned)


def test_a_service_that_botocore_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidLoad, match=r'found "sqss"\. Did you mean sqs\?'):
        packed(tmp_path, {"app.py": f"import boto3\n{HANDLER}", **SDK}, services=["sqss"])


def test_a_whole_package_that_the_handler_imports_for_one_thing_stays_whole_where_in_doubt(tmp_path: Path) -> None:
    made = packed(tmp_path, {"app.py": APP["app.py"], "a/__init__.py": "", "a/x.dat": "1"})
    assert names(made) == {"app.py"}


MODULES = ["p", "p.a", "p.b", "p.q", "p.q.c", "r", "r.d", "s"]
FORMS = (
    "import {0}",
    "import {0} as x",
    "from {1} import {2}",
    "import importlib; importlib.import_module('{0}')",
    "import importlib; importlib.import_module(f'{{\"{1}\"}}.{2}')",
    "__import__('{0}')",
    "import {3}; import {0}",
    "def later():\n    import {0} as x\n    return x\nlater()",
    "try:\n    from {1} import {2}\nexcept ImportError:\n    pass",
)


def path_of(module: str) -> str:
    is_package = any(other.startswith(f"{module}.") for other in MODULES)
    return f"{module.replace('.', '/')}{'/__init__' if is_package else ''}.py"


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Content]:
    """Modules that import one another in many ways, never in a circle."""
    files: dict[str, Content] = {}
    for index, module in enumerate(["app", *MODULES]):
        lines = [f"VALUE = {draw(st.integers(0, 9))}"]
        later = [name for name in MODULES[index:] if not name.startswith(f"{module}.") or draw(st.booleans())]
        for name in draw(st.lists(st.sampled_from(later), max_size=2)) if later else []:
            parent, _, last = name.rpartition(".")
            form = draw(st.sampled_from(FORMS if parent else [one for one in FORMS if "{1}" not in one]))
            lines.append(form.format(name, parent, last, name.partition(".")[0]))
        files["app.py" if module == "app" else path_of(module)] = "\n".join(lines) + "\n"
    files["app.py"] = str(files["app.py"]) + (
        "import sys\ndef handler(event, context):\n"
        "    return sorted((n, m.VALUE) for n, m in list(sys.modules.items()) if hasattr(m, 'VALUE'))\n"
    )
    return files


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_a_packed_handler_gives_the_same_answer(
    tmp_path_factory: pytest.TempPathFactory, program: dict[str, Content]
) -> None:
    """The oracle is Python's own import system."""
    place = tmp_path_factory.mktemp("program").resolve()
    made = packed(place, program)
    answer, loaded = run(place / "package")
    assert loaded <= names(made)
    assert run(unpacked(made, place / "packed"))[0] == answer


FILES: dict[str, Content] = {
    "app.py": f"import a\n{HANDLER}",
    "größe.txt": "ä" * 1000,
    "run.sh": "#!/bin/sh\n",
    "a/__init__.py": "x = 1\n" * 1000,
    "a/tool": elf(62),
}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """In another folder, time, time zone, umask and order of files, with other modes: in a fresh process each."""
    program = (
        "import os, sys, time; os.umask(int(sys.argv[3], 8)); from loadfit import pack;"
        "print(pack(sys.argv[1], handler='app.handler', out=sys.argv[2], cache=sys.argv[4]).sha256)"
    )
    digests: set[str] = set()
    for number, (zone, mask) in enumerate([("UTC", "022"), ("Asia/Kathmandu", "077"), ("America/Adak", "002")]):
        files = dict(reversed(FILES.items())) if number == 1 else FILES
        root = folder(tmp_path / f"a place {number}" / ("x" * number + "package"), files)
        for path in files_below(root):
            path.chmod(0o777 if number == 2 else 0o600)
            os.utime(path, (10**9, 10**9 + number * 10**7))
        out = tmp_path / f"out{number}.zip"
        done = subprocess.run(
            [sys.executable, "-c", program, root, out, mask, tmp_path / f"cache{number}"],
            env={**os.environ, "TZ": zone, "LC_ALL": "C", "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert len({(tmp_path / f"out{number}.zip").read_bytes() for number in range(3)}) == 1
    with zipfile.ZipFile(tmp_path / "out0.zip") as archive:
        assert archive.namelist() == sorted(FILES)
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {info.filename: oct(info.external_attr >> 16) for info in archive.infolist()}
        assert modes == {path: "0o100755" if path in ("run.sh", "a/tool") else "0o100644" for path in FILES}


def test_a_zip_file_gives_the_same_bytes_as_its_folder(tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(zipped(FILES))
    made = pack(package, handler="app.handler", cache=tmp_path / "cache")
    assert made.path.read_bytes() == packed(tmp_path, FILES).path.read_bytes()


def test_stored_files_are_as_they_are(tmp_path: Path) -> None:
    """Their bytes do not depend on zlib."""
    made = packed(tmp_path, FILES, compression="stored")
    with zipfile.ZipFile(made.path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert made.zipped > made.unzipped


def test_a_compressor_that_makes_other_bytes_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As zlib-ng does, or here another level."""
    assert zipping.compressor_is_common()
    monkeypatch.setattr(zipping, "_LEVEL", 6)
    zipping.compressor_is_common.cache_clear()
    assert not zipping.compressor_is_common()
    assert any("zlib" in warning for warning in packed(tmp_path, FILES).warnings)
    assert not packed(tmp_path, FILES, compression="stored").warnings
    zipping.compressor_is_common.cache_clear()


def test_what_was_packed_is_taken_from_the_cache_until_a_byte_changes(tmp_path: Path) -> None:
    first = packed(tmp_path, FILES)
    made = first.path.stat().st_mtime_ns
    assert packed(tmp_path, FILES) == first
    assert first.path.stat().st_mtime_ns == made
    second = packed(tmp_path, {**FILES, "a/__init__.py": "x = 2\n" * 1000})
    assert (second.path != first.path, second.sha256 != first.sha256) == (True, True)
    first.path.write_bytes(b"damaged")
    assert packed(tmp_path, FILES).sha256 == first.sha256


def test_a_cached_answer_is_that_of_its_options(tmp_path: Path) -> None:
    for options in ({"keep": ["a"]}, {"architecture": "arm64"}, {"compression": "stored"}):
        assert packed(tmp_path, FILES, **options).path != packed(tmp_path, FILES).path


def test_machine_code_for_another_architecture_is_warned_of(tmp_path: Path) -> None:
    made = packed(tmp_path, FILES, architecture="arm64")
    assert any("1 file of machine code cannot run on arm64: a/tool (Linux x86_64)" in one for one in made.warnings)
    assert not packed(tmp_path, FILES, architecture="x86_64").warnings


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("ap.handler", "the handler's module ap (ap.py), found no such file in it. Did you mean app.handler?"),
        ("app.handle", "the function handle in app.py, found none of this name. Did you mean app.handler?"),
        ("app", 'a handler such as app.handler (a file and a function in it), found "app"'),
        ("app.py:handler", "a handler such as app.handler"),
        ("", "a handler such as app.handler"),
        ("broken.handler", "broken.py, which is not Python as this interpreter reads it (line 1)"),
    ],
)
def test_a_handler_that_is_not_there_is_refused(tmp_path: Path, handler: str, expected: str) -> None:
    root = folder(tmp_path / "package", {**FILES, "broken.py": "def handler(:"})
    with pytest.raises(InvalidLoad) as refused:
        pack(root, handler=handler, cache=tmp_path / "cache")
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"compression": "lzma"}, 'a compression of deflated or stored, found "lzma"'),
        ({"architecture": "arm"}, 'an architecture of x86_64 or arm64, found "arm"'),
        ({"services": "s3"}, "a list of services, found a text"),
        ({"runtime": "java21"}, 'a runtime of Python or Node.js, or a handler in one of them, found "java21"'),
        ({"out": "package/out.zip"}, "outside of what is packed, found one inside of it"),
        ({"out": "."}, "a zip file to write, found a folder"),
        ({"out": "package/app.py/x.zip"}, "outside of what is packed"),
        ({"out": "/proc/x/out.zip"}, "a path that cannot be written"),
        ({"cache": "/proc/x"}, "a folder for packages, found one that cannot be written"),
    ],
)
def test_other_wrong_inputs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], expected: str
) -> None:
    folder(tmp_path / "package", FILES)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidLoad) as refused:
        pack("package", handler="app.handler", **{"cache": "cache", **options})
    assert expected in str(refused.value)
    assert not list(tmp_path.glob("**/*.zip.*"))


def test_it_is_public() -> None:
    assert loadfit.pack is pack
    assert loadfit.Packed is Packed


def test_packing_takes_no_part_of_what_it_packs_into_this_process(tmp_path: Path) -> None:
    """Sources are read, never run."""
    marker = tmp_path / "ran"
    packed(tmp_path, {"app.py": f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n{HANDLER}"})
    assert not marker.exists()


def test_the_cache_lies_where_the_desktop_standard_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "loadfit/bundles"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/loadfit/bundles"
