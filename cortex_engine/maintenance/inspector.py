"""The inspector: what the vectors of a model look like, which models have their dimension, and a map of them.

Everything is read in batches: memory holds some thousand vectors and 24 bytes for each of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.app import Compatibility, EmbeddingMap
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.records import StoredVectors

_KEYS = NDArray[np.uint64]
_FLOAT_BYTES = 4
_SEED = 20261121
_PROJECTIONS = 8
_GRID = 1e-3
"""Rounding of the projections that are compared: directions that share all of them agree to about that."""
_LOOKUP = 500
_NAMED = 20
_PREVIEW = 160
_ITERATIONS = 6
_EXTRA_DIRECTIONS = 8

_NONE_NEEDED = "Nothing has to be done: vectors of this model can be searched by Qwen3-VL as they are."
_REEMBED = (
    "The Qwen3-VL reranker can order what is found. To search by Qwen3-VL embeddings, move the collection to that model; "
    "nothing is parsed again, and searches go on meanwhile."
)
_CHECK_SOURCE = (
    "Several models have this dimension. Look at the model named with the collection: vectors of Qwen3-VL-Embedding-8B can be "
    "searched as they are; a collection of NV-Embed-v2, or of any other model, has to be moved to it."
)

COMPATIBILITY: tuple[Compatibility, ...] = (
    Compatibility(384, ("all-MiniLM-L6-v2",), "reranker only", _REEMBED),
    Compatibility(768, ("bge-base-en-v1.5",), "reranker only", _REEMBED),
    Compatibility(1024, ("bge-large-en-v1.5",), "reranker only", _REEMBED),
    Compatibility(2048, ("Qwen3-VL-Embedding-2B",), "full", _NONE_NEEDED),
    Compatibility(4096, ("Qwen3-VL-Embedding-8B", "NV-Embed-v2"), "check source model", _CHECK_SOURCE),
)
"""What a dimension may mean. It identifies no model: the identity stands with the collection."""

_UNKNOWN = (
    "No model of this dimension is on the list; the model named with the collection decides. The Qwen3-VL reranker can be "
    "used with every model."
)


@dataclass(frozen=True, slots=True)
class VectorFigures:
    """What `figures` finds; the fields are those of `VectorStatistics`."""

    vectors: int
    dimensions: dict[int, int]
    norm_low: float
    norm_mean: float
    norm_high: float
    zero: int
    not_finite: int
    duplicates: int
    affected: tuple[str, ...]


def figures(catalog: Catalog, model_id: str, dimension: int) -> VectorFigures:
    """Look at every vector of a model as it lies in the catalog.

    Args:
        dimension: that the model's vectors should have; vectors of another are counted and not looked into.

    Raises:
        NotFoundError: unknown model id.
    """
    tally = _Tally(dimension)
    for batch in catalog.stored_vectors(model_id):
        tally.add(batch)
    named = {passage.document for passage in catalog.lookup(tally.faulty).values()} if tally.faulty else ()
    return tally.figures(tuple(sorted(named)[:_NAMED]))


def compatibility(present: Collection[int]) -> list[Compatibility]:
    """The table of known dimensions, and a row for each other one that the library holds, ascending."""
    known = {row.dimension for row in COMPATIBILITY}
    strange = [Compatibility(each, (), "reranker only", _UNKNOWN) for each in present if each not in known]
    rows = sorted([*COMPATIBILITY, *strange], key=lambda row: row.dimension)
    return [replace(row, present=row.dimension in present) for row in rows]


def embedding_map(catalog: Catalog, model_id: str, dimension: int, limit: int) -> EmbeddingMap:
    """Passages of a model in the plane of the two directions in which they differ most.

    Args:
        limit: most points; a larger library is sampled, with a fixed seed.

    Raises:
        NotFoundError: unknown model id.
    """
    total = catalog.counts().vectors.get(model_id, 0)
    chunk_ids, vectors = _sample(catalog, model_id, dimension, total, limit)
    points, explained = principal_plane(vectors)
    passages = {}
    for first in range(0, len(chunk_ids), _LOOKUP):
        passages.update(catalog.lookup(chunk_ids[first : first + _LOOKUP]))
    kept = [position for position, name in enumerate(chunk_ids) if name in passages]
    found = [passages[chunk_ids[position]] for position in kept]
    return EmbeddingMap(
        points=[(float(points[position, 0]), float(points[position, 1])) for position in kept],
        documents=[passage.document for passage in found],
        previews=[" ".join(passage.chunk.text[: 2 * _PREVIEW].split())[:_PREVIEW] for passage in found],
        chunk_ids=[chunk_ids[position] for position in kept],
        explained=explained,
        total=total,
        document_ids=[passage.chunk.document_id for passage in found],
        pages=[passage.chunk.page for passage in found],
    )


def principal_plane(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Coordinates `(n, 2)` on the two main directions, and the share of the variance that these hold.

    By iterating on a random subspace: some milliseconds where a whole decomposition of 4,096 dimensions takes many
    seconds. The same vectors give the same picture.
    """
    if len(vectors) < 2:
        return np.zeros((len(vectors), 2)), 1.0 if len(vectors) else 0.0
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    whole = float(np.square(centred, dtype=np.float64).sum())
    if whole == 0:
        return np.zeros((len(vectors), 2)), 1.0
    width = min(2 + _EXTRA_DIRECTIONS, *centred.shape)
    basis = np.random.default_rng(_SEED).standard_normal((centred.shape[1], width))
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    left, lengths, right = np.linalg.svd(centred @ basis, full_matrices=False)
    plane = np.zeros((len(vectors), 2))
    plane[:, : min(2, width)] = (left * lengths)[:, :2]
    main = (right @ basis.T)[:2]
    for axis in range(len(main)):  # the sign of a direction is arbitrary: its largest part points upwards
        if main[axis, np.abs(main[axis]).argmax()] < 0:
            plane[:, axis] *= -1
    return plane, min(1.0, float(np.square(lengths[:2]).sum()) / whole)


