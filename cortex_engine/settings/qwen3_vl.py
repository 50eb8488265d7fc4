"""Settings of Qwen3-VL, the model whose vectors hold text and pictures."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from cortex_engine.settings.field import DOWNLOAD, NEW_COLLECTIONS, setting


class Qwen3VLSettings(BaseModel):
    """The embedding model and reranker of Qwen3-VL."""

    qwen3_vl_enabled: bool = setting(
        False,
        "New collections use Qwen3-VL embeddings (text and pictures in one space). It wins over the packaged model; another "
        "`embedding_backend` chosen by hand wins over it.",
        "Qwen3-VL",
        "QWEN3_VL_ENABLED",
        f"{NEW_COLLECTIONS} {DOWNLOAD}",
    )
    qwen3_vl_model_size: Literal["auto", "2B", "8B"] = setting(
        "auto",
        "Size of the embedding model; `auto` takes the largest that fits the free memory of the graphics card.",
        "Qwen3-VL",
        "QWEN3_VL_MODEL_SIZE",
        NEW_COLLECTIONS,
    )
    qwen3_vl_embedding_model: str = setting(
        "",
        'Hub name or folder of a Qwen3-VL embedding model; "" for the published one of the size above.',
        "Qwen3-VL",
        "QWEN3_VL_EMBEDDING_MODEL",
        NEW_COLLECTIONS,
    )
    qwen3_vl_mrl_dim: int | None = setting(
        None,
        "Matryoshka dimension, at most the model's own (2,048 for 2B, 4,096 for 8B); null for the full one.",
        "Qwen3-VL",
        "QWEN3_VL_MRL_DIM",
        "Part of the model's identity: applies to new collections.",
        ge=16,
        le=8192,
    )
    qwen3_vl_reranker_enabled: bool = setting(
        False,
        "Order the best results anew with the Qwen3-VL reranker, while `reranker` names no other.",
        "Qwen3-VL",
        "QWEN3_VL_RERANKER_ENABLED",
        DOWNLOAD,
    )
    qwen3_vl_reranker_size: Literal["auto", "2B", "8B"] = setting(
        "auto",
        "Size of the reranker; `auto` takes what fits the memory beside the embedding model.",
        "Qwen3-VL",
        "QWEN3_VL_RERANKER_SIZE",
    )
    qwen3_vl_reranker_model: str = setting(
        "",
        'Hub name or folder of a Qwen3-VL reranker; "" for the published one of the size above.',
        "Qwen3-VL",
        "QWEN3_VL_RERANKER_MODEL",
    )
    qwen3_vl_reranker_top_k: int = setting(
        5, "Results that leave the reranker, whichever it is.", "Qwen3-VL", "QWEN3_VL_RERANKER_TOP_K", ge=1, le=1000
    )
    qwen3_vl_reranker_candidates: int = setting(
        20,
        "Candidates that enter the reranker, whichever it is.",
        "Qwen3-VL",
        "QWEN3_VL_RERANKER_CANDIDATES",
        "More candidates take more time with each search.",
        ge=1,
        le=1000,
    )
    qwen3_vl_device: str = setting(
        "",
        'Device of the Qwen3-VL models ("cuda", "cuda:1", "mps", "cpu"); "" to choose by free memory.',
        "Qwen3-VL",
        "QWEN3_VL_DEVICE",
        "On the processor a picture takes seconds to minutes.",
    )
    qwen3_vl_dtype: Literal["auto", "bfloat16", "float16", "float32"] = setting(
        "auto",
        "Precision of the weights; `auto` is bfloat16 on graphics cards that have it, float16 on others, float32 on the "
        "processor.",
        "Qwen3-VL",
        "QWEN3_VL_DTYPE",
        "float32 takes twice the memory.",
    )
    qwen3_vl_max_pixels: int = setting(
        1_843_200,
        "Larger pictures are scaled down to so many pixels before they are embedded; 1,024 pixels are one token.",
        "Qwen3-VL",
        "QWEN3_VL_MAX_PIXELS",
        "Part of the model's identity: applies to new collections. More pixels take more memory and time.",
        ge=4096,
        le=7_340_032,
    )
    qwen3_vl_use_flash_attention: bool = setting(
        True,
        "Use flash attention where it is installed; else PyTorch's own attention (sdpa).",
        "Qwen3-VL",
        "QWEN3_VL_USE_FLASH_ATTENTION",
    )
    qwen3_vl_embed_batch_size: int = setting(
        8,
        "Inputs a step of the embedder; halved by itself when memory runs out.",
        "Qwen3-VL",
        "QWEN3_VL_EMBED_BATCH_SIZE",
        ge=1,
        le=1024,
    )
    qwen3_vl_rerank_batch_size: int = setting(
        4,
        "Pairs a step of the reranker; halved by itself when memory runs out.",
        "Qwen3-VL",
        "QWEN3_VL_RERANK_BATCH_SIZE",
        ge=1,
        le=1024,
    )
