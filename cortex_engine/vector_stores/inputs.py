"""What callers hand in, as arrays of the right shape, or a sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cortex_engine.core.errors import ModelMismatchError, UsageError


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to be written, every chunk id once (of several, the last)."""

    chunk_ids: list[str]
    document_ids: list[str]
    vectors: NDArray[np.float32]


def as_rows(
    chunk_ids: Sequence[str] | None, document_ids: Sequence[str] | None, vectors: ArrayLike | None, dimension: int
) -> Rows:
    """Check and convert what `upsert` is given; lists, arrays and None (for nothing) are all welcome.

    Raises:
        ModelMismatchError: the vectors have another dimension.
        UsageError: the three do not have the same length, or a vector is not finite.
    """
    chunks = [] if chunk_ids is None else [str(name) for name in chunk_ids]
    documents = [] if document_ids is None else [str(name) for name in document_ids]
    matrix = np.asarray([] if vectors is None else vectors, np.float32)
    if not len(chunks) == len(documents) == len(matrix):
        raise UsageError(
            f"Vectors must come with their ids: {len(chunks)} chunk ids, {len(documents)} document ids and "
            f"{len(matrix)} vectors were given."
        )
    if len(chunks) == 0:
        return Rows([], [], np.empty((0, dimension), np.float32))
    if matrix.ndim != 2 or matrix.shape[1] != dimension:
        raise ModelMismatchError(_mismatch(matrix.shape[1:], dimension))
    if not np.isfinite(matrix).all():
        raise UsageError("A vector holds a number that is not finite; the embedding model's output is broken.")
    last = {name: position for position, name in enumerate(chunks)}
    if len(last) == len(chunks):
        return Rows(chunks, documents, np.ascontiguousarray(matrix))
    positions = sorted(last.values())
    return Rows([chunks[at] for at in positions], [documents[at] for at in positions], matrix[positions])


def as_query(vector: ArrayLike, dimension: int) -> NDArray[np.float32]:
    """Check and convert a query vector, and give it length 1.

    Raises:
        ModelMismatchError: it has another dimension.
        UsageError: it is not finite, or is all zeros.
    """
    query = np.asarray(vector, np.float32)
    if query.ndim == 2 and len(query) == 1:
        query = query[0]
    if query.shape != (dimension,):
        raise ModelMismatchError(_mismatch(query.shape, dimension))
    length = float(np.sqrt(np.sum(np.square(query, dtype=np.float64))))
    if not np.isfinite(length) or length == 0.0:
        raise UsageError("The query's vector has no direction; the embedding model's output is broken.")
    return query if abs(length - 1.0) <= 1e-6 else (query / np.float32(length)).astype(np.float32)


def _mismatch(shape: tuple[int, ...], dimension: int) -> str:
    found = "x".join(str(part) for part in shape) or "no"
    return (
        f"Vectors of {found} numbers do not fit into a store of {dimension}: they come from another embedding model. "
        "Use the collection's own model, or migrate the collection."
    )
