"""Recall: candidates by vectors and by words, each with the other's true scores; what cannot answer is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cortex_engine.core.errors import (
    CortexError,
    IndexUnavailableError,
    ModelMismatchError,
    ModelUnavailableError,
)
from cortex_engine.core.protocols import LexicalIndex, LexicalQuery
from cortex_engine.core.search import Ranking, ScoredChunk, SearchMode
from cortex_engine.retrieval.dense import VECTOR_STAGE, DenseRecall
from cortex_engine.retrieval.fusion import Evidence
from cortex_engine.retrieval.pictures import PICTURE_STAGE, PictureEvidence, PictureSearch
from cortex_engine.retrieval.query_text import ParsedQuery
from cortex_engine.retrieval.tracing import TraceRecorder

LEXICAL_STAGE = "lexical"

UNAVAILABLE = (ModelUnavailableError, IndexUnavailableError, ModelMismatchError)
"""What one recaller may fail with while the other goes on."""

_GOES_ON = {
    VECTOR_STAGE: "The search went on by keywords alone.",
    LEXICAL_STAGE: "The search went on by meaning alone, without keywords.",
}


class Losses:
    """Keeps account of recallers that cannot answer: the search goes on without them, or ends with their error."""

    def __init__(self, mode: SearchMode, restricted: bool, trace: TraceRecorder) -> None:
        self._mode = mode
        self._restricted = restricted
        self._trace = trace
        self._lost: dict[str, CortexError] = {}

    def add(self, stage: str, error: CortexError) -> None:
        """Note that a stage failed.

        Raises:
            CortexError: the error itself, when the mode has nothing else to search with.
            IndexUnavailableError: phrases or exclusions were asked for and nobody can check them.
        """
        if stage == LEXICAL_STAGE and self._restricted:
            raise IndexUnavailableError(
                f"{error} Phrases in quotes and excluded words need the keyword index; search without them, "
                f"or run 'rebuild'."
            ) from error
        self._lost[stage] = error
        if not self._mode.by_both or len(self._lost) == len(_GOES_ON):
            raise error
        self._trace.warn(f"{error} {_GOES_ON[stage]}", stage)


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the recallers gave for one number of candidates.

    Attributes:
        dense: evidence of each embedding model; empty when vectors take no part.
        lexical: evidence by words; None when words take no part.
        exhausted: more candidates would not bring more passages or pictures.
        pictures: what is known of pictures under each model; empty when they take no part.
        models: model id of each of `dense`.
    """

    dense: tuple[Evidence, ...]
    lexical: Evidence | None
    exhausted: bool
    pictures: tuple[PictureEvidence, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(slots=True)
class Recall:
    """The recallers of one search.

    Attributes:
        words: the query by words.
        passages: number of passages in scope.
        dense: one for each embedding model in scope; emptied when vectors are lost.
        lexical: the keyword index; None when it is lost or takes no part.
        pictures: where pictures are looked for; None when they are lost or take no part.
    """

    mode: SearchMode
    parsed: ParsedQuery
    words: LexicalQuery
    documents: frozenset[str] | None
    passages: int
    dense: tuple[DenseRecall, ...]
    lexical: LexicalIndex | None
    losses: Losses
    trace: TraceRecorder
    pictures: PictureSearch | None = None

    @property
    def size(self) -> int:
        """Passages or pictures in scope, whichever are more: no recaller has more candidates."""
        return max(self.passages, self.pictures.count if self.pictures else 0)

    def recall(self, limit: int) -> Recalled:
        """Candidates of every recaller, at most `limit` each, completed by the scores of the others.

        Raises:
            CortexError: nothing is left to search with.
        """
        by_words = self._match(limit)
        by_vectors = self._nearest(limit, by_words)
        pictures = self._look(limit)
        use_words = by_words is not None and self.mode is not SearchMode.TRADITIONAL
        rankings = [*by_vectors, *([by_words] if by_words is not None and use_words else [])]
        everyone = list(dict.fromkeys(item.chunk_id for ranking in rankings for item in ranking))
        with self.trace.stage("score") as notes:
            notes.candidates = len(everyone)
            dense = tuple(
                recaller.evidence(ranking, everyone) for recaller, ranking in zip(self.dense, by_vectors, strict=True)
            )
            lexical = self._word_evidence(by_words, everyone) if by_words is not None and use_words else None
        models = tuple(recaller.model_id for recaller in self.dense)
        return Recalled(dense, lexical, self._exhausted(limit, by_words), pictures, models)

    def completed(self, recalled: Recalled, chunk_ids: Sequence[str]) -> Recalled:
        """The same with the true scores of further passages, those that phrases and exclusions permit."""
        known = {chunk_id for evidence in recalled.dense for chunk_id in evidence.scores}
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in known]
        if self.parsed.restricted and self.lexical is not None:
            allowed = self.lexical.permits(self.words, missing)
            missing = [chunk_id for chunk_id in missing if chunk_id in allowed]
        if not missing:
            return recalled
        dense = tuple(
            replace(evidence, scores={**evidence.scores, **recaller.scored(missing)})
            for recaller, evidence in zip(self.dense, recalled.dense, strict=True)
        )
        lexical = recalled.lexical
        if lexical is not None and self.lexical is not None:
            # What no index knows was deleted since, or is not embedded and shares no word: it is no candidate.
            embedded = {chunk_id for evidence in dense for chunk_id in evidence.scores}
            by_words = self.lexical.scores(self.words, missing).items()
            more = {chunk_id: score for chunk_id, score in by_words if score > 0 or chunk_id in embedded}
            lexical = replace(lexical, scores={**lexical.scores, **more})
        return replace(recalled, dense=dense, lexical=lexical)

    def _look(self, limit: int) -> tuple[PictureEvidence, ...]:
        if self.pictures is None:
            return ()
        try:
            return self.pictures.recall(limit, self.trace)
        except UNAVAILABLE as error:
            self.pictures = None
            if not self.dense and self.lexical is None:
                raise
            self.trace.warn(f"{error} The search went on without pictures.", PICTURE_STAGE)
            return ()

    def _match(self, limit: int) -> Ranking | None:
        if self.lexical is None:
            return None
        with self.trace.stage(LEXICAL_STAGE) as notes:
            try:
                ranking = self.lexical.match(self.words, limit, self.documents)
                self.trace.terms |= self.lexical.weights(self.words)
            except UNAVAILABLE as error:
                notes.warning = str(error)
                self.lexical = None
                self.losses.add(LEXICAL_STAGE, error)
                return None
            notes.candidates = len(ranking)
            notes.fact("best", ranking.items[0].score if ranking.items else 0.0)
        return ranking

    def _nearest(self, limit: int, by_words: Ranking | None) -> list[Ranking]:
        if not self.dense:
            return []
        with self.trace.stage(VECTOR_STAGE) as notes:
            try:
                rankings = [self._permitted(recaller, limit, by_words) for recaller in self.dense]
            except UNAVAILABLE as error:
                notes.warning = str(error)
                self.dense = ()
                self.losses.add(VECTOR_STAGE, error)
                return []
            notes.candidates = sum(len(ranking) for ranking in rankings)
            notes.fact("scan", ", ".join(dict.fromkeys(recaller.manner for recaller in self.dense)))
            notes.fact("best", max((ranking.items[0].score for ranking in rankings if ranking.items), default=0.0))
        return rankings

    def _permitted(self, recaller: DenseRecall, limit: int, by_words: Ranking | None) -> Ranking:
        """The nearest passages that hold every phrase and nothing excluded.

        Few of the nearest may hold a phrase: the passages that are known to hold it join them.
        """
        ranking = recaller.candidates(limit, self.trace)
        if not self.parsed.restricted or self.lexical is None:
            return ranking
        scores = {item.chunk_id: item.score for item in ranking}
        allowed = self.lexical.permits(self.words, list(scores))
        scores = {chunk_id: score for chunk_id, score in scores.items() if chunk_id in allowed}
        if self.parsed.phrases and by_words is not None:
            scores |= recaller.scored([item.chunk_id for item in by_words if item.chunk_id not in scores])
        pairs = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        return Ranking(VECTOR_STAGE, tuple(ScoredChunk(chunk_id, score) for chunk_id, score in pairs[:limit]))

    def _word_evidence(self, ranking: Ranking, everyone: Sequence[str]) -> Evidence:
        own = {item.chunk_id: item.score for item in ranking}
        missing = [chunk_id for chunk_id in everyone if chunk_id not in own]
        if self.lexical is None or not self.dense:
            return Evidence(ranking, own, None)
        scores = own | dict(self.lexical.scores(self.words, missing)) if missing else own
        return Evidence(ranking, scores, self.lexical.moments(self.words, self.documents))

    def _exhausted(self, limit: int, by_words: Ranking | None) -> bool:
        """Words end when fewer than `limit` matched; vectors only with the last passage, unless a phrase decides."""
        if self.pictures is not None and limit < self.pictures.count:
            return False
        words_end = by_words is None or len(by_words) < limit
        if not self.dense or (self.parsed.phrases and by_words is not None):
            return words_end
        return words_end and limit >= self.passages
