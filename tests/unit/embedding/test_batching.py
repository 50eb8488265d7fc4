"""Batches: every text once, similar lengths together, no more padding than promised."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.embedding.batching import batches, embed_in_batches, pad


@given(st.lists(st.integers(1, 256), max_size=200), st.integers(1, 2048))
def test_every_text_is_in_one_batch_of_limited_size(lengths: list[int], limit: int) -> None:
    made = list(batches(lengths, limit))
    assert sorted(position for batch in made for position in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= limit
    ordered = [lengths[position] for batch in made for position in batch]
    assert ordered == sorted(lengths, reverse=True)


def test_padding_stands_at_the_right() -> None:
    ids, mask = pad([[5, 6, 7], [8]], padding=9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert ids.dtype == mask.dtype == np.int32


@given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=30), max_size=60))
def test_vectors_come_back_in_the_order_given(rows: list[list[int]]) -> None:
    def sums(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.stack([(ids * mask).sum(1), mask.sum(1)], axis=1).astype(np.float32)

    vectors = embed_in_batches(rows, 2, sums)
    assert vectors.tolist() == [[sum(row), len(row)] for row in rows]
