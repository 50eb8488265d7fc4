"""Fusion: one ranking from several recallers, without judgements and without a setting for each collection.

Pure functions. The reasons and the measurements are in `docs/explanation/fusion.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cortex_engine.core.errors import ConfigError
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Ranking, ScoredChunk

RANK_CONSTANT = 60
"""k of reciprocal rank fusion, as in Cormack, Clarke and Büttcher (SIGIR 2009)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one recaller says about the candidates.

    Attributes:
        ranking: its own candidates, best first.
        scores: its true score of every candidate of any recaller that it can score (its own among them).
        moments: mean and deviation of its scores over all passages in scope; None where nobody knows them.
        weight: what one deviation of this recaller counts in a standardised fusion.
    """

    ranking: Ranking
    scores: Mapping[str, float]
    moments: ScoreMoments | None
    weight: float = 1.0

    @property
    def stage(self) -> str:
        """Name of the recaller."""
        return self.ranking.stage


FusionMethod = Callable[[Sequence[Evidence]], dict[str, float]]
"""Recallers' evidence -> score of each candidate; higher is better."""


def order(stage: str, scores: Mapping[str, float]) -> Ranking:
    """A ranking from scores: best first, equal scores by chunk id, so that runs repeat."""
    pairs = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return Ranking(stage, tuple(ScoredChunk(chunk_id, score) for chunk_id, score in pairs))


def standardise(evidence: Evidence) -> dict[str, float]:
    """Scores in deviations above the mean of *all* passages; 0 throughout where a stage tells nothing apart."""
    moments = evidence.moments
    if moments is None or not moments.deviation > 0:
        return dict.fromkeys(evidence.scores, 0.0)
    return {chunk_id: (score - moments.mean) / moments.deviation for chunk_id, score in evidence.scores.items()}


def separation(evidence: Evidence) -> float:
    """How far the best cosine stands above the average one: twice its share of the way from there to identity (0..2).

    An embedding model that does not know a language sees every passage at about the same distance from the query, and
    its best is hardly nearer than the rest; half way to identity is what a model in its own language reaches, and
    counts 1. No judgements, no list of languages: the query and the collection tell.
    """
    if evidence.moments is None or not evidence.scores:
        return 1.0
    mean = evidence.moments.mean
    room = 1.0 - mean
    return 2.0 * min(max((max(evidence.scores.values()) - mean) / room, 0.0), 1.0) if room > 0 else 0.0


def standardised(stages: Sequence[Evidence]) -> dict[str, float]:
    """Weighted sum of standard scores.

    A standard score says how far a passage stands out from the whole collection *for this query*. A recaller that
    cannot tell passages apart has none that stands out far, and thereby loses its influence by itself, query by query;
    ranks cannot say that, since every recaller has a first rank. A passage that a stage cannot score counts there as
    an average one (0).
    """
    return _sum(
        [
            {chunk_id: evidence.weight * value for chunk_id, value in standardise(evidence).items()}
            for evidence in stages
        ]
    )


def reciprocal_rank(stages: Sequence[Evidence]) -> dict[str, float]:
    """Sum of 1 / (60 + rank) over the recallers that returned the passage (Cormack, Clarke and Büttcher 2009)."""
    return _sum(
        [
            {item.chunk_id: 1.0 / (RANK_CONSTANT + rank) for rank, item in enumerate(evidence.ranking, start=1)}
            for evidence in stages
        ]
    )


def merge_models(stages: Sequence[Evidence]) -> Evidence:
    """Evidence of several embedding models as that of one dense recaller, in weighted standard scores.

    Cosines of two models cannot be compared, their standard scores can. A passage with vectors of several models gets
    the best of its scores. Mean and deviation of the result are 0 and 1 (or None where one of them is unknown; then
    cosines are taken as they are).
    """
    if len(stages) == 1:
        return stages[0]
    known = all(evidence.moments is not None for evidence in stages)
    merged: dict[str, float] = {}
    for evidence in stages:
        for chunk_id, value in (standardised([evidence]) if known else evidence.scores).items():
            merged[chunk_id] = max(value, merged.get(chunk_id, value))
    own = {item.chunk_id for evidence in stages for item in evidence.ranking}
    ranking = order(stages[0].stage, {chunk_id: value for chunk_id, value in merged.items() if chunk_id in own})
    return Evidence(ranking, merged, ScoreMoments(0.0, 1.0, len(merged)) if known else None)


METHODS: Mapping[str, FusionMethod] = {"standardised": standardised, "reciprocal_rank": reciprocal_rank}
"""Name in the settings -> method."""


def fusion_method(name: str) -> FusionMethod:
    """The method of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in METHODS:
        raise ConfigError(f"There is no fusion method '{name}'. Choose one of: {', '.join(sorted(METHODS))}.")
    return METHODS[name]


def _sum(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for chunk_id, value in part.items():
            total[chunk_id] = total.get(chunk_id, 0.0) + value
    return total
