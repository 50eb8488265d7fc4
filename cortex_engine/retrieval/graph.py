"""The graph stage: what the knowledge graph connects with the passages that were recalled.

Recall, graph, rerank are the three stages of a GraphRAG search. The reasons and the measurements are in
`docs/explanation/graphrag.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from cortex_engine.core.graph import LinkedEntity
from cortex_engine.core.graph_records import GraphFound, KnowledgeGraph
from cortex_engine.core.search import SearchHit, SearchMode
from cortex_engine.retrieval.fusion import Evidence, order
from cortex_engine.retrieval.presentation import StageView
from cortex_engine.retrieval.recall import UNAVAILABLE, Recall, Recalled

GRAPH_STAGE = "graph"

SEEDS = 5
"""Recalled passages that the walk begins at."""

_SHARPNESS = 8
"""Power of a seed's score that is its weight: what stands out begins most of the walk."""

_BROUGHT = 50
"""Passages that the graph brings as candidates of its own."""

_SHARE_OF_LEAD = 0.6
"""Of the lead of the best passage without the graph, what the best one that the graph connects with it is given."""


@dataclass(frozen=True, slots=True)
class Connected:
    """What the graph connects with one search.

    Attributes:
        recalled: all candidates, those that the graph brought among them with their true scores.
        linked: entities that the query names.
        seeds: passage id -> weight of the passages that the walk began at.
        documents: ids of those in scope, None for all.
    """

    graph: KnowledgeGraph
    recalled: Recalled
    found: GraphFound
    linked: Sequence[LinkedEntity]
    seeds: Mapping[str, float]
    documents: AbstractSet[str] | None

    def evidence(self, fused: Mapping[str, float], copies: AbstractSet[str] = frozenset()) -> Evidence | None:
        """What the graph says about the candidates, None where it says nothing of any.

        The best of them gets a share of the *lead*: of what the best passage without the graph is ahead of the next one.
        So what the graph brings never overtakes what it was brought by; and where nothing leads, nobody knows yet what
        the question is about, and the graph, which could only go on from a guess, stays quiet.

        Args:
            fused: candidates with their scores without the graph.
            copies: those that say the same as the best: it leads before the others.
        """
        best = [item for item in order(GRAPH_STAGE, fused).items if item.chunk_id not in copies][:2]
        if len(best) < 2:
            return None
        moments, lead = self.found.moments, best[0].score - best[1].score
        scores = {
            chunk_id: root
            for chunk_id in fused.keys() - copies
            if chunk_id != best[0].chunk_id and (root := math.sqrt(self.found.scores.get(chunk_id, 0.0))) > moments.mean
        }
        if not scores or not moments.deviation > 0:
            return None
        furthest = (max(scores.values()) - moments.mean) / moments.deviation
        ranking = replace(
            self.found.ranking, items=tuple(item for item in self.found.ranking if item.chunk_id in scores)
        )
        return Evidence(ranking, scores, moments, _SHARE_OF_LEAD * lead / furthest)

    def view(self, candidates: Collection[str]) -> StageView:
        """How the graph saw the candidates."""
        scores = self.found.scores
        return StageView(self.found.ranking, {each: scores[each] for each in candidates if each in scores})

    def told(self, hits: Sequence[SearchHit], lifted: AbstractSet[str]) -> tuple[SearchHit, ...]:
        """The hits, those that the graph had a part in with the way that led to them."""
        wanted = [hit.chunk_id for hit in hits if hit.chunk_id in lifted]
        paths = self.graph.paths(self.linked, self.seeds, wanted, self.documents) if wanted else {}
        return tuple(replace(hit, path=paths.get(hit.chunk_id, ())) for hit in hits)


Connect = Callable[[Mapping[str, float]], Connected | None]
"""Candidates with their scores without the graph -> what it connects with them."""

_NOT_BOTH = "The knowledge graph took no part: it goes on from what meaning and words find together."


class GraphStage:
    """Asks the knowledge graph in searches that want it.

    Args:
        graph: the newest view; raises `IndexUnavailableError` where there is none, with the reason.
    """

    def __init__(self, graph: Callable[[], KnowledgeGraph]) -> None:
        self._graph = graph

    def connector(self, recall: Recall, recalled: Recalled) -> Connect | None:
        """What asks the graph in this search; None where it takes no part.

        A graph that cannot answer ends no search: the trace's warnings and `degraded` say so.
        """
        if recall.mode is not SearchMode.GRAPHRAG or not recall.parsed.text or not recall.passages:
            return None
        if not recalled.dense or recalled.lexical is None:
            recall.trace.warn(_NOT_BOTH, GRAPH_STAGE)
            return None
        return lambda scores: self._connect(recall, recalled, scores)

    def _connect(self, recall: Recall, recalled: Recalled, scores: Mapping[str, float]) -> Connected | None:
        with recall.trace.stage(GRAPH_STAGE) as notes:
            try:
                graph = self._graph()
            except UNAVAILABLE as error:
                notes.warning = f"{error} The search went on without it, as Hybrid does."
                recall.trace.warn(notes.warning, GRAPH_STAGE)
                return None
            linked, seeds = graph.linked(recall.parsed.text), _seeds(scores)
            found = graph.walk(linked, seeds, _BROUGHT, recall.passages, recall.documents)
            completed = recall.completed(recalled, [item.chunk_id for item in found.ranking])
            notes.candidates = len(found.ranking)
            notes.fact("entities", ", ".join(entity.name for entity in linked) or "none named")
            notes.fact("seeds", len(seeds))
            notes.fact("reached", len(found.scores))
            return Connected(graph, completed, found, linked, seeds, recall.documents)


def _seeds(scores: Mapping[str, float]) -> dict[str, float]:
    """The best passages, with weights that favour the first."""
    best = order(GRAPH_STAGE, scores).items[:SEEDS]
    return {item.chunk_id: item.score**_SHARPNESS for item in best if item.score > 0}
