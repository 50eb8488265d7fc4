"""A collection and the identity of the model whose vectors it holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """What must agree before two vectors may be compared. The dimension alone identifies nothing (trap T2).

    Attributes:
        backend: the plug board's word: "packaged", "sentence_transformer", "hashing", …
        model: published name or folder name ("all-MiniLM-L6-v2").
        revision: what pins the weights (a SHA-256 of them, or a Hub commit).
        dimension: length of the stored vectors.
        pooling: "mean", "cls", "lasttoken", "none".
        normalised: whether vectors have length 1 (then dot product = cosine).
        max_tokens: the model's own limit, special tokens included.
        query_instruction, document_instruction: text put before the input, "" for none.
        truncated_from: the full dimension when Matryoshka truncation was applied, else 0.
    """

    backend: str
    model: str
    revision: str
    dimension: int
    pooling: str
    normalised: bool
    max_tokens: int
    query_instruction: str = ""
    document_instruction: str = ""
    truncated_from: int = 0

    @property
    def id(self) -> str:
        """16 hexadecimal digits over every field: the `model_id` under which vectors are kept."""
        canonical = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents that share one embedding model.

    Attributes:
        id: random, stable over renames.
        spec: set when the collection is made; only a migration changes it.
    """

    id: str
    name: str
    spec: EmbeddingSpec
    description: str = ""
    created: str = ""
    document_count: int = 0
    chunk_count: int = 0
