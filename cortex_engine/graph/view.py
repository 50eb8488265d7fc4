"""The knowledge graph as sparse matrices: one frozen picture of it, for the algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.graph import GraphRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_DAMPING = 0.85
_STEPS = 100
_CLOSE = 1e-9
_COMMON = 0.02


@dataclass(frozen=True)
class GraphView:
    """The graph at one moment. Threads may share it; nothing in it is changed but `extras`.

    Attributes:
        rows: what it was made of; numbers below are places in its lists.
        mentions: entities x passages, float32: how often the passage names the entity.
        relations: entities x entities, float32, symmetric: sentences that prove that they belong together.
        extras: what others work out once for this view and keep with it.
    """

    rows: GraphRows
    mentions: csr_matrix
    relations: csr_matrix
    extras: dict[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, rows: GraphRows) -> GraphView:
        """The view of these rows."""
        from scipy.sparse import coo_matrix

        entities, passages = len(rows.entity_ids), len(rows.chunk_ids)
        counts = rows.mention_count.astype(np.float32)
        mentions = coo_matrix((counts, (rows.mention_entity, rows.mention_chunk)), shape=(entities, passages)).tocsr()
        proofs = rows.relation_count.astype(np.float32)
        one_way = coo_matrix((proofs, (rows.relation_source, rows.relation_target)), shape=(entities, entities)).tocsr()
        view = cls(rows, mentions, (one_way + one_way.T).tocsr())
        # What searches ask for is there before the first of them comes.
        _ = view.passages, view.entity_number, view.chunk_number, view.entity_index, view.page_rank
        return view

    @property
    def moment(self) -> int:
        """Number of the newest change that it holds."""
        return self.rows.moment

    @cached_property
    def passages(self) -> csr_matrix:
        """Passages x entities, float32: `mentions` the other way round."""
        return self.mentions.T.tocsr()

    @cached_property
    def entity_number(self) -> Mapping[str, int]:
        """Entity id -> number."""
        return {entity_id: number for number, entity_id in enumerate(self.rows.entity_ids)}

    @cached_property
    def chunk_number(self) -> Mapping[str, int]:
        """Passage id -> number."""
        return {chunk_id: number for number, chunk_id in enumerate(self.rows.chunk_ids)}

    @cached_property
    def document_number(self) -> Mapping[str, int]:
        """Document id -> number."""
        return {document_id: number for number, document_id in enumerate(self.rows.document_ids)}

    @cached_property
    def entity_index(self) -> Mapping[str, int]:
        """Folded name or alias -> number of the entity that it means most."""
        return dict(zip(self.rows.names, self.rows.name_entity.tolist(), strict=True))

    @cached_property
    def rarity(self) -> NDArray[np.float32]:
        """By entity: inverse document frequency over passages, 0.02..1: what every passage names connects next to nothing."""
        passages = np.diff(self.mentions.indptr)
        total = len(self.rows.chunk_ids) + 1
        weights: NDArray[np.float32] = (np.log(total / (0.5 + passages)) / np.log(max(total, 2))).clip(_COMMON, 1)
        return weights.astype(np.float32)

    @cached_property
    def documents(self) -> csr_matrix:
        """Entities x documents, float32: mentions."""
        from scipy.sparse import coo_matrix

        rows = self.rows
        homes = rows.chunk_documents[rows.mention_chunk]
        shape = (len(rows.entity_ids), len(rows.document_ids))
        counts = rows.mention_count.astype(np.float32)
        return coo_matrix((counts, (rows.mention_entity, homes)), shape=shape).tocsr()

    @cached_property
    def weights(self) -> csr_matrix:
        """Entities x entities, float32, symmetric: proofs on a log scale times the rarity of both ends."""
        from scipy.sparse import diags

        damped = self.relations.copy()
        damped.data = np.log1p(damped.data)
        rare = diags(self.rarity)
        return (rare @ damped @ rare).tocsr()

    @cached_property
    def page_rank(self) -> NDArray[np.float32]:
        """By entity, sums to 1: where one ends up who walks along `weights` (Page et al. 1999, damping 0.85)."""
        size = len(self.rows.entity_ids)
        if not size:
            return np.zeros(0, np.float32)
        out = np.asarray(self.weights.sum(axis=1)).ravel()
        step = np.divide(1, out, out=np.zeros_like(out), where=out > 0)
        lost = out <= 0
        rank = np.full(size, 1 / size)
        for _ in range(_STEPS):
            arrived = self.weights @ (rank * step) + rank[lost].sum() / size
            after = (1 - _DAMPING) / size + _DAMPING * arrived
            if np.abs(after - rank).sum() < _CLOSE * size:
                rank = after
                break
            rank = after
        ranks: NDArray[np.float32] = (rank / rank.sum()).astype(np.float32)
        return ranks
