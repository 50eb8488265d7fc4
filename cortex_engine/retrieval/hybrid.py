"""The query line: parse, scope, embed, recall by vectors, by words and by look, fuse, present, rerank."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import IndexUnavailableError, UsageError
from cortex_engine.core.graph_records import KnowledgeGraph
from cortex_engine.core.identifiers import picture_id
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.pictures import VectorName
from cortex_engine.core.protocols import Embedder, LexicalIndex
from cortex_engine.core.search import HitKind, Query, SearchHit, SearchMode, SearchResult
from cortex_engine.retrieval.asking import Asking
from cortex_engine.retrieval.calibrated import CalibratedStep
from cortex_engine.retrieval.dense import VECTOR_STAGE, DenseRecall, DenseStores
from cortex_engine.retrieval.fusing import Fuser
from cortex_engine.retrieval.graph import GraphStage
from cortex_engine.retrieval.pictures import PICTURE_STAGE, PictureRecall, Pictures, PictureSearch
from cortex_engine.retrieval.presentation import Presenter
from cortex_engine.retrieval.query_text import ParsedQuery, parse_query
from cortex_engine.retrieval.recall import LEXICAL_STAGE, UNAVAILABLE, Losses, Recall
from cortex_engine.retrieval.rerank import RERANK_STAGE, RerankStage, rerank_plan
from cortex_engine.retrieval.tracing import TraceRecorder

__all__ = ["DenseStores", "HybridRetriever", "Pictures", "RerankStage"]

MAX_TOP_K = 1000
MAX_CANDIDATES = 100_000
MAX_RERANKED = 1000
MAX_MISS_RATE = 0.5

_NO_DOCUMENT = {
    "document": "There is no document {}.",
    "type": "No document is of the type {}.",
    "language": "No document is in the language {}.",
    "tag": "No document has the tag {}.",
}
"""What is said of values of a filter that no document has."""

_NAMED = 5
"""Values of one kind that are named."""

_GROWTH = 4
"""Factor by which the candidates grow when too few hits came out (large documents in groups, dropped passages)."""


class HybridRetriever:
    """Finds passages and pictures by vectors, passages by words, or both (port `Retriever`).

    Args:
        catalog: the truth that hits are joined with.
        embedder_of: the model behind a spec.
        stores_of: where the vectors of a model id can be asked for.
        lexical: the keyword index, asked for once a search; may raise `IndexUnavailableError`.
        options: candidates, size up to which vectors are scanned, fusion method, diversity cap, reranking.
        pictures: how pictures are got at; None where there are none.
        rerank: the last stage; None where nothing can be reranked.
        calibrated: what scores mean; None where nothing is calibrated.
        graph: the newest view of the knowledge graph, for searches that want it; raises `IndexUnavailableError` where there
            is none, with the reason; None where there never is one.

    Raises:
        ConfigError: there is no fusion method of that name.
    """

    def __init__(
        self,
        catalog: SearchRecords,
        embedder_of: Callable[[EmbeddingSpec], Embedder],
        stores_of: Callable[[str], DenseStores],
        lexical: Callable[[], LexicalIndex],
        options: SearchOptions = SearchOptions(),  # noqa: B008 - frozen
        pictures: Pictures | None = None,
        rerank: RerankStage | None = None,
        calibrated: CalibratedStep | None = None,
        graph: Callable[[], KnowledgeGraph] | None = None,
    ) -> None:
        self._catalog = catalog
        self._embedder_of = embedder_of
        self._stores_of = stores_of
        self._lexical = lexical
        self._options = options
        self._pictures = pictures
        self._calibrated = calibrated or CalibratedStep()
        self._rerank = rerank or RerankStage(lambda: None, lambda _: b"")
        self._fuser = Fuser(catalog, options)
        self._graph = GraphStage(graph or _no_graph)
        lookup = pictures.records.lookup_pictures if pictures else None
        self._presenter = Presenter(catalog, options.max_per_document, lookup)

    def retrieve(self, query: Query) -> SearchResult:
        """Search.

        When one recaller of a hybrid search cannot answer, the other goes on, and `degraded` and `warnings` say so; the
        same holds for pictures and for the reranker.

        Raises:
            UsageError: the query asks for nothing, a number is out of range, a filter makes no sense.
            NotFoundError: a named collection, or the query's picture, is not there.
            ModelUnavailableError, IndexUnavailableError, ModelMismatchError: no recaller of this mode can answer.
        """
        trace = TraceRecorder()
        asking, recall = self._begin(query, trace)
        hits = self._search(query, asking, recall, trace) if recall is not None else ()
        return self._calibrated.judged(SearchResult(query, hits, trace.trace, trace.degraded, trace.warnings), trace)

    def recall_of(self, query: Query) -> Recall | None:
        """The recallers of a search before they are asked, None where nothing is in scope; raises as `retrieve`."""
        return self._begin(query, TraceRecorder())[1]

    def _begin(self, query: Query, trace: TraceRecorder) -> tuple[Asking, Recall | None]:
        _check(query)
        with trace.stage("parse query") as notes:
            parsed = parse_query(query.text, wordless=bool(query.picture))
            notes.fact("text", parsed.text)
            notes.fact("phrases", len(parsed.phrases))
            notes.fact("excluded", len(parsed.excluded))
            if query.picture:
                notes.fact("picture", query.picture)
        asking = Asking(query, parsed, self._embedder_of, self._pictures)
        return asking, self._prepare(query, parsed, asking, trace)

    def _search(self, query: Query, asking: Asking, recall: Recall, trace: TraceRecorder) -> tuple[SearchHit, ...]:
        plan = rerank_plan(query, self._options)
        wanted = replace(query, top_k=max(query.top_k, plan.candidates)) if plan else query
        limit = max(query.candidates or self._options.candidates, wanted.top_k)
        while True:
            recalled = recall.recall(limit)
            share = recall.pictures.share if recall.pictures else 1.0
            connect = self._graph.connector(recall, recalled)
            fused = self._fuser.fuse(recall.words.text, recalled, share, trace, connect)
            with trace.stage("present") as notes:
                hits = self._presenter.present(
                    wanted, fused.ranking, fused.views, fused.known, fused.pictures, asking.place
                )
                notes.candidates = len(hits)
            trace.saw(limit, fused.views)
            trace.presented(hits, wanted.top_k)
            if len(hits) >= wanted.top_k or recalled.exhausted or limit >= recall.size:
                break
            limit *= _GROWTH
        hits = self._calibrated.apply(query, recall, fused.recalled, hits, trace)
        if fused.connected is not None:
            hits = fused.connected.told(hits, fused.lifted)
        if plan is None:
            return hits
        if not asking.text and query.rerank is None:
            with trace.stage(RERANK_STAGE) as notes:
                notes.fact("left out", "a picture without words is compared, not judged, unless that is asked for")
            return hits[: query.top_k]
        collections = query.filters.collections
        return self._rerank.apply(plan, asking.text, lambda: asking.drawn, hits, trace, collections)[: query.top_k]

    def _prepare(self, query: Query, parsed: ParsedQuery, asking: Asking, trace: TraceRecorder) -> Recall | None:
        """The recallers of this search, or None when there is nothing in scope (which the trace then says)."""
        with trace.stage("scope") as notes:
            documents = self._catalog.scope(query.filters)
            by_language = self._catalog.languages(documents) if _wants(query, HitKind.TEXT) else {}
            passages = notes.candidates = sum(by_language.values())
            languages = tuple(code for code in by_language if code)
            notes.fact("documents", "all" if documents is None else len(documents))
            notes.fact("languages", ", ".join(languages))
            seeing, pictures = self._picture_scope(query, documents)
            if pictures:
                notes.fact("pictures", pictures)
        for kind, values in self._catalog.unknown(query.filters).items():
            trace.warn(_in_no_document(kind, values))
        asking.tell_blind(trace)
        if not passages and not pictures:
            trace.warn(_nothing(query, documents is None))
            return None
        # A picture without words leaves nothing to search by words.
        losses = Losses(query.mode if parsed.text else SearchMode.TRADITIONAL, parsed.restricted, trace)
        scope = _Scope(documents, passages, seeing, pictures)
        dense, looks = self._embed(query, asking, scope, losses, trace)
        lexical = self._open_lexical(query, parsed, losses) if passages and parsed.text else None
        if not dense and looks is None and lexical is None:
            trace.warn(_NOTHING_COMPARABLE)
            return None
        words = parsed.lexical(languages)
        return Recall(query.mode, parsed, words, documents, passages, dense, lexical, losses, trace, looks)

    def _picture_scope(self, query: Query, documents: frozenset[str] | None) -> tuple[dict[str, EmbeddingSpec], int]:
        """Models that see and pictures in scope; none where pictures take no part."""
        if self._pictures is None or query.mode is SearchMode.LEXICAL or not _wants(query, HitKind.PICTURE):
            return {}, 0
        seeing = self._pictures.specs(query.filters)
        return seeing, self._pictures.records.picture_counts(documents) if seeing else 0

    def _open_lexical(self, query: Query, parsed: ParsedQuery, losses: Losses) -> LexicalIndex | None:
        if query.mode is SearchMode.TRADITIONAL and not parsed.restricted:
            return None
        try:
            return self._lexical()
        except UNAVAILABLE as error:
            losses.add(LEXICAL_STAGE, error)
            return None

    def _embed(
        self, query: Query, asking: Asking, scope: _Scope, losses: Losses, trace: TraceRecorder
    ) -> tuple[tuple[DenseRecall, ...], PictureSearch | None]:
        """Who looks for passages by vectors, and who looks for pictures."""
        if query.mode is SearchMode.LEXICAL:
            return (), None
        scan = scope.documents is not None or scope.passages <= self._options.exact_below
        with trace.stage("embed") as notes:
            try:
                specs = self._catalog.specs(scope.documents) if scope.passages else {}
                if not specs and not scope.pictures:
                    raise IndexUnavailableError(_NO_VECTORS)
                if scope.passages and not specs:
                    trace.warn(_NO_VECTORS, VECTOR_STAGE)
                models = {**specs, **(scope.seeing if scope.pictures else {})}
                notes.fact("models", ", ".join(spec.model for spec in models.values()))
                usable = self._usable(models, asking, query, trace)
                dense = tuple(
                    DenseRecall(
                        spec.model, asking.vector(spec), self._stores_of(model_id), scope.documents, scan, model_id
                    )
                    for model_id, spec in specs.items()
                    if model_id in usable
                )
                trace.models |= {
                    each: f"{spec.model} {spec.revision}" for each, spec in models.items() if each in usable
                }
                looks = self._looks(query, asking, scope, usable, trace)
            except UNAVAILABLE as error:
                notes.warning = str(error)
                if not scope.passages:
                    raise
                losses.add(VECTOR_STAGE, error)
                return (), None
            notes.candidates = len(dense)
        return dense, looks

    def _usable(
        self, models: Mapping[str, EmbeddingSpec], asking: Asking, query: Query, trace: TraceRecorder
    ) -> frozenset[str]:
        """Ids of the models that give a vector for the query: one that cannot be used does not stop the others.

        Raises:
            CortexError: none can be used; that of the first.
        """
        usable, faults = set(), {}
        for model_id, spec in models.items():
            if not asking.can(spec):
                continue
            try:
                asking.vector(spec)
                usable.add(model_id)
            except UNAVAILABLE as error:
                faults[model_id] = error
        if faults and not usable:
            raise next(iter(faults.values()))
        how = "were searched by keywords alone" if query.mode.by_both and asking.text else "were left out"
        for model_id, fault in faults.items():
            spec = models[model_id]
            for stage in (VECTOR_STAGE, PICTURE_STAGE) if spec.sees else (VECTOR_STAGE,):
                trace.warn(f"{fault} Collections made with '{spec.model}' {how}.", stage)
        return frozenset(usable)

    def _looks(
        self, query: Query, asking: Asking, scope: _Scope, usable: Collection[str], trace: TraceRecorder
    ) -> PictureSearch | None:
        """Who looks for pictures, None where none in scope has a vector.

        Raises:
            IndexUnavailableError: their index cannot answer, and there are no passages to go on with.
        """
        if self._pictures is None or not scope.pictures:
            return None
        left_out = frozenset({picture_id(*asking.place)} if asking.place else ())
        recallers = []
        for model_id, spec in scope.seeing.items():
            if model_id not in usable:
                continue
            try:
                stores = {name: self._pictures.store_of(model_id, name) for name in VectorName}
            except IndexUnavailableError as error:
                if not scope.passages:
                    raise
                trace.warn(f"{error} The search went on without pictures.", PICTURE_STAGE)
                continue
            there = {name: store for name, store in stores.items() if store is not None}
            if query.prefetch and VectorName(query.prefetch) not in there:
                trace.warn(f"No {query.prefetch} has a vector yet under '{spec.model}', so none was found by it.")
            elif there:
                beside = None if scope.passages else self._stores_of(model_id).exact
                vector, documents = asking.vector(spec), scope.documents
                recallers.append(PictureRecall(model_id, vector, there, documents, query.prefetch, left_out, beside))
        share = self._options.picture_weight if query.picture_weight is None else query.picture_weight
        records = self._pictures.records
        return PictureSearch(tuple(recallers), scope.pictures, share, asking.parsed, records) if recallers else None


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is searched: documents (None for all), how many passages and pictures they have, models of the pictures."""

    documents: frozenset[str] | None
    passages: int
    seeing: Mapping[str, EmbeddingSpec]
    pictures: int


