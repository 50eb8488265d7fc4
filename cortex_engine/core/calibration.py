"""Scores that mean something: how unusual a score is among unrelated passages, and from where on nothing was found."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

QUANTILES = 1001
"""Points of a stored distribution: per mille."""

MAX_RELATED = 2000
"""Right answers whose evidence is kept for a cut-off."""

ENOUGH_JUDGED = 100
"""Questions that people judged from which on no made ones are needed: a miss rate of 1 % asks for 99."""

LEAST_PASSAGES = 20
"""Smaller collections say neither what is unusual nor what is missing."""

MAX_SAMPLES = 2000
"""Compared queries that are kept for each model, the newest."""

MEANING_STAGE, FUSION_STAGE = "vector", "fusion"
"""What is calibrated: cosines alone, and the evidence of a whole search. Rerankers: `rerank_stage`."""

_RERANK = "rerank "


def rerank_stage(reranker: str) -> str:
    """The stage under which the scores of the reranker of this name are kept: each has a scale of its own."""
    return f"{_RERANK}{reranker}"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The scores of unrelated pairs in one collection under one model, and of related ones.

    Scores are standard scores (deviations above the mean of all passages, for the query), so that one distribution serves all
    queries.

    Attributes:
        model_id, collection: whose.
        stage: "vector", "fusion", or that of a reranker.
        unrelated: `QUANTILES` ascending standard scores of the cosines of random pairs; of a reranker the raw scores of random
            pairs without a prior; empty for "fusion", and where the collection has fewer than two documents.
        related: ascending, of questions that are answered, at most 2,000: the meaning of the closest passage ("vector", for the
            words that say how good a hit is), the evidence of the search ("fusion", for the cut-off); see `retrieval.abstaining`.
            Of a reranker the raw scores of made questions with the passages that they were made from.
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

    @property
    def reranker(self) -> str:
        """The name of the reranker whose scores these are; "" for other stages."""
        return self.stage.removeprefix(_RERANK) if self.stage.startswith(_RERANK) else ""


@dataclass(frozen=True, slots=True)
class CalibrationState:
    """Whether one collection is calibrated under its model.

    Attributes:
        passages: with a vector of the model, now.
        questions: distinct ones for which people judged a passage of the collection to be right, now.
        version: changes whenever it is calibrated anew; 0 for never.
        calibrated, judged: passages and judged questions then.
    """

    collection: str
    model_id: str
    passages: int
    questions: int = 0
    version: int = 0
    calibrated: int = 0
    judged: int = 0

    @property
    def stale(self) -> bool:
        """Never calibrated; or the collection doubled or halved since, or is large enough only now, or enough judged questions
        doubled.

        >>> CalibrationState("Papers", "m", 150, 0, 1, 100).stale, CalibrationState("Papers", "m", 200, 0, 1, 100).stale
        (False, True)
        """
        if not self.passages:  # it is noted that there is nothing: searches of everything wait for that, too
            return not self.version or bool(self.calibrated)
        enough = self.passages >= LEAST_PASSAGES
        judged = enough and min(self.questions, MAX_RELATED) >= max(ENOUGH_JUDGED, 2 * self.judged)
        return not self.version or judged or self.changed_since(self.calibrated)

    def changed_since(self, passages: int) -> bool:
        """Whether the collection has doubled or halved since it had so many passages, or grown enough to tell something."""
        moved = self.passages >= 2 * passages or 2 * self.passages <= passages
        return moved or passages < LEAST_PASSAGES <= self.passages


@dataclass(frozen=True, slots=True)
class RecallSample:
    """One live approximate query compared with the exact scan: `found` of the exact `k` nearest were among its answer.

    Attributes:
        candidates: how many the index was asked for.
        asked: ISO time.
        widening: factor by which these were more than the search needed.
    """

    model_id: str
    k: int
    found: int
    candidates: int
    asked: str
    widening: float = 1.0


@dataclass(frozen=True, slots=True)
class RecallCertificate:
    """Measured recall of the approximate index of one model.

    Attributes:
        recall: mean share of the exact `k` nearest, 0..1; 1 where all searches are exact.
        low, high: 95 % interval (Wilson, over neighbours; widened for pairs of one query).
        samples: queries compared.
        exact: searches are scanned exactly at the library's present size.
        bound: the recall that the settings ask for.
        widening: factor by which searches ask for more candidates than they need, 1 for not at all; 0 where even that was
            not enough, and all vectors are scanned.
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


class CalibrationRecords(Protocol):
    """Numbers about scores; none of them names a document, a passage or a query."""

    def keep_calibrations(self, calibrations: Sequence[Calibration]) -> None:
        """Put them in place of those of the same collection, model and stage; of collections that are gone, nothing is kept."""
        ...

    def calibrations(self) -> list[Calibration]:
        """All of them, under the model that their collection has now, by collection and stage."""
        ...

    def calibration_versions(self) -> dict[str, int]:
        """Collection that holds documents -> a number that changes when it is calibrated anew, 0 for never."""
        ...

    def calibration_states(self) -> list[CalibrationState]:
        """Every collection under its model, by name."""
        ...

    def sample_passages(self, collection: str, limit: int, seed: int = 0) -> list[tuple[str, str, str]]:
        """Passage id, document id and text of passages of a collection, drawn evenly at random; the same seed draws the same.

        Raises:
            NotFoundError: there is no such collection.
        """
        ...

    def judged_questions(self, collection: str) -> list[str]:
        """Questions for which people judged a passage of the collection to be right, the newest first."""
        ...

    def keep_recall_sample(self, sample: RecallSample) -> None:
        """Keep it; the newest 2,000 of each model stay."""
        ...

    def recall_samples(self, model_id: str) -> list[RecallSample]:
        """Samples of a model, newest first."""
        ...


