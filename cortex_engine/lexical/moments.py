"""Mean and deviation of BM25 over all passages in scope, without scoring all of them.

Every passage belongs to nested random samples by a hash of its id: to sample 0 always, to sample n with probability
1 / 2**n. The best matches are counted exactly and the others estimated from the sample that has a few thousand
passages in scope (stratified sampling; Cochran, Sampling Techniques, 1977, chapter 5).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.lexical.queries import QueryBuilder

if TYPE_CHECKING:
    import tantivy

Scores = NDArray[np.float64]
Hit = tuple[float, "tantivy.DocAddress"]

EXACT_LIMIT = 4096
"""Up to so many passages in scope the moments are exact."""
_TOP = 512
_LEVELS = 16


def sample_names(chunk_id: str) -> str:
    """The samples that hold the passage, joined by spaces: "s1 s2" for one that belongs to sample 2."""
    digest = zlib.crc32(chunk_id.encode("utf-8", "surrogatepass"))
    # the low bits of a CRC are linear in the input: mix before zeros are counted
    digest = (digest * 0x9E3779B1) >> 16 & 0xFFFF
    level = (digest & -digest).bit_length() - 1 if digest else _LEVELS
    return " ".join(f"s{n}" for n in range(1, level + 1))


def moments(
    searcher: tantivy.Searcher, builder: QueryBuilder, query: LexicalQuery, scope: tantivy.Query | None
) -> ScoreMoments:
    """See `TantivyIndex.moments`."""
    count = searcher.num_docs if scope is None else searcher.search(scope, 1).count
    wanted = builder.matching(query, scope)
    if count == 0 or wanted is None:
        return ScoreMoments(0.0, 0.0, count)
    if count <= EXACT_LIMIT:
        return _combine(_values(searcher.search(wanted, count, count=False).hits), np.empty(0), 0, 0, count)
    best = searcher.search(wanted, _TOP, count=False).hits
    if len(best) < _TOP:
        return _combine(_values(best), np.empty(0), 0, 0, count)
    level = min(_LEVELS, math.ceil(math.log2(count / EXACT_LIMIT)))
    sample = builder.silent(builder.term("sample", f"s{level}"))
    within = sample if scope is None else builder.both(sample, scope)
    size = searcher.search(within, 1).count
    sampled = builder.matching(query, within)
    hits = [] if sampled is None else searcher.search(sampled, max(size, 1), count=False).hits
    others = _without(hits, best)
    return _combine(_values(best), others, size - (len(hits) - len(others)), count - len(best), count)


def _values(hits: Sequence[Hit]) -> Scores:
    return np.array([score for score, _ in hits], dtype=np.float64)


def _without(hits: Sequence[Hit], best: Sequence[Hit]) -> Scores:
    """Scores of the hits that are not among the best. Only where scores are equal do the passages decide."""
    last: float = best[-1][0]
    margin = abs(last) * 1e-5  # the order of summation, and with it the last digit, depends on the query's shape
    counted = {(address.segment_ord, address.doc) for score, address in best if score <= last + margin}
    return np.array(
        [
            score
            for score, address in hits
            if score < last - margin or (score <= last + margin and (address.segment_ord, address.doc) not in counted)
        ],
        dtype=np.float64,
    )


def _combine(best: Scores, sampled: Scores, sample_size: int, stands_for: int, count: int) -> ScoreMoments:
    """Moments over `count` passages: `best` as they are, `sampled` of `sample_size` for `stands_for` others."""
    weight = stands_for / sample_size if sample_size else 0.0
    mean = (float(best.sum()) + weight * float(sampled.sum())) / count
    square = (float(np.square(best).sum()) + weight * float(np.square(sampled).sum())) / count
    return ScoreMoments(mean, math.sqrt(max(square - mean * mean, 0.0)), count)
