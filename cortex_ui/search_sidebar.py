"""What a search is made with: the models of the collections asked, the reranker, how pictures count."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_ui import certificate, model_words, picture_query, reranking, safe, wording
from cortex_ui.asked import KEYS, Asked
from cortex_ui.session import suite, told

_PREFETCHES = {"": "Look and description", "picture": "Look", "description": "Description"}


def draw(collections: Sequence[Collection], asked: Asked) -> None:
    """Below the states of all models."""
    with st.sidebar.container(key="search_models", gap="small"), told():
        searched = [each for each in collections if not asked.collections or each.name in asked.collections]
        specs = {each.spec.id: each.spec for each in searched}
        if specs:
            safe.show('<div class="cx-side">Searched with</div>')
            with st.container(gap="xsmall", key="search_embedding"):
                _models(list(specs.values()))
                certificate.line(specs)
        reranking.sidebar()
        if picture_query.sees(collections, asked):
            _pictures()


def _models(specs: list[EmbeddingSpec]) -> None:
    statuses = {status.model_id: status for status in suite().model_statuses() if status.model_id}
    for spec in specs:
        status = statuses.get(spec.id)
        safe.show(f"<div>{safe.escape(spec.model)}</div>{_facts(spec, status)}")


def _facts(spec: EmbeddingSpec, status: ModelStatus | None) -> str:
    """HTML of what people want to know of the model: what it reads, its vectors, where it runs, how it is."""
    reads = "text and pictures" if spec.sees else "text only"
    device = (status.facts.get("Device") or status.facts.get("Runs on", "")).split(" (")[0] if status else ""
    facts = [
        f"{wording.number(spec.dimension)} dimensions",
        reads,
        f"on {device}" if device else "",
    ]
    line = safe.escape(" · ".join(filter(None, facts)))
    if status is None:
        return f'<div class="cx-quiet">{line}</div>'
    state = f'<span class="cx-dot {status.state}"></span>{model_words.WORDS[status.state]}'
    wrong = status.state in {ModelState.ABSENT, ModelState.UNHEALTHY} and status.reason
    reason = f'<div class="cx-quiet">{safe.escape(status.reason)}</div>' if wrong else ""
    return f'<div class="cx-quiet">{line}</div><div class="cx-quiet">{state}</div>{reason}'


def _pictures() -> None:
    with st.container(gap="xsmall", key="search_pictures"):
        safe.show('<div class="cx-side">Pictures</div>')
        st.selectbox(
            "Find them by",
            list(_PREFETCHES),
            format_func=_PREFETCHES.__getitem__,
            help="Which of a picture's two vectors brings it among the candidates; both then count in its score.",
            key=KEYS["prefetch"],
        )
        st.slider(
            "Weight of the look",
            min_value=0.0,
            max_value=1.0,
            step=0.05,
            format="percent",
            help="How much a picture's own look counts in its score; the rest is its description's.",
            key=KEYS["weight"],
        )
