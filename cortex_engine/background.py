"""The work that goes on by itself: one thread that owns the library and works the queue, one that loads the models.

Nothing that fails here ends the thread: it is logged with its traceback, told as `trouble`, and tried again later.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cortex_engine import calibrating, certifying, graphing, migrating, viewing, working
from cortex_engine.catalog.owner import OwnerInfo
from cortex_engine.core.app import ModelState
from cortex_engine.core.errors import CortexError, StorageFullError, UsageError
from cortex_engine.core.reports import FileState, IngestEvent
from cortex_engine.library import Library
from cortex_engine.placement import decided

_log = logging.getLogger(__name__)

_BREATH_SECONDS = 0.1
"""Between two portions of measuring, which is never urgent: searches and the first file of a job find the processor free."""
_POLL_SECONDS = 0.5
"""How often the catalog is asked for files that other processes have queued."""
_LOCKED_SECONDS = 1.0
_FULL_SECONDS = 5.0
_LONGEST_PAUSE = 60.0
_BEAT_SECONDS = 30.0
_CLEARING_SECONDS = 5.0
_FIRST_PAGE_SECONDS = 1.5
_STOP_SECONDS = 3.0
"""So long files in work may take to end when the process is to end; then their reading is broken off."""
_GIVE_UP_SECONDS = 30.0
_ROLES = ("", "embedding", "reranker", "qwen3-vl embedding", "qwen3-vl reranker")


class Background:
    """The background work of a process on its library.

    Args:
        library: open; this object owns it from the moment that nobody else does until `stop`.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._trouble = ""
        self._failures = 0
        self._beat = 0.0
        self._seen = 0
        self._leftovers = False
        self._next_clearing = 0.0
        self._embedded: tuple[int, frozenset[str]] | None = None
        self._next_embedding = 0.0
        self._graph = graphing.Tending(library)
        self._calibrating = calibrating.Calibrating(library)
        self._prepared = False
        self._warming = threading.Lock()
        self._pending = True
        self._worker = threading.Thread(target=self._run, name="cortex-background", daemon=True)
        self._pictures = ThreadPoolExecutor(1, thread_name_prefix="cortex-pictures")

    @property
    def trouble(self) -> str:
        """Why the queue is not worked on now, as a sentence, or ""."""
        return self._trouble

    @property
    def models_pending(self) -> bool:
        """Whether models that nobody has loaded yet are about to be loaded."""
        return self._pending

    def start(self) -> None:
        """Begin; returns at once."""
        self._library.attended = True
        self._worker.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """End in order: files in work are finished when that is quick, else they stay queued; ownership is given back."""
        self._stop.set()
        self._wake.set()
        self._library.attended = False
        self._worker.join(_STOP_SECONDS)
        if self._worker.is_alive():
            _break_off(self._library)
            self._worker.join(_GIVE_UP_SECONDS)
        self._graph.end(_STOP_SECONDS)
        self._pictures.shutdown(wait=True, cancel_futures=True)
        if self._worker.is_alive():
            _log.warning("the background work did not end in time; what it had begun is tried again at the next start")
        else:
            self._library.disown()

    def warm(self, role: str = "") -> None:
        """Load and examine the models that are not healthy yet (as `load_models`); returns at once.

        Raises:
            UsageError: there is no such role.
        """
        check_role(role)
        if not role.endswith("reranker"):
            self._pending = True
        threading.Thread(target=self._warm, args=(role,), name="cortex-models", daemon=True).start()

    def _warm(self, role: str) -> None:
        with self._warming:
            # Loading would take the processor from the first page, which people wait for; searches go by words until then.
            self._stop.wait(_FIRST_PAGE_SECONDS)
            try:
                load_models(self._library, self._stop, role)
            except CortexError as error:
                _log.warning("the models were not loaded: %s", error)
            # The thread has no other voice; a model that failed says so in its own state.
            except Exception:  # noqa: BLE001
                _log.exception("unexpected failure while the models were loaded")
            finally:
                self._pending = False

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self._step()
                self._failures = 0
            except StorageFullError as error:
                pause = self._failed(str(error), _FULL_SECONDS)
            except CortexError as error:
                _log.warning("the background work has to wait: %s", error)
                pause = self._failed(f"New files have to wait: {error}", self._backoff())
            # Whatever a defect is, the queue must go on by itself as soon as it can.
            except Exception as error:  # noqa: BLE001
                _log.exception("unexpected failure in the background work")
                pause = self._failed(
                    f"New files have to wait because of an unexpected failure ({type(error).__name__}: {error}). It is tried "
                    "again; the log has the details.",
                    self._backoff(),
                )
            self._wake.wait(pause)
            self._wake.clear()

    def _backoff(self) -> float:
        self._failures += 1
        return float(min(_LONGEST_PAUSE, 2.0**self._failures))

    def _failed(self, sentence: str, pause: float) -> float:
        self._trouble = sentence
        return pause

    def _step(self) -> float:
        """Do what there is to do; returns seconds until the next look."""
        library = self._library
        if not library.owner:
            holder = library.lock.holder()
            # A look at the lock costs nothing; trying to take it would keep searches of this process waiting.
            if (holder is not None and holder.pid != os.getpid()) or not library.try_own():
                self._trouble = _in_use(holder)
                self._prepare()
                self._graph.refresh()
                return _LOCKED_SECONDS
            self._seen = min((state.applied_seq for state in library.catalog.index_states().values()), default=0)
        self._prepare()
        if time.monotonic() - self._beat > _BEAT_SECONDS:
            library.lock.heartbeat()
            self._beat = time.monotonic()
        self._follow_changes()
        self._graph.refresh()
        if library.catalog.has_work():
            library.require_room()
            self._trouble = ""
            working.work(library, self._on_event, self._stop)
        elif self._embed_waiting():
            self._trouble = ""
            return 0.0
        else:
            self._graph.extract(self._stop)
            self._clear_away()
            if self._move_on():
                self._trouble = ""
                return 0.0
            if self._measure():
                self._trouble = ""
                return _BREATH_SECONDS
        self._trouble = ""
        return _POLL_SECONDS

    def _measure(self) -> bool:
        """Compare approximate searches with the exact scan, and calibrate scores; a portion when there is nothing else to do."""
        compared = certifying.step(self._library)
        return self._calibrating.step() or compared

    def _move_on(self) -> bool:
        """Do a portion of a move to another model, unless somebody in this process works on the queue: files go first."""
        if not self._library.queue.acquire(blocking=False):
            return False
        try:
            return migrating.step(self._library, self._stop)
        finally:
            self._library.queue.release()

    def _prepare(self) -> None:
        """Open the indexes of words and vectors, then begin to load the models: the first search is to wait for neither."""
        if not self._prepared:
            self._prepared = True
            for warning in self._library.prepare_search():
                _log.warning("%s", warning)
            for model_id in self._library.models():
                certifying.review(self._library, model_id)
            self.warm()

    def _follow_changes(self) -> None:
        """Bring indexes in step with what was changed."""
        last = self._library.catalog.last_seq()
        if last != self._seen:
            self._library.settle()
            self._seen = last
            self._leftovers = True

    def _embed_waiting(self) -> bool:
        """Embed a few of the passages and pictures that wait for a model that is loaded; whether there may be more.

        Looked for when something changed, or a model was loaded.
        """
        library, now = self._library, time.monotonic()
        loaded = {each for each in library.models() if library.shelf.state(each)[0] is ModelState.HEALTHY}
        moment = (library.catalog.last_seq(), frozenset(loaded))
        if moment == self._embedded or now < self._next_embedding:
            return False
        try:
            done = library.line().embed_some(lambda spec: spec.id in loaded)
        except StorageFullError:
            raise
        except CortexError as error:
            _log.warning("what waits for its vectors goes on waiting: %s", error)
            self._next_embedding = now + _LONGEST_PAUSE
            return False
        if not done:
            self._embedded = moment
        return done > 0

    def _clear_away(self) -> None:
        """Remove originals that nothing refers to: another process that deletes documents leaves that to the owner.

        Every original is looked at, so it is done when there is nothing else to do, and for a fiftieth of the time.
        """
        if not self._leftovers or time.monotonic() < self._next_clearing:
            return
        # Nobody of this process may take in a file now: what it contained is not referred to before it is committed.
        if self._library.queue.acquire(blocking=False):
            try:
                begun = time.monotonic()
                self._library.catalog.drop_blobs()
                self._leftovers = False
                self._next_clearing = begun + max(_CLEARING_SECONDS, 50 * (time.monotonic() - begun))
            finally:
                self._library.queue.release()

    def _on_event(self, event: IngestEvent) -> None:
        if event.state is FileState.DONE and event.document_id and not self._stop.is_set():
            self._pictures.submit(self._draw, event.document_id)

    def _draw(self, document_id: str) -> None:
        try:
            ids = [document_id, *self._library.catalog.children(document_id)]
            viewing.prepare_thumbnails(self._library, ids, self._stop)
        except CortexError as error:
            _log.info("no thumbnail of %s: %s", document_id, error)
        # A picture is made again when it is looked at; that it failed now must not be lost without a word.
        except Exception:  # noqa: BLE001
            _log.exception("unexpected failure while a thumbnail of %s was drawn", document_id)


