"""The query line: parse, scope, embed, recall by vectors and by words, fuse, present."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import IndexUnavailableError, ModelMismatchError, UsageError
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.protocols import Embedder, LexicalIndex
from cortex_engine.core.records import Passage
from cortex_engine.core.search import Query, Ranking, SearchHit, SearchMode, SearchResult
from cortex_engine.retrieval.characters import CHARACTER_STAGE, character_evidence
from cortex_engine.retrieval.dense import VECTOR_STAGE, DenseRecall, DenseStores
from cortex_engine.retrieval.fusion import Evidence, fusion_method, merge_models, order, reciprocal_rank, separation
from cortex_engine.retrieval.presentation import Presenter, StageView
from cortex_engine.retrieval.query_text import ParsedQuery, parse_query
from cortex_engine.retrieval.recall import LEXICAL_STAGE, UNAVAILABLE, Losses, Recall, Recalled
from cortex_engine.retrieval.tracing import TraceRecorder

__all__ = ["DenseStores", "HybridRetriever"]

FUSION_STAGE = "fusion"
_KEYWORDS = 1.0
"""Words and character n-grams are two views of one kind of evidence and share its weight."""

_COMPARED = 100
"""Passages whose texts are read for their character n-grams: the best by vectors and words alone."""

MAX_TOP_K = 1000
MAX_CANDIDATES = 100_000

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
    """Finds passages by vectors, by words, or by both (port `Retriever`).

    Args:
        catalog: the truth that hits are joined with.
        embedder_of: the model behind a spec.
        stores_of: where the vectors of a model id can be asked for.
        lexical: the keyword index, asked for once a search; may raise `IndexUnavailableError`.
        options: candidates, size up to which vectors are scanned, fusion method, diversity cap.

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
    ) -> None:
        self._catalog = catalog
        self._embedder_of = embedder_of
        self._stores_of = stores_of
        self._lexical = lexical
        self._options = options
        self._method = fusion_method(options.fusion)
        self._presenter = Presenter(catalog, options.max_per_document)

    def retrieve(self, query: Query) -> SearchResult:
        """Search.

        When one recaller of a hybrid search cannot answer, the other goes on, and `degraded` and `warnings` say so.

        Raises:
            UsageError: the query asks for nothing, `top_k` or `candidates` is out of range, a filter makes no sense.
            NotFoundError: a named collection is not there.
            ModelUnavailableError, IndexUnavailableError, ModelMismatchError: no recaller of this mode can answer.
        """
        _check(query)
        trace = TraceRecorder()
        recall = self._prepare(query, trace)
        hits = self._search(query, recall, trace) if recall is not None else ()
        return SearchResult(query, hits, trace.trace, trace.degraded, trace.warnings)

    def _search(self, query: Query, recall: Recall, trace: TraceRecorder) -> tuple[SearchHit, ...]:
        limit = max(query.candidates or self._options.candidates, query.top_k)
        while True:
            recalled = recall.recall(limit)
            ranking, views, known = self._fuse(recall.words.text, recalled, trace)
            with trace.stage("present") as notes:
                hits = self._presenter.present(query, ranking, views, known)
                notes.candidates = len(hits)
            if len(hits) >= query.top_k or recalled.exhausted or limit >= recall.passages:
                return hits
            limit *= _GROWTH

    def _prepare(self, query: Query, trace: TraceRecorder) -> Recall | None:
        """The recallers of this search, or None when there is nothing in scope (which the trace then says)."""
        with trace.stage("parse query") as notes:
            parsed = parse_query(query.text)
            notes.fact("text", parsed.text)
            notes.fact("phrases", len(parsed.phrases))
            notes.fact("excluded", len(parsed.excluded))
        with trace.stage("scope") as notes:
            documents = self._catalog.scope(query.filters)
            by_language = self._catalog.languages(documents)
            passages = notes.candidates = sum(by_language.values())
            languages = tuple(code for code in by_language if code)
            notes.fact("documents", "all" if documents is None else len(documents))
            notes.fact("languages", ", ".join(languages))
        for kind, values in self._catalog.unknown(query.filters).items():
            trace.warn(_in_no_document(kind, values))
        if not passages:
            trace.warn(
                "There is nothing to search yet: the library holds no text. Add documents first."
                if documents is None
                else "No document with text meets the filters."
            )
            return None
        losses = Losses(query.mode, parsed.restricted, trace)
        dense = self._embed(query, parsed, documents, passages, losses, trace)
        lexical = self._open_lexical(query, parsed, losses)
        words = parsed.lexical(languages)
        return Recall(query.mode, parsed, words, documents, passages, dense, lexical, losses, trace)

    def _open_lexical(self, query: Query, parsed: ParsedQuery, losses: Losses) -> LexicalIndex | None:
        if query.mode is SearchMode.VECTOR and not parsed.restricted:
            return None
        try:
            return self._lexical()
        except UNAVAILABLE as error:
            losses.add(LEXICAL_STAGE, error)
            return None

    def _embed(
        self,
        query: Query,
        parsed: ParsedQuery,
        documents: frozenset[str] | None,
        passages: int,
        losses: Losses,
        trace: TraceRecorder,
    ) -> tuple[DenseRecall, ...]:
        if query.mode is SearchMode.LEXICAL:
            return ()
        scan = documents is not None or passages <= self._options.exact_below
        with trace.stage("embed") as notes:
            try:
                specs = self._catalog.specs(documents)
                if not specs:
                    raise IndexUnavailableError(
                        "No passage in scope has vectors yet. Let the ingest end, or run 'doctor'."
                    )
                notes.fact("models", ", ".join(spec.model for spec in specs.values()))
                dense = tuple(
                    DenseRecall(
                        spec.model, self._embedded(spec, parsed.text), self._stores_of(model_id), documents, scan
                    )
                    for model_id, spec in specs.items()
                )
            except UNAVAILABLE as error:
                notes.warning = str(error)
                losses.add(VECTOR_STAGE, error)
                return ()
            notes.candidates = len(dense)
        return dense

    def _embedded(self, spec: EmbeddingSpec, text: str) -> NDArray[np.float32]:
        embedder = self._embedder_of(spec)
        if embedder.spec != spec:
            raise ModelMismatchError(
                f"The documents were embedded with '{spec.model}' (revision {spec.revision[:12]}), but the model at "
                f"hand is '{embedder.spec.model}' (revision {embedder.spec.revision[:12]}). Restore the first, or "
                f"move the collection to the new model."
            )
        return embedder.embed_query(text)

    def _fuse(
        self, text: str, recalled: Recalled, trace: TraceRecorder
    ) -> tuple[Ranking, list[StageView], Mapping[str, Passage]]:
        """The final ranking, how each stage saw the passages, and the passages where they were read already."""
        views: list[StageView] = []
        if recalled.dense:
            weighted = [replace(evidence, weight=separation(evidence)) for evidence in recalled.dense]
            dense = merge_models(weighted)
            cosines: dict[str, float] = {}
            for evidence in recalled.dense:
                for chunk_id, score in evidence.scores.items():
                    cosines[chunk_id] = max(score, cosines.get(chunk_id, score))
            views.append(StageView(dense.ranking, cosines))
            if recalled.lexical is None:
                return dense.ranking, views, {}
        lexical = recalled.lexical
        if lexical is None:
            raise IndexUnavailableError("No index could answer. Run 'rebuild'.")
        views.append(StageView(lexical.ranking, lexical.scores))
        if not recalled.dense:
            return lexical.ranking, views, {}
        stages: list[Evidence] = [dense, lexical]
        known: Mapping[str, Passage] = {}
        # Plain rank fusion is what others are measured against: the two rankings and nothing else.
        if self._method is not reciprocal_rank and all(evidence.moments for evidence in stages):
            characters, known = self._compare(text, stages, trace)
            if characters is not None:
                views.append(StageView(characters.ranking, characters.scores))
                stages = [dense, replace(lexical, weight=_KEYWORDS / 2), replace(characters, weight=_KEYWORDS / 2)]
        ranking = self._fused(stages, trace)
        return ranking, [*views, StageView(ranking)], known

    def _compare(
        self, text: str, stages: list[Evidence], trace: TraceRecorder
    ) -> tuple[Evidence | None, Mapping[str, Passage]]:
        """Character n-grams of the passages that are best without them, and these passages."""
        with trace.stage(CHARACTER_STAGE) as notes:
            best = order(CHARACTER_STAGE, self._method(stages)).items[:_COMPARED]
            known = self._catalog.lookup([item.chunk_id for item in best])
            texts = {chunk_id: passage.chunk.embedded_text for chunk_id, passage in known.items()}
            notes.candidates = len(texts)
            return character_evidence(text, texts), known

    def _fused(self, stages: list[Evidence], trace: TraceRecorder) -> Ranking:
        with trace.stage(FUSION_STAGE) as notes:
            method = self._method
            notes.fact("method", self._options.fusion)
            for evidence in stages:
                if evidence.moments is None:
                    method = reciprocal_rank
                    notes.fact("method", "reciprocal_rank")
                    notes.warning = (
                        f"The {evidence.stage} index does not know its scores over all passages; ranks were fused "
                        f"instead, which is less exact. Run 'rebuild'."
                    )
                    trace.warn(notes.warning, FUSION_STAGE)
                else:
                    notes.fact(f"{evidence.stage} mean", evidence.moments.mean)
                    notes.fact(f"{evidence.stage} deviation", evidence.moments.deviation)
                    notes.fact(f"{evidence.stage} weight", evidence.weight)
            ranking = order(FUSION_STAGE, method(stages))
            notes.candidates = len(ranking)
        return ranking


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
