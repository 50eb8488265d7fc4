"""How well a conformal cut-off keeps its promise, measured on right answers that are known. Pure functions.

The share of right answers that a split conformal cut-off loses is itself random, by which of them it was found. Of m held-back
ones that are exchangeable with n calibration ones, the number lost follows a beta-binomial distribution (Vovk, "Conditional
validity of inductive conformal predictors", ACML 2012; Angelopoulos and Bates 2021, section 3.2): its tail is the tolerance.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from cortex_engine.core.calibration import conformal_cut


@dataclass(frozen=True, slots=True)
class SplitReport:
    """Miss rates over random splits of right answers into two halves.

    Attributes:
        bound: the miss rate that was asked for.
        mean: of the measured ones; at most the bound, but for the splits being a sample.
        worst: of single splits.
        tolerance: what a single split may reach by chance in 1 of 100.
        above: share of splits over the tolerance.
        cut: of all right answers.
    """

    bound: float
    mean: float
    worst: float
    tolerance: float
    above: float
    cut: float | None


def split_conformal(evidence: Sequence[float], miss_rate: float, splits: int = 500, seed: int = 0) -> SplitReport:
    """Calibrate on one half of right answers, count the misses among the other half; so many times.

    Raises:
        ValueError: fewer than two right answers.
    """
    if len(evidence) < 2:
        raise ValueError("A split needs at least two right answers.")
    draw, values, half = random.Random(seed), list(evidence), len(evidence) // 2  # noqa: S311 - no secret
    missed = []
    for _ in range(splits):
        draw.shuffle(values)
        cut = conformal_cut([(values[:half], 1.0)], miss_rate)
        missed.append(0.0 if cut is None else sum(value < cut for value in values[half:]) / (len(values) - half))
    limit = tolerance(miss_rate, half, len(values) - half)
    return SplitReport(
        miss_rate,
        math.fsum(missed) / splits,
        max(missed),
        limit,
        sum(share > limit + 1e-12 for share in missed) / splits,
        conformal_cut([(list(evidence), 1.0)], miss_rate),
    )


def tolerance(miss_rate: float, calibrated: int, held_back: int, chance: float = 0.01) -> float:
    """The share of `held_back` right answers that is lost with no more than this chance, for a cut found by `calibrated` ones.

    The cut is the k-th smallest evidence, k = floor(miss rate (n + 1)); the number lost is beta-binomial (m, k, n + 1 - k).
    """
    k = math.floor(miss_rate * (calibrated + 1) + 1e-9)
    if k == 0:
        return 0.0
    tail, lost = 1.0, 0
    while lost < held_back:
        tail -= _beta_binomial(lost, held_back, k, calibrated + 1 - k)
        if tail <= chance:
            break
        lost += 1
    return lost / held_back


def _beta_binomial(found: int, of: int, first: float, second: float) -> float:
    """Probability of `found` out of `of` where the share itself is beta distributed."""
    ways = math.lgamma(of + 1) - math.lgamma(found + 1) - math.lgamma(of - found + 1)
    return math.exp(ways + _log_beta(found + first, of - found + second) - _log_beta(first, second))


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)
