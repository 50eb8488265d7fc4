"""Answers that are being written: each in a thread of its own, so that a reload or another page does not end it.

They belong to the process, not to a browser's session: whoever opens the conversation sees the same words arrive. The
thread has no other voice than the page's, which looks at the `Writing` now and then.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cortex_engine.core.answers import Answer, AnswerEvent, Question, Stream
from cortex_engine.core.errors import CortexError
from cortex_engine.core.search import Filters
from cortex_ui.session import suite

if TYPE_CHECKING:
    from cortex_engine.suite import CortexSuite

_MOST = 60
"""Ended ones that are remembered, for pages that have not looked yet."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_all: OrderedDict[str, Writing] = OrderedDict()


@dataclass
class Writing:
    """A question on its way to an answer.

    Attributes:
        events: where they come from; None until they do.
        status: what is done now, for people.
        documents: ids of those whose passages were read.
        text: what was written so far, with its marks "[2]"; nothing of it is checked yet.
        answer: the end; None until then, and for good where it was stopped or went wrong. What it says and quotes is in the
            catalog alone, and goes from there when its documents do.
        problem: what went wrong, as a sentence.
        stopped: the person wanted no more of it.
    """

    question: Question
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    events: Stream[AnswerEvent] | None = None
    status: str = ""
    documents: frozenset[str] = frozenset()
    text: str = ""
    answer: Answer | None = None
    problem: str = ""
    stopped: bool = False
    began: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.stopped or self.ended.is_set()

    def take(self, event: AnswerEvent) -> None:
        """Note what happened."""
        self.status = event.status or self.status
        self.documents |= {source.document_id for source in event.sources}
        self.text += event.text
        if event.answer is not None:
            self.answer = replace(event.answer, sentences=(), sources=())
            self.text = ""


def start(question: Question) -> Writing:
    """Begin to answer."""
    writing, opened = Writing(question), suite()
    with _lock:
        _all[writing.id] = writing
        for each in [each for each in _all.values() if each.over][:-_MOST]:
            del _all[each.id]
    threading.Thread(target=_run, args=(writing, opened), name="cortex-answer", daemon=True).start()
    return writing


def _run(writing: Writing, opened: CortexSuite) -> None:
    try:
        writing.events = opened.answer_events(writing.question)
        for event in writing.events:
            if writing.stopped and event.answer is None:
                writing.events.close()
                break
            writing.take(event)
        if writing.answer is None and not writing.stopped:
            writing.problem = "The answer ended before it was whole."
    except CortexError as error:
        _log.warning("%s: %s", error.code, error)
        writing.problem = str(error)
    # The thread has no other voice than the page's.
    except Exception as error:  # noqa: BLE001
        _log.exception("unexpected failure while a question was answered")
        writing.problem = f"No answer, because of an unexpected failure ({type(error).__name__}: {error})."
    finally:
        writing.ended.set()


def get(writing_id: str) -> Writing | None:
    """By its id; None where it is not known (any more)."""
    return _all.get(writing_id)


def of(conversation_id: str) -> Writing | None:
    """The newest one that belongs to this conversation and whose answer is not kept in it."""
    with _lock:
        mine = [each for each in _all.values() if conversation_id and each.question.conversation_id == conversation_id]
    return mine[-1] if mine and mine[-1].answer is None else None


def stop(writing: Writing) -> None:
    """End it; what was written so far stands. An answer that is kept by now is shown all the same."""
    writing.stopped = True
    if writing.events is not None:
        writing.events.close()


def stop_all(conversation_id: str) -> None:
    """End all answers to questions of a conversation, and forget them: it is deleted."""
    with _lock:
        mine = [each for each in _all.values() if each.question.conversation_id == conversation_id]
    for each in mine:
        stop(each)
        forget(each.id)


def without_deleted(writing: Writing) -> str:
    """What was written so far, "" where a document whose passages were read is not there any more."""
    if not (writing.text and writing.documents):
        return writing.text
    there = suite().count_documents(Filters(documents=tuple(sorted(writing.documents))))
    if there < len(writing.documents):
        writing.text = ""
    return writing.text


def forget(writing_id: str) -> None:
    """It is shown no more."""
    with _lock:
        _all.pop(writing_id, None)
