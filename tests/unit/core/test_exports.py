"""Exports of results: a spreadsheet computes nothing, Markdown shows everything as text, JSON names no path."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cortex_engine.core.exports import results_csv, results_json, results_markdown
from cortex_engine.core.search import Filters, Query, SearchHit, SearchResult, SearchTrace, StageStanding, TraceStep


def result(text: str = "Green tea is steamed.", name: str = "tea.md", query: str = "tea") -> SearchResult:
    stages = {"vector": StageStanding(1, 0.812345678), "lexical": StageStanding(None, float("nan"))}
    hit = SearchHit(
        1, 0.9, "d" * 32, name, ("Papers",), 2, "c" * 32, text, 0, len(text), stages, title="", page_label="ii"
    )
    filters = Filters(documents=("/home/me/secret/tea.md",))
    trace = SearchTrace((TraceStep("vector", 1.5),))
    return SearchResult(Query(query, filters=filters), (hit,), trace, warnings=("Newest documents may be missing.",))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_csv_can_be_read_back() -> None:
    text = 'Line one, "quoted"\nline two; émigré'
    written = results_csv(result(text))
    assert written.encode().startswith(b"\xef\xbb\xbfrank,score,document,")
    assert written.endswith("\r\n")
    (row,) = rows(written)
    assert row["passage"] == text
    assert (row["rank"], row["page"], row["page_label"], row["collections"]) == ("1", "2", "ii", "Papers")
    assert (row["vector rank"], row["vector score"]) == ("1", "0.812346")
    assert (row["lexical rank"], row["lexical score"]) == ("", "")


CELLS = st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("=+-@\t\r\n\"', ＝|")), max_size=40)


@settings(max_examples=300, deadline=None)
@given(CELLS, CELLS)
@example('=HYPERLINK("http://x")', "+1")
@example("@SUM(A1)", "-2+3")
@example("\t=1", "\r=1")
@example(" \n=1", "\x00=1")
@example("\u202e=1", "\x1f@x")
def test_no_cell_is_computed(text: str, name: str) -> None:
    (row,) = rows(results_csv(result(text, name)))
    for cell in (row["passage"], row["document"]):
        assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
        assert cell.strip()[:1] not in {"=", "+", "-", "@"}


ATTACKS = [
    "![x](http://evil/x.png)", "[a](javascript:alert(1))", "<img src=x onerror=alert(1)>", "http://evil.example/a",
    "www.evil.example", "me@evil.example", "# heading", "---", "===", "* item", "+ item", "1. item", "1) item",
    "> quote", "```\ncode\n```", "    code", "\tcode", "| a | b |\n|---|---|\n| c | d |", "**bold** _it_ `code` ~~s~~",
    "&lt;b&gt; &copy;", "[r]: http://evil", "<http://evil>", "a  \nb", "\\[a\\](b)", "$x$ $$y$$", ":smile:", "~~~\nx",
    "HTTPS://EVIL.example", "<!-- x -->", "a\u2028# b", "!\\[a](b)",
]  # fmt: skip
_PLAIN = {
    "heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "blockquote_open", "blockquote_close",
}  # fmt: skip


def shown(markdown: str) -> tuple[set[str], str]:
    """Kinds of everything that Markdown with GitHub's tables, strikes and automatic links finds, and the text shown."""
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(markdown)
    inner = [child for token in tokens for child in token.children or ()]
    return {token.type for token in tokens} | {child.type for child in inner}, "\n".join(
        "".join("\n" if child.type == "softbreak" else child.content for child in token.children or ())
        for token in tokens
        if token.type == "inline"
    )


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=60),
        st.lists(st.sampled_from(ATTACKS), max_size=4).map("\n".join),
    )
)
def test_markdown_shows_text_as_text(text: str) -> None:
    kinds, seen = shown(results_markdown(result(text, text, text)))
    assert kinds <= {*_PLAIN, "text", "text_special", "softbreak"}
    words = "".join(letter for letter in text if letter.isalnum())
    assert words in "".join(letter for letter in seen if letter.isalnum())


def test_every_attack_alone_is_text() -> None:
    for attack in ATTACKS:
        kinds, seen = shown(results_markdown(result(attack, attack, attack)))
        assert kinds <= {*_PLAIN, "text", "text_special", "softbreak"}, attack
        written = results_markdown(result(attack, attack, attack)).lower()
        assert not any(start in written for start in ("http:", "https:", "www.", "me@", "me\\@e"))  # automatic links
        for line in attack.split("\n"):
            assert " ".join(line.split()).replace("@", "@\u2060") in seen


def test_json_holds_stages_and_no_path() -> None:
    written = results_json(result(name="/home/me/secret/tea.md"))
    data = json.loads(written)
    assert data["hits"][0]["stages"] == {
        "vector": {"rank": 1, "score": 0.812345678},
        "lexical": {"rank": None, "score": None},
    }
    assert data["hits"][0]["text"] == "Green tea is steamed."
    assert data["milliseconds"] == {"vector": 1.5, "total": 1.5}
    assert data["query"]["mode"] == "hybrid"
    windows = result(name="C:\\Users\\me\\tea.md")
    for text in (written, *(write(windows) for write in (results_markdown, results_csv, results_json))):
        assert "secret" not in text
        assert "Users" not in text
    assert str(Path.home()) not in written
    json.loads(results_json(result("\ud800", "\ud800")).encode())
