"""No results: what was searched, what narrows it, and ways on."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cortex_engine.core.search import SearchResult
from cortex_ui import filters, safe, search_state, wording
from cortex_ui.asked import Asked
from cortex_ui.session import suite

_HOW = {
    "words": "for these words",
    "traditional": "by meaning",
    "hybrid": "by meaning and by words",
    "graphrag": "by meaning, by words and by the knowledge graph",
}


def draw(asked: Asked) -> None:
    """The box that stands in place of results."""
    scope = wording.count(suite().count_documents(asked.filters), "document")
    what = {"all": "No passage matches", "text": "No passage matches", "pictures": "No picture matches"}[asked.kind]
    with st.container(border=True, width=760, key="no_results"):
        st.markdown(f"### {what if not asked.picture else 'Nothing looks like this'}")
        text = safe.escape(asked.text.strip())
        how = f"{_HOW[asked.mode]}: <strong>{text}</strong>" if text else "by the picture"
        safe.show(f"<p>{scope} searched {how}</p>")
        if any(mark in asked.text for mark in ('"', " -")):
            st.markdown("A phrase in quotation marks must stand there exactly, and a word after a minus must not.")
        with st.container(horizontal=True, gap="small"):
            _ways_on(asked)


def abstained(asked: Asked, result: SearchResult) -> DeltaGenerator | None:
    """The box above hits that do not answer the question; where they are to be drawn, None while they are folded away."""
    rate = suite().config.miss_rate if result.query.miss_rate is None else result.query.miss_rate
    with st.container(border=True, width=760, key="nothing_answers"):
        where = "in your library" if result.query.filters.empty else "that was searched"
        st.markdown(f"### Nothing {where} answers this")
        safe.show(
            "<p>What comes nearest is further away than the answers to questions that your library does answer. "
            f"At most {rate * 100:g} % of those would be taken for unanswered, too.</p>"
            f'<p class="cx-quiet">Evidence {result.evidence or 0.0:.2f}, and {result.cut or 0.0:.2f} counts as found.</p>'
        )
        with st.container(horizontal=True, gap="small"):
            _ways_on(asked)
    folded = st.expander(
        f"The nearest {'miss' if len(result.hits) == 1 else 'misses'} ({len(result.hits)})",
        on_change="rerun",
        key="misses",
    )
    return folded if folded.open else None


def by_words_alone(asked: Asked) -> bool:
    """Whether words alone are to find a picture, or what looks like one, which they cannot; then says so, and the way on."""
    if asked.mode != "words" or not (asked.picture or asked.kind == "pictures"):
        return False
    with st.container(border=True, width=760, key="no_results"):
        st.markdown("### Words alone do not find pictures")
        safe.show("<p>A picture is compared by meaning: by its look, and by what describes it.</p>")
        with st.container(horizontal=True, gap="small"):
            _instead("By meaning and words", replace(asked, mode="hybrid"), "by_hybrid")
            if asked.text.strip():
                _instead("Only text, by words", replace(asked, kind="text", picture=""), "only_text")
    return True


def _ways_on(asked: Asked) -> None:
    for condition in filters.conditions(asked):
        _instead(f"Without {condition.text}", condition.without, f"without_{condition.key}")
    if not asked.filters.empty:
        _instead("Search everything", filters.cleared(asked), "everything")
    if asked.kind != "all":
        _instead("Text and pictures", replace(asked, kind="all"), "all_kinds")
    if asked.picture and asked.text.strip():
        _instead("Without the picture", replace(asked, picture=""), "without_picture")
    if asked.mode not in ("hybrid", "graphrag"):
        _instead("By meaning and words", replace(asked, mode="hybrid"), "by_hybrid")
    if asked.mode == "traditional" and not asked.picture:
        _instead("By words", replace(asked, mode="words"), "by_words")


def _instead(title: str, asked: Asked, key: str) -> None:
    st.button(safe.label(title), on_click=search_state.put, args=(asked,), key=f"instead_{key}")
