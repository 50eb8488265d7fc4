"""Work that must not be waited for: done one after the other by one thread, which starts with the first of it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)

_MOST_WAITING = 256
_CLOSE_SECONDS = 10.0


class Later:
    """A queue of functions and the thread that calls them, in order. May be used from any thread.

    Args:
        name: of the thread, and in the log.

    What fails is logged, the same sentence once, and never raised. What comes while too much is waiting is left out.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._told: set[str] = set()
        self.left_out = 0

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, work: Callable[[], None]) -> None:
        """Have it done; returns at once."""
        with self._lock:
            if self._closed or self._queue.qsize() >= _MOST_WAITING:
                self.left_out += 1
                return
            self._queue.put(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def flush(self, seconds: float = _CLOSE_SECONDS) -> bool:
        """Wait until everything that was put before is done; False when that took too long."""
        done = threading.Event()
        with self._lock:
            if self._thread is None or self._closed or self._thread is threading.current_thread():
                return True
            self._queue.put(done.set)
        return done.wait(seconds)

    def close(self) -> None:
        """Finish what was put, within ten seconds, and end the thread; what comes later is left out."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join(_CLOSE_SECONDS)
            if thread.is_alive():
                _log.warning("%s: what was still to be done after %d seconds is lost", self._name, _CLOSE_SECONDS)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception as error:  # noqa: BLE001  (whatever it is, nobody waits who could be told)
                self._tell(error)

    def _tell(self, error: Exception) -> None:
        sentence = f"{type(error).__name__}: {error}"
        if sentence not in self._told:
            self._told.add(sentence)
            _log.warning("%s: %s (the same is not logged again)", self._name, sentence, exc_info=True)
