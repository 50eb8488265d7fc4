""" "Why not this one?": a document that did not come back, the stage where it fell, and a button that brings it back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_engine.core.flights import Cause, Remedy, Suggestion, WhyNot
from cortex_engine.core.search import Filters, Query
from cortex_ui import safe, search_state, standing
from cortex_ui.asked import from_query
from cortex_ui.session import suite, told

_INGEST = Path(__file__).parents[1] / "pages" / "2_Knowledge_Ingest.py"
_LISTED = 2000
"""Documents that the list offers; any other is typed."""
_WIDTH = 760
_ASKED, _TROUBLE = "why_asked", "why_trouble"
_WORDS = {
    Cause.FOUND: ("It did come back", "green", "check_circle"),
    Cause.NOT_INGESTED: ("Not in the library", "orange", "inventory_2"),
    Cause.PAGE_FAILED: ("The page could not be read", "orange", "broken_image"),
    Cause.NOT_EMBEDDED: ("No vectors yet", "orange", "hourglass_top"),
    Cause.OTHER_COLLECTION: ("In another collection", "blue", "folder_open"),
    Cause.FILTERED: ("Filtered out", "blue", "filter_list"),
    Cause.BELOW_THE_CUT: ("Below the cut", "violet", "vertical_align_bottom"),
    Cause.LOST_IN_RECALL: ("Lost in recall", "violet", "search_off"),
    Cause.LOST_IN_FUSION: ("Lost in fusion", "violet", "call_merge"),
    Cause.LOST_IN_RERANK: ("Lost in reranking", "violet", "swap_vert"),
    Cause.GROUPED: ("Another passage stands for it", "blue", "layers"),
}
_ICONS = {Remedy.SEARCH: "search", Remedy.RETRY: "refresh", Remedy.ADD: "library_add"}


def panel(query: Query) -> None:
    """The expander below the results, and where nothing was found."""
    _panel(query)


@st.fragment
def _panel(query: Query) -> None:
    expander = st.expander("Why not this one?", icon=":material/help:", on_change="rerun", key="why_not")
    if not expander.open:
        return
    with expander, told():
        _choose()
        document, page = str(st.session_state.get("why_document") or "").strip(), st.session_state.get("why_page") or 0
        if document:
            with st.container(key="why_answer", width=_WIDTH, gap="small"):
                _answer(_asked(query, document, int(page)))


def _choose() -> None:
    names = {document.id: document.name for document in suite().documents(Filters(), limit=_LISTED)}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", width=_WIDTH, key="why_row"):
        st.selectbox(
            "Which document?",
            list(names),
            index=None,
            format_func=lambda each: safe.one_line(names.get(str(each), str(each))),
            placeholder="Choose one, or type a file's name",
            accept_new_options=True,
            key="why_document",
        )
        st.number_input(
            "Page", min_value=1, max_value=1_000_000, value=None, placeholder="any", width=120, key="why_page"
        )


def _asked(query: Query, document: str, page: int) -> WhyNot:
    """The answer, asked for again only when something is another."""
    key = (query, document, page, suite().moment())
    kept = st.session_state.get(_ASKED)
    if kept is None or kept[0] != key:
        with st.spinner("Looking where it fell…"):
            answer = suite().why_not(query, document, page)
        # What waits or was refused changes without the library changing.
        kept = (key, answer)
        if answer.cause not in (Cause.NOT_INGESTED, Cause.PAGE_FAILED, Cause.NOT_EMBEDDED):
            st.session_state[_ASKED] = kept
    found: WhyNot = kept[1]
    return found


def _answer(answer: WhyNot) -> None:
    word, colour, icon = _WORDS[answer.cause]
    st.badge(word, icon=f":material/{icon}:", color=colour)  # type: ignore[arg-type]
    safe.show(f'<div role="status">{safe.escape(safe.one_line(answer.sentence))}</div>')
    with st.container(horizontal=True, gap="small", key="why_ways"):
        for position, suggestion in enumerate(answer.suggestions):
            _way(suggestion, position)
    if answer.standings:
        safe.show(table(answer))
    if trouble := st.session_state.pop(_TROUBLE, ""):
        st.error(safe.label(trouble), icon=":material/error:")


def _way(suggestion: Suggestion, position: int) -> None:
    if suggestion.remedy is Remedy.INGEST:
        st.page_link(_INGEST, label=safe.label(suggestion.title), icon=":material/note_add:")
    elif suggestion.remedy is Remedy.WAIT:
        st.markdown(f":material/hourglass_top: {safe.label(suggestion.title)}", width="content")
    else:
        st.button(
            safe.label(suggestion.title),
            icon=f":material/{_ICONS[suggestion.remedy]}:",
            type="secondary" if position else "primary",
            on_click=_apply,
            args=(suggestion,),
            key=f"why_apply_{position}",
        )


def _apply(suggestion: Suggestion) -> None:
    """Change the search, or take the file in again (an `on_click` callback); an error is told below the answer."""
    try:
        query = suite().bring_back(suggestion)
    except CortexError as error:
        st.session_state[_TROUBLE] = str(error)
        return
    if suggestion.remedy is Remedy.SEARCH and query is not None:
        now = search_state.gathered()
        search_state.put(replace(from_query(query), sort=now.sort))
    elif suggestion.remedy is Remedy.RETRY:
        st.toast("It is in the queue, and can be found when it has been read.", icon=":material/refresh:")
    else:
        st.toast("Added to the collection.", icon=":material/library_add:")
    st.rerun()  # the panel is a fragment, the search belongs to the page


def table(answer: WhyNot) -> str:
    """HTML of where it stands in each stage, and what would have been enough there."""
    rows = "".join(
        f"<tr><th>{safe.escape(standing.stage_name(stage))}</th><td>{f'{rank:,}' if rank else '–'}</td>"
        f"<td>{score:.3f}</td><td>{'' if needed is None else f'{needed:.3f}'}</td></tr>"
        for stage, (rank, score, needed) in answer.standings.items()
    )
    head = "<tr><th>Stage</th><th>Rank</th><th>Score</th><th>Enough would be</th></tr>"
    return f'<table class="cx-facts"><thead>{head}</thead><tbody>{rows}</tbody></table>'
