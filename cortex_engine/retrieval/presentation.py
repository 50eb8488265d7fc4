"""From a ranking of ids to hits: joined with the catalog, grouped, with their standing in every stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.records import Passage, PicturePassage
from cortex_engine.core.search import HitKind, Query, Ranking, SearchHit, StageStanding
from cortex_engine.retrieval.pictures import shown_text

_BATCH = 100
"""Passages joined in one read of the catalog."""

_NO_IDS: AbstractSet[str] = frozenset()

Place = tuple[str, int]
"""A document's id and a page."""

PictureLookup = Callable[[Sequence[str]], Mapping[str, PicturePassage]]


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
    """What was chosen so far, and how often each document was seen.

    Attributes:
        partners: id of a chosen hit -> id of the picture (or passage) of the same page, which stands behind it.
        pictures_at, passages_at: places of chosen hits that have no partner yet.
    """

    chosen: list[tuple[float, Passage | PicturePassage]] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    partners: dict[str, str] = field(default_factory=dict)
    pictures_at: dict[Place, str] = field(default_factory=dict)
    passages_at: dict[Place, str] = field(default_factory=dict)

    def stands_behind(self, found: Passage | PicturePassage) -> bool:
        """Whether it is the other view of a page that was chosen: a page's picture and its best passage are one place."""
        others = self.passages_at if isinstance(found, PicturePassage) else self.pictures_at
        for place in _places(found):
            if (chosen := others.get(place)) is not None and chosen not in self.partners:
                self.partners[chosen] = _id(found)
                return True
        return False

    def choose(self, score: float, found: Passage | PicturePassage) -> None:
        """Make it a hit."""
        self.chosen.append((score, found))
        own = self.pictures_at if isinstance(found, PicturePassage) else self.passages_at
        for place in _places(found):
            own.setdefault(place, _id(found))

    def count(self, document_id: str) -> int:
        """Note that a document was seen; how often so far."""
        self.seen[document_id] = self.seen.get(document_id, 0) + 1
        return self.seen[document_id]


class Presenter:
    """Turns a final ranking into hits.

    Args:
        pictures: joins ids of pictures with the truth; None where there are none.
    """

    def __init__(
        self, catalog: SearchRecords, max_per_document: int = 0, pictures: PictureLookup | None = None
    ) -> None:
        self._catalog = catalog
        self._max_per_document = max_per_document
        self._pictures = pictures

    def present(
        self,
        query: Query,
        ranking: Ranking,
        stages: Sequence[StageView],
        known: Mapping[str, Passage] = MappingProxyType({}),
        pictures: AbstractSet[str] = _NO_IDS,
        itself: Place | None = None,
    ) -> tuple[SearchHit, ...]:
        """The best `query.top_k` hits that the catalog still holds.

        What the catalog does not know (deleted since, or foreign to it) is dropped and the next ones take its place. When
        grouped, each document gives its best passage and counts the others. Of a page's picture and its best passage the
        better one is a hit, with the standings of both.

        Args:
            known: passages that the catalog gave a moment ago, to spare asking for them again.
            pictures: those of the ids that are pictures.
            itself: a page that is no hit, since its like is looked for.
        """
        selection = self._select(query, ranking, known, pictures, itself)
        shown = {_id(found) for _, found in selection.chosen} | set(selection.partners.values())
        standings = {view.ranking.stage: view.standings(shown) for view in stages}
        hits = []
        for rank, (score, found) in enumerate(selection.chosen, start=1):
            build = _picture_hit if isinstance(found, PicturePassage) else _passage_hit
            ids = [_id(found), *([selection.partners[_id(found)]] if _id(found) in selection.partners else [])]
            hit = build(query, found, _standings(standings, ids))  # type: ignore[arg-type]
            more = selection.seen[hit.document_id] - 1 if query.group else 0
            hits.append(replace(hit, rank=rank, score=score, more=more))
        return tuple(hits)

    def _select(
        self,
        query: Query,
        ranking: Ranking,
        known: Mapping[str, Passage],
        pictures: AbstractSet[str],
        itself: Place | None,
    ) -> _Selection:
        limit = 1 if query.group else self._max_per_document
        selection = _Selection()
        for start in range(0, len(ranking), _BATCH):
            batch = ranking.items[start : start + _BATCH]
            unread = [item.chunk_id for item in batch if item.chunk_id not in known]
            joined = self._joined(unread, pictures)
            for item in batch:
                found = known.get(item.chunk_id) or joined.get(item.chunk_id)
                if found is None or itself in _places(found) or selection.stands_behind(found):
                    continue
                seen = selection.count(_document(found))
                if len(selection.chosen) < query.top_k and (not limit or seen <= limit):
                    selection.choose(item.score, found)
            if len(selection.chosen) >= query.top_k and not query.group:
                break
        return selection

    def _joined(self, ids: Sequence[str], pictures: AbstractSet[str]) -> dict[str, Passage | PicturePassage]:
        joined: dict[str, Passage | PicturePassage] = {}
        if passages := [each for each in ids if each not in pictures]:
            joined.update(self._catalog.lookup(passages))
        if self._pictures is not None and (seen := [each for each in ids if each in pictures]):
            joined.update(self._pictures(seen))
        return joined


def _id(found: Passage | PicturePassage) -> str:
    return found.picture.id if isinstance(found, PicturePassage) else found.chunk.id


def _document(found: Passage | PicturePassage) -> str:
    return found.picture.document_id if isinstance(found, PicturePassage) else found.chunk.document_id


def _places(found: Passage | PicturePassage) -> list[Place]:
    """The pages that it stands on."""
    if isinstance(found, PicturePassage):
        return [(found.picture.document_id, found.picture.page)]
    chunk = found.chunk
    return [(chunk.document_id, page) for page in range(chunk.page, max(chunk.page, chunk.page_end) + 1)]


def _standings(standings: Mapping[str, Mapping[str, StageStanding]], ids: Sequence[str]) -> dict[str, StageStanding]:
    """Standing by stage of a hit; where its partner was seen too, the hit's own counts."""
    return {
        stage: next(known[each] for each in ids if each in known)
        for stage, known in standings.items()
        if any(each in known for each in ids)
    }


def _shown_collections(query: Query, collections: Sequence[str]) -> tuple[str, ...]:
    asked = query.filters.collections
    return tuple(name for name in collections if not asked or name in asked)


def _passage_hit(query: Query, passage: Passage, stages: Mapping[str, StageStanding]) -> SearchHit:
    chunk = passage.chunk
    return SearchHit(
        rank=0,
        score=0.0,
        document_id=chunk.document_id,
        document=passage.document,
        collections=_shown_collections(query, passage.collections),
        page=chunk.page,
        chunk_id=chunk.id,
        text=chunk.text,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        stages=stages,
        context=chunk.context,
        title=passage.title,
        media_type=passage.media_type,
        page_end=chunk.page_end,
        page_label=passage.page_label,
    )


def _picture_hit(query: Query, found: PicturePassage, stages: Mapping[str, StageStanding]) -> SearchHit:
    picture = found.picture
    return SearchHit(
        rank=0,
        score=0.0,
        document_id=picture.document_id,
        document=found.document,
        collections=_shown_collections(query, found.collections),
        page=picture.page,
        chunk_id=picture.id,
        text=shown_text(found),
        char_start=found.char_start,
        char_end=found.char_end,
        stages=stages,
        title=found.title,
        media_type=found.media_type,
        page_end=picture.page,
        page_label=found.page_label,
        kind=HitKind.PICTURE,
    )
