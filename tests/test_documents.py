"""A load document becomes a load, and every mistake in it is told with its line."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadfit.core.plain_yaml import MAX_DEPTH, MAX_VALUES, parse_yaml
from loadfit.core.problems import SHOWN_PROBLEMS, InvalidLoad
from loadfit.documents import parse_text, read_load
from loadfit.stack import parse_load
from tests.hostile import VALID

EXAMPLES = Path(__file__).parents[1] / "examples"

TWELVE = """\
region: us-east-1
zones: 3
workloads:
  checkout:
    pods: 200
  orders: {pods: 20, kind: statefulset}
egress:
  flows:
    - {from: checkout, to: "api.stripe.com:443", connections_per_pod: 300}
    - from: orders
      to: s3.amazonaws.com:443
      connections_per_pod: 5
"""


@pytest.fixture(params=["libyaml", "PyYAML's own"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here runs with both of PyYAML's parsers."""
    if request.param != "libyaml":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("missing: a PyYAML that was built with libyaml")


def message(text: str | bytes) -> str:
    with pytest.raises(InvalidLoad) as refused:
        parse_text(text, "load.yaml")
    return str(refused.value)


def changed(old: str, new: str) -> str:
    assert old in TWELVE
    return TWELVE.replace(old, new)


class TestReading:
    @pytest.mark.parametrize("name", ["case-study.yaml", "incident.yaml"])
    def test_the_examples_are_loads(self, name: str) -> None:
        load = read_load(EXAMPLES / name)
        assert load.workloads is not None
        assert load.workloads["checkout"].pods == 200
        assert (EXAMPLES / name).read_text().startswith("# yaml-language-server: $schema=../docs/load.schema.json\n")

    def test_a_document_is_the_load_of_its_data(self) -> None:
        """As read by another reader, where the two agree."""
        assert parse_text(TWELVE) == parse_load(yaml.safe_load(TWELVE))

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(TWELVE.encode(), id="bytes"),
            pytest.param(b"\xef\xbb\xbf" + TWELVE.encode(), id="byte-order-mark"),
            pytest.param(TWELVE.replace("\n", "\r\n"), id="windows"),
            pytest.param(TWELVE.replace("\n", "\r"), id="old-macintosh"),
            pytest.param(f"%YAML 1.2\n---\n{TWELVE}...\n", id="markers"),
            pytest.param(f"# Zürich 💥\n{TWELVE}", id="beyond-ascii"),
            pytest.param(TWELVE.rstrip(), id="no-last-line-break"),
        ],
    )
    def test_what_editors_do_to_a_file_changes_nothing(self, text: str | bytes) -> None:
        assert parse_text(text) == parse_text(TWELVE)

    def test_what_an_alias_shares_is_there_each_time(self) -> None:
        shared = "workloads:\n  a: &w {pods: &n 2}\n  b: *w\n  c: {pods: *n}\n"
        text = f"region: us-east-1\nzones: 3\n{shared}egress:\n  addresses_per_gateway: 1\n"
        load = parse_text(text)
        assert {name: workload.pods for name, workload in (load.workloads or {}).items()} == {"a": 2, "b": 2, "c": 2}

    def test_an_anchor_that_is_set_again_means_its_latest_value(self) -> None:
        assert parse_yaml("[&a 1, *a, &a 2, *a, &a [&a 3, *a], *a]").data == [1, 1, 2, 2, [3, 3], 3]

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            *(("3", 3), ("+3", 3), ("-3", -3), ("0", 0), ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0)),
            *(("true", True), ("False", False), ("NULL", None), ("~", None), ("", None)),
            *(
                (text, text)
                for text in ("yes", "On", "n", "0777", "00", "0x1F", "0o17", "1_000", "12:30", "2026-11-23")
            ),
            *((text, text) for text in ("1e", "+", ".", "--1", "1.2.3", "tRUE", "nUll", "\uff11")),
            *((f"'{text}'", text) for text in ("3", "1.5", "true", "null", "~", "")),
            (f"-{'9' * 5_000}", -(10**39 - 1)),
            ("1e999", float("inf")),
            ("-.INF", float("-inf")),
            (".inf", float("inf")),
        ],
    )
    def test_a_value_means_what_every_reader_agrees_on(self, text: str, value: Any) -> None:
        """Anything else is a text."""
        data = parse_yaml(f"[{text}]" if text else "-").data
        assert data == [value]
        assert type(data[0]) is type(value)

    def test_nan_is_a_number(self) -> None:
        assert math.isnan(parse_yaml(".nan").data)

    def test_limits_are_reached_before_they_are_passed(self) -> None:
        assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).problems == ()
        assert len(parse_yaml("[" + "0," * (MAX_VALUES - 1) + "]").data) == MAX_VALUES - 1
        with pytest.raises(InvalidLoad, match="at most 100,000"):
            parse_yaml("[" + "0," * MAX_VALUES + "]")


