"""Searching by words and pictures, single passages, and reranking for other programs."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from cortex_engine.api.answers import Refused
from cortex_engine.api.calls import READ, Asked, HexId, Name, Suite, Text
from cortex_engine.api.shapes import Standing, Way
from cortex_engine.api.uploads import PICTURE_SCHEMA, Upload
from cortex_engine.core.search import Filters, HitKind, Query, SearchHit, SearchMode, SearchResult, TraceStep
from cortex_engine.query_pictures import MOST_BYTES
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1", tags=["search"])

SEARCH_SECONDS = 30.0
RERANK_SECONDS = 120.0
"""A search that is reranked may take so long: the reranker may have to be loaded."""
_SEARCHES_AT_ONCE = 8
_MOST_TEXTS = 1000

_Told = TypeVar("_Told")

_REFERENCE = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}(:[1-9][0-9]{0,6})?")

Picture = Annotated[str, StringConstraints(max_length=950_000)]
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
    """A question. "Phrases in quotes" must occur, -words must not.

    `picture`: what hits should look like, as base64, or a reference: what `/search/pictures` gave, the id of a picture hit, or
    `document_id:page`; `query` may be empty then. `kinds`: only hits of these kinds. `rerank`, `rerank_candidates`,
    `rerank_top_k`, `picture_weight`, `candidates` (of each way of searching): as the settings say unless given. `prefetch`:
    by which vectors pictures are found.
    """

    query: Text
    mode: SearchMode = SearchMode.HYBRID
    collections: Values = ()
    filters: FiltersAsked = FiltersAsked()
    top_k: Annotated[int, Field(ge=1, le=1000)] = 10
    group: bool = False
    candidates: Annotated[int, Field(ge=0, le=100_000)] = 0
    trace: bool = False
    picture: Picture = ""
    kinds: Annotated[tuple[HitKind, ...], Field(max_length=2)] = ()
    rerank: bool | None = None
    rerank_candidates: Annotated[int, Field(ge=0, le=1000)] = 0
    rerank_top_k: Annotated[int, Field(ge=0, le=1000)] = 0
    prefetch: Literal["", "picture", "description"] = ""
    picture_weight: Annotated[float | None, Field(ge=0, le=1)] = None
    miss_rate: Annotated[float | None, Field(ge=0, le=0.5)] = None

    def question(self, picture: str) -> Query:
        """As the engine takes it, with a reference to its picture."""
        return Query(
            self.query,
            mode=self.mode,
            top_k=self.top_k,
            filters=self.filters.filters(self.collections),
            group=self.group,
            candidates=self.candidates,
            picture=picture,
            kinds=self.kinds,
            rerank=self.rerank,
            rerank_candidates=self.rerank_candidates,
            rerank_top_k=self.rerank_top_k,
            prefetch=self.prefetch,
            picture_weight=self.picture_weight,
            miss_rate=self.miss_rate,
        )


class Hit(BaseModel):
    """A passage or picture that was found. `boxes`: x0, y0, x1, y1 as fractions of the page, origin top left.

    `kind`: of a picture, `chunk_id` is its id and `text` its description; `/documents/{document_id}/pages/{page}.webp`
    shows it. `relevance`: 0..1, what the reranker says; none where it took no part. `closeness`: share of unrelated passages,
    0..1, that are less close; none where that is not calibrated. `relevance_share`: likewise of those that the reranker finds
    less relevant.
    """

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
    path: list[Way]
    kind: HitKind
    relevance: float | None
    closeness: float | None = None
    relevance_share: float | None = None

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
            stages={name: Standing.of(each) for name, each in hit.stages.items()},
            context=hit.context,
            title=hit.title,
            type=hit.media_type,
            page_end=hit.page_end,
            page_label=hit.page_label,
            more=hit.more,
            boxes=[(box.x0, box.y0, box.x1, box.y1) for box in hit.boxes],
            path=[
                Way(entity_id=each.entity_id, name=each.name, via=each.via, chunk_id=each.chunk_id) for each in hit.path
            ],
            kind=hit.kind,
            relevance=hit.relevance,
            closeness=hit.closeness,
            relevance_share=hit.relevance_share,
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
    """A result. `degraded`: stages that could not do their part; `warnings`: sentences for people; `flight_id`: see `/flights`.

    `abstained`: the `evidence` lies below the `cut` that follows from the miss rate: nothing answers this, hits are near misses.
    `explanations`: why a passage (by `chunk_id`) fits, where `explain_hits` is on and the chat model has written it by now;
    asking again brings the others.
    """

    query: str
    mode: SearchMode
    hits: list[Hit]
    timings_ms: dict[str, float]
    degraded: list[str]
    warnings: list[str]
    trace: list[Step] = []
    flight_id: str = ""
    explanations: dict[str, str] = {}
    abstained: bool = False
    evidence: float | None = None
    cut: float | None = None

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
            flight_id=result.flight_id,
            abstained=result.abstained,
            evidence=result.evidence,
            cut=result.cut,
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


class PictureKept(BaseModel):
    """The reference of a picture that was handed over."""

    picture: str


class RerankAsked(BaseModel):
    """Texts to be ordered by how well they answer a query. `top_n` 0: all. Other fields that Cohere knows are overlooked."""

    query: Annotated[Text, StringConstraints(min_length=1)]
    documents: Annotated[list[Text], Field(min_length=1, max_length=_MOST_TEXTS)]
    top_n: Annotated[int, Field(ge=0, le=_MOST_TEXTS)] = 0


class RankedText(BaseModel):
    """`index`: of the text as it was sent, from 0; `relevance_score`: 0..1."""

    index: int
    relevance_score: float


class Reranked(BaseModel):
    """Best first."""

    results: list[RankedText]


def places() -> anyio.CapacityLimiter:
    """Threads for searches: one that takes too long keeps its own until it ends, and never one of the others'."""
    return anyio.CapacityLimiter(_SEARCHES_AT_ONCE)


