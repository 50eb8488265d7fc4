"""What can be done with a hit: open its page, find what looks like it, judge it, cite it, see why it was found, link to it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_engine.core.search import HitKind, Query, SearchHit
from cortex_ui import drawer, exporting, safe, search_state, standing, waterfall
from cortex_ui.session import suite

_JUDGED = "search_judged"
_GRAPH = Path(__file__).parents[1] / "pages" / "Knowledge_Graph.py"


def read_judgements(query: Query) -> None:
    """Before the hits are drawn: what people said of hits of this query."""
    kept = suite().judgements(query.text) if query.text else []
    st.session_state[_JUDGED] = {each.chunk_id: each.value for each in kept}


def said(hit: SearchHit) -> int:
    """1 it answers, -1 it does not, 0 nobody said."""
    value: int = st.session_state.get(_JUDGED, {}).get(hit.chunk_id, 0)
    return value


def open_page(hit: SearchHit, query: Query) -> None:
    """Open the drawer (an `on_click` callback)."""
    page = drawer.best_page(hit, query.text) if hit.page_end > hit.page else hit.page
    drawer.open_document(hit.document_id, page, hit.chunk_id, query.text)
    st.rerun()  # the card is a fragment, the drawer belongs to the page


def more_like(picture: str) -> None:
    """Ask for what looks like a picture (an `on_click` callback): the words go, conditions stay."""
    search_state.put(search_state.by_picture(picture, text=""))
    st.rerun()


def like_button(hit: SearchHit) -> None:
    """Only pictures have a look to ask for."""
    if hit.kind is HitKind.PICTURE:
        st.button(
            "More like this",
            icon=":material/image_search:",
            type="tertiary",
            on_click=more_like,
            args=(hit.chunk_id,),
            key=f"like_{hit.chunk_id}",
        )


def draw(hit: SearchHit, query: Query) -> None:
    """The menu's body."""
    if query.text:
        _judge_it(hit, query)
    if hit.kind is HitKind.PICTURE and hit.text.strip():
        st.markdown("**What is known of this picture**")
        safe.show(f'<div class="cx-snippet">{safe.escape(safe.one_line(hit.text)[:600])}</div>')
    st.markdown("**Why it was found**")
    rows = "".join(
        f"<tr><td>{name}</td><td>{score}</td><td>{rank}</td></tr>" for name, score, rank in standing.numbers(hit)
    )
    safe.show(f'<table class="cx-facts"><tbody>{rows}</tbody></table>')
    waterfall.draw(hit)
    if hit.kind is HitKind.TEXT and suite().config.graph_enabled:
        st.page_link(_GRAPH, label="Show in graph", icon=":material/hub:", query_params={"passage": hit.chunk_id})
    st.markdown("**Link to this passage**" if hit.kind is HitKind.TEXT else "**Link to this picture**")
    params: dict[str, str | list[str]] = dict(search_state.gathered().url())
    params |= {"doc": hit.document_id, "page": str(hit.page), "hit": hit.chunk_id}
    st.code(exporting.link(params), language=None, wrap_lines=True)


def _judge_it(hit: SearchHit, query: Query) -> None:
    word = said(hit)
    passage = hit.kind is HitKind.TEXT
    st.markdown("**Does this passage answer the search?**" if passage else "**Is this what was searched?**")
    with st.container(horizontal=True, gap="small"):
        if word:
            does = "it does" if passage else "it is"
            st.markdown(f"You said: {does}." if word > 0 else f"You said: {does} not.")
            _judging("Undo", "undo", hit, query, 0)
        else:
            _judging("It does" if passage else "It is", "thumb_up", hit, query, 1)
            _judging("It does not" if passage else "It is not", "thumb_down", hit, query, -1)


def _judging(title: str, icon: str, hit: SearchHit, query: Query, value: int) -> None:
    st.button(
        title,
        icon=f":material/{icon}:",
        on_click=_judge,
        args=(query.text, hit.chunk_id, value),
        key=f"judge_{value}_{hit.chunk_id}",
    )


def _judge(text: str, chunk_id: str, value: int) -> None:
    """Keep the word; an error is told at the top of the page."""
    try:
        suite().judge(text, chunk_id, value)
    except CortexError as error:
        st.toast(safe.label(str(error)), icon=":material/error:")
        return
    st.session_state.setdefault(_JUDGED, {})[chunk_id] = value
