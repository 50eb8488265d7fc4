"""Bags of hashed words and character trigrams: vectors without a model, for tests and rehearsals."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import UsageError
from cortex_engine.core.protocols import Vectors

_WORD = re.compile(r"\w+|[^\w\s]")
_REVISION = "1"
_MAX_TOKENS = 512
_TRIGRAM_WEIGHT = 0.3
_DIRECTION_OF_NOTHING = 1e-3
"""Added to the first number: keeps a text without words away from the zero vector, which has no direction."""


class WordTokenizer:
    """Words and punctuation marks are the tokens, and two stand for the start and end."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Words and marks of each text + 2."""
        return [len(_WORD.findall(text)) + 2 for text in texts]


class HashingEmbedder:
    """Texts that share words, or parts of words, come out near each other; meaning is not seen.

    Source: Weinberger et al. 2009, feature hashing with signs.
    """

    def __init__(self, dimension: int = 256) -> None:
        if dimension < 2:
            raise UsageError(f"A hashing embedder needs at least 2 dimensions, not {dimension}.")
        self._spec = EmbeddingSpec(
            backend="hashing",
            model="words-and-trigrams",
            revision=_REVISION,
            dimension=dimension,
            pooling="none",
            normalised=True,
            max_tokens=_MAX_TOKENS,
        )
        self._tokenizer = WordTokenizer()

    @property
    def spec(self) -> EmbeddingSpec:
        """The dimension is the only thing that varies."""
        return self._spec

    @property
    def tokenizer(self) -> WordTokenizer:
        """Counts words."""
        return self._tokenizer

    def load(self) -> None:
        """There is nothing to load."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, unit length, in the order given; texts of any length."""
        vectors = np.empty((len(texts), self._spec.dimension), np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self.embed_query(text)
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """float32 `(dimension,)`, unit length; the same as for a document."""
        columns: list[int] = [0]
        weights: list[float] = [_DIRECTION_OF_NOTHING]
        for word in _WORD.findall(text.casefold()):
            for code, weight in _features(word):
                columns.append(code % self._spec.dimension)
                weights.append(weight)
        total = np.bincount(columns, weights, self._spec.dimension)
        vector: NDArray[np.float32] = (total / np.linalg.norm(total)).astype(np.float32)
        return vector


@lru_cache(maxsize=65_536)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """(hash, signed weight) of the word and of its trigrams."""
    framed = f"^{word}$"
    trigrams = [framed[start : start + 3] for start in range(len(framed) - 2)]
    return (_signed(word, 1.0), *(_signed(trigram, _TRIGRAM_WEIGHT) for trigram in trigrams))


def _signed(feature: str, weight: float) -> tuple[int, float]:
    code = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
    return code >> 1, weight if code & 1 else -weight
