"""Questions answered with proof, as JSON or as it comes, and the conversations they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response, StreamingResponse

from cortex_engine.api import answers as refusals
from cortex_engine.api.calls import READ, WRITE, Asked, Limit, Name, Suite, Text
from cortex_engine.api.routes_search import FiltersAsked, Values
from cortex_engine.core import answers as nouns
from cortex_engine.core.errors import CortexError
from cortex_engine.core.search import SearchMode

router = APIRouter(prefix="/v1", tags=["answers"])

_ANSWERS_AT_ONCE = 16

ConversationId = Annotated[str, PathParameter(pattern="^[0-9a-f]{16}$")]


class QuestionAsked(Asked):
    """A question. `extractive`: quote sentences even where a model is configured. `stream`: server-sent events.

    `conversation_id`: "" for a new conversation; else earlier turns are taken into account.
    """

    question: Annotated[Text, StringConstraints(min_length=1, max_length=4_000)]
    collections: Values = ()
    filters: FiltersAsked = FiltersAsked()
    conversation_id: Annotated[str, StringConstraints(pattern="^([0-9a-f]{16})?$")] = ""
    mode: SearchMode = SearchMode.HYBRID
    sources: Annotated[int, Field(ge=1, le=20)] = 8
    extractive: bool = False
    stream: bool = False

    def noun(self) -> nouns.Question:
        """As the engine takes it."""
        return nouns.Question(
            self.question,
            self.filters.filters(self.collections),
            self.conversation_id,
            self.mode,
            self.sources,
            self.extractive,
        )


class Source(BaseModel):
    """A passage that the answer was given. `quote`: what of it bears out a sentence, "" where it was not cited."""

    number: int
    document_id: str
    document: str
    page: int
    chunk_id: str
    text: str
    quote: str
    char_start: int
    char_end: int
    score: float


class Sentence(BaseModel):
    """One sentence. `proved_by`: those of its citations that bear it out; `reason`: why it is unverified."""

    text: str
    citations: list[int]
    proof: nouns.Proof
    similarity: float | None
    reason: str
    proved_by: list[int]


class Answered(BaseModel):
    """A turn. `abstained`: not in the library; `sources` are then the nearest misses. `writer`: "quotes", or the model."""

    turn_id: str
    conversation_id: str
    question: str
    searched: str
    sentences: list[Sentence]
    sources: list[Source]
    abstained: bool
    writer: str
    notes: list[str]
    asked: str
    milliseconds: float
    flight_id: str

    @classmethod
    def of(cls, answer: nouns.Answer) -> Answered:
        """From the engine's noun."""
        return cls.model_validate(answer, from_attributes=True)


class ConversationShown(BaseModel):
    """A conversation; `turns`: number of them."""

    id: str
    title: str
    created: str
    updated: str
    collections: list[str]
    turns: int


class Conversations(BaseModel):
    """The newest first."""

    conversations: list[ConversationShown]


class Turns(BaseModel):
    """The turns of a conversation in order. What came from documents that were deleted since is gone."""

    turns: list[Answered]


class Renaming(Asked):
    """Another title."""

    title: Name


def _events_schema() -> dict[int | str, dict[str, object]]:
    told = "Server-sent events `status`, `sources`, `text`, and last `answer` (or `error`), where `stream` is set."
    content = {"text/event-stream": {"schema": {"type": "string"}}}
    return {200: {"model": Answered, "description": told, "content": content}}


def places() -> anyio.CapacityLimiter:
    """Threads for answers, apart from those of searches: an endpoint may be silent for minutes."""
    return anyio.CapacityLimiter(_ANSWERS_AT_ONCE)


@router.post("/ask", dependencies=READ, response_model=Answered, responses=_events_schema())
async def ask(asked: QuestionAsked, request: Request, suite: Suite) -> Answered | Response:
    """Answer a question from the library, each sentence with its citations and proof; the answer is kept as a turn.

    Where no chat endpoint is set, or it fails, the best sentences are quoted. Sentences are checked whoever wrote them.
    """
    places = request.app.state.answer_places
    if not asked.stream:
        found = await anyio.to_thread.run_sync(suite.answer, asked.noun(), abandon_on_cancel=True, limiter=places)
        return Answered.of(found)
    events = await anyio.to_thread.run_sync(suite.answer_events, asked.noun(), limiter=places)
    return StreamingResponse(_streamed(events, request, places), media_type="text/event-stream")


async def _streamed(
    events: nouns.Stream[nouns.AnswerEvent], request: Request, places: anyio.CapacityLimiter
) -> AsyncIterator[str]:
    """The events as text; a caller that goes away ends the model's writing at once."""
    watch = asyncio.create_task(_until_gone(events, request))
    try:
        while True:
            try:
                event = await anyio.to_thread.run_sync(next, events, None, abandon_on_cancel=True, limiter=places)
            except CortexError as error:
                yield _failed(refusals.explained(error, request.scope))
                return
            # The status has gone out: an event is the only way left to say it.
            except Exception as error:  # noqa: BLE001
                yield _failed(refusals.unexpected(error))
                return
            if event is None:
                return
            yield _as_text(event)
    finally:
        watch.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(events.close)


async def _until_gone(events: nouns.Stream[nouns.AnswerEvent], request: Request) -> None:
    """A line that nothing is sent on does not tell that it is dead; the server does."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    await anyio.to_thread.run_sync(events.close)


def _failed(refusal: Response) -> str:
    return f"event: error\ndata: {bytes(refusal.body).decode()}\n\n"


class _Told(BaseModel):
    """The data of an event: one of these."""

    status: str | None = None
    sources: list[Source] | None = None
    text: str | None = None


def _as_text(event: nouns.AnswerEvent) -> str:
    if event.answer is not None:
        return f"event: answer\ndata: {Answered.of(event.answer).model_dump_json()}\n\n"
    name = "status" if event.status else "text" if event.text else "sources"
    told = _Told.model_validate({name: getattr(event, name)}, from_attributes=True)
    return f"event: {name}\ndata: {told.model_dump_json(exclude_none=True)}\n\n"


@router.get("/conversations", dependencies=READ)
def conversations(suite: Suite, limit: Limit = 50) -> Conversations:
    """Conversations, the newest first."""
    rows = [ConversationShown.model_validate(each, from_attributes=True) for each in suite.conversations(limit)]
    return Conversations(conversations=rows)


@router.get("/conversations/{conversation_id}", dependencies=READ)
def turns(conversation_id: ConversationId, suite: Suite) -> Turns:
    """The turns of a conversation."""
    return Turns(turns=[Answered.of(each) for each in suite.turns(conversation_id)])


@router.get("/conversations/{conversation_id}/markdown", dependencies=READ, response_class=Response)
def markdown(conversation_id: ConversationId, suite: Suite) -> Response:
    """A conversation as Markdown; everything that people, models or documents wrote is escaped."""
    return Response(suite.conversation_markdown(conversation_id), media_type="text/markdown")


@router.patch("/conversations/{conversation_id}", dependencies=WRITE, status_code=204)
def rename(conversation_id: ConversationId, asked: Renaming, suite: Suite) -> None:
    """Give a conversation another title."""
    suite.rename_conversation(conversation_id, asked.title)


@router.delete("/conversations/{conversation_id}", dependencies=WRITE, status_code=204)
def delete(conversation_id: ConversationId, suite: Suite) -> None:
    """Forget a conversation."""
    suite.delete_conversation(conversation_id)
