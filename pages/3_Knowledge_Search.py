"""Knowledge Search: ask, look at the passages, open the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from cortex_engine.core.app import ModelState
from cortex_engine.core.search import Filters, Query, SearchMode, SearchResult
from cortex_ui import (
    drawer,
    exporting,
    filters,
    hits,
    nothing_found,
    picture_query,
    reranking,
    safe,
    search_sidebar,
    search_state,
    searches,
    trace,
    why_not,
    wording,
)
from cortex_ui.asked import Asked
from cortex_ui.session import suite, told

_PAGES = Path(__file__).parent
_WIDTH = 1080


def main() -> None:
    """The page."""
    st.title("Knowledge Search")
    collections = suite().collections()
    search_state.take_over([collection.name for collection in collections])
    with st.container(width=_WIDTH, gap="small"):
        filters.draw(collections, _facets, picture_query.sees(collections, search_state.gathered()))
        asked = search_state.settle()
        search_sidebar.draw(collections, asked)  # before the results, which may take a while
        filters.chips(asked)
        there = picture_query.chip(asked)
        for remark in search_state.remarks():
            st.info(safe.label(remark), icon=":material/link_off:")
        with st.container(key="results"):
            if not any(collection.document_count for collection in collections):
                _empty_library()
            elif not asked.empty:
                _asked(asked if there else replace(asked, picture=""), picture_query.blind(collections, asked))
            else:
                _start()
    drawer.show_opened()


def _facets():  # type: ignore[no-untyped-def]
    return suite().facets(Filters(collections=search_state.gathered().collections))


def _asked(asked: Asked, blind: str) -> None:
    """What was found. `blind`: why pictures cannot be compared; then the words are searched, if there are any."""
    if blind:
        st.warning(safe.label(blind), icon=":material/visibility_off:")
        asked = replace(asked, picture="")
    if nothing_found.by_words_alone(asked):
        return
    query = asked.query()
    if asked.mode != "words" and not suite().embedding_ready(asked.collections):
        text = query.text if asked.kind != "pictures" else ""
        query = replace(query, text=text, mode=SearchMode.LEXICAL, picture="", kinds=())
        _refining(asked.collections, bool(text))
    elif reranking.loading(asked):
        query = replace(query, rerank=False)
        _reordering()
    if query.text or query.picture:
        _results(asked, query)


def _results(asked: Asked, query: Query) -> None:
    with told():
        with st.container(key="searching"), st.spinner("Searching…", show_time=True):
            result = search_state.found(query)
        search_state.remember(asked.query(), len(result.hits))
        result = hits.arranged(result, asked.sort)
        for warning in result.warnings:
            st.warning(safe.label(warning), icon=":material/warning:")
        if result.hits:
            _head(asked, result)
            place = nothing_found.abstained(asked, result) if result.abstained else st.container(gap="small")
            if place is not None:
                with place:
                    hits.draw(result)
        else:
            nothing_found.draw(asked)
            if suite().queue_progress().busy:
                _until_more_is_there(suite().moment())
        why_not.panel(query)
        trace.panel(result)


@st.fragment(run_every="2s")
def _until_more_is_there(moment: tuple[object, ...]) -> None:
    """Nothing was found while files are being added: search again when more of them can be found."""
    if suite().moment() != moment:
        st.rerun()


@st.fragment(run_every="1s")
def _refining(collections: tuple[str, ...], by_words: bool) -> None:
    """Says that words alone were searched, and has the page drawn again as soon as the model is ready."""
    if suite().embedding_ready(collections):
        st.rerun()
    models = [model for model in suite().model_statuses() if model.role.endswith("embedding") and model.model_id]
    models.sort(key=lambda model: model.state is not ModelState.LOADING)
    name = safe.label(models[0].name if models else "the model")
    with st.container(key="refining"):
        said = "Keyword results; refining when" if by_words else "Pictures are compared as soon as"
        st.info(f"{said} {name} is ready.", icon=":material/hourglass_top:")


@st.fragment(run_every="1s")
def _reordering() -> None:
    """Says that the results wait for the reranker, and has the page drawn again as soon as it is ready."""
    status = suite().reranker_status()
    if status.state is not ModelState.LOADING:
        st.rerun()
    with st.container(key="reordering"):
        st.info(f"First order; ordered anew when {safe.label(status.name)} is ready.", icon=":material/hourglass_top:")


def _head(asked: Asked, result: SearchResult) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="head"):
        safe.show(f'<div class="cx-quiet" role="status">{safe.escape(hits.count_line(result))}</div>')
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            searches.keep(asked)
            if asked.text.strip() and suite().config.graph_enabled:
                graph = {"q": asked.text.strip()}
                st.page_link(_PAGES / "Knowledge_Graph.py", label="Graph", icon=":material/hub:", query_params=graph)
            with st.popover("Export", icon=":material/download:", type="tertiary", key="export"):
                exporting.results(result)
            with st.popover("Searches", icon=":material/history:", type="tertiary", key="searches"):
                st.markdown("**Saved**")
                searches.saved()
                st.markdown("**Recent**")
                searches.recent()


def _start() -> None:
    """Nothing was asked yet."""
    with told():
        counts = suite().counts()
        safe.show(
            f'<div class="cx-quiet">{wording.count(counts.documents, "document")}, {wording.count(counts.pages, "page")} '
            f"and {wording.count(counts.passages, 'passage')} can be searched.</div>"
        )
        questions = suite().sample_questions()[:4]
        if questions:
            st.markdown("**Try one of these**")
            with st.container(horizontal=True, gap="small", key="examples"):
                for position, question in enumerate(questions):
                    st.button(
                        safe.label(question),
                        icon=":material/search:",
                        on_click=search_state.put,
                        args=(Asked(question),),
                        key=f"example_{position}",
                    )
    with st.grid(2, min_column_width=320):
        with st.container(border=True, height="stretch"):
            st.markdown("**Recent searches**")
            searches.recent()
        with st.container(border=True, height="stretch"):
            st.markdown("**Saved searches**")
            searches.saved()


def _empty_library() -> None:
    with st.container(border=True, width=760, key="empty_library"):
        st.markdown("### There is nothing to search yet")
        st.markdown(
            "Add files, or load the samples on the home page; each document can be searched as soon as it is done."
        )
        st.page_link(
            _PAGES / "2_Knowledge_Ingest.py", label="Add files", icon=":material/arrow_forward:", icon_position="right"
        )


main()
