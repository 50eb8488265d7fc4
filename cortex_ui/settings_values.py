"""Settings as the page works with them: what the file says now, what the open library still uses, saving, putting back."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from cortex_engine.config import (
    COMMAND_LINE,
    CortexConfig,
    LoadedConfig,
    SettingState,
    load_config,
    reset_setting,
    save_setting,
)
from cortex_engine.core.errors import CortexError
from cortex_ui.session import suite

NEED_RESTART = frozenset({"data_dir", "log_level", "server_address", "server_port", "server_proxy", "parse_file_bytes"})
"""Read when the program starts: opening the library again is not enough."""

_SPELLINGS = {
    "ocr": "OCR",
    "api": "API",
    "qwen3": "Qwen3-VL",
    "vl": "",
    "mrl": "Matryoshka",
    "dim": "dimension",
    "dir": "folder",
}
_TITLES = {
    "graph_enabled": "Knowledge graph",
    "entity_extractor": "What finds names",
    "spacy_model": "spaCy model",
    "chat_api_base": "Address of the chat model",
    "chat_model": "Chat model",
    "chat_timeout_s": "Seconds that the chat model may be silent",
    "answer_max_tokens": "Longest answer",
    "answer_temperature": "Freedom of the wording",
    "explain_hits": "Say why results fit",
    "miss_rate": "Answerable questions that may be missed",
    "recall_bound": "Least measured recall",
    "recall_sampling": "Share of searches that are measured",
    "flights": "Recorded searches",
    "data_dir": "Folder of the library",
    "min_free_bytes": "Room to keep free on the disk",
    "embedding_query_instruction": "Text before queries",
    "embedding_document_instruction": "Text before passages",
    "embedding_device": "Device of the model",
    "embedding_batch_size": "Passages a step",
    "offline": "Never ask a model hub",
    "exact_below": "Scan exactly up to",
    "candidates": "Candidates of each recaller",
    "fusion": "How rankings are joined",
    "max_per_document": "Most passages of one document",
    "chunk_max_tokens": "Longest passage",
    "ocr": "Read scans and pictures (OCR)",
    "parse_workers": "Files read at the same time",
    "parse_memory_bytes": "Memory to read one file",
    "parse_wall_seconds": "Seconds to read one file",
    "parse_file_bytes": "Largest file",
    "log_level": "How much is logged",
    "api_requests_per_minute": "Requests a minute",
    "api_upload_bytes": "Largest upload over HTTP",
    "api_body_seconds": "Seconds that a request may stand still",
    "server_address": "Address to listen on",
    "server_port": "Port",
    "server_proxy": "Reverse proxy",
    "qwen3_vl_enabled": "Qwen3-VL for new collections",
    "qwen3_vl_model_size": "Size of the Qwen3-VL embedding model",
    "qwen3_vl_dtype": "Qwen3-VL precision",
    "qwen3_vl_max_pixels": "Largest picture in pixels",
    "qwen3_vl_reranker_enabled": "Rerank with Qwen3-VL",
    "qwen3_vl_reranker_size": "Size of the Qwen3-VL reranker",
    "qwen3_vl_reranker_top_k": "Results that leave the reranker",
    "qwen3_vl_reranker_candidates": "Candidates that enter the reranker",
    "qwen3_vl_embed_batch_size": "Inputs a step of Qwen3-VL embedding",
    "qwen3_vl_rerank_batch_size": "Pairs a step of Qwen3-VL reranking",
    "reranker_url": "Address of the rerank service",
    "reranker_model": "Model of the reranker",
    "page_pictures": "Embed pages as pictures",
    "picture_weight": "Weight of a picture's look",
    "describe_pictures": "Describe pictures by a model",
    "vision_api_base": "Address of the vision model",
    "vision_model": "Name of the vision model",
}
_ERRORS = "settings_errors"


def current() -> LoadedConfig:
    """What file and environment say now; the open library may have been opened before that.

    Raises:
        ConfigError: the file was damaged since.
    """
    running = suite().loaded
    return load_config(running.config.data_dir if running.sources.get("data_dir") == COMMAND_LINE else None)


def pending(loaded: LoadedConfig) -> list[str]:
    """Settings that the open library does not follow yet."""
    running = suite().config
    return [key for key in CortexConfig.model_fields if getattr(loaded.config, key) != getattr(running, key)]


def title(key: str) -> str:
    """ "parse_file_bytes" -> "Largest file", "qwen3_vl_mrl_dim" -> "Qwen3-VL Matryoshka dimension"."""
    if key in _TITLES:
        return _TITLES[key]
    words = [_SPELLINGS.get(word, word) for word in key.split("_")]
    text = " ".join(word for word in words if word)
    return text[:1].upper() + text[1:]


def kind(key: str) -> str:
    """ "switch", "whole", "number", "text", "folder" or "choice"."""
    annotation = CortexConfig.model_fields[key].annotation
    if get_origin(annotation) is Literal:
        return "choice"
    kinds = [each for each in get_args(annotation) or (annotation,) if each is not NoneType]
    return {bool: "switch", int: "whole", float: "number", str: "text", Path: "folder"}[kinds[0]]


def choices(key: str) -> tuple[str, ...]:
    """The words that a choice allows."""
    return get_args(CortexConfig.model_fields[key].annotation)


def may_be_null(key: str) -> bool:
    """Whether the setting may be left to the program."""
    return NoneType in get_args(CortexConfig.model_fields[key].annotation)


def limits(key: str) -> tuple[float | None, float | None]:
    """Smallest and largest value that fits, None for no limit."""
    found: dict[str, float] = {}
    for limit in CortexConfig.model_fields[key].metadata:
        for name in ("ge", "gt", "le", "lt"):
            if hasattr(limit, name):
                found[name] = getattr(limit, name)
    return found.get("ge", found.get("gt")), found.get("le", found.get("lt"))


def read_only(state: SettingState) -> bool:
    """Whether something that wins over the file decides."""
    return state.source in {"environment", COMMAND_LINE}


def save(key: str, value: Any) -> None:
    """Write a setting; what is wrong with it is kept for `error`, and what was typed stays in the field."""
    forget_error(key)
    try:
        save_setting(current(), key, value)
    except CortexError as error:
        st.session_state[_ERRORS] = {**st.session_state.get(_ERRORS, {}), key: str(error)}
    else:
        st.toast(f"Saved: {title(key)}", icon=":material/check_circle:")


def put_back(key: str) -> None:
    """Let the default hold again, in the field too."""
    forget_error(key)
    st.session_state.pop(f"setting_{key}", None)
    try:
        reset_setting(current(), key)
    except CortexError as error:
        st.session_state[_ERRORS] = {**st.session_state.get(_ERRORS, {}), key: str(error)}
    else:
        st.toast(f"Back to the default: {title(key)}", icon=":material/check_circle:")


def forget_error(key: str) -> None:
    """Nothing is wrong with the setting any more."""
    st.session_state[_ERRORS] = {name: text for name, text in st.session_state.get(_ERRORS, {}).items() if name != key}


def error(key: str) -> str:
    """Why the last value was not saved, or ""; without the part that the page shows anyway."""
    sentence = str(st.session_state.get(_ERRORS, {}).get(key, ""))
    return sentence.rpartition(" cannot be used. ")[2]
