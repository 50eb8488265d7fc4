"""From a ranking of passage ids to hits: joined with the catalog, grouped, with their standing in every stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.records import Passage
from cortex_engine.core.search import Query, Ranking, SearchHit, StageStanding

_BATCH = 100
"""Passages joined in one read of the catalog."""


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage as hits show it.

    Attributes:
        ranking: what the stage itself returned, best first.
        scores: true scores, also of passages that the stage did not return itself.
    """

    ranking: Ranking
    scores: Mapping[str, float] = field(default_factory=dict)

    def standings(self, wanted: AbstractSet[str]) -> dict[str, StageStanding]:
        """Those of the wanted passages that the stage knows a score of."""
        found = {chunk_id: StageStanding(None, self.scores[chunk_id]) for chunk_id in wanted & self.scores.keys()}
        for rank, item in enumerate(self.ranking, start=1):
            if item.chunk_id in wanted:
                found[item.chunk_id] = StageStanding(rank, self.scores.get(item.chunk_id, item.score))
        return found


@dataclass(slots=True)
class _Selection:
    """Passages chosen so far, and how often each document was seen."""

    chosen: list[tuple[float, Passage]]
    seen: dict[str, int]


class Presenter:
    """Turns a final ranking into hits."""

    def __init__(self, catalog: SearchRecords, max_per_document: int = 0) -> None:
        self._catalog = catalog
        self._max_per_document = max_per_document

    def present(
        self,
        query: Query,
        ranking: Ranking,
        stages: Sequence[StageView],
        known: Mapping[str, Passage] = MappingProxyType({}),
    ) -> tuple[SearchHit, ...]:
        """The best `query.top_k` hits that the catalog still holds.

        Passages that the catalog does not know (deleted since, or foreign to it) are dropped and the next ones take
        their place. When grouped, each document gives its best passage and counts the others.

        Args:
            known: passages that the catalog gave a moment ago, to spare asking for them again.
        """
        selection = self._select(query, ranking, known)
        shown = {passage.chunk.id for _, passage in selection.chosen}
        standings = {view.ranking.stage: view.standings(shown) for view in stages}
        return tuple(
            self._hit(query, rank, score, passage, standings, selection.seen)
            for rank, (score, passage) in enumerate(selection.chosen, start=1)
        )

    def _select(self, query: Query, ranking: Ranking, known: Mapping[str, Passage]) -> _Selection:
        limit = 1 if query.group else self._max_per_document
        selection = _Selection([], {})
        for start in range(0, len(ranking), _BATCH):
            batch = ranking.items[start : start + _BATCH]
            unread = [item.chunk_id for item in batch if item.chunk_id not in known]
            passages = self._catalog.lookup(unread) if unread else {}
            for item in batch:
                passage = known.get(item.chunk_id) or passages.get(item.chunk_id)
                if passage is None:
                    continue
                document = passage.chunk.document_id
                selection.seen[document] = selection.seen.get(document, 0) + 1
                if len(selection.chosen) < query.top_k and (not limit or selection.seen[document] <= limit):
                    selection.chosen.append((item.score, passage))
            if len(selection.chosen) >= query.top_k and not query.group:
                break
        return selection

    @staticmethod
    def _hit(
        query: Query,
        rank: int,
        score: float,
        passage: Passage,
        standings: Mapping[str, Mapping[str, StageStanding]],
        seen: Mapping[str, int],
    ) -> SearchHit:
        chunk = passage.chunk
        asked = query.filters.collections
        return SearchHit(
            rank=rank,
            score=score,
            document_id=chunk.document_id,
            document=passage.document,
            collections=tuple(name for name in passage.collections if not asked or name in asked),
            page=chunk.page,
            chunk_id=chunk.id,
            text=chunk.text,
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            stages={stage: known[chunk.id] for stage, known in standings.items() if chunk.id in known},
            context=chunk.context,
            title=passage.title,
            media_type=passage.media_type,
            page_end=chunk.page_end,
            page_label=passage.page_label,
            more=seen[chunk.document_id] - 1 if query.group else 0,
        )
