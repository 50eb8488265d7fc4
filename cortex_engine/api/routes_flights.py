"""Recorded searches, and why something did not come back."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from cortex_engine.api.calls import ADMIN, READ, Asked, Limit, Suite, Text
from cortex_engine.api.routes_search import RERANK_SECONDS, FiltersAsked, Found, SearchAsked, in_time, question
from cortex_engine.core.flights import Cause, FlightSummary, Remedy, Suggestion, WhyNot
from cortex_engine.core.search import Query
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1", tags=["flights"])

FlightId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
"""Whole: whoever knows it has made the search, or may see all of them."""


class Summary(BaseModel):
    """A recorded search."""

    id: str
    asked: str
    text: str
    mode: str
    hits: int
    milliseconds: float

    @classmethod
    def of(cls, row: FlightSummary) -> Summary:
        """From the engine's noun."""
        return cls(
            id=row.id, asked=row.asked, text=row.text, mode=row.mode, hits=row.hits, milliseconds=row.milliseconds
        )


class Summaries(BaseModel):
    """Newest first."""

    flights: list[Summary]


class WhyAsked(Asked):
    """What did not come back: a document by id, name or path (also one that is not there), a page of it, or a passage."""

    search: SearchAsked
    document: Text = ""
    page: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    chunk_id: Annotated[str, Field(pattern="^([0-9a-f]{32})?$")] = ""


class Place(BaseModel):
    """Where it stood in a stage, and the score that would have been enough there."""

    rank: int | None
    score: float
    needed: float | None


class Offer(BaseModel):
    """What brings it back. `search`: to be sent to `/search` where `remedy` is "search"; `target`: of the other remedies."""

    title: str
    remedy: Remedy
    search: SearchAsked | None
    target: str

    @classmethod
    def of(cls, suggestion: Suggestion) -> Offer:
        """From the engine's noun."""
        query = suggestion.query
        return cls(
            title=suggestion.title,
            remedy=suggestion.remedy,
            search=_as_asked(query) if query is not None else None,
            target=suggestion.target,
        )


class Why(BaseModel):
    """The stage where it fell, in words and numbers, and what brings it back; each search that is offered was tried."""

    cause: Cause
    sentence: str
    stage: str
    document_id: str
    best: str
    standings: dict[str, Place]
    suggestions: list[Offer]


class Forgotten(BaseModel):
    """Done."""

    forgotten: bool = True


@router.get("/flights", dependencies=ADMIN)
def list_flights(suite: Suite, limit: Limit = 50) -> Summaries:
    """Recorded searches of everybody, newest first."""
    return Summaries(flights=[Summary.of(row) for row in suite.flights(limit)])


@router.get("/flights/{flight_id}", dependencies=READ)
def get_flight(flight_id: FlightId, suite: Suite) -> dict[str, Any]:
    """All that was recorded of a search (format: docs/explanation/flight-recorder.md); its id came with the result."""
    return dict(json.loads(suite.export_flight(flight_id)))


@router.post("/flights/{flight_id}/replay", dependencies=READ)
async def replay_flight(flight_id: FlightId, request: Request, suite: Suite) -> Found:
    """Ask a recorded search again, of the library as it is now."""
    return Found.of(await in_time(request, RERANK_SECONDS, suite.replay, flight_id), trace=True)


@router.delete("/flights/{flight_id}", dependencies=ADMIN)
def forget_flight(flight_id: FlightId, suite: Suite) -> Forgotten:
    """Forget one; one that is gone already is no error."""
    suite.forget_flights(flight_id)
    return Forgotten()


@router.delete("/flights", dependencies=ADMIN)
def forget_flights(suite: Suite) -> Forgotten:
    """Forget all of them."""
    suite.forget_flights()
    return Forgotten()


@router.post("/why", dependencies=READ)
async def why_not(asked: WhyAsked, request: Request, suite: Suite) -> Why:
    """Why a document did not come back for a search, and what brings it back; some searches long."""
    answer = await in_time(request, RERANK_SECONDS, _answer, suite, asked)
    return Why(
        cause=answer.cause,
        sentence=answer.sentence,
        stage=answer.stage,
        document_id=answer.document_id,
        best=answer.best,
        standings={
            stage: Place(rank=rank, score=score, needed=needed)
            for stage, (rank, score, needed) in answer.standings.items()
        },
        suggestions=[Offer.of(each) for each in answer.suggestions],
    )


def _answer(suite: CortexSuite, asked: WhyAsked) -> WhyNot:
    return suite.why_not(question(suite, asked.search), asked.document, asked.page, asked.chunk_id)


def _as_asked(query: Query) -> SearchAsked:
    """A query as `/search` takes it."""
    filters = query.filters
    same = {
        "documents": filters.documents,
        "types": filters.types,
        "languages": filters.languages,
        "tags": filters.tags,
        "title": filters.title,
        "date_from": filters.date_from,
        "date_to": filters.date_to,
    }
    return SearchAsked(
        query=query.text,
        mode=query.mode,
        collections=filters.collections,
        filters=FiltersAsked(**same),  # type: ignore[arg-type]  # each by its own name
        top_k=query.top_k,
        group=query.group,
        candidates=query.candidates,
        picture=query.picture,
        kinds=query.kinds,
        rerank=query.rerank,
        rerank_candidates=query.rerank_candidates,
        rerank_top_k=query.rerank_top_k,
        prefetch=query.prefetch,  # type: ignore[arg-type]  # checked by the search
        picture_weight=query.picture_weight,
        miss_rate=query.miss_rate,
    )
