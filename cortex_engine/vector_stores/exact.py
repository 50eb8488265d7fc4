"""The exact store: a flat scan over mapped files, cheap to open, to add to and to delete from.

Up to `FLOAT_SCAN` rows in scope every cosine is computed. Beyond, sign codes choose candidates and floats put them in
order (see `flat_scan`); the share of the true ten best that this finds is measured in `docs/benchmarks/dense.md`.
One process writes; any number of processes read, and see what the writer last flushed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.reports import ScoreMoments, StoreDescription
from cortex_engine.core.search import Ranking, ScoredChunk
from cortex_engine.vector_stores import flat_scan
from cortex_engine.vector_stores.columns import MANIFEST
from cortex_engine.vector_stores.files import StoreFiles
from cortex_engine.vector_stores.inputs import as_query, as_rows
from cortex_engine.vector_stores.vector_sums import moments

FLOAT_SCAN = 20_000
"""Rows in scope up to which every cosine is computed (30 MB of 384 dimensions: about 3 ms)."""
_RESCORED = 3000
_RESCORED_SHARE = 400
"""Candidates scored as floats: at least this many, and one in so many rows. Questions that nothing in the store
answers are the hard ones: 1,000 hold .951 of their true ten, 3,000 hold .993."""
_COMPACT_FROM = 4096
_ROWS = NDArray[np.int64]


class ExactStore:
    """Nearest vectors by a flat scan (implements `ScoringVectorStore`).

    Args:
        folder: where the files lie; made by the first write.
        dimension: of the vectors.

    Every method raises `IndexUnavailableError` where the folder's files do not agree with its manifest, and
    `ModelMismatchError` where they hold vectors of another dimension.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._lock = threading.RLock()
        self._scratch = threading.local()
        self._opened: StoreFiles | None = None
        self._seen: tuple[int, int] | None = None

    def upsert(self, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: flat_scan.Floats) -> None:
        """Insert or replace; vectors that are stored already leave everything as it is.

        Raises:
            ModelMismatchError: the vectors have another dimension.
            UsageError: the three do not have the same length, or a vector is not finite.
        """
        rows = as_rows(chunk_ids, document_ids, vectors, self._dimension)
        if len(rows.chunk_ids) == 0:
            return
        matrix = flat_scan.unit_rows(rows.vectors)
        with self._lock:
            files = self._files()
            documents = self._number(files, rows.document_ids)
            known = np.array(files.chunks.find(rows.chunk_ids), np.int64)
            known[known >= 0] = np.where(files.alive[known[known >= 0]], known[known >= 0], -1)
            changed = np.ones(len(known), np.bool_)
            held = np.flatnonzero(known >= 0)
            same = (files.vectors.view[known[held]] == matrix[held]).all(axis=1)
            changed[held] = ~(same & (files.documents_of.view[known[held]] == documents[held]))
            replaced = known[changed & (known >= 0)]
            if len(replaced):
                files.bury(replaced)
            if changed.any():
                names = [rows.chunk_ids[position] for position in np.flatnonzero(changed).tolist()]
                files.append(names, documents[changed], matrix[changed])

    def delete(self, document_ids: Collection[str]) -> None:
        """Remove all vectors of these documents at once; unknown ids are ignored."""
        with self._lock:
            files = self._files()
            rows = self._scope(files, document_ids)
            if rows is not None and len(rows):
                files.bury(rows)

    def nearest(self, vector: NDArray[np.float32], top_k: int, documents: Collection[str] | None = None) -> Ranking:
        """The `top_k` nearest by cosine, equal scores by chunk id; see `VectorStore.nearest`.

        Raises:
            ModelMismatchError: the query has another dimension.
        """
        query = as_query(vector, self._dimension)
        with self._lock:
            files = self._files()
            scope = self._scope(files, documents)
            view = _View(files)
        if top_k < 1:
            return Ranking("vector", ())
        count = files.live if scope is None else len(scope)
        if count <= FLOAT_SCAN or len(view.codes) == 0 or not flat_scan.POPCOUNT:
            candidates = _float_scan(view, scope, query, top_k)
        else:
            candidates = self._code_scan(view, scope, query, top_k)
        scores = flat_scan.cosines(view.vectors, candidates, query)
        return _ranking(view, candidates, scores, top_k)

    def scores(self, vector: NDArray[np.float32], chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """True cosine of each of these passages; ids that are not held are left out."""
        query = as_query(vector, self._dimension)
        wanted = list(chunk_ids)
        with self._lock:
            files = self._files()
            rows = np.array(files.chunks.find(wanted), np.int64)
            held = np.flatnonzero(rows >= 0)
            held = held[files.alive[rows[held]]]
            values = flat_scan.cosines(files.vectors.view, rows[held], query)
        return {wanted[position]: value for position, value in zip(held.tolist(), values.tolist(), strict=True)}

    def moments(self, vector: NDArray[np.float32], documents: Collection[str] | None = None) -> ScoreMoments:
        """Mean and deviation of the cosine over all passages in scope, exact.

        Without a filter they follow from the sum and the second moments of the stored vectors; with one, the smaller
        of scope and rest is scored, and the rest taken from the whole.
        """
        query = as_query(vector, self._dimension)
        with self._lock:
            files = self._files()
            scope = self._scope(files, documents)
            vectors, alive, live = files.vectors.view, files.alive, files.live
            if scope is None or 2 * len(scope) > live:
                whole = files.sums().totals(query)
        if scope is None:
            return moments(*whole, live)
        if 2 * len(scope) <= live:
            return moments(*_totals(vectors, scope, query), len(scope))
        rest = alive.copy()
        rest[scope] = False
        total, squares = _totals(vectors, np.flatnonzero(rest), query)
        return moments(whole[0] - total, whole[1] - squares, len(scope))

    def ids(self) -> set[str]:
        """All chunk ids held."""
        with self._lock:
            files = self._files()
            return set(files.chunks.listed().get(np.flatnonzero(files.alive).tolist()))

    def describe(self) -> StoreDescription:
        """Backend "exact", count, dimension."""
        with self._lock:
            return StoreDescription("exact", self._files().live, self._dimension)

    def flush(self) -> None:
        """Make all writes durable and visible to other processes; compacts when dead rows outnumber a third."""
        with self._lock:
            files = self._files()
            if files.dead.count > max(_COMPACT_FROM, files.vectors.count // 3):
                self._opened = files.compacted()
                self._opened.flush()
                files.remove()
            elif files.pending:
                files.flush()
            self._seen = self._manifest_identity()

    def verify(self, full: bool = False) -> None:
        """Check the files against the manifest: their lengths, and when `full` every byte.

        Raises:
            IndexUnavailableError: naming the file that differs.
        """
        with self._lock:
            if full:
                self._files().verify()
            else:
                self._files()

    def close(self) -> None:
        """Close the files. What was not flushed is not part of the store any more; the next call opens it anew."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None
            self._scratch = threading.local()

    def _files(self) -> StoreFiles:
        identity = self._manifest_identity()
        if self._opened is None or (not self._opened.pending and identity != self._seen):
            opened = StoreFiles.load(self._folder, self._dimension)
            if self._opened is not None:
                self._opened.close()
            self._opened, self._seen = opened, identity
        return self._opened

    def _manifest_identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._folder / MANIFEST)  # noqa: PTH116 - on every query: Path.stat costs twice as much
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _number(self, files: StoreFiles, document_ids: Sequence[str]) -> NDArray[np.int32]:
        distinct = list(dict.fromkeys(document_ids))
        numbers = dict(zip(distinct, files.documents.find(distinct), strict=True))
        new = [name for name in distinct if numbers[name] < 0]
        if new:
            first = len(files.documents)
            files.add_documents(new)
            numbers.update((name, first + offset) for offset, name in enumerate(new))
        return np.array([numbers[name] for name in document_ids], np.int32)

    def _scope(self, files: StoreFiles, documents: Collection[str] | None) -> _ROWS | None:
        """Live rows of these documents; None for no filter."""
        if documents is None:
            return None
        numbers = [number for number in files.documents.find(list(documents)) if number >= 0]
        chosen = np.zeros(len(files.documents), np.bool_)
        chosen[numbers] = True
        return np.flatnonzero(chosen[files.documents_of.view] & files.alive)

    def _code_scan(self, view: _View, scope: _ROWS | None, query: flat_scan.Floats, top_k: int) -> _ROWS:
        """Candidates from the codes, and everything in scope that lies behind the last complete block."""
        coded = len(view.codes) * flat_scan.BLOCK
        distances = self._buffer(coded)
        flat_scan.distances(view.codes, flat_scan.encode(query[np.newaxis], view.centre)[0], distances)
        out = view.alive[:coded] if scope is None else np.zeros(coded, np.bool_)
        if scope is not None:
            out[scope[: np.searchsorted(scope, coded)]] = True
        if scope is not None or view.dead:
            np.putmask(distances, ~out, flat_scan.UNREACHABLE)
        wanted = max(_RESCORED, coded // _RESCORED_SHARE, 20 * top_k)
        tail = np.arange(coded, len(view.vectors))
        tail = tail[view.alive[coded:]] if scope is None else scope[np.searchsorted(scope, coded) :]
        rows = np.concatenate([flat_scan.smallest(distances, wanted), tail])
        return rows[flat_scan.contenders(flat_scan.products(view.vectors, rows, query), top_k)]

    def _buffer(self, length: int) -> NDArray[np.uint16]:
        held: NDArray[np.uint16] | None = getattr(self._scratch, "distances", None)
        if held is None or len(held) < length:
            held = self._scratch.distances = np.empty(length + length // 8, np.uint16)
        return held[:length]


class _View:
    """What one search reads; later writes do not disturb it."""

    def __init__(self, files: StoreFiles) -> None:
        self.vectors: flat_scan.Floats = files.vectors.view
        self.alive = files.alive
        self.dead = files.dead.count
        self.names = files.chunks.listed()
        words = flat_scan.words(files.dimension)
        self.codes: flat_scan.Codes = files.codes.view.reshape(-1, words, flat_scan.BLOCK)
        self.centre: flat_scan.Floats = files.centre.view[0] if files.centre.count else np.empty(0, np.float32)


def _float_scan(view: _View, scope: _ROWS | None, query: flat_scan.Floats, top_k: int) -> _ROWS:
    if scope is None and view.dead:
        scope = np.flatnonzero(view.alive)
    chosen = flat_scan.contenders(flat_scan.products(view.vectors, scope, query), top_k)
    return chosen if scope is None else scope[chosen]


def _totals(vectors: flat_scan.Floats, rows: _ROWS, query: flat_scan.Floats) -> tuple[float, float]:
    scores = flat_scan.products(vectors, rows, query).astype(np.float64)
    return float(scores.sum()), float(scores @ scores)


def _ranking(view: _View, rows: _ROWS, scores: NDArray[Any], top_k: int) -> Ranking:
    if len(rows) > top_k:
        kept = scores >= np.partition(scores, len(rows) - top_k)[len(rows) - top_k]
        rows, scores = rows[kept], scores[kept]
    pairs = zip(scores.tolist(), view.names.get(rows.tolist()), strict=True)
    best = sorted(((-score, name) for score, name in pairs))[:top_k]
    return Ranking("vector", tuple(ScoredChunk(name, -score) for score, name in best))
