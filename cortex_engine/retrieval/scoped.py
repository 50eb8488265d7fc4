"""Stores that answer only for some documents: of a model that a collection moves to, half of the vectors may be there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as SizedCollection
from collections.abc import Set as AbstractSet
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.protocols import ScoringVectorStore, Vectors, VectorStore
from cortex_engine.core.reports import ScoreMoments, StoreDescription
from cortex_engine.core.search import Ranking

_Store = TypeVar("_Store", bound=VectorStore)


DocumentsOf = Callable[[Sequence[str]], Mapping[str, str]]
"""Ids of passages or pictures -> document ids."""


def within(store: _Store, documents: AbstractSet[str] | None, documents_of: DocumentsOf) -> _Store:
    """The store, answering for these documents only; as it is for None."""
    if documents is None:
        return store
    if isinstance(store, ScoringVectorStore):
        return _ScopedScoring(store, documents, documents_of)  # type: ignore[return-value]
    return _Scoped(store, documents)  # type: ignore[return-value]


class _Scoped:
    """A `VectorStore` that is read."""

    def __init__(self, store: VectorStore, documents: AbstractSet[str]) -> None:
        self._store = store
        self._documents = documents

    def nearest(
        self, vector: NDArray[np.float32], top_k: int, documents: SizedCollection[str] | None = None
    ) -> Ranking:
        """See `VectorStore.nearest`."""
        return self._store.nearest(vector, top_k, self._both(documents))

    def upsert(self, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors) -> None:
        """See `VectorStore.upsert`."""
        self._store.upsert(chunk_ids, document_ids, vectors)

    def delete(self, document_ids: SizedCollection[str]) -> None:
        """See `VectorStore.delete`."""
        self._store.delete(document_ids)

    def ids(self) -> set[str]:
        """See `VectorStore.ids`."""
        return self._store.ids()

    def describe(self) -> StoreDescription:
        """See `VectorStore.describe`."""
        return self._store.describe()

    def flush(self) -> None:
        """See `VectorStore.flush`."""
        self._store.flush()

    def verify(self, full: bool = False) -> None:
        """See `VectorStore.verify`."""
        self._store.verify(full)

    def close(self) -> None:
        """See `VectorStore.close`."""
        self._store.close()

    def _both(self, documents: SizedCollection[str] | None) -> AbstractSet[str]:
        return self._documents if documents is None else self._documents & frozenset(documents)


class _ScopedScoring(_Scoped):
    """A `ScoringVectorStore` that is read."""

    def __init__(self, store: ScoringVectorStore, documents: AbstractSet[str], documents_of: DocumentsOf) -> None:
        super().__init__(store, documents)
        self._scoring = store
        self._documents_of = documents_of

    def scores(self, vector: NDArray[np.float32], chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """See `ScoringVectorStore.scores`; only of passages that may count."""
        owners = self._documents_of(chunk_ids)
        return self._scoring.scores(vector, [each for each in chunk_ids if owners.get(each) in self._documents])

    def moments(self, vector: NDArray[np.float32], documents: SizedCollection[str] | None = None) -> ScoreMoments:
        """See `ScoringVectorStore.moments`."""
        return self._scoring.moments(vector, self._both(documents))
