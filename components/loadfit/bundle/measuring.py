"""How long a handler takes to import, measured in fresh interpreters on this machine.

This runs the handler's module, as Lambda's init does; the handler itself is not called.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadfit.bundle.contents import Contents, refusal
from loadfit.bundle.distributions import read_distributions
from loadfit.bundle.folder import Folder
from loadfit.bundle.opening import read_contents
from loadfit.bundle.packing import language_of
from loadfit.bundle.python.modules import Modules
from loadfit.core.problems import InvalidLoad, printable

__all__ = ["RUNS", "ModuleTime", "Start", "Timing", "measure"]

RUNS = 30
"""How often a handler is started."""

_TRACED_RUNS = 10
_SECONDS = 130
"""The longest init that Lambda gives, to provisioned instances.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""

_MARK = "loadfit:"
_SHOWN_MODULES = 20

# Site-packages, PYTHONPATH and the user's own folder stay out: what is imported is the package's own. No bytecode is
# written, for Lambda's folder of code is read-only.
_PYTHON = ("-I", "-S", "-B")
_PYTHON_START = f"""
import sys, time
module, function, *sys.path[:0] = sys.argv[1:]
sys.stderr.write("\\n{_MARK}begin\\n")
began = time.perf_counter()
__import__(module)  # importlib.import_module would not be traced
took = time.perf_counter() - began
getattr(sys.modules[module], function)
sys.stderr.write(f"\\n{_MARK}took {{took}}\\n")
sys.stderr.flush()
import os; os._exit(0)
"""
_NODE_START = f"""
const [entry, name, traced] = process.argv.slice(1);
const {{ pathToFileURL }} = require("node:url");
const Module = require("node:module");
const said = [];
if (traced === "traced") {{
  const load = Module.prototype.require;
  const stack = [];
  Module.prototype.require = function (id) {{
    const frame = {{ inner: 0 }};
    stack.push(frame);
    const began = process.hrtime.bigint();
    try {{ return load.apply(this, arguments); }} finally {{
      const took = Number(process.hrtime.bigint() - began) / 1000;
      stack.pop();
      if (stack.length) stack[stack.length - 1].inner += took;
      const self = Math.round(took - frame.inner);
      said.push(`import time: ${{self}} | ${{Math.round(took)}} | ${{"  ".repeat(stack.length)}}${{id}}`);
    }}
  }};
}}
(async () => {{
  const began = process.hrtime.bigint();
  let found;
  try {{ found = require(entry); }} catch (error) {{
    if (error.code !== "ERR_REQUIRE_ESM" && error.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    found = await import(pathToFileURL(entry));
  }}
  const took = Number(process.hrtime.bigint() - began) / 1e9;
  const handler = found[name] ?? found.default?.[name];
  if (typeof handler !== "function") throw new Error(`no function ${{name}} is exported`);
  process.stderr.write(`\\n{_MARK}begin\\n${{said.join("\\n")}}\\n{_MARK}took ${{took}}\\n`, () => process.exit(0));
}})().catch((error) => {{
  process.stderr.write(`\\n${{error.name}}: ${{error.message.split("\\n")[0]}}\\n`, () => process.exit(1));
}});
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """A time that was measured several times, in milliseconds."""

    runs: int
    median_ms: float
    least_ms: float
    most_ms: float
    quartiles_ms: tuple[float, float]
    """A quarter of the runs took less than the first, a quarter more than the second."""


@dataclass(frozen=True, slots=True)
class ModuleTime:
    """What one import costs, in milliseconds: the median of the traced runs."""

    name: str
    own_ms: float
    """Without what it imports."""
    with_imports_ms: float
    """With what it is the first to import."""


@dataclass(frozen=True, slots=True)
class Start:
    """A handler's start as measured here."""

    interpreter: str
    """Such as ``Python 3.13.1``."""
    init: Timing
    """Importing the handler's module, without the start of the interpreter."""
    traced_runs: int
    modules: tuple[ModuleTime, ...]
    """The twenty modules that cost most by themselves, the dearest first."""
    direct: tuple[ModuleTime, ...]
    """What the handler's own modules import, the dearest first: a lazy import moves at most ``with_imports_ms`` of the
    start into the first request that needs it, and less where another import needs the same modules."""


def measure(
    path: str | os.PathLike[str],
    *,
    handler: str,
    runtime: str | None = None,
    layers: Sequence[str | os.PathLike[str]] = (),
    runs: int = RUNS,
) -> Start:
    """Imports the handler in fresh interpreters, with nothing but the package and its layers to import from.

    Python is the interpreter that runs this; Node.js is the ``node`` that is found first.

    Args:
        path: A folder or a zip file, which is unpacked into a temporary folder.
        handler: As Lambda names it.
        runtime: The runtime's identifier; tells the language only.
        layers: The function's layers.
        runs: How often.

    Raises:
        InvalidLoad: There is no such package, or its handler cannot be imported.
    """
    with ExitStack() as stack:
        contents = stack.enter_context(read_contents(path))
        root = stack.enter_context(_on_disk(contents))
        added = [stack.enter_context(_on_disk(stack.enter_context(read_contents(layer)))) for layer in layers]
        module, _, function = handler.rpartition(".")
        if language_of(contents, handler, runtime) == "node":
            starter = _NodeStarter(contents, root, module, function, added)
        else:
            starter = _PythonStarter(contents, root, module.replace("/", "."), function, added)
        starter.start(traced=False)  # warms the page cache
        plain = [starter.start(traced=False)[0] * 1000 for _ in range(runs)]
        traced = [starter.start(traced=True)[1] for _ in range(min(runs, _TRACED_RUNS))]
        modules, direct = _by_module(traced, starter.is_direct)
        return Start(starter.interpreter, _timing(plain), len(traced), modules, direct)


