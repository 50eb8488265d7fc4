"""Statistics of a collection, or of the library: kinds, languages, sizes, pages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.search import Filters
from cortex_ui import collections_state as state
from cortex_ui import drawer, languages, safe, wording
from cortex_ui.session import suite

_SIZES = (100_000, 1_000_000, 10_000_000)
_SIZE_WORDS = ("up to 100 kB", "100 kB to 1 MB", "1 to 10 MB", "over 10 MB")
_PAGES = (2, 6, 21, 101)
_PAGE_WORDS = ("1 page", "2 to 5 pages", "6 to 20 pages", "21 to 100 pages", "over 100 pages")
_ROWS = 8


def draw() -> None:
    """The figures, then a table for each question."""
    with st.container(width=320):
        collection = state.choose("statistics_collection")
    counts = suite().collection_counts(collection) if collection else suite().counts()
    filters = Filters(collections=(collection,) if collection else ())
    with st.grid(5 if counts.pictures else 4, min_column_width=150, gap="small"):
        st.metric("Documents", wording.number(counts.documents), border=True)
        st.metric("Pages", wording.number(counts.pages), border=True)
        st.metric("Passages", wording.number(counts.passages), border=True)
        if counts.pictures:
            st.metric("Pictures", wording.number(counts.pictures), border=True)
        st.metric("Size of the originals", wording.size(counts.bytes), border=True)
    if not counts.documents:
        st.markdown("There are no documents here yet.")
        return
    facets = suite().facets(filters)
    sizes, pages = _spread(filters, counts.documents)
    with st.grid(2, min_column_width=300, gap="small", key="statistics"):
        _bars("By type", {wording.kind(name): count for name, count in facets.types.items()})
        _bars("By language", {languages.name(name): count for name, count in facets.languages.items()})
        _bars("By size", sizes)
        _bars("By pages", pages)
    _largest(filters)


@st.cache_data(max_entries=20, ttl=60, show_spinner=False)
def _spread_of(asked: tuple[Filters, int, int]) -> tuple[dict[str, int], dict[str, int]]:
    filters, documents, _ = asked
    sizes, pages = dict.fromkeys(_SIZE_WORDS, 0), dict.fromkeys(_PAGE_WORDS, 0)
    for document in suite().documents(filters, limit=documents):
        sizes[_SIZE_WORDS[bisect_right(_SIZES, document.bytes - 1)]] += 1
        pages[_PAGE_WORDS[bisect_right(_PAGES, document.page_count)]] += 1
    return sizes, pages


def _spread(filters: Filters, documents: int) -> tuple[dict[str, int], dict[str, int]]:
    """Documents by size and by pages."""
    return _spread_of((filters, documents, state.version()))


def _bars(title: str, counts: Mapping[str, int]) -> None:
    """A small table with bars: text and figures, so that it can be read aloud too."""
    shown = {name: count for name, count in counts.items() if count}
    first = (
        dict(sorted(shown.items(), key=lambda each: -each[1])[:_ROWS]) if title[3:] in {"type", "language"} else shown
    )
    rest = sum(shown.values()) - sum(first.values())
    if rest:
        first["Other"] = rest
    largest = max(first.values(), default=1)
    rows = "".join(_bar(name, count, count / largest) for name, count in first.items())
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{title}**")
        safe.show(f'<table class="cx-bars"><tbody>{rows}</tbody></table>')


def _bar(name: str, count: int, share: float) -> str:
    step = max(1, round(share * 20))
    return (
        f"<tr><th>{safe.escape(name)}</th>"
        f'<td aria-hidden="true"><div class="cx-bar cx-bar-{step}"></div></td>'
        f"<td>{wording.number(count)}</td></tr>"
    )


def _largest(filters: Filters) -> None:
    st.markdown("**The largest documents**")
    with st.container(border=True, gap="xsmall", key="largest"):
        for document in suite().documents(filters, limit=5, order="size"):
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.button(
                    safe.label(document.name) or "Without a name",
                    type="tertiary",
                    on_click=drawer.open_document,
                    args=(document.id,),
                    key=f"largest_{document.id}",
                )
                safe.show(f'<span class="cx-quiet">{_facts(document)}</span>')


def _facts(document: Document) -> str:
    return f"{wording.size(document.bytes)} · {wording.count(document.page_count, 'page')}"
