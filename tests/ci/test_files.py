"""The files for continuous integration do what they say: their shell commands are run, in a small repository."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOADFIT = Path(sys.executable).parent / "loadfit"

LOAD: dict[str, Any] = {
    "region": "us-east-1",
    "zones": 3,
    "workloads": {"checkout": {"pods": 200}},
    "egress": {"flows": [{"from": "checkout", "to": "api.example.com:443", "connections_per_pod": 300}]},
}
GROWN = {**LOAD, "workloads": {"checkout": {"pods": 210}}}
TOO_MUCH = {
    **LOAD,
    "workloads": {"checkout": {"pods": 2_000}},
    "egress": {**LOAD["egress"], "addresses_per_gateway": 1},
}
WRONG = {**LOAD, "zone": 3}


def workflow() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "preview.yml").read_text())


def step(job: str, name: str) -> str:
    (found,) = (one["run"] for one in workflow()["jobs"][job]["steps"] if one.get("name") == name)
    return found


def shell(script: str, folder: Path, *bash: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a step as its runner does."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        ["bash", "-e", *bash, "-c", script],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


class Repository:
    """A repository whose newest commit merges a change into its base, as the one that a pull request is tested with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch", "main")
        (folder / "README").write_text("base")
        (folder / ".gitignore").write_text("/build\n/.venv\n")
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "loadfit").symlink_to(LOADFIT)
        self.commit("base")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        ran = subprocess.run(["git", *identity, *words], cwd=self.folder, capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def change(self, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if before is not None:
            self.write(before)
            self.commit("before")
        self.git("checkout", "--quiet", "-b", "change")
        if after is None:
            (self.folder / "load.yaml").unlink()
        else:
            self.write(after)
        (self.folder / "README").write_text("changed")
        self.commit("after")
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", "merge", "change")

    def write(self, load: dict[str, Any]) -> None:
        (self.folder / "load.yaml").write_text(yaml.safe_dump(load))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def sized(repository: Repository) -> tuple[int, str]:
    """The exit code of the step, and the comment that it writes."""
    summary = repository.folder / "build" / "summary.md"
    ran = shell(step("size", "Size"), repository.folder, DOCUMENTS="load.yaml", GITHUB_STEP_SUMMARY=str(summary))
    comment = (repository.folder / "build" / "report" / "comment.md").read_text()
    assert summary.read_text() == comment, "a fork has the summary alone"
    assert "Traceback" not in comment
    assert ran.stdout + ran.stderr == ""
    return ran.returncode, comment


class TestGitHub:
    def test_a_change_that_fits_passes_with_its_sizes(self, repository: Repository) -> None:
        repository.change(LOAD, GROWN)
        code, comment = sized(repository)
        assert code == 0
        assert comment.startswith("<!-- loadfit -->\n")
        assert "63,000" in comment, "210 pods x 300"

    def test_the_base_is_compared_with(self, repository: Repository) -> None:
        repository.change(LOAD, GROWN)
        code, comment = sized(repository)
        assert code == 0
        # With a zone lost, 1.2 x 1/2 of the pods are in one: 120 x 300 before, 126 x 300 after.
        assert "| 36,000 | 37,800 | +1,800 |" in comment

    def test_a_change_that_does_not_fit_fails_and_says_why(self, repository: Repository) -> None:
        repository.change(LOAD, TOO_MUCH)
        code, comment = sized(repository)
        assert code == 1
        assert "NAT\\_PORTS\\_SHORT" in comment

    def test_a_document_that_is_none_fails_with_its_line(self, repository: Repository) -> None:
        repository.change(LOAD, WRONG)
        code, comment = sized(repository)
        assert code == 2
        assert 'zone: expected "zones"' in comment

    def test_a_new_document_has_no_base(self, repository: Repository) -> None:
        repository.change(None, LOAD)
        code, comment = sized(repository)
        assert code == 0
        assert "60,000" in comment

    def test_a_document_that_is_gone_fails(self, repository: Repository) -> None:
        repository.change(LOAD, None)
        code, comment = sized(repository)
        assert code == 2
        assert "load.yaml" in comment

    def test_the_documents_that_are_sized_are_there(self) -> None:
        documents = workflow()["jobs"]["size"]["env"]["DOCUMENTS"].split()
        assert documents
        assert all((ROOT / document).is_file() for document in documents)


GH = f"""#!{sys.executable}
import json, pathlib, sys
state = pathlib.Path({{state!r}})
comments = json.loads(state.read_text())
words = sys.argv[1:]
if "--slurp" in words:
    print(json.dumps([comments[:1], comments[1:]]))  # two pages
else:
    method, url = words[words.index("--method") + 1], next(word for word in words if word.startswith("repos/"))
    field = words[words.index("--field") + 1]
    body = pathlib.Path(field.removeprefix("body=@")).read_text()
    if method == "POST" and url == "repos/owner/name/issues/7/comments":
        comments.append({{{{"id": len(comments) + 1, "body": body}}}})
    elif method == "PATCH" and url.startswith("repos/owner/name/issues/comments/"):
        (found,) = (one for one in comments if one["id"] == int(url.rpartition("/")[2]))
        found["body"] = body
    else:
        sys.exit(f"unexpected: {{{{words}}}}")
    state.write_text(json.dumps(comments))
"""
"""What the GitHub CLI does of this: it lists comments by page, and writes one."""


class TestComment:
    def comments(self, folder: Path, before: list[dict[str, Any]], *reports: str) -> list[str]:
        """The comments of a pull request after so many runs."""
        state, programs = folder / "state.json", folder / "bin"
        state.write_text(json.dumps(before))
        programs.mkdir()
        (programs / "gh").write_text(GH.format(state=str(state)))
        (programs / "gh").chmod(0o755)
        (folder / "report").mkdir()
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        for report in reports:
            (folder / "report" / "comment.md").write_text(report)
            ran = shell(
                step("comment", "Comment"), folder, PATH=path, GITHUB_REPOSITORY="owner/name", NUMBER="7", GH_TOKEN="-"
            )
            assert (ran.returncode, ran.stderr) == (0, "")
        return [comment["body"] for comment in json.loads(state.read_text())]

    def test_it_is_edited_and_not_repeated(self, tmp_path: Path) -> None:
        reports = ("<!-- loadfit -->\nfits", "<!-- loadfit -->\ndoes not fit")
        assert self.comments(tmp_path, [], *reports) == ["<!-- loadfit -->\ndoes not fit"]

    def test_comments_of_others_stay(self, tmp_path: Path) -> None:
        others = [{"id": 1, "body": "why?"}, {"id": 2, "body": "about <!-- loadfit -->"}]
        assert self.comments(tmp_path, others, "<!-- loadfit -->\nfits") == [
            "why?",
            "about <!-- loadfit -->",
            "<!-- loadfit -->\nfits",
        ]

    def test_a_report_that_is_too_long_is_cut(self, tmp_path: Path) -> None:
        (body,) = self.comments(tmp_path, [], "<!-- loadfit -->\n" + "x" * 100_000)
        assert len(body) == 60_000


class TestPermissions:
    def test_what_runs_the_code_of_a_fork_may_read_and_nothing_else(self) -> None:
        jobs = workflow()["jobs"]
        assert workflow()["permissions"] == {}
        assert jobs["size"]["permissions"] == {"contents": "read"}
        assert "secrets." not in json.dumps(jobs["size"])
        assert "if" not in jobs["size"], "also for a fork"

    def test_what_may_write_runs_in_the_repository_alone(self) -> None:
        for job in ("comment", "preview"):
            condition = workflow()["jobs"][job]["if"]
            assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
        assert not [one for one in workflow()["jobs"]["comment"]["steps"] if "checkout" in one.get("uses", "")]

    def test_the_event_is_that_of_the_pull_request_itself(self) -> None:
        text = (ROOT / ".github" / "workflows" / "preview.yml").read_text()
        assert [line.split("#")[0].strip() for line in text.splitlines() if line.startswith("on:")] == [
            "on: pull_request"
        ]


def test_the_pre_commit_hook_refuses_a_load_that_does_not_fit(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["pass_filenames"] is False
    for load, code in ((LOAD, 0), (TOO_MUCH, 1), (WRONG, 2)):
        (tmp_path / "load.yaml").write_text(yaml.safe_dump(load))
        command = [str(LOADFIT.parent / hook["entry"].split()[0]), *hook["entry"].split()[1:], "load.yaml"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == code


@pytest.mark.parametrize(("after", "code"), [(GROWN, 0), (TOO_MUCH, 1), (WRONG, 2)])
def test_the_script_of_gitlab_reports_and_fails_as_size_does(
    repository: Repository, after: dict[str, Any], code: int
) -> None:
    repository.change(LOAD, after)
    job = yaml.safe_load((ROOT / "examples" / "ci" / "gitlab.yml").read_text())["loadfit"]
    base = repository.git("rev-parse", "HEAD^1")
    path = f"{LOADFIT.parent}:{os.environ['PATH']}"
    ran = shell(
        "\n".join(job["script"]),
        repository.folder,
        "-o",
        "pipefail",
        PATH=path,
        DOCUMENT=job["variables"]["DOCUMENT"],
        CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
    )
    assert ran.returncode == code
    report = (repository.folder / job["artifacts"]["paths"][0]).read_text()
    assert ran.stdout == report
    if code < 2:
        assert "# " in report