class TestLines:
    @pytest.mark.parametrize(
        ("path", "line"),
        [
            ((), 1),
            (("zones",), 2),
            (("workloads",), 3),
            (("workloads", "checkout"), 4),
            (("workloads", "checkout", "pods"), 5),
            (("workloads", "checkout", "max_pods"), 4),
            (("workloads", "orders", "kind"), 6),
            (("workloads", "nobody"), 3),
            (("egress", "flows"), 8),
            (("egress", "flows", 0), 9),
            (("egress", "flows", 0, "to"), 9),
            (("egress", "flows", 1), 10),
            (("egress", "flows", 1, "to"), 11),
            (("egress", "flows", 1, "via"), 10),
            (("egress", "flows", 2, "to"), 8),
            (("egress", "policy", "zone_skew"), 7),
            (("databases", "orders"), 1),
            (("zones", "of", 3), 2),
            (("workloads", 0), 3),
        ],
    )
    def test_a_value_has_its_line_and_a_missing_one_that_of_its_nearest_ancestor(
        self, path: tuple[str | int, ...], line: int
    ) -> None:
        assert parse_yaml(TWELVE).line_of(path) == line

    def test_what_an_alias_repeats_stands_where_it_is_used(self) -> None:
        document = parse_yaml("a: &x\n  b:\n    - 1\nc: *x\nd: 2\ne:\n  f:\n    *x\n")
        assert [document.line_of((key, "b", 0)) for key in "ac"] == [3, 4]
        assert document.line_of(("e", "f", "b", 0)) == 8
        assert document.part(("c", "b")).line_of((0,)) == 4

    def test_the_root_stands_where_it_begins(self) -> None:
        assert parse_yaml("# a comment\n\nregion: us-east-1\n").line_of(()) == 3

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (
                "pods: 200",
                "pods: x",
                """
load.yaml:5: workloads.checkout.pods: expected a whole number, found the text "x"
""",
            ),
            (
                "pods: 200",
                "pod: 200",
                """
load.yaml:4: workloads.checkout.pods: expected the field "pods", found nothing. Pods at the declared peak, \
without those that a rollout adds.
load.yaml:5: workloads.checkout.pod: expected "pods", found the unknown key "pod". Did you mean "pods"?
""",
            ),
            (
                "statefulset",
                "statefullset",
                """
load.yaml:6: workloads.orders.kind: expected one of deployment, statefulset, daemonset, job, \
found the text "statefullset". Did you mean "statefulset"?
""",
            ),
            (
                "from: orders",
                "from: order",
                """
load.yaml:10: egress.flows[1].from: expected the name of a workload (checkout, orders), \
found the text "order". Did you mean "orders"?
""",
            ),
            (
                "zones: 3",
                "zones: 2\nzones: 3",
                """
load.yaml:3: zones: expected each key once, found it again, after line 2
""",
            ),
            (
                "pods: 200",
                "<<: {pods: 3}",
                """
load.yaml:5: workloads.checkout.<<: expected keys of its own, found a merge key. \
Write the keys out; an alias can share a whole value.
""",
            ),
            (
                "pods: 200",
                "pods: *x",
                """
load.yaml:5: workloads.checkout.pods: expected an alias of an anchor above it, found *x. \
A text that begins with * needs quotes.
""",
            ),
            (
                "pods: 200",
                "pods: !!str 200",
                """
load.yaml:5: workloads.checkout.pods: expected a value without a tag, found the tag !!str. \
Leave it out; quotes make a text.
""",
            ),
        ],
    )
    def test_one_mistake_is_one_message(self, old: str, new: str, expected: str) -> None:
        """Where, what was expected, what was found, the way out: and nothing that only follows from it."""
        assert message(changed(old, new)) == expected.strip()

    def test_a_misspelt_anchor_is_guessed(self) -> None:
        text = changed("checkout:\n    pods: 200", "checkout: &checkout\n    pods: 200\n  second: *chekout")
        told = message(text)
        assert told.startswith(
            "load.yaml:6: workloads.second: expected an alias of an anchor above it, found *chekout."
        )
        assert told.endswith("Did you mean *checkout?")

    def test_mistakes_of_form_and_of_meaning_are_told_together_in_the_order_of_their_lines(self) -> None:
        text = (
            changed("zones: 3", "zones: three")
            .replace("pods: 20,", "pods: !a 0, pods: 7,")
            .replace("to: s3.", "t0: s3.")
        )
        assert [line.split(": expected")[0] for line in message(text).splitlines()] == [
            "load.yaml:2: zones",
            "load.yaml:6: workloads.orders.pods",
            "load.yaml:6: workloads.orders.pods",
            "load.yaml:6: workloads.orders.pods",
            "load.yaml:10: egress.flows[1].to",
            "load.yaml:11: egress.flows[1].t0",
        ]

    def test_many_mistakes_are_shown_to_a_number_and_counted_from_there(self) -> None:
        text = TWELVE + "".join(f"  zone{index}: 1\n" for index in range(SHOWN_PROBLEMS + 3))
        lines = message(text).splitlines()
        assert lines[0].startswith("load.yaml:13: egress.zone0: expected")
        assert lines[-1] == f"... and {SHOWN_PROBLEMS + 3 - len(lines) + 1} more problems"

    def test_control_characters_are_escaped_and_long_names_cut(self) -> None:
        text = TWELVE + f'"\\e[31m{"k" * 400}": 1\n'
        (line,) = message(text).splitlines()
        assert line.startswith("load.yaml:13: \\x1b[31mkkk")
        assert len(line) < 500


