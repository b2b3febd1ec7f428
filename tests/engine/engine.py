"""A stack on the real Pulumi engine, with doubles for the providers."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import pulumi
from pulumi import automation

from proofs.engine.stack import Program, Run, Stack
from proofs.kubernetes import kinds
from tests.engine.bases import Base
from tests.engine.doubles import aws, kubernetes
from tests.engine.doubles.cloud import Cloud
from tests.engine.doubles.kubernetes import KubernetesDouble
from tests.engine.doubles.provider import Double

__all__ = ["REGION", "Doubles", "Engine", "Mutation"]

REGION = "us-east-1"

Mutation: TypeAlias = Callable[[str, str, dict[str, Any], pulumi.ResourceOptions], None]
"""Given a resource's type, name, inputs and options, changes them before they are sent to the engine."""


class Doubles:
    """One of each provider, for all tests of a process. Each test gets an account and a cluster of its own."""

    def __init__(self) -> None:
        self.aws = Double(aws.KINDS, aws.LAWS, version("pulumi-aws"))
        self.kubernetes = KubernetesDouble(kinds.KINDS, kubernetes.LAWS, version("pulumi-kubernetes"))

    def clear(self) -> None:
        """Puts an empty account and an empty cluster behind them."""
        self.aws.cloud = Cloud(aws.KINDS, region=REGION)
        self.kubernetes.cloud = Cloud(kinds.KINDS)

    def stop(self) -> None:
        """Ends both."""
        self.aws.stop()
        self.kubernetes.stop()

    @property
    def attached(self) -> dict[str, int]:
        """Their ports, by package."""
        return {"aws": self.aws.port, "kubernetes": self.kubernetes.port}


class Engine(Stack):
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
        super().__init__(folder, home, command, doubles.attached)
        self.bases = bases
        self.aws = doubles.aws.cloud
        self.kubernetes = doubles.kubernetes.cloud
        self.mutation: Mutation | None = None

    def preview(self, program: Program) -> Run:
        """The same, as the mutation has it."""
        return super().preview(self._mutated(program))

    def up(self, program: Program, *, refresh: bool = False) -> Run:
        """The same, as the mutation has it."""
        return super().up(self._mutated(program), refresh=refresh)

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
