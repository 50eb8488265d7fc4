"""Passages by a walk through the graph: personalised PageRank over entities and passages.

A walk begins at the entities that the query names and at the passages that were found without the graph, and goes on over
mentions and relations; each step it may end. Passages that much of the walk arrives at are connected with the question,
though they need not share a word with it (HippoRAG: Jiménez Gutiérrez et al., NeurIPS 2024; with passages as nodes: ICML 2025).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.graph import GraphPath, LinkedEntity, PathStep
from cortex_engine.core.graph_records import GraphFound
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Ranking, ScoredChunk
from cortex_engine.graph.linking import names_in
from cortex_engine.graph.view import GraphView

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Mass = NDArray[np.float32]

GOES_ON = 0.7
"""Share of the walk that takes another step."""

TO_ENTITIES = 0.3
"""Share of what leaves an entity that goes on to entities beside it; the rest goes to passages."""

STEPS = 4
"""Question to entity to entity to passage, and one more: what is further away is not connected with the question."""

FROM_NAMES = 0.2
"""Share of the walk that begins at entities which the query names, where it names any: words find these passages too."""


@dataclass(frozen=True)
class WalkTables:
    """Chances of a step; made once for a view.

    Attributes:
        into_passages: passages x entities, columns sum to 1: from an entity, passages count by how often they name it.
        from_passages: passages x entities, rows sum to 1: from a passage, rare entities are likelier.
        from_entities: entities x entities, rows sum to 1.
    """

    into_passages: csr_matrix
    from_passages: csr_matrix
    from_entities: csr_matrix

    @classmethod
    def of(cls, view: GraphView) -> WalkTables:
        """The tables of a view, made with the first call."""
        if "walk" not in view.extras:
            from scipy.sparse import diags

            weights = view.passages.copy()
            weights.data = 1 + np.log(weights.data)
            rare = _scaled(weights @ diags(view.rarity), axis=1)
            view.extras["walk"] = cls(_scaled(weights, axis=0), rare, _scaled(view.weights, axis=1))
        tables: WalkTables = view.extras["walk"]
        return tables


def _scaled(matrix: Any, axis: int) -> csr_matrix:
    """Rows (axis 1) or columns (axis 0) that sum to 1 (or 0), float32."""
    from scipy.sparse import diags

    sums = np.asarray(matrix.sum(axis=axis), np.float64).ravel()
    factors = diags(np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0))
    return (factors @ matrix if axis else matrix @ factors).tocsr().astype(np.float32)


def walk(tables: WalkTables, entities: Mass, passages: Mass, allowed: NDArray[np.bool_] | None = None) -> Mass:
    """Share of the walk that arrives at each passage, `(passages,)`, float32.

    What a passage that the walk began at gets back by way of its own entities is taken off: it says nothing new. The
    series of personalised PageRank is cut after `STEPS` steps.

    Args:
        entities, passages: where the walk begins, `(entities,)` and `(passages,)`; together they sum to 1.
        allowed: `(passages,)`, those that may be passed through; None for all. Relations are proved by any passage, and
            are left out then.
    """
    beside = TO_ENTITIES if allowed is None else 0.0
    arrived, at_entities, at_passages = np.zeros_like(passages), entities, passages
    for _ in range(STEPS):
        to_passages = GOES_ON * (1 - beside) * (tables.into_passages @ at_entities)
        to_entities = GOES_ON * (tables.from_passages.T @ at_passages)
        if allowed is not None:
            to_passages[~allowed] = 0
        else:
            to_entities += GOES_ON * beside * (tables.from_entities.T @ at_entities)
        arrived += to_passages
        at_entities, at_passages = to_entities, to_passages
    for seed in np.flatnonzero(passages).tolist():
        back = tables.into_passages[seed].multiply(tables.from_passages[seed]).sum()
        arrived[seed] -= GOES_ON * GOES_ON * (1 - beside) * passages[seed] * back
    found: Mass = np.maximum(arrived, 0)
    return found


class GraphRecaller:
    """Implements `KnowledgeGraph` on one view."""

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self._tables = WalkTables.of(view)

    def linked(self, text: str) -> list[LinkedEntity]:
        """See `KnowledgeGraph.linked`."""
        rows, rarity = self._view.rows, self._view.rarity
        return [
            LinkedEntity(rows.entity_ids[number], rows.entity_names[number], name, float(rarity[number]))
            for name, number in names_in(text, self._view.entity_index)
        ]

    def walk(
        self,
        linked: Sequence[LinkedEntity],
        seeds: Mapping[str, float],
        limit: int,
        passages: int,
        documents: AbstractSet[str] | None = None,
    ) -> GraphFound:
        """See `KnowledgeGraph.walk`."""
        allowed = self._allowed(documents)
        shares = walk(self._tables, *self._begin(linked, seeds, allowed), allowed)
        total = float(shares.sum(dtype=np.float64))
        count = max(passages, int(np.count_nonzero(shares)), 1)
        mean = float(np.sqrt(shares).sum(dtype=np.float64)) / count
        deviation = math.sqrt(max(total / count - mean * mean, 0.0))
        scores = _Shares(shares, self._view)
        return GraphFound(scores.best(limit), scores, ScoreMoments(mean, deviation, count))

    def paths(
        self,
        linked: Sequence[LinkedEntity],
        seeds: Mapping[str, float],
        chunk_ids: Sequence[str],
        documents: AbstractSet[str] | None = None,
    ) -> dict[str, GraphPath]:
        """See `KnowledgeGraph.paths`."""
        allowed = self._allowed(documents)
        ways = _Ways(self._view, self._tables, *self._begin(linked, seeds, allowed), allowed is None)
        found = {}
        for chunk_id in dict.fromkeys(chunk_ids):
            number = self._view.chunk_number.get(chunk_id)
            if number is not None and (allowed is None or allowed[number]) and (path := ways.best(number)):
                found[chunk_id] = path
        return found

    def _allowed(self, documents: AbstractSet[str] | None) -> NDArray[np.bool_] | None:
        if documents is None:
            return None
        rows = self._view.rows
        inside = np.fromiter((each in documents for each in rows.document_ids), np.bool_, len(rows.document_ids))
        allowed: NDArray[np.bool_] = inside[rows.chunk_documents]
        return allowed

    def _begin(
        self, linked: Sequence[LinkedEntity], seeds: Mapping[str, float], allowed: NDArray[np.bool_] | None
    ) -> tuple[Mass, Mass]:
        """Where the walk begins; sums to 1 where there is anything to begin at."""
        view = self._view
        entities = np.zeros(len(view.rows.entity_ids), np.float32)
        passages = np.zeros(len(view.rows.chunk_ids), np.float32)
        for entity in linked:
            if (number := view.entity_number.get(entity.entity_id)) is not None:
                entities[number] = entity.rarity
        for chunk_id, weight in seeds.items():
            number = view.chunk_number.get(chunk_id)
            if number is not None and (allowed is None or allowed[number]):
                passages[number] = weight
        by_names, by_passages = float(entities.sum()), float(passages.sum())
        share = FROM_NAMES if by_passages > 0 else 1.0
        if by_names > 0:
            entities *= share / by_names
        if by_passages > 0:
            passages *= (1 - share if by_names > 0 else 1.0) / by_passages
        return entities, passages


class _Shares(Mapping[str, float]):
    """Passage id -> share of the walk, of those that it reached; there may be 100,000, and few of them are looked at."""

    def __init__(self, shares: Mass, view: GraphView) -> None:
        self._shares, self._view = shares, view

    def __getitem__(self, chunk_id: str) -> float:
        share = float(self._shares[self._view.chunk_number[chunk_id]])
        if share <= 0:
            raise KeyError(chunk_id)
        return share

    def __iter__(self) -> Iterator[str]:
        ids = self._view.rows.chunk_ids
        return (ids[number] for number in np.flatnonzero(self._shares).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._shares))

    def best(self, limit: int) -> Ranking:
        """The highest shares; equal ones by id."""
        shares, ids = self._shares, self._view.rows.chunk_ids
        limit = min(limit, len(self))
        least = np.partition(shares, len(shares) - limit)[len(shares) - limit] if limit else np.inf
        pairs = [(ids[number], float(shares[number])) for number in np.flatnonzero(shares >= least).tolist()]
        pairs = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:limit]
        return Ranking("graph", tuple(ScoredChunk(chunk_id, share) for chunk_id, share in pairs))


class _Ways:
    """Ways from where a walk began to single passages, of three kinds: by a name of the query, by a name and an entity beside
    it, by a passage that was found.
    """

    def __init__(self, view: GraphView, tables: WalkTables, entities: Mass, passages: Mass, relations: bool) -> None:
        self._view, self._tables = view, tables
        names, found = np.flatnonzero(entities).tolist(), np.flatnonzero(passages).tolist()
        self._names = {each: float(entities[each]) for each in names}
        self._from_found = {each: (float(passages[each]), dict(_row(tables.from_passages, each))) for each in found}
        beside = names if relations else []
        self._from_names = {each: (self._names[each], dict(_row(tables.from_entities, each))) for each in beside}

    def best(self, passage: int) -> GraphPath:
        """The way that carries most; () for none. Equal ones by their numbers: the same question gives the same path."""
        ids = self._view.rows.chunk_ids
        ways = [
            way
            for number, chance in _row(self._tables.into_passages, passage)
            for way in self._through(number, chance, passage)
        ]
        for _, entity, kind, start in sorted(ways, key=lambda way: (-way[0], *way[1:])):
            end = self._step(entity, "mentioned in", ids[passage])
            if kind == "name":
                return (self._step(entity, "query", ""), end)
            if kind == "found":
                return (self._step(entity, "mentioned in", ids[start]), end)
            proof = self._proof(start, entity)
            if proof >= 0:
                return (self._step(start, "query", ""), self._step(entity, "together", ids[proof]), end)
        return ()

    def _through(self, entity: int, chance: float, passage: int) -> Iterator[tuple[float, int, str, int]]:
        """Ways whose last entity is this one: what each carries, the entity, its kind, and where it begins."""
        if entity in self._names:
            yield self._names[entity] * chance, entity, "name", entity
        for start, (mass, steps) in self._from_found.items():
            if start != passage and entity in steps:
                yield GOES_ON * mass * steps[entity] * chance, entity, "found", start
        for start, (mass, steps) in self._from_names.items():
            if start != entity and entity in steps:
                yield GOES_ON * TO_ENTITIES * mass * steps[entity] * chance, entity, "together", start

    def _proof(self, one: int, other: int) -> int:
        """The first passage that names both; -1 for none."""
        mentions = self._view.mentions
        first, second = (mentions.indices[mentions.indptr[each] : mentions.indptr[each + 1]] for each in (one, other))
        both = np.intersect1d(first, second)
        return int(both[0]) if len(both) else -1

    def _step(self, number: int, via: str, chunk_id: str) -> PathStep:
        rows = self._view.rows
        return PathStep(rows.entity_ids[number], rows.entity_names[number], via, chunk_id)


def _row(matrix: csr_matrix, row: int) -> list[tuple[int, float]]:
    start, end = matrix.indptr[row], matrix.indptr[row + 1]
    return list(zip(matrix.indices[start:end].tolist(), matrix.data[start:end].tolist(), strict=True))
