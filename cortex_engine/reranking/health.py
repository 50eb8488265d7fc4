"""Whether a reranker's scores mean anything. Plain numbers; no model is needed to judge them.

The failure that this exists for: a reranker loaded without its head, or through the wrong class, gives one score to
everything, or scores at random, and a search that trusts it looks like one that works.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

_SURE = 17.0
"""From here on float32 knows no difference between sigmoid(x) and 1."""
_SPREAD = 1e-3
"""Raw scores of a saturated model closer together than this are taken for equal."""
_GOOD_SHARE = 0.9
"""Share of comparisons that a healthy model wins, at least: 11 of 12, which pure guessing reaches once in fifty times, and
random weights, which care for the document more than for the pair, far more seldom."""


class Fault(StrEnum):
    """What is wrong with scores."""

    NONE = ""
    NOT_FINITE = "not finite"
    CONSTANT = "constant"
    SATURATED = "saturated"
    INVERTED = "inverted"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement.

    Attributes:
        fault: what is wrong, `Fault.NONE` for nothing.
        sentence: for people, "" for nothing wrong; it has no subject's name in it.
        won: comparisons of a matching with a non-matching pair that went right; 0 where none were made.
        compared: how many were made.
    """

    fault: Fault = Fault.NONE
    sentence: str = ""
    won: int = 0
    compared: int = 0


def judge_spread(raw: NDArray[np.float64]) -> Finding:
    """Judge raw scores `(n,)` that belong to different pairs: finite, and not all the same."""
    broken = int(np.count_nonzero(~np.isfinite(raw)))
    if broken:
        return Finding(Fault.NOT_FINITE, f"{broken} of {len(raw)} scores are no finite numbers")
    if len(raw) < 2:
        return Finding()
    low, high = float(raw.min()), float(raw.max())
    if (low > _SURE or high < -_SURE) and high - low < _SPREAD:
        end = "1.0" if low > 0 else "0.0"
        return Finding(
            Fault.SATURATED,
            f"all {len(raw)} scores are saturated: the raw ones lie between {low:.6g} and {high:.6g}, so that each is shown "
            f"as {end}",
        )
    if low == high:
        return Finding(Fault.CONSTANT, f"all {len(raw)} scores are constant: {low:.6g} for everything")
    return Finding()


def judge_matrix(raw: NDArray[np.float64]) -> Finding:
    """Judge the raw scores `(n, n)` of n queries (rows) and documents (columns) of which each matches its own.

    Each row's own document is compared with each other one; a healthy model wins nearly all comparisons, one whose "yes" and
    "no" are swapped nearly none, and one with random weights about half.
    """
    spread = judge_spread(raw.ravel())
    if spread.fault:
        return spread
    if bool((raw == raw[:, :1]).all()) or bool((raw == raw[:1]).all()):
        what = "the document" if bool((raw == raw[:, :1]).all()) else "the query"
        return Finding(Fault.CONSTANT, f"scores are constant in {what}: changing it changes nothing")
    others = ~np.eye(len(raw), dtype=bool)
    own = np.diagonal(raw)[:, None]
    compared = int(others.sum())
    won = int(((own > raw) & others).sum())
    if won >= _GOOD_SHARE * compared:
        return Finding(won=won, compared=compared)
    margin = float((own - raw)[others].mean())
    if won <= (1 - _GOOD_SHARE) * compared:
        sentence = (
            f"scores are inverted: the matching document was above another in only {won} of {compared} comparisons, by "
            f"{margin:.3g} on average"
        )
        return Finding(Fault.INVERTED, sentence, won, compared)
    sentence = (
        f"scores look random: the matching document was above another in {won} of {compared} comparisons, where guessing "
        f"gets {compared // 2}"
    )
    return Finding(Fault.RANDOM, sentence, won, compared)
