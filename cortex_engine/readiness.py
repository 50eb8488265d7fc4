"""Where every model of the library stands, for people. Nothing here waits for a model or imports a heavy library."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.library import Library
from cortex_engine.placement import Placement, decided
from cortex_engine.utils.embedding_validator import EMBEDDING_MODELS, RERANKER_MODELS, row_of
from cortex_engine.utils.smart_model_selector import GB, devices

EMBEDDING, VL_EMBEDDING = "embedding", "qwen3-vl embedding"
RERANKER, VL_RERANKER = "reranker", "qwen3-vl reranker"
_NAMES = {"packaged": "all-MiniLM-L6-v2", "hashing": "hashed words"}
_KINDS = {
    "local": "a small model that comes with the suite",
    "cross_encoder": "a cross-encoder; reads text only",
    "http": "a rerank service",
}


def model_statuses(library: Library) -> list[ModelStatus]:
    """See `CortexSuite.model_statuses`."""
    embedding = _embedding(library)
    if not any(status.role == VL_EMBEDDING for status in embedding):
        embedding.append(
            ModelStatus(VL_EMBEDDING, _vl_name(library.config), ModelState.OFF, _overruled(library.config))
        )
    statuses = [*(each for each in embedding if each.role == EMBEDDING), _ocr(library)]
    statuses += [each for each in embedding if each.role != EMBEDDING]
    return [*statuses, *_reranking(library)]


def reranker_status(library: Library) -> ModelStatus:
    """See `CortexSuite.reranker_status`."""
    return _reranking(library)[-1]


def _overruled(config: CortexConfig) -> str:
    """Why Qwen3-VL is not used although it is switched on, or ""."""
    if not config.qwen3_vl_enabled:
        return ""
    return (
        f"It is switched on, but 'embedding_backend' is '{config.embedding_backend}', which wins for new collections. Set it to "
        "'packaged' or 'qwen3_vl'."
    )


def _embedding(library: Library) -> list[ModelStatus]:
    """The models of all collections, and that of new ones."""
    config = library.config
    default, fault = library.shelf.default
    models = library.models()
    statuses = []
    if default is None:
        sees = config.new_collection_backend == "qwen3_vl"
        name = _vl_name(config) if sees else config.embedding_model or _NAMES.get(config.embedding_backend, "")
        role = VL_EMBEDDING if sees else EMBEDDING
        # A collection's model of that backend says it already, as long as nothing is known to be wrong.
        if fault or not models or (sees and not any(spec.backend == "qwen3_vl" for spec in models.values())):
            state = ModelState.ABSENT if fault else ModelState.IDLE
            statuses.append(ModelStatus(role, name, state, fault, {"Used for": "new collections"}))
    else:
        models = {default.id: default, **models}
    for model_id, spec in models.items():
        state, reason = library.shelf.state(model_id)
        sees = spec.backend == "qwen3_vl"
        facts = _vl_embedding_facts(library, spec, state) if sees else _facts(config, spec)
        used = "new collections" if default is not None and spec.id == default.id else "collections made with it"
        role = VL_EMBEDDING if sees else EMBEDDING
        statuses.append(ModelStatus(role, spec.model, state, reason, {**facts, "Used for": used}, model_id))
    return statuses


def _facts(config: CortexConfig, spec: EmbeddingSpec) -> dict[str, str]:
    facts = {
        "Dimensions": f"{spec.dimension:,}",
        "Reads at most": f"{spec.max_tokens:,} tokens a passage",
        "Runs on": (config.embedding_device or "the best device found")
        if spec.backend == "sentence_transformer"
        else "the processor (no graphics card needed)",
        "Needs": "0.3 GB of memory to search, 0.6 GB while files are added; nothing to download"
        if spec.backend == "packaged"
        else "its weights on this computer",
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


def _reranking(library: Library) -> list[ModelStatus]:
    """Qwen3-VL's reranker, switched on or not; then another one where the settings name it."""
    config, keeper = library.config, library.rerankers
    kind, (state, reason) = config.reranker_in_use, keeper.state
    if kind == "none":
        return [ModelStatus(VL_RERANKER, _vl_reranker_name(config), ModelState.OFF)]
    made, place = keeper.made, decided(config)
    numbers = {"Orders": f"{config.qwen3_vl_reranker_candidates} candidates, {config.qwen3_vl_reranker_top_k} go out"}
    if kind == "qwen3_vl":
        name = made.name if made else _vl_reranker_name(config)
        facts = {
            **_size_facts(name, place),
            **_running_facts(made, state, place.reranker_device if place else config.qwen3_vl_device),
            **numbers,
            "Batch": f"{config.qwen3_vl_rerank_batch_size} pairs a step",
            **_turns_facts(place),
        }
        return [ModelStatus(VL_RERANKER, name, state, reason, _filled(facts))]
    facts = {"Kind": _KINDS.get(kind, kind), **_running_facts(made, state, ""), **numbers}
    name = made.name if made else config.reranker_model or config.reranker_url or kind
    off = ModelStatus(VL_RERANKER, _vl_reranker_name(config), ModelState.OFF)
    return [off, ModelStatus(RERANKER, name, state, reason, _filled(facts))]


