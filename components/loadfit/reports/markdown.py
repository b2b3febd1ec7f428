"""A report as GitHub-flavored Markdown, for pull requests and job summaries."""

import re
from collections.abc import Iterable

from loadfit.reports.blocks import Block, Bullets, Details, FindingBlock, Heading, Paragraph, Table, Tone, Way

__all__ = ["render_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@&])")
_LINK = re.compile(r"(?i)\b(www|https?|ftp)(\.|:(?=//))")
"""What GitHub makes a link of by itself; a backslash inside keeps it from that."""
_REFERENCE = re.compile(r"([@#])(?=\w)")
"""What GitHub makes a mention or a reference of. It looks for them in the rendered text, where a backslash no longer
is: a space of no width keeps it from that."""
_SIGNS = {Tone.PLAIN: "", Tone.GOOD: "✅ ", Tone.WARNING: "⚠️ ", Tone.ERROR: "❌ "}


def render_markdown(blocks: Iterable[Block]) -> str:
    """The report as Markdown; names from the load are escaped, so that they cannot become markup or mentions."""
    return "\n\n".join(_rendered(block) for block in blocks) + "\n"


def _rendered(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * (block.level + 1)} {_SIGNS[block.tone]}{_escaped(block.text)}"
        case Paragraph():
            return f"{_SIGNS[block.tone]}{_escaped(block.text)}"
        case Bullets():
            return "\n".join(f"- {_escaped(text)}{_source(source)}" for text, source in block.items)
        case Table():
            return _table(block)
        case Details():
            inner = "\n\n".join(_rendered(child) for child in block.blocks)
            return f"<details><summary>{_escaped(block.title)}</summary>\n\n{inner}\n\n</details>"
        case FindingBlock():
            return _finding(block)


def _table(block: Table) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rule = [":---" if index in block.text_columns else "---:" for index in range(len(block.header))]
    rows = [line(_cell(cell) for cell in row) for row in block.rows]
    return "\n".join([line(map(_cell, block.header)), line(rule), *rows])


def _cell(text: str) -> str:
    # A leading indent says "of the line above"; Markdown would swallow it.
    bare = text.lstrip(" ")
    return ("&nbsp;&nbsp;" if bare != text else "") + _escaped(bare)


def _finding(block: FindingBlock) -> str:
    code = f"**{_escaped(block.severity)} {_escaped(block.code)}**"
    lines = [
        f"{_SIGNS[block.tone]}{code} at `{_code(block.path)}`: {_escaped(block.message)}",
        f"> {_escaped(block.equation)}",
        *(_escaped(consequence) for consequence in block.consequences),
    ]
    if block.ways:
        lines.append(_ways(block.ways))
    lines += [_escaped(ask) for ask in block.asks]
    return "\n\n".join(lines)


def _ways(ways: Iterable[Way]) -> str:
    lines = ["| Way out | Kind | Cost | Change |", "| :--- | :--- | ---: | :--- |"]
    for way in ways:
        changes = "<br>".join(f"`{_code(change)}`" for change in way.changes)
        lines.append(f"| {_escaped(way.sentence)} | {way.kind} | {_escaped(way.cost)} | {changes} |")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    escaped = _LINK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text.replace("\n", " ")))
    return _REFERENCE.sub(r"\1&#8203;", escaped)


def _source(source: str) -> str:
    """In brackets; addresses as they are, because GitHub links them by itself."""
    parts = re.split(r"(https://[^\s\]);]+)", source)
    shown = "".join(part if part.startswith("https://") else _escaped(part) for part in parts)
    return f" ({shown})" if source else ""


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|").replace("\n", " ")