class _Tally:
    """Figures that grow batch by batch."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._dimensions: Counter[int] = Counter()
        self._directions = np.random.default_rng(_SEED).standard_normal((dimension, _PROJECTIONS))
        self._mix = np.random.default_rng(_SEED + 1).integers(1, 2**63, _PROJECTIONS, dtype=np.uint64) | np.uint64(1)
        self._prints: list[tuple[_KEYS, _KEYS, _KEYS]] = []
        self._norms = _Norms()
        self._zero = self._not_finite = 0
        self.faulty: list[str] = []
        """Some of the passages whose vectors are no good."""

    def add(self, batch: StoredVectors) -> None:
        self._dimensions.update(len(each) // _FLOAT_BYTES for each in batch.data)
        fit = [row for row, each in enumerate(batch.data) if len(each) == self._dimension * _FLOAT_BYTES]
        matrix = np.frombuffer(b"".join(batch.data[row] for row in fit), "<f4").reshape(len(fit), self._dimension)
        finite = np.isfinite(matrix).all(axis=1)
        norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
        sound = finite & (norms > 0)
        self._not_finite += int((~finite).sum())
        self._zero += int((finite & (norms == 0)).sum())
        self._norms.add(norms[finite])
        texts = np.array([int(batch.text_hashes[row][:16], 16) for row in fit], np.uint64)
        self._prints.append((*self._fingerprints(matrix[sound], norms[sound]), texts[sound]))
        bad = set(range(len(batch.data))).difference(np.array(fit, np.int64)[sound].tolist())
        self.faulty += [batch.chunk_ids[row] for row in sorted(bad)[: _LOOKUP - len(self.faulty)]]

    def figures(self, affected: tuple[str, ...]) -> VectorFigures:
        return VectorFigures(
            vectors=sum(self._dimensions.values()),
            dimensions=dict(sorted(self._dimensions.items())),
            norm_low=self._norms.low if self._norms.count else 0.0,
            norm_mean=self._norms.total / max(1, self._norms.count),
            norm_high=self._norms.high,
            zero=self._zero,
            not_finite=self._not_finite,
            duplicates=self._duplicates(),
            affected=affected,
        )

    def _fingerprints(self, matrix: NDArray[np.float32], norms: NDArray[np.float64]) -> tuple[_KEYS, _KEYS]:
        """Two keys for each row, on grids that are shifted by half a step: equal rows share one even on a border."""
        places = (matrix @ self._directions) / (norms[:, np.newaxis] * _GRID)
        with np.errstate(over="ignore"):
            first, second = (
                (np.floor(places + shift).astype(np.int64).astype(np.uint64) * self._mix).sum(axis=1, dtype=np.uint64)
                for shift in (0.0, 0.5)
            )
        return first, second

    def _duplicates(self) -> int:
        """Vectors that an earlier one of another text equals on either grid."""
        if not self._prints:
            return 0
        first, second, texts = (np.concatenate(column) for column in zip(*self._prints, strict=True))
        equal = np.zeros(len(texts), np.bool_)
        for keys in (first, second):
            _, earliest, group = np.unique(keys, return_index=True, return_inverse=True)
            equal |= texts != texts[earliest[group]]
        return int(equal.sum())


class _Norms:
    """Lowest, highest and sum of lengths."""

    def __init__(self) -> None:
        self.low, self.high, self.total, self.count = float("inf"), 0.0, 0.0, 0

    def add(self, norms: NDArray[np.float64]) -> None:
        if len(norms):
            self.low, self.high = min(self.low, float(norms.min())), max(self.high, float(norms.max()))
            self.total, self.count = self.total + float(norms.sum()), self.count + len(norms)


def _sample(
    catalog: Catalog, model_id: str, dimension: int, total: int, limit: int
) -> tuple[list[str], NDArray[np.float32]]:
    """At most `limit` sound vectors, taken evenly at random over all of them."""
    chosen: Sequence[int] | NDArray[np.int64] = range(total)
    if total > limit:
        chosen = np.sort(np.random.default_rng(_SEED).choice(total, limit, replace=False))
    wanted = np.zeros(total, np.bool_)
    wanted[np.asarray(chosen, np.int64)] = True
    names: list[str] = []
    data: list[bytes] = []
    for position, name, blob in _rows(catalog, model_id):
        if position < total and wanted[position] and len(blob) == dimension * _FLOAT_BYTES:
            names.append(name)
            data.append(blob)
    matrix = np.frombuffer(b"".join(data), "<f4").reshape(len(data), dimension)
    finite = np.isfinite(matrix).all(axis=1)
    return [names[row] for row in np.flatnonzero(finite)], matrix[finite]


def _rows(catalog: Catalog, model_id: str) -> Iterator[tuple[int, str, bytes]]:
    position = 0
    for batch in catalog.stored_vectors(model_id):
        for name, blob in zip(batch.chunk_ids, batch.data, strict=True):
            yield position, name, blob
            position += 1
