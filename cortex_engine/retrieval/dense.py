"""The dense side of a search: one embedding model's vectors, scanned exactly or asked of an approximate store."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.calibration import WIDEST
from cortex_engine.core.errors import IndexUnavailableError
from cortex_engine.core.protocols import ScoringVectorStore, VectorStore
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Ranking
from cortex_engine.retrieval.fusion import Evidence
from cortex_engine.retrieval.tracing import TraceRecorder
from cortex_engine.retrieval.watching import RecallWatch

VECTOR_STAGE = "vector"


@dataclass(frozen=True, slots=True)
class DenseStores:
    """Where the vectors of one model can be asked for.

    Attributes:
        exact: scans all vectors, and knows the scores of given passages and of all together; None while unavailable.
        approximate: answers faster on large collections; None where there is none, or while unavailable.
        watch: hears what the approximate one answered, and says how wide it is to be asked.
        live: whether it hears.
    """

    exact: ScoringVectorStore | None = None
    approximate: VectorStore | None = None
    watch: RecallWatch | None = None
    live: bool = True


@dataclass(frozen=True, slots=True)
class DenseRecall:
    """A query's vector and where it is looked for.

    Attributes:
        model: name for people.
        vector: `(dimension,)`, normalised.
        documents: documents in scope, None for all.
        scan: whether the scope is filtered or small, so that an exact scan is cheap.
        model_id: under which the vectors are kept.
    """

    model: str
    vector: NDArray[np.float32]
    stores: DenseStores
    documents: AbstractSet[str] | None
    scan: bool
    model_id: str = ""

    def candidates(self, limit: int, trace: TraceRecorder) -> Ranking:
        """The nearest `limit` passages in scope.

        Raises:
            IndexUnavailableError: no store of this model can answer.
        """
        exact, approximate = self.stores.exact, self.stores.approximate
        if exact is None and approximate is None:
            raise IndexUnavailableError(f"The vector index of the model '{self.model}' is missing. Run 'rebuild'.")
        if approximate is None or (exact is not None and self.scan):
            if not self.scan:
                trace.warn(self._slow("it is not available"), "approximate")
            return self._scan(limit)
        widening = self.stores.watch.widening(self.model_id) if self.stores.watch else 1.0
        if not widening and exact is not None:
            self._told(None, int(limit * WIDEST))
            return self._scan(limit)
        wide = int(limit * (widening or WIDEST))
        try:
            ranking = approximate.nearest(self.vector, wide, self.documents)
            self._told(ranking, wide)
            return Ranking(ranking.stage, ranking.items[:limit])
        except IndexUnavailableError as error:
            if exact is None:
                raise
            trace.warn(self._slow(str(error)), "approximate")
            return self._scan(limit)

    @property
    def manner(self) -> str:
        """How candidates are found, for the trace."""
        if self.stores.approximate is None or (self.stores.exact is not None and self.scan):
            return "exact"
        widening = self.stores.watch.widening(self.model_id) if self.stores.watch else 1.0
        if not widening:
            return "exact, as the index loses too many"
        return "approximate" if widening == 1 else f"approximate, widened {widening:g} times"

    def evidence(self, ranking: Ranking, chunk_ids: Sequence[str]) -> Evidence:
        """The true cosine of all `chunk_ids` beside the ranking, and the moments where a store knows them."""
        own = {item.chunk_id: item.score for item in ranking}
        store = self._scoring()
        if store is None:
            return Evidence(ranking, own, None)
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in own]
        scores = own | dict(store.scores(self.vector, missing)) if missing else own
        return Evidence(ranking, scores, store.moments(self.vector, self.documents))

    def scored(self, chunk_ids: Sequence[str]) -> dict[str, float]:
        """True cosines of these passages, as far as a store knows them."""
        store = self._scoring()
        return dict(store.scores(self.vector, chunk_ids)) if store is not None else {}

    def everywhere(self) -> ScoreMoments | None:
        """Mean and deviation of the cosine over all passages of the model, in scope or not; None where no store knows them."""
        store = self._scoring()
        return store.moments(self.vector, None) if store is not None else None

    def _told(self, ranking: Ranking | None, asked: int) -> None:
        """Have the approximate answer compared now and then."""
        if self.stores.watch is not None and self.stores.live and self.stores.exact is not None:
            answer = None if ranking is None else frozenset(item.chunk_id for item in ranking)
            self.stores.watch.saw(self.model_id, self.vector, self.documents, answer, asked)

    def _scoring(self) -> ScoringVectorStore | None:
        if self.stores.exact is not None:
            return self.stores.exact
        approximate = self.stores.approximate
        return approximate if isinstance(approximate, ScoringVectorStore) else None

    def _scan(self, limit: int) -> Ranking:
        if self.stores.exact is None:
            raise IndexUnavailableError(f"The exact vectors of the model '{self.model}' are missing. Run 'rebuild'.")
        return self.stores.exact.nearest(self.vector, limit, self.documents)

    def _slow(self, cause: str) -> str:
        return (
            f"The vector store of the model '{self.model}' did not answer ({cause}); all vectors were scanned instead, "
            f"which is exact but slower."
        )
