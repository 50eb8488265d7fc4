"""Chroma behind the port, by the rules that its faults taught (see the ADR on dense search).

Never an embedding function, never `query_texts` (a tampered folder executes code there), `upsert` and never `add`,
batches of at most 5,000, one writing process. Chroma overwrites its index files in place without fsync: after a crash
it may be broken, loudly (`verify`) or silently (`VectorIndex.fault`); what is in it can always be rebuilt from the catalog.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import CortexError, IndexUnavailableError, ModelMismatchError
from cortex_engine.core.optional import require
from cortex_engine.core.reports import StoreDescription
from cortex_engine.core.search import Ranking, ScoredChunk
from cortex_engine.vector_stores.inputs import as_query, as_rows

_BATCH = 5000
_PROBES = 32
_DOCUMENTS_AT_ONCE = 1000
_DIMENSION = "cortex_dimension"
_OWNER = "document_id"
_CONFIGURATION = {"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 16}}
_opening = threading.Lock()
"""Chroma shares one system for each path through a dictionary that it does not guard."""


class ChromaStore:
    """Nearest vectors by Chroma's HNSW index (implements `VectorStore`).

    Args:
        folder: Chroma's own folder; made on first use.
        name: of the Chroma collection in it.
        dimension: of the vectors.
        client: a Chroma client to use instead of the folder (a server's `HttpClient`); it stays open at `close`.

    Every method raises `IndexUnavailableError` where Chroma fails, with Chroma's own words and the remedy.
    """

    def __init__(self, folder: Path, name: str, dimension: int, client: Any = None) -> None:
        self._folder = folder
        self._name = name
        self._dimension = dimension
        self._given_client = client
        self._client: Any = None
        self._opened: Any = None
        self._lock = threading.RLock()

    def upsert(self, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Insert or replace; doing it twice changes nothing.

        Raises:
            ModelMismatchError: the vectors have another dimension.
            UsageError: the three do not have the same length, or a vector is not finite.
        """
        rows = as_rows(chunk_ids, document_ids, vectors, self._dimension)
        with self._collection("written to") as collection:
            for first in range(0, len(rows.chunk_ids), _BATCH):
                part = slice(first, first + _BATCH)
                collection.upsert(
                    ids=rows.chunk_ids[part],
                    embeddings=rows.vectors[part],
                    metadatas=[{_OWNER: name} for name in rows.document_ids[part]],
                )

    def delete(self, document_ids: Collection[str]) -> None:
        """Remove all vectors of these documents; unknown ids are ignored."""
        with self._collection("written to") as collection:
            for condition in _conditions(document_ids):
                collection.delete(where=condition)

    def nearest(self, vector: NDArray[np.float32], top_k: int, documents: Collection[str] | None = None) -> Ranking:
        """The `top_k` nearest by cosine, equal scores by chunk id; see `VectorStore.nearest`.

        Raises:
            ModelMismatchError: the query has another dimension.
        """
        query = as_query(vector, self._dimension)
        conditions: list[Mapping[str, Any] | None] = [None] if documents is None else [*_conditions(documents)]
        found: list[tuple[float, str]] = []
        with self._collection("searched") as collection:
            available = min(top_k, collection.count())
            if available < 1:
                return Ranking("vector", ())
            for condition in conditions:
                answer = collection.query(
                    query_embeddings=[query], n_results=available, where=condition, include=["distances"]
                )
                found += zip(answer["distances"][0], answer["ids"][0], strict=True)
        best = sorted(found)[:top_k]
        return Ranking("vector", tuple(ScoredChunk(name, _cosine(distance)) for distance, name in best))

    def ids(self) -> set[str]:
        """All chunk ids held."""
        held: set[str] = set()
        with self._collection("read") as collection:
            total = collection.count()
            for offset in range(0, total, _BATCH):
                held.update(collection.get(limit=_BATCH, offset=offset, include=[])["ids"])
        return held

    def describe(self) -> StoreDescription:
        """Backend "chroma", count, dimension."""
        with self._collection("read") as collection:
            return StoreDescription("chroma", int(collection.count()), self._dimension)

    def flush(self) -> None:
        """Nothing is held back here: Chroma answers a write when its own log (SQLite) has it."""

    def verify(self, full: bool = False) -> None:
        """Read vectors back (32 of them, all when `full`): those of a torn file cannot be had, or are no numbers.

        Whether a search finds them is asked by who has the truth to compare with (`VectorIndex.fault`).

        Raises:
            IndexUnavailableError: some cannot be read.
        """
        with self._collection("checked") as collection:
            total = collection.count()
            at_once, step = (_BATCH, _BATCH) if full else (1, max(1, total // _PROBES))
            for offset in range(0, total, step):
                held = np.asarray(collection.get(limit=at_once, offset=offset, include=["embeddings"])["embeddings"])
                if held.shape != (min(at_once, total - offset), self._dimension) or not np.isfinite(held).all():
                    raise IndexUnavailableError(
                        f"The Chroma store in {self._folder} cannot read all of its own vectors; it is damaged. "
                        "Run `rebuild` to make it anew from the catalog."
                    )

    def close(self) -> None:
        """Release Chroma's files, so that the folder can be deleted and made anew in the same process."""
        with self._lock, _opening:
            self._opened = None
            client, self._client = self._client, None
            if client is not None and client is not self._given_client:
                client.close()
                del client
                gc.collect()  # Chroma's objects refer to each other in circles; its files close with the last of them

    @contextmanager
    def _collection(self, doing: str) -> Iterator[Any]:
        """Chroma's collection, with its errors translated."""
        try:
            with self._lock:
                if self._opened is None:
                    self._opened = self._open()
            yield self._opened
        except (CortexError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # panics of Chroma's Rust core derive from BaseException
            raise IndexUnavailableError(
                f"The Chroma index in {self._folder} cannot be {doing} ({type(error).__name__}: {error}). "
                "Run `cortex rebuild` to restore it from the catalog."
            ) from error

    def _open(self) -> Any:
        if self._client is None:
            self._client = self._given_client or self._connect()
        collection = self._client.get_or_create_collection(
            self._name,
            configuration=_CONFIGURATION,
            metadata={_DIMENSION: self._dimension},
            embedding_function=None,
        )
        held = (collection.metadata or {}).get(_DIMENSION)
        if held != self._dimension:
            raise ModelMismatchError(
                f"The Chroma collection '{self._name}' in {self._folder} holds vectors of {held or 'unknown'} numbers, "
                f"but {self._dimension} are asked for: it belongs to another embedding model, or to another program."
            )
        return collection

    def _connect(self) -> Any:
        chromadb = require("chromadb", "for the vector store 'chroma'", "pip install chromadb==1.5.9")
        config = require("chromadb.config", "for the vector store 'chroma'", "pip install chromadb==1.5.9")
        self._folder.mkdir(parents=True, exist_ok=True)
        with _opening:
            settings = config.Settings(anonymized_telemetry=False, allow_reset=False)
            return chromadb.PersistentClient(path=str(self._folder.resolve()), settings=settings)


def _conditions(documents: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """Chroma's conditions for passages of these documents, of a length that its SQLite accepts."""
    names = list(documents)
    for first in range(0, len(names), _DOCUMENTS_AT_ONCE):
        yield {_OWNER: {"$in": names[first : first + _DOCUMENTS_AT_ONCE]}}


def _cosine(distance: float) -> float:
    return max(-1.0, min(1.0, 1.0 - float(distance)))
