"""Reports as text, Markdown and HTML."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from loadfit.reports import Format, render
from loadfit.stack import StackPlan, parse_load, resolve, size
from tests.reports.samples import HOSTILE, example, hostile, many
from tests.strategies import Document, documents

PLANS = {"case-study": example("case-study"), "incident": example("incident"), "hostile": hostile(), "many": many(25)}

NUMBERS = ("60,000", "75,000", "165,000", "110,000", "36,000 of 55,000", "65%", "$109.50", "+$73.00")


def well_formed(table: list[str]) -> bool:
    """Whether every line of a Markdown table has as many cells as its header."""
    return len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def markdown_tables(text: str) -> list[list[str]]:
    blocks = text.split("\n\n")
    return [lines for block in blocks if (lines := block.strip().split("\n"))[0].startswith("|")]


@pytest.mark.parametrize("form", [Format.TEXT, Format.MARKDOWN, Format.HTML])
def test_every_format_shows_the_case_studys_numbers(form: Format) -> None:
    text = render(PLANS["case-study"], form, "x")
    assert [number for number in NUMBERS if number not in text] == []


@pytest.mark.parametrize("form", [Format.TEXT, Format.MARKDOWN, Format.HTML])
def test_every_format_tells_what_it_costs_not_to_fix_an_error_before_what_it_costs_to(form: Format) -> None:
    text = " ".join(render(PLANS["incident"], form, "x", width=200).split())
    refused = text.index("Not fixed, estimated at the declared peak: 20,000 of 75,000 connections find no port")
    assert refused < text.index("+$3.65 a month")
    assert "Not fixed, estimated at the declared peak: at most 93,600 of 93,600 requests an hour in day" in text


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_text_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = render(PLANS[name], Format.TEXT, "load.yaml", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_terminal_narrower_than_forty_columns_gets_forty() -> None:
    assert render(PLANS["incident"], Format.TEXT, "x", width=1) == render(PLANS["incident"], Format.TEXT, "x", width=40)


def test_text_is_colored_only_when_asked() -> None:
    plan = PLANS["incident"]
    plain, colored = (render(plan, Format.TEXT, "x", color=color) for color in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored).split() == plain.split()


def test_text_keeps_numbers_whole_at_eighty_columns() -> None:
    """A number that is broken over two lines cannot be read, nor found."""
    text = render(PLANS["many"], Format.TEXT, "x", width=80)
    assert "at most 176 connections per pod" in " ".join(text.split())
    assert re.search(r"\d,$", text, re.MULTILINE) is None


def test_names_cannot_become_markdown() -> None:
    text = render(PLANS["hostile"], Format.MARKDOWN, HOSTILE)
    outside = re.sub(r"`[^`\n]*`", "", text.replace(r"\`", ""))
    assert "<img" not in outside.replace(r"\<img", "")
    assert re.search(r"@\w", outside) is None, "a mention"
    assert re.search(r"(?<!&)#\d", outside) is None, "a reference"
    assert re.search(r"(?<!\\)\[a", outside) is None, "a link"
    assert "www." not in outside, "an automatic link"
    assert "http://b" not in outside, "an automatic link"
    assert text.startswith("## "), "a heading of one line"


@pytest.mark.parametrize("name", PLANS)
def test_markdown_tables_are_well_formed(name: str) -> None:
    found = markdown_tables(render(PLANS[name], Format.MARKDOWN, "x"))
    assert len(found) >= 3
    assert all(map(well_formed, found))
    assert all(re.fullmatch(r"\|( (:---|---:) \|)+", table[1]) for table in found)


def test_markdown_folds_the_assumptions() -> None:
    text = render(PLANS["incident"], Format.MARKDOWN, "x")
    assert text.count("<details>") == text.count("</details>") == 1
    assert re.search(r"<summary>Assumed, because not declared \(\d+\)</summary>\n\n- ", text)


class Page(HTMLParser):
    """What a page is made of."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", PLANS)
def test_html_is_a_page_of_its_own(name: str) -> None:
    """Every element is closed; nothing runs and nothing is fetched: links are only followed."""
    text = render(PLANS[name], Format.HTML, "x")
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert page.open == []
    assert set(page.tags).isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form", "svg"})
    named = {attribute for attribute, _ in page.attributes}
    assert named <= {"class", "href", "lang", "charset", "name", "content"}
    assert all(value and value.startswith("https://") for attribute, value in page.attributes if attribute == "href")
    assert "url(" not in text
    assert "@import" not in text


def test_names_cannot_become_html() -> None:
    page = Page(render(PLANS["hostile"], Format.HTML, HOSTILE))
    assert HOSTILE in page.text
    assert "img" not in page.tags


@settings(max_examples=15)
@given(documents())
def test_whatever_is_declared_can_be_reported(document: Document) -> None:
    plan: StackPlan = size(resolve(parse_load(document)))
    text = render(plan, Format.TEXT, "x", width=40)
    assert max(map(len, text.splitlines())) <= 40
    assert all(map(well_formed, markdown_tables(render(plan, Format.MARKDOWN, "x"))))
    assert Page(render(plan, Format.HTML, "x")).open == []
    assert render(plan, Format.JSON, "x").startswith("{")
