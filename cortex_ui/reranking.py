"""The reranker beside the search: whether it orders results anew, how many, where it stands, how to set it up."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus
from cortex_ui import model_words, safe
from cortex_ui.asked import KEYS, MOST_RERANKED, Asked
from cortex_ui.session import suite

_PAGES = Path(__file__).parents[1] / "pages"


def loading(asked: Asked) -> ModelStatus | None:
    """The reranker while a search that wants it would wait for it."""
    status = suite().reranker_status()
    return status if asked.rerank is not False and status.state is ModelState.LOADING else None


def sidebar() -> None:
    """Toggle, numbers, state."""
    status = suite().reranker_status()
    with st.container(key="reranking", gap="xsmall"):
        if status.state is ModelState.OFF:
            safe.show('<div class="cx-quiet">No reranker orders results anew.</div>')
            st.page_link(
                _PAGES / "Settings.py", label="Switch one on in Settings › Reranking", icon=":material/swap_vert:"
            )
            return
        on = st.toggle(
            "Order results anew",
            help="The best candidates are read again together with the question, which takes longer and orders them better.",
            key=KEYS["rerank"],
        )
        _state(status)
        if on and status.state not in model_words.WRONG:
            _numbers()


def _state(status: ModelStatus) -> None:
    device = status.facts.get("Device", "")
    facts = " · ".join(filter(None, [model_words.WORDS[status.state], f"on {device}" if device else ""]))
    dot = f'<span class="cx-dot {status.state}"></span>'
    safe.show(f'<div class="cx-quiet">{dot}{safe.escape(status.name)}<br>{safe.escape(facts)}</div>')
    if status.state in model_words.WRONG:
        with st.expander("Why, and how to set it up", icon=":material/build:", key="reranker_setup"):
            safe.show(f'<div class="cx-reason">{safe.escape(status.reason)}</div>')
            model_words.draw_setup(status)
            st.button("Try it again", icon=":material/refresh:", type="tertiary", on_click=_again, key="reranker_again")


def _again() -> None:
    """Load it once more (an `on_click` callback); its state says how that ended."""
    suite().load_models("reranker")


def _numbers() -> None:
    with st.container(horizontal=True, gap="small"):
        st.number_input(
            "Candidates",
            min_value=1,
            max_value=MOST_RERANKED,
            step=5,
            width=100,
            help="So many of the best are read again. More find more, and take longer.",
            key=KEYS["candidates"],
        )
        st.number_input(
            "Results",
            min_value=1,
            max_value=MOST_RERANKED,
            step=1,
            width=100,
            help="So many leave the reranker, in its order; the others follow in their former order.",
            key=KEYS["best"],
        )
