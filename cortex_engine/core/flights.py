"""The flight recorder: what a search did with every candidate, and why a document did not come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from cortex_engine.core.search import Query, SearchTrace
from cortex_engine.core.stages import FlightStage

if TYPE_CHECKING:  # the command line reads this without loading numpy
    from cortex_engine.core.graph import GraphPath


@dataclass(frozen=True, slots=True)
class Flight:
    """A recorded search: enough to say what happened, and to ask it again.

    Attributes:
        id: 16 hexadecimal digits.
        asked: ISO time.
        terms: BM25's words of the query -> weight (inverse document frequency).
        models: model id -> "name revision" of the embedders; "reranker" -> its name.
        moment: number of the newest change of the library when it was asked.
        settings: the search settings that counted (candidates, exact_below, fusion …).
        hits: ids in the order shown.
        door: "page", "api", "command line", "python", "answer".
        gone: candidates that were recorded and are no longer in the library.
        paths: id of a hit -> the way through the knowledge graph that brought it.
    """

    id: str
    asked: str
    query: Query
    trace: SearchTrace
    stages: Sequence[FlightStage]
    hits: tuple[str, ...]
    terms: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    moment: int = 0
    degraded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    door: str = ""
    gone: int = 0
    paths: Mapping[str, GraphPath] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlightSummary:
    """A line in the list of recorded searches."""

    id: str
    asked: str
    text: str
    mode: str
    hits: int
    milliseconds: float


class Cause(StrEnum):
    """Why something did not come back; the stage where it fell."""

    FOUND = "found"
    """It did come back; the sentence says where."""
    NOT_INGESTED = "not ingested"
    PAGE_FAILED = "page failed"
    NOT_EMBEDDED = "not embedded"
    OTHER_COLLECTION = "other collection"
    FILTERED = "filtered"
    BELOW_THE_CUT = "below the cut"
    LOST_IN_RECALL = "lost in recall"
    LOST_IN_FUSION = "lost in fusion"
    LOST_IN_RERANK = "lost in rerank"
    GROUPED = "grouped"
    """Another passage of the same document stands for it."""


class Remedy(StrEnum):
    """What a suggestion does."""

    SEARCH = "search"
    """Ask `Suggestion.query` instead."""
    RETRY = "retry"
    """Take the file in again: `Suggestion.target` is the job file's id or the document's."""
    ADD = "add"
    """Add the document to the collection asked: `Suggestion.target` is the document's id."""
    INGEST = "ingest"
    """The library does not know it: give it a file."""
    WAIT = "wait"
    """It is being worked on."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The smallest change that brings it back.

    Attributes:
        title: on the button: "Show 35 results", "Without the filter Type".
        query: the changed query of `Remedy.SEARCH`.
    """

    title: str
    remedy: Remedy
    query: Query | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer to "Why not this one?".

    Attributes:
        sentence: for the person, with the numbers.
        stage: where it fell, a name of `FlightStage`, "" before any.
        best: the passage of it that came nearest, "" for none.
        standings: stage -> (rank or None, score, what would have been needed).
    """

    cause: Cause
    sentence: str
    stage: str = ""
    document_id: str = ""
    best: str = ""
    standings: Mapping[str, tuple[int | None, float, float | None]] = field(default_factory=dict)
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidatePlace:
    """Where a candidate stands: its document, and its first page."""

    document_id: str
    document: str
    page: int


class FlightRecords(Protocol):
    """The part of the catalog's port that keeps recorded searches; nothing of a deleted document stays in them."""

    def keep_flights(self, flights: Sequence[Flight], newest: int) -> None:
        """Keep searches, and of all that are kept the `newest`; of each stage the first thousand candidates."""
        ...

    def flights(self, limit: int = 50) -> list[FlightSummary]:
        """The newest first."""
        ...

    def flight(self, flight_id: str) -> Flight:
        """One by id, or unique beginning of it; candidates that are gone are left out and counted in `Flight.gone`.

        Raises:
            NotFoundError: none.
        """
        ...

    def forget_flights(self, flight_id: str = "") -> None:
        """Forget one, or all of them; one that is gone already is no error."""
        ...

    def candidate_places(self, ids: Sequence[str]) -> dict[str, CandidatePlace]:
        """Places of passages and pictures by id; those that are gone are left out."""
        ...
