"""The models beside the ingest page: what each is, what it needs, and how to get another."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus
from cortex_ui import safe
from cortex_ui.session import suite, told

_TITLES = {
    "embedding": "Embedding model",
    "ocr": "Reading scans and pictures",
    "qwen3-vl embedding": "Qwen3-VL embedding",
    "qwen3-vl reranker": "Qwen3-VL reranker",
}
_BADGES = {
    ModelState.OFF: ("Off", "gray"),
    ModelState.ABSENT: ("Not available", "orange"),
    ModelState.IDLE: ("Loads with its first use", "gray"),
    ModelState.LOADING: ("Loading", "blue"),
    ModelState.HEALTHY: ("Ready", "green"),
    ModelState.UNHEALTHY: ("Cannot be used", "red"),
}
_SETUP = """
**Another embedding model.** Put a sentence-transformers model on this computer, then name its folder in
Settings › Embedding (`embedding_backend` = `sentence_transformer`, `embedding_model` = the folder). New collections use it;
existing ones keep theirs.

**Qwen3-VL** embeds pages as pictures and orders results anew. It wants a graphics card: the weights alone take about 4 GB
for a 2B model and 16 GB for an 8B one. This version shows its state; loading it comes with a later version.
"""


def sidebar() -> None:
    """Draw it below the global status."""
    with st.sidebar, told(), st.expander("Models and setup", icon=":material/info:", key="model_notes"):
        statuses = suite().model_statuses()
        for model in statuses:
            _note(model)
        st.markdown(_SETUP)
        if any(model.state in {ModelState.ABSENT, ModelState.UNHEALTHY} for model in statuses):
            st.button(
                "Check again", icon=":material/refresh:", key="check_models", type="tertiary", on_click=_check_again
            )


def _check_again() -> None:
    with told():
        suite().warm_models()


def _note(model: ModelStatus) -> None:
    word, color = _BADGES[model.state]
    with st.container(gap="xsmall", key=f"model_note_{model.role.replace(' ', '_')}_{model.model_id}"):
        safe.show(f'<div class="cx-quiet">{_TITLES.get(model.role, safe.escape(model.role))}</div>')
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.markdown(f"**{safe.label(model.name)}**", width="content")
            st.badge(word, color=color)  # type: ignore[arg-type]
        facts = "".join(
            f"<div>{safe.escape(name)}: {safe.escape(value)}</div>" for name, value in model.facts.items() if value
        )
        reason = f"<p>{safe.escape(model.reason)}</p>" if model.reason else ""
        safe.show(f'<div class="cx-quiet">{reason}{facts}</div>')
