"""Scores that mean something: how unusual a score is among unrelated passages, and from where on nothing was found."""

from __future__ import annotations

from dataclasses import dataclass

QUANTILES = 1001
"""Points of a stored distribution: per mille."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The scores of unrelated pairs in one collection under one model, and of related ones.

    Scores are standard scores (deviations above the mean of all passages, for the query), so that one distribution serves all
    queries.

    Attributes:
        model_id, collection: whose.
        stage: "vector", "lexical", "graph", "rerank".
        unrelated: `QUANTILES` ascending standard scores of random pairs.
        related: ascending evidence scores (`retrieval.abstaining`) of right answers, for the cut-off; at most 2,000.
        judged: how many of `related` people judged; the others are questions made from the passages themselves.
        pairs: random pairs that were drawn.
        made: ISO time.
        passages: how many the collection had then; it is made anew when that doubles or halves.
    """

    model_id: str
    collection: str
    stage: str
    unrelated: tuple[float, ...]
    related: tuple[float, ...] = ()
    judged: int = 0
    pairs: int = 0
    made: str = ""
    passages: int = 0


@dataclass(frozen=True, slots=True)
class RecallSample:
    """One live approximate query compared with the exact scan: `found` of the exact `k` nearest were among its answer."""

    model_id: str
    k: int
    found: int
    candidates: int
    asked: str


@dataclass(frozen=True, slots=True)
class RecallCertificate:
    """Measured recall of the approximate index of one model.

    Attributes:
        recall: mean share of the exact `k` nearest, 0..1; 1 where all searches are exact.
        low, high: 95 % interval (Wilson, over neighbours; widened for pairs of one query).
        samples: queries compared.
        exact: searches are scanned exactly at the library's present size.
        bound: the recall that the settings ask for.
        widening: factor by which searches ask for more candidates than they need, 1 for not at all.
    """

    model_id: str
    model: str
    k: int
    recall: float
    low: float
    high: float
    samples: int
    exact: bool
    bound: float
    widening: float = 1.0
