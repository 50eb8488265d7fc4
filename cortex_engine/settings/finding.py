"""Settings of embedding text and of searching."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from cortex_engine.settings.field import NEW_COLLECTIONS, setting


class EmbeddingSettings(BaseModel):
    """How text becomes vectors."""

    embedding_backend: Literal["packaged", "sentence_transformer", "qwen3_vl", "hashing"] = setting(
        "packaged",
        "How text becomes vectors: the packaged all-MiniLM-L6-v2 (nothing to download), any sentence-transformers model "
        "(`embedding_model`), Qwen3-VL (text and pictures; its settings stand below), or hashed words (for tests).",
        "Embedding",
        "CORTEX_EMBEDDING_BACKEND",
        NEW_COLLECTIONS,
    )
    embedding_model: str = setting(
        "",
        'Hub name or folder of a sentence-transformers model, for example "BAAI/bge-base-en-v1.5".',
        "Embedding",
        "CORTEX_EMBEDDING_MODEL",
        NEW_COLLECTIONS,
    )
    embedding_query_instruction: str | None = setting(
        None,
        "Text put before queries; null for what the model's card asks for.",
        "Embedding",
        "CORTEX_EMBEDDING_QUERY_INSTRUCTION",
        "Part of the model's identity: applies to new collections.",
    )
    embedding_document_instruction: str | None = setting(
        None,
        "Text put before passages; null for what the model's card asks for.",
        "Embedding",
        "CORTEX_EMBEDDING_DOCUMENT_INSTRUCTION",
        "Part of the model's identity: applies to new collections.",
    )
    embedding_device: str = setting(
        "", 'Device for sentence-transformers models ("cpu", "cuda"), "" to choose.', "Embedding", "CORTEX_DEVICE"
    )
    embedding_batch_size: int = setting(
        32,
        "Passages a step for sentence-transformers models.",
        "Embedding",
        "CORTEX_EMBEDDING_BATCH_SIZE",
        ge=1,
        le=4096,
    )
    offline: bool = setting(
        False,
        "Never ask a model hub; models must be on this machine. `HF_HUB_OFFLINE` and `TRANSFORMERS_OFFLINE` set it too.",
        "Embedding",
        "CORTEX_OFFLINE",
    )


class SearchSettings(BaseModel):
    """How passages are found."""

    vector_store: Literal["chroma", "exact"] = setting(
        "chroma",
        "Store for large collections; small, filtered and degraded searches scan exactly whatever is set here.",
        "Search",
        "CORTEX_VECTOR_STORE",
        "The index is built from the kept vectors at the next start.",
    )
    exact_below: int = setting(
        50_000,
        "Up to this many passages in scope the vectors are scanned exactly.",
        "Search",
        "CORTEX_EXACT_BELOW",
        ge=0,
    )
    candidates: int = setting(
        200, "Passages that each recaller gives to fusion.", "Search", "CORTEX_CANDIDATES", ge=10, le=5000
    )
    fusion: Literal["standardised", "reciprocal_rank"] = setting(
        "standardised",
        "How the rankings become one (docs/explanation/fusion.md).",
        "Search",
        "CORTEX_FUSION",
    )
    max_per_document: int = setting(
        0, "Most passages of one document in a result, 0 for no limit.", "Search", "CORTEX_MAX_PER_DOCUMENT", ge=0
    )
    calibration: bool = setting(
        True,
        "Measure in the background what scores mean in each collection (docs/explanation/calibration.md). Without it only "
        "`cortex calibrate run` and *Calibrate now* do.",
        "Search",
        "CORTEX_CALIBRATION",
    )
    miss_rate: float = setting(
        0.05,
        'Of the questions that the library does answer, the share for which it may say "nothing found" wrongly. The cut-off '
        "follows from it (docs/explanation/calibration.md); 0 always shows what comes nearest.",
        "Search",
        "CORTEX_MISS_RATE",
        ge=0,
        le=0.5,
    )
    recall_bound: float = setting(
        0.95,
        "Share of the truly nearest ten that approximate searches must find; below it they widen themselves.",
        "Search",
        "CORTEX_RECALL_BOUND",
        ge=0,
        le=1,
    )
    recall_sampling: float = setting(
        0.05,
        "Share of approximate searches that are compared with the exact scan in the background.",
        "Search",
        "CORTEX_RECALL_SAMPLING",
        ge=0,
        le=1,
    )
    flights: int = setting(
        200,
        'Recorded searches that are kept for the debug log and "Why not this one?"; 0 records nothing.',
        "Search",
        "CORTEX_FLIGHTS",
        ge=0,
        le=10_000,
    )
