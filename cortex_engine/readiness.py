"""Where every model of the library stands, for people."""

from __future__ import annotations

from collections.abc import Mapping

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.library import Library

_QWEN_NAME = "Qwen3-VL-{kind}-{size}"
_QWEN_ABSENT = (
    "Qwen3-VL is switched on, but this version of the suite cannot load it yet: its backends come with a later version. "
    "Search goes on with the embedding model of each collection. Switch it off in Settings to hide this note."
)


def model_statuses(library: Library) -> list[ModelStatus]:
    """See `CortexSuite.model_statuses`."""
    return [*_embedding(library), _ocr(library), *_qwen3_vl(library.config)]


def _embedding(library: Library) -> list[ModelStatus]:
    """The models of all collections, and that of new ones."""
    default, fault = library.shelf.default
    models = library.models()
    statuses = []
    if default is None:
        name = library.config.embedding_model or _NAMES.get(library.config.embedding_backend, "")
        # A collection's model of that backend says it already, as long as nothing is known to be wrong.
        if fault or not models:
            state = ModelState.ABSENT if fault else ModelState.IDLE
            statuses.append(ModelStatus("embedding", name, state, fault, {"Used for": "new collections"}))
    else:
        models = {default.id: default, **models}
    for model_id, spec in models.items():
        state, reason = library.shelf.state(model_id)
        facts = _facts(library.config, spec, default)
        statuses.append(ModelStatus("embedding", spec.model, state, reason, facts, model_id))
    return statuses


_NAMES = {"packaged": "all-MiniLM-L6-v2", "hashing": "hashed words"}


def _facts(config: CortexConfig, spec: EmbeddingSpec, default: EmbeddingSpec | None) -> Mapping[str, str]:
    facts = {
        "Dimensions": f"{spec.dimension:,}",
        "Reads at most": f"{spec.max_tokens:,} tokens a passage",
        "Runs on": (config.embedding_device or "the best device found")
        if spec.backend == "sentence_transformer"
        else "the processor (no graphics card needed)",
        "Needs": "0.3 GB of memory to search, 0.6 GB while files are added; nothing to download"
        if spec.backend == "packaged"
        else "its weights on this computer",
        "Used for": "new collections" if default is not None and spec.id == default.id else "collections made with it",
    }
    if spec.backend == "hashing":
        facts["Needs"] = "nothing; it is meant for tests"
    return facts


def _ocr(library: Library) -> ModelStatus:
    absence = backends.ocr_absence()
    languages = ", ".join(sorted(backends.ocr_languages()))
    facts = {
        "Reads": "printed text in Latin letters, Chinese and Japanese; one model for all of them",
        "Languages": languages,
        "Does not read": "Arabic, Hebrew, Cyrillic, Greek, Korean and Indian scripts",
        "Runs on": "the processor, in a process of its own without network",
    }
    if absence:
        state = ModelState.ABSENT
    elif not library.config.ocr:
        state = ModelState.OFF
    else:
        state = ModelState.HEALTHY if getattr(library.parser, "ocr_running", False) else ModelState.IDLE
    return ModelStatus("ocr", "RapidOCR (PP-OCRv6)", state, absence, facts)


def _qwen3_vl(config: CortexConfig) -> list[ModelStatus]:
    kinds = (
        ("qwen3-vl embedding", "Embedding", config.qwen3_vl_enabled, config.qwen3_vl_model_size),
        ("qwen3-vl reranker", "Reranker", config.qwen3_vl_reranker_enabled, config.qwen3_vl_reranker_size),
    )
    return [
        ModelStatus(
            role,
            _QWEN_NAME.format(kind=kind, size="2B" if size == "auto" else size),
            ModelState.ABSENT if wanted else ModelState.OFF,
            _QWEN_ABSENT if wanted else "",
            {"Size": "chosen by the memory of this computer" if size == "auto" else size},
        )
        for role, kind, wanted, size in kinds
    ]
