"""Vectors of texts that are longer than a model reads: of parts that fit, averaged."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cortex_engine.core.protocols import Embedder, Tokenizer, Vectors

_WORD = re.compile(r"\s*\S+\s*\Z|\s*\S+")


def too_long(embedder: Embedder, texts: Sequence[str]) -> list[int]:
    """Positions of the texts that are longer than the model reads."""
    limit = embedder.spec.max_tokens
    return [place for place, length in enumerate(embedder.tokenizer.lengths(texts)) if length > limit]


def embed_whole(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """`(len(texts), dimension)`, as `embed_documents`; of a text that is too long no word is left out.

    Such a text is cut between words into as few parts as the model's own tokenizer allows; its vector is the mean of the
    parts' vectors, of length 1 where the spec says so.

    Raises:
        ModelUnavailableError: cause and remedy.
    """
    if not texts:
        return np.zeros((0, embedder.spec.dimension), dtype=np.float32)
    long = set(too_long(embedder, texts))
    parts = [
        cut(embedder.tokenizer, text, embedder.spec.max_tokens) if place in long else [text]
        for place, text in enumerate(texts)
    ]
    vectors = embedder.embed_documents([part for each in parts for part in each])
    if not long:
        return vectors
    ends = np.cumsum([len(each) for each in parts])
    whole = np.empty((len(texts), embedder.spec.dimension), dtype=np.float32)
    for place, end in enumerate(ends):
        some = vectors[end - len(parts[place]) : end]
        whole[place] = some[0] if len(some) == 1 else _mean(some, embedder.spec.normalised)
    return whole


def cut(tokenizer: Tokenizer, text: str, limit: int) -> list[str]:
    """Parts of at most `limit` tokens that together are the text; only a word that does not fit by itself is cut.

    A single character counts as fitting, whatever the tokenizer says of it.
    """
    words = [piece for word in _WORD.findall(text) for piece in _pieces(tokenizer, word, limit)]
    parts, begin = [], 0
    while begin < len(words):
        count = _most(tokenizer, words[begin:], limit)
        parts.append("".join(words[begin : begin + count]))
        begin += count
    return parts or [text]


def _pieces(tokenizer: Tokenizer, word: str, limit: int) -> list[str]:
    if tokenizer.lengths([word])[0] <= limit:
        return [word]
    pieces = []
    while word:
        count = _most(tokenizer, word, limit)
        pieces.append(word[:count])
        word = word[count:]
    return pieces


def _most(tokenizer: Tokenizer, units: Sequence[str], limit: int) -> int:
    """How many units from the beginning fit together, at least 1."""
    fits, over = 1, len(units) + 1
    while over - fits > 1:
        # Few tokens are shorter than a unit: looking near the beginning first spares counting the whole text each time.
        middle = min((fits + over) // 2, 2 * max(fits, limit // 2))
        if tokenizer.lengths(["".join(units[:middle])])[0] <= limit:
            fits = middle
        else:
            over = middle
    return fits


def _mean(vectors: Vectors, normalised: bool) -> Vectors:
    mean: Vectors = vectors.astype(np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean))
    if normalised:
        # Opposite parts cancel out; then the first one speaks for the text.
        mean = mean / length if length > 1e-9 else vectors[0]
    return mean.astype(np.float32)
