"""Facts about published models, one row each, and what can be said of a model and a dimension from them.

A dimension identifies no model: several have the same, and a longer vector that was cut has it too (trap T2). Nothing here
guesses; the identity of a collection's model stands in its `EmbeddingSpec`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cortex_engine.core.collections import EmbeddingSpec

_HALF, _FULL = 2, 4
WORKING_BYTES = 300_000_000
"""What a model needs beside its weights to work on one input at a time."""


class Role(StrEnum):
    """What a model is for."""

    EMBEDDING = "embedding"
    RERANKING = "reranking"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A published model.

    Attributes:
        name: its name on the Hub ("" before the slash for the packaged one).
        backend: the word of the settings: "packaged", "sentence_transformer", "qwen3_vl", "cross_encoder".
        dimension: of its full vectors, 0 for rerankers.
        smallest: the smallest Matryoshka dimension that it was trained for, 0 where vectors must not be cut.
        licence: SPDX id.
        parameters: number of weights.
        file_bytes: of the weights as published.
        sees: whether it takes pictures.
        precise_bytes: what it takes more because a part stays in float32 (the head of rerankers).
        size: "2B" or "8B" where the settings choose by size.
        hindrance: why it cannot be used here whatever the machine, as a sentence, or "".
    """

    name: str
    backend: str
    dimension: int
    licence: str
    parameters: int
    file_bytes: int
    smallest: int = 0
    sees: bool = False
    size: str = ""
    precise_bytes: int = 0
    hindrance: str = ""

    @property
    def role(self) -> Role:
        """Embedding where there is a dimension."""
        return Role.EMBEDDING if self.dimension else Role.RERANKING

    @property
    def short_name(self) -> str:
        """The name without the publisher."""
        return self.name.rpartition("/")[2]

    def memory_bytes(self, single: bool = False) -> int:
        """Memory to load it and to work on one input at a time.

        Args:
            single: weights in float32 (as on the processor); else in 16 bits, or as published where that is fewer.
        """
        weights = self.parameters * _FULL if single else self.parameters * _HALF + self.precise_bytes
        return weights + WORKING_BYTES

    def allows(self, dimension: int) -> bool:
        """Whether its vectors may have this dimension, in full or cut."""
        return dimension == self.dimension or 0 < self.smallest <= dimension < self.dimension


_APACHE, _MIT = "Apache-2.0", "MIT"
_ST, _VL = "sentence_transformer", "qwen3_vl"
_OWN_CODE = (
    "It needs program code that is published with it; code of models is never executed here. Its vectors are recognised, but "
    "new ones cannot be made."
)

# Numbers of weights of Qwen3-VL: counted on the published architecture (2B ties its head to the embeddings; the embedding
# model of 8B has no head). The others: as the models' cards state them, rounded.
MODELS: tuple[ModelRow, ...] = (
    ModelRow("all-MiniLM-L6-v2", "packaged", 384, _APACHE, 22_700_000, 0),
    ModelRow("BAAI/bge-small-en-v1.5", _ST, 384, _MIT, 33_400_000, 133_000_000),
    ModelRow("BAAI/bge-base-en-v1.5", _ST, 768, _MIT, 109_000_000, 438_000_000),
    ModelRow("BAAI/bge-large-en-v1.5", _ST, 1024, _MIT, 335_000_000, 1_340_000_000),
    ModelRow("BAAI/bge-m3", _ST, 1024, _MIT, 568_000_000, 2_270_000_000),
    ModelRow("intfloat/e5-small-v2", _ST, 384, _MIT, 33_400_000, 133_000_000),
    ModelRow("intfloat/multilingual-e5-small", _ST, 384, _MIT, 118_000_000, 471_000_000),
    ModelRow("intfloat/multilingual-e5-base", _ST, 768, _MIT, 278_000_000, 1_110_000_000),
    ModelRow("intfloat/multilingual-e5-large", _ST, 1024, _MIT, 560_000_000, 2_240_000_000),
    ModelRow("Qwen/Qwen3-Embedding-0.6B", _ST, 1024, _APACHE, 596_000_000, 1_190_000_000, smallest=32),
    ModelRow("Qwen/Qwen3-Embedding-8B", _ST, 4096, _APACHE, 7_570_000_000, 15_100_000_000, smallest=32),
    ModelRow("nvidia/NV-Embed-v2", _ST, 4096, "CC-BY-NC-4.0", 7_850_000_000, 15_700_000_000, hindrance=_OWN_CODE),
    ModelRow("Qwen/Qwen3-VL-Embedding-2B", _VL, 2048, _APACHE, 2_127_532_032, 4_255_000_000, 64, True, "2B"),
    ModelRow("Qwen/Qwen3-VL-Embedding-8B", _VL, 4096, _APACHE, 8_144_793_840, 16_290_000_000, 64, True, "8B"),
    ModelRow(
        "Qwen/Qwen3-VL-Reranker-2B",
        _VL,
        0,
        _APACHE,
        2_127_532_032,
        4_255_000_000,
        sees=True,
        size="2B",
        precise_bytes=622_000_000,
    ),
    ModelRow(
        "Qwen/Qwen3-VL-Reranker-8B",
        _VL,
        0,
        _APACHE,
        8_767_123_696,
        17_534_000_000,
        sees=True,
        size="8B",
        precise_bytes=1_245_000_000,
    ),
    ModelRow("BAAI/bge-reranker-v2-m3", "cross_encoder", 0, _APACHE, 568_000_000, 2_270_000_000),
    ModelRow("cross-encoder/ms-marco-MiniLM-L6-v2", "cross_encoder", 0, _APACHE, 22_700_000, 91_000_000),
)

