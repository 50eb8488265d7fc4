"""Documents that belong together by the rare things they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cortex_engine.core.graph import Community
from cortex_engine.graph.view import GraphView

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_SEED = 7
_NEIGHBOURS = 10
"""Documents that each one is linked to at most."""
_BLOCK = 512
_WIDEST = 10
"""An entity that more than one in so many documents names (and more than `_FEW`) links none of them."""
_FEW = 20
_TERMS = 3
_ENTITIES = 10
_KEY = "communities"


def communities(view: GraphView) -> tuple[Community, ...]:
    """Groups of two documents or more, the largest first (Louvain, Blondel et al. 2008, from a fixed beginning); worked out
    once for each view.

    Raises:
        ModuleNotFoundError: networkx is not installed.
    """
    found: tuple[Community, ...] | None = view.extras.get(_KEY)
    if found is None:
        found = view.extras[_KEY] = _found(view)
    return found


def counted(view: GraphView) -> int:
    """How many there are, 0 while nobody has worked them out."""
    return len(view.extras.get(_KEY, ()))


def name_of(terms: Sequence[str]) -> str:
    """What a group is called by: its first key terms."""
    return ", ".join(terms[:_TERMS])


def related(view: GraphView, document: int, limit: int) -> list[tuple[int, float]]:
    """Numbers of the documents nearest to one by what they name, with cosines 0..1, nearest first."""
    named = _named(view)
    near = np.asarray((named @ named[[document]].T).todense()).ravel()
    near[document] = 0
    order = np.argsort(-near, kind="stable")[:limit]
    return [(int(other), min(1.0, round(float(near[other]), 4))) for other in order if near[other] > 1e-6]


def _named(view: GraphView) -> csr_matrix:
    """Documents x entities, rows of length 1: log mentions times rarity among documents; 0 for what a tenth of them name."""
    found: csr_matrix | None = view.extras.get("named")
    if found is None:
        found = view.extras["named"] = _weighted(view)
    return found


def _weighted(view: GraphView) -> csr_matrix:
    from scipy.sparse import diags

    total = len(view.rows.document_ids)
    homes = np.diff(view.documents.indptr)
    rarity = np.log((total + 1) / (0.5 + homes)) / np.log(max(total + 1, 2))
    rarity[homes > max(_FEW, total // _WIDEST)] = 0
    weighted = (diags(rarity) @ view.documents.log1p()).T.tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (diags(np.divide(1, length, out=np.zeros_like(length), where=length > 0)) @ weighted).tocsr()


def _found(view: GraphView) -> tuple[Community, ...]:
    import networkx

    named = _named(view)
    graph = networkx.Graph()
    graph.add_nodes_from(range(named.shape[0]))
    for begin in range(0, named.shape[0], _BLOCK):
        near = (named[begin : begin + _BLOCK] @ named.T).tocsr()
        for row in range(near.shape[0]):
            low, high = near.indptr[row], near.indptr[row + 1]
            others, values = near.indices[low:high], near.data[low:high]
            for place in np.lexsort((others, -values))[: _NEIGHBOURS + 1]:
                if others[place] != begin + row and values[place] > 1e-6:
                    graph.add_edge(begin + row, int(others[place]), weight=float(values[place]))
    groups = networkx.algorithms.community.louvain_communities(graph, weight="weight", seed=_SEED)
    made = [_community(view, named, sorted(group)) for group in groups if len(group) > 1]
    return tuple(sorted(made, key=lambda each: (-len(each.document_ids), each.document_ids)))


def _community(view: GraphView, named: csr_matrix, group: list[int]) -> Community:
    """Key terms: what the group names often, its other documents seldom, and at least two of it at all."""
    inside = named[group]
    shared = np.bincount(inside.indices[inside.data > 0], minlength=named.shape[1])
    everywhere = np.maximum(np.diff(view.documents.indptr), 1)
    score = np.asarray(inside.sum(axis=0)).ravel() * shared / everywhere * (shared > 1)
    best = [int(entity) for entity in np.argsort(-score, kind="stable")[:_ENTITIES] if score[entity] > 0]
    name = name_of([view.rows.entity_names[entity] for entity in best])
    documents = tuple(view.rows.document_ids[document] for document in group)
    return Community(name, documents, tuple(view.rows.entity_ids[entity] for entity in best))