def load_models(library: Library, stop: threading.Event | None = None, role: str = "") -> None:
    """Load and examine the models of the settings and of all collections; each state says how it ended.

    Args:
        stop: ends it between two models.
        role: "embedding" or "reranker" for these only; the reranker comes last.

    Raises:
        UsageError: there is no such role.
    """
    check_role(role)
    if not role.endswith("reranker"):
        library.shelf.load_default()
        for spec in library.models().values():
            if stop is not None and stop.is_set():
                return
            library.shelf.load(spec)
    if role.endswith("embedding") or (stop is not None and stop.is_set()):
        return
    place = decided(library.config)
    # Where memory holds one model, loading the reranker now would send the embedder out: its first use loads it.
    if role or place is None or not place.on_demand:
        library.rerankers.load()


def check_role(role: str) -> None:
    """Refuse a role that no model has.

    Raises:
        UsageError: there is no such role.
    """
    if role not in _ROLES:
        raise UsageError(f"There is no role '{role}'. Use one of: {', '.join(each for each in _ROLES if each)}.")


def _break_off(library: Library) -> None:
    """End the reading of files that is under way, and begin none any more."""
    halt: Callable[[], None] | None = getattr(library.parser, "halt", None)
    if halt is not None:
        halt()


def _in_use(holder: OwnerInfo | None) -> str:
    if holder is None:
        return ""
    return (
        f"The library is in use by process {holder.pid} ({holder.command}, since {holder.started}). New files wait until "
        "that process has ended, unless it takes them in itself. Search goes on."
    )
