"""A stack on the real Pulumi engine, with doubles for the providers and a local folder for the state."""

import gc
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import pulumi
from pulumi import automation
from pulumi.automation.events import EngineEvent

from tests.engine.bases import Base
from tests.engine.doubles import aws, kubernetes
from tests.engine.doubles.cloud import Cloud
from tests.engine.doubles.kubernetes import KubernetesDouble
from tests.engine.doubles.provider import Double

__all__ = ["Doubles", "Engine", "Mutation", "Run"]

PROJECT, STACK, REGION = "loadfit", "prod", "us-east-1"
PASSPHRASE = "not a secret: it encrypts the state of tests"

Program: TypeAlias = Callable[[], None]
Mutation: TypeAlias = Callable[[str, str, dict[str, Any], pulumi.ResourceOptions], None]
"""Given a resource's type, name, inputs and options, changes them before they are sent to the engine."""


class Doubles:
    """One of each provider, for all tests of a process. Each test gets an account and a cluster of its own."""

    def __init__(self) -> None:
        self.aws = Double(aws.KINDS, aws.LAWS, version("pulumi-aws"))
        self.kubernetes = KubernetesDouble(kubernetes.KINDS, kubernetes.LAWS, version("pulumi-kubernetes"))

    def clear(self) -> None:
        """Puts an empty account and an empty cluster behind them."""
        self.aws.cloud = Cloud(aws.KINDS, region=REGION)
        self.kubernetes.cloud = Cloud(kubernetes.KINDS)

    def stop(self) -> None:
        """Ends both."""
        self.aws.stop()
        self.kubernetes.stop()

    @property
    def attached(self) -> str:
        """Where the engine finds them, instead of starting plugins."""
        return f"aws:{self.aws.port},kubernetes:{self.kubernetes.port}"


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


class Engine:
    """One stack.

    Args:
        folder: Where its project and its state are, a copy of what `new_stack` made.
        home: Pulumi's own folder.
        command: The CLI.
        doubles: The providers.
        bases: Where what tests begin with is kept.
    """

    def __init__(
        self, folder: Path, home: Path, command: automation.PulumiCommand, doubles: Doubles, bases: Path
    ) -> None:
        self.folder = folder
        self.bases = bases
        self.aws = doubles.aws.cloud
        self.kubernetes = doubles.kubernetes.cloud
        self.mutation: Mutation | None = None
        self.environment = {**environment(folder), "PULUMI_DEBUG_PROVIDERS": doubles.attached}
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
        return self._run(lambda note: self._stack.preview(program=self._mutated(program), on_event=note))

    def begin(self, program: Program) -> None:
        """The first `up`, which is done once for all tests that begin with the same program on the same objects.

        With a mutation it is done each time.
        """
        assert not self.aws.journal
        assert not self.kubernetes.journal
        if self.mutation is not None:
            self.up(program)
            return
        base = Base(self.bases, self.folder, (self.aws, self.kubernetes), program)
        if not base.restore():
            self.up(program)
            base.keep()

    def up(self, program: Program, *, refresh: bool = False) -> Run:
        """Runs a program and does it.

        Raises:
            automation.CommandError: Something was refused; what was done before is done.
        """
        return self._run(lambda note: self._stack.up(program=self._mutated(program), on_event=note, refresh=refresh))

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

    def unaccounted(self) -> list[str]:
        """What exists and the state does not say, or the other way round."""
        known = {(one["type"], one["id"]) for one in self.state if one.get("custom") and not one.get("external")}
        known = {key for key in known if not key[0].startswith("pulumi:providers:")}
        there = {**self.aws.objects, **self.kubernetes.objects}
        made = {key for key, one in there.items() if one.name}
        leaked = [f"leaked: {there[key].label}" for key in sorted(made - known)]
        return leaked + [f"gone: {' '.join(key)}" for key in sorted(known - set(there))]

    @contextmanager
    def mutated(self, mutation: Mutation) -> Generator[None]:
        """What programs send to the engine is changed, and what then happens at once has all the time to do so."""
        self.mutation = mutation
        self.aws.patience = self.kubernetes.patience = 60
        try:
            yield
        finally:
            self.mutation = None
            self.aws.patience = self.kubernetes.patience = 1

    def _mutated(self, program: Program) -> Program:
        mutation = self.mutation
        if mutation is None:
            return program

        def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
            props = dict(args.props)
            mutation(args.type_, args.name, props, args.opts)
            return pulumi.ResourceTransformationResult(props, args.opts)

        def changed() -> None:
            pulumi.runtime.register_stack_transformation(transform)
            program()

        return changed


def environment(folder: Path) -> dict[str, str]:
    """What the CLI is told: where the state is, what encrypts it, to write it once at the end, and to ask nobody."""
    return {
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_SKIP_CHECKPOINTS": "1",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "1",
    }


def new_stack(folder: Path, home: Path, command: automation.PulumiCommand) -> None:
    """Makes a project with an empty stack, which each test starts from a copy of."""
    (folder / "state").mkdir(parents=True)
    workspace = automation.LocalWorkspace(
        work_dir=str(folder),
        pulumi_home=str(home),
        pulumi_command=command,
        project_settings=automation.ProjectSettings(name=PROJECT, runtime="python"),
        env_vars=environment(folder),
    )
    automation.Stack.create(STACK, workspace).set_all_config({"aws:region": automation.ConfigValue(REGION)})


class _Stack(automation.Stack):
    """Asks the CLI for what a test does, and for nothing else: each question is a command of its own."""

    def __init__(self, name: str, workspace: automation.Workspace) -> None:
        # Not the original's, which asks whether the stack is there.
        self.name = name
        self.workspace = workspace

    def outputs(self) -> Any:
        return {}

    def info(self, show_secrets: bool = True) -> Any:
        return ()
