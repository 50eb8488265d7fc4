"""Settings of reranking and of pictures, whichever model does it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from cortex_engine.settings.field import DOWNLOAD, NEW_DOCUMENTS, setting


class RerankingSettings(BaseModel):
    """Which reranker orders the best results anew."""

    reranker: Literal["none", "local", "qwen3_vl", "cross_encoder", "http"] = setting(
        "none",
        "What orders the best results anew: nothing, a small local one that needs no download, Qwen3-VL, a cross-encoder such "
        "as bge-reranker-v2-m3 (`reranker_model`), or a service (`reranker_url`, Cohere's protocol; vLLM and TEI speak it "
        "too). `none` leaves the word to `qwen3_vl_reranker_enabled`.",
        "Reranking",
        "CORTEX_RERANKER",
        DOWNLOAD,
    )
    reranker_model: str = setting(
        "",
        'Hub name or folder of a cross-encoder ("" for BAAI/bge-reranker-v2-m3), or the name of a model of the service.',
        "Reranking",
        "CORTEX_RERANKER_MODEL",
        DOWNLOAD,
    )
    reranker_url: str = setting(
        "",
        "Address of a rerank service, for example `http://localhost:8000/v1/rerank`. Its key, where it wants one, comes only "
        "from the environment variable `CORTEX_RERANKER_API_KEY`.",
        "Reranking",
        "CORTEX_RERANKER_URL",
        "The text of queries and candidates is sent there.",
    )


class PictureSettings(BaseModel):
    """How pictures and the look of pages take part."""

    page_pictures: bool = setting(
        True,
        "Embed pages of PDFs and slides as pictures, where the collection's model sees.",
        "Pictures",
        "CORTEX_PAGE_PICTURES",
        f"{NEW_DOCUMENTS} Takes a picture's time for each page.",
    )
    picture_weight: float = setting(
        0.5,
        "Share of a picture's own vector in its score; the rest is its description's.",
        "Pictures",
        "CORTEX_PICTURE_WEIGHT",
        ge=0,
        le=1,
    )
    describe_pictures: bool = setting(
        False,
        "Have pictures described in words by the vision model below; otherwise the text that OCR reads in them serves.",
        "Pictures",
        "CORTEX_DESCRIBE_PICTURES",
        f"{NEW_DOCUMENTS} Pictures are sent to that address.",
    )
    vision_api_base: str = setting(
        "",
        "Address of an OpenAI-compatible endpoint that describes pictures; it ends in `/v1`. Its key comes only from the "
        "environment variable `RUNPOD_API_KEY`, or, where the address is OpenAI's own, `OPENAI_API_KEY`.",
        "Pictures",
        "RUNPOD_API_BASE",
    )
    vision_model: str = setting(
        "Qwen/Qwen3-VL-8B-Instruct",
        "The name by which that endpoint knows its model.",
        "Pictures",
        "CORTEX_VISION_MODEL",
        min_length=1,
    )
