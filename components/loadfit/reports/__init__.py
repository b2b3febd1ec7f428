"""A plan as terminal text, Markdown, HTML or JSON."""

from enum import Enum

from loadfit.stack import StackPlan

__all__ = ["Format", "render"]


class Format(str, Enum):
    """How a report is rendered."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


def render(plan: StackPlan, form: Format, title: str, *, width: int = 80, color: bool = False) -> str:
    """The report of a plan.

    Args:
        plan: What was sized.
        form: How to render it.
        title: What it was sized from, such as a file's name.
        width: Columns, for text.
        color: Whether text is colored.
    """
    # Each renderer is imported when it is asked for: rich alone takes as long to import as a plan to compute.
    if form is Format.JSON:
        from loadfit.reports.data import render_json

        return render_json(plan)
    from loadfit.reports.content import contents

    blocks = contents(plan, title)
    if form is Format.TEXT:
        from loadfit.reports.text import render_text

        return render_text(blocks, width=width, color=color)
    if form is Format.MARKDOWN:
        from loadfit.reports.markdown import render_markdown

        return render_markdown(blocks)
    from loadfit.reports.html import render_html

    return render_html(blocks, title)
