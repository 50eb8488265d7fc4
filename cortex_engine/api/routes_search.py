"""Searching, and single passages."""

from __future__ import annotations

from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from cortex_engine.api.answers import Refused
from cortex_engine.api.calls import READ, Asked, HexId, Name, Suite, Text
from cortex_engine.core.search import Filters, Query, SearchHit, SearchMode, SearchResult, TraceStep

router = APIRouter(prefix="/v1", tags=["search"])

SEARCH_SECONDS = 30.0
_SEARCHES_AT_ONCE = 8

Values = Annotated[tuple[Name, ...], Field(max_length=500)]


class FiltersAsked(Asked):
    """Conditions on documents; all must hold, several values of one are alternatives. Dates are `year-month-day`."""

    documents: Values = ()
    types: Values = ()
    languages: Values = ()
    tags: Values = ()
    title: Text = ""
    date_from: Text = ""
    date_to: Text = ""

    def filters(self, collections: tuple[str, ...]) -> Filters:
        """As the engine takes them."""
        return Filters(
            collections=collections,
            documents=self.documents,
            types=self.types,
            languages=self.languages,
            tags=self.tags,
            title=self.title,
            date_from=self.date_from,
            date_to=self.date_to,
        )


class SearchAsked(Asked):
    """A question. "Phrases in quotes" must occur, -words must not."""

    query: Text
    mode: SearchMode = SearchMode.HYBRID
    collections: Values = ()
    filters: FiltersAsked = FiltersAsked()
    top_k: Annotated[int, Field(ge=1, le=1000)] = 10
    group: bool = False
    trace: bool = False


class Standing(BaseModel):
    """Where a hit stood in one stage; no rank: scored, but not among its candidates."""

    rank: int | None
    score: float


class Hit(BaseModel):
    """A passage that was found. `boxes`: x0, y0, x1, y1 as fractions of the page, origin top left."""

    rank: int
    score: float
    document_id: str
    document: str
    collection: list[str]
    page: int
    chunk_id: str
    text: str
    char_start: int
    char_end: int
    stages: dict[str, Standing]
    context: str
    title: str
    type: str
    page_end: int
    page_label: str
    more: int
    boxes: list[tuple[float, float, float, float]]

    @classmethod
    def of(cls, hit: SearchHit) -> Hit:
        """From the engine's noun."""
        return cls(
            rank=hit.rank,
            score=hit.score,
            document_id=hit.document_id,
            document=hit.document,
            collection=list(hit.collections),
            page=hit.page,
            chunk_id=hit.chunk_id,
            text=hit.text,
            char_start=hit.char_start,
            char_end=hit.char_end,
            stages={name: Standing(rank=each.rank, score=each.score) for name, each in hit.stages.items()},
            context=hit.context,
            title=hit.title,
            type=hit.media_type,
            page_end=hit.page_end,
            page_label=hit.page_label,
            more=hit.more,
            boxes=[(box.x0, box.y0, box.x1, box.y1) for box in hit.boxes],
        )


class Step(BaseModel):
    """What one stage did."""

    stage: str
    milliseconds: float
    candidates: int
    warning: str
    facts: dict[str, str | int | float]

    @classmethod
    def of(cls, step: TraceStep) -> Step:
        """From the engine's noun."""
        return cls(
            stage=step.stage,
            milliseconds=step.milliseconds,
            candidates=step.candidates,
            warning=step.warning,
            facts=dict(step.facts),
        )


class Found(BaseModel):
    """A result. `degraded`: stages that could not do their part; `warnings`: sentences for people."""

    query: str
    mode: SearchMode
    hits: list[Hit]
    timings_ms: dict[str, float]
    degraded: list[str]
    warnings: list[str]
    trace: list[Step] = []

    @classmethod
    def of(cls, result: SearchResult, trace: bool) -> Found:
        """From the engine's noun."""
        return cls(
            query=result.query.text,
            mode=result.query.mode,
            hits=[Hit.of(hit) for hit in result.hits],
            timings_ms={stage: round(value, 3) for stage, value in result.timings_ms.items()},
            degraded=list(result.degraded),
            warnings=list(result.warnings),
            trace=[Step.of(step) for step in result.trace.steps] if trace else [],
        )


class PassageFound(BaseModel):
    """A passage with its document."""

    chunk_id: str
    document_id: str
    document: str
    title: str
    type: str
    language: str
    collections: list[str]
    page: int
    page_end: int
    page_label: str
    char_start: int
    char_end: int
    text: str
    context: str


def places() -> anyio.CapacityLimiter:
    """Threads for searches: one that takes too long keeps its own until it ends, and never one of the others'."""
    return anyio.CapacityLimiter(_SEARCHES_AT_ONCE)


@router.post("/search", dependencies=READ)
async def search(asked: SearchAsked, request: Request, suite: Suite) -> Found:
    """Find passages by meaning, by word, or by both."""
    filters = asked.filters.filters(asked.collections)
    query = Query(asked.query, mode=asked.mode, top_k=asked.top_k, filters=filters, group=asked.group)
    with anyio.move_on_after(SEARCH_SECONDS):
        result = await anyio.to_thread.run_sync(
            suite.search, query, abandon_on_cancel=True, limiter=request.app.state.search_places
        )
        return Found.of(result, asked.trace)
    raise Refused(504, "timeout", f"The search took longer than {SEARCH_SECONDS:.0f} seconds. Ask for less.")


@router.get("/passages/{chunk_id}", dependencies=READ)
def passage(chunk_id: HexId, suite: Suite) -> PassageFound:
    """One passage by id."""
    found = suite.passage(chunk_id)
    chunk = found.chunk
    return PassageFound(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        document=found.document,
        title=found.title,
        type=found.media_type,
        language=found.language,
        collections=list(found.collections),
        page=chunk.page,
        page_end=chunk.page_end,
        page_label=found.page_label,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        text=chunk.text,
        context=chunk.context,
    )
