"""Taking files in, and the jobs that do it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from cortex_engine import graphing, measuring, working
from cortex_engine.background import Background
from cortex_engine.chapters.base import Chapter, OnEvent
from cortex_engine.core.app import IngestOptions, QueueProgress
from cortex_engine.core.reports import (
    FileState,
    IngestEvent,
    Job,
    JobFile,
    JobState,
)
from cortex_engine.working import IngestReport, silent

_AS_SET = IngestOptions()


class IngestionChapter(Chapter):
    """Taking files in, and the jobs that do it."""

    def ingest(
        self,
        paths: Sequence[Path],
        collection: str = "",
        recursive: bool = False,
        on_event: OnEvent = silent,
        stop: threading.Event | None = None,
        options: IngestOptions | None = None,
    ) -> IngestReport:
        """Take files and folders in; returns when every file is in a final state (or the job was paused).

        Raises:
            NotFoundError: a path does not exist; nothing was queued.
            StorageFullError: the disk is too full; what is queued stays queued.
        """
        name = collection or self.config.default_collection
        return working.ingest(self._library, paths, name, recursive, on_event, stop, options)

    def submit(
        self,
        paths: Sequence[Path],
        collection: str = "",
        recursive: bool = True,
        options: IngestOptions = _AS_SET,
    ) -> tuple[Job, list[IngestEvent]]:
        """Copy files and folders into the library and queue them; the background work takes them in.

        Returns:
            The job, and an event for each file that could not even be copied.

        Raises:
            NotFoundError: a path does not exist; nothing was queued.
            StorageFullError: the disk is too full; what was copied before is queued.
        """
        queued = working.submit(self._library, paths, collection or self.config.default_collection, recursive, options)
        self._wake()
        return queued

    def receive(
        self, uploads: Sequence[tuple[str, BinaryIO]], collection: str = "", options: IngestOptions = _AS_SET
    ) -> Job:
        """Keep uploaded files among the originals and queue them; the background work takes them in.

        Args:
            uploads: names, perhaps with the folders that they came from, and streams that can be read again.
            collection: made when it is not there.
            options: how they are read.

        Raises:
            UsageError: there is nothing to take in.
            StorageFullError: the disk is too full; nothing was queued.
        """
        job = working.receive(self._library, uploads, collection or self.config.default_collection, options)
        self._wake()
        return job

    def submit_samples(self) -> Job | None:
        """Queue the sample documents, with their vectors; None when all of them are here already."""
        job = measuring.submit_samples(self._library)
        self._wake()
        return job

    def sync_folder(
        self, folder: Path, collection: str = "", on_event: OnEvent = silent, stop: threading.Event | None = None
    ) -> IngestReport:
        """Make a collection follow a folder: additions, changes and deletions.

        Raises:
            NotFoundError: the folder does not exist; nothing was changed.
        """
        return working.sync_folder(self._library, folder, collection or self.config.default_collection, on_event, stop)

    def load_samples(self, on_event: OnEvent = silent) -> IngestReport:
        """Bring the sample documents in, with their vectors, so that the first search works within seconds."""
        return measuring.load_samples(self._library, on_event)

    def work(self, on_event: OnEvent = silent, stop: threading.Event | None = None) -> None:
        """Work the queue as the owner until it is empty.

        Raises:
            LibraryLockedError: another process owns the library.
        """
        self._library.own()
        working.work(self._library, on_event, stop)
        graphing.extract_here(self._library, stop)

    def jobs(self, active_only: bool = False) -> list[Job]:
        """Ingests, newest first."""
        return self._library.catalog.jobs(active_only)

    def job(self, job_id: str) -> tuple[Job, list[JobFile]]:
        """One job with its files."""
        job = self._library.catalog.job(job_id)
        return job, self._library.catalog.job_files(job.id)

    def job_files(
        self, job_id: str, states: Sequence[FileState] = (), limit: int = -1, offset: int = 0
    ) -> list[JobFile]:
        """Files of a job (in these states) in order of entry, page by page; `limit` -1 for all."""
        return self._library.catalog.job_files(job_id, states, limit, offset)

    def queue_progress(self) -> QueueProgress:
        """The queue at a glance; cheap enough for every page to ask each second."""
        progress = self._library.catalog.queue_progress()
        return replace(progress, trouble=self._background.trouble) if self._background is not None else progress

    def pause_job(self, job_id: str) -> Job:
        """Begin no further file of this job."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.PAUSED)

    def resume_job(self, job_id: str) -> Job:
        """Let a paused job go on (whoever owns the library works on it; `work` does it here)."""
        job = self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.QUEUED)
        self._wake()
        return job

    def cancel_job(self, job_id: str) -> Job:
        """Drop the files of a job that have not been begun."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.CANCELLED)

    def retry_job(self, job_id: str) -> Job:
        """Queue failed, cancelled and quarantined files again."""
        job = self._library.catalog.retry_job(self._library.catalog.job(job_id).id)
        self._wake()
        return job

    def retry_file(self, file_id: int) -> Job:
        """Queue one failed, cancelled or quarantined file again.

        Raises:
            NotFoundError: its job was removed.
            UsageError: it is in work, or has gone in already.
        """
        job = self._library.catalog.retry_file(file_id)
        self._wake()
        return job

    def forget_job(self, job_id: str) -> None:
        """Remove an ended job from the list; documents stay, copies of files that did not go in are removed.

        Raises:
            UsageError: it has not ended.
        """
        self._library.catalog.drop_blobs(self._library.catalog.forget_job(job_id))

    def start_background(self) -> None:
        """Begin the work that goes on by itself: own the library, work the queue, load the models. Returns at once."""
        if self._background is None:
            self._background = Background(self._library)
            self._background.start()

    def stop_background(self) -> None:
        """End it; files that cannot be finished quickly stay queued."""
        background, self._background = self._background, None
        if background is not None:
            background.stop()

    def _wake(self) -> None:
        if self._background is not None:
            self._background.wake()
