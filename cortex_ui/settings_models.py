"""Above the settings of models: where each of them stands now, so that a switch and what it does stand together."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus
from cortex_ui import model_words, safe
from cortex_ui.session import suite, told

_ROLES = {
    "Qwen3-VL": ("qwen3-vl embedding", "qwen3-vl reranker"),
    "Embedding": ("embedding",),
    "Reranking": ("reranker",),
}
"""Group of settings -> roles of the models that they are about."""

_ANSWERS = "Answers"
_SECTIONS = {
    "qwen3_vl_enabled": "Embedding: text and pictures in one space",
    "qwen3_vl_reranker_enabled": "Reranking: the best results are read again",
    "qwen3_vl_device": "How both run",
}
_SECONDS = 2.0


def section(key: str) -> str:
    """The heading that stands above a setting, "" for none."""
    return _SECTIONS.get(key, "")


def draw(group: str) -> None:
    """The models that a group of settings is about; it follows by itself while one loads."""
    if group == _ANSWERS:
        _chat()
    if group in _ROLES:
        loading = any(each.state is ModelState.LOADING for each in _of(group))
        st.fragment(_models, run_every=_SECONDS if loading else None)(group)


def _chat() -> None:
    """What writes answers under the settings in force, or why nothing does."""
    with told(), st.container(key="models_of_answers"):
        model = suite().chat_status()
        line = f"Answers are written by {model.name}. {model.reason}" if model.name else model.reason
        safe.show(f'<div class="cx-quiet">{safe.escape(line)}</div>')


def _of(group: str) -> list[ModelStatus]:
    found = [each for each in suite().model_statuses() if each.role in _ROLES[group]]
    return found if group != "Reranking" else [suite().reranker_status()]


def _models(group: str) -> None:
    with told(), st.container(key=f"models_of_{group.lower().replace('-', '_')}", gap="small"):
        statuses = _of(group)
        for status in statuses:
            _state(status)
        if any(each.state in model_words.WRONG for each in statuses):
            st.button(
                "Check again",
                type="tertiary",
                icon=":material/refresh:",
                key=f"settings_check_{group.lower()}",
                on_click=_again,
            )


def _state(status: ModelStatus) -> None:
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.markdown(f"**{safe.label(status.name)}**", width="content")
            model_words.draw_badge(status)
        facts = [model_words.part(status.role)]
        facts += [status.facts.get(name, "") for name in ("Device", "Precision", "Free memory")]
        lines = [" · ".join(filter(None, facts)), status.reason]
        safe.show("".join(f'<div class="cx-quiet">{safe.escape(line)}</div>' for line in lines if line))


def _again() -> None:
    with told():
        suite().load_models()
