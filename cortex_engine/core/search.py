"""Questions and answers: one query type, one result type, and the trace that explains a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cortex_engine.core.stages import FlightStage

if TYPE_CHECKING:  # the command line asks a running application without loading numpy
    from cortex_engine.core.documents import Box
    from cortex_engine.core.graph import GraphPath


class SearchMode(StrEnum):
    """How passages are found. "vector" is taken for "traditional".

    >>> SearchMode("vector")
    <SearchMode.TRADITIONAL: 'traditional'>
    """

    TRADITIONAL = "traditional"
    """By meaning: vectors alone."""
    VECTOR = "traditional"
    """Another name of TRADITIONAL."""
    LEXICAL = "lexical"
    HYBRID = "hybrid"
    GRAPHRAG = "graphrag"
    """Hybrid, and what the knowledge graph connects with it."""

    @classmethod
    def _missing_(cls, value: object) -> SearchMode | None:
        return cls.TRADITIONAL if value == "vector" else None

    @property
    def by_both(self) -> bool:
        """Whether meaning and words are asked together, so that one goes on without the other."""
        return self in (SearchMode.HYBRID, SearchMode.GRAPHRAG)


class HitKind(StrEnum):
    """What a hit is."""

    TEXT = "text"
    """A passage."""
    PICTURE = "picture"
    """A picture file, or a page found by its look."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on documents; all given conditions must hold, several values of one condition are alternatives.

    Attributes:
        collections: collection names.
        documents: document ids or exact document names.
        types: media types as in `DocumentInfo.media_type`.
        languages: ISO 639-1 codes.
        tags: tags set by people.
        title: words that must all stand in the title or the name, compared without case.
        date_from, date_to: ISO dates, inclusive, compared with the document's modified (else created) date.
    """

    collections: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    title: str = ""
    date_from: str = ""
    date_to: str = ""

    @property
    def empty(self) -> bool:
        """True when no condition is set."""
        return self == Filters()


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked.

    Attributes:
        text: as typed: words, "phrases in quotes", -excluded words.
        top_k: how many hits (or documents, when grouped) go out; 1..1000.
        group: at most one hit for each document, the others counted in `SearchHit.more`.
        candidates: how many each recaller gives to fusion, 0 for the default.
        picture: what the hits should look like: the id of a picture hit, or what `CortexSuite.keep_picture` gave for an
            uploaded one; "" for none. Text may be empty then.
        kinds: only hits of these kinds, () for all.
        rerank: whether the best candidates are ordered anew by the reranker; None as the settings say.
        rerank_candidates: how many enter the reranker, 0 for the setting.
        rerank_top_k: how many leave it (the others follow in their former order), 0 for the setting.
        prefetch: by which vectors of pictures candidates are found: "picture", "description", or "" for both.
        picture_weight: share of a picture's own vector, 0..1, in its score; the rest is its description's. None for the
            setting.
        miss_rate: share, 0..0.5, of questions that have an answer for which "nothing found" may be said wrongly; 0 shows whatever
            comes nearest. None for the setting.
    """

    text: str
    mode: SearchMode = SearchMode.HYBRID
    top_k: int = 10
    filters: Filters = Filters()
    group: bool = False
    candidates: int = 0
    picture: str = ""
    kinds: tuple[HitKind, ...] = ()
    rerank: bool | None = None
    rerank_candidates: int = 0
    rerank_top_k: int = 0
    prefetch: str = ""
    picture_weight: float | None = None
    miss_rate: float | None = None


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A passage id and its score in one stage. Higher is better, always."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The outcome of one stage, best first; equal scores are ordered by chunk id, so that runs repeat."""

    stage: str
    items: tuple[ScoredChunk, ...]

    def __iter__(self) -> Iterator[ScoredChunk]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class StageStanding:
    """Where a hit stood in one stage: rank from 1 (None: scored, but not among the stage's own candidates).

    Attributes:
        standard: of "rerank": what the reranker gave for the content, in deviations above the mean of unrelated pairs; None
            where that is not calibrated.
    """

    rank: int | None
    score: float
    standard: float | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One result, joined back to the catalog.

    Attributes:
        rank: from 1.
        score: of the last stage; of a hit that the reranker put in front its raw score, on the scale of the fusion where that is
            calibrated.
        document: the document's name.
        collections: names of the collections the document belongs to (of those asked for, when filtered).
        text: the passage.
        context: heading path and table header, or "".
        stages: "vector" (true cosine), "lexical" (BM25), "picture" and "description" (true cosine), "fusion", "rerank" (raw
            score) … -> standing.
        more: further passages of the same document among the candidates, when results are grouped.
        kind: for a picture `chunk_id` is the picture's id, and `text` its description or how its page's text begins.
        relevance: 0..1, what the reranker says, None where it took no part.
        closeness: share of unrelated passages, 0..1, that are less close to the query (calibrated); None where that is unknown.
        relevance_share: share of unrelated passages, 0..1, that the reranker finds less relevant (calibrated); None where that is
            unknown, or where it took no part.
        path: the way through the knowledge graph that brought it, empty where it took no part.
    """

    rank: int
    score: float
    document_id: str
    document: str
    collections: tuple[str, ...]
    page: int
    chunk_id: str
    text: str
    char_start: int
    char_end: int
    stages: Mapping[str, StageStanding]
    context: str = ""
    title: str = ""
    media_type: str = ""
    page_end: int = 0
    page_label: str = ""
    more: int = 0
    boxes: tuple[Box, ...] = ()
    kind: HitKind = HitKind.TEXT
    relevance: float | None = None
    closeness: float | None = None
    path: GraphPath = ()
    relevance_share: float | None = None


@dataclass(frozen=True, slots=True)
class TraceStep:
    """What one stage did: for the debug log, which is a return value.

    Attributes:
        stage: "parse query", "scope", "embed", "vector", "lexical", "fusion", "present", …
        milliseconds: wall time.
        candidates: how many passages came out.
        warning: a sentence, or "".
        facts: name -> value, whatever explains the stage (weights, expected means, terms).
    """

    stage: str
    milliseconds: float
    candidates: int = 0
    warning: str = ""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """All steps of one search, in order.

    Attributes:
        stages: the candidates of each stage, for the flight recorder.
        terms: words of the query -> their weight (inverse document frequency).
        models: model id -> "name revision" of the embedders that were asked; "reranker" -> its name.
    """

    steps: tuple[TraceStep, ...] = ()
    stages: Sequence[FlightStage] = ()
    terms: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Everything a search gives back.

    Attributes:
        degraded: stages that could not do their part ("vector"), empty when all is well.
        warnings: sentences for the person.
        abstained: the evidence is too weak for the miss rate that is set: the hits are the nearest misses.
        evidence: what that was judged by, None where nothing was calibrated.
        cut: from where on it would have counted as found.
        flight_id: of the recorded search, "" where it was not recorded.
    """

    query: Query
    hits: tuple[SearchHit, ...]
    trace: SearchTrace
    degraded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    abstained: bool = False
    evidence: float | None = None
    cut: float | None = None
    flight_id: str = ""

    @property
    def timings_ms(self) -> dict[str, float]:
        """Milliseconds by stage, and "total"."""
        timings: dict[str, float] = {}
        for step in self.trace.steps:
            timings[step.stage] = timings.get(step.stage, 0.0) + step.milliseconds
        timings["total"] = sum(timings.values())
        return timings
