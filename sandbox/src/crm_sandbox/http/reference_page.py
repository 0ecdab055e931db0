"""The documentation that a sandbox serves of itself: reference.md as a page, each heading with an anchor."""

import re
from functools import cache
from importlib.resources import files
from itertools import pairwise

from markdown_it import MarkdownIt

from crm_sandbox.http.pages import page


@cache
def reference_page() -> str:
    text = (files("crm_sandbox") / "reference.md").read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for opening, heading in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", _anchor(heading.content))
    return page("The sandbox", markdown.renderer.render(tokens, markdown.options, {}), "60rem")


def _anchor(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it, so that links in the file and to the page are the same."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
