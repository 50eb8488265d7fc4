"""Sentences that prove something: each opens its page in the drawer; those with a date as a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_engine.core.graph import MentionPlace
from cortex_ui import drawer, safe, wording
from cortex_ui import graph_words as words
from cortex_ui.session import suite

_SHOWN = 12
_SENTENCE = 40
"""Characters from which on a place is marked by itself; a name alone is marked as a word, in its passage."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def draw(places: Sequence[MentionPlace], names: Iterable[str], key: str, total: int = 0) -> None:
    """The sentences, the first few of them at once. `names`: what is marked; `total`: how many there are altogether."""
    marked = tuple(names)
    whole = len(places) <= _SHOWN or bool(st.session_state.get(f"{key}_whole"))
    for position, place in enumerate(places if whole else places[:_SHOWN]):
        _proof(place, marked, f"{key}_{position}")
    if not whole:
        left = f"{len(places) - _SHOWN:,} more"
        st.button(left, type="tertiary", icon=":material/expand_more:", key=f"{key}_more", on_click=_whole, args=(key,))
    elif total > len(places):
        safe.show(f'<div class="cx-quiet">The first {len(places):,} of {total:,}.</div>')


def _whole(key: str) -> None:
    st.session_state[f"{key}_whole"] = True


def _proof(place: MentionPlace, names: tuple[str, ...], key: str) -> None:
    """A sentence; the whole of it can be clicked, and its button is what the keyboard finds."""
    with st.container(gap=None, key=f"proof_{key}"):
        safe.show(f'<div class="cx-snippet">{words.snippet_html(place.snippet, names)}</div>')
        st.button(
            f"{safe.label(words.short(place.document))}, page {wording.number(place.page)}",
            type="tertiary",
            on_click=_open,
            args=(place, names),
            key=f"open_{key}",
        )


def _open(place: MentionPlace, names: tuple[str, ...]) -> None:
    """Open the drawer on the page of the place itself, which may be a later one than that on which its passage begins."""
    try:
        last = suite().passage(place.chunk_id).chunk.page_end
        pages = range(place.page, last + 1) if last > place.page else ()
        views = (suite().page_view(place.document_id, each, place.char_start, place.char_end) for each in pages)
        page = next((view.number for view in views if view.passage), place.page)
    except CortexError:
        page = place.page  # the drawer says what is wrong
    query = " ".join(f'"{name}"' for name in names[:4])
    span = (place.char_start, place.char_end) if place.char_end - place.char_start >= _SENTENCE else (0, 0)
    drawer.open_document(place.document_id, page, place.chunk_id, query, span)


def timeline(places: Sequence[MentionPlace], names: Iterable[str], key: str) -> None:
    """What is dated, in the order of the dates, under the year."""
    marked = tuple(names)
    dated = sorted(
        (place for place in places if place.date), key=lambda place: (place.date, place.document, place.page)
    )
    for year, group in groupby(enumerate(dated), key=lambda each: each[1].date[:4]):
        safe.show(f'<div class="cx-year">{safe.escape(year)}</div>')
        for position, place in group:
            if len(place.date) > len("2016"):
                safe.show(f'<div class="cx-quiet">{safe.escape(day(place.date))}</div>')
            _proof(place, marked, f"{key}_{position}")


def day(iso: str) -> str:
    """ "2016-02-07" -> "7 February", "2016-02" -> "February"; what is no such date stays as it is."""
    parts = iso.split("-")
    if len(parts) < 2 or not all(part.isdigit() for part in parts) or not 1 <= int(parts[1]) <= len(_MONTHS):
        return iso
    month = _MONTHS[int(parts[1]) - 1]
    return f"{int(parts[2])} {month}" if len(parts) > 2 else month