async def in_time(request: Request, seconds: float, work: Callable[..., _Told], *given: object) -> _Told:
    """What `work` tells, in one of the threads for searches.

    Raises:
        Refused: it took longer.
    """
    with anyio.move_on_after(seconds):
        return await anyio.to_thread.run_sync(
            work, *given, abandon_on_cancel=True, limiter=request.app.state.search_places
        )
    raise Refused(504, "timeout", f"The search took longer than {seconds:.0f} seconds. Ask for less.")


@router.post("/search", dependencies=READ)
async def search(asked: SearchAsked, request: Request, suite: Suite) -> Found:
    """Find passages by meaning, by word, or by both; and pictures where a collection's model sees."""
    reranked = suite.config.reranker_in_use != "none" if asked.rerank is None else asked.rerank
    seconds = RERANK_SECONDS if reranked else SEARCH_SECONDS
    with anyio.move_on_after(seconds):
        result = await anyio.to_thread.run_sync(
            _found, suite, asked, abandon_on_cancel=True, limiter=request.app.state.search_places
        )
        found = Found.of(result, asked.trace)
        if suite.config.explain_hits:
            explained = await anyio.to_thread.run_sync(suite.explanations, result)
            found.explanations = {chunk_id: text for chunk_id, text in explained.items() if text}
        return found
    raise Refused(504, "timeout", f"The search took longer than {seconds:.0f} seconds. Ask for less.")


def _found(suite: CortexSuite, asked: SearchAsked) -> SearchResult:
    return suite.search(question(suite, asked), "api")


def question(suite: CortexSuite, asked: SearchAsked) -> Query:
    """As the engine takes it; a picture that came with it is kept."""
    picture = asked.picture.strip()
    if picture and not _REFERENCE.fullmatch(picture):
        try:
            data = base64.b64decode(picture, validate=True)
        except ValueError:  # also for letters that are no ASCII
            raise Refused(422, "invalid", "The picture is neither base64 nor a reference to a picture.") from None
        picture = suite.keep_picture(data)
    return asked.question(picture)


@router.post("/search/pictures", dependencies=READ, openapi_extra={"requestBody": PICTURE_SCHEMA})
async def keep_picture(request: Request, suite: Suite) -> PictureKept:
    """Hand over a picture to search by, in a field called `files`; the answer is its reference for `picture`."""
    with Upload(suite.config) as upload:
        await upload.read(request)
        if len(upload.files) != 1:
            raise Refused(422, "invalid", "Hand over one picture at a time.")
        return PictureKept(picture=await anyio.to_thread.run_sync(_kept, suite, upload))


def _kept(suite: CortexSuite, upload: Upload) -> str:
    name, stream = upload.files[0]
    return suite.keep_picture(stream.read(MOST_BYTES + 1), name)


@router.post("/rerank", dependencies=READ)
async def rerank(asked: RerankAsked, request: Request, suite: Suite) -> Reranked:
    """Order texts by how well they answer a query, with the reranker of the settings (as Cohere's `/rerank` does)."""
    with anyio.move_on_after(RERANK_SECONDS):
        judged = await anyio.to_thread.run_sync(
            suite.rerank,
            asked.query,
            asked.documents,
            abandon_on_cancel=True,
            limiter=request.app.state.search_places,
        )
        results = [RankedText(index=int(each.id), relevance_score=each.score) for each in judged]
        return Reranked(results=results[: asked.top_n or None])
    raise Refused(504, "timeout", f"Reranking took longer than {RERANK_SECONDS:.0f} seconds. Send fewer texts.")


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
