"""The only door through which text of documents, names and queries reaches the screen.

Streamlit reads Markdown, colour directives, emoji codes, icons and LaTeX in labels, captions and write; a file can be
called `:red[x]`, `![](http://…)` or `$$…$$`. Here such text is made plain before it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape as _escape
from itertools import pairwise

import nh3
import streamlit as st
from markdown_it import MarkdownIt

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$^=\"'&])")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Controls and marks of direction: a name must not be able to turn what stands beside it around."""

_JOINER = "\u2060"
"""Takes no room; keeps Streamlit from seeing codes (`:smile:`), arrows and addresses in what is already unescaped."""

_CODES = re.compile(r"(:(?=\S)|(?<=[Ww])(?=[Ww][Ww]\\?\.)|@|(?<=[-<>=])(?=\\?[-<>=]))")

_TAGS = {"div", "span", "p", "mark", "strong", "em", "code", "pre", "br", "ul", "ol", "li", "blockquote", "del"}
_TAGS |= {"table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"}
_ATTRIBUTES = {"*": {"class", "title", "dir", "lang", "role", "aria-label", "aria-hidden"}}


def one_line(text: str) -> str:
    """Text on one line without control characters and marks of direction."""
    return " ".join(_INVISIBLE.sub("", text.replace("\n", " ").replace("\t", " ")).split())


def label(text: str) -> str:
    """Text for labels, captions and `st.markdown`: shown as it is, with nothing in it interpreted."""
    plain = _MARKDOWN.sub(r"\\\1", one_line(text))
    return _CODES.sub(rf"\1{_JOINER}", plain)


def escape(text: str) -> str:
    """Text for HTML."""
    return _escape(_INVISIBLE.sub("", text), quote=True)


def marked(text: str, marks: Iterable[tuple[int, int]], css_class: str = "") -> str:
    """HTML of a text with `<mark>` around the places `marks` (start, exclusive end).

    Places that overlap or lie outside of the text are cut to fit.
    """
    opening = f'<mark class="{escape(css_class)}">' if css_class else "<mark>"
    edges, position = [], 0
    for wanted_start, wanted_end in sorted(marks):
        start, end = max(wanted_start, position), min(wanted_end, len(text))
        if start < end:
            edges.append((start, end))
            position = end
    if not edges:
        return escape(text)
    parts = [escape(text[: edges[0][0]])]
    for (start, end), (following, _) in pairwise([*edges, (len(text), len(text))]):
        parts += [f"{opening}{escape(text[start:end])}</mark>", escape(text[end:following])]
    return "".join(parts)


def show(html: str) -> None:
    """Draw HTML that was put together from escaped pieces; what is not on the list of tags and attributes is taken out."""
    st.html(nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None) or "<span></span>")


def document_html(markdown: str) -> str:
    """HTML of a document's Markdown: no raw HTML, no pictures, no links that lead anywhere."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block", "html_inline"])
    return str(nh3.clean(reader.render(markdown), tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None))
