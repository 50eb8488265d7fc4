"""The last stage: a reranker looks at the best hits, each with the query, and puts the first few in order."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from cortex_engine.core.errors import CortexError, ModelUnhealthyError
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import HitKind, Query, SearchHit, StageStanding
from cortex_engine.retrieval.calibrated import Scales
from cortex_engine.retrieval.fusing import FUSION_STAGE
from cortex_engine.retrieval.relevance import RelevanceScale
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
        scales: what its raw scores mean, as it stands.
    """

    reranker: Callable[[], Reranker | None]
    drawn: Callable[[str], bytes]
    scales: Callable[[], Scales] = Scales

    def apply(
        self,
        plan: RerankPlan,
        text: str,
        pictures: Callable[[], tuple[bytes, ...]],
        hits: Sequence[SearchHit],
        trace: TraceRecorder,
        collections: Collection[str] = (),
    ) -> tuple[SearchHit, ...]:
        """The hits with the best of the first `plan.candidates` in front; the others follow in their former order.

        `text` and `pictures` are what was asked; pictures are only drawn for a reranker that sees. `collections` are those asked,
        () for all; by their calibrations scores get a meaning.

        A picture without words keeps its rank before a reranker that reads text only. Where the reranker fails, in whatever
        way, all hits keep their order, and the trace and a warning say why.
        """
        with trace.stage(RERANK_STAGE) as notes:
            try:
                judged, scale = self._judge(plan, text, pictures, hits, notes, trace, collections)
            except CortexError as error:
                notes.warning = str(error)
                trace.warn(f"{error} {_FORMER_ORDER}", RERANK_STAGE)
                return tuple(hits)
        trace.judged(judged, plan.candidates)
        return reordered(hits, judged, plan.top_k, scale)

    def _judge(
        self,
        plan: RerankPlan,
        text: str,
        pictures: Callable[[], tuple[bytes, ...]],
        hits: Sequence[SearchHit],
        notes: StageNotes,
        trace: TraceRecorder,
        collections: Collection[str],
    ) -> tuple[list[Judgement], RelevanceScale | None]:
        if not hits:
            return [], None
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
        # Questions with a picture have another scale than those that were made of words.
        scale = self.scales().relevance(reranker.name, collections) if judged and not query.images else None
        if scale is not None:
            for name, value in scale.facts.items():
                notes.fact(name, value)
        return judged, scale

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


def reordered(
    hits: Sequence[SearchHit], judged: Sequence[Judgement], top_k: int, scale: RelevanceScale | None = None
) -> tuple[SearchHit, ...]:
    """The hits with the `top_k` best judged ones in front, then the other judged ones as they were.

    Hits that were not judged keep their places. Judged ones get the stage "rerank" and their relevance; those in front, of
    which the reranker decided, its score as theirs too.

    Args:
        judged: best first; ids of hits.
        scale: what the raw scores mean, None where that is not known. It is measured with passages, so pictures, whose scores are
            brought to it all the same, have no share in it.
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
        known = scale if hit.kind is HitKind.TEXT else None
        standard, share = (known.standard(judgement.own), known.share(judgement.own)) if known else (None, None)
        hit = replace(hit, relevance=judgement.score, relevance_share=share)
        stages = {**hit.stages, RERANK_STAGE: StageStanding(place, judgement.raw, standard)}
        score = hit.score
        if hit.chunk_id in chosen:
            score = scale.score(judgement) if scale else judgement.raw
        found.append(replace(hit, rank=rank, score=score, stages=stages))
    return tuple(found)


def _sound(judged: Sequence[Judgement], candidates: Sequence[Candidate], name: str) -> list[Judgement]:
    """The judgements, when there is exactly one finite one for each candidate."""
    ids = sorted(each.id for each in candidates)
    if sorted(each.id for each in judged) != ids:
        raise ModelUnhealthyError(f"The reranker '{name}' did not judge every result once; its word is not used.")
    if not all(math.isfinite(each.raw) for each in judged):
        raise ModelUnhealthyError(f"The reranker '{name}' gave scores that are no numbers; its word is not used.")
    return list(judged)
