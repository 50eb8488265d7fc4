"""The trace recorder: what each stage of a search did, how long it took, and what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cortex_engine.core.reranking import Judgement
from cortex_engine.core.search import SearchHit, SearchTrace, TraceStep
from cortex_engine.core.stages import FlightCandidate, FlightStage, LaterStages

if TYPE_CHECKING:  # these stand on this module
    from cortex_engine.retrieval.abstaining import Verdict
    from cortex_engine.retrieval.fusion import Evidence, FusionMethod
    from cortex_engine.retrieval.presentation import StageView

_OF_PICTURES = ("picture", "description")
_UNLIMITED = frozenset({"fusion", "characters"})


class StageNotes:
    """What a stage writes down while it runs."""

    def __init__(self) -> None:
        self.candidates = 0
        self.warning = ""
        self.facts: dict[str, str | int | float] = {}

    def fact(self, name: str, value: str | int | float) -> None:
        """Note whatever explains the stage."""
        self.facts[name] = value


class TraceRecorder:
    """Collects the steps of one search, in order; also its warnings and what could not do its part.

    Attributes:
        terms: words of the query -> their weight (inverse document frequency).
        models: model id -> "name revision" of the embedders that were asked; "reranker" -> its name.
        verdict: what the search is judged by; None while, or where, it is not judged.
    """

    def __init__(self) -> None:
        self.terms: dict[str, float] = {}
        self.models: dict[str, str] = {}
        self.verdict: Verdict | None = None
        self._steps: list[TraceStep] = []
        self._warnings: list[str] = []
        self._degraded: list[str] = []
        self._limit = 0
        self._views: Sequence[StageView] = ()
        self._added: tuple[FusionMethod, Sequence[Evidence]] | None = None
        self._presented: tuple[Sequence[SearchHit], int] = ((), 0)
        self._judged: tuple[Sequence[Judgement], int] = ((), 0)

    @contextmanager
    def stage(self, name: str) -> Iterator[StageNotes]:
        """Time a stage; it is recorded also when it fails."""
        notes = StageNotes()
        start = time.perf_counter()
        try:
            yield notes
        finally:
            elapsed = (time.perf_counter() - start) * 1000
            self._steps.append(TraceStep(name, elapsed, notes.candidates, notes.warning, notes.facts))

    def warn(self, sentence: str, degraded: str = "") -> None:
        """Keep a sentence for the person, and the name of the stage that could not do its part."""
        if sentence not in self._warnings:
            self._warnings.append(sentence)
        if degraded and degraded not in self._degraded:
            self._degraded.append(degraded)

    def fused(self, method: FusionMethod, stages: Sequence[Evidence]) -> None:
        """How the fused scores came about: the sum of what `method` gives for each of the stages alone."""
        self._added = (method, stages)

    def saw(self, limit: int, views: Sequence[StageView]) -> None:
        """How each stage saw the candidates; every recaller was asked for `limit`."""
        self._limit, self._views = limit, views

    def presented(self, hits: Sequence[SearchHit], wanted: int) -> None:
        """The hits, `wanted` at most, before a reranker orders them anew."""
        self._presented = (hits, wanted)

    def judged(self, judgements: Sequence[Judgement], entered: int) -> None:
        """What the reranker said of the first `entered` hits, best first."""
        self._judged = (judgements, entered)

    @property
    def trace(self) -> SearchTrace:
        """All steps so far; the stages are those of the moment when somebody looks."""
        return SearchTrace(tuple(self._steps), LaterStages(self._stages), dict(self.terms), dict(self.models))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences, each once."""
        return tuple(self._warnings)

    @property
    def degraded(self) -> tuple[str, ...]:
        """Stages that could not do their part, each once."""
        return tuple(self._degraded)

    def _stages(self) -> tuple[FlightStage, ...]:
        shares = self._shares()
        found = [_stage(view, self._limit, shares.get(view.ranking.stage, {})) for view in self._views]
        hits, wanted = self._presented
        if hits:
            shown = tuple(FlightCandidate(hit.chunk_id, hit.rank, hit.score) for hit in hits)
            found.append(FlightStage("present", shown, wanted, len(shown)))
        judgements, entered = self._judged
        if judgements:
            ranked = tuple(FlightCandidate(each.id, rank, each.raw) for rank, each in enumerate(judgements, start=1))
            found.append(FlightStage("rerank", ranked, entered, len(ranked)))
        return tuple(found)

    def _shares(self) -> dict[str, dict[str, float]]:
        """Stage -> id -> what the stage added to its fused score."""
        if self._added is None:
            return {}
        method, stages = self._added
        shares = {evidence.stage: method([evidence]) for evidence in stages}
        fused = (view.ranking for view in self._views if view.ranking.stage == "fusion")
        _scale(shares, {item.chunk_id: item.score for ranking in fused for item in ranking})
        for view in self._views:
            # What pictures have from their vectors stands in the fusion's one dense recaller.
            name = view.ranking.stage
            if name in _OF_PICTURES and (dense := shares.get("vector")):
                taken = {each: dense.pop(each) for each in view.scores if each in dense}
                shares[name] = taken
        return shares


def _scale(shares: Mapping[str, dict[str, float]], fused: Mapping[str, float]) -> None:
    """Where a fused score is a multiple of the sum (pictures, whose vectors count for words), so are the shares."""
    for chunk_id, score in fused.items():
        total = sum(share.get(chunk_id, 0.0) for share in shares.values())
        if total and abs(total - score) > 1e-9 * max(1.0, abs(score)):
            for share in shares.values():
                if chunk_id in share:
                    share[chunk_id] *= score / total


def _stage(view: StageView, limit: int, share: Mapping[str, float]) -> FlightStage:
    ranking, scores = view.ranking, view.scores
    made: Callable[[str, int | None, float], FlightCandidate] = lambda each, rank, score: FlightCandidate(  # noqa: E731
        each, rank, score, share.get(each, 0.0)
    )
    own = [
        made(item.chunk_id, rank, scores.get(item.chunk_id, item.score)) for rank, item in enumerate(ranking, start=1)
    ]
    ranked = {item.chunk_id for item in ranking}
    others = sorted(((score, each) for each, score in scores.items() if each not in ranked), key=lambda pair: -pair[0])
    candidates = (*own, *(made(each, None, score) for score, each in others))
    name = ranking.stage
    return FlightStage(name, candidates, 0 if name in _UNLIMITED else limit, len(candidates))
