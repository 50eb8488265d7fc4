"""What the raw scores of a reranker mean: beside those of unrelated pairs, in deviations above their mean. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cortex_engine.core.calibration import Calibration, share_below, weighted_quantile
from cortex_engine.core.reranking import Judgement

RELEVANT = ("relevant from", "highly relevant from")
"""How the trace calls the limits of a scale."""


def moments(quantiles: Sequence[float]) -> tuple[float, float]:
    """Mean and deviation of a distribution that is linear between evenly spaced quantiles.

    >>> moments([0.0, 6.0])
    (3.0, 1.7320508075688772)
    """
    pairs = list(pairwise(quantiles))
    mean = math.fsum((low + high) / 2 for low, high in pairs) / len(pairs)
    square = math.fsum(
        ((low - mean) ** 2 + (low - mean) * (high - mean) + (high - mean) ** 2) / 3 for low, high in pairs
    )
    return mean, math.sqrt(square / len(pairs))


@dataclass(frozen=True, slots=True)
class RelevanceScale:
    """The scale of one reranker in the collections asked: that of each collection, weighed by its passages.

    Make it by `of`.
    """

    parts: tuple[tuple[float, Calibration], ...]
    slope: float
    offset: float
    mean: float
    limits: tuple[float, float] | None

    @classmethod
    def of(cls, calibrations: Sequence[Calibration]) -> RelevanceScale | None:
        """From calibrations of one reranker; None where none of them tells pairs apart."""
        known = [(each, *moments(each.unrelated)) for each in calibrations if each.pairs and len(each.unrelated) > 1]
        known = [(each, mean, deviation) for each, mean, deviation in known if deviation > 0]
        total = sum(each.passages for each, _, _ in known)
        if not total:
            return None
        weighed = [(each.passages / total, each, mean, deviation) for each, mean, deviation in known]
        return cls(
            tuple((weight, each) for weight, each, _, _ in weighed),
            math.fsum(weight / deviation for weight, _, _, deviation in weighed),
            math.fsum(weight * mean / deviation for weight, _, mean, deviation in weighed),
            math.fsum(weight * mean for weight, _, mean, _ in weighed),
            _limits(weighed),
        )

    @property
    def facts(self) -> dict[str, float]:
        """For the trace."""
        told = {
            "unrelated pairs": float(sum(each.pairs for _, each in self.parts)),
            "unrelated mean": self.offset / self.slope,
            "unrelated deviation": 1 / self.slope,
        }
        return told if self.limits is None else told | dict(zip(RELEVANT, self.limits, strict=True))

    def standard(self, own: float) -> float:
        """A raw score (without a prior) in deviations above the mean of unrelated pairs; another unit of it changes nothing."""
        return own * self.slope - self.offset

    def share(self, own: float) -> float:
        """Share, 0..1, of unrelated pairs whose raw score (without a prior) is lower."""
        return math.fsum(weight * share_below(each.unrelated, own, each.pairs) for weight, each in self.parts)

    def score(self, judgement: Judgement) -> float:
        """The score of a hit on the scale of the fusion; never in another order than the raw scores of one call.

        A reranker that adds to what the search found does so in the search's own unit: there it is enough to take away what
        unrelated passages get.
        """
        return self.standard(judgement.raw) if judgement.prior is None else judgement.raw - self.mean


def _limits(weighed: Sequence[tuple[float, Calibration, float, float]]) -> tuple[float, float] | None:
    """Deviations that the passages behind three quarters, and behind half, of the made questions reach; None without any."""
    placed = [
        ((value - mean) / deviation, weight / len(each.related))
        for weight, each, mean, deviation in weighed
        for value in each.related
    ]
    return (weighted_quantile(placed, 0.25), weighted_quantile(placed, 0.5)) if placed else None
