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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cortex_engine.core.answers import Answer, AnswerEvent, CitedSource, Question
from cortex_engine.core.errors import CortexError
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
        status: what is done now, for people.
        text: what was written so far, with its marks "[2]"; nothing of it is checked yet.
        answer: the end; None until then, and for good where it was stopped or went wrong.
        problem: what went wrong, as a sentence.
        stopped: the person wanted no more of it.
    """

    question: Question
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    status: str = ""
    sources: tuple[CitedSource, ...] = ()
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
        self.sources = event.sources or self.sources
        self.text += event.text
        self.answer = event.answer or self.answer


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
        events = opened.answer_events(writing.question)
        for event in events:
            if writing.stopped:
                break
            writing.take(event)
        if writing.stopped and hasattr(events, "close"):
            events.close()  # lets the endpoint's connection go
        elif writing.answer is None:
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
    """End it; what was written so far stands."""
    writing.stopped = True


def forget(writing_id: str) -> None:
    """It is shown no more."""
    with _lock:
        _all.pop(writing_id, None)
