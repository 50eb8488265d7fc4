"""Pictures as candidates: found by their own vectors or those of their descriptions, and scored by both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.picture_records import PictureRecords
from cortex_engine.core.pictures import DescribedBy, VectorName
from cortex_engine.core.protocols import ScoringVectorStore
from cortex_engine.core.records import PicturePassage
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Filters, Ranking
from cortex_engine.retrieval.dense import VECTOR_STAGE
from cortex_engine.retrieval.fusion import Evidence, order
from cortex_engine.retrieval.mixing import pictures_beside, two_vectors
from cortex_engine.retrieval.query_text import ParsedQuery
from cortex_engine.retrieval.tracing import TraceRecorder

PICTURE_STAGE = VectorName.PICTURE.value
DESCRIPTION_STAGE = VectorName.DESCRIPTION.value
_NOTHING = ScoreMoments(0.0, 0.0, 0)


class MixedRecords(SearchRecords, PictureRecords, Protocol):
    """What the query line asks of the truth where there are pictures."""

    def models(self, collections: Sequence[str] = ()) -> dict[str, EmbeddingSpec]:
        """Models by id of all collections, or of those of them that are there; cheap."""
        ...

    def collections(self) -> list[Collection]:
        """All collections by name."""
        ...


@dataclass(frozen=True, slots=True)
class Pictures:
    """How the query line gets at pictures.

    Attributes:
        records: the truth.
        store_of: vectors of one name under a model id; None where there are none. May raise IndexUnavailableError.
        drawn: the encoded picture behind a reference (`Query.picture`, or the id of a picture).
        place_of: document id and page of a reference to a picture of the library; None for another picture.
    """

    records: MixedRecords
    store_of: Callable[[str, VectorName], ScoringVectorStore | None]
    drawn: Callable[[str], bytes]
    place_of: Callable[[str], tuple[str, int] | None]

    def specs(self, filters: Filters) -> dict[str, EmbeddingSpec]:
        """Models that see, of the collections that are asked."""
        models = self.records.models(filters.collections)
        return {model_id: spec for model_id, spec in models.items() if spec.sees}

    def blind(self, filters: Filters) -> list[str]:
        """Names of the collections that are asked and whose model reads text only."""
        asked = filters.collections
        return [
            each.name
            for each in self.records.collections()
            if not each.spec.sees and each.name in (asked or [each.name])
        ]


@dataclass(frozen=True, slots=True)
class PictureEvidence:
    """What the two vectors under one model say about pictures: true cosines, with moments over all pictures in scope.

    Attributes:
        passages: moments over all passages in scope, where these are no candidates; else None.
    """

    model_id: str
    look: Evidence
    words: Evidence
    passages: ScoreMoments | None = None

    @property
    def ids(self) -> AbstractSet[str]:
        """The candidates."""
        return self.look.scores.keys() | self.words.scores.keys()

    def as_one(self, share: float, passages: ScoreMoments | None) -> Evidence:
        """One recaller in standard scores, to be merged with the passages of the same model."""
        look, words = self.measured(passages)
        return two_vectors(look, words, share, VECTOR_STAGE)

    def measured(self, passages: ScoreMoments | None) -> tuple[Evidence, Evidence]:
        """Both vectors' evidence as it counts beside passages with these moments."""
        return pictures_beside(self.look, passages), pictures_beside(self.words, passages, alike=True)


@dataclass(frozen=True, slots=True)
class PictureRecall:
    """The pictures of one model, and the query's vector in its space.

    Attributes:
        prefetch: by which vectors candidates are found, "" for both.
        left_out: ids that are no candidates (the picture that others shall be like).
        passages: where the moments of passages are asked for that are no candidates; None where they are.
    """

    model_id: str
    vector: NDArray[np.float32]
    stores: Mapping[VectorName, ScoringVectorStore]
    documents: AbstractSet[str] | None
    prefetch: str
    left_out: AbstractSet[str]
    passages: ScoringVectorStore | None = None

    def evidence(self, limit: int, permitted: Callable[[Sequence[str]], AbstractSet[str]]) -> PictureEvidence:
        """The nearest `limit` pictures by each vector that prefetches, with both true cosines of each.

        Raises:
            IndexUnavailableError: a store cannot answer.
        """
        found = {
            name: store.nearest(self.vector, limit + len(self.left_out), self.documents)
            for name, store in self.stores.items()
            if self.prefetch in ("", name.value)
        }
        everyone = list(dict.fromkeys(item.chunk_id for ranking in found.values() for item in ranking))
        allowed = permitted([each for each in everyone if each not in self.left_out])
        passages = self.passages.moments(self.vector, self.documents) if self.passages is not None else None
        look, words = (self._evidence(name, found.get(name), allowed) for name in VectorName)
        return PictureEvidence(self.model_id, look, words, passages)

    def _evidence(self, name: VectorName, ranking: Ranking | None, allowed: AbstractSet[str]) -> Evidence:
        store = self.stores.get(name)
        if store is None:
            return Evidence(Ranking(name.value, ()), {}, _NOTHING)
        scores = dict(store.scores(self.vector, sorted(allowed)))
        items = tuple(item for item in ranking or () if item.chunk_id in allowed)
        return Evidence(Ranking(name.value, items), scores, store.moments(self.vector, self.documents))


