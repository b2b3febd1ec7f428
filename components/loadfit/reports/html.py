"""A report as one self-contained HTML page: no script, nothing fetched."""

import re
from collections.abc import Iterable
from html import escape

from loadfit.reports.blocks import Block, Bullets, Details, FindingBlock, Heading, Paragraph, Table, Way

__all__ = ["render_html"]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --warning: #9a6700; --error: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --warning: #d29922; --error: #f85149; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: right; padding: .25rem .75rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } .text { text-align: left; } .part { padding-left: 2rem; }
td { font-variant-numeric: tabular-nums; vertical-align: baseline; } .cost { white-space: nowrap; }
code { font-size: .875em; overflow-wrap: anywhere; }
.good { color: var(--good); } .warning { color: var(--warning); } .error { color: var(--error); }
section { border-left: 4px solid; padding: .1rem 1rem; margin: 1rem 0; }
section.error { border-color: var(--error); } section.warning { border-color: var(--warning); }
section > * { color: CanvasText; } section > .code { color: inherit; font-weight: 600; }
@media (max-width: 45rem) {
  .ways thead { display: none; }
  .ways tr, .ways td { display: block; text-align: left; border: 0; padding: 0; }
  .ways tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
}
"""


def render_html(blocks: Iterable[Block], title: str) -> str:
    """The report as a page.

    Args:
        blocks: What it says.
        title: The page's title.
    """
    body = "\n".join(_rendered(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _rendered(block: Block) -> str:
    match block:
        case Heading():
            return f'<h{block.level} class="{block.tone.value}">{escape(block.text)}</h{block.level}>'
        case Paragraph():
            return f'<p class="{block.tone.value}">{escape(block.text)}</p>'
        case Bullets():
            return "<ul>" + "".join(map(_item, block.items)) + "</ul>"
        case Table():
            return _table(block)
        case Details():
            inner = "\n".join(_rendered(child) for child in block.blocks)
            return f"<details><summary>{escape(block.title)}</summary>{inner}</details>"
        case FindingBlock():
            return _finding(block)


def _item(item: tuple[str, str]) -> str:
    text, source = item
    shown = re.sub(r"https://[^\s);]+", r'<a href="\g<0>">\g<0></a>', escape(source))
    return f"<li>{escape(text)}{f' ({shown})' if source else ''}</li>"


def _table(block: Table) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return (
            "<tr>"
            + "".join(_cell(cell, tag, index in block.text_columns) for index, cell in enumerate(cells))
            + "</tr>"
        )

    rows = "\n".join(row(cells, "td") for cells in block.rows)
    return f"<table>\n<thead>{row(block.header, 'th')}</thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _cell(text: str, tag: str, is_text: bool) -> str:
    classes = (["text"] if is_text else []) + (["part"] if text.startswith(" ") else [])
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    return f"<{tag}{attribute}>{escape(text.strip())}</{tag}>"


def _changes(way: Way) -> str:
    return "<br>".join(f"<code>{escape(change)}</code>" for change in way.changes)


def _finding(block: FindingBlock) -> str:
    parts = [
        f'<p class="code">{escape(block.severity)} {escape(block.code)} at <code>{escape(block.path)}</code></p>',
        f"<p>{escape(block.message)}</p>",
        f"<p><code>{escape(block.equation)}</code></p>",
        *(f"<p>{escape(consequence)}</p>" for consequence in block.consequences),
    ]
    if block.ways:
        rows = "".join(
            f'<tr><td class="text">{escape(way.sentence)}</td><td class="text">{escape(way.kind)}</td>'
            f'<td class="cost">{escape(way.cost)}</td><td class="text">{_changes(way)}</td></tr>'
            for way in block.ways
        )
        parts.append(
            '<table class="ways"><thead><tr><th class="text">Way out</th><th class="text">Kind</th><th>Cost</th>'
            f'<th class="text">Change</th></tr></thead><tbody>{rows}</tbody></table>'
        )
    parts += [f"<p>{escape(ask)}</p>" for ask in block.asks]
    return f'<section class="{block.tone.value}">{"".join(parts)}</section>'
