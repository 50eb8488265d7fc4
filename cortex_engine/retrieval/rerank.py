"""The last stage: a reranker looks at the best hits, each with the query, and puts the first few in order."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cortex_engine.core.errors import CortexError, ModelUnhealthyError
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import HitKind, Query, SearchHit, StageStanding
from cortex_engine.retrieval.fusing import FUSION_STAGE
from cortex_engine.retrieval.tracing import StageNotes, TraceRecorder

RERANK_STAGE = "rerank"

_STANDARD = "standardised"
"""The fusion method whose scores are standard scores."""

_FORMER_ORDER = "The results are in the order of the search alone."


@dataclass(frozen=True, slots=True)
class RerankPlan:
    """How many hits enter the reranker, and how many of them lead afterwards."""

    candidates: int
    top_k: int


def rerank_plan(query: Query, options: SearchOptions) -> RerankPlan | None:
    """What the query and the settings ask for; None for no reranking."""
    if not (options.rerank if query.rerank is None else query.rerank):
        return None
    return RerankPlan(query.rerank_candidates or options.rerank_candidates, query.rerank_top_k or options.rerank_top_k)


@dataclass(frozen=True, slots=True)
class RerankStage:
    """Orders hits by a reranker.

    Attributes:
        reranker: asked for when it is needed; None when the settings name none.
        drawn: the encoded picture of a picture hit, by its id.
    """

    reranker: Callable[[], Reranker | None]
    drawn: Callable[[str], bytes]

    def apply(
        self,
        plan: RerankPlan,
        text: str,
        pictures: Callable[[], tuple[bytes, ...]],
        hits: Sequence[SearchHit],
        trace: TraceRecorder,
    ) -> tuple[SearchHit, ...]:
        """The hits with the best of the first `plan.candidates` in front; the others follow in their former order.

        `text` and `pictures` are what was asked; pictures are only drawn for a reranker that sees.

        A picture without words keeps its rank before a reranker that reads text only. Where the reranker fails, in whatever
        way, all hits keep their order, and the trace and a warning say why.
        """
        with trace.stage(RERANK_STAGE) as notes:
            try:
                judged = self._judge(plan, text, pictures, hits, notes, trace)
            except CortexError as error:
                notes.warning = str(error)
                trace.warn(f"{error} {_FORMER_ORDER}", RERANK_STAGE)
                return tuple(hits)
        trace.judged(judged, plan.candidates)
        return reordered(hits, judged, plan.top_k)

    def _judge(
        self,
        plan: RerankPlan,
        text: str,
        pictures: Callable[[], tuple[bytes, ...]],
        hits: Sequence[SearchHit],
        notes: StageNotes,
        trace: TraceRecorder,
    ) -> list[Judgement]:
        if not hits:
            return []
        reranker = self.reranker()
        if reranker is None:
            raise ModelUnhealthyError("No reranker is chosen in the settings, so nothing was reranked.")
        notes.fact("model", reranker.name)
        trace.models["reranker"] = reranker.name
        query = ModelInput(text, pictures() if reranker.sees else ())
        if not query.text and not query.images:
            raise ModelUnhealthyError(f"The reranker '{reranker.name}' reads text only, and a picture was asked for.")
        candidates = []
        for hit, prior in zip(hits, priors(hits[: plan.candidates], trace), strict=False):
            content = self._content(hit, reranker.sees, trace)
            if content.text.strip() or content.images:
                candidates.append(Candidate(hit.chunk_id, content, prior))
        notes.candidates = len(candidates)
        notes.fact("asked", min(len(hits), plan.candidates))
        notes.fact("leading", min(len(candidates), plan.top_k))
        judged = _sound(reranker.rerank(query, candidates), candidates, reranker.name) if candidates else []
        if judged:
            notes.fact("highest", max(each.raw for each in judged))
            notes.fact("lowest", min(each.raw for each in judged))
        return judged

    def _content(self, hit: SearchHit, sees: bool, trace: TraceRecorder) -> ModelInput:
        """What is judged of a hit: its picture where it is one and the reranker sees, else its text with its context."""
        text = f"{hit.context}\n{hit.text}" if hit.context else hit.text
        if hit.kind is not HitKind.PICTURE or not sees:
            return ModelInput(text)
        try:
            return ModelInput(images=(self.drawn(hit.chunk_id),))
        except CortexError as error:
            trace.warn(f"The picture of '{hit.document}' could not be shown to the reranker: {error}", RERANK_STAGE)
            return ModelInput(text)


def priors(hits: Sequence[SearchHit], trace: TraceRecorder) -> list[float]:
    """How far each hit stands out, in standard scores: of the collection where the fusion gave them, else of the hits."""
    fusions = [step for step in trace.trace.steps if step.stage == FUSION_STAGE]
    scores = [hit.score for hit in hits]
    if fusions and fusions[-1].facts.get("method") == _STANDARD:
        return scores
    deviation = statistics.pstdev(scores) if scores else 0.0
    return [(score - statistics.fmean(scores)) / deviation if deviation else 0.0 for score in scores]


def reordered(hits: Sequence[SearchHit], judged: Sequence[Judgement], top_k: int) -> tuple[SearchHit, ...]:
    """The hits with the `top_k` best judged ones in front, then the other judged ones as they were.

    Hits that were not judged keep their places. Judged ones get the stage "rerank" and their relevance; those in front, of
    which the reranker decided, its raw score as theirs too.

    Args:
        judged: best first; ids of hits.
    """
    standing = {each.id: (rank, each) for rank, each in enumerate(judged, start=1)}
    seen = [hit for hit in hits if hit.chunk_id in standing]
    leading = sorted(seen, key=lambda hit: standing[hit.chunk_id][0])[:top_k]
    chosen = {hit.chunk_id for hit in leading}
    queue = iter([*leading, *(hit for hit in seen if hit.chunk_id not in chosen)])
    found = []
    for rank, former in enumerate(hits, start=1):
        if former.chunk_id not in standing:
            found.append(replace(former, rank=rank))
            continue
        hit = next(queue)
        place, judgement = standing[hit.chunk_id]
        stages = {**hit.stages, RERANK_STAGE: StageStanding(place, judgement.raw)}
        score = judgement.raw if hit.chunk_id in chosen else hit.score
        found.append(replace(hit, rank=rank, score=score, stages=stages, relevance=judgement.score))
    return tuple(found)


def _sound(judged: Sequence[Judgement], candidates: Sequence[Candidate], name: str) -> list[Judgement]:
    """The judgements, when there is exactly one finite one for each candidate."""
    ids = sorted(each.id for each in candidates)
    if sorted(each.id for each in judged) != ids:
        raise ModelUnhealthyError(f"The reranker '{name}' did not judge every result once; its word is not used.")
    if not all(math.isfinite(each.raw) for each in judged):
        raise ModelUnhealthyError(f"The reranker '{name}' gave scores that are no numbers; its word is not used.")
    return list(judged)
