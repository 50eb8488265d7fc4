"""Knowledge Search: ask, look at the passages, open the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from cortex_engine.core.app import ModelState
from cortex_engine.core.collections import Collection
from cortex_engine.core.search import Filters, SearchMode, SearchResult
from cortex_ui import drawer, exporting, filters, hits, safe, search_state, searches, trace, wording
from cortex_ui.search_state import Asked
from cortex_ui.session import suite, told

_PAGES = Path(__file__).parent
_WIDTH = 1080


def main() -> None:
    """The page."""
    st.title("Knowledge Search")
    collections = suite().collections()
    search_state.take_over([collection.name for collection in collections])
    with st.container(width=_WIDTH, gap="small"):
        filters.draw(collections, _facets)
        asked = search_state.settle()
        filters.chips(asked)
        for remark in search_state.remarks():
            st.info(safe.label(remark), icon=":material/link_off:")
        with st.container(key="results"):
            if not any(collection.document_count for collection in collections):
                _empty_library()
            elif asked.text.strip():
                _results(asked)
            else:
                _start()
    _sidebar(asked, collections)
    drawer.show_opened()


def _facets():  # type: ignore[no-untyped-def]
    return suite().facets(Filters(collections=search_state.gathered().collections))


def _results(asked: Asked) -> None:
    query = asked.query()
    if asked.mode != "words" and not suite().embedding_ready(asked.collections):
        query = replace(query, mode=SearchMode.LEXICAL)
        _refining(asked.collections)
    with told():
        result = search_state.found(query)
        search_state.remember(asked.query(), len(result.hits))
        result = hits.arranged(result, asked.sort)
        for warning in result.warnings:
            st.warning(safe.label(warning), icon=":material/warning:")
        if result.hits:
            _head(asked, result)
            hits.draw(result)
        else:
            _nothing(asked)
            if suite().queue_progress().busy:
                _until_more_is_there(suite().moment())
        trace.panel(result)


@st.fragment(run_every="2s")
def _until_more_is_there(moment: tuple[object, ...]) -> None:
    """Nothing was found while files are being added: search again when more of them can be found."""
    if suite().moment() != moment:
        st.rerun()


@st.fragment(run_every="1s")
def _refining(collections: tuple[str, ...]) -> None:
    """Says that words alone were searched, and has the page drawn again as soon as the model is ready."""
    if suite().embedding_ready(collections):
        st.rerun()
    names = [model.name for model in suite().model_statuses() if model.role == "embedding"]
    waiting = [model.name for model in suite().model_statuses() if model.state is ModelState.LOADING]
    name = next((name for name in names if name in waiting), names[0] if names else "the model")
    with st.container(key="refining"):
        st.info(f"Keyword results; refining when {safe.label(name)} is ready.", icon=":material/hourglass_top:")


def _head(asked: Asked, result: SearchResult) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="head"):
        safe.show(f'<div class="cx-quiet" role="status">{safe.escape(hits.count_line(result))}</div>')
        with st.container(horizontal=True, gap="small", width="content"):
            searches.keep(asked)
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


def _nothing(asked: Asked) -> None:
    """No results: what was searched, what narrows it, and ways on."""
    scope = suite().count_documents(asked.filters)
    with st.container(border=True, width=760, key="no_results"):
        st.markdown("### No passage matches")
        documents = wording.count(scope, "document")
        how = {"words": "for these words", "meaning": "by meaning", "hybrid": "by meaning and by words"}[asked.mode]
        safe.show(f"<p>{documents} searched {how}: <strong>{safe.escape(asked.text.strip())}</strong></p>")
        if any(mark in asked.text for mark in ('"', " -")):
            st.markdown("A phrase in quotation marks must stand there exactly, and a word after a minus must not.")
        with st.container(horizontal=True, gap="small"):
            for condition in filters.conditions(asked):
                _instead(f"Without {condition.text}", condition.without, f"without_{condition.key}")
            if not asked.filters.empty:
                _instead("Search everything", filters.cleared(asked), "everything")
            if asked.mode != "hybrid":
                _instead("By meaning and words", replace(asked, mode="hybrid"), "by_hybrid")
            if asked.mode == "meaning":
                _instead("By words", replace(asked, mode="words"), "by_words")


def _instead(title: str, asked: Asked, key: str) -> None:
    st.button(safe.label(title), on_click=search_state.put, args=(asked,), key=f"instead_{key}")


def _sidebar(asked: Asked, collections: list[Collection]) -> None:
    """Which model the searched collections speak, and whether a reranker orders the results anew."""
    searched = [each for each in collections if not asked.collections or each.name in asked.collections]
    specs = {each.spec.id: each.spec for each in searched}
    lines = [f"Vectors by {spec.model}, {wording.number(spec.dimension)} dimensions" for spec in specs.values()]
    reranker = next((each for each in suite().model_statuses() if each.role.endswith("reranker")), None)
    state = f"{reranker.name}, {reranker.state}" if reranker and reranker.state is not ModelState.OFF else "off"
    lines.append(f"Neural reranking: {state}. {reranker.reason if reranker else ''}".strip())
    with st.sidebar.container(key="search_models", gap="xsmall"):
        for line in lines:
            safe.show(f'<div class="cx-quiet">{safe.escape(line)}</div>')


main()
