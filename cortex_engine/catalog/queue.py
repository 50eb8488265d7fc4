"""Plain functions on an open connection: the state of queued files and of their jobs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from cortex_engine.catalog import rows
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.reports import FileState, Job, JobFile, JobState

MAX_ATTEMPTS = 3
"""A file that was begun this often without an end is put in quarantine."""

WORKING = "('parsing', 'embedding', 'indexing')"
ACTIVE = "('queued', 'parsing', 'embedding', 'indexing')"

FILE_COLUMNS = (
    "f.key, j.id, j.collection, f.path, f.name, f.sha256, f.bytes, f.state, f.attempts, f.message, f.document, "
    "f.mtime_ns, f.pages, f.seconds, j.options"
)
"""In the order of the fields of `JobFile`; `f` is the table job_file, `j` job."""


def job_file(row: tuple[Any, ...]) -> JobFile:
    """A file from `FILE_COLUMNS`."""
    key, job, collection, path, name, sha256, size, state, *rest = row
    rest[-1] = options_of(rest[-1])
    return JobFile(key, job, collection, path, name, sha256, size, FileState(state), *rest)


def options_of(text: str) -> IngestOptions:
    """The options of a job as its row keeps them; of a field that a newer version added nothing is known here."""
    known = {field.name for field in fields(IngestOptions)}
    return IngestOptions(**{name: value for name, value in json.loads(text).items() if name in known})


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


def job_key(connection: sqlite3.Connection, job_id: str) -> int:
    """The row of a job, by id or unique beginning of one.

    Raises:
        NotFoundError: none, or several.
    """
    found = connection.execute(
        "SELECT key, id FROM job WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", (job_id, f"{job_id}g")
    ).fetchall()
    if job_id and found and (len(found) == 1 or found[0][1] == job_id):
        return int(found[0][0])
    reason = f"Several jobs begin with '{job_id}'; give more of the id." if job_id and found else ""
    raise NotFoundError(reason or f"There is no job '{job_id}'. 'cortex jobs' lists all of them.")


def jobs(connection: sqlite3.Connection, condition: str, values: Sequence[int | str]) -> list[Job]:
    """Jobs with their counts, newest first."""
    found = connection.execute(
        f"SELECT key, id, kind, collection, state, created, owner, message, options FROM job WHERE {condition} ORDER BY key DESC",
        values,
    ).fetchall()
    counts: dict[int, dict[FileState, int]] = {row[0]: {} for row in found}
    counted = connection.execute(
        "SELECT job, state, count(*) FROM job_file WHERE job IN (SELECT value FROM json_each(?)) GROUP BY job, state",
        (rows.array(counts),),
    )
    for key, state, count in counted:
        counts[key][FileState(state)] = count
    return [
        Job(job_id, kind, collection, JobState(state), created, counts[key], owner, message, options_of(options))
        for key, job_id, kind, collection, state, created, owner, message, options in found
    ]