def _vl_embedding_facts(library: Library, spec: EmbeddingSpec, state: ModelState) -> dict[str, str]:
    config, place = library.config, decided(library.config)
    cut = f" (the first of {spec.truncated_from:,})" if spec.truncated_from else ""
    where = place.embedding_device if place else config.qwen3_vl_device
    return _filled(
        {
            **_size_facts(spec.model, place),
            "Dimensions": f"{spec.dimension:,}{cut}",
            "Reads at most": f"{spec.max_tokens:,} tokens, pictures of {spec.max_pixels / 1e6:.1f} megapixels",
            **_running_facts(library.shelf.made(spec.id), state, where),
            "Batch": f"{config.qwen3_vl_embed_batch_size} inputs a step",
            **_turns_facts(place),
        }
    )


def _size_facts(model: str, place: Placement | None) -> dict[str, str]:
    row = row_of(model)
    size = row.size if row else ""
    tier = place.tier if place else ""
    return {
        "Size": f"{size}{f', tier {tier}' if tier else ''}"
        if size
        else f"as in its folder{f' ({tier})' if tier else ''}"
    }


def _running_facts(model: object, state: ModelState, where: str) -> dict[str, str]:
    """Where and how a model runs; asked of the model only when it is loaded."""
    if state is not ModelState.HEALTHY or model is None:
        return {"Device": where}
    device = str(getattr(model, "device", "")) or where
    remark = getattr(model, "attention_note", "") or getattr(model, "attention_remark", "")
    attention = getattr(model, "attention", "")
    return {
        "Device": device,
        "Free memory": _free(device),
        "Precision": getattr(model, "precision", ""),
        "Attention": f"{attention}. {remark}" if attention and remark else attention,
    }


def _free(device: str) -> str:
    """Of a device now; only where torch is imported already."""
    if not device or "torch" not in sys.modules:
        return ""
    found = next((each for each in devices() if device in {each.kind, each.torch_name}), None)
    return f"{found.free_bytes / GB:.1f} GB of {found.total_bytes / GB:.1f} GB" if found else ""


def _turns_facts(place: Placement | None) -> dict[str, str]:
    return {"To know": place.remark if place else ""}


def _filled(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}


def _vl_name(config: CortexConfig) -> str:
    """What is known of the model's name before anybody has looked at the machine."""
    place = decided(config)
    model = config.qwen3_vl_embedding_model or (place.embedding_model if place else "")
    return _short(model or EMBEDDING_MODELS[_or_small(config.qwen3_vl_model_size)])


def _vl_reranker_name(config: CortexConfig) -> str:
    place = decided(config)
    model = config.qwen3_vl_reranker_model or (place.reranker_model if place else "")
    return _short(model or RERANKER_MODELS[_or_small(config.qwen3_vl_reranker_size)])


def _short(model: str) -> str:
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _or_small(size: str) -> str:
    return "2B" if size == "auto" else size
