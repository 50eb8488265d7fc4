"""Answers that can be stopped, from any thread and at any moment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator

from cortex_engine.core.answers import AnswerEvent


class Stopped(Exception):  # noqa: N818  (caught in this package)
    """Nobody wants this answer any more."""


class Stop:
    """The wish that an answer under way should end, and how to wake what it waits for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said = False
        self._wake: Callable[[], None] | None = None

    def say(self) -> None:
        """End it."""
        with self._lock:
            self._said, wake = True, self._wake
        if wake is not None:
            wake()

    def check(self) -> None:
        """Raises:
        Stopped: it was said.
        """
        if self._said:
            raise Stopped

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Inside, `wake` is called when it is said, or at once; after it, and at the beginning, `Stopped` is raised then."""
        with self._lock:
            self._wake = wake
        try:
            self.check()
            yield
            self.check()
        finally:
            with self._lock:
                self._wake = None
            wake()


class AnswerEvents(Iterator[AnswerEvent]):
    """What happens while an answer is made. `close` ends it from any thread, also while another one waits for the next event.

    Args:
        begin: makes the events of one answer.
    """

    def __init__(self, begin: Callable[[Stop], Generator[AnswerEvent]]) -> None:
        self._stop = Stop()
        self._events = begin(self._stop)

    def __next__(self) -> AnswerEvent:
        try:
            return next(self._events)
        except Stopped:
            raise StopIteration from None

    def close(self) -> None:
        """Stop; an answer that is not kept yet will not be."""
        self._stop.say()
        with contextlib.suppress(ValueError):  # another thread is in it, and ends by itself now
            self._events.close()
