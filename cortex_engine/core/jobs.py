"""The port of the queue: files that are to be taken in, and the jobs they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cortex_engine.core.app import IngestOptions, QueueProgress
from cortex_engine.core.records import NewFile
from cortex_engine.core.reports import FileState, Job, JobFile, JobState


class Jobs(Protocol):
    """The queue of files, and the jobs they belong to."""

    def enqueue(
        self,
        kind: str,
        collection: str,
        files: Sequence[NewFile],
        job_id: str = "",
        options: IngestOptions | None = None,
    ) -> Job:
        """Queue files as a new job with these options, or add them to the job `job_id` (which keeps its own)."""
        ...

    def jobs(self, active_only: bool = False) -> list[Job]:
        """Newest first."""
        ...

    def job(self, job_id: str) -> Job:
        """One job, by id or unique prefix.

        Raises:
            NotFoundError: no such job.
        """
        ...

    def job_files(
        self, job_id: str, states: Sequence[FileState] = (), limit: int = -1, offset: int = 0
    ) -> list[JobFile]:
        """Files of a job (in these states) in order of entry; `limit` -1 for all."""
        ...

    def set_job_state(self, job_id: str, state: JobState, message: str = "") -> Job:
        """Pause, resume, cancel (queued files become cancelled), finish."""
        ...

    def retry_job(self, job_id: str) -> Job:
        """Queue failed, cancelled and quarantined files again."""
        ...

    def files_called(self, name: str, limit: int = 10) -> list[JobFile]:
        """Files of any job with this name or path, or of which a message speaks by it; the newest first."""
        ...

    def read_again(self, document_id: str, options: IngestOptions) -> Job:
        """Queue the file that a document came from, to be read again though it did not change (with what it contains).

        The document stays as it is until the file has been read.

        Raises:
            NotFoundError: no such document, or its original is gone.
        """
        ...

    def retry_file(self, file_id: int) -> Job:
        """Queue one failed, cancelled or quarantined file again; returns its job.

        Raises:
            NotFoundError: no such file.
            UsageError: it is in work, or has gone in already.
        """
        ...

    def forget_job(self, job_id: str) -> list[str]:
        """Remove an ended job from the list; returns the hashes of originals that only it may have referred to.

        Raises:
            NotFoundError: no such job.
            UsageError: it has not ended.
        """
        ...

    def queue_progress(self) -> QueueProgress:
        """The jobs that have not ended, at a glance (without `trouble`)."""
        ...

    def has_work(self) -> bool:
        """Whether `claim` would find a file."""
        ...

    def claim(self, owner: str, limit: int = 1, lease_seconds: float = 60.0) -> list[JobFile]:
        """Take queued files (and those whose lease ran out) of running jobs; attempts are counted.

        A file that has been begun three times without an end is put in quarantine instead, with the reason.
        """
        ...

    def heartbeat(self, owner: str, lease_seconds: float = 60.0) -> None:
        """Extend the leases of this owner."""
        ...

    def release_claims(self, owner: str = "") -> int:
        """Give back what an owner held (every owner when ""), as its process is known to be gone; returns how many."""
        ...

    def update_file(
        self,
        file_id: int,
        state: FileState,
        *,
        message: str = "",
        document_id: str = "",
        pages: int = 0,
        seconds: float = 0.0,
    ) -> None:
        """Record where a file stands; a final state ends its lease, and the job with its last file."""
        ...
