"""The queue of files, and the jobs they belong to."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict

from cortex_engine.catalog import queue, rows
from cortex_engine.catalog.blobs import require_blob
from cortex_engine.catalog.job_care import JobCare
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.catalog import BlobStore
from cortex_engine.core.errors import UsageError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.identifiers import new_id
from cortex_engine.core.records import NewFile
from cortex_engine.core.reports import FileState, Job, JobFile, JobState

_CLAIMABLE = f"""
    SELECT f.key, f.job, f.sha256, f.attempts FROM job_file f JOIN job j ON j.key = f.job
    WHERE (f.state = 'queued' OR f.state IN {queue.WORKING} AND f.lease_until < :now)
    AND j.state IN ('queued', 'running')
    AND NOT EXISTS (SELECT 1 FROM job_file twin WHERE twin.sha256 = f.sha256 AND twin.key != f.key
        AND twin.state IN {queue.WORKING} AND twin.lease_until >= :now)
    ORDER BY f.key LIMIT 1
"""

_ENQUEUE = """
    INSERT INTO job_file (job, path, name, sha256, bytes, mtime_ns, state) VALUES (?, ?, ?, ?, ?, ?, 'queued')
    ON CONFLICT (job, path, name, sha256) WHERE sha256 != '' DO UPDATE SET
        state = 'queued', attempts = 0, message = '', mtime_ns = excluded.mtime_ns
        WHERE state NOT IN ('queued', 'parsing', 'embedding', 'indexing')
