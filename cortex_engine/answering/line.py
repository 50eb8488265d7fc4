"""The question line: condense, search, write, check, keep."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cortex_engine.answering import passages
from cortex_engine.answering.following import standing_alone
from cortex_engine.answering.model import chat_model
from cortex_engine.answering.passages import Found
from cortex_engine.answering.stopping import AnswerEvents, Stop
from cortex_engine.answering.written import written
from cortex_engine.core.answers import Answer, AnswerEvent, ChatModel, CitedSource, Question
from cortex_engine.core.errors import UsageError
from cortex_engine.core.identifiers import new_id
from cortex_engine.generation.conversation_text import conversation_markdown as as_markdown
from cortex_engine.library import Library

QUOTES = "quotes"
"""What `Answer.writer` says where sentences are quoted."""
MOST_SOURCES = 20
_LONGEST_QUESTION = 4_000


def answer(library: Library, question: Question) -> Answer:
    """See `CortexSuite.answer`."""
    found = [event.answer for event in answer_events(library, question) if event.answer]
    return found[-1]


def answer_events(library: Library, question: Question) -> AnswerEvents:
    """See `CortexSuite.answer_events`."""
    begun = time.perf_counter()
    _check(question)
    turns = library.catalog.turns(question.conversation_id) if question.conversation_id else []
    return AnswerEvents(lambda stop: _events(library, question, turns, begun, stop))


def conversation_markdown(library: Library, conversation_id: str) -> str:
    """See `CortexSuite.conversation_markdown`."""
    turns = library.catalog.turns(conversation_id)
    return as_markdown(library.catalog.conversation(conversation_id).title, turns)


def _events(
    library: Library, question: Question, turns: Sequence[Answer], begun: float, stop: Stop
) -> Generator[AnswerEvent]:
    yield AnswerEvent(status="Searching…")
    notes: list[str] = []
    model, fault = (None, "") if question.extractive else chat_model(library)
    if fault and not model and library.config.chat_api_base:
        notes.append(fault)
    searched = standing_alone(question.text, turns, model, notes, stop)
    found = passages.search(library, question, searched)
    notes += found.result.warnings
    made = _begun(question, searched, found)
    yield AnswerEvent(sources=made.sources)
    if not made.abstained:
        made = yield from _answered(library, made, found, model, notes, stop)
    milliseconds = (time.perf_counter() - begun) * 1000
    made = replace(made, notes=tuple(dict.fromkeys(notes)), milliseconds=milliseconds)
    stop.check()
    library.catalog.keep_turn(made, question.filters.collections)
    yield AnswerEvent(answer=made)


def _begun(question: Question, searched: str, found: Found) -> Answer:
    """The answer as far as the search has made it."""
    return Answer(
        new_id(),
        question.conversation_id or new_id(),
        question.text,
        searched,
        (),
        found.sources,
        abstained=found.result.abstained or not found.sources,
        writer=QUOTES,
        asked=datetime.now(UTC).isoformat(timespec="seconds"),
        flight_id=found.result.flight_id,
    )


def _answered(
    library: Library, made: Answer, found: Found, model: ChatModel | None, notes: list[str], stop: Stop
) -> Generator[AnswerEvent, None, Answer]:
    """Written by the model; quoted where there is none, or where nothing came of it."""
    yield AnswerEvent(status=_reading(made.sources))
    if model is not None:
        told = yield from written(library, made, found, model, notes, stop)
        if told is not None:
            return told
    made = passages.quoted(library, made, found, notes)
    for sentence in made.sentences:
        yield AnswerEvent(text=f"{sentence.text} [{sentence.citations[0]}] ")
    return made


def _check(question: Question) -> None:
    if not question.text.strip():
        raise UsageError("The question is empty. Type what you want to know.")
    if len(question.text) > _LONGEST_QUESTION:
        raise UsageError(f"A question may have {_LONGEST_QUESTION:,} characters; this one has {len(question.text):,}.")
    if not 1 <= question.sources <= MOST_SOURCES:
        raise UsageError(f"sources is {question.sources}; it must be between 1 and {MOST_SOURCES}.")


def _reading(sources: Sequence[CitedSource]) -> str:
    return f"Reading {len(sources)} passages…" if len(sources) > 1 else "Reading 1 passage…"
