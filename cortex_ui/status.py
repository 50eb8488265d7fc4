"""The state of models and queue, in the sidebar of every page."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus, QueueProgress
from cortex_ui import model_words, safe, wording
from cortex_ui.session import suite, told

_BUSY_SECONDS, _IDLE_SECONDS = 1.5, 6.0


def sidebar() -> None:
    """Draw it; it follows by itself, more often while something happens."""
    with st.sidebar, told():
        busy = suite().queue_progress().busy or any(
            model.state is ModelState.LOADING for model in suite().model_statuses()
        )
        st.fragment(_draw, run_every=_BUSY_SECONDS if busy else _IDLE_SECONDS)()


def _draw() -> None:
    with told():
        with st.container(key="status_queue", gap="xsmall"):
            queue(suite().queue_progress())
        with st.container(key="status_models", gap="xsmall"):
            models(suite().model_statuses())


def queue(progress: QueueProgress) -> None:
    """What the queue does now; nothing when it is empty."""
    if progress.trouble:
        st.warning(safe.label(progress.trouble), icon=":material/warning:")
    if progress.total > progress.done:
        word = "Paused" if progress.paused else "Adding files"
        st.progress(
            progress.done / progress.total, text=f"{word}: {progress.done} of {wording.number(progress.total)} done"
        )


def models(statuses: list[ModelStatus]) -> None:
    """A line for each model that people choose, its reason on hover and, when something is wrong, in full."""
    for model in statuses:
        if model.role == "ocr" and model.state in {ModelState.IDLE, ModelState.HEALTHY, ModelState.OFF}:
            continue
        name = "Qwen3-VL" if model.role.startswith("qwen3-vl") else model.name
        part = " reranker" if model.role.endswith("reranker") else ""
        line = f"{safe.escape(name)}{part} · {model_words.WORDS[model.state]}"
        title = f' title="{safe.escape(model.reason)}"' if model.reason else ""
        safe.show(f'<div class="cx-quiet"{title}><span class="cx-dot {model.state}"></span>{line}</div>')
        if model.state in model_words.WRONG and model.reason:
            safe.show(f'<div class="cx-quiet">{safe.escape(model.reason)}</div>')
