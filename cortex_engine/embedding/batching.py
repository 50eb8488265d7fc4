"""Batches of texts of similar length, so that little time is spent on padding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
"""`(batch, length)` token ids, padded at the right."""
Mask = NDArray[np.int32]
"""`(batch, length)`: 1 for a token, 0 for padding."""

BATCH_TOKENS = 1024
"""Tokens of one batch with padding: the intermediate results of a small model then stay in the L2 cache."""


def batches(lengths: Sequence[int], batch_tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Positions of the texts, longest first, in batches of at most `batch_tokens` (padding counted; at least one text).

    Equal lengths keep their order, so that the same input always gives the same batches.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def pad(rows: Sequence[Sequence[int]], padding: int = 0) -> tuple[Ids, Mask]:
    """Token ids and mask of rows of different length."""
    width = max(len(row) for row in rows)
    ids = np.full((len(rows), width), padding, np.int32)
    mask = np.zeros((len(rows), width), np.int32)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return ids, mask


Apply = Callable[[Callable[[list[int]], NDArray[np.float32]], Sequence[list[int]]], Iterable[NDArray[np.float32]]]
"""`map`, or the same with several threads."""


def embed_in_batches(
    rows: Sequence[Sequence[int]],
    dimension: int,
    run: Callable[[Ids, Mask], NDArray[np.float32]],
    apply: Apply = map,
) -> NDArray[np.float32]:
    """Vectors `(len(rows), dimension)` in the order of `rows`, computed by `run` batch by batch."""
    vectors = np.empty((len(rows), dimension), np.float32)
    chosen = list(batches([len(row) for row in rows]))
    found = apply(lambda positions: run(*pad([rows[position] for position in positions])), chosen)
    for positions, values in zip(chosen, found, strict=True):
        vectors[positions] = values
    return vectors
