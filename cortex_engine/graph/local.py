"""The part of the graph that stands around something: few enough nodes to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.graph import EntityKind, GraphEdge, GraphNode, Neighbourhood
from cortex_engine.graph.layout import place
from cortex_engine.graph.view import GraphView

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_NODES = 60
DEEPEST = 3

_SHARES = {1: (1.0,), 2: (0.6, 1.0), 3: (0.5, 0.8, 1.0)}
"""How much of the limit is given away up to each step, so that the first one does not fill the picture alone."""
_DOCUMENTS = 6
"""One node in so many may be a document that was not asked for."""
_EDGES = 3
"""Edges a node that are drawn at most, beside the heaviest of each node: more of them hide each other."""

Weights = NDArray[np.float32]


@dataclass(slots=True)
class _Picked:
    """Numbers of the nodes so far -> steps from the centre."""

    entities: dict[int, int] = field(default_factory=dict)
    documents: dict[int, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.entities) + len(self.documents)


def local_graph(
    view: GraphView,
    entities: Sequence[int],
    documents: Sequence[int],
    chunks: Sequence[int],
    depth: int = 1,
    limit: int = MOST_NODES,
) -> Neighbourhood:
    """What stands around entities, documents and passages (numbers of the view), the heaviest first, with places.

    Around passages: their documents in the centre, and first of all what these passages name. The same question to the same
    graph gives the same picture.

    Args:
        depth: steps, 1..3. limit: nodes, 1..60.
    """
    depth, limit = min(max(depth, 1), DEEPEST), min(max(limit, 1), MOST_NODES)
    picked = _Picked()
    homes = view.rows.chunk_documents[np.array(chunks, np.int64)].tolist() if len(chunks) else []
    picked.entities |= dict.fromkeys(list(dict.fromkeys(entities))[:limit], 0)
    picked.documents |= dict.fromkeys(list(dict.fromkeys([*documents, *homes]))[: limit - picked.size], 0)
    known = _reached(view, picked, depth)
    for step, share in enumerate(_SHARES[depth], start=1):
        weights = _beside(view, picked, step, chunks if step == 1 else ())
        room = max(0, int(limit * share) - picked.size)
        if step == 1 and entities:
            _add_documents(view, picked, min(room, max(1, limit // _DOCUMENTS)))
            room = max(0, int(limit * share) - picked.size)
        picked.entities |= dict.fromkeys(_heaviest(weights, room, picked.entities), step)
    nodes = _nodes(view, picked)
    edges = _edges(view, picked)
    places = place([node.id for node in nodes], [(edge.source, edge.target, edge.weight) for edge in edges])
    placed = [replace(node, x=places[node.id][0], y=places[node.id][1]) for node in nodes]
    return Neighbourhood(tuple(placed), tuple(edges), max(0, known - picked.size))


def with_labels(found: Neighbourhood, labels: Mapping[tuple[str, str], str]) -> Neighbourhood:
    """The same with how the texts say that entities are connected, by pairs of ids in alphabetic order."""
    edges = (replace(edge, label=labels.get((edge.source, edge.target), "")) for edge in found.edges)
    return replace(found, edges=tuple(edges))


def _beside(view: GraphView, picked: _Picked, step: int, chunks: Sequence[int]) -> Weights:
    """By entity: how heavily it hangs on what was picked in the step before."""
    weights: Weights = np.zeros(len(view.rows.entity_ids), np.float32)
    last = [number for number, distance in picked.entities.items() if distance == step - 1]
    if last:
        weights += _sums(view.weights[last])
    sources = [view.passages[list(chunks)]] if len(chunks) else []
    if step == 1 and picked.documents and not sources:
        sources = [view.documents.T.tocsr()[list(picked.documents)]]
    for source in sources:
        weights += _sums(source.log1p()) * view.rarity
    return weights


def _sums(matrix: csr_matrix) -> Weights:
    total: Weights = np.asarray(matrix.sum(axis=0)).ravel()
    return total


def _heaviest(weights: Weights, room: int, taken: Mapping[int, int]) -> list[int]:
    """At most `room` numbers with a weight that are not taken yet; of equal ones the lower first."""
    free = weights.copy()
    free[list(taken)] = 0
    order = np.argsort(-free, kind="stable")[:room]
    return [int(number) for number in order if free[number] > 0]


def _add_documents(view: GraphView, picked: _Picked, room: int) -> None:
    """The documents that say most about the entities in the centre."""
    centre = [number for number, distance in picked.entities.items() if distance == 0]
    mentions = _sums(view.documents[centre])
    picked.documents |= dict.fromkeys(_heaviest(mentions, room, picked.documents), 1)


def _reached(view: GraphView, picked: _Picked, depth: int) -> int:
    """How many nodes lie within so many steps."""
    at = np.zeros(len(view.rows.entity_ids), np.float32)
    at[list(picked.entities)] = 1
    homes = np.zeros(len(view.rows.document_ids), np.float32)
    if picked.entities:
        homes += _sums(view.documents[list(picked.entities)])
    within = at + (view.relations @ at)
    if picked.documents:
        homes[list(picked.documents)] = 1
        centre = np.zeros_like(homes)
        centre[list(picked.documents)] = 1
        within += view.documents @ centre
    for _ in range(depth - 1):
        within = (within > 0).astype(np.float32)
        within += view.relations @ within
    return int((within > 0).sum()) + int((homes > 0).sum())


def _nodes(view: GraphView, picked: _Picked) -> list[GraphNode]:
    rows = view.rows
    nodes = []
    for number, distance in picked.documents.items():
        document_id = rows.document_ids[number]
        weight = float(view.documents[:, [number]].sum())
        nodes.append(GraphNode(document_id, "", "document", group=document_id, weight=weight, distance=distance))
    for number, distance in picked.entities.items():
        row = view.documents[[number]]
        home = rows.document_ids[int(row.indices[np.lexsort((row.indices, -row.data))[0]])]
        kind = EntityKind(rows.entity_kinds[number])
        name, weight = rows.entity_names[number], float(row.sum())
        nodes.append(GraphNode(rows.entity_ids[number], name, "entity", kind, home, weight, distance=distance))
    return sorted(nodes, key=lambda node: (node.distance, -node.weight, node.id))


def _edges(view: GraphView, picked: _Picked) -> list[GraphEdge]:
    """Between what was picked: the heaviest of each node, and of the others as many as can be told apart."""
    rows, chosen = view.rows, sorted(picked.entities)
    edges = []
    proofs, weights = (matrix[chosen][:, chosen].tocoo() for matrix in (view.relations, view.weights))
    strength = dict(
        zip(zip(weights.row.tolist(), weights.col.tolist(), strict=True), weights.data.tolist(), strict=True)
    )
    for first, second, count in zip(proofs.row.tolist(), proofs.col.tolist(), proofs.data.tolist(), strict=True):
        if first < second:
            one, other = sorted((rows.entity_ids[chosen[first]], rows.entity_ids[chosen[second]]))
            edges.append(GraphEdge(one, other, strength.get((first, second), 0.0), proofs=int(count)))
    for document in picked.documents:
        column = view.documents[chosen][:, [document]].tocoo()
        for place_of, count in zip(column.row.tolist(), column.data.tolist(), strict=True):
            number = chosen[place_of]
            weight = float(np.log1p(count) * view.rarity[number])
            edges.append(GraphEdge(rows.document_ids[document], rows.entity_ids[number], weight, proofs=int(count)))
    edges.sort(key=lambda edge: (-edge.weight, edge.source, edge.target))
    first_of: dict[str, GraphEdge] = {}
    for edge in edges:
        first_of.setdefault(edge.source, edge)
        first_of.setdefault(edge.target, edge)
    drawn = {*first_of.values(), *edges[: _EDGES * picked.size]}
    return [edge for edge in edges if edge in drawn]
