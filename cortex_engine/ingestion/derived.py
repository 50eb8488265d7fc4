"""Derived indexes as ingestion sees them: something that follows the catalog and can be built again from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.errors import IndexUnavailableError
from cortex_engine.core.protocols import LexicalIndex, VectorStore

_CANARIES = 32
_CANARY_GAP = 1e-3
_LOST_SHARE = 0.02
_UNREACHED_SHARE = 0.25
"""A graph has nodes that no path leads to: of 139 near-equal passages a sound one missed up to 11, and found their
neighbours instead. Damage loses 50 to 93 % of all vectors, or answers with what lies far away."""
_FAR = 0.05
_CHECKSUMS_UP_TO = 20_000
"""Up to so many vectors every byte is compared at each start: some 20 milliseconds."""
_ALL_BELOW = 2000


class DerivedIndex(Protocol):
    """One index in one generation folder."""

    name: str
    config_hash: str
    fragile: bool
    """Its own code may bring the process down when its files are damaged; it finds the nearest nearly always."""

    def open(self, folder: Path) -> None:
        """Open or create it in `folder`.

        Raises:
            IndexUnavailableError: what lies there is damaged.
        """
        ...

    def apply(self, upserts: Sequence[str] | None, deletes: Sequence[str]) -> None:
        """Take over documents as the catalog has them now (all when None), drop others, and flush."""
        ...

    def fault(self, thorough: bool = False) -> str:
        """Compare with the catalog: a sentence that says what is wrong, or "".

        Args:
            thorough: compare every id, not only counts and a sample.
        """
        ...

    def count(self) -> int:
        """Passages held."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


class VectorIndex:
    """A `VectorStore` that follows the vectors of one model."""

    def __init__(
        self,
        name: str,
        config_hash: str,
        model_id: str,
        catalog: Catalog,
        build: Callable[[Path], VectorStore],
        fragile: bool = False,
    ) -> None:
        self.name = name
        self.fragile = fragile
        self.config_hash = config_hash
        self.model_id = model_id
        self._catalog = catalog
        self._build = build
        self._store: VectorStore | None = None

    @property
    def store(self) -> VectorStore:
        """The open store.

        Raises:
            IndexUnavailableError: it is not open.
        """
        if self._store is None:
            raise IndexUnavailableError(f"The index '{self.name}' is not open. Run `rebuild` to make it anew.")
        return self._store

    def open(self, folder: Path) -> None:
        """See `DerivedIndex.open`."""
        self._store = self._build(folder)

    def apply(self, upserts: Sequence[str] | None, deletes: Sequence[str]) -> None:
        """See `DerivedIndex.apply`."""
        replaced = [*deletes, *(upserts or ())]
        if replaced:
            self.store.delete(replaced)
        if upserts is None or upserts:
            for batch in self._catalog.vectors(self.model_id, upserts):
                self.store.upsert(batch.chunk_ids, batch.document_ids, batch.vectors)
        self.store.flush()

    def fault(self, thorough: bool = False) -> str:
        """See `DerivedIndex.fault`; a sample of stored vectors must find themselves (silent damage shows so)."""
        expected = self._catalog.counts().vectors.get(self.model_id, 0)
        held = self.count()
        if held != expected:
            return f"it holds {held} passages, the catalog {expected}"
        self.store.verify(full=thorough or (not self.fragile and held <= _CHECKSUMS_UP_TO))
        if thorough and self.store.ids() != self._catalog.chunk_ids(self.model_id):
            return "its passages are not those of the catalog"
        return self._canaries(expected) if thorough else self._canaries(_CANARIES, self._some_documents())

    def _some_documents(self) -> list[str]:
        """Ids of documents, taken evenly."""
        count = self._catalog.count_documents()
        chosen = sorted({position * count // _CANARIES for position in range(_CANARIES)}) if count else []
        return [document.id for offset in chosen for document in self._catalog.documents(limit=1, offset=offset)]

    def _canaries(self, wanted: int, documents: Sequence[str] | None = None) -> str:
        """Ask for the catalog's own vectors; each must come back with the cosine of itself (or of a twin)."""
        asked = missed = far = 0
        for batch in self._catalog.vectors(self.model_id, documents):
            lengths = np.linalg.norm(batch.vectors, axis=1)
            units = (batch.vectors / np.where(lengths > 0, lengths, 1)[:, np.newaxis]).astype(np.float32, copy=False)
            for row in range(0, len(units), max(1, len(units) // wanted)):
                if lengths[row] == 0:  # it has no direction, and nothing is near it
                    continue
                nearest = self.store.nearest(np.ascontiguousarray(batch.vectors[row]), 1)
                found = nearest.items[0].score if len(nearest) else -1.0
                asked += 1
                if found < 1 - _CANARY_GAP:
                    missed += 1
                    far += found < _nearest_other(units, row) - _FAR
            if asked >= wanted:
                break
        allowed = _UNREACHED_SHARE if self.fragile else _LOST_SHARE
        if missed > asked * allowed or far > asked * _LOST_SHARE:
            return f"{missed} of {asked} stored vectors do not find themselves"
        return ""

    def count(self) -> int:
        """See `DerivedIndex.count`."""
        return self.store.describe().count

    def close(self) -> None:
        """See `DerivedIndex.close`."""
        if self._store is not None:
            self._store.close()
            self._store = None


def _nearest_other(units: NDArray[np.float32], row: int) -> float:
    """Cosine of the nearest of the other rows, -1 where there are none."""
    cosines = units @ units[row]
    cosines[row] = -1.0
    return float(cosines.max())


class WordIndex:
    """A `LexicalIndex` that follows the passages."""

    fragile = False

    def __init__(self, name: str, config_hash: str, catalog: Catalog, build: Callable[[Path], LexicalIndex]) -> None:
        self.name = name
        self.config_hash = config_hash
        self._catalog = catalog
        self._build = build
        self._index: LexicalIndex | None = None

    @property
    def index(self) -> LexicalIndex:
        """The open index.

        Raises:
            IndexUnavailableError: it is not open.
        """
        if self._index is None:
            raise IndexUnavailableError(f"The index '{self.name}' is not open. Run `rebuild` to make it anew.")
        return self._index

    def open(self, folder: Path) -> None:
        """See `DerivedIndex.open`."""
        self._index = self._build(folder)

    def apply(self, upserts: Sequence[str] | None, deletes: Sequence[str]) -> None:
        """See `DerivedIndex.apply`."""
        replaced = [*deletes, *(upserts or ())]
        if replaced:
            self.index.remove(replaced)
        if upserts is None or upserts:
            self.index.add(self._catalog.passages(upserts))
        self.index.flush()

    def fault(self, thorough: bool = False) -> str:
        """See `DerivedIndex.fault`."""
        expected = self._catalog.counts().chunks
        held = self.count()
        if held != expected:
            return f"it holds {held} passages, the catalog {expected}"
        if thorough:
            self.index.verify()
        if (thorough or expected < _ALL_BELOW) and self.index.ids() != self._catalog.chunk_ids():
            return "its passages are not those of the catalog"
        return ""

    def count(self) -> int:
        """See `DerivedIndex.count`."""
        return self.index.count()

    def close(self) -> None:
        """See `DerivedIndex.close`."""
        if self._index is not None:
            self._index.close()
            self._index = None
