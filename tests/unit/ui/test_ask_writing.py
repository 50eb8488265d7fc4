"""Answers on their way: threads that end, whoever looks or does not look."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from cortex_engine.answering.stopping import AnswerEvents, Stop
from cortex_engine.core.answers import Answer, AnswerEvent, AnswerSentence, CitedSource, Proof, Question
from cortex_engine.core.search import Filters
from cortex_ui import ask_writing

SOURCE = CitedSource(1, "d" * 32, "diary.txt", 1, "c" * 32, "A secret passage.")
ANSWER = Answer("t" * 16, "c" * 16, "Why?", "Why?", (AnswerSentence("So.", (1,), Proof.QUOTED),), (SOURCE,))


class Scripted:
    """A suite whose answers are written as a test wants."""

    def __init__(self, *events: AnswerEvent | threading.Event) -> None:
        self.events = events
        self.closed = threading.Event()
        self.there = 1

    def answer_events(self, _: Question) -> AnswerEvents:
        return AnswerEvents(self._events)

    def count_documents(self, _: Filters) -> int:
        return self.there

    def _events(self, _: Stop) -> Generator[AnswerEvent]:
        try:
            for event in self.events:
                if isinstance(event, threading.Event):
                    event.wait(30)
                else:
                    yield event
        finally:
            self.closed.set()


def begun(monkeypatch: pytest.MonkeyPatch, scripted: Scripted, conversation: str = "") -> ask_writing.Writing:
    monkeypatch.setattr(ask_writing, "suite", lambda: scripted)
    return ask_writing.start(Question("Why?", conversation_id=conversation))


def test_events_are_gathered_until_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [AnswerEvent(status="Writing…"), AnswerEvent(text="a"), AnswerEvent(text="b"), AnswerEvent(answer=ANSWER)]
    writing = begun(monkeypatch, Scripted(*events), "c1")
    assert writing.ended.wait(30)
    assert (writing.status, writing.problem) == ("Writing…", "")
    assert writing.answer is not None and writing.answer.turn_id == ANSWER.turn_id
    assert "secret" not in repr(writing) and writing.text == "", "what it quotes is in the catalog alone"
    assert ask_writing.get(writing.id) is writing
    assert ask_writing.of("c1") is None, "its answer is in the conversation"
    ask_writing.forget(writing.id)
    assert ask_writing.get(writing.id) is None


def test_stop_is_over_at_once_and_lets_the_endpoint_go(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()
    scripted = Scripted(AnswerEvent(text="a"), silent, AnswerEvent(text="b"), AnswerEvent(answer=ANSWER))
    writing = begun(monkeypatch, scripted, "c2")
    ask_writing.stop(writing)
    assert writing.over and not writing.ended.is_set()
    silent.set()
    assert writing.ended.wait(30) and scripted.closed.is_set()
    assert writing.answer is None and writing.problem == ""
    assert ask_writing.of("c2") is writing


def test_an_answer_that_was_kept_before_the_stop_came_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()
    writing = begun(monkeypatch, Scripted(silent, AnswerEvent(answer=ANSWER)), "c4")
    writing.stopped = True
    silent.set()
    assert writing.ended.wait(30) and writing.answer is not None


def test_what_broke_off_goes_with_its_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(AnswerEvent(sources=(SOURCE,)), AnswerEvent(text="It is a secret"))
    writing = begun(monkeypatch, scripted, "c5")
    assert writing.ended.wait(30)
    assert ask_writing.without_deleted(writing) == "It is a secret"
    scripted.there = 0
    assert ask_writing.without_deleted(writing) == writing.text == ""


def test_a_deleted_conversation_takes_its_answers_along(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()
    writing = begun(monkeypatch, Scripted(AnswerEvent(text="a"), silent, AnswerEvent(answer=ANSWER)), "c6")
    ask_writing.stop_all("c6")
    assert writing.over and ask_writing.get(writing.id) is None
    silent.set()


def test_the_newest_of_a_conversation_counts_and_old_ones_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    first = begun(monkeypatch, Scripted(AnswerEvent(text="half")), "c3")
    assert first.ended.wait(30) and ask_writing.of("c3") is first
    second = begun(monkeypatch, Scripted(AnswerEvent(answer=ANSWER)), "c3")
    assert second.ended.wait(30) and ask_writing.of("c3") is None
    for _ in range(ask_writing._MOST + 2):
        assert begun(monkeypatch, Scripted(AnswerEvent(text="x"))).ended.wait(30)
    assert ask_writing.get(first.id) is None
    assert len(ask_writing._all) <= ask_writing._MOST + 2