_NO_VECTORS = (
    "No passage in scope has vectors yet: the ingest has not ended, or the model cannot be used ('doctor' says why)."
)
_NOTHING_COMPARABLE = (
    "Nothing in scope can be compared with the query yet: pictures are embedded in the background, and models that read text "
    "only know no pictures."
)


def _no_graph() -> KnowledgeGraph:
    raise IndexUnavailableError("There is no knowledge graph here.")


def _wants(query: Query, kind: HitKind) -> bool:
    return not query.kinds or kind in query.kinds


def _nothing(query: Query, everything: bool) -> str:
    if not _wants(query, HitKind.TEXT):
        where = "The library holds" if everything else "The documents that meet the filters hold"
        return f"{where} no pictures that can be searched. Collections whose model sees, such as Qwen3-VL, keep them."
    if everything:
        return "There is nothing to search yet: the library holds no text. Add documents first."
    return "No document with text meets the filters."


def _in_no_document(kind: str, values: Sequence[str]) -> str:
    named = " or ".join(f"'{value}'" for value in values[:_NAMED])
    more = f" (and {len(values) - _NAMED} others)" if len(values) > _NAMED else ""
    return f"{_NO_DOCUMENT[kind].format(named + more)} Check the filter."


def _check(query: Query) -> None:
    if not 1 <= query.top_k <= MAX_TOP_K:
        raise UsageError(f"top_k is {query.top_k}; it must be between 1 and {MAX_TOP_K}.")
    if not 0 <= query.candidates <= MAX_CANDIDATES:
        raise UsageError(
            f"candidates is {query.candidates}; it must be between 0 (the default) and {MAX_CANDIDATES:,}."
        )
    if query.miss_rate is not None and not 0.0 <= query.miss_rate <= MAX_MISS_RATE:
        raise UsageError(
            f'miss_rate is {query.miss_rate:g}; it must be between 0 (never "nothing found") and {MAX_MISS_RATE}.'
        )
    _check_looks(query)


def _check_looks(query: Query) -> None:
    """Numbers and words that concern pictures and reranking."""
    if query.mode is SearchMode.LEXICAL and (query.picture or not _wants(query, HitKind.TEXT)):
        raise UsageError("Pictures are not found by words, nor words by a picture. Search by meaning, or by both.")
    if query.prefetch not in ("", *VectorName):
        raise UsageError(f"prefetch is '{query.prefetch}'; use 'picture', 'description', or '' for both.")
    weight = query.picture_weight
    if weight is not None and not 0.0 <= weight <= 1.0:
        raise UsageError(
            f"picture_weight is {weight:g}; it must be between 0 (the description alone) and 1 (the picture alone)."
        )
    for name, value in (("rerank_candidates", query.rerank_candidates), ("rerank_top_k", query.rerank_top_k)):
        if not 0 <= value <= MAX_RERANKED:
            raise UsageError(f"{name} is {value}; it must be between 0 (the setting) and {MAX_RERANKED}.")