def share_below(quantiles: Sequence[float], value: float, pairs: int) -> float:
    """Share, 0..1, of a distribution that lies below a value, linear between its quantiles.

    Args:
        quantiles: ascending, evenly spaced in probability from the least value to the greatest.
        pairs: values that the distribution was drawn from: no more than 1 - 1 / `pairs` is ever said.

    >>> share_below([0.0, 1.0, 2.0], 1.5, 100), share_below([0.0, 1.0, 2.0], 9.0, 100)
    (0.75, 0.99)
    """
    last = len(quantiles) - 1
    if last < 1 or pairs < 1:
        raise ValueError("A distribution has at least two quantiles and one value.")
    left, right = bisect_left(quantiles, value), bisect_right(quantiles, value)
    if left < right:  # on a quantile, or on several equal ones: half of them count as below
        share = (left + right - 1) / 2 / last
    elif left in (0, last + 1):
        share = 0.0 if left == 0 else 1.0
    else:
        low, high = quantiles[left - 1], quantiles[left]
        share = (left - 1 + (value - low) / (high - low)) / last
    return min(max(share, 0.0), 1.0 - 1.0 / pairs)


def weighted_quantile(placed: Sequence[tuple[float, float]], share: float) -> float:
    """The value up to which this share of the weight lies; at least one pair of value and weight.

    >>> weighted_quantile([(3.0, 1.0), (1.0, 1.0), (2.0, 2.0)], 0.5)
    2.0
    """
    ascending = sorted(placed)
    wanted, below = share * sum(weight for _, weight in ascending), 0.0
    for value, weight in ascending:
        below += weight
        if below >= wanted:
            return value
    return ascending[-1][0]


def conformal_cut(groups: Sequence[tuple[Sequence[float], float]], miss_rate: float) -> float | None:
    """The evidence below which a search has found nothing, such that at most `miss_rate` of right answers lie below it.

    Split conformal prediction (Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates 2021): of n right answers the
    floor(a (n + 1))-th smallest evidence. The next right answer, if it is exchangeable with these, is one of n + 1 equally
    likely places, so that the probability of lying below the cut is at most a - in finite samples, whatever the distribution.
    Several groups are a mixture by their weights; the place of the new answer is counted in each.

    Args:
        groups: evidence of right answers, and the weight of the group (passages of its collection).
        miss_rate: 0..1.

    Returns:
        None where so few answers are known that no cut keeps the promise, and for a rate of 0.

    >>> conformal_cut([([0.1, 0.2, 0.3, 0.4], 1.0)], 0.4), conformal_cut([([0.1, 0.2], 1.0)], 0.05)
    (0.2, None)
    """
    known = [(values, weight) for values, weight in groups if values and weight > 0]
    total = math.fsum(weight for _, weight in known)
    if not known or miss_rate <= 0:
        return None
    places = sorted((value, weight / total / (len(values) + 1)) for values, weight in known for value in values)
    below = math.fsum(weight / total / (len(values) + 1) for values, weight in known)
    cut = None
    for value, share in places:
        if below > miss_rate + 1e-12:
            break
        cut = value
        below += share
    return cut


def wilson(found: float, of: float, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share (Wilson 1927): `found` of `of`, at 95 % unless told otherwise; (0, 1) where nothing was seen."""
    if of <= 0:
        return 0.0, 1.0
    share, square = found / of, z * z / of
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(max(share * (1 - share) / of + square / (4 * of), 0.0))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def recall_interval(samples: Sequence[RecallSample]) -> tuple[float, float, float]:
    """Mean recall of samples and its 95 % interval; (0, 0, 1) without any.

    Wilson's interval over neighbours, with as many of them as count: those of one query are lost together more often than
    those of different ones, by the design effect of a cluster sample (Kish 1965), which the samples themselves tell.
    """
    if not samples:
        return 0.0, 0.0, 1.0
    shares = [each.found / each.k for each in samples]
    k = math.fsum(each.k for each in samples) / len(samples)
    mean = math.fsum(shares) / len(shares)
    alone = mean * (1 - mean) / k
    between = math.fsum((share - mean) ** 2 for share in shares) / max(len(shares) - 1, 1)
    effect = min(max(between / alone, 1.0), k) if alone > 0 else 1.0
    of = k * len(shares) / effect
    low, high = wilson(mean * of, of)
    return mean, min(low, mean), max(high, mean)


WIDEST = 8.0
"""Factor of candidates beyond which all vectors are scanned instead (0)."""
_ENOUGH, _CLEAR, _CALM = 20, 5, 200
"""Samples by which a mean counts, a whole interval counts, and a search narrows again."""


def next_widening(samples: Sequence[RecallSample], bound: float) -> float:
    """The factor that follows from samples, newest first: twice as many candidates where recall is under the bound.

    Only the newest 200 samples count, as far as they have one and the same factor. It is halved again where the whole interval
    of 200 lies in the upper half between bound and 1. While all vectors are scanned (0) samples are probes with the widest
    factor.

    >>> [next_widening([RecallSample("m", 10, found, 20, "")] * 20, 0.95) for found in (5, 10)]
    [2.0, 1.0]
    """
    if not samples:
        return 1.0
    now = samples[0].widening
    same = list(takewhile(lambda each: each.widening == now, samples[:_CALM]))
    mean, low, high = recall_interval(same)
    if now > 0 and ((len(same) >= _ENOUGH and mean < bound) or (len(same) >= _CLEAR and high < bound)):
        return 0.0 if now >= WIDEST else now * 2
    if now != 1 and len(same) >= _CALM and low > (1 + bound) / 2:
        return now / 2 if now else WIDEST
    return now
