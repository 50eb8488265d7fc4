"""How files are read: OCR, its language, the size of passages, pages as pictures; and which model a collection has."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import IngestOptions, ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CortexError
from cortex_ui import model_choice, safe
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


def model_of(spec: EmbeddingSpec | None, target: str = "") -> EmbeddingSpec | None:
    """The model of a collection, or that of new ones; None when it cannot be described (the sidebar says why).

    Args:
        target: the model that was chosen for a new collection, "" for the one of the settings.
    """
    if spec is None and target:
        return model_choice.spec(target)
    try:
        return spec or suite().default_spec()
    except CortexError:
        return None


def draw(spec: EmbeddingSpec | None) -> tuple[IngestOptions, EmbeddingSpec | None, str]:
    """The options in a popover.

    Args:
        spec: the model that the collection has; None for a collection that is yet to be made.

    Returns:
        the options, the model that the collection has or will have, and the target that was chosen for a new one.
    """
    with st.popover("Options", icon=":material/tune:", key="ingest_options"), st.container(width=380):
        ocr, language = _ocr()
        target = "" if spec else _new_model()
        model = model_of(spec, target)
        tokens = _passages(model) if model else 0
        pages = _pictures() if model and model.sees else None
        _model(model, new=spec is None)
    options = IngestOptions(ocr=ocr, ocr_language=language, chunk_max_tokens=tokens, page_pictures=pages)
    return options, model, target


def fault() -> str:
    """Why no collection can be made with the model that the settings name, as a sentence, or ""."""
    try:
        suite().default_spec()
    except CortexError as error:
        return str(error)
    return ""


def summary(options: IngestOptions, model: EmbeddingSpec | None) -> str:
    """The options in a line."""
    what = "Text in scans and pictures is" if model and model.sees else "Scans and pictures are"
    ocr = f"{what} read by OCR" if options.ocr else f"{what} not read"
    if options.ocr and options.ocr_language:
        ocr += f" ({_LANGUAGES[options.ocr_language]})"
    if model is None:
        return ocr
    parts = [ocr, f"passages of up to {options.chunk_max_tokens or _standard(model):,} tokens", model.model]
    if model.sees:
        parts.insert(0, f"Pictures{' and pages' if options.page_pictures else ''} are found by their look")
    return " · ".join(parts)


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
    return suite().config.chunk_options().limit(model.max_tokens)


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


def _new_model() -> str:
    """The model of a collection that is yet to be made: the one of the settings, or another that is here."""
    try:
        usual = suite().default_spec().model
    except CortexError:
        usual = "cannot be had now"
    return model_choice.choose("Model of the new collection", "ingest_model", only_here=True, by_settings=usual)


def _pictures() -> bool:
    config = suite().config
    pages = st.toggle(
        "Also embed pages as pictures",
        value=config.page_pictures,
        key="ingest_page_pictures",
        persist_state="session",
        help="Pages of PDFs and slides are found by their look too: charts, forms, drawings. Each takes a picture's time.",
    )
    if config.describe_pictures and config.vision_api_base:
        text = "Pictures are described in words by the vision model of the settings, and sent to it for that."
    else:
        text = "Pictures are found by their look and by the text in them. Settings › Pictures can have them described."
    safe.show(f'<div class="cx-quiet">{safe.escape(text)}</div>')
    return pages


def _model(model: EmbeddingSpec | None, new: bool) -> None:
    name = model.model if model else "cannot be had now; the sidebar says why"
    reads = (" reads text and pictures." if model.sees else " reads text only.") if model else ""
    which = "A new collection keeps the model that it is made with" if new else "It is the collection's own"
    safe.show(
        f'<div>Embedding model: <span class="cx-name">{safe.escape(name)}</span></div>'
        f'<div class="cx-quiet">{which}: vectors of different models cannot be compared.{reads and " It" + reads}</div>'
    )
