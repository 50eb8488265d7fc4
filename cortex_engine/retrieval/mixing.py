"""Pictures and passages in one ranking, and the two vectors of a picture in one score.

Pure functions; reasons and figures are in `docs/explanation/mixed-collections.md`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

from cortex_engine.core.reports import ScoreMoments
from cortex_engine.retrieval.fusion import Evidence, order, standardise

_MEAN_WORTH = 1.0
_DEVIATION_WORTH = 10.0
"""So many cosines of its own make a kind's mean (its deviation) count as much as that of the other kind. A mean is known from
a few values; a deviation from n values is uncertain by 1 / sqrt(2 n), more than a fifth below 10."""

_LEAST_WEIGHT = 1e-6

WORDLESS = 2.0
"""Words and vectors count alike in a hybrid fusion. What has no words is judged by its vectors alone: they count for both."""


def known_moments(evidence: Evidence) -> ScoreMoments:
    """Its moments, or those of the scores at hand where no store knows them."""
    if evidence.moments is not None:
        return evidence.moments
    scores = list(evidence.scores.values())
    if not scores:
        return ScoreMoments(0.0, 0.0, 0)
    mean = math.fsum(scores) / len(scores)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))
    return ScoreMoments(mean, deviation, len(scores))


def drawn_together(own: ScoreMoments, other: ScoreMoments | None, alike: bool = False) -> ScoreMoments:
    """Moments of the cosines of one kind (pictures, passages), drawn towards the other kind's where there are few.

    Cosines between text and pictures lie elsewhere than those between texts, so each kind is measured by its own moments.
    But the deviation of three cosines means nothing, and the mean of one is that one: the fewer there are, the more counts
    what the same model and query gave for the other kind, which counts for no more than it has cosines itself.

    Args:
        alike: both are texts (descriptions and passages), whose means lie together too.
    """
    if other is None or other.count < 1:
        return own
    if own.count < 1:
        return ScoreMoments(other.mean, other.deviation, 0)
    for_deviation = min(_DEVIATION_WORTH, other.count)
    for_mean = for_deviation if alike else min(_MEAN_WORTH, other.count)
    mean = (own.count * own.mean + for_mean * other.mean) / (own.count + for_mean)
    variance = own.count * own.deviation**2 + for_deviation * other.deviation**2
    return ScoreMoments(mean, math.sqrt(variance / (own.count + for_deviation)), own.count)


def passages_beside(passages: Evidence, pictures: ScoreMoments | None) -> Evidence:
    """Passages as they count beside pictures of the same model: with moments drawn together, weighted by separation."""
    own = known_moments(passages)
    return _weighted(replace(passages, moments=drawn_together(own, pictures)), own)


def pictures_beside(pictures: Evidence, passages: ScoreMoments | None, alike: bool = False) -> Evidence:
    """Evidence of pictures as it counts beside passages: with moments drawn together, weighted by separation.

    The separation of both kinds is measured in the room that passages have: how far pictures can come towards identity at
    all is not known, and in a wider room of their own the gap between the kinds would take weight from them.

    Args:
        alike: see `drawn_together`.
    """
    own = known_moments(pictures)
    measured = replace(pictures, moments=drawn_together(own, passages, alike))
    return _weighted(measured, passages if passages is not None and passages.count else own)


def _weighted(evidence: Evidence, room_of: ScoreMoments) -> Evidence:
    """Weighted by how far the best stands above the mean, as `fusion.separation`, in the room above another mean."""
    room = 1.0 - room_of.mean
    if evidence.moments is None or not evidence.scores or room <= 0:
        return replace(evidence, weight=0.0)
    share = (max(evidence.scores.values()) - evidence.moments.mean) / room
    return replace(evidence, weight=2.0 * min(max(share, 0.0), 1.0))


def two_vectors(look: Evidence, words: Evidence, share: float, stage: str) -> Evidence:
    """The two vectors of pictures as one recaller: `share` of a picture's own score, the rest its description's.

    Weighted standard scores, because the cosines of a query with pictures and with texts lie in different ranges. A picture
    that lacks one of the two keeps the score of the other. With a share of 1 pictures are in the order of their own cosines;
    with 0 described ones in that of their descriptions'. Mean and deviation of the result are 0 and 1, its weight is 1.

    Args:
        look, words: measured already (`pictures_beside`), each with its weight.
        share: 0..1.
    """
    own, said = _by_weight(look), _by_weight(words)
    both = {picture: share * own[picture] + (1.0 - share) * said[picture] for picture in own.keys() & said.keys()}
    scores = {**own, **said, **both}
    return Evidence(order(stage, scores), scores, ScoreMoments(0.0, 1.0, len(scores)))


def _by_weight(evidence: Evidence) -> dict[str, float]:
    # A weight of 0 would make one of all, and pictures have an order also where none stands out.
    weight = max(evidence.weight, _LEAST_WEIGHT)
    return {picture: weight * score for picture, score in standardise(evidence).items()}


def judged_by_look(scores: Mapping[str, float], pictures: Collection[str]) -> dict[str, float]:
    """Fused scores in which the vectors of `pictures` count for the words that they do not have."""
    return {each: score * WORDLESS if each in pictures else score for each, score in scores.items()}
