"""Run a Pulumi program offline and see what it asked for.

`deploy` runs a program as the Pulumi CLI does, against a monitor in the same process: no cloud account, no engine,
no network. What comes back is a `Deployment`: every resource with its inputs, parent, dependencies and options, the
stack's outputs and the log lines. `changes` compares two deployments.

Example:
    >>> import pulumi
    >>> from loadfit.testing import changes, deploy
    >>> def network(zones: int) -> None:
    ...     for zone in range(zones):
    ...         pulumi.CustomResource("cloud:index:Gateway", f"gateway-{zone}", {"zone": zone})
    >>> before, after = deploy(lambda: network(2)), deploy(lambda: network(3))
    >>> changes(before, after).created
    ('urn:pulumi:stack::project::cloud:index:Gateway::gateway-2',)
"""

import asyncio
import contextvars
import inspect
import json
import os
import runpy
import sys
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import Settings
from pulumi.runtime.stack import run_in_stack

from loadfit.testing.deployment import (
    UNKNOWN,
    Call,
    Changes,
    Deployment,
    Log,
    Options,
    Properties,
    Resource,
    StateOf,
    UndeclaredCall,
    Unknown,
    changes,
)
from loadfit.testing.monitor import Engine, Monitor

__all__ = [
    "UNKNOWN",
    "Changes",
    "Deployment",
    "Log",
    "Options",
    "Resource",
    "UndeclaredCall",
    "Unknown",
    "changes",
    "deploy",
]

Program: TypeAlias = Callable[[], object] | str | os.PathLike[str]
"""A function or coroutine function without arguments, a folder with a `__main__.py`, or a Python file."""


def deploy(
    program: Program,
    *,
    preview: bool = False,
    config: Mapping[str, Any] | None = None,
    secrets: Iterable[str] = (),
    project: str = "project",
    stack: str = "stack",
    organization: str = "organization",
    root_directory: str | os.PathLike[str] | None = None,
    state: StateOf | Mapping[str, Properties | StateOf] | None = None,
    calls: Mapping[str, Properties | Call] | None = None,
    check: bool = True,
) -> Deployment:
    """Run a Pulumi program offline and record what it asks for.

    Each run has its own context and event loop, both gone when it returns: runs do not see each other, in any order.
    A program given as a path runs in its folder, as under the CLI: working directory and `sys.path` are changed for
    the run, and the modules that it imports from its folder are imported anew each time. Such runs must not overlap
    in threads.

    **Outputs.** A resource's outputs repeat its inputs; its id is its name with `-id`. In a preview the id and every
    property that is not an input are unknown, and an `apply` on them does not run, as before a first deployment.
    Without `preview`, a property that is neither an input nor in `state` is `None`, silently: that is how the SDK
    resolves it. In both, a field that is missing *inside* a known property is `None`.

    **Not run**: hooks (they act on real resources). Transforms are refused: their effect would be missing. Input
    types are not checked: that is the type checker's part.

    Args:
        program: A function or coroutine function without arguments, a folder with a `__main__.py`, or a Python file.
        preview: Run as `pulumi preview` does, with nothing deployed yet.
        config: By key, such as `aws:region`, or `load` for a key of the project. A value that is not a string is
            encoded as JSON, as the engine does, and comes back through `pulumi.Config().require_object(...)`.
        secrets: The keys of `config` that are secret.
        project: The project's name.
        stack: The stack's name.
        organization: The organization's name.
        root_directory: The folder of `Pulumi.yaml`; by default the nearest one above the program, or the program's
            own folder, or for a function the working directory.
        state: The outputs that providers add to the inputs, in camelCase: a function of the `Resource`, or by type
            token such a function or the outputs themselves. `id` sets the id. In a preview it is asked only for
            resources that exist: those looked up with `.get()`, and those imported.
        calls: By token, such as `aws:index/getAvailabilityZones:getAvailabilityZones`, the result of a provider's
            function or a resource's method, or a function from its arguments to its result. An undeclared one fails
            the run.
        check: Raise what the program raised, also in an `apply`. If false, it is in `Deployment.error`, beside what was
            recorded before.

    Raises:
        RuntimeError: Called where an event loop is running: call it in a thread instead, with `asyncio.to_thread`.
        UndeclaredCall: The program called a function that is not in `calls`.
        pulumi.RunError: Two resources have the same URN.
        Exception: Whatever else the program raised.

    Example:
        >>> def program() -> None:
        ...     size = pulumi.Config().require_int("size")
        ...     queue = pulumi.CustomResource("cloud:index:Queue", "jobs", {"size": size, "address": None})
        ...     pulumi.export("address", queue.address)
        >>> deploy(program, config={"size": 10}, state={"cloud:index:Queue": {"address": "10.0.0.1"}}).outputs
        {'address': '10.0.0.1'}
        >>> deploy(program, config={"size": 10}, preview=True).outputs
        {'address': UNKNOWN}
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError(
            "deploy() runs its own event loop and one is running here: use asyncio.to_thread(deploy, ...)"
        )

    values, secret_keys = _configuration(config or {}, secrets, project)
    if callable(program):
        main, surroundings = program, nullcontext()
        root = root_directory or Path.cwd()
    else:
        path = _program_path(program)
        folder = path if path.is_dir() else path.parent
        main, surroundings = partial(runpy.run_path, str(path), run_name="__main__"), _in_folder(folder)
        root = root_directory or next((d for d in (folder, *folder.parents) if (d / "Pulumi.yaml").exists()), folder)

    monitor = Monitor(project=project, stack=stack, preview=preview, state=state, calls=calls or {})
    engine = Engine()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        # One worker: calls reach the monitor one at a time, in the order in which they were made.
        loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
        # A failed future that nobody awaited is reported when it is collected, perhaps long after the run. Python 3.11
        # formats that report with `ast`: inside pytest's own `ast.parse` it ends the whole test run. The error itself
        # is raised by the SDK's own bookkeeping.
        loop.set_exception_handler(_quiet)
        set_all_config(values, secret_keys)
        Settings(
            project=project,
            stack=stack,
            organization=organization,
            root_directory=os.fspath(root),
            monitor=monitor,
            engine=engine,
            dry_run=preview,
        )
        try:
            await run_in_stack(lambda: _started(main))
        finally:
            await _delivered_logs()

    error: Exception | None = None
    try:
        with surroundings, asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(run(), context=contextvars.Context())
    except Exception as raised:
        if check:
            raise
        error = raised
    finally:
        contextvars.Context().run(_reset_settings)
    return Deployment(
        resources=tuple(sorted(monitor.registered.values(), key=_place)),
        outputs=monitor.outputs,
        secret_outputs=monitor.secret_outputs,
        logs=tuple(engine.logs),
        error=error,
    )


def _place(resource: Resource) -> tuple[int, str]:
    """Parents before their children, and otherwise by URN.

    The SDK registers what does not wait for one another in an order that differs from run to run.
    """
    return resource.urn.count("$"), resource.urn


def _configuration(config: Mapping[str, Any], secrets: Iterable[str], project: str) -> tuple[dict[str, str], list[str]]:
    """The configuration as the engine hands it to a program: full keys, and text."""

    def full(key: str) -> str:
        return key if ":" in key else f"{project}:{key}"

    def text(key: str, value: object) -> str:
        if isinstance(value, str):
            return value
        try:
            return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        except (TypeError, ValueError) as error:
            raise type(error)(f"config {key!r}: {error}") from None

    values = {full(key): text(key, value) for key, value in config.items()}
    secret_keys = [full(key) for key in ([secrets] if isinstance(secrets, str) else secrets)]
    if absent := [key for key in secret_keys if key not in values]:
        raise ValueError(f"secrets: {', '.join(absent)} not in config")
    return values, secret_keys


def _started(main: Callable[[], object]) -> Awaitable[None] | None:
    """Start the program; what it returns counts only if it is a coroutine."""
    result = main()
    return cast("Awaitable[None]", result) if inspect.isawaitable(result) else None


async def _delivered_logs() -> None:
    """Wait for log lines about a resource: the SDK sends them once the URN is known, and awaits them nowhere."""
    lines = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "").startswith("_log.")]
    if lines:
        await asyncio.wait(lines, timeout=1)


def _quiet(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave unreported what nobody awaited."""


