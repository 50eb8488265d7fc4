"""Sum and second moments of a set of vectors: from them follow mean and deviation of any query's scores, exactly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.reports import ScoreMoments

_ROWS_AT_ONCE = 4096


class VectorSums:
    """`n`, the sum of x, and the sum of x·xᵀ in float64, kept up to date by adding and taking away.

    Attributes:
        rows, dead: how many rows, and how many entries of the list of dead rows, are accounted for.
    """

    def __init__(self, dimension: int) -> None:
        self.rows = 0
        self.dead = 0
        self._sums = np.zeros((dimension + 1, dimension), np.float64)

    def follow(self, vectors: NDArray[np.float32], dead: NDArray[np.uint32]) -> None:
        """Account for rows and deaths that came since."""
        for first in range(self.rows, len(vectors), _ROWS_AT_ONCE):
            self._add(vectors[first : first + _ROWS_AT_ONCE], 1.0)
        fallen = dead[self.dead :]
        for first in range(0, len(fallen), _ROWS_AT_ONCE):
            self._add(vectors[fallen[first : first + _ROWS_AT_ONCE]], -1.0)
        self.rows, self.dead = len(vectors), len(dead)

    def totals(self, query: NDArray[np.float32]) -> tuple[float, float]:
        """Sum of the scores of all live vectors, and sum of their squares."""
        wide = query.astype(np.float64)
        return float(self._sums[0] @ wide), float(wide @ self._sums[1:] @ wide)

    def to_bytes(self) -> bytes:
        """For the disk."""
        return self._sums.tobytes()

    def restore(self, data: bytes, rows: int, dead: int) -> None:
        """From the disk.

        Raises:
            ValueError: the length is wrong.
        """
        self._sums = np.frombuffer(data, np.float64).reshape(self._sums.shape).copy()
        self.rows, self.dead = rows, dead

    def _add(self, vectors: NDArray[np.float32], sign: float) -> None:
        wide = vectors.astype(np.float64)
        self._sums[0] += sign * wide.sum(axis=0)
        self._sums[1:] += sign * (wide.T @ wide)


def moments(total: float, squares: float, count: int) -> ScoreMoments:
    """Mean and (population) deviation from the sums; zeros for nothing."""
    if count <= 0:
        return ScoreMoments(0.0, 0.0, 0)
    mean = total / count
    return ScoreMoments(mean, math.sqrt(max(squares / count - mean * mean, 0.0)), count)
