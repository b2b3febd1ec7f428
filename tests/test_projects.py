"""A Pulumi project as it lies in a folder: its stacks, their configuration, and no secret of it."""

from pathlib import Path
from typing import Any

import pytest

from loadfit.core.problems import InvalidLoad
from loadfit.projects import SECRET_PLACEHOLDER, Project, find_project

ROOT = Path(__file__).parents[1]

PROJECT = """
name: shop
runtime: python
main: program/
stackConfigDir: stacks
"""


def project(folder: Path, text: str = PROJECT, *, file: str = "Pulumi.yaml", **stacks: str) -> Project:
    """A project with a program that does nothing."""
    (folder / file).write_text(text)
    (folder / "program").mkdir()
    (folder / "program" / "__main__.py").write_text("")
    (folder / "stacks").mkdir()
    for name, config in stacks.items():
        (folder / "stacks" / f"Pulumi.{name}{Path(file).suffix}").write_text(config)
    return find_project(folder)


def problem(folder: Path, text: str, **stacks: str) -> str:
    with pytest.raises(InvalidLoad) as refused:
        project(folder, text, **stacks).stack(None)
    return str(refused.value)


def test_the_reference_project_is_found_from_below() -> None:
    found = find_project(ROOT / "components" / "loadfit" / "egress")
    assert (found.name, found.folder, found.main, found.stack_folder) == (
        "loadfit",
        ROOT,
        ROOT / "stacks",
        ROOT / "stacks",
    )
    assert set(found.stacks()) == {"dev", "incident", "prod"}
    assert found.defaults == {"loadfit:zones": []}, "a type and a description are no value"


def test_no_project_is_told_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidLoad, match=r"expected a Pulumi project, found no Pulumi\.yaml") as refused:
        find_project(tmp_path)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize("file", ["Pulumi.yaml", "Pulumi.yml"])
def test_stack_files_end_as_the_projects_file_does(tmp_path: Path, file: str) -> None:
    found = project(tmp_path, file=file, dev="", prod="")
    assert list(found.stacks()) == ["dev", "prod"]


class TestForm:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("runtime: python\nmain: program", "name: expected the project's name, found nothing"),
            ("name: shop\nmain: program", "runtime: expected python: only Python programs are run offline"),
            ("name: shop\nruntime: nodejs\nmain: program", 'found the text "nodejs"'),
            ("name: shop\nruntime: {name: go}\nmain: program", 'found the text "go"'),
            (
                "name: shop\nruntime: python\nmain: src",
                'main: expected a folder with a __main__.py, found the text "src"',
            ),
            ("name: shop\nruntime: python\nmain: program\nconfig: 3", "config: expected a mapping, found 3"),
            ("- name", "expected a mapping, found a list"),
        ],
    )
    def test_what_is_no_python_project_is_refused(self, tmp_path: Path, text: str, expected: str) -> None:
        assert expected in problem(tmp_path, text)

    def test_all_of_it_at_once(self, tmp_path: Path) -> None:
        text = problem(tmp_path, "runtime: go\nmain: src")
        assert len(text.splitlines()) == 3

    def test_the_runtime_may_have_options(self, tmp_path: Path) -> None:
        text = "name: shop\nruntime: {name: python, options: {toolchain: uv}}\nmain: program"
        assert project(tmp_path, text).name == "shop"

    def test_without_main_and_stack_folder_both_are_the_projects(self, tmp_path: Path) -> None:
        (tmp_path / "__main__.py").write_text("")
        (tmp_path / "Pulumi.dev.yaml").write_text("")
        found = project(tmp_path, "name: shop\nruntime: python")
        assert (found.main, found.stack_folder) == (tmp_path, tmp_path)
        assert set(found.stacks()) == {"dev"}


class TestChoiceOfStack:
    def test_the_only_one_needs_no_name(self, tmp_path: Path) -> None:
        assert project(tmp_path, dev="").stack(None).name == "dev"

    def test_among_several_one_is_named(self, tmp_path: Path) -> None:
        found = project(tmp_path, dev="", prod="")
        assert found.stack("prod").file == tmp_path / "stacks" / "Pulumi.prod.yaml"
        with pytest.raises(InvalidLoad, match=r"expected the name of a stack \(dev, prod\), found none given"):
            found.stack(None)

    def test_an_unknown_one_is_told_with_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidLoad, match=r'found the text "prd". Did you mean prod\?'):
            project(tmp_path, dev="", prod="").stack("prd")

    def test_none_at_all(self, tmp_path: Path) -> None:
        assert "expected a file Pulumi.<stack>.yaml, found none" in problem(tmp_path, PROJECT)