def _reset_settings() -> None:
    """Put the SDK's settings back as they were on import.

    They are context variables, but the first value that a fresh context sets also becomes the default of the process:
    without this, code outside a run would see, and keep alive, the monitor of the last one.
    """
    Settings(project="project", stack="stack", root_directory="root_directory", organization="organization")


def _program_path(program: str | os.PathLike[str]) -> Path:
    path = Path(program).resolve()
    if (path / "__main__.py").is_file() or (path.is_file() and path.suffix == ".py"):
        return path
    raise FileNotFoundError(f"{path}: neither a folder with a __main__.py nor a .py file")


@contextmanager
def _in_folder(folder: Path) -> Generator[None, None, None]:
    """Run in the program's folder, with modules of its own, and leave no trace in the process."""
    home = str(folder)
    paths, working = sys.path[:], Path.cwd()
    outside = {name: sys.modules.pop(name) for name in _modules_in(home)}
    sys.path.insert(0, home)
    os.chdir(home)
    try:
        yield
    finally:
        for name in _modules_in(home):
            del sys.modules[name]
        sys.modules.update(outside)
        sys.path[:] = paths
        os.chdir(working)


def _modules_in(home: str) -> list[str]:
    """The modules that were, or would be, found through `home` as the first entry of `sys.path`."""
    found = {name for name, module in list(sys.modules.items()) if "." not in name and _home(module) == home}
    files, packages = Path(home).glob("*.py"), Path(home).glob("*/__init__.py")
    offered = {path.stem for path in files} | {path.parent.name for path in packages}
    top = found | (offered - sys.stdlib_module_names)
    return [name for name in sys.modules if name.partition(".")[0] in top - {"__main__"}]


def _home(module: object) -> str | None:
    # Not getattr: it would load a lazy module.
    try:
        names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    file, packages = names.get("__file__"), names.get("__path__")
    if packages is not None:
        file = next((path for path in packages), None)
    return str(Path(file).parent) if isinstance(file, str) else None
