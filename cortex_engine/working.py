"""What the suite's methods do when it takes more than a line: the rooms put together on one library."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cortex_engine import graphing
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.errors import LibraryLockedError
from cortex_engine.core.reports import FileState, IngestEvent, Job, JobFile, JobState
from cortex_engine.ingestion.folder_sync import compare, require_folder
from cortex_engine.ingestion.picture_plan import Remarks
from cortex_engine.ingestion.submission import Listing, Submission, collect, in_words, normalised
from cortex_engine.ingestion.worker import IngestWorker
from cortex_engine.library import Library

OnEvent = Callable[[IngestEvent], None]

_FOLLOW_SECONDS = 0.3

_IDLE_SECONDS = 120.0
"""So long another process may own the library without working on the queue before its files' sender stops waiting."""


def silent(event: IngestEvent) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """How an ingest ended.

    Attributes:
        job: the job as it stands at the end (state PAUSED when it was paused).
        files: every file of it.
        unreadable: files that could not even be copied.
        removed: ids of documents that went because their files are gone (sync).
        unchanged: files that a sync did not need to read.
    """

    job: Job
    files: tuple[JobFile, ...]
    unreadable: tuple[IngestEvent, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def failed(self) -> list[str]:
        """A sentence for each file that did not go in."""
        bad = (FileState.FAILED, FileState.QUARANTINED)
        return [file.message for file in self.files if file.state in bad] + [event.message for event in self.unreadable]


def ingest(
    library: Library,
    paths: Sequence[Path],
    collection: str,
    recursive: bool,
    on_event: OnEvent,
    stop: threading.Event | None,
    options: IngestOptions | None = None,
) -> IngestReport:
    """See `CortexSuite.ingest`."""
    listing = collect(paths, recursive, library.folder)
    library.require_room()
    library.collection(collection)
    report = _submit_and_work(library, "ingest", collection, listing, on_event, stop, options)
    graphing.extract_here(library, stop)
    return report


def submit(
    library: Library, paths: Sequence[Path], collection: str, recursive: bool, options: IngestOptions
) -> tuple[Job, list[IngestEvent]]:
    """See `CortexSuite.submit`."""
    listing = collect(paths, recursive, library.folder)
    library.require_room()
    name = library.collection(collection).name
    submission = Submission(library.catalog, library.blobs, silent, options)
    return submission.submit("ingest", name, listing.files, listing.unreadable)


def receive(library: Library, uploads: Sequence[tuple[str, BinaryIO]], collection: str, options: IngestOptions) -> Job:
    """See `CortexSuite.receive`."""
    library.require_room()
    name = library.collection(collection).name
    return Submission(library.catalog, library.blobs, silent, options).receive(name, uploads)


def sync_folder(
    library: Library, folder: Path, collection: str, on_event: OnEvent, stop: threading.Event | None
) -> IngestReport:
    """See `CortexSuite.sync_folder`. What is gone is removed last, so that a file that only moved is not lost."""
    folder = normalised(folder)
    require_folder(folder)
    library.require_room()
    name = library.collection(collection).name
    changes = compare(folder, library.catalog.sources(name, in_words(folder)), library.folder)
    report = _submit_and_work(library, "sync", name, Listing(changes.take, changes.unreadable), on_event, stop)
    if report.job.finished < report.job.total or (stop and stop.is_set()):
        # It was stopped or paused: what moved has not arrived at its new place yet.
        return replace(report, unchanged=changes.unchanged)
    removed: list[str] = []
    with library.borrowed():
        for path in changes.gone:
            removed += delete(library, lambda catalog, path=path: catalog.remove_source(name, path))  # type: ignore[misc]
    graphing.extract_here(library, stop)  # it may take long: what is gone goes first
    return replace(report, removed=tuple(removed), unchanged=changes.unchanged)


def _submit_and_work(
    library: Library,
    kind: str,
    collection: str,
    listing: Listing,
    on_event: OnEvent,
    stop: threading.Event | None,
    options: IngestOptions | None = None,
) -> IngestReport:
    submission = Submission(library.catalog, library.blobs, on_event, options)
    job, unreadable = submission.submit(kind, collection, listing.files, listing.unreadable, stop)
    while not _ended(library.catalog.job(job.id)) and not (stop and stop.is_set()):
        if library.try_own() and library.queue.acquire(blocking=False):
            try:
                _work(library, on_event, stop)
            finally:
                library.queue.release()
            break
        _follow(library, job.id, on_event, stop)
    ended = library.catalog.job(job.id)
    return IngestReport(ended, tuple(library.catalog.job_files(job.id)), tuple(unreadable))


def _ended(job: Job) -> bool:
    return job.finished == job.total or job.state in {JobState.PAUSED, JobState.CANCELLED, JobState.DONE}


def _follow(library: Library, job_id: str, on_event: OnEvent, stop: threading.Event | None) -> None:
    """Another process owns the library and works on our job too: report, until it is done or the lock is free.

    Raises:
        LibraryLockedError: that process does not work on the queue.
    """
    told: dict[int, FileState] = {}
    busy = time.monotonic()
    while not (stop and stop.is_set()):
        job = library.catalog.job(job_id)
        for file in library.catalog.job_files(job_id):
            if told.get(file.id) != file.state and file.state is not FileState.QUEUED:
                told[file.id] = file.state
                on_event(_event(file, job))
        holder = library.lock.holder()
        if _ended(job) or holder is None or (library.owner and not library.queue.locked()):
            return
        if _in_work(library):
            busy = time.monotonic()
        elif time.monotonic() - busy > _IDLE_SECONDS:
            raise LibraryLockedError(
                f"The library is in use by process {holder.pid} ({holder.command}, since {holder.started}), which takes no "
                "files in. Yours are queued: `cortex jobs resume` takes them in when that process has ended."
            )
        time.sleep(_FOLLOW_SECONDS)


def _in_work(library: Library) -> bool:
    states = {state for job in library.catalog.jobs(active_only=True) for state in job.counts}
    return any(not state.final and state is not FileState.QUEUED for state in states)


def _event(file: JobFile, job: Job) -> IngestEvent:
    return IngestEvent(
        job.id, file.path or file.name, file.state, file.document_id, file.message, job.finished, job.total
    )


def work(library: Library, on_event: OnEvent, stop: threading.Event | None) -> None:
    """As the owner: work the queue, then bring every index up to date. One thread of a process at a time."""
    with library.queue:
        _work(library, on_event, stop)


def _work(library: Library, on_event: OnEvent, stop: threading.Event | None) -> None:
    def follow() -> None:
        library.lock.heartbeat()
        library.bring_up(library.search_indexes())

    follow()
    owner = f"pid {os.getpid()}"
    worker = IngestWorker(library.catalog, library.line(), follow, owner, library.config.parse_workers)
    worker.run(on_event, stop)
    library.settle()


def delete(library: Library, change: Callable[[Catalog], list[str]]) -> list[str]:
    """Make a change that deletes documents, then let indexes and originals follow (the owner's, if it is another)."""
    before = library.catalog.blob_hashes()
    gone = change(library.catalog)
    with library.borrowed() as owned:
        if owned:
            library.settle()
            library.catalog.drop_blobs(sorted(before - library.catalog.blob_hashes()))
    library.pictures.forget(before - library.catalog.blob_hashes())
    return gone


def add_to_collection(library: Library, name: str, document_ids: Sequence[str]) -> None:
    """See `CortexSuite.add_to_collection`; passages get vectors of the collection's model."""
    _join(library, name, document_ids, lambda: library.catalog.add_to_collection(name, document_ids))


def move_documents(library: Library, document_ids: Sequence[str], source: str, target: str) -> None:
    """See `CortexSuite.move_documents`; passages get vectors of the target's model where it is another."""
    _join(library, target, document_ids, lambda: library.catalog.move_documents(document_ids, source, target))


def describe_pictures(library: Library, document_id: str) -> int:
    """See `CortexSuite.describe_pictures`. New descriptions are embedded here where nobody else is about to do it."""
    line = library.line()
    done = line.pictures.describe(document_id)
    if not library.attended:
        line.pictures.follow([document_id], Remarks())
        with library.borrowed() as owned:
            if owned:
                library.settle()
    return done


def _join(library: Library, name: str, document_ids: Sequence[str], change: Callable[[], None]) -> None:
    """Make a change that lets documents, with what they contain, join a collection, and embed those new to its model.

    Nothing is changed where a passage is too long for the model. Within one model nothing is loaded.
    """
    catalog = library.catalog
    spec = catalog.collection(name).spec
    alike = {collection.name for collection in catalog.collections() if collection.spec == spec}
    joining = dict.fromkeys(document_ids)
    for document_id in (waiting := list(joining)):
        contained = [child for child in catalog.children(document_id) if child not in joining]
        joining |= dict.fromkeys(contained)
        waiting += contained
    new = [document_id for document_id in joining if not alike & set(catalog.document(document_id).collections)]
    if not new:
        change()
        return
    line = library.line()
    for document_id in new:
        line.fit(document_id, spec)
    change()
    line.embed_passages()
    if spec.sees:
        line.pictures.draw_missing(new)
        if not library.attended:
            line.pictures.follow(new, Remarks())
    with library.borrowed() as owned:
        if owned:
            library.settle()
