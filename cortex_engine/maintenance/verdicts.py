"""The verdict of the canary contract: what became of a model between two looks at the same sixteen probes.

All bounds were measured (docs/explanation/canary-contract.md has the table): on tiny Qwen3-VL checkpoints with trained and with
random weights, and on all-MiniLM-L6-v2, each in other precisions, with other and without prompts, quantised and disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.probes import Verdict

HALF = 8
"""Probes `[:HALF]` are queries, `[HALF:]` what they should find."""

_SAME = 2e-4
"""Distance of unit vectors. The same numbers on another machine: up to 1e-6. float16: from 1.4e-3, bfloat16: from 6e-3."""
_NEAR = 0.99
"""Cosine. The lowest of 16 in bfloat16: .9998; 8-bit weights: .9993; 4-bit weights: .74 to .91; another prompt: up to .93."""
_LENGTH_GAP = 1e-3
_AGREES = 0.55
"""Of `agreement` in each half. Another prompt or none: from .57; a model without its upper layers: up to .52; others: .35."""
_ALIKE = 0.4
"""Of the mean cosine in each half. Another prompt or none: from .48; a model without its upper layers: .37."""
_SENSE = 1.0
"""Of `sense`: trained models 1.3 to 2.3, random weights up to .62."""

_Array = NDArray[np.float64]


def judge(
    frozen: NDArray[np.float32], now: NDArray[np.float32], found: Sequence[int] = range(HALF)
) -> tuple[Verdict, float]:
    """Compare the vectors of the probes then and now.

    Args:
        frozen: `(16, dimension)`.
        now: `(16, dimension)` or with another dimension.
        found: for each query, which of the eight others it should find.

    Returns:
        the verdict, and the lowest cosine of a probe with itself over the dimensions that both have.
    """
    before, after = frozen.astype(np.float64), now.astype(np.float64)
    if after.shape[0] != before.shape[0] or not np.isfinite(after).all() or not np.linalg.norm(after, axis=1).all():
        return Verdict.RANDOM_WEIGHTS, -1.0
    kept = _common_dimensions(before, after)
    cosines = np.sum(_units(before[:, :kept]) * _units(after[:, :kept]), axis=1)
    lowest = float(cosines.min())
    if kept < before.shape[1] or kept < after.shape[1]:
        if _agree(before[:, :kept], after[:, :kept]):
            return Verdict.TRUNCATED, lowest
        return _stranger(before, after, found), lowest
    lengths = np.linalg.norm(after, axis=1) / np.linalg.norm(before, axis=1)
    if lowest >= _NEAR:
        if np.abs(lengths - 1).max() > _LENGTH_GAP:
            return Verdict.NOT_NORMALISED, lowest
        same = np.linalg.norm(_units(before) - _units(after), axis=1).max() <= _SAME
        return (Verdict.IDENTICAL if same else Verdict.OTHER_PRECISION), lowest
    if _agree(before, after):
        return Verdict.OTHER_PROMPT, lowest
    return _stranger(before, after, found), lowest


def sense(vectors: NDArray[np.float32], found: Sequence[int] = range(HALF)) -> float:
    """How far queries stand out for what they should find, in deviations of the cosines between the halves.

    Rows and columns are centred before, as random networks have favourites that are near everything. By chance it is about
    0 with a deviation of .38; from 1 on a model has learnt something.
    """
    units = _units(vectors.astype(np.float64))
    cosines = units[:HALF] @ units[HALF:].T
    cosines = cosines - cosines.mean(0) - cosines.mean(1, keepdims=True) + cosines.mean()
    spread = float(cosines.std())
    return float(cosines[np.arange(HALF), list(found)].mean() / spread) if spread > 1e-9 else 0.0


def makes_sense(vectors: NDArray[np.float32], found: Sequence[int] = range(HALF)) -> bool:
    """Whether the probes show that the model was trained."""
    return sense(vectors, found) >= _SENSE


def agreement(before: _Array, after: _Array) -> float:
    """Correlation of centred vectors in the same coordinates: 1 for the same, about 0 for spaces that have nothing in common."""
    first, second = before - before.mean(0), after - after.mean(0)
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum() / size) if size > 0 else 0.0


def _agree(before: _Array, after: _Array) -> bool:
    """Whether both point the same way, each half by itself: a prompt may concern one half, other weights concern both."""
    halves = ((_units(before[part]), _units(after[part])) for part in (slice(None, HALF), slice(HALF, None)))
    return all(
        agreement(first, second) >= _AGREES and (first * second).sum(1).mean() >= _ALIKE for first, second in halves
    )


def _stranger(before: _Array, after: _Array, found: Sequence[int]) -> Verdict:
    """Another model, or one that makes no sense where the former did."""
    trained = makes_sense(before.astype(np.float32), found)
    lost = trained and not makes_sense(after.astype(np.float32), found)
    return Verdict.RANDOM_WEIGHTS if lost else Verdict.DIFFERENT_MODEL


def _common_dimensions(before: _Array, after: _Array) -> int:
    """Dimensions that both have; a tail that is zero in every vector of only one of the two does not count."""
    width = min(before.shape[1], after.shape[1])
    filled = [int(np.flatnonzero(np.abs(each[:, :width]).max(0)).max(initial=-1)) + 1 for each in (before, after)]
    return width if filled[0] == filled[1] else max(1, min(filled))


def _units(vectors: _Array) -> _Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: _Array = vectors / np.maximum(lengths, 1e-30)
    return units


def sentence(verdict: Verdict, model: str, lowest: float, precisions: tuple[str, str] = ("", "")) -> str:
    """What was found and what to do, for people.

    Args:
        precisions: of the weights then and now, "" where unknown.
    """
    if verdict is Verdict.IDENTICAL:
        return f"'{model}' gives the same vectors as when they were first made."
    if verdict is Verdict.OTHER_PRECISION:
        known = f" ({precisions[0]} then, {precisions[1]} now)" if all(precisions) and len(set(precisions)) == 2 else ""
        return (
            f"'{model}' computes in another precision than when its first vectors were made{known}; the vectors fit (lowest "
            f"cosine of 16 probes: {lowest:.4f})."
        )
    return f"'{model}' {_FOUND[verdict].format(lowest=lowest)} {_REMEDY[verdict]} {_GOES_ON}"


_FOUND = {
    Verdict.TRUNCATED: "gives vectors of another length than those kept, or with a tail of zeros; what both have agrees "
    "(lowest cosine: {lowest:.3f}).",
    Verdict.NOT_NORMALISED: "gives vectors that point the same way as those kept, but are no longer of their length.",
    Verdict.OTHER_PROMPT: "gives other vectors than those kept (lowest cosine of 16 probes: {lowest:.3f}), though of the same "
    "space: an instruction or its chat template is missing or another one, or its weights were reduced to 4 bits or trained on.",
    Verdict.DIFFERENT_MODEL: "is not the model that made the vectors kept, although name and dimension agree (lowest cosine "
    "of 16 probes: {lowest:.3f}).",
    Verdict.RANDOM_WEIGHTS: "gives vectors without sense: texts that mean the same are no nearer than others. Its weights were "
    "not loaded or are damaged (lowest cosine of 16 probes: {lowest:.3f}).",
}
_REMEDY = {
    Verdict.TRUNCATED: "Set the dimensions back to what they were, or move the collection to the present model.",
    Verdict.NOT_NORMALISED: "Install the former version of the model or of its library again.",
    Verdict.OTHER_PROMPT: "Bring the former files and settings of the model back, or move the collection to the present model.",
    Verdict.DIFFERENT_MODEL: "Bring the former model back, or move the collection to the present one.",
    Verdict.RANDOM_WEIGHTS: "Copy or fetch the model again.",
}
_GOES_ON = "It is not used until then: search by words goes on, and documents wait for their vectors."

NO_SENSE = (
    "'{model}' gives vectors without sense: probes that mean the same are no nearer than others. Its weights are random or were "
    "not loaded, or it was made for something else than the probes show. Searches by meaning find little with it; check the "
    "model's files before more is added."
)