class TestConfiguration:
    def config(self, folder: Path, stack: str, defaults: str = "{}") -> dict[str, Any]:
        return dict(project(folder, f"{PROJECT}config: {defaults}\n", dev=stack).stack("dev").config)

    def test_keys_without_a_namespace_are_the_projects(self, tmp_path: Path) -> None:
        found = self.config(tmp_path, "config: {size: 3, aws:region: us-east-1}")
        assert found == {"shop:size": 3, "aws:region": "us-east-1"}

    @pytest.mark.parametrize(
        ("default", "expected"),
        [
            ("{size: 3}", {"shop:size": 3}),
            ("{shop:size: {value: 3}}", {"shop:size": 3}),
            ("{size: {type: integer, default: 3}}", {"shop:size": 3}),
            ("{size: {type: integer, description: none}}", {}),
            ("{sizes: {type: array, default: [1, 2]}}", {"shop:sizes": [1, 2]}),
            ("{aws:region: {value: us-east-1}}", {"aws:region": "us-east-1"}),
        ],
    )
    def test_the_projects_values_stand_where_the_stack_has_none(
        self, tmp_path: Path, default: str, expected: dict[str, Any]
    ) -> None:
        assert self.config(tmp_path, "", default) == expected

    def test_a_stacks_value_goes_before_the_projects(self, tmp_path: Path) -> None:
        assert self.config(tmp_path, "config: {shop:size: 4}", "{size: 3}") == {"shop:size": 4}

    def test_what_the_project_gave_is_known(self, tmp_path: Path) -> None:
        stack = project(tmp_path, f"{PROJECT}config: {{a: 1, b: 2}}\n", dev="config: {shop:b: 3}").stack("dev")
        assert stack.inherited == {"shop:a"}

    @pytest.mark.parametrize("config", ["config: 3", "config: [a]", "3"])
    def test_a_stack_file_of_another_form_is_refused(self, tmp_path: Path, config: str) -> None:
        with pytest.raises(InvalidLoad, match="expected a mapping"):
            project(tmp_path, dev=config).stack("dev")


class TestSecrets:
    def test_each_is_a_placeholder_and_known_to_be_secret(self, tmp_path: Path) -> None:
        """Wherever it stands; nothing is decrypted, and the ciphertext goes nowhere either."""
        config = """
config:
  shop:password: {secure: v1:AAAA}
  shop:database: {host: db, password: {secure: v1:BBBB}}
  shop:tokens: [a, {secure: v1:CCCC}]
  shop:plain: {secure: true, other: 1}
  shop:open: text
"""
        stack = project(tmp_path, dev=config).stack("dev")
        assert stack.config == {
            "shop:password": SECRET_PLACEHOLDER,
            "shop:database": {"host": "db", "password": SECRET_PLACEHOLDER},
            "shop:tokens": ["a", SECRET_PLACEHOLDER],
            "shop:plain": {"secure": True, "other": 1},
            "shop:open": "text",
        }
        assert stack.secrets == {"shop:password", "shop:database", "shop:tokens"}
        assert "v1:" not in repr(stack)

    @pytest.mark.parametrize("entry", ["{secure: v1:AAAA}", "{value: {secure: v1:AAAA}}"])
    def test_the_projects_own_are_too(self, tmp_path: Path, entry: str) -> None:
        stack = project(tmp_path, f"{PROJECT}config: {{token: {entry}}}\n", dev="").stack("dev")
        assert stack.config == {"shop:token": SECRET_PLACEHOLDER}
        assert stack.secrets == {"shop:token"}


class TestLoad:
    LOAD = "{region: us-east-1, zones: 2, egress: {flows: [], addresses_per_gateway: 1}}"

    def test_there_may_be_none(self, tmp_path: Path) -> None:
        found = project(tmp_path, dev="config: {shop:size: 3}")
        stack = found.stack("dev")
        assert not stack.has_load
        assert found.load(stack) is None

    @pytest.mark.parametrize("place", ["stack", "project"])
    @pytest.mark.parametrize("form", ["inline", "path"])
    def test_it_is_the_stacks_or_the_projects_inline_or_by_path(self, tmp_path: Path, place: str, form: str) -> None:
        """A path is relative to the project, whichever file it stands in."""
        (tmp_path / "load.yaml").write_text(self.LOAD)
        declared = self.LOAD if form == "inline" else "load.yaml"
        if place == "stack":
            found = project(tmp_path, dev=f"config: {{loadfit:load: {declared}}}")
        else:
            found = project(tmp_path, f"{PROJECT}config: {{loadfit:load: {{value: {declared}}}}}\n", dev="")
        load = found.load(found.stack("dev"))
        assert load is not None
        assert load.zones == 2

    def test_a_mistake_in_it_is_told_with_its_place(self, tmp_path: Path) -> None:
        found = project(tmp_path, f"{PROJECT}config: {{loadfit:load: {{value: {{zones: 0}}}}}}\n", dev="")
        with pytest.raises(InvalidLoad, match=r"Pulumi\.yaml: loadfit:load: zones: expected at least 1, found 0"):
            found.load(found.stack("dev"))

    def test_a_secret_one_is_refused(self, tmp_path: Path) -> None:
        found = project(tmp_path, dev="config: {loadfit:load: {secure: v1:AAAA}}")
        with pytest.raises(InvalidLoad, match="A load is no secret"):
            found.load(found.stack("dev"))
