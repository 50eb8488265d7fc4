"""Plain functions on an open connection: the state of queued files and of their jobs."""

from __future__ import annotations

import sqlite3
from typing import Any

from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.reports import FileState, JobFile, JobState

MAX_ATTEMPTS = 3
"""A file that was begun this often without an end is put in quarantine."""

WORKING = "('parsing', 'embedding', 'indexing')"
ACTIVE = "('queued', 'parsing', 'embedding', 'indexing')"

FILE_COLUMNS = (
    "f.key, j.id, j.collection, f.path, f.name, f.sha256, f.bytes, f.state, f.attempts, f.message, f.document, "
    "f.mtime_ns, f.pages, f.seconds"
)
"""In the order of the fields of `JobFile`; `f` is the table job_file, `j` job."""


def job_file(row: tuple[Any, ...]) -> JobFile:
    """A file from `FILE_COLUMNS`."""
    key, job, collection, path, name, sha256, size, state, *rest = row
    return JobFile(key, job, collection, path, name, sha256, size, FileState(state), *rest)


def update_file(
    connection: sqlite3.Connection,
    file_id: int,
    state: FileState,
    *,
    message: str = "",
    document_id: str = "",
    pages: int = 0,
    seconds: float = 0.0,
) -> None:
    """Record where a file stands; see the port."""
    row = connection.execute("SELECT state, job FROM job_file WHERE key = ?", (file_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no queued file with the number {file_id}; its job was removed.")
    if FileState(row[0]).final and not state.final:
        return
    ends_lease = state.final or state is FileState.QUEUED
    connection.execute(
        "UPDATE job_file SET state = ?, message = ?, document = CASE WHEN ? != '' THEN ? ELSE document END, "
        "pages = max(pages, ?), seconds = max(seconds, ?) WHERE key = ?",
        (state.value, message, document_id, document_id, pages, seconds, file_id),
    )
    if ends_lease:
        connection.execute("UPDATE job_file SET lease_owner = '', lease_until = 0 WHERE key = ?", (file_id,))
    if state is FileState.QUEUED:
        # Given back by a process that ends in order: that was no failed attempt.
        connection.execute("UPDATE job_file SET attempts = max(0, attempts - 1) WHERE key = ?", (file_id,))
    finish_job(connection, int(row[1]))


def finish_job(connection: sqlite3.Connection, job: int) -> None:
    """End the job when its last file has ended."""
    connection.execute(
        f"UPDATE job SET state = '{JobState.DONE.value}', owner = '' WHERE key = ? AND state != 'cancelled' "
        f"AND NOT EXISTS (SELECT 1 FROM job_file f WHERE f.job = job.key AND f.state IN {ACTIVE})",
        (job,),
    )
