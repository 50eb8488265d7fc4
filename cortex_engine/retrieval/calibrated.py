"""What the scores of a hit mean: its closeness among unrelated passages, and from where on nothing was found.

The scales are numbers that `cortex_engine.calibrating` made in the background; a search only looks them up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from cortex_engine.core.calibration import (
    FUSION_STAGE,
    MEANING_STAGE,
    Calibration,
    CalibrationRecords,
    conformal_cut,
    rerank_stage,
    share_below,
    weighted_quantile,
)
from cortex_engine.core.errors import IndexUnavailableError
from cortex_engine.core.protocols import LexicalIndex
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import HitKind, Query, SearchHit, SearchResult
from cortex_engine.retrieval.abstaining import LOOKED_AT, Verdict, evidence_of, in_another_language
from cortex_engine.retrieval.dense import VECTOR_STAGE
from cortex_engine.retrieval.recall import LEXICAL_STAGE, Recall, Recalled
from cortex_engine.retrieval.relevance import RelevanceScale
from cortex_engine.retrieval.tracing import TraceRecorder

EVIDENCE_STAGE = "evidence"

_CUTS_KEPT = 100


class Scales:
    """The calibrations of all collections, as searches ask for them.

    Args:
        uncalibrated: collections with documents whose scores nobody has calibrated yet: where one of them is asked, nothing is
            said to be missing.
    """

    def __init__(self, calibrations: Iterable[Calibration] = (), uncalibrated: Collection[str] = ()) -> None:
        self._uncalibrated = frozenset(uncalibrated)
        self._by_stage: dict[str, list[Calibration]] = {}
        for each in calibrations:
            self._by_stage.setdefault(each.stage, []).append(each)
        self._cuts: dict[tuple[frozenset[str], frozenset[str], float], float | None] = {}
        self._limits: dict[tuple[frozenset[str], frozenset[str]], tuple[float, float] | None] = {}
        self._relevances: dict[tuple[str, frozenset[str]], RelevanceScale | None] = {}

    def closeness(self, model_id: str, collections: Collection[str], score: float) -> float | None:
        """Share of unrelated passages of these collections (() for all) that are less close, None where that is unknown.

        Args:
            score: in deviations above the mean of all passages.
        """
        known = [
            each
            for each in self._of(MEANING_STAGE, collections)
            if each.model_id == model_id and each.unrelated and each.pairs
        ]
        total = sum(each.passages for each in known)
        if not total:
            return None
        return sum(each.passages / total * share_below(each.unrelated, score, each.pairs) for each in known)

    def cut(self, models: Collection[str], collections: Collection[str], miss_rate: float) -> float | None:
        """From where on evidence counts as found; None where nothing of it is calibrated, or for too few right answers."""
        if self._uncalibrated and (not collections or self._uncalibrated & set(collections)):
            return None
        key = (frozenset(models), frozenset(collections), miss_rate)
        if key in (kept := self._cuts):
            return kept[key]
        groups = [
            (each.related, float(each.passages))
            for each in self._of(FUSION_STAGE, collections)
            if each.model_id in key[0] and each.related
        ]
        cut = conformal_cut(groups, miss_rate)
        # Whoever asks may bring another rate each time.
        self._cuts = {**(kept if len(kept) < _CUTS_KEPT else {}), key: cut}
        return cut

    def limits(self, models: Collection[str], collections: Collection[str]) -> tuple[float, float] | None:
        """Meanings that are as close as three quarters, and as half, of right answers; None where that is unknown."""
        key = (frozenset(models), frozenset(collections))
        if key not in self._limits:
            placed = [
                (value, each.passages / len(each.related))
                for each in self._of(MEANING_STAGE, collections)
                if each.model_id in key[0]
                for value in each.related
            ]
            self._limits[key] = (weighted_quantile(placed, 0.25), weighted_quantile(placed, 0.5)) if placed else None
        return self._limits[key]

    def relevance(self, reranker: str, collections: Collection[str]) -> RelevanceScale | None:
        """The scale of the reranker of this name; None where nothing of it is calibrated."""
        key = (reranker, frozenset(collections))
        if key not in self._relevances:
            self._relevances[key] = RelevanceScale.of(self._of(rerank_stage(reranker), collections))
        return self._relevances[key]

    def _of(self, stage: str, collections: Collection[str]) -> list[Calibration]:
        return [each for each in self._by_stage.get(stage, ()) if not collections or each.collection in collections]


class KeptScales:
    """The scales of a library, read again when one changed."""

    def __init__(self, records: CalibrationRecords) -> None:
        self._records = records
        self._kept: tuple[dict[str, int], Scales] | None = None

    def __call__(self) -> Scales:
        """The scales as they stand."""
        versions = self._records.calibration_versions()
        kept = self._kept
        if kept is None or kept[0] != versions:
            waiting = [name for name, version in versions.items() if not version]
            self._kept = kept = (versions, Scales(self._records.calibrations(), waiting))
        return kept[1]


class CalibratedStep:
    """Gives hits their closeness, and judges whether a search found anything.

    Args:
        scales: the calibrations as they stand.
        miss_rate: of the settings, for queries without one of their own.
        lexical: the word index, for searches by meaning alone: words do not order their hits, but they are evidence. None where
            such searches are not judged.
    """

    def __init__(
        self,
        scales: Callable[[], Scales] = Scales,
        miss_rate: float = 0.0,
        lexical: Callable[[], LexicalIndex] | None = None,
    ) -> None:
        self._scales = scales
        self._miss_rate = miss_rate
        self._lexical = lexical

    def apply(
        self, query: Query, recall: Recall, recalled: Recalled, hits: Sequence[SearchHit], trace: TraceRecorder
    ) -> tuple[SearchHit, ...]:
        """The hits with their closeness; what is judged of the search goes to `trace.verdict`."""
        moments = {recaller.model_id: recaller.everywhere() for recaller in recall.dense}
        known = {model_id: each for model_id, each in moments.items() if each is not None and each.deviation > 0}
        if not known or not recalled.dense or query.picture:  # the scales are those of questions in words
            return tuple(hits)
        scores = {
            model_id: evidence.scores
            for model_id, evidence in zip(recalled.models, recalled.dense, strict=True)
            if model_id in known
        }
        with trace.stage(EVIDENCE_STAGE) as notes:
            scales, collections = self._scales(), query.filters.collections
            try:
                trace.verdict = verdict = self._verdict(query, recall, recalled, scores, known, scales, trace)
            except IndexUnavailableError as error:
                notes.warning, verdict = f"Whether anything was found is not judged: {error}", None
            if verdict is not None:
                for name, value in verdict.facts.items():
                    notes.fact(name, value)
            if limits := scales.limits(list(known), collections):
                notes.fact("good from", limits[0])
                notes.fact("strong from", limits[1])
                if len(known) == 1 and len(recalled.dense) == 1:  # what these limits were measured from
                    notes.fact("average cosine", next(iter(known.values())).mean)
            return tuple(_close(hit, scores, known, scales, collections) for hit in hits)

    def judged(self, result: SearchResult, trace: TraceRecorder) -> SearchResult:
        """The result with what `apply` judged."""
        verdict = trace.verdict
        if verdict is None:
            return result
        # What is found by its look is not judged by words and passages.
        seen = any(hit.kind is HitKind.PICTURE for hit in result.hits)
        abstained = verdict.abstained and bool(result.hits) and not seen
        return replace(result, abstained=abstained, evidence=verdict.evidence, cut=verdict.cut)

    def _verdict(
        self,
        query: Query,
        recall: Recall,
        recalled: Recalled,
        scores: Mapping[str, Mapping[str, float]],
        known: Mapping[str, ScoreMoments],
        scales: Scales,
        trace: TraceRecorder,
    ) -> Verdict | None:
        """None for what cannot be judged: searches by words alone, half a search."""
        if not recall.parsed.text or {VECTOR_STAGE, LEXICAL_STAGE} & set(trace.degraded):
            return None
        lexical = recall.lexical or (self._lexical() if self._lexical else None)
        if lexical is None:
            return None
        if recalled.lexical is not None:
            by_words = recalled.lexical.scores
        else:  # words do not order the hits, but the questions that the cut is made of were asked by both
            matched = lexical.match(recall.words, LOOKED_AT, recall.documents)
            by_words = {item.chunk_id: item.score for item in matched}
        meaning, words = evidence_of(scores, known, by_words, lexical, recall.words)
        rate = self._miss_rate if query.miss_rate is None else query.miss_rate
        cut = scales.cut(list(known), query.filters.collections, rate)
        # A phrase that stands in every hit was found, whatever the rest of it looks like; and questions made from passages say
        # nothing of those in a language that no passage has.
        unjudged = recall.parsed.restricted or in_another_language(query.text, recall.words.languages)
        return Verdict(meaning, words, None if unjudged else cut, rate)


def _close(
    hit: SearchHit,
    scores: Mapping[str, Mapping[str, float]],
    moments: Mapping[str, ScoreMoments],
    scales: Scales,
    collections: Collection[str],
) -> SearchHit:
    """The hit with the best of its closenesses under several models."""
    if hit.kind is not HitKind.TEXT:
        return hit
    found = [
        share
        for model_id, each in moments.items()
        if (score := scores[model_id].get(hit.chunk_id)) is not None
        and (share := scales.closeness(model_id, collections, (score - each.mean) / each.deviation)) is not None
    ]
    return replace(hit, closeness=max(found)) if found else hit
