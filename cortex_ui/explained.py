"""Why each of the first results fits, as the chat model says: shown when it is there, never waited for."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.search import Query, SearchHit, SearchResult, SearchTrace
from cortex_ui import safe
from cortex_ui.session import suite

_SECONDS = 2.0
_FIRST = 5


def follow(result: SearchResult) -> None:
    """Look again while explanations are being written; the page is drawn once more when the last one is there."""
    if suite().config.explain_hits and "" in suite().explanations(result).values():
        st.fragment(_wait, run_every=_SECONDS)(result)


def _wait(result: SearchResult) -> None:
    if "" not in suite().explanations(result).values():
        st.rerun()


def draw(hit: SearchHit, query: Query) -> None:
    """The line below a passage; nothing where there is none."""
    if not suite().config.explain_hits or hit.rank > _FIRST:
        return
    told = suite().explanations(SearchResult(query, (hit,), SearchTrace())).get(hit.chunk_id)
    if told is None:
        return
    words = f"Why: {told}" if told else "Why it fits is being written …"
    name = f" ({suite().chat_status().name})" if told else ""
    safe.show(f'<div class="cx-quiet" dir="auto">{safe.escape(safe.one_line(words + name))}</div>')
