"""Taking files in, and the jobs that do it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from cortex_engine import measuring, working
from cortex_engine.chapters.base import Chapter, OnEvent, silent
from cortex_engine.core.reports import (
    Job,
    JobFile,
    JobState,
)
from cortex_engine.working import IngestReport


class IngestionChapter(Chapter):
    """Taking files in, and the jobs that do it."""

    def ingest(
        self,
        paths: Sequence[Path],
        collection: str = "",
        recursive: bool = False,
        on_event: OnEvent = silent,
        stop: threading.Event | None = None,
    ) -> IngestReport:
        """Take files and folders in; returns when every file is in a final state (or the job was paused).

        Raises:
            NotFoundError: a path does not exist; nothing was queued.
            StorageFullError: the disk is too full; what is queued stays queued.
        """
        name = collection or self.config.default_collection
        return working.ingest(self._library, paths, name, recursive, on_event, stop)

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

    def jobs(self, active_only: bool = False) -> list[Job]:
        """Ingests, newest first."""
        return self._library.catalog.jobs(active_only)

    def job(self, job_id: str) -> tuple[Job, list[JobFile]]:
        """One job with its files."""
        job = self._library.catalog.job(job_id)
        return job, self._library.catalog.job_files(job.id)

    def pause_job(self, job_id: str) -> Job:
        """Begin no further file of this job."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.PAUSED)

    def resume_job(self, job_id: str) -> Job:
        """Let a paused job go on (whoever owns the library works on it; `work` does it here)."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.QUEUED)

    def cancel_job(self, job_id: str) -> Job:
        """Drop the files of a job that have not been begun."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.CANCELLED)

    def retry_job(self, job_id: str) -> Job:
        """Queue failed, cancelled and quarantined files again."""
        return self._library.catalog.retry_job(self._library.catalog.job(job_id).id)
