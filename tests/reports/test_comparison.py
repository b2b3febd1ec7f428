"""What the report of a change says, in every format."""

import json
import re

import pytest

from loadfit.reports import Format
from loadfit.reports.comparison import comparison_data, render_comparison
from loadfit.stack import parse_load, resolve, size
from loadfit.stack.comparison import Comparison
from tests.reports.samples import HOSTILE, example, hostile, keys, many
from tests.reports.test_formats import markdown_tables, well_formed
from tests.test_documentation import ROOT, text

STUDY, INCIDENT = example("case-study"), example("incident")
CHANGES = {
    "repair": Comparison(INCIDENT, STUDY),
    "break": Comparison(STUDY, INCIDENT),
    "new": Comparison(None, INCIDENT),
    "gone": Comparison(STUDY, None),
    "same": Comparison(INCIDENT, INCIDENT),
    "bad base": Comparison(None, STUDY, ("base.yaml: zones: expected a whole number",)),
    "hostile": Comparison(many(50), hostile()),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_text_is_wider_than_the_terminal(name: str, width: int) -> None:
    told = render_comparison(CHANGES[name], Format.TEXT, ("a.yaml", "b.yaml"), width=width)
    assert max(map(len, told.splitlines())) <= width


@pytest.mark.parametrize("name", CHANGES)
def test_markdown_is_well_formed_and_folds_what_is_long(name: str) -> None:
    told = render_comparison(CHANGES[name], Format.MARKDOWN, ("a.yaml", HOSTILE))
    assert all(map(well_formed, markdown_tables(told)))
    assert told.count("<details>") == told.count("</details>")
    outside = re.sub(r"`[^`\n]*`", "", told.replace(r"\`", ""))
    assert "<img" not in outside.replace(r"\<img", "")


def said(name: str) -> str:
    return " ".join(render_comparison(CHANGES[name], Format.TEXT, ("a.yaml", "b.yaml"), width=200).split())


def test_the_verdict_comes_first_and_says_how_it_was() -> None:
    assert said("repair").startswith("b.yaml: fits; before: does not fit (3 errors and 2 warnings)")
    assert said("new").startswith("b.yaml: does not fit (3 errors and 2 warnings) There is no a.yaml: all of b.yaml")
    assert said("gone").startswith("b.yaml: is gone There is no b.yaml: all of a.yaml goes.")


def test_new_findings_come_in_full_and_the_others_by_a_line() -> None:
    assert "New findings (5) error NAT_PORTS_SHORT" in said("break")
    assert "(+$3.65 a month)" in said("break")
    assert "Findings that are gone (5) - error NAT_PORTS_SHORT at egress.flows[0].to: " in said("repair")
    assert "Findings that stay (5)" in said("same")
    assert "No size and no cost changes." in said("same")


def test_numbers_stand_with_their_difference() -> None:
    told = said("repair")
    assert "ports on the busiest gateway, api.stripe.com:443 75,000 36,000 -39,000" in told
    assert "egress 36.50 109.50 +73.00" in told
    assert "databases.orders.clients[0].pool_size 20 10" in told
    assert "functions.storefront.init_ms 3500 800" in told, "a whole number is shown as one"


def test_a_base_that_is_no_load_is_said_and_head_is_told_alone() -> None:
    told = said("bad base")
    assert "a.yaml is no load, so nothing is compared: b.yaml is told alone." in told
    assert "zones: expected a whole number" in told
    assert "There is no a.yaml" not in told


def test_an_unknown_price_is_said() -> None:
    document = {"region": "sa-east-1", "zones": 2, "egress": {"addresses_per_gateway": 1}}
    told = render_comparison(Comparison(STUDY, size(resolve(parse_load(document)))), Format.TEXT, ("a", "b"))
    assert "Without the price of egress, which is not known." in told


def test_long_lists_are_cut_and_counted() -> None:
    told = said("hostile")
    assert re.search(r"\.\.\. and \d+ more; --format json lists them all\.", told)
    assert len(comparison_data(CHANGES["hostile"])["findings"]["going"]) == 50


@pytest.mark.parametrize("name", CHANGES)
def test_every_name_of_the_json_report_is_documented(name: str) -> None:
    data = comparison_data(CHANGES[name])
    assert json.loads(render_comparison(CHANGES[name], Format.JSON, ("", ""))) == data
    findings = data.pop("findings")
    data["monthly_cost_usd"]["sections"] = list(data["monthly_cost_usd"]["sections"].values())
    page = text(ROOT / "docs/diff.md")
    assert [key for key in {*keys(data), *findings} if f"`{key}`" not in page] == []
