"""From paths to queued files: collect, copy durably, queue."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.errors import NotFoundError, StorageFullError, UsageError
from cortex_engine.core.records import NewFile
from cortex_engine.core.reports import FileState, IngestEvent, Job

_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_QUEUE_BATCH = 50
_ATTEMPTS = 3


def is_ignored(name: str) -> bool:
    """Hidden files and the traces that systems and Office programs leave in folders."""
    return name.startswith((".", "~$")) or name.lower() in _IGNORED_NAMES


def normalised(path: Path) -> Path:
    """Absolute and without "..", links kept: the form in which sources are remembered and compared."""
    return Path(os.path.normpath(path.absolute()))


def collect(paths: Sequence[Path], recursive: bool) -> Iterator[Path]:
    """Files to take in, sorted within a folder, each once, as absolute paths.

    Args:
        paths: files and folders. A file that is named is taken whatever its name; in folders some are ignored.
        recursive: go into subfolders. Links to folders are not followed.

    Raises:
        NotFoundError: a path does not exist.
        UsageError: a path is neither file nor folder.
    """
    seen = set()
    for path in paths:
        if not path.exists():
            raise NotFoundError(f"There is no file or folder '{path}'.")
        if not path.is_file() and not path.is_dir():
            raise UsageError(f"'{path}' is neither a file nor a folder.")
        for file in _files_below(path, recursive) if path.is_dir() else (path,):
            absolute = normalised(file)
            if absolute not in seen:
                seen.add(absolute)
                yield absolute


def _files_below(folder: Path, recursive: bool) -> Iterator[Path]:
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if is_ignored(entry.name):
            continue
        if entry.is_file():
            yield Path(entry.path)
        elif recursive and entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path), recursive)


class Submission:
    """Queues files: each is durable among the blobs before a job refers to it."""

    def __init__(self, catalog: Catalog, blobs: BlobStore, on_event: Callable[[IngestEvent], None]) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._on_event = on_event

    def submit(self, kind: str, collection: str, files: Sequence[Path]) -> tuple[Job, list[IngestEvent]]:
        """Copy and queue; files that cannot be read are reported and left out.

        Returns:
            The job, and an event for each file that could not be queued.

        Raises:
            StorageFullError: too little room; files before it are queued.
        """
        self._catalog.collection(collection)
        job = self._catalog.enqueue(kind, collection, [])
        failures: list[IngestEvent] = []
        batch: list[NewFile] = []
        for path in files:
            try:
                status = path.stat()
                sha256, size = self._blobs.put(path)
            except StorageFullError:
                self._queue(kind, collection, batch, job.id)
                raise
            except OSError as error:
                message = f"'{path.name}' cannot be read: {error.strerror or error}."
                failures.append(IngestEvent(job.id, str(path), FileState.FAILED, message=message))
                self._on_event(failures[-1])
                continue
            batch.append(NewFile(str(path), path.name, sha256, size, status.st_mtime_ns))
            if len(batch) >= _QUEUE_BATCH:
                self._queue(kind, collection, batch, job.id)
                batch = []
        self._queue(kind, collection, batch, job.id)
        return self._catalog.job(job.id), failures

    def _queue(self, kind: str, collection: str, batch: Sequence[NewFile], job_id: str) -> None:
        """Queue; originals that another process has just removed with the last document of theirs are put again."""
        for attempt in range(_ATTEMPTS):
            try:
                if batch:
                    self._catalog.enqueue(kind, collection, batch, job_id)
                return
            except NotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
                for file in batch:
                    self._blobs.put(Path(file.path))
