"""A report as text for a terminal: colored only there, and never wider than it."""

import io
import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from loadfit.reports.blocks import Block, Bullets, Details, FindingBlock, Heading, Paragraph, Table, Tone

__all__ = ["DEFAULT_WIDTH", "render_text"]

DEFAULT_WIDTH = 80
_STYLES = {Tone.PLAIN: "", Tone.GOOD: "green", Tone.WARNING: "yellow", Tone.ERROR: "bold red"}


def render_text(blocks: Iterable[Block], *, width: int = DEFAULT_WIDTH, color: bool = False) -> str:
    """The report as text.

    Args:
        blocks: What it says.
        width: The terminal's width in columns; at least 40 are used.
        color: Whether to color it, with ANSI escapes.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(40, width),
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for block in blocks:
        for renderable in _rendered(block):
            console.print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").split("\n")) + "\n"


def _rendered(block: Block) -> Iterable["Text | Padding | RichTable | _Hanging"]:
    match block:
        case Heading(level=1):
            return [Text(block.text, style=f"bold {_STYLES[block.tone]}")]
        case Heading():
            return [Text(), Text(block.text, style="bold")]
        case Paragraph():
            return [Text(), Text(block.text, style=_STYLES[block.tone])]
        case Bullets():
            return [_Hanging("- ", f"{text}{_source(source)}") for text, source in block.items]
        case Table():
            return [Text(), Padding(_table(block), (0, 0, 0, 2))]
        case Details():
            inner = [part for child in block.blocks for part in _rendered(child)]
            return [Text(), Text(block.title, style="bold"), *inner]
        case FindingBlock():
            return _finding(block)


def _source(source: str) -> str:
    """In brackets, addresses cut to their host: a terminal has little room, and Markdown and JSON have them whole."""
    shown = re.sub(r"https://([^/\s]+)\S*", r"\1", source)
    return f" [{shown}]" if source else ""


def _table(block: Table) -> RichTable:
    table = RichTable(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, title in enumerate(block.header):
        is_text = index in block.text_columns
        table.add_column(Text(title), justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in block.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _finding(block: FindingBlock) -> Iterable["Text | _Hanging"]:
    head = Text()
    head.append(f"{block.severity} {block.code}", style=_STYLES[block.tone])
    head.append(f" at {block.path}")
    yield Text()
    yield head
    yield _Hanging("  ", block.message)
    yield _Hanging("  ", block.equation)
    for consequence in block.consequences:
        yield _Hanging("  ", consequence)
    kind = ""
    for number, way in enumerate(block.ways, start=1):
        if way.kind != kind:
            kind = way.kind
            yield Text(f"  {kind}:", style="bold")
        yield _Hanging(f"  {number}. ", f"{way.sentence} ({way.cost})")
        for change in way.changes:
            yield _Hanging("       ", change)
    for ask in block.asks:
        yield _Hanging("  ", ask)


class _Hanging:
    """Text whose lines all begin under its first one."""

    def __init__(self, lead: str, text: str) -> None:
        self.lead = lead
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - len(self.lead)
        lead = self.lead
        for line in Text(self.text).wrap(console, room, overflow="fold"):
            line.rstrip()
            yield Text(lead) + line
            lead = " " * len(lead)
