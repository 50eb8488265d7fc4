"""The question box, what is searched for answers, and who writes them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.app import ModelState
from cortex_engine.core.collections import Collection
from cortex_ui import ask_state, safe, wording
from cortex_ui.session import suite, told

_PAGES = Path(__file__).parents[1] / "pages"
_FEW = 2


def draw(collections: list[Collection]) -> None:
    """The question, and what it is asked of."""
    ask_state.fill_box()
    st.chat_input(
        "Ask your documents",
        key=ask_state.BOX,
        max_chars=ask_state.LONGEST,
        disabled=not collections,
        on_submit=ask_state.sent,
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="ask_how"):
        scope = ask_state.scope()
        with st.popover(
            _collections_in_words(scope.collections), icon=":material/folder_open:", type="tertiary", key="ask_scope"
        ):
            st.multiselect(
                "Collections",
                [each.name for each in collections],
                format_func=safe.one_line,
                placeholder="All collections",
                key=ask_state.IN,
            )
        with st.popover(ask_state.MODES[scope.mode], icon=":material/tune:", type="tertiary", key="ask_options"):
            _options()
        _who_writes(scope.extractive)
    ask_state.settle()


def _collections_in_words(names: tuple[str, ...]) -> str:
    """What the button that opens the choice of collections says."""
    if not names:
        return "All collections"
    return safe.label(", ".join(names)) if len(names) <= _FEW else wording.count(len(names), "collection")


def _options() -> None:
    """How passages are found and how many are read."""
    st.segmented_control(
        "Way of searching",
        list(ask_state.MODES),
        required=True,
        format_func=ask_state.MODES.__getitem__,
        help="Hybrid: by meaning and by words. GraphRAG: also what the knowledge graph connects with these. Traditional: by "
        "meaning alone.",
        key=ask_state.MODE,
    )
    st.slider("Passages that are read", 1, 20, key=ask_state.SOURCES)
    st.toggle(
        "Quotes only",
        help="The best sentences of your documents, word for word. Nothing is sent to a model.",
        key=ask_state.QUOTES,
    )


def _who_writes(extractive: bool) -> None:
    """Whether a model writes, and where it is; where none does, the way to the settings."""
    with told():
        model = suite().chat_status()
        if extractive:
            _say("Answers are quotes; nothing is sent to a model.")
        elif model.state is ModelState.OFF:
            _say("Answers are quotes: no model is set up to write them.")
            st.page_link(_PAGES / "Settings.py", label="Set one up", query_params={"group": "Answers"})
        elif not model.name:
            _say(f"Answers are quotes: {model.reason}")
        else:
            wrong = f" {model.reason}" if model.state in {ModelState.ABSENT, ModelState.UNHEALTHY} else ""
            _say(f"Questions and the passages found are sent to {safe.one_line(model.name)}.{wrong}")


def _say(sentence: str) -> None:
    with st.container(width="content"):
        safe.show(f'<span class="cx-quiet">{safe.escape(sentence)}</span>')
