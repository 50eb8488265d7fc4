"""Hostile text on its way to the screen: `cortex_ui.safe`. What browsers make of it: tests/browser/test_hostile_text.py."""

from __future__ import annotations

from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cortex_ui import safe

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/a.png)",
    "[click](javascript:alert(1))",
    ":red[warning]",
    ":material/delete: :smile:",
    "$$x^2$$ and $y$",
    "`code` **bold** _it_ ~~no~~",
    "a -> b <- c -- d",
    "https://evil.example www.evil.example me@evil.example",
    "</mark></div><div style='position:fixed'>",
    "# heading",
    "1. list",
    "| a | b |",
]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_is_read_as_plain_text(text: str) -> None:
    rendered = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).render(safe.label(text))
    read = _read(rendered)
    assert read.tags == ["p"]
    assert read.text.replace("\u2060", "").strip() == text


@pytest.mark.parametrize("text", [":smile:", ":red[x]", ":material/delete:"])
def test_codes_that_streamlit_reads_after_markdown_are_broken(text: str) -> None:
    assert ":\u2060" in safe.label(text)


def test_marks_of_direction_and_controls_are_taken_out() -> None:
    assert safe.label("invoice\u202efdp.exe\x00\x1b") == safe.label("invoicefdp.exe")
    assert "\u202e" not in safe.escape("a\u202eb")


@pytest.mark.parametrize("text", HOSTILE)
def test_html_pieces_hold_only_marks(text: str) -> None:
    read = _read(safe.marked(text, [(0, 3), (2, 5), (4, 500)]))
    assert set(read.tags) <= {"mark"}
    assert read.text == text


@given(st.text(), st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=6))
def test_marked_keeps_every_character_once(text: str, marks: list[tuple[int, int]]) -> None:
    html = safe.marked(text, marks)
    assert _read(html).text == _read(safe.escape(text)).text
    assert html.count("<mark>") == html.count("</mark>")


def test_marks_stand_where_they_were_asked_for() -> None:
    assert safe.marked("where seals rest", [(6, 11)]) == "where <mark>seals</mark> rest"
    assert (
        safe.marked("abc", [(0, 1), (2, 3)], "passage")
        == '<mark class="passage">a</mark>b<mark class="passage">c</mark>'
    )


def test_markdown_of_a_document_loses_pictures_raw_html_and_addresses() -> None:
    html = safe.document_html(
        "# Title\n\n![p](http://evil.example/a.png) <b onclick=x>raw</b> [go](http://evil.example)\n\n| a | b |\n|---|---|\n| 1 | <script>x</script> |"
    )
    assert "<h1>Title</h1>" in html
    assert "<td>1</td>" in html
    read = _read(html)
    assert not {"img", "script", "a", "b"} & set(read.tags)
    assert "href" not in html
    assert "src=" not in html
    assert html == nh3.clean(html, tags=safe._TAGS, attributes=safe._ATTRIBUTES, link_rel=None)
