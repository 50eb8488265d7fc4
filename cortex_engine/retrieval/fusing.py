"""One ranking from what all recallers found: vectors of several models, pictures, words, runs of characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.errors import IndexUnavailableError
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.records import Passage
from cortex_engine.core.search import Ranking
from cortex_engine.retrieval.characters import CHARACTER_STAGE, character_evidence
from cortex_engine.retrieval.fusion import Evidence, fusion_method, merge_models, order, reciprocal_rank, separation
from cortex_engine.retrieval.graph import Connect, Connected
from cortex_engine.retrieval.mixing import judged_by_look, known_moments, passages_beside
from cortex_engine.retrieval.pictures import DESCRIPTION_STAGE, PICTURE_STAGE, PictureEvidence, one_view
from cortex_engine.retrieval.presentation import StageView
from cortex_engine.retrieval.recall import Recalled
from cortex_engine.retrieval.tracing import StageNotes, TraceRecorder

FUSION_STAGE = "fusion"

_KEYWORDS = 1.0
"""Words and character n-grams are two views of one kind of evidence and share its weight."""

_LIKELY_COPIES, _SAME = 20, 0.8
"""Passages that are looked at, and the share of all words that two have in common, from where on one is a copy of the other."""

_COMPARED = 100
"""Passages whose texts are read for their character n-grams: the best by vectors and words alone."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The final ranking and what explains it.

    Attributes:
        views: how each stage saw the candidates.
        recalled: what was fused, with what the graph brought.
        known: passages where they were read already.
        pictures: those of the ids that are pictures.
        connected: what the knowledge graph had a part in; None where it had none.
        lifted: those that it gave something.
    """

    ranking: Ranking
    views: Sequence[StageView]
    recalled: Recalled
    known: Mapping[str, Passage] = field(default_factory=dict)
    pictures: AbstractSet[str] = frozenset()
    connected: Connected | None = None
    lifted: AbstractSet[str] = frozenset()


class Fuser:
    """Makes one ranking of what was recalled.

    Raises:
        ConfigError: there is no fusion method of the name in `options`.
    """

    def __init__(self, catalog: SearchRecords, options: SearchOptions) -> None:
        self._catalog = catalog
        self._name = options.fusion
        self._method = fusion_method(options.fusion)

    def fuse(
        self, text: str, recalled: Recalled, share: float, trace: TraceRecorder, connect: Connect | None = None
    ) -> Fused:
        """The ranking; `text`: the words asked for, without function words; `share`: see `mixing.two_vectors`.

        Args:
            connect: asks the knowledge graph what belongs to the candidates with their scores so far; None for no graph.

        Raises:
            IndexUnavailableError: nothing was recalled by anybody.
        """
        dense, lexical = self._dense(recalled, share, trace), recalled.lexical
        pictures = frozenset(each for evidence in recalled.pictures for each in evidence.ids)
        if lexical is None and dense is None:
            raise IndexUnavailableError("No index could answer. Run 'rebuild'.")
        if lexical is None or dense is None:
            alone = dense or lexical
            if pictures and alone is not None:
                ranking = order(FUSION_STAGE, {item.chunk_id: item.score for item in alone.ranking})
                return Fused(ranking, [*_views(recalled), StageView(ranking)], recalled, pictures=pictures)
            return Fused(alone.ranking, _views(recalled), recalled)  # type: ignore[union-attr]  # one of them is there
        stages, known = self._with_characters(text, dense, lexical, pictures, trace)
        further = [StageView(each.ranking, each.scores) for each in stages[2:]]
        connected = connect(self._method(stages)) if connect is not None else None
        lifted: AbstractSet[str] = frozenset()
        if connected is not None:
            recalled = connected.recalled
            stages = self._completed(stages, recalled, share, trace)
            scores = self._method(stages)
            further.append(connected.view(scores))
            if (graph := connected.evidence(scores, copies_of_best(scores, known))) is not None:
                stages = [*stages, graph]
                counts = graph.weight > 0 or self._method is reciprocal_rank  # which knows no weights
                lifted = frozenset(graph.scores) if counts else lifted
        ranking = self._fused(stages, pictures, trace)
        views = [*_views(recalled), *further, StageView(ranking)]
        return Fused(ranking, views, recalled, known, pictures, connected, lifted)

    def _dense(self, recalled: Recalled, share: float, trace: TraceRecorder) -> Evidence | None:
        if recalled.pictures:
            return self._mixed(recalled, share, trace)
        return merged_models(recalled.dense)

    def _completed(
        self, stages: Sequence[Evidence], recalled: Recalled, share: float, trace: TraceRecorder
    ) -> list[Evidence]:
        """The same stages with the scores of what the graph brought; character n-grams count as average there."""
        dense, lexical = self._dense(recalled, share, trace), recalled.lexical
        if dense is None or lexical is None:
            return list(stages)
        return [dense, replace(lexical, weight=stages[1].weight), *stages[2:]]

    def _with_characters(
        self, text: str, dense: Evidence, lexical: Evidence, pictures: AbstractSet[str], trace: TraceRecorder
    ) -> tuple[list[Evidence], Mapping[str, Passage]]:
        """Meaning, words and, where both can be measured, character n-grams; and the passages that were read for these."""
        stages: list[Evidence] = [dense, lexical]
        # Plain rank fusion is what others are measured against: the two rankings and nothing else.
        if self._method is reciprocal_rank or not all(evidence.moments for evidence in stages):
            return stages, {}
        characters, known = self._compare(text, stages, pictures, trace)
        if characters is None:
            return stages, known
        return [dense, replace(lexical, weight=_KEYWORDS / 2), replace(characters, weight=_KEYWORDS / 2)], known

    def _mixed(self, recalled: Recalled, share: float, trace: TraceRecorder) -> Evidence:
        """Passages and pictures as one dense recaller, in weighted standard scores, each kind by its own moments."""
        passages = dict(zip(recalled.models, recalled.dense, strict=True))
        looks = {evidence.model_id: evidence for evidence in recalled.pictures}
        stages: list[Evidence] = []
        with trace.stage("mix") as notes:
            for model_id, evidence in passages.items():
                other = known_moments(looks[model_id].look) if model_id in looks else None
                stages.append(passages_beside(evidence, other))
                _tell(notes, "passages", stages[-1])
            for model_id, look in looks.items():
                other = known_moments(passages[model_id]) if model_id in passages else look.passages
                stages.append(look.as_one(share, other))
                by_look, by_words = look.measured(other)
                _tell(notes, PICTURE_STAGE, by_look)
                if by_words.scores:
                    _tell(notes, DESCRIPTION_STAGE, by_words)
            if len(stages) == 1:
                return stages[0]
            merged = merge_models(stages)
            notes.candidates = len(merged.scores)
            return merged

    def _compare(
        self, text: str, stages: list[Evidence], pictures: AbstractSet[str], trace: TraceRecorder
    ) -> tuple[Evidence | None, Mapping[str, Passage]]:
        """Character n-grams of the passages that are best without them, and these passages."""
        with trace.stage(CHARACTER_STAGE) as notes:
            scores = self._method(stages)
            if pictures:
                scores = {chunk_id: score for chunk_id, score in scores.items() if chunk_id not in pictures}
            best = order(CHARACTER_STAGE, scores).items[:_COMPARED]
            known = self._catalog.lookup([item.chunk_id for item in best])
            texts = {chunk_id: passage.chunk.embedded_text for chunk_id, passage in known.items()}
            notes.candidates = len(texts)
            return character_evidence(text, texts), known

    def _fused(self, stages: list[Evidence], pictures: AbstractSet[str], trace: TraceRecorder) -> Ranking:
        with trace.stage(FUSION_STAGE) as notes:
            method = self._method
            notes.fact("method", self._name)
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
            trace.fused(method, stages)
            scores = method(stages)
            if pictures:
                notes.fact("pictures", "vectors count twice, as there are no words")
                scores = judged_by_look(scores, pictures)
            ranking = order(FUSION_STAGE, scores)
            notes.candidates = len(ranking)
        return ranking


def copies_of_best(scores: Mapping[str, float], known: Mapping[str, Passage]) -> frozenset[str]:
    """Passages that say the same as the best one, in nearly the same words: further versions of one document."""
    best, *others = [item.chunk_id for item in order(FUSION_STAGE, scores).items[:_LIKELY_COPIES]] or [""]
    texts = {each: frozenset(known[each].chunk.text.casefold().split()) for each in (best, *others) if each in known}
    said = texts.get(best, frozenset())
    return frozenset(
        each for each in others if each in texts and len(said & texts[each]) > _SAME * len(said | texts[each])
    )


def merged_models(dense: Sequence[Evidence]) -> Evidence | None:
    """Evidence of all embedding models as one, each weighed by how well it tells passages apart; None for none."""
    return merge_models([replace(evidence, weight=separation(evidence)) for evidence in dense]) if dense else None


def _views(recalled: Recalled) -> list[StageView]:
    """How the recallers saw the candidates."""
    views = []
    merged = merged_models(recalled.dense)
    if merged is not None:
        views.append(_cosine_view(merged.ranking, recalled.dense))
    views += _picture_views(recalled.pictures) if recalled.pictures else []
    if recalled.lexical is not None:
        views.append(StageView(recalled.lexical.ranking, recalled.lexical.scores))
    return views


def _cosine_view(ranking: Ranking, evidences: Sequence[Evidence]) -> StageView:
    """A ranking of passages with the best true cosine of each."""
    cosines: dict[str, float] = {}
    for evidence in evidences:
        for chunk_id, score in evidence.scores.items():
            cosines[chunk_id] = max(score, cosines.get(chunk_id, score))
    return StageView(ranking, cosines)


def _picture_views(pictures: Sequence[PictureEvidence]) -> list[StageView]:
    look = one_view([evidence.look for evidence in pictures], PICTURE_STAGE)
    words = one_view([evidence.words for evidence in pictures], DESCRIPTION_STAGE)
    return [StageView(view.ranking, view.scores) for view in (look, words)]


def _tell(notes: StageNotes, kind: str, evidence: Evidence) -> None:
    """How one kind is measured beside the other."""
    if evidence.moments is not None:
        notes.fact(f"{kind} mean", evidence.moments.mean)
        notes.fact(f"{kind} deviation", evidence.moments.deviation)
    notes.fact(f"{kind} weight", evidence.weight)