class TestFiles:
    def test_a_file_is_named_from_the_current_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        below, beside = tmp_path / "here" / "loads", tmp_path / "beside"
        for folder in (below, beside):
            folder.mkdir(parents=True)
            (folder / "load.yaml").write_text("zones: x")
        monkeypatch.chdir(tmp_path / "here")
        for given, named in [
            (below / "load.yaml", "loads/load.yaml"),
            (Path("loads/load.yaml"), "loads/load.yaml"),
            (beside / "load.yaml", str(beside / "load.yaml")),
        ]:
            with pytest.raises(InvalidLoad) as refused:
                read_load(given)
            assert str(refused.value).startswith(f"{named}:1: ")
            assert refused.value.source == named

    def test_a_missing_file_is_one_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidLoad, match=r"^load\.yaml: expected a load document, found no file$"):
            read_load("load.yaml")


class TestStackFiles:
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = Path(name.replace("__", "/") + ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def inline(self, load: str = TWELVE) -> str:
        return (
            "encryptionsalt: v1:abc\nconfig:\n  aws:region: us-east-1\n"
            "  other:password: {secure: djE6}\n  loadfit:load:\n"
            + "".join(f"    {line}\n" for line in load.splitlines())
        )

    def test_an_inline_load_is_the_load(self) -> None:
        self.write(**{"Pulumi.prod": self.inline()})
        assert read_load("Pulumi.prod.yaml") == parse_text(TWELVE) == parse_text(self.inline())

    def test_a_mistake_in_it_has_the_line_of_the_stack_file_and_the_path_of_the_load(self) -> None:
        self.write(**{"Pulumi.prod": self.inline(changed("pods: 200", "pods: x"))})
        with pytest.raises(InvalidLoad) as refused:
            read_load("Pulumi.prod.yaml")
        assert str(refused.value) == (
            'Pulumi.prod.yaml:10: workloads.checkout.pods: expected a whole number, found the text "x"'
        )

    def test_other_configuration_is_ignored_whatever_is_in_it(self) -> None:
        config = "config:\n  a:b: !!set {x}\n  a:c: *nobody\n  a:c: twice\n  loadfit:load: load.yaml\n  3: 4\n"
        self.write(**{"Pulumi.prod": config, "load": TWELVE})
        assert read_load("Pulumi.prod.yaml") == parse_text(TWELVE)

    @pytest.mark.parametrize("project", ["Pulumi.yaml", "Pulumi.yml"])
    def test_a_path_is_relative_to_the_project(self, project: str) -> None:
        self.write(stacks__Pulumi="x: 1")
        Path("stacks/Pulumi.yaml").rename(project)
        self.write(**{"stacks__Pulumi.prod": "config:\n  loadfit:load: loads/load.yaml\n", "loads__load": TWELVE})
        assert read_load("stacks/Pulumi.prod.yaml") == parse_text(TWELVE)

    def test_a_path_is_relative_to_the_nearest_project(self) -> None:
        self.write(
            **{"a__b__Pulumi.prod": "config: {'loadfit:load': load.yaml}"},
            Pulumi="x: 1",
            load="zones: outer",
            a__Pulumi="x: 1",
            a__load=TWELVE,
            a__b__load="zones: inner",
        )
        assert read_load("a/b/Pulumi.prod.yaml") == parse_text(TWELVE)
        assert read_load("a/b/../b/Pulumi.prod.yaml") == parse_text(TWELVE)

    def test_a_path_without_a_project_is_relative_to_the_stack_file(self) -> None:
        self.write(**{"a__Pulumi.prod": "config:\n  loadfit:load: ../load.yaml\n", "load": TWELVE})
        assert read_load("a/Pulumi.prod.yaml") == parse_text(TWELVE)

    def test_an_absolute_path_is_what_it_is(self, tmp_path: Path) -> None:
        self.write(**{"a__Pulumi.prod": f"config:\n  loadfit:load: {tmp_path}/load.yaml\n", "load": TWELVE})
        assert read_load("a/Pulumi.prod.yaml") == parse_text(TWELVE)

    def test_a_mistake_in_the_document_has_its_file_and_line(self) -> None:
        self.write(**{"Pulumi.prod": "config:\n  loadfit:load: load.yaml\n", "load": changed("pods: 200", "pods: x")})
        with pytest.raises(InvalidLoad, match=r"^load\.yaml:5: workloads\.checkout\.pods: expected a whole number"):
            read_load("Pulumi.prod.yaml")

    def test_a_text_has_no_folder_that_a_path_could_start_from(self) -> None:
        with pytest.raises(InvalidLoad, match=r"^stack\.yaml:2: config\.loadfit:load: expected the load itself"):
            parse_text("config:\n  loadfit:load: load.yaml\n", "stack.yaml")

    def test_a_merge_key_above_the_load_is_a_mistake_of_the_load(self) -> None:
        with pytest.raises(InvalidLoad, match="merge key"):
            parse_text("base: &b {loadfit:load: {}}\nconfig:\n  <<: *b\n", "stack.yaml")


def test_importing_it_loads_neither_yaml_nor_pulumi() -> None:
    script = "import sys, loadfit.documents; print(sorted({'yaml', 'pulumi', 'pulumi_aws', 'grpc'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_the_valid_document_that_the_hostile_ones_are_made_of_is_a_load() -> None:
    assert parse_text(VALID).zones == 3
