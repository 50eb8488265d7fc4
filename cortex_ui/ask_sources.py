"""Where an answer comes from: numbers that open the source at the place, the passages, and the nearest misses."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path

import streamlit as st

from cortex_engine.core.answers import Answer, CitedSource
from cortex_engine.core.app import Span
from cortex_engine.core.errors import CortexError
from cortex_ui import ask_state, cards, drawer, safe, wording
from cortex_ui.session import suite

_PAGES = Path(__file__).parents[1] / "pages"
QUOTES = "quotes"
"""The writer of an answer that no model wrote."""

_TIP = 260
_SNIPPET = 280
_AROUND = 80
_THUMBNAIL = 56


def where(source: CitedSource) -> str:
    """ "report.pdf · page 3"."""
    return f"{safe.one_line(source.document)} · page {source.page}"


def open_source(source: CitedSource, searched: str, sentence: str = "") -> None:
    """Open the drawer at a sentence of the source, at its quote, or else at the passage (an `on_click` callback)."""
    span = _place(source, sentence)
    words = "" if span[1] else searched
    drawer.open_document(source.document_id, source.page, source.chunk_id, words, span)


def _place(source: CitedSource, sentence: str) -> Span:
    """Where the sentence stands in the document, else the quote; (0, 0) where neither is there."""
    words = sentence.split()
    if words and source.quote:
        with contextlib.suppress(CortexError):  # the drawer says what has become of the passage
            chunk = suite().passage(source.chunk_id).chunk
            found = re.search(r"\s+".join(map(re.escape, words)), chunk.text)
            if found:
                return chunk.char_start + found.start(), chunk.char_start + found.end()
    return (source.char_start, source.char_end) if source.quote else (0, 0)


def number(source: CitedSource, answer: Answer, position: int) -> None:
    """A citation of a sentence: the number as a button; who it is stands in the tooltip."""
    said = source.quote or source.text
    tip = f"{where(source)}: “{_short(said, _TIP)}”"
    st.button(
        f"{source.number}",
        help=safe.label(tip),
        on_click=open_source,
        args=(source, answer.searched, answer.sentences[position].text),
        key=f"cite_{answer.turn_id}_{position}_{source.number}",
    )


def named(source: CitedSource, answer: Answer, key: str, sentence: str = "") -> None:
    """A source by number and name, as a button."""
    st.button(
        safe.label(f"{source.number} · {where(source)}"),
        icon=":material/description:",
        type="tertiary",
        on_click=open_source,
        args=(source, answer.searched, sentence),
        key=f"source_{answer.turn_id}_{key}_{source.number}",
    )


def cited(answer: Answer) -> list[CitedSource]:
    """The sources that a sentence cites, by number."""
    numbers = {each for sentence in answer.sentences for each in sentence.citations}
    return [source for source in answer.sources if source.number in numbers]


def passages(answer: Answer) -> None:
    """All that was read, each passage with what was quoted of it; drawn when it is opened."""
    mine = {source.number for source in cited(answer)}
    listed = st.expander(
        f"{wording.count(len(answer.sources), 'passage')} read, {len(mine)} cited",
        icon=":material/menu_book:",
        type="compact",
        on_change="rerun",
        key=f"ask_read_{answer.turn_id}",
    )
    if listed.open:
        with listed, st.container(gap="small"):
            for source in sorted(answer.sources, key=lambda each: (each.number not in mine, each.number)):
                _passage(source, answer, source.number in mine)


def _passage(source: CitedSource, answer: Answer, is_cited: bool) -> None:
    with st.container(gap="xxsmall", key=f"passage_{answer.turn_id}_{source.number}"):
        named(source, answer, "read")
        left = "" if is_cited else '<div class="cx-quiet">Read, not cited</div>'
        safe.show(f'{left}<div class="cx-snippet">{_words(source, answer.searched)}</div>')


def _words(source: CitedSource, searched: str) -> str:
    """HTML of the passage's telling piece: what was quoted is marked, or else the words of the question."""
    text = safe.one_line(source.text)
    quotes = [safe.one_line(each) for each in source.quote.split(" … ")]
    places = [(place, place + len(quote)) for quote in quotes if quote and (place := text.find(quote)) >= 0]
    if not places:
        snippet = suite().snippet(source.text, searched, _SNIPPET)
        return safe.marked(snippet.text, snippet.marks)
    first = max(0, min(places)[0] - _AROUND)
    last = min(len(text), max(end for _, end in places) + _AROUND)
    before, after = "… " if first else "", " …" if last < len(text) else ""
    marked = safe.marked(text[first:last], [(start - first, end - first) for start, end in places], "passage")
    return f"{before}{marked}{after}"


def _short(text: str, most: int) -> str:
    line = safe.one_line(text)
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def not_in_the_library(answer: Answer, collections: tuple[str, ...], last: bool) -> None:
    """What stands in place of an answer: how it was searched, what came nearest, and ways on."""
    with st.container(border=True, key=f"missing_{answer.turn_id}"):
        st.subheader("Not in the chosen collections" if collections else "Not in your library", anchor=False)
        safe.show(f"<div>{safe.escape(_why_not(answer, collections))}</div>")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if collections and last:
                st.button(
                    "Ask all collections",
                    icon=":material/library_books:",
                    on_click=ask_state.ask,
                    args=(answer.question, ()),
                    key=f"everywhere_{answer.turn_id}",
                )
            search_link(answer, "Search for these words", collections)
            st.page_link(_PAGES / "2_Knowledge_Ingest.py", label="Add documents", icon=":material/note_add:")
    if answer.sources:
        safe.show('<div class="cx-side">What came nearest</div>')
        with st.grid(2, min_column_width=300, gap="small"):
            for source in answer.sources[:4]:
                with st.container(border=True, height="stretch", key=f"miss_{answer.turn_id}_{source.number}"):
                    _miss(source, answer)


def _why_not(answer: Answer, collections: tuple[str, ...]) -> str:
    """A model that read what came nearest says so by itself."""
    if answer.writer not in {"", QUOTES} and answer.notes:
        return " ".join(answer.notes)
    where = ", ".join(collections) if collections else "your library"
    return f"Nothing in {where} comes near enough to this question to answer it from."


def _kind(source: CitedSource) -> str:
    try:
        return suite().document(source.document_id).info.media_type
    except CortexError:
        return ""  # deleted since the list was made


def _miss(source: CitedSource, answer: Answer) -> None:
    with st.container(horizontal=True, wrap=False, gap="small"):
        with st.container(width=_THUMBNAIL):
            cards.thumbnail(source.document_id, source.document, _kind(source), source.page)
        with st.container(gap=None):
            snippet = suite().snippet(source.text, answer.searched, 150)
            safe.show(
                f'<div class="cx-name">{safe.escape(safe.one_line(source.document))}</div>'
                f'<div class="cx-quiet">Page {source.page}</div>'
                f'<div class="cx-snippet">{safe.marked(snippet.text, snippet.marks)}</div>'
            )
            st.button(
                "Open page",
                icon=":material/open_in_full:",
                type="tertiary",
                on_click=open_source,
                args=(replace(source, quote=""), answer.searched),
                key=f"open_miss_{answer.turn_id}_{source.number}",
            )


def search_link(answer: Answer, label: str, collections: tuple[str, ...]) -> None:
    """To the search page, with the query that was searched for the answer."""
    st.page_link(
        _PAGES / "3_Knowledge_Search.py",
        label=safe.label(label),
        icon=":material/search:",
        query_params={"q": answer.searched or answer.question, "in": list(collections)},
    )
