"""What the page Knowledge Graph says where there is nothing to draw, each time with a way on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.graph import GraphStats
from cortex_ui import graph_edit, graph_search, safe
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words
from cortex_ui.session import suite

_PAGES = Path(__file__).parents[1] / "pages"
_SEARCH, _INGEST, _SETTINGS = (
    _PAGES / name for name in ("3_Knowledge_Search.py", "2_Knowledge_Ingest.py", "Settings.py")
)


def _link(page: Path, label: str, **query: str) -> None:
    st.page_link(page, label=label, icon=":material/arrow_forward:", icon_position="right", query_params=query or None)


def switched_off() -> None:
    """A setting says that no graph is wanted."""
    with st.container(border=True, width=760, key="graph_off"):
        st.markdown("### The knowledge graph is switched off")
        st.markdown(
            "Switch on `graph_enabled` in the settings; the documents that are there already are read for names then, in "
            "the background."
        )
        _link(_SETTINGS, "Settings")


def library() -> None:
    """There are no documents."""
    with st.container(border=True, width=760, key="graph_empty"):
        st.markdown("### There is nothing to draw yet")
        st.markdown("Add files, or load the samples on the home page; names are found as soon as a document is done.")
        _link(_INGEST, "Add files")


def nothing_yet(stats: GraphStats) -> None:
    """There are documents, but no names."""
    with st.container(border=True, width=760, key="graph_nothing"):
        if stats.waiting or stats.behind:
            st.markdown("### The documents are being read for names")
            st.markdown("This happens in the background; the page shows them as soon as there are some.")
            _by(stats)
            graph_search.follow(stats)
            _link(_SEARCH, "Search meanwhile")
            return
        st.markdown("### No names were found")
        if stats.documents or not stats.failed:
            st.markdown("The documents name nobody and nothing that could be told from other words.")
        _by(stats)
        _link(_INGEST, "Add files")


def _by(stats: GraphStats) -> None:
    """What finds names, why documents wait, and which could not be read."""
    if stats.extractor:
        safe.show(f'<p class="cx-quiet">{safe.escape(graph_search.extractor(stats))}</p>')
    graph_search.failures(stats)


def picture(wanted: state.Centre) -> None:
    """What was asked for has no names around it."""
    with st.container(border=True, width=760, key="graph_no_picture"):
        if wanted.query:
            st.markdown("### Nothing was found that names anything")
            safe.show(f"<p>The search was <strong>{safe.escape(words.short(wanted.query, 200))}</strong>.</p>")
            _link(_SEARCH, "See the search", q=wanted.query)
        elif wanted.empty:
            st.markdown("### Every name is hidden")
            st.markdown("“Your changes” above lists them; each can be shown again.")
        elif wanted.entity and suite().entity(wanted.entity).hidden:
            st.markdown("### This name is hidden")
            st.markdown("You hid it as noise: it stands in no picture and leads no search.")
            graph_edit.show_again_button(wanted.entity)
        elif wanted.entity:
            st.markdown("### Nothing stands beside it")
            st.markdown("Dates and amounts are facts of a passage; they connect nothing.")
        else:
            st.markdown("### There are no names here")
            st.markdown("Nothing that could be told from other words is named in it.")
        if not wanted.empty:
            st.button(
                "All names",
                icon=":material/arrow_back:",
                on_click=state.go,
                args=(state.Centre(),),
                key="graph_no_picture_start",
            )
