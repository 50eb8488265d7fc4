"""Vectors that may be shortened (Matryoshka representation learning, Kusupati et al. 2022)."""

from __future__ import annotations

import numpy as np

from cortex_engine.core.errors import ConfigError
from cortex_engine.core.protocols import Vectors

SMALLEST_DIMENSION = 16


def shortened(vectors: Vectors, dimension: int) -> Vectors:
    """The first `dimension` numbers of each row, scaled to length 1."""
    cut = vectors[:, :dimension].astype(np.float64)
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    scaled: Vectors = np.ascontiguousarray(cut / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
    return scaled


def check_dimension(dimension: int, full: int, model: str) -> None:
    """Refuse a dimension that the model has not.

    Raises:
        ConfigError: it is below 16 or above the full one.
    """
    if not min(SMALLEST_DIMENSION, full) <= dimension <= full:
        raise ConfigError(
            f"Vectors of {model} have {full} numbers and can be shortened to any size down to {SMALLEST_DIMENSION}; "
            f"{dimension} is not possible. Correct the dimension (setting 'qwen3_vl_mrl_dim')."
        )
