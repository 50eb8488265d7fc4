"""What the cards of well-known models ask for and no file of theirs says. Facts are rows, not code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Text that the model's card wants before queries and passages."""

    model: str
    query_instruction: str = ""
    document_instruction: str = ""


_BGE_EN = "Represent this sentence for searching relevant passages: "
_BGE_ZH = "为这个句子生成表示以用于检索相关文章："

KNOWN_MODELS = (
    ModelFacts("BAAI/bge-small-en-v1.5", _BGE_EN),
    ModelFacts("BAAI/bge-base-en-v1.5", _BGE_EN),
    ModelFacts("BAAI/bge-large-en-v1.5", _BGE_EN),
    ModelFacts("BAAI/bge-small-zh-v1.5", _BGE_ZH),
    ModelFacts("BAAI/bge-base-zh-v1.5", _BGE_ZH),
    ModelFacts("BAAI/bge-large-zh-v1.5", _BGE_ZH),
    ModelFacts("BAAI/bge-m3"),
    ModelFacts("intfloat/multilingual-e5-small", "query: ", "passage: "),
    ModelFacts("intfloat/multilingual-e5-base", "query: ", "passage: "),
    ModelFacts("intfloat/multilingual-e5-large", "query: ", "passage: "),
    ModelFacts("intfloat/e5-small-v2", "query: ", "passage: "),
    ModelFacts("intfloat/e5-base-v2", "query: ", "passage: "),
    ModelFacts("intfloat/e5-large-v2", "query: ", "passage: "),
    ModelFacts("mixedbread-ai/mxbai-embed-large-v1", _BGE_EN),
    ModelFacts("Snowflake/snowflake-arctic-embed-m", _BGE_EN),
    ModelFacts("Snowflake/snowflake-arctic-embed-l", _BGE_EN),
)


def facts_of(model: str) -> ModelFacts | None:
    """The row of a model by its Hub name, or of a folder by its last part ("…/bge-base-en-v1.5"); None when unknown."""
    name = model.replace("\\", "/").rstrip("/").lower()
    for row in KNOWN_MODELS:
        if name == row.model.lower() or name.rsplit("/", 1)[-1] == row.model.rsplit("/", 1)[-1].lower():
            return row
    return None
