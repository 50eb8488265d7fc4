"""How files are read: OCR, its language, the size of passages; and which model a collection has."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import IngestOptions, ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CortexError
from cortex_ui import safe
from cortex_ui.session import suite

_SHORT = 128
_WORDS_PER_TOKEN = 0.75
_BY_ITSELF = ""
_LANGUAGES = {
    "zh": "Chinese", "cs": "Czech", "da": "Danish", "nl": "Dutch", "en": "English", "et": "Estonian", "fi": "Finnish",
    "fr": "French", "de": "German", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "la": "Latin", "lv": "Latvian", "lt": "Lithuanian", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "sk": "Slovak", "sl": "Slovenian", "es": "Spanish", "sv": "Swedish", "tr": "Turkish",
    "vi": "Vietnamese",
}  # fmt: skip
"""Of the languages that OCR reads those that are asked for most; the others are recognised by themselves."""


def model_of(spec: EmbeddingSpec | None) -> EmbeddingSpec | None:
    """The model of a collection, or that of new ones; None when it cannot be described (the sidebar says why)."""
    try:
        return spec or suite().default_spec()
    except CortexError:
        return None


def draw(model: EmbeddingSpec | None, new: bool) -> IngestOptions:
    """The options in a popover; `model`: that the collection has, or will have when it is `new`."""
    with st.popover("Options", icon=":material/tune:", key="ingest_options"), st.container(width=380):
        ocr, language = _ocr()
        tokens = _passages(model) if model else 0
        _model(model, new)
    return IngestOptions(ocr=ocr, ocr_language=language, chunk_max_tokens=tokens)


def summary(options: IngestOptions, model: EmbeddingSpec | None) -> str:
    """The options in a line."""
    ocr = "Scans and pictures are read by OCR" if options.ocr else "Scans and pictures are not read"
    if options.ocr and options.ocr_language:
        ocr += f" ({_LANGUAGES[options.ocr_language]})"
    if model is None:
        return ocr
    return f"{ocr} · passages of up to {options.chunk_max_tokens or _standard(model)} tokens · {model.model}"


def _ocr() -> tuple[bool, str]:
    status = next((model for model in suite().model_statuses() if model.role == "ocr"), None)
    absent = status is not None and status.state is ModelState.ABSENT
    ocr = st.toggle(
        "Read scans and pictures (OCR)",
        value=suite().config.ocr and not absent,
        disabled=absent,
        key="ingest_ocr",
        persist_state="session",
    )
    if absent and status is not None:
        safe.show(f'<div class="cx-quiet">{safe.escape(status.reason)}</div>')
    language = st.selectbox(
        "Language of scans",
        [_BY_ITSELF, *_LANGUAGES],
        format_func=lambda code: _LANGUAGES.get(code, "Recognised by itself"),
        disabled=not ocr,
        key="ingest_language",
        persist_state="session",
    )
    safe.show(
        '<div class="cx-quiet">One model reads printed Latin letters, Chinese and Japanese; the language only helps scans '
        "too short to tell. It does not read Cyrillic, Greek, Arabic, Hebrew, Korean, Indian scripts or handwriting.</div>"
    )
    return ocr, (language or _BY_ITSELF) if ocr else _BY_ITSELF


def _standard(model: EmbeddingSpec) -> int:
    """Longest passage in tokens when nothing is chosen."""
    return min(suite().config.chunk_max_tokens or model.max_tokens, model.max_tokens)


def _passages(model: EmbeddingSpec) -> int:
    """Longest passage in tokens; 0 for the setting."""
    standard, most = _standard(model), model.max_tokens
    sizes = {"Standard": standard}
    if standard > _SHORT:
        sizes = {"Short": _SHORT, **sizes}
    if most > standard:
        sizes["Long"] = most
    chosen = st.segmented_control(
        "Passages, in tokens",
        list(sizes),
        default="Standard",
        required=True,
        format_func=lambda size: f"{size} · {sizes[size]:,}",
        key="ingest_passages",
        persist_state="session",
    )
    if chosen not in sizes:  # kept from a collection whose model reads more
        chosen = "Standard"
    tokens = sizes[chosen]
    remark = "" if "Long" in sizes else f" {model.model} reads no longer ones."
    safe.show(
        f'<div class="cx-quiet">At most about {round(tokens * _WORDS_PER_TOKEN, -1):,.0f} words. Short passages point to a '
        f"place more exactly, long ones keep more of what stands around it.{safe.escape(remark)}</div>"
    )
    return 0 if chosen == "Standard" else tokens


def _model(model: EmbeddingSpec | None, new: bool) -> None:
    name = model.model if model else "cannot be had now; the sidebar says why"
    which = "the one in Settings, for a new collection" if new else "as the collection has it"
    safe.show(
        f'<div>Embedding model: <span class="cx-name">{safe.escape(name)}</span></div><div class="cx-quiet">It is {which}: '
        "vectors of different models cannot be compared.</div>"
    )