_OTHER_SPELLINGS = {"ms-marco-minilm-l-6-v2": "ms-marco-minilm-l6-v2"}

EMBEDDING_MODELS = {row.size: row.name for row in MODELS if row.size and row.role is Role.EMBEDDING}
"""Size -> Hub name of the embedding model of Qwen3-VL."""
RERANKER_MODELS = {row.size: row.name for row in MODELS if row.size and row.role is Role.RERANKING}
"""Size -> Hub name of the reranker of Qwen3-VL."""


@dataclass(frozen=True, slots=True)
class Possibility:
    """A model whose vectors may have a certain dimension; `cut`: only when they are truncated."""

    row: ModelRow
    cut: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """What can be said of a model with a dimension.

    Attributes:
        possible: whether such vectors can be made here; None where the model is unknown and its files decide.
        row: the facts, None for an unknown model.
        dimension: of the vectors in question, 0 where unknown.
        sentence: for people.
    """

    possible: bool | None
    row: ModelRow | None
    dimension: int
    sentence: str


def row_of(model: str) -> ModelRow | None:
    """The row of a model by Hub name, or of a folder by its last part; None for an unknown one."""
    name = model.replace("\\", "/").rstrip("/").lower()
    short = name.rpartition("/")[2]
    short = _OTHER_SPELLINGS.get(short, short)
    return next((row for row in MODELS if row.name.lower() == name or row.short_name.lower() == short), None)


def candidates_for_dimension(dimension: int) -> tuple[Possibility, ...]:
    """Every known embedding model whose vectors may have this dimension, those with it in full first.

    There are always several or none: a stored dimension must not be taken for an identity.
    """
    found = [Possibility(row, row.dimension != dimension) for row in MODELS if row.dimension and row.allows(dimension)]
    return tuple(sorted(found, key=lambda each: each.cut))


def validate(model: EmbeddingSpec | str, dimension: int = 0) -> Validation:
    """What is possible with a model and a dimension.

    Args:
        model: a spec, or a Hub name or folder.
        dimension: 0 for the spec's own, or the model's full one.
    """
    name = model if isinstance(model, str) else model.model
    if not dimension and isinstance(model, EmbeddingSpec):
        dimension = model.dimension
    row = row_of(name)
    if row is None:
        return Validation(None, None, dimension, f"'{name}' is not among the models that are known; its files decide.")
    if row.role is Role.RERANKING:
        return Validation(False, row, 0, f"{row.short_name} is a reranker: it judges pairs and gives no vectors.")
    dimension = dimension or row.dimension
    if row.hindrance:
        return Validation(False, row, dimension, f"{row.short_name} cannot be used here. {row.hindrance}")
    if dimension == row.dimension:
        return Validation(True, row, dimension, f"{row.short_name} gives vectors of {dimension:,} numbers.")
    if row.allows(dimension):
        sentence = (
            f"{row.short_name} gives {row.dimension:,} numbers; the first {dimension:,} of them are kept and scaled."
        )
        return Validation(True, row, dimension, sentence)
    if dimension > row.dimension:
        limit = f"it gives {row.dimension:,} numbers, not more"
    elif row.smallest:
        limit = f"it was trained to be cut to {row.smallest:,} numbers and not to fewer"
    else:
        limit = f"its vectors of {row.dimension:,} numbers mean nothing when they are cut"
    return Validation(False, row, dimension, f"{row.short_name} cannot give vectors of {dimension:,} numbers: {limit}.")
