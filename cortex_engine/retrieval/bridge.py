"""A bridge into a space whose model is gone: a map fitted on passages that have vectors of both models.

While a collection moves from one model to another, passages get vectors of both. If the former model cannot be loaded any
more before the move is done (its package or its weights are gone), a linear map carries the new model's vector of a query
into the former space, and the former vectors can still be searched. It is fitted on some of the pairs, measured on others,
and refused where it finds too little.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelMismatchError, ModelUnavailableError
from cortex_engine.core.protocols import Embedder, Tokenizer, Vectors

LEAST_RECALL = 0.5
"""Of the ten passages that the former model finds, at least five: with fewer, words alone find as many of them
(`docs/benchmarks/bridge.md`)."""

LEAST_PAIRS = 200
MOST_PAIRS = 1000
_HELD_OUT = 5
"""Every fifth pair is measured on, not fitted on."""
_TOP = 10
_RIDGE = 1e-2
"""Share of the mean squared singular value that is added to each: pairs may be fewer than dimensions."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bridge:
    """A linear map from one space into another.

    Attributes:
        matrix: float32 `(dimension from, dimension to)`.
        method: "procrustes" or "ridge".
        recall: share of the ten nearest that are found, 0..1, on pairs that were not fitted on.
        pairs: how many there were in all.
    """

    matrix: Matrix
    method: str
    recall: float
    pairs: int

    def carry(self, vectors: Vectors) -> Vectors:
        """Unit vectors `(n, from)` or `(from,)` as unit vectors of the other space."""
        mapped: Vectors = vectors @ self.matrix
        lengths = np.linalg.norm(mapped, axis=-1, keepdims=True)
        carried: Vectors = (mapped / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
        return carried


def fit(source: Vectors, target: Vectors) -> Bridge:
    """The map that carries `source` to `target` best, of two that are tried on pairs held out.

    Orthogonal Procrustes (Schönemann, Psychometrika 1966) keeps all angles, which Maystre et al. (arXiv 2510.13406, 2025)
    show to be what makes two embedding models interoperable; where dimensions differ its semi-orthogonal form is used.
    Ridge regression (Hoerl and Kennard, Technometrics 1970) may stretch and drop directions.

    Args:
        source, target: `(n, d)` and `(n, e)`, unit vectors of the same passages, row by row.
    """
    held = np.arange(len(source)) % _HELD_OUT == 0
    train = ~held
    tried = [
        Bridge(matrix, method, recall_at(matrix, source[held], target), len(source))
        for method, solve in (("procrustes", procrustes), ("ridge", ridge))
        for matrix in [solve(source[train], target[train])]
    ]
    return max(tried, key=lambda bridge: bridge.recall)


def procrustes(source: Vectors, target: Vectors) -> Matrix:
    """The (semi-)orthogonal matrix `R` that minimises the Frobenius norm of `source R - target`."""
    left, _, right = np.linalg.svd(source.astype(np.float64).T @ target.astype(np.float64), full_matrices=False)
    rotation: Matrix = (left @ right).astype(np.float32)
    return rotation


def ridge(source: Vectors, target: Vectors) -> Matrix:
    """The matrix `W` that minimises `|source W - target|² + λ|W|²`, from the singular values of `source`."""
    left, values, right = np.linalg.svd(source.astype(np.float64), full_matrices=False)
    penalty = _RIDGE * float(np.mean(values**2))
    return (right.T @ ((values / (values**2 + penalty))[:, np.newaxis] * (left.T @ target))).astype(np.float32)


def recall_at(matrix: Matrix, held: Vectors, target: Vectors, top: int = _TOP) -> float:
    """Of the nearest `top` others of each held-out passage in the target space, the share that its mapped vector finds.

    Args:
        held: every `_HELD_OUT`th row of the source, beginning with the first.
        target: all rows of the target.
    """
    rows = np.arange(len(held)) * _HELD_OUT
    mapped = Bridge(matrix, "", 0.0, 0).carry(held)
    shares = []
    for row, vector in zip(rows.tolist(), mapped, strict=True):
        true, found = (_nearest(target @ query, row, top) for query in (target[row], vector))
        shares.append(len(true & found) / max(len(true), 1))
    return float(np.mean(shares)) if shares else 0.0


def _nearest(cosines: NDArray[np.float32], itself: int, top: int) -> set[int]:
    cosines = cosines.copy()
    cosines[itself] = -np.inf
    count = min(top, len(cosines) - 1)
    return set(np.argpartition(-cosines, max(count - 1, 0))[:count].tolist())


class Bridges:
    """Models behind specs, with a bridge where one cannot be loaded any more.

    Args:
        catalog: knows migrations, and vectors of both models.
        embedder_of: the model behind a spec.
    """

    def __init__(self, catalog: Catalog, embedder_of: Callable[[EmbeddingSpec], Embedder]) -> None:
        self._catalog = catalog
        self._embedder_of = embedder_of
        self._fitted: dict[tuple[str, str], Bridge] = {}
        self._guard = threading.Lock()

    def embedder(self, spec: EmbeddingSpec, on_bridge: Callable[[str], None]) -> Embedder:
        """The model of a spec; where it cannot be loaded, another one whose vectors are carried over.

        Args:
            on_bridge: told a sentence with the measured share when a bridge is used.

        Raises:
            ModelMismatchError, ModelUnavailableError: it cannot be loaded, and there is no bridge that holds.
        """
        other = self._catalog.side_model(spec.id)
        if other is None:
            return self._embedder_of(spec)
        try:
            embedder = self._embedder_of(spec)
            embedder.load()
        except (ModelMismatchError, ModelUnavailableError) as error:
            return self._instead(spec, other, error, on_bridge)
        return embedder

    def _instead(
        self, spec: EmbeddingSpec, other: EmbeddingSpec, error: Exception, on_bridge: Callable[[str], None]
    ) -> Embedder:
        bridge = self._bridge(other, spec)
        if bridge.pairs < LEAST_PAIRS:
            reason = f"only {bridge.pairs} passages have vectors of both models, and {LEAST_PAIRS} are needed"
        elif bridge.recall < LEAST_RECALL:
            reason = f"it finds only {bridge.recall:.0%} of what '{spec.model}' finds"
        else:
            on_bridge(
                f"'{spec.model}' cannot be loaded; '{other.model}' answers for it over its vectors through a bridge, which "
                f"found {bridge.recall:.0%} of the ten nearest of passages that it had not seen. ({error})"
            )
            return _Carried(spec, self._embedder_of(other), bridge)
        raise ModelUnavailableError(f"{error} The bridge from '{other.model}' is not used: {reason}.") from error

    def _bridge(self, source: EmbeddingSpec, target: EmbeddingSpec) -> Bridge:
        key = (source.id, target.id)
        with self._guard:
            known = self._fitted.get(key)
            if known is not None and known.pairs >= LEAST_PAIRS:
                return known
            to, come = self._catalog.vector_pairs(target.id, source.id, MOST_PAIRS)
            if len(come) < LEAST_PAIRS:
                return Bridge(np.zeros((source.dimension, target.dimension), np.float32), "none", 0.0, len(come))
            self._fitted[key] = fit(_units(come), _units(to))
            return self._fitted[key]


def _units(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


class _Carried:
    """An embedder of the former space: queries go through another model and the bridge."""

    def __init__(self, spec: EmbeddingSpec, embedder: Embedder, bridge: Bridge) -> None:
        self.spec = spec
        self._embedder = embedder
        self._bridge = bridge

    @property
    def tokenizer(self) -> Tokenizer:
        """The other model's."""
        return self._embedder.tokenizer

    def load(self) -> None:
        """See `Embedder.load`."""
        self._embedder.load()

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.embed_query`."""
        return self._bridge.carry(self._embedder.embed_query(text))

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Never: carried vectors must not be stored as if the former model had made them.

        Raises:
            ModelUnavailableError: always.
        """
        raise ModelUnavailableError(f"'{self.spec.model}' cannot be loaded, so {len(texts)} texts were not embedded.")
