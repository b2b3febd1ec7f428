"""What linters find in templates: cfn-lint, with AWS's own schemas and rules, and checkov, with those of good practice.

checkov asks for old versions of what others need, so it has an environment of its own: `make checkov`. Its findings
have severities only on its makers' platform; here, each counts.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cfnlint.api import ManualArgs, lint

from tests.registry.table import REGION

__all__ = ["Finding", "checkov", "found_by_cfn_lint", "found_by_checkov"]

ROOT = Path(__file__).parents[2]


class Finding(NamedTuple):
    """One thing that a linter does not like."""

    check: str
    type: str
    """Of the resource, as the registry names it."""
    resource: str
    text: str


def found_by_cfn_lint(template: Mapping[str, Any]) -> Iterator[Finding]:
    """Errors and warnings."""
    for match in lint(json.dumps(template), config=ManualArgs(regions=[REGION])):
        path = list(getattr(match, "path", None) or ())
        resource = str(path[1]) if len(path) > 1 and path[0] == "Resources" else ""
        made = template["Resources"].get(resource, {})
        yield Finding(match.rule.id, made.get("Type", ""), resource, match.message)


def checkov() -> Path:
    """The program; where it is missing, the test is skipped, but fails where continuous integration has to have it."""
    program = ROOT / ".checkov" / "bin" / "checkov"
    if not program.exists():
        reason = "checkov is not installed: `make checkov` installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


def found_by_checkov(program: Path, folder: Path, **templates: Mapping[str, Any]) -> dict[str, list[Finding]]:
    """What it finds, by the name of the template: it starts slowly, so all are looked at in one run."""
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template, indent=1), encoding="utf-8")
    command = [program, "--directory", folder, "--framework", "cloudformation", "--skip-download", "--output", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode in {0, 1}, answer.stderr
    report = json.loads(answer.stdout)
    assert report["summary"]["parsing_errors"] == 0
    found: dict[str, list[Finding]] = {name: [] for name in templates}
    for one in report["results"]["failed_checks"]:
        token, _, resource = one["resource"].partition(".")
        found[Path(one["file_path"]).stem].append(Finding(one["check_id"], token, resource, one["check_name"]))
    return found
