"""The true rank of passages and pictures with every recaller, however far down they stand."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from cortex_engine.core.pictures import VectorName
from cortex_engine.core.search import Ranking, SearchMode
from cortex_engine.retrieval.dense import VECTOR_STAGE
from cortex_engine.retrieval.recall import LEXICAL_STAGE, Recall

_FIRST, _GROWTH = 1000, 8


def true_places(recall: Recall, targets: AbstractSet[str]) -> dict[str, tuple[int | None, float]]:
    """Stage -> rank and score of the best of the targets; rank None where the stage knows a score but no rank.

    Vectors are scanned exactly, also where a search asks an approximate store: this is asked seldom, and has to be right.
    """
    found: dict[str, tuple[int | None, float]] = {}
    for recaller in recall.dense:
        exact, vector = recall.documents, recaller.vector
        store = recaller.stores.exact
        if store is None:
            continue
        place = _place(lambda n, s=store, v=vector, d=exact: s.nearest(v, n, d), targets, recall.passages)  # type: ignore[misc]
        _keep(found, VECTOR_STAGE, place)
    if recall.lexical is not None and recall.mode is not SearchMode.TRADITIONAL:
        lexical = recall.lexical
        place = _place(lambda n: lexical.match(recall.words, n, recall.documents), targets, recall.passages)
        _keep(found, LEXICAL_STAGE, place or (None, 0.0))
    for looks in recall.pictures.recallers if recall.pictures else ():
        count = recall.pictures.count if recall.pictures else 0
        for name in VectorName:
            if (store := looks.stores.get(name)) is not None:
                asked = lambda n, s=store, v=looks.vector, d=looks.documents: s.nearest(v, n, d)  # noqa: E731
                _keep(found, name.value, _place(asked, targets, count))
    return found


def _keep(found: dict[str, tuple[int | None, float]], stage: str, place: tuple[int | None, float] | None) -> None:
    """Of several models the one that places it best."""
    if place is not None and (stage not in found or (place[0] or 0) < (found[stage][0] or 0)):
        found[stage] = place


def _place(nearest: Callable[[int], Ranking], targets: AbstractSet[str], most: int) -> tuple[int, float] | None:
    count = min(_FIRST, most)
    while count:
        items = nearest(count).items
        for rank, item in enumerate(items, start=1):
            if item.chunk_id in targets:
                return rank, item.score
        if count >= most or len(items) < count:
            return None
        count = min(count * _GROWTH, most)
    return None
