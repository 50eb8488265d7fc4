"""A door to searches over the knowledge graph for other programs: recall, graph, rerank, with real passages as results.

with EnhancedGraphManager(Path("library")) as manager:
    manager.get_graph_stats()["entities"]
    manager.entity_index["bill gates"].aliases
    for result in manager.search("Who founded the maker of Windows?", top_k=5):
        print(result.score, result.source, result.page, result.text, result.way)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.graph import GraphEntity, GraphPath, in_words
from cortex_engine.core.names import fold
from cortex_engine.core.search import Filters, SearchHit
from cortex_engine.suite import CortexSuite, query_of

_ALL = 1_000_000_000


@dataclass(frozen=True, slots=True)
class GraphResult:
    """A passage that was found.

    Attributes:
        id: of the passage.
        score: of the last stage: the reranker's, where one is switched on, else the fused one.
        source: name of the document.
        page: from 1.
        scores: stage ("vector": cosine, "lexical": BM25, "graph": share of the walk, "fusion", "rerank") -> its own score.
        path: the way through the graph that led to it, () where the graph had no part.
    """

    id: str
    text: str
    score: float
    source: str
    page: int
    document_id: str
    scores: Mapping[str, float]
    path: GraphPath = ()

    @property
    def way(self) -> str:
        """The path in words: "Bill Gates → Microsoft"."""
        return in_words(self.path)


class EntityIndex(Mapping[str, GraphEntity]):
    """Names and aliases of all entities, folded (`core.names.fold`) -> entity. Asked of the library each time."""

    def __init__(self, suite: CortexSuite) -> None:
        self._suite = suite

    def __getitem__(self, name: str) -> GraphEntity:
        folded = fold(name)
        try:
            entity = self._suite.entity(name)
        except NotFoundError:
            raise KeyError(name) from None
        if entity.hidden or folded not in map(fold, (entity.name, *entity.aliases)):
            raise KeyError(name)
        return entity

    def __iter__(self) -> Iterator[str]:
        names = (name for entity in self._suite.find_entities(limit=_ALL) for name in (entity.name, *entity.aliases))
        return iter(dict.fromkeys(map(fold, names)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class EnhancedGraphManager:
    """The knowledge graph of a library, and searches over it.

    Args:
        library: an open suite, which stays open; or the library's folder, opened here; None for the library of the settings.

    Raises:
        ConfigError, NotFoundError, CatalogError: as `CortexSuite.open` without making a library.
    """

    def __init__(self, library: CortexSuite | Path | str | None = None) -> None:
        self._own = not isinstance(library, CortexSuite)
        if isinstance(library, CortexSuite):
            self._suite = library
        else:
            folder = Path(library) if library is not None else None
            self._suite = CortexSuite.open(folder, create=False, command="graph_query")

    def close(self) -> None:
        """Close the library if it was opened here."""
        if self._own:
            self._suite.close()

    def __enter__(self) -> EnhancedGraphManager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def entity_index(self) -> Mapping[str, GraphEntity]:
        """Names and aliases of all entities, folded -> entity."""
        return EntityIndex(self._suite)

    def get_graph_stats(self) -> dict[str, Any]:
        """How many entities, mentions, relations, documents and passages there are, by kind, and what extracts them: the
        fields of `core.graph.GraphStats`.
        """
        stats = asdict(self._suite.graph_stats())
        return {**stats, "kinds": dict(stats["kinds"])}

    def search(
        self, query: str, top_k: int = 10, mode: str = "graphrag", collections: tuple[str, ...] = ()
    ) -> list[GraphResult]:
        """Passages, best first.

        Args:
            mode: "graphrag" (recall, graph, rerank), "hybrid", "traditional" or "lexical".
            collections: only these, () for all.

        Raises:
            UsageError: there is no such mode, or the query makes no sense.
            NotFoundError: no such collection.
            ModelUnavailableError, ModelMismatchError, IndexUnavailableError: nothing can answer; never an empty list instead.
        """
        question = query_of(query, mode, top_k, Filters(collections=tuple(collections)))
        return [_result(hit) for hit in self._suite.search(question).hits]


def hybrid_search(library: CortexSuite | Path | str | None, query: str, top_k: int = 10) -> list[GraphResult]:
    """Passages by meaning and words together; raises as `EnhancedGraphManager`."""
    with EnhancedGraphManager(library) as manager:
        return manager.search(query, top_k, "hybrid")


def graph_search(library: CortexSuite | Path | str | None, query: str, top_k: int = 10) -> list[GraphResult]:
    """Passages by meaning and words and what the graph connects with them; raises as `EnhancedGraphManager`."""
    with EnhancedGraphManager(library) as manager:
        return manager.search(query, top_k)


def _result(hit: SearchHit) -> GraphResult:
    scores = {stage: standing.score for stage, standing in hit.stages.items()}
    return GraphResult(hit.chunk_id, hit.text, hit.score, hit.document, hit.page, hit.document_id, scores, hit.path)
