"""What the report of growth says, in every format."""

import json
import re
from typing import Any

import pytest

from loadfit.reports import Format
from loadfit.reports.growth import growth_data, render_growth
from loadfit.stack import parse_load, resolve, size
from loadfit.stack.growth import Limits, find_limits
from tests.reports.samples import example, keys
from tests.reports.test_formats import markdown_tables, well_formed
from tests.test_documentation import ROOT, text

LIMITS = {name: find_limits(example(name)) for name in ("case-study", "incident")}


def unbounded() -> Limits:
    flow = {"from": "shop", "to": "a.com:443", "via": "ipv6", "connections_per_pod": 10}
    document: Any = {"region": "us-east-1", "zones": 3, "workloads": {"shop": {"pods": 20}}}
    return find_limits(size(resolve(parse_load({**document, "egress": {"flows": [flow], "gateways": 3}}))))


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_text_is_wider_than_the_terminal(name: str, width: int) -> None:
    told = render_growth(LIMITS[name], Format.TEXT, "load.yaml", width=width)
    assert max(map(len, told.splitlines())) <= width


@pytest.mark.parametrize("name", LIMITS)
def test_markdown_is_one_well_formed_table(name: str) -> None:
    (table,) = markdown_tables(render_growth(LIMITS[name], Format.MARKDOWN, "load.yaml"))
    assert well_formed(table)


def test_what_is_over_now_and_what_has_no_limit_is_said() -> None:
    told = render_growth(LIMITS["incident"], Format.TEXT, "load.yaml", width=200)
    assert "over now: NAT ports to api.stripe.com:443 in a rollout (NAT_PORTS_SHORT)" in told
    assert "at none" in told
    told = render_growth(unbounded(), Format.TEXT, "load.yaml")
    assert re.search(r"shop\.pods +20 +no limit +no limit$", told, re.MULTILINE)


def test_a_target_that_something_else_breaks_is_told_by_itself() -> None:
    """Nodes' own ports are a warning only; the gateway's are an error."""
    document: Any = {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {"shop": {"pods": 30}},
        "egress": {"nodes": 1, "flows": [{"from": "shop", "to": "a.com:443", "connections_per_pod": 1000}]},
    }
    told = render_growth(find_limits(size(resolve(parse_load(document)))), Format.TEXT, "x", width=200)
    assert "  target: a node's ports to a.com:443 (NODE_SNAT_PORTS_SHORT)" in told
    assert "  NAT ports to a.com:443 with 1 zone lost (NAT_PORTS_SHORT)" in told


def test_a_document_without_a_growing_number_says_so() -> None:
    document: Any = {"region": "us-east-1", "zones": 3, "egress": {"addresses_per_gateway": 1}}
    told = render_growth(find_limits(size(resolve(parse_load(document)))), Format.TEXT, "x")
    assert "No declared number of this document grows with its load." in told
    assert "Held" not in told, "against nothing"


def test_what_was_not_moved_is_counted() -> None:
    limits = Limits(LIMITS["case-study"].plan, (), LIMITS["case-study"].growths, 7, 1234)
    told = " ".join(render_growth(limits, Format.TEXT, "x").split())
    assert "7 numbers not moved: the document is large, and was sized 1,234 times." in told
    growths = LIMITS["case-study"].growths * 4
    told = " ".join(render_growth(Limits(limits.plan, (), growths, 0, 1), Format.TEXT, "x").split())
    assert f"... and {len(growths) - 30} more numbers with more room" in told


@pytest.mark.parametrize("name", LIMITS)
def test_every_name_of_the_json_report_is_documented(name: str) -> None:
    data = growth_data(LIMITS[name])
    page = text(ROOT / "docs/growth.md")
    assert [key for key in set(keys(data)) if f"`{key}`" not in page] == []
    assert json.loads(render_growth(LIMITS[name], Format.JSON, "ignored")) == data
    rooms = [one["room"] for one in data["limits"] if one["room"] is not None]
    assert rooms == sorted(rooms)
