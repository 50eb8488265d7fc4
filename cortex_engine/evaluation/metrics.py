"""Retrieval metrics of one query, and their means with bootstrap intervals. Pure functions.

A ranking is a sequence of document ids, best first, each at most once; judgements map document ids to graded gains
(0 or less: not relevant; absent: not judged, counted as not relevant, as `trec_eval` does).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cortex_engine.core.reports import Estimate

RECALL_DEPTHS = (1, 5, 10, 20, 100)
NDCG_DEPTH = 10
BOOTSTRAP_SAMPLES = 1000


def ndcg(ranking: Sequence[str], judgements: Mapping[str, int], k: int = NDCG_DEPTH) -> float:
    """Normalised discounted cumulative gain of the first `k`, 0..1.

    Gain is the grade itself, discount `log2(rank + 1)`, the ideal is the best order of all judged documents: the
    form of Järvelin and Kekäläinen (TOIS 2002) that `trec_eval -m ndcg_cut` and the BEIR benchmark compute.
    """
    gains = [max(judgements.get(document, 0), 0) for document in ranking[:k]]
    ideal = sorted((grade for grade in judgements.values() if grade > 0), reverse=True)[:k]
    best = _discounted(ideal)
    return _discounted(gains) / best if best else 0.0


def reciprocal_rank(ranking: Sequence[str], judgements: Mapping[str, int]) -> float:
    """1 / rank of the first relevant document, 0 when there is none (Voorhees, TREC-8 1999); its mean is MRR."""
    for rank, document in enumerate(ranking, start=1):
        if judgements.get(document, 0) > 0:
            return 1.0 / rank
    return 0.0


def recall(ranking: Sequence[str], judgements: Mapping[str, int], k: int) -> float:
    """Share of the relevant documents that stand among the first `k`, 0..1 (`trec_eval -m recall`)."""
    relevant = {document for document, grade in judgements.items() if grade > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def measures(ranking: Sequence[str], judgements: Mapping[str, int]) -> dict[str, float]:
    """All metrics of one query: "ndcg@10", "mrr", "recall@1" … "recall@100"."""
    found = {f"ndcg@{NDCG_DEPTH}": ndcg(ranking, judgements), "mrr": reciprocal_rank(ranking, judgements)}
    return found | {f"recall@{k}": recall(ranking, judgements, k) for k in RECALL_DEPTHS}


def estimate(
    values: Sequence[float], confidence: float = 0.95, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0
) -> Estimate:
    """Mean over queries with its percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    Queries are drawn with replacement `samples` times; the same seed gives the same interval. No values: all nan.
    """
    if not values:
        return Estimate(math.nan, math.nan, math.nan)
    data = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(data), size=(samples, len(data)))
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(data[draws].mean(axis=1), [tail, 1.0 - tail])
    return Estimate(float(data.mean()), float(low), float(high))


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
