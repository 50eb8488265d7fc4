"""In-memory stand-ins of the ports, small enough to be read, and a library of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.records import Passage
from cortex_engine.core.reports import ScoreMoments, StoreDescription
from cortex_engine.core.search import Ranking, ScoredChunk
from cortex_engine.retrieval.hybrid import DenseStores, HybridRetriever


def spec_of(model: str, dimension: int = 8) -> EmbeddingSpec:
    return EmbeddingSpec("hashing", model, "1", dimension, "none", True, 256)


def best(stage: str, scores: dict[str, float], top_k: int) -> Ranking:
    pairs = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:top_k]
    return Ranking(stage, tuple(ScoredChunk(chunk_id, score) for chunk_id, score in pairs))


def moments_of(values: list[float]) -> ScoreMoments:
    return ScoreMoments(float(np.mean(values)), float(np.std(values)), len(values)) if values else ScoreMoments(0, 0, 0)


class Vectors:
    """A scoring store over a dict; `error` makes it fail; `calls` counts the scans."""

    def __init__(self, vectors: dict[str, np.ndarray], document_of: dict[str, str]) -> None:
        self.vectors, self.document_of = vectors, document_of
        self.error: Exception | None = None
        self.calls = 0

    def _scores(self, vector, documents=None) -> dict[str, float]:
        if self.error:
            raise self.error
        return {
            chunk_id: float(row @ vector)
            for chunk_id, row in self.vectors.items()
            if documents is None or self.document_of[chunk_id] in documents
        }

    def nearest(self, vector, top_k, documents=None) -> Ranking:
        self.calls += 1
        return best("vector", self._scores(vector, documents), top_k)

    def scores(self, vector, chunk_ids) -> dict[str, float]:
        known = self._scores(vector)
        return {chunk_id: known[chunk_id] for chunk_id in chunk_ids if chunk_id in known}

    def moments(self, vector, documents=None) -> ScoreMoments:
        return moments_of(list(self._scores(vector, documents).values()))

    def upsert(self, chunk_ids, document_ids, vectors) -> None: ...
    def delete(self, document_ids) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def ids(self) -> set[str]:
        return set(self.vectors)

    def describe(self) -> StoreDescription:
        return StoreDescription("dict", len(self.vectors), 8)


class NearestOnly:
    """A store that finds but cannot score: what an approximate index offers."""

    def __init__(self, inner: Vectors) -> None:
        self.inner = inner
        self.calls = 0
        self.error: Exception | None = None

    def nearest(self, vector, top_k, documents=None) -> Ranking:
        self.calls += 1
        if self.error:
            raise self.error
        return self.inner.nearest(vector, top_k, documents)


class Words:
    """Counts matching words; enough of BM25 to rank."""

    def __init__(self, texts: dict[str, str], document_of: dict[str, str]) -> None:
        self.texts, self.document_of = texts, document_of
        self.error: Exception | None = None

    def _all(self, query, documents=None) -> dict[str, float]:
        if self.error:
            raise self.error
        asked = query.text.lower().split()
        return {
            chunk_id: float(sum(text.lower().split().count(word) for word in asked))
            for chunk_id, text in self.texts.items()
            if documents is None or self.document_of[chunk_id] in documents
        }

    def match(self, query, top_k, documents=None) -> Ranking:
        scores = self._all(query, documents)
        allowed = self.permits(query, list(scores))
        return best("lexical", {k: v for k, v in scores.items() if v > 0 and k in allowed}, top_k)

    def scores(self, query, chunk_ids) -> dict[str, float]:
        known = self._all(query)
        return {chunk_id: known.get(chunk_id, 0.0) for chunk_id in chunk_ids}

    def permits(self, query, chunk_ids) -> set[str]:
        return {
            chunk_id
            for chunk_id in chunk_ids
            if all(phrase.lower() in self.texts[chunk_id].lower() for phrase in query.phrases)
            and not any(word.lower() in self.texts[chunk_id].lower() for word in query.excluded)
        }

    def coverage(self, query, chunk_ids) -> dict[str, float]:
        asked = query.text.lower().split()
        return {
            chunk_id: sum(word in self.texts[chunk_id].lower().split() for word in asked) / max(len(asked), 1)
            for chunk_id in chunk_ids
        }

    def weights(self, query) -> dict[str, float]:
        return dict.fromkeys(query.text.lower().split(), 1.0)

    def moments(self, query, documents=None) -> ScoreMoments:
        return moments_of(list(self._all(query, documents).values()))


class Model:
    """An embedder that knows the vectors of its queries."""

    def __init__(self, spec: EmbeddingSpec, queries: dict[str, np.ndarray]) -> None:
        self.spec, self.queries = spec, queries
        self.error: Exception | None = None

    def embed_query(self, text: str) -> np.ndarray:
        if self.error:
            raise self.error
        return self.queries.get(text, axis(0))


class Records:
    """The truth: passages by id, documents by collection."""

    def __init__(self, passages: dict[str, Passage], specs: dict[str, EmbeddingSpec]) -> None:
        self.by_id, self.specs_by_id = passages, specs

    def scope(self, filters) -> frozenset[str] | None:
        if filters.empty:
            return None
        known = {name for passage in self.by_id.values() for name in passage.collections}
        for name in filters.collections:
            if name not in known:
                raise NotFoundError(f"There is no collection '{name}'.")
        return frozenset(
            passage.chunk.document_id
            for passage in self.by_id.values()
            if (not filters.collections or set(filters.collections) & set(passage.collections))
            and (not filters.documents or passage.chunk.document_id in filters.documents)
        )

    def unknown(self, filters) -> dict[str, list[str]]:
        known = {passage.chunk.document_id for passage in self.by_id.values()}
        missing = [value for value in filters.documents if value not in known]
        return {"document": missing} if missing else {}

    def _in(self, documents):
        return [p for p in self.by_id.values() if documents is None or p.chunk.document_id in documents]

    def specs(self, documents) -> dict[str, EmbeddingSpec]:
        return self.specs_by_id

    def languages(self, documents) -> dict[str, int]:
        return {"en": len(self._in(documents))}

    def passage_count(self, documents) -> int:
        return len(self._in(documents))

    def lookup(self, chunk_ids) -> dict[str, Passage]:
        return {chunk_id: self.by_id[chunk_id] for chunk_id in chunk_ids if chunk_id in self.by_id}

    def passages(self, document_ids=None):
        return iter(())


def axis(*places: int) -> np.ndarray:
    vector = np.zeros(8, np.float32)
    vector[list(places)] = 1.0
    return vector / np.linalg.norm(vector)


@dataclass
class Library:
    """A whole library of stand-ins; tests break single parts of it."""

    texts: dict[str, str]
    vectors: dict[str, np.ndarray]
    document_of: dict[str, str]
    queries: dict[str, np.ndarray]
    options: SearchOptions = field(default_factory=SearchOptions)
    collections_of: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spec = spec_of("toy")
        self.store = Vectors(self.vectors, self.document_of)
        self.words = Words(self.texts, self.document_of)
        self.model = Model(self.spec, self.queries)
        self.models = {self.spec.id: self.model}
        self.stores: dict[str, DenseStores] = {self.spec.id: DenseStores(self.store)}
        self.records = Records(
            {chunk_id: self._passage(chunk_id, text) for chunk_id, text in self.texts.items()},
            {self.spec.id: self.spec},
        )
        self.lexical_error: Exception | None = None

    def _passage(self, chunk_id: str, text: str) -> Passage:
        document = self.document_of[chunk_id]
        chunk = Chunk(chunk_id, document, 0, text, 0, len(text), 1, 1)
        return Passage(
            chunk, f"{document}.txt", document, "text", "en", "", self.collections_of.get(document, ("all",))
        )

    def open_words(self) -> Words:
        if self.lexical_error:
            raise self.lexical_error
        return self.words

    def nearest_only(self) -> NearestOnly:
        return NearestOnly(self.store)

    def move_to_model(self, name: str, *chunk_ids: str) -> Model:
        """Let these passages have vectors of another model instead."""
        spec = spec_of(name)
        moved = {chunk_id: self.vectors.pop(chunk_id) for chunk_id in chunk_ids}
        self.records.specs_by_id[spec.id] = spec
        self.models[spec.id] = Model(spec, self.queries)
        self.stores[spec.id] = DenseStores(Vectors(moved, self.document_of))
        return self.models[spec.id]

    @property
    def retriever(self) -> HybridRetriever:
        return HybridRetriever(
            self.records,
            lambda spec: self.models[spec.id],
            lambda model_id: self.stores[model_id],
            self.open_words,
            self.options,
        )


@pytest.fixture
def library() -> Library:
    """Four documents; "boat trip" means the sea, which only vectors know of c3."""
    texts = {
        "c1": "a boat on the lake",
        "c2": "the boat boat builder",
        "c3": "sailing vessels at sea",
        "c4": "tax law of the city",
        "c5": "more tax law",
        "c6": "tax law again",
    }
    vectors = {
        "c1": axis(0, 1),
        "c2": axis(0, 2),
        "c3": axis(0),
        "c4": axis(3),
        "c5": axis(4),
        "c6": axis(5),
    }
    document_of = {"c1": "d1", "c2": "d1", "c3": "d2", "c4": "d3", "c5": "d3", "c6": "d4"}
    return Library(texts, vectors, document_of, {"boat": axis(0), "tax": axis(3)})
