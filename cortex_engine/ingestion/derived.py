"""Derived indexes as ingestion sees them: something that follows the catalog and can be built again from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.errors import IndexUnavailableError
from cortex_engine.core.pictures import VectorName
from cortex_engine.core.protocols import LexicalIndex, VectorStore
from cortex_engine.core.records import VectorBatch

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
    of_vectors: bool
    """It holds vectors, and follows changes of them; else only changes of passages."""

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
        """Entries held."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


class VectorSource(Protocol):
    """Vectors of the catalog that an index follows."""

    def vectors(self, document_ids: Sequence[str] | None = None) -> Iterator[VectorBatch]:
        """All, or those of these documents, in batches; damaged ones are left out."""
        ...

    def count(self) -> int:
        """How many the catalog keeps, damaged ones included."""
        ...

    def ids(self) -> set[str]:
        """Ids of all of them, damaged ones included."""
        ...

    def damaged(self) -> Mapping[str, str]:
        """Those that are damaged: id -> document id. Reads them all."""
        ...

    def some_documents(self, wanted: int) -> Sequence[str] | None:
        """Ids of documents, taken evenly, whose vectors are a sample; None for all."""
        ...


class PassageVectors:
    """The vectors of passages under one model."""

    def __init__(self, catalog: Catalog, model_id: str) -> None:
        self._catalog = catalog
        self._model_id = model_id

    def vectors(self, document_ids: Sequence[str] | None = None) -> Iterator[VectorBatch]:
        """See `VectorSource`."""
        return self._catalog.vectors(self._model_id, document_ids)

    def count(self) -> int:
        """See `VectorSource`."""
        return self._catalog.counts().vectors.get(self._model_id, 0)

    def ids(self) -> set[str]:
        """See `VectorSource`."""
        return self._catalog.chunk_ids(self._model_id)

    def damaged(self) -> Mapping[str, str]:
        """See `VectorSource`."""
        return self._catalog.damaged_vectors(self._model_id)

    def some_documents(self, wanted: int) -> Sequence[str] | None:
        """See `VectorSource`."""
        count = self._catalog.count_documents()
        chosen = sorted({position * count // wanted for position in range(wanted)}) if count else []
        return [document.id for offset in chosen for document in self._catalog.documents(limit=1, offset=offset)]


class PictureVectors:
    """One named vector of pictures under one model."""

    def __init__(self, catalog: Catalog, model_id: str, name: VectorName) -> None:
        self._catalog = catalog
        self._model_id = model_id
        self._name = name

    def vectors(self, document_ids: Sequence[str] | None = None) -> Iterator[VectorBatch]:
        """See `VectorSource`."""
        return self._catalog.picture_vectors(self._model_id, self._name, document_ids)

    def count(self) -> int:
        """See `VectorSource`."""
        return self._catalog.picture_vector_counts(self._model_id)[self._name]

    def ids(self) -> set[str]:
        """See `VectorSource`."""
        return self._catalog.picture_ids(self._model_id, self._name)

    def damaged(self) -> Mapping[str, str]:
        """See `VectorSource`."""
        return self._catalog.damaged_picture_vectors(self._model_id, self._name)

    def some_documents(self, wanted: int) -> Sequence[str] | None:  # noqa: ARG002  (few documents have pictures)
        """See `VectorSource`."""
        return None


class VectorIndex:
    """A `VectorStore` that follows vectors of one model.

    Args:
        source: the vectors in the catalog.
        build: opens or creates the store in a folder.
    """

    of_vectors = True

    def __init__(
        self,
        name: str,
        config_hash: str,
        source: VectorSource,
        build: Callable[[Path], VectorStore],
        fragile: bool = False,
    ) -> None:
        self.name = name
        self.fragile = fragile
        self.config_hash = config_hash
        self._source = source
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
            for batch in self._source.vectors(upserts):
                self.store.upsert(batch.chunk_ids, batch.document_ids, batch.vectors)
        self.store.flush()

    def fault(self, thorough: bool = False) -> str:
        """See `DerivedIndex.fault`; a sample of stored vectors must find themselves (silent damage shows so)."""
        expected = self._source.count()
        held = self.count()
        # Looked at only where something is wrong already: it reads every vector.
        damaged = set(self._source.damaged()) if held != expected else set()
        if held != expected - len(damaged):
            return f"it holds {held} vectors, the catalog {expected - len(damaged)} that are sound"
        self.store.verify(full=thorough or (not self.fragile and held <= _CHECKSUMS_UP_TO))
        if thorough and self.store.ids() != self._source.ids() - damaged:
            return "its vectors are not those of the catalog"
        return (
            self._canaries(expected) if thorough else self._canaries(_CANARIES, self._source.some_documents(_CANARIES))
        )

    def _canaries(self, wanted: int, documents: Sequence[str] | None = None) -> str:
        """Ask for the catalog's own vectors; each must come back with the cosine of itself (or of a twin)."""
        asked = missed = far = 0
        for batch in self._source.vectors(documents):
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
    of_vectors = False

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
