"""How every page speaks of models: words for their states, names of their parts, the commands that set them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus

Colour = Literal["gray", "orange", "blue", "green", "red"]

WORDS = {
    ModelState.OFF: "off",
    ModelState.ABSENT: "not installed",
    ModelState.IDLE: "loads with its first use",
    ModelState.LOADING: "loading",
    ModelState.HEALTHY: "ready",
    ModelState.UNHEALTHY: "cannot be used",
}
"""State -> what people read, in a line of text."""

_COLOURS: dict[ModelState, Colour] = {
    ModelState.OFF: "gray",
    ModelState.ABSENT: "orange",
    ModelState.IDLE: "gray",
    ModelState.LOADING: "blue",
    ModelState.HEALTHY: "green",
    ModelState.UNHEALTHY: "red",
}
_TITLES = {
    "embedding": "Embedding model",
    "ocr": "Reading scans and pictures",
    "qwen3-vl embedding": "Qwen3-VL embedding",
    "qwen3-vl reranker": "Qwen3-VL reranker",
    "reranker": "Reranker",
}
WRONG = frozenset({ModelState.ABSENT, ModelState.UNHEALTHY})
"""States whose reason has to be read."""

_PUBLISHED = "Qwen3-VL-"
_SIZES = {"2B": "about 4 GB", "8B": "about 16 GB"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of setting a model up: what it does, and the command ("" where it is done on a page)."""

    says: str
    command: str = ""


def part(role: str) -> str:
    """ "ocr" -> "Reading scans and pictures"."""
    return _TITLES.get(role, "Model")


def badge(state: ModelState) -> tuple[str, Colour]:
    """Word and colour of a badge."""
    return WORDS[state].capitalize(), _COLOURS[state]


def draw_badge(status: ModelStatus) -> None:
    """The state of a model as a badge."""
    word, colour = badge(status.state)
    st.badge(word, color=colour)


def setup(status: ModelStatus) -> list[Step]:
    """How a model of Qwen3-VL, or another reranker, comes onto this computer and is switched on, command by command."""
    if status.role == "reranker":
        return _other_reranker(status)
    kind = "Reranker" if status.role.endswith("reranker") else "Embedding"
    switch = "QWEN3_VL_RERANKER" if kind == "Reranker" else "QWEN3_VL"
    size = "8B" if status.name.endswith("8B") else "2B"
    name = status.name if status.name.startswith(_PUBLISHED) else f"{_PUBLISHED}{kind}-{size}"
    return [
        Step("Install what it needs, in the folder of Cortex Suite.", "pip install -r requirements-qwen3-vl.txt"),
        Step(f"Fetch its weights once ({_SIZES[size]}); later it works offline.", f"hf download Qwen/{name}"),
        Step(
            "Switch it on in Settings › Qwen3-VL, or in the environment before the application starts.",
            f"export {switch}_ENABLED=true",
        ),
        Step(
            "Only where the weights lie in a folder of their own:",
            f"export {switch}_MODEL=/folder/of/{name}"
            if kind == "Reranker"
            else f"export {switch}_EMBEDDING_MODEL=/folder/of/{name}",
        ),
    ]


def _other_reranker(status: ModelStatus) -> list[Step]:
    if "service" in status.facts.get("Kind", ""):
        return [
            Step("Start the service that orders results anew, or see that it can be reached."),
            Step(
                "Name its address in Settings › Reranking, or in the environment before the application starts.",
                "export CORTEX_RERANKER_URL=http://localhost:8000/v1/rerank",
            ),
            Step("Where it wants a key, the environment holds it.", "export CORTEX_RERANKER_API_KEY=…"),
        ]
    fetched = status.name if "/" in status.name else "BAAI/bge-reranker-v2-m3"
    return [
        Step("Fetch the weights of a cross-encoder once; later it works offline.", f"hf download {fetched}"),
        Step(
            "Name it in Settings › Reranking, or in the environment before the application starts.",
            f"export CORTEX_RERANKER=cross_encoder CORTEX_RERANKER_MODEL={fetched}",
        ),
    ]


def draw_setup(status: ModelStatus) -> None:
    """The steps, each command with a button that copies it."""
    for position, step in enumerate(setup(status), start=1):
        st.markdown(f"{position}. {step.says}")  # our own words
        if step.command:
            st.code(step.command, language=None, wrap_lines=True)
