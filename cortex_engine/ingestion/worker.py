"""The worker: takes queued files through the document line, several at a time, and keeps the indexes in step."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.errors import CortexError, NotFoundError, StorageFullError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.reports import FileState, IngestEvent, JobFile
from cortex_engine.ingestion.pipeline import DocumentLine, Outcome

_log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 15.0
_SYNC_SECONDS = 5.0
_SYNC_SHARE = 10.0
"""Files become findable as they come, as long as that takes a tenth of the time; at most `_SYNC_SECONDS` apart."""
_SYNC_DOCUMENTS = 64


@dataclass(slots=True)
class _Finished:
    """A file that is committed and waits for the indexes."""

    file: JobFile
    outcome: Outcome


class IngestWorker:
    """Works the queue until it is empty.

    Args:
        catalog: the queue.
        line: what is done with each file.
        sync: brings the indexes that searches use up to date.
        owner: "pid 123 on host", written to the leases.
        workers: files at the same time.
    """

    def __init__(
        self, catalog: Catalog, line: DocumentLine, sync: Callable[[], object], owner: str, workers: int = 2
    ) -> None:
        self._catalog = catalog
        self._line = line
        self._sync = sync
        self._owner = owner
        self._workers = workers
        self._on_event: Callable[[IngestEvent], None] | None = None

    def run(self, on_event: Callable[[IngestEvent], None], stop: threading.Event | None = None) -> None:
        """Work until nothing is left to claim (or `stop` is set: files in work are finished first).

        Raises:
            StorageFullError: the disk is full; the files in work stay queued.
        """
        self._on_event = on_event
        self._catalog.release_claims(self._owner)  # what an earlier run of this process had no room to give back
        running: dict[Future[Outcome], JobFile] = {}
        waiting: list[_Finished] = []
        last_sync = last_beat = time.monotonic()
        pause = 0.0
        with ThreadPoolExecutor(self._workers, thread_name_prefix="ingest") as pool:
            try:
                while self._claim(pool, running, stop) or waiting:
                    done, _ = wait(running, timeout=_HEARTBEAT_SECONDS, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._collect(running.pop(future), future, waiting, stop)
                    now = time.monotonic()
                    if now - last_beat > _HEARTBEAT_SECONDS / 2:
                        self._catalog.heartbeat(self._owner)
                        last_beat = now
                    # With nothing in work, twins (the same bytes in other files) may still wait for these to be done.
                    if not running or now - last_sync > pause or len(waiting) >= _SYNC_DOCUMENTS:
                        self._finish(waiting)
                        last_sync = time.monotonic()
                        pause = min(_SYNC_SECONDS, _SYNC_SHARE * (last_sync - now))
            except CortexError:
                self._give_back([*running.values(), *(item.file for item in waiting)], running)
                raise
            finally:
                wait(running)
                self._catalog.release_claims(self._owner)

    def _claim(
        self, pool: ThreadPoolExecutor, running: dict[Future[Outcome], JobFile], stop: threading.Event | None
    ) -> bool:
        """Start what there is room for; False when nothing is in work."""
        if stop is None or not stop.is_set():
            for file in self._catalog.claim(self._owner, self._workers - len(running)):
                failpoint("worker.claimed")
                running[pool.submit(self._one, file)] = file
        return bool(running)

    def _one(self, file: JobFile) -> Outcome:
        def progress(state: FileState) -> None:
            self._catalog.update_file(file.id, state)
            self._emit(file, state)

        try:
            return self._line.process(file, progress)
        except NotFoundError:
            collection = self._catalog.job(file.job_id).collection
            if collection == file.collection:
                raise
            # The collection was renamed or merged into another while this file was in work; its job knows the new name.
            return self._line.process(replace(file, collection=collection), progress)

    def _collect(
        self, file: JobFile, future: Future[Outcome], waiting: list[_Finished], stop: threading.Event | None
    ) -> None:
        try:
            outcome = future.result()
        except StorageFullError:
            self._give_back([file])
            raise
        except CortexError as error:
            if stop is not None and stop.is_set():
                # Its reading may have been broken off because the process is to end: that is no failure of the file.
                self._give_back([file])
                return
            self._settle(file, Outcome(FileState.FAILED, messages=[str(error)]))
            return
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                self._settle(file, Outcome(FileState.FAILED, messages=[f"'{file.name}' was not taken in: {error}."]))
                return
            self._give_back([file])
            raise StorageFullError(
                f"The disk is full ({error}); '{file.name}' stays queued. Free some room."
            ) from error
        # A defect in one file's way must not stop the queue; it is logged with its traceback and told to the person.
        except Exception as error:  # noqa: BLE001
            _log.exception("unexpected failure while taking in %s", file.name)
            sentence = (
                f"'{file.name}' was not taken in because of an unexpected failure ({type(error).__name__}: {error})."
            )
            self._settle(file, Outcome(FileState.FAILED, messages=[f"{sentence} The log has the details."]))
            return
        self._emit(file, FileState.INDEXING, outcome)
        waiting.append(_Finished(file, outcome))

    def _give_back(self, files: Sequence[JobFile], running: Iterable[Future[Outcome]] = ()) -> None:
        """Queue files again without counting the attempt: what stops the work now is not their fault."""
        wait(running)
        for file in files:
            try:
                self._catalog.update_file(file.id, FileState.QUEUED)
            except CortexError as error:
                # No room even for this: the next owner gives them back.
                _log.warning("%s could not be given back to the queue: %s", file.name, error)

    def _finish(self, waiting: list[_Finished]) -> None:
        """Indexes first, then "done": who reads "done" finds the document."""
        if waiting:
            self._sync()
        for item in waiting:
            self._settle(item.file, item.outcome)
        waiting.clear()

    def _settle(self, file: JobFile, outcome: Outcome) -> None:
        failpoint("worker.settling")
        try:
            self._catalog.update_file(
                file.id,
                outcome.state,
                message=outcome.message,
                document_id=outcome.document_id,
                pages=outcome.pages,
                seconds=outcome.seconds,
            )
        except NotFoundError:
            _log.warning("the job of %s was removed while it was in work", file.name)
        self._emit(file, outcome.state, outcome)

    def _emit(self, file: JobFile, state: FileState, outcome: Outcome | None = None) -> None:
        if self._on_event is None:
            return
        job = self._catalog.job(file.job_id)
        self._on_event(
            IngestEvent(
                job_id=file.job_id,
                file=file.path or file.name,
                state=state,
                document_id=outcome.document_id if outcome else "",
                message=outcome.message if outcome else "",
                done=job.finished,
                total=job.total,
                pages=outcome.pages if outcome else 0,
                seconds=outcome.seconds if outcome else 0.0,
            )
        )
