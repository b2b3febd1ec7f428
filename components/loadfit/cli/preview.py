"""``loadfit preview [STACK]``: what a project's program asks for, without a cloud account or the Pulumi CLI."""

import argparse
import gc
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from loadfit.cli.failure import DOES_NOT_FIT, FITS, Failure
from loadfit.cli.terminal import terminal
from loadfit.core.findings import Verdict
from loadfit.core.problems import printable
from loadfit.projects import SECRET_PLACEHOLDER, Project, Stack, find_project
from loadfit.reports import Format, render
from loadfit.stack import StackPlan, resolve, size

if TYPE_CHECKING:
    from loadfit.testing import Deployment, Resource

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "preview"
HELP = "run the project's program offline: resources, sizing, cost"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("stack", metavar="STACK", nargs="?", help="the stack; may be left out where there is only one")
    parser.add_argument("--cwd", metavar="FOLDER", default=".", help="where to look for Pulumi.yaml, and above it")


def run(arguments: argparse.Namespace) -> int:
    """Runs the program as ``pulumi preview`` does and prints what it asked for.

    Nothing is contacted and nothing decrypted: a secret of the configuration is a placeholder.

    Raises:
        Failure: There is no such project or stack.
        InvalidLoad: The stack's load is not one.
    """
    project = find_project(Path(arguments.cwd))
    stack = project.stack(arguments.stack)
    # A load that is not one is told before the program takes its time to start.
    load = project.load(stack)
    plan = size(resolve(load)) if load is not None else None
    deployment = _deployed(project, stack)
    fits = plan is None or plan.verdict is Verdict.FITS
    for line in _outcome(deployment, stack):
        print(line)
    if deployment.error is not None:
        # Right below what failed, also where both streams go to one place.
        sys.stdout.flush()
        _explain(deployment.error, plan)
        sys.stderr.flush()
    if stack.uses_environments:
        print("note: the stack imports environments (ESC); their values are not read offline")
    if deployment.error is not None and fits:
        # Sizes that fit are not why: a report of them would hide the reason.
        if plan is not None:
            print("Its load fits: `loadfit size` reports the sizes.")
        return DOES_NOT_FIT
    if plan is not None:
        print()
        sys.stdout.write(render(plan, Format.TEXT, f"stack {stack.name}", **terminal()))
    return FITS if fits else DOES_NOT_FIT


def _deployed(project: Project, stack: Stack) -> "Deployment":
    # Takes longer to import than everything else: only where a program is run.
    from loadfit.testing import deploy

    # What the program imports of SDKs stays, and looking through it for garbage would take a quarter of the time.
    gc.disable()
    try:
        return deploy(
            project.main,
            preview=True,
            config=stack.config,
            secrets=stack.secrets,
            project=project.name,
            stack=stack.name,
            root_directory=project.folder,
            check=False,
        )
    except SystemExit as ended:
        # The program's own end, not this command's.
        raise Failure(f"Preview of stack {stack.name} failed: its program ended itself ({ended.code}).") from None
    finally:
        gc.enable()


def _outcome(deployment: "Deployment", stack: Stack) -> Iterator[str]:
    if deployment.error is not None:
        yield f"Preview of stack {stack.name} failed: nothing would be created."
        return
    managed = [resource for resource in deployment.resources if not resource.read]
    yield f"Resources of stack {stack.name}: {len(managed)} to create, {len(deployment.resources) - len(managed)} read"
    yield from _tree(deployment, None, "  ")
    for log in deployment.logs:
        if log.severity != "info":
            where = f" ({log.urn.rpartition('::')[2]})" if log.urn else ""
            yield f"{log.severity}{where}: {log.message}"
    if deployment.outputs:
        yield "Outputs"
        for name in sorted(deployment.outputs):
            value = SECRET_PLACEHOLDER if name in deployment.secret_outputs else deployment.outputs[name]
            yield from _shown(name, value, "  ")


def _shown(name: str, value: object, lead: str) -> Iterator[str]:
    from loadfit.testing import UNKNOWN

    if value and isinstance(value, dict):
        yield f"{lead}{printable(name)}:"
        for key, item in cast("dict[str, object]", value).items():
            yield from _shown(key, item, lead + "  ")
    else:
        shown = "known after deployment" if value is UNKNOWN else str(value)
        yield f"{lead}{printable(name)}: {printable(shown, 200)}"


def _tree(deployment: "Deployment", parent: "Resource | None", lead: str) -> Iterator[str]:
    children = sorted(deployment.children(parent), key=lambda resource: (resource.type, resource.name))
    for position, child in enumerate(children):
        last = position == len(children) - 1
        yield f"{lead}{'└─ ' if last else '├─ '}{_short(child.type)}  {child.name}"
        yield from _tree(deployment, child, lead + ("   " if last else "│  "))


def _short(token: str) -> str:
    """``aws:ec2/natGateway:NatGateway`` as ``aws:ec2:NatGateway``."""
    package, module, name = token.split(":")
    return f"{package}:{module.split('/')[0]}:{name}"


def _explain(error: Exception, plan: StackPlan | None) -> None:
    import pulumi

    from loadfit.testing import UndeclaredCall

    if isinstance(error, pulumi.RunError):
        # Meant for people. A refusal that says what was reported above says nothing new.
        reported = [finding.message for finding in plan.findings] if plan is not None else []
        if not any(message in str(error) for message in reported):
            print(f"error: {error}", file=sys.stderr)
        return
    if isinstance(error, UndeclaredCall):
        print(
            f"error: the program calls {error.token}, which only a provider can answer, and nothing is contacted here. "
            "Give it the value by configuration, or preview it with the Pulumi CLI.",
            file=sys.stderr,
        )
        return
    # A mistake in the program, not in its input: its author needs the place.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    print(f"error: the program failed: {type(error).__name__}: {error}", file=sys.stderr)
    for frame in frames[-3:]:
        print(f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}", file=sys.stderr)
