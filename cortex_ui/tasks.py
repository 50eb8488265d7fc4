"""Long work of a page: it runs in a thread of the process, outlives reruns and tabs, and every session sees the same one.

A task never calls `st.*`; pages ask for it by name and draw what it says. Only the newest task of each name is kept.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_ui import wording
from cortex_ui.session import suite

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.8
_KEPT = 12
_lock = threading.Lock()
_tasks: dict[tuple[str, str], Task] = {}


@dataclass
class Task:
    """One piece of work.

    Attributes:
        about: what the work depends on; a result about something else is out of date.
        done, total: how far it is, where that is known.
        ended: ISO 8601 UTC, "" while it runs.
        result: what the work returned.
        error: the sentence of an expected failure, or a number under which a defect stands in the log.
    """

    name: str
    about: object = None
    done: int = 0
    total: int = 0
    ended: str = ""
    result: Any = None
    error: str = ""
    started: float = field(default_factory=time.monotonic)
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._end.is_set()

    def tell(self, done: int, total: int) -> None:
        """How far the work is (the work calls it)."""
        self.done, self.total = done, total

    def wait(self, seconds: float) -> Task:
        """Give it so long to end: what is quick needs no "in work" on the screen."""
        self._end.wait(seconds)
        return self

    def run(self, work: Callable[[Task], Any]) -> None:
        """Do the work and keep what came of it."""
        try:
            self.result = work(self)
        except CortexError as error:
            _log.warning("%s: %s", self.name, error)
            self.error = str(error)
        except Exception:  # noqa: BLE001  (a defect ends the task, not the process; its traceback is in the log)
            number = uuid.uuid4().hex[:8]
            _log.exception("unexpected failure %s in the task %s", number, self.name)
            self.error = f"Something unexpected happened (number {number}). Logs has the details under that number."
        _log.info("the task %s took %.1f s", self.name, time.monotonic() - self.started)
        self.ended = datetime.now(UTC).isoformat(timespec="seconds")
        self._end.set()


def find(name: str) -> Task | None:
    """The newest task of this name on the open library."""
    return _tasks.get(_key(name))


def begin(name: str, work: Callable[[Task], Any], about: object = None) -> Task:
    """Start the work, unless a task of this name runs: then that one is meant."""
    key = _key(name)
    with _lock:
        held = _tasks.get(key)
        if held is not None and held.running:
            return held
        task = _tasks[key] = Task(name, about)
        _forget_old()
    threading.Thread(target=task.run, args=(work,), name=f"cortex-{name}", daemon=True).start()
    return task


def current(name: str, work: Callable[[Task], Any], about: object, patience: float = 0.6) -> Task:
    """The task whose result is about this; begun where there is none. Waits a moment for quick work."""
    held = find(name)
    if held is None or (not held.running and held.about != about):
        held = begin(name, work, about)
    return held.wait(patience)


def forget(task: Task) -> None:
    """Keep it no longer, so that it is begun anew when it is asked for again."""
    with _lock:
        for key in [key for key, held in _tasks.items() if held is task]:
            del _tasks[key]


def follow(task: Task, words: str) -> bool:
    """Say how far a running task is, and draw the page again when it has ended; whether it runs."""
    if task.running:
        st.fragment(_poll, run_every=_POLL_SECONDS)(task, words)
        return True
    return False


def _poll(task: Task, words: str) -> None:
    if not task.running:
        st.rerun()
    with st.container(key=f"task_{task.name.partition(':')[0]}"):
        if task.total:
            st.progress(task.done / task.total, text=f"{words}: {task.done:,} of {task.total:,}")
            return
        seconds = int(time.monotonic() - task.started)
        since = f" ({wording.count(seconds, 'second')})" if seconds else ""
        st.markdown(f":material/hourglass_top: {words}{since} …")
        st.skeleton(120)


def _key(name: str) -> tuple[str, str]:
    return str(suite().config.data_dir), name


def _forget_old() -> None:
    ended = [key for key, task in _tasks.items() if not task.running]
    for key in ended[: max(0, len(_tasks) - _KEPT)]:
        del _tasks[key]