@dataclass(frozen=True, slots=True)
class PictureSearch:
    """The pictures of all models in one search.

    Attributes:
        recallers: one for each model that sees and has pictures in scope.
        count: pictures in scope.
        share: of a picture's own vector in its score.
    """

    recallers: tuple[PictureRecall, ...]
    count: int
    share: float
    parsed: ParsedQuery
    records: PictureRecords

    def recall(self, limit: int, trace: TraceRecorder) -> tuple[PictureEvidence, ...]:
        """Candidates with both cosines; two steps in the trace.

        Raises:
            IndexUnavailableError: a store cannot answer.
        """
        dropped: set[str] = set()

        def permitted(picture_ids: Sequence[str]) -> AbstractSet[str]:
            kept = self._permitted(picture_ids)
            dropped.update(set(picture_ids) - kept)
            return kept

        with trace.stage(PICTURE_STAGE) as notes:
            found = tuple(recaller.evidence(limit, permitted) for recaller in self.recallers)
            notes.candidates = len({each for evidence in found for each in evidence.ids})
            notes.fact("best", max((max(each.look.scores.values(), default=0.0) for each in found), default=0.0))
            notes.fact("found by", self._found_by())
            if self.parsed.restricted:
                notes.fact("without the phrases, or with excluded words", len(dropped))
        with trace.stage(DESCRIPTION_STAGE) as notes:
            described = [evidence.words.scores for evidence in found]
            notes.candidates = sum(len(scores) for scores in described)
            notes.fact("best", max((max(scores.values(), default=0.0) for scores in described), default=0.0))
            notes.fact("weight of the picture itself", self.share)
        return found

    def _found_by(self) -> str:
        prefetch = next((each.prefetch for each in self.recallers), "")
        return f"{prefetch} vectors" if prefetch else "picture and description vectors"

    def _permitted(self, picture_ids: Sequence[str]) -> AbstractSet[str]:
        """Those whose words hold every phrase and nothing excluded; the words of a picture are its description and text."""
        if not self.parsed.restricted or not picture_ids:
            return set(picture_ids)
        known = self.records.lookup_pictures(picture_ids)
        return {
            each
            for each, picture in known.items()
            if holds(f"{picture.picture.description} {picture.text}", self.parsed)
        }


def holds(text: str, parsed: ParsedQuery) -> bool:
    """Whether all phrases, and none of the excluded words, stand in a text, word for word."""
    words = _spaced(text)
    return all(_spaced(phrase) in words for phrase in parsed.phrases) and not any(
        _spaced(excluded) in words for excluded in parsed.excluded
    )


def _spaced(text: str) -> str:
    """Words in small letters, each between spaces."""
    kept = "".join(character if character.isalnum() else " " for character in text.casefold())
    return f" {' '.join(kept.split())} "


def one_view(evidences: Sequence[Evidence], stage: str) -> Evidence:
    """Evidence of several models about pictures as one, for display: the best cosine of each."""
    if len(evidences) == 1:
        return evidences[0]
    scores: dict[str, float] = {}
    for evidence in evidences:
        for picture, score in evidence.scores.items():
            scores[picture] = max(score, scores.get(picture, score))
    own = {item.chunk_id for evidence in evidences for item in evidence.ranking}
    ranking = order(stage, {picture: score for picture, score in scores.items() if picture in own})
    return Evidence(ranking, scores, None)


def shown_text(picture: PicturePassage) -> str:
    """What a hit shows of a picture: what a model says it shows, else how the text in it begins."""
    described = picture.picture.described_by is DescribedBy.MODEL
    return picture.picture.description if described else picture.text or picture.picture.description