"""


class JobRecords(JobCare):
    """The port `Jobs`."""

    _blobs: BlobStore | None

    def enqueue(
        self,
        kind: str,
        collection: str,
        files: Sequence[NewFile],
        job_id: str = "",
        options: IngestOptions | None = None,
    ) -> Job:
        """Queue files as a new job, or add them to the job `job_id` (which is open again, had it been done).

        A file that the job has already is queued again only when it had ended.

        Raises:
            NotFoundError: no such collection or job; or an original is not among the blobs (any more): put it again.
        """
        with self._database.write() as connection:
            rows.collection_key(connection, collection)
            for file in files:
                require_blob(self._blobs, file.sha256, file.name)
            if job_id:
                key = queue.job_key(connection, job_id)
            else:
                cursor = connection.execute(
                    "INSERT INTO job (id, kind, collection, state, created, owner, message, options) "
                    "VALUES (?, ?, ?, 'queued', ?, '', '', ?)",
                    (new_id(), kind, collection, rows.now(), json.dumps(asdict(options or IngestOptions()))),
                )
                key = int(cursor.lastrowid or 0)
            connection.executemany(
                _ENQUEUE, [(key, file.path, file.name, file.sha256, file.bytes, file.mtime_ns) for file in files]
            )
            connection.execute(
                "UPDATE job SET state = 'queued' WHERE key = ? AND state IN ('done', 'cancelled') "
                "AND EXISTS (SELECT 1 FROM job_file f WHERE f.job = job.key AND f.state = 'queued')",
                (key,),
            )
            queue.finish_job(connection, key)
            job = queue.jobs(connection, "key = ?", (key,))[0]
        failpoint("job.queued")
        return job

    def jobs(self, active_only: bool = False) -> list[Job]:
        """Newest first."""
        condition = "state NOT IN ('done', 'cancelled')" if active_only else "1"
        with self._database.read() as connection:
            return queue.jobs(connection, condition, ())

    def job(self, job_id: str) -> Job:
        """One job, by id or unique prefix.

        Raises:
            NotFoundError: no such job, or several.
        """
        with self._database.read() as connection:
            return queue.jobs(connection, "key = ?", (queue.job_key(connection, job_id),))[0]

    def job_files(
        self, job_id: str, states: Sequence[FileState] = (), limit: int = -1, offset: int = 0
    ) -> list[JobFile]:
        """Files of a job (in these states) in order of entry; `limit` -1 for all.

        Raises:
            NotFoundError: no such job.
        """
        wanted = states or tuple(FileState)
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT {queue.FILE_COLUMNS} FROM job_file f JOIN job j ON j.key = f.job WHERE f.job = ? "
                "AND f.state IN (SELECT value FROM json_each(?)) ORDER BY f.key LIMIT ? OFFSET ?",
                (queue.job_key(connection, job_id), rows.array(state.value for state in wanted), limit, offset),
            )
            return [queue.job_file(row) for row in found]

    def set_job_state(self, job_id: str, state: JobState, message: str = "") -> Job:
        """Pause, resume, cancel (queued files become cancelled, files in work end as they end), finish.

        Raises:
            NotFoundError: no such job.
            UsageError: the job has ended already, or is to be finished while files wait.
        """
        with self._database.write() as connection:
            key = queue.job_key(connection, job_id)
            job = queue.jobs(connection, "key = ?", (key,))[0]
            if job.state != state:
                if job.state in (JobState.DONE, JobState.CANCELLED):
                    raise UsageError(f"The job {job.id} has ended ({job.state.value}); retry it to queue files again.")
                if state is JobState.DONE and job.finished < job.total:
                    raise UsageError(f"The job {job.id} still has {job.total - job.finished} files; cancel it instead.")
            connection.execute("UPDATE job SET state = ?, message = ? WHERE key = ?", (state.value, message, key))
            if state is JobState.CANCELLED:
                connection.execute(
                    "UPDATE job_file SET state = 'cancelled', message = ? WHERE job = ? AND state = 'queued'",
                    (message, key),
                )
            return queue.jobs(connection, "key = ?", (key,))[0]

    def retry_job(self, job_id: str) -> Job:
        """Queue failed, cancelled and quarantined files again.

        Raises:
            NotFoundError: no such job.
        """
        with self._database.write() as connection:
            key = queue.job_key(connection, job_id)
            changed = connection.execute(
                "UPDATE job_file SET state = 'queued', attempts = 0, message = '', lease_owner = '', lease_until = 0 "
                "WHERE job = ? AND state IN ('failed', 'cancelled', 'quarantined') AND sha256 != ''",
                (key,),
            )
            if changed.rowcount:
                connection.execute("UPDATE job SET state = 'queued', message = '' WHERE key = ?", (key,))
            return queue.jobs(connection, "key = ?", (key,))[0]

    def claim(self, owner: str, limit: int = 1, lease_seconds: float = 60.0) -> list[JobFile]:
        """Take queued files (and those whose lease ran out) of running jobs; attempts are counted.

        A file that has been begun three times without an end is put in quarantine instead, with the reason, and so
        are its queued twins (the same bytes in other jobs). While a file is in work, no twin of it is given out: it
        waits, and finds the document already there.
        """
        now = time.time()
        claimed: list[int] = []
        with self._database.write() as connection:
            _end_cancelled(connection, now)
            while len(claimed) < limit:
                row = connection.execute(_CLAIMABLE, {"now": now}).fetchone()
                if row is None:
                    break
                key, job, sha256, attempts = row
                if attempts >= queue.MAX_ATTEMPTS:
                    _quarantine(connection, key, sha256)
                    continue
                connection.execute(
                    "UPDATE job_file SET state = 'parsing', attempts = attempts + 1, lease_owner = ?, lease_until = ? "
                    "WHERE key = ?",
                    (owner, now + lease_seconds, key),
                )
                connection.execute("UPDATE job SET state = 'running', owner = ? WHERE key = ?", (owner, job))
                claimed.append(key)
            found = connection.execute(
                f"SELECT {queue.FILE_COLUMNS} FROM job_file f JOIN job j ON j.key = f.job "
                "WHERE f.key IN (SELECT value FROM json_each(?)) ORDER BY f.key",
                (rows.array(claimed),),
            )
            files = [queue.job_file(row) for row in found]
        failpoint("job.claimed")
        return files

    def heartbeat(self, owner: str, lease_seconds: float = 60.0) -> None:
        """Extend the leases of this owner."""
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE job_file SET lease_until = ? WHERE lease_owner = ? AND state IN {queue.WORKING}",
                (time.time() + lease_seconds, owner),
            )

    def release_claims(self, owner: str = "") -> int:
        """Give back what an owner held (every owner when ""), as its process is known to be gone; returns how many.

        The attempt counts: a file that brings the process down three times is put in quarantine.
        """
        with self._database.write() as connection:
            changed = connection.execute(
                f"UPDATE job_file SET state = 'queued', lease_owner = '', lease_until = 0 "
                f"WHERE state IN {queue.WORKING} AND (? = '' OR lease_owner = ?)",
                (owner, owner),
            )
            _end_cancelled(connection, time.time())
            return changed.rowcount

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
        """Record where a file stands; a final state ends its lease, and the job with its last file.

        QUEUED gives the file back without counting the attempt. A file that has ended stays ended: a step that a
        slower process reports for it afterwards changes nothing.

        Raises:
            NotFoundError: no such file.
        """
        with self._database.write() as connection:
            queue.update_file(
                connection,
                file_id,
                state,
                message=message,
                document_id=document_id,
                pages=pages,
                seconds=seconds,
            )
        failpoint("job.updated")


def _end_cancelled(connection: sqlite3.Connection, now: float) -> None:
    """Files of cancelled jobs whose process is gone are cancelled too."""
    connection.execute(
        "UPDATE job_file SET state = 'cancelled', lease_owner = '', lease_until = 0 "
        f"WHERE (state = 'queued' OR state IN {queue.WORKING} AND lease_until < ?) "
        "AND job IN (SELECT key FROM job WHERE state = 'cancelled')",
        (now,),
    )


def _quarantine(connection: sqlite3.Connection, key: int, sha256: str) -> None:
    twins = connection.execute(
        "SELECT key, name FROM job_file WHERE key = ? OR sha256 = ? AND state = 'queued'", (key, sha256)
    ).fetchall()
    for twin, name in twins:
        queue.update_file(
            connection,
            int(twin),
            FileState.QUARANTINED,
            message=(
                f"'{name}' was begun {queue.MAX_ATTEMPTS} times, and each time the program ended before it was done. "
                "It is in quarantine and is not tried again by itself; retry the job to try it once more."
            ),
        )