class _Starter:
    interpreter: str
    command: list[str]
    traced: list[str]

    def __init__(self, contents: Contents, root: Path, layers: Sequence[Path]) -> None:
        self.contents = contents
        self.root = root
        self.environment = dict(os.environ)
        self.layers = layers

    def is_direct(self, above: tuple[str, ...]) -> bool:
        """Whether a module was imported by the handler's own code, by those that import it, the nearest last."""
        raise NotImplementedError

    def start(self, *, traced: bool) -> tuple[float, str]:
        """Seconds, and the trace."""
        command = self.traced if traced else self.command
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._refusal(f"that it takes more than {_SECONDS} s") from None
        said = done.stderr
        took = re.search(rf"^{_MARK}took ([\d.e-]+)$", said, re.MULTILINE)
        if took is None:
            lines = [
                line for line in said.splitlines() if line.strip() and not line.startswith(("import time:", _MARK))
            ]
            raise self._refusal(printable(lines[-1].strip(), 200) if lines else f"exit code {done.returncode}")
        return float(took[1]), said.partition(f"\n{_MARK}begin\n")[2]

    def _refusal(self, found: str) -> InvalidLoad:
        way_out = "What Lambda's runtime or a layer brings can be given as a layer." if "odule" in found else ""
        return refusal(self.contents.source, "a handler that can be imported", found, way_out)


class _PythonStarter(_Starter):
    def __init__(self, contents: Contents, root: Path, module: str, function: str, layers: Sequence[Path]) -> None:
        super().__init__(contents, root, layers)
        version = ".".join(map(str, sys.version_info[:3]))
        self.interpreter = f"Python {version}"
        # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
        found = [folder for layer in layers for folder in (layer / "python", *layer.glob("python/lib/*/site-packages"))]
        arguments = ["-c", _PYTHON_START, module, function, str(root), *map(str, found)]
        self.command = [sys.executable, *_PYTHON, *arguments]
        self.traced = [sys.executable, *_PYTHON, "-X", "importtime", *arguments]
        installed = {path for one in read_distributions(contents) for path in one.files}
        modules = Modules(contents.sizes)
        own = {one.name for path, one in modules.by_path.items() if path not in installed}
        self.own = own if installed else {module}

    def is_direct(self, above: tuple[str, ...]) -> bool:
        """Imported by a module that no distribution brought."""
        return bool(above) and above[-1] in self.own


class _NodeStarter(_Starter):
    def __init__(self, contents: Contents, root: Path, module: str, function: str, layers: Sequence[Path]) -> None:
        super().__init__(contents, root, layers)
        node = shutil.which("node")
        if node is None:
            raise refusal(contents.source, "node, to start the handler with", "none on the PATH")
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        self.interpreter = f"Node.js {version.removeprefix('v')}"
        endings = ("js", "mjs", "cjs")
        file = next((root / f"{module}.{end}" for end in endings if (root / f"{module}.{end}").is_file()), None)
        if file is None:
            raise refusal(contents.source, f"the handler's file {printable(module)}.js", "no such file in it")
        self.environment["NODE_PATH"] = os.pathsep.join(str(layer / "nodejs/node_modules") for layer in layers)
        self.command = [node, "-e", _NODE_START, str(file), function]
        self.traced = [*self.command, "traced"]

    def is_direct(self, above: tuple[str, ...]) -> bool:
        """Imported by the handler's file, or by a file beside it."""
        return bool(above) and all(name.startswith((".", "/")) for name in above)


@contextmanager
def _on_disk(contents: Contents) -> Generator[Path]:
    """The package as a folder: its own, or a temporary one for an archive, which has been checked."""
    if isinstance(contents, Folder):
        yield contents.root
        return
    with tempfile.TemporaryDirectory(prefix="loadfit-") as place:
        for path in contents.sizes:
            target = Path(place, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(contents.chunks(path))
        yield Path(place)


def _timing(times: Sequence[float]) -> Timing:
    quarters = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    return Timing(len(times), statistics.median(times), min(times), max(times), (quarters[0], quarters[2]))


_LINE = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S.*)$", re.MULTILINE)


def _by_module(
    traces: Sequence[str], is_direct: Callable[[tuple[str, ...]], bool]
) -> tuple[tuple[ModuleTime, ...], tuple[ModuleTime, ...]]:
    """The medians over the traces."""
    own: dict[str, list[int]] = {}
    whole: dict[str, list[int]] = {}
    direct: dict[str, None] = {}
    for trace in traces:
        # A module is told after those that it imports: read backwards, each comes after the one that it is below.
        above: list[str] = []
        for match in reversed(list(_LINE.finditer(trace))):
            name, level = match[4], len(match[3]) // 2
            del above[level:]
            own.setdefault(name, []).append(int(match[1]))
            whole.setdefault(name, []).append(int(match[2]))
            if is_direct(tuple(above)):
                direct[name] = None
            above.append(name)
    times = [
        ModuleTime(name, statistics.median(own[name]) / 1000, statistics.median(whole[name]) / 1000) for name in own
    ]
    dearest = sorted(times, key=lambda one: (-one.own_ms, one.name))[:_SHOWN_MODULES]
    first = sorted((one for one in times if one.name in direct), key=lambda one: (-one.with_imports_ms, one.name))
    return tuple(dearest), tuple(first)
