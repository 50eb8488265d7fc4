"""Texts that are longer than the model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.embedding.hashing import HashingEmbedder, WordTokenizer
from cortex_engine.embedding.windows import cut, embed_whole, too_long


class _Short(HashingEmbedder):
    """Reads eight tokens, two of them for the ends; says what it was given."""

    def __init__(self) -> None:
        super().__init__(64)
        self._spec = replace(self._spec, max_tokens=8)
        self.given: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        self.given += texts
        return super().embed_documents(texts)


def test_short_texts_are_embedded_as_they_are() -> None:
    embedder = _Short()
    assert np.array_equal(embed_whole(embedder, ["one two"]), HashingEmbedder(64).embed_documents(["one two"]))
    assert embed_whole(embedder, []).shape == (0, 64)


def test_a_long_text_is_the_mean_of_parts_that_fit() -> None:
    embedder, text = _Short(), " ".join(f"word{number}" for number in range(15))
    assert too_long(embedder, ["short", text]) == [1]
    vectors = embed_whole(embedder, ["short", text, "another"])
    parts = embedder.given[1:-1]
    assert "".join(parts) == text
    assert [length for length in embedder.tokenizer.lengths(parts) if length > 8] == []
    assert len(parts) == 3  # six words fit beside the two ends
    mean = HashingEmbedder(64).embed_documents(parts).mean(axis=0)
    assert np.allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-6)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.array_equal(vectors[2], HashingEmbedder(64).embed_query("another"))


class _Letters:
    """Counts characters, so that words have to be cut."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


@given(st.text(max_size=80), st.integers(min_value=1, max_value=12))
def test_nothing_is_lost_and_everything_fits(text: str, limit: int) -> None:
    parts = cut(_Letters(), text, limit)
    if text.strip():
        assert "".join(parts) == text
        assert max(map(len, parts)) <= limit
    else:
        assert parts == [text]


@given(st.text(alphabet="ab ,.\n", max_size=200))
def test_words_stay_whole_where_they_fit(text: str) -> None:
    for part in cut(WordTokenizer(), text, 6):
        assert WordTokenizer().lengths([part])[0] <= 6 or not text.strip()
