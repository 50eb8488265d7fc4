"""Settings of the knowledge graph and of answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from cortex_engine.settings.field import setting


class GraphSettings(BaseModel):
    """How entities and relations are found."""

    graph_enabled: bool = setting(
        True,
        "Extract entities and relations from documents, for the knowledge graph and for GraphRAG searches.",
        "Knowledge graph",
        "CORTEX_GRAPH",
        "Documents that are there already are read when it is switched on.",
    )
    entity_extractor: Literal["auto", "rules", "spacy", "llm"] = setting(
        "auto",
        "What finds names: `rules` (nothing to download), `spacy` (the installed model below), `llm` (the chat model of answers; "
        "every passage is sent there, which `auto` never does), or `auto`: the spaCy model where it is installed, else rules.",
        "Knowledge graph",
        "CORTEX_ENTITY_EXTRACTOR",
        "All documents are read anew in the background.",
    )
    spacy_model: str = setting(
        "en_core_web_sm",
        "Name of the installed spaCy model (`python -m spacy download en_core_web_sm`).",
        "Knowledge graph",
        "CORTEX_SPACY_MODEL",
        "All documents are read anew in the background.",
        min_length=1,
    )


class AnswerSettings(BaseModel):
    """What writes answers."""

    chat_api_base: str = setting(
        "",
        "Address of an OpenAI-compatible endpoint that writes answers; it ends in `/v1`. Empty for the one that describes "
        "pictures (`RUNPOD_API_BASE`), or, where `OPENAI_API_KEY` and `chat_model` are set, OpenAI's own. Without any, answers "
        "quote the best sentences. Its key comes only from the environment variable `CORTEX_CHAT_API_KEY`; `RUNPOD_API_KEY` and "
        "`OPENAI_API_KEY` go to the hosts they belong to.",
        "Answers",
        "CORTEX_CHAT_API_BASE",
        "Questions and the passages found for them are sent there.",
    )
    chat_model: str = setting(
        "",
        "The name by which that endpoint knows its model; empty for `vision_model`.",
        "Answers",
        "CORTEX_CHAT_MODEL",
    )
    chat_timeout_s: float = setting(
        60.0,
        "Seconds that the endpoint may be silent before it is given up.",
        "Answers",
        "CORTEX_CHAT_TIMEOUT",
        ge=1,
        le=600,
    )
    answer_max_tokens: int = setting(
        800, "Longest answer, in the model's tokens.", "Answers", "CORTEX_ANSWER_MAX_TOKENS", ge=50, le=8000
    )
    answer_temperature: float = setting(
        0.0, "How freely the model words its answers.", "Answers", "CORTEX_ANSWER_TEMPERATURE", ge=0, le=2
    )
    explain_hits: bool = setting(
        False,
        "Have the chat model say in the background why each of the first five results fits; nothing waits for it.",
        "Answers",
        "CORTEX_EXPLAIN_HITS",
        "The search and the five passages are sent to the chat endpoint.",
    )
