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
        min_pixels, max_pixels: a picture is scaled to so many pixels before it is embedded; 0 and 0 for models that read
            text only. A picture scaled otherwise has another vector, so these belong to the identity.
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
    min_pixels: int = 0
    max_pixels: int = 0

    @property
    def id(self) -> str:
        """16 hexadecimal digits over every field: the `model_id` under which vectors are kept.

        The limits of pixels count only where there are any: models that were known before them keep their ids.
        """
        fields = asdict(self)
        if not self.sees:
            del fields["min_pixels"], fields["max_pixels"]
        canonical = json.dumps(fields, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def sees(self) -> bool:
        """Whether the model embeds pictures into the same space as text."""
        return self.max_pixels > 0


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
