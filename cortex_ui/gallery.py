"""Pictures among the results: a strip in a mixed list, a gallery where only pictures are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from cortex_engine.core.search import HitKind, Query, SearchHit, SearchResult
from cortex_ui import cards, exporting, hit_menu, safe, search_state, standing, wording
from cortex_ui.standing import Averages

_NARROWEST = 148
_FILE = "image"
_IN_STRIP = 6
"""Tiles of a strip: one row on a wide screen, two or three on a narrow one, never a broken one."""


def only_pictures(result: SearchResult) -> bool:
    """Whether there is nothing but pictures to show."""
    return all(hit.kind is HitKind.PICTURE for hit in result.hits)


def files(result: SearchResult) -> list[SearchHit]:
    """The hits that are picture files. A page of a document, found by its look, stays among the passages: they belong to it."""
    return [hit for hit in result.hits if hit.kind is HitKind.PICTURE and hit.media_type == _FILE]


def draw(result: SearchResult, usual: Averages) -> None:
    """All hits as a gallery."""
    _grid(result.hits, result.query, usual, ranks=False)


def strip(found: Sequence[SearchHit], query: Query, usual: Averages) -> None:
    """The best pictures of a mixed list; it stands where the best of them ranks."""
    with st.container(border=True, key="strip"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            safe.show('<div class="cx-name">Pictures</div>')
            if len(found) > _IN_STRIP:
                st.button(
                    f"All {wording.count(len(found), 'picture')}",
                    icon=":material/photo_library:",
                    type="tertiary",
                    on_click=_show_pictures,
                    key="show_pictures",
                )
        _grid(found[:_IN_STRIP], query, usual, ranks=True)


def _show_pictures() -> None:
    search_state.put(replace(search_state.gathered(), kind="pictures"))


def _grid(found: Sequence[SearchHit], query: Query, usual: Averages, ranks: bool) -> None:
    with st.grid(_IN_STRIP, min_column_width=_NARROWEST, gap="small", key="gallery"):
        for hit in found:
            _tile(hit, query, usual, ranks)


@st.fragment
def _tile(hit: SearchHit, query: Query, usual: Averages, ranks: bool) -> None:
    """The button with the name covers the picture, so that a click anywhere on it opens the page."""
    with st.container(gap=None, key=f"tile_{hit.chunk_id}"):
        with st.container(gap=None, key=f"frame_{hit.chunk_id}"):
            cards.thumbnail(hit.document_id, hit.document, hit.media_type, hit.page)
        st.button(
            safe.label(hit.document) or "Picture",
            type="tertiary",
            width="stretch",
            on_click=hit_menu.open_page,
            args=(hit, query),
            key=f"open_{hit.chunk_id}",
        )
        facts = " · ".join(filter(None, [_place(hit, ranks), standing.relevance(hit)]))
        if facts:
            safe.show(f'<div class="cx-quiet">{safe.escape(facts)}</div>')
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key=f"below_{hit.chunk_id}"):
            standing.badge(hit, usual)
            with st.container(horizontal=True, gap=None, width="content", key=f"tools_{hit.chunk_id}"):
                _tools(hit, query)


def _place(hit: SearchHit, ranks: bool) -> str:
    place = f"No. {hit.rank}" if ranks else ""
    page = f"page {hit.page}" if hit.media_type != _FILE else ""
    more = f"{hit.more} more" if hit.more else ""
    return ", ".join(filter(None, [place, page, more])).capitalize()


def _tools(hit: SearchHit, query: Query) -> None:
    st.button(
        ":material/image_search:",
        help="More like this",
        type="tertiary",
        on_click=hit_menu.more_like,
        args=(hit.chunk_id,),
        key=f"like_{hit.chunk_id}",
    )
    menu = st.popover(
        ":material/more_horiz:", help="More", type="tertiary", on_change="rerun", key=f"more_{hit.chunk_id}"
    )
    if menu.open:
        with menu:
            hit_menu.draw(hit, query)
            st.markdown("**Citation**")
            exporting.citation(hit.document_id, hit.document, hit.page, f"citation_{hit.chunk_id}")
