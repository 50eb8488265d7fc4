"""The flat scan: exact cosine over floats, and popcount over sign codes with float rescoring.

Sign codes: bit j of a vector says whether its j-th component lies above the centre's. The Hamming distance of two
codes estimates their angle (Charikar 2002, "Similarity estimation techniques from rounding algorithms"), so the rows
with the smallest distances hold the true neighbours, and a float product over those few puts them in order.

Codes lie in blocks of `BLOCK` rows, and within a block word by word: word j of all rows, then word j + 1. So every
step of the scan is one operation over a long contiguous run, which numpy executes with the processor's vector
popcount, and no row needs a horizontal sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.uint64]

BLOCK = 4096
_BLOCKS_AT_ONCE = 8
_WORDS_A_BYTE = 3
"""Counts of 3 words are at most 192: they are summed as bytes, which is quicker than with a conversion each."""
_ROWS_AT_ONCE = 128
"""Rows gathered at once: they stay in the processor's cache, and no fresh memory is touched for them."""
_MARGIN = 1e-5
"""More than float32 products of unit vectors can err: rows within it of the k-th best are scored again in float64."""
POPCOUNT = hasattr(np, "bitwise_count")
"""numpy 1.26 has no popcount; the float scan, which is exact and slower, does all the work there."""
UNREACHABLE = np.iinfo(np.uint16).max


def words(dimension: int) -> int:
    """64-bit words of a code; the bits behind the last component are zero."""
    return -(-dimension // 64)


def encode(vectors: Floats, centre: Floats) -> Codes:
    """Sign codes, row by row: `(n, dimension)` to `(n, words)`."""
    bits = np.packbits(vectors > centre, axis=1, bitorder="little")
    padded = np.zeros((len(bits), words(vectors.shape[1]) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)


def block_codes(vectors: Floats, centre: Floats) -> Codes:
    """One block of exactly `BLOCK` vectors as `(1, words, BLOCK)`."""
    return np.ascontiguousarray(encode(vectors, centre).T)[np.newaxis]


def distances(codes: Codes, query: Codes, out: NDArray[np.uint16]) -> None:
    """Hamming distances of every row of `codes` `(blocks, words, BLOCK)` to `query` `(words,)`, into `out`."""
    target = out.reshape(-1, BLOCK)
    shape = (_BLOCKS_AT_ONCE, BLOCK)
    mixed, counted, partial = np.empty(shape, np.uint64), np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    for first in range(0, len(codes), _BLOCKS_AT_ONCE):
        part = codes[first : first + _BLOCKS_AT_ONCE]
        here = slice(0, len(part))
        total = target[first : first + len(part)]
        for word in range(codes.shape[1]):
            begins = word % _WORDS_A_BYTE == 0
            np.bitwise_xor(part[:, word], query[word], out=mixed[here])
            np.bitwise_count(mixed[here], out=partial[here] if begins else counted[here])
            if not begins:
                np.add(partial[here], counted[here], out=partial[here])
            if word + 1 == codes.shape[1] or (word + 1) % _WORDS_A_BYTE == 0:
                if word < _WORDS_A_BYTE:
                    np.copyto(total, partial[here])
                else:
                    np.add(total, partial[here], out=total)


def smallest(values: NDArray[np.uint16], count: int) -> NDArray[np.int64]:
    """Positions of the `count` smallest values, and of all that equal the last of them; unreachable ones never."""
    limit = int(UNREACHABLE)
    if count < len(values):
        limit = int(np.partition(values, count - 1)[count - 1])
    return np.flatnonzero(values <= min(limit, UNREACHABLE - 1))


def products(vectors: Floats, rows: NDArray[np.int64] | None, query: Floats) -> Floats:
    """Float32 products of the query with all vectors, or with those in `rows`, gathered piece by piece."""
    if rows is None:
        return np.asarray(vectors @ query, np.float32)
    out = np.empty(len(rows), np.float32)
    gathered = np.empty((_ROWS_AT_ONCE, vectors.shape[1]), np.float32)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE]
        np.take(vectors, part, axis=0, out=gathered[: len(part)], mode="clip")
        np.dot(gathered[: len(part)], query, out=out[first : first + len(part)])
    return out


def cosines(vectors: Floats, rows: NDArray[np.int64], query: Floats) -> NDArray[np.float64]:
    """Cosines in float64, summed in the same order for every row: equal vectors get equal scores.

    (BLAS treats the last rows of a matrix otherwise than the first; ties would depend on where a row lies.)
    """
    if len(rows) == 0:
        return np.empty(0, np.float64)
    wide = vectors[rows].astype(np.float64)
    scores: NDArray[np.float64] = np.einsum("ij,j->i", wide, query.astype(np.float64))
    return np.clip(scores, -1.0, 1.0)


def contenders(scores: Floats, top_k: int) -> NDArray[np.int64]:
    """Positions that can be among the `top_k` once the error of float32 is taken away."""
    if top_k >= len(scores):
        return np.arange(len(scores))
    kth = np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
    return np.flatnonzero(scores >= kth - _MARGIN)


def unit_rows(vectors: Floats) -> Floats:
    """The vectors with length 1; those that have it already are returned bit by bit, zero vectors stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    off = (np.abs(lengths - 1.0) > 1e-5) & (lengths > 0)
    if not np.count_nonzero(off):
        return vectors
    result: NDArray[Any] = vectors.copy()
    result[off] = (vectors[off] / lengths[off, np.newaxis]).astype(np.float32)
    return result
