"""Searching: the query line put together on one library."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from cortex_engine import query_pictures, recording
from cortex_engine.core.errors import IndexUnavailableError, UsageError
from cortex_engine.core.pictures import ModelInput, VectorName
from cortex_engine.core.protocols import ScoringVectorStore
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import Query, SearchResult
from cortex_engine.library import Library

if TYPE_CHECKING:
    from cortex_engine.core.graph_records import KnowledgeGraph
    from cortex_engine.retrieval.hybrid import HybridRetriever

_SEARCHES = 5
"""How often a search is asked that another process overtakes."""


def search(library: Library, query: Query, door: str = "", live: bool = True) -> SearchResult:
    """See `CortexSuite.search`. Asked again where another process built indexes anew or wrote to them meanwhile.

    Args:
        door: by which a person's question came; it is recorded then. Questions of the suite itself have none.
        live: whether it may become a sample of the measured recall, which is that of people's questions.
    """
    for attempt in range(1, _SEARCHES + 1):
        warnings = library.prepare_search()
        before = library.moment()
        try:
            result = _search(library, query, live)
        except IndexUnavailableError:
            if attempt == _SEARCHES or library.moment() == before:
                raise
            continue
        overtaken = (result.degraded or not library.owner) and library.moment()[1] != before[1]
        if attempt == _SEARCHES or not overtaken:
            break
    if warnings:
        result = replace(result, warnings=(*warnings, *result.warnings))
    return recording.record(library, result, door, before[0]) if door else result


def true_places(library: Library, query: Query, targets: AbstractSet[str]) -> dict[str, tuple[int | None, float]]:
    """Where passages and pictures stand with every recaller, however far down: see `placing.true_places`."""
    from cortex_engine.retrieval import placing

    recall = _retriever(library, []).recall_of(query)
    return placing.true_places(recall, targets) if recall is not None else {}


def rerank(library: Library, query: str, texts: Sequence[str]) -> list[Judgement]:
    """See `CortexSuite.rerank`."""
    if not query.strip():
        raise UsageError("The query is empty. Say what the texts are to be judged by.")
    reranker = library.reranker()
    if reranker is None:
        raise UsageError("No reranker is chosen in the settings. Set 'reranker' to use one.")
    if not texts:
        return []
    candidates = [Candidate(str(number), ModelInput(text)) for number, text in enumerate(texts)]
    return reranker.rerank(ModelInput(query), candidates)


def _search(library: Library, query: Query, live: bool) -> SearchResult:
    bridged: list[str] = []
    result = _retriever(library, bridged, live).retrieve(query)
    return replace(result, warnings=(*dict.fromkeys(bridged), *result.warnings)) if bridged else result


def _retriever(library: Library, bridged: list[str], live: bool = False) -> HybridRetriever:
    """The query line. `bridged` gets a sentence where a bridge stands in for a model that is gone: no scale is of its scores."""
    from cortex_engine.retrieval.calibrated import CalibratedStep, Scales
    from cortex_engine.retrieval.hybrid import DenseStores, HybridRetriever, Pictures, RerankStage
    from cortex_engine.retrieval.scoped import within

    catalog = library.catalog

    # Half a move to another model must not show.
    def stores_of(model_id: str) -> DenseStores:
        members, of = catalog.members(model_id), catalog.documents_of
        large = library.large_store(model_id)
        return DenseStores(
            exact=within(library.exact_store(model_id), members, of),
            approximate=within(large, members, of) if large is not None else None,
            watch=library.watch,
            live=live,
        )

    def pictures_of(model_id: str, name: VectorName) -> ScoringVectorStore | None:
        store = library.picture_store(model_id, name)
        return within(store, catalog.members(model_id), catalog.documents_of) if store is not None else None

    def drawn(reference: str) -> bytes:
        return query_pictures.query_picture(library, reference).data

    options = library.config.search_options()
    if not library.owner or library.config.vector_store == "exact":
        options = replace(options, exact_below=sys.maxsize)
    return HybridRetriever(
        catalog,
        lambda spec: library.bridges.embedder(spec, bridged.append),
        stores_of,
        library.lexical_index,
        options,
        Pictures(catalog, pictures_of, drawn, lambda reference: query_pictures.place_of(library, reference)),
        RerankStage(library.reranker, drawn, library.scales),
        CalibratedStep(
            lambda: Scales() if bridged else library.scales(), library.config.miss_rate, library.lexical_index
        ),
        lambda: knowledge_graph(library),
    )


def knowledge_graph(library: Library) -> KnowledgeGraph:
    """The newest view of the graph, as searches ask it.

    Raises:
        IndexUnavailableError: there is none; the sentence says why.
        ModelUnavailableError: a package that it needs is not installed.
    """
    view = library.graph.view()
    if view is None:
        raise IndexUnavailableError(library.graph.state())
    from cortex_engine.graph.ranking import GraphRecaller

    return GraphRecaller(view)
