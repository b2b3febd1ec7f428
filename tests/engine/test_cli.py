"""The Pulumi CLI on this repository's project, as users run it: Pulumi.yaml, the stacks' files, the program."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proofs.engine.stack import environment
from tests.engine import language_host
from tests.engine.conftest import plant_authority
from tests.engine.doubles import eks
from tests.engine.engine import Doubles

ROOT = Path(__file__).parents[2]


class Project:
    """A copy of the project, because a stack writes its salt into its file."""

    def __init__(self, folder: Path, cli: Path, home: Path, doubles: Doubles) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        for part in ("stacks", "examples"):
            shutil.copytree(ROOT / part, self.folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Pulumi.yaml", self.folder)
        (self.folder / "state").mkdir()
        self.cli = cli
        self.doubles = doubles
        self.environment = {
            **os.environ,
            **environment(self.folder, doubles.attached),
            "PULUMI_CONFIG_PASSPHRASE": "not a secret: it encrypts the state of tests",
            "PATH": os.pathsep.join([str(_commands(folder)), os.environ["PATH"]]),
            "PULUMI_HOME": str(home),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.cli, *words, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def preview(self, stack: str, *words: str) -> subprocess.CompletedProcess[str]:
        made = self.run("stack", "init", stack)
        assert made.returncode == 0, made.stderr
        return self.run("preview", "--stack", stack, *words)


def _commands(folder: Path) -> Path:
    """A folder with the commands that the CLI looks for on PATH."""
    commands = folder / "commands"
    commands.mkdir()
    script = commands / "pulumi-language-python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{language_host.__file__}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    eks.command(commands)
    return commands


@pytest.fixture
def project(tmp_path: Path, cli: Path, home: Path, doubles: Doubles) -> Project:
    doubles.clear()
    plant_authority(doubles.kubernetes.cloud)
    return Project(tmp_path, cli, home, doubles)


def steps(previewed: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in previewed if one["newState"]["type"] == kind]


def test_prod_is_previewed_with_its_sizes(project: Project) -> None:
    shown = project.preview("prod")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for line in ("zone_lost: 36000", r"ports_total +: 165000", r"server_connections +: 50", r"free_connections +: 150"):
        assert re.search(line, shown.stdout), line
    assert project.doubles.aws.cloud.journal == []


def test_the_preview_as_json_holds_the_declared_load(project: Project) -> None:
    shown = project.preview("prod", "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    previewed = json.loads(shown.stdout)
    (egress,) = steps(previewed["steps"], "loadfit:index:MultiAzNatEgress")
    assert egress["newState"]["inputs"]["load"]["zones"] == 3
    assert len(steps(previewed["steps"], eks.CLUSTER)) == 1
    assert len(steps(previewed["steps"], eks.NODES)) == 3


def test_incident_fails_with_its_findings_and_no_traceback(project: Project) -> None:
    shown = project.preview("incident")
    text = shown.stdout + shown.stderr
    assert shown.returncode not in {0, language_host.SHOWN}
    for code in ("NAT_PORTS_SHORT", "DATABASE_CONNECTIONS_SHORT"):
        assert f"error {code}" in text
    assert "Traceback" not in text
    assert "unhandled exception" not in text
    assert project.doubles.aws.cloud.journal == []
