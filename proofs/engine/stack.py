"""A stack on the Pulumi CLI, with providers that are attached to it and a local folder for the state."""

import gc
import json
import os
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pulumi import automation
from pulumi.automation.events import EngineEvent

from proofs.claims import Missing
from proofs.engine.keeper import PROVIDER, keeper

__all__ = ["PROJECT", "STACK", "Program", "Run", "Stack", "environment", "find_cli", "new_stack", "on_path"]

ROOT = Path(__file__).parents[2]
PROJECT, STACK = "loadfit", "prod"

Program: TypeAlias = Callable[[], None]


def find_cli() -> Path:
    """The Pulumi CLI.

    Raises:
        Missing: There is none, or it is too old.
    """
    found = subprocess.run([ROOT / "tools/engine"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(found.stderr.strip())
    return Path(found.stdout.strip())


@contextmanager
def on_path(cli: Path) -> Generator[automation.PulumiCommand]:
    """Puts the CLI first on the search path, of this process and of what it starts."""
    before = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([str(cli.parent), before])
    try:
        yield automation.PulumiCommand()
    finally:
        os.environ["PATH"] = before


@dataclass
class Run:
    """What the engine did in one operation, or in its preview would do."""

    operations: dict[str, str] = field(default_factory=dict[str, str])
    """By resource, as ``NatGateway egress-use1-az1-gateway``: the operation that is shown for it."""
    differing: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """By resource, the inputs that the provider found changed."""
    messages: list[str] = field(default_factory=list[str])
    """Diagnostics, warnings and errors alike."""

    @property
    def touched(self) -> dict[str, str]:
        """The operations that do something."""
        return {name: one for name, one in self.operations.items() if one not in {"same", "read", "refresh"}}

    def note(self, event: EngineEvent) -> None:
        """Takes an event of the engine."""
        if event.resource_pre_event is not None:
            self._note_step(event.resource_pre_event.metadata)
        if event.diagnostic_event is not None and event.diagnostic_event.severity in {"warning", "error"}:
            self.messages.append(event.diagnostic_event.message)

    def _note_step(self, step: Any) -> None:
        name = f"{step.type.rsplit(':', 1)[-1]} {step.urn.rsplit('::', 1)[-1]}"
        if step.type == "pulumi:pulumi:Stack" or step.type.startswith("pulumi:providers:"):
            return
        # A replacement has three steps, and an import may be followed by an update: these tell of all.
        operation = str(getattr(step.op, "value", step.op))
        if self.operations.get(name) not in {"replace", "import"}:
            self.operations[name] = operation
        if step.detailed_diff:
            self.differing.setdefault(name, set()).update(step.detailed_diff)


class Stack:
    """One stack.

    Args:
        folder: Where its project and its state are: what `new_stack` made, or a copy of it.
        home: Pulumi's own folder.
        command: The CLI.
        attached: The ports of the providers that serve already, by package: the engine starts no plugin for these.
    """

    def __init__(
        self, folder: Path, home: Path, command: automation.PulumiCommand, attached: Mapping[str, int]
    ) -> None:
        self.folder = folder
        self.environment = environment(folder, attached)
        """What a program that asks the CLI itself is told, beside where Pulumi's own folder is."""
        workspace = automation.LocalWorkspace(
            work_dir=str(folder), pulumi_home=str(home), pulumi_command=command, env_vars=self.environment
        )
        self._stack = _Stack(STACK, workspace)

    def configure(self, values: Mapping[str, Any]) -> None:
        """Sets configuration; values that are no text are written as they would be in the stack's file."""
        self._stack.set_all_config(
            {
                key: automation.ConfigValue(value if isinstance(value, str) else json.dumps(value))
                for key, value in values.items()
            }
        )

    def preview(self, program: Program) -> Run:
        """Runs a program and says what would be done."""
        return self._run(lambda note: self._stack.preview(program=program, on_event=note))

    def up(self, program: Program, *, refresh: bool = False) -> Run:
        """Runs a program and does it.

        Raises:
            automation.CommandError: Something was refused; what was done before is done.
        """
        return self._run(lambda note: self._stack.up(program=program, on_event=note, refresh=refresh))

    def refresh(self) -> Run:
        """Reads what there is."""
        return self._run(lambda note: self._stack.refresh(on_event=note))

    def preview_destroy(self) -> Run:
        """Says what would be deleted, or what forbids it; `pulumi destroy` starts with this."""
        return self._run(lambda note: self._stack.preview_destroy(on_event=note))

    def destroy(self) -> Run:
        """Deletes what the state says, without a preview."""
        return self._run(lambda note: self._stack.destroy(on_event=note))

    def _run(self, operation: Callable[[Callable[[EngineEvent], None]], object]) -> Run:
        run = Run()
        try:
            operation(run.note)
        finally:
            # A program that fails leaves futures with exceptions. Python 3.11 dies where they are collected while it
            # parses, as it does for pytest's tracebacks ("AST constructor recursion depth mismatch").
            gc.collect()
        return run

    @property
    def state_text(self) -> str:
        """The state as it is on disk, secrets encrypted."""
        return (self.folder / "state" / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json").read_text(encoding="utf-8")

    @property
    def state(self) -> list[dict[str, Any]]:
        """The resources in it."""
        return json.loads(self.state_text)["checkpoint"]["latest"].get("resources", [])


def environment(folder: Path, attached: Mapping[str, int]) -> dict[str, str]:
    """What the CLI is told.

    Where the state is, who keeps its key, to write it once at the end, to ask nobody; which providers serve already.
    """
    return {
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in attached.items()),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "GOGC": "400",  # it ends before its garbage is worth collecting
        **keeper(),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_SKIP_CHECKPOINTS": "1",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "1",
    }


def new_stack(
    folder: Path, home: Path, command: automation.PulumiCommand, configuration: Mapping[str, str] | None = None
) -> None:
    """Makes a project with an empty stack, and its configuration."""
    (folder / "state").mkdir(parents=True)
    workspace = automation.LocalWorkspace(
        work_dir=str(folder),
        pulumi_home=str(home),
        pulumi_command=command,
        project_settings=automation.ProjectSettings(name=PROJECT, runtime="python"),
        env_vars=environment(folder, {}),
        secrets_provider=PROVIDER,
    )
    values = {key: automation.ConfigValue(value) for key, value in (configuration or {}).items()}
    automation.Stack.create(STACK, workspace).set_all_config(values)


class _Stack(automation.Stack):
    """Asks the CLI for what is done, and for nothing else: each question is a command of its own."""

    def __init__(self, name: str, workspace: automation.Workspace) -> None:
        # Not the original's, which asks whether the stack is there.
        self.name = name
        self.workspace = workspace

    def outputs(self) -> Any:
        return {}

    def info(self, show_secrets: bool = True) -> Any:  # noqa: ARG002 - the original's
        return ()
