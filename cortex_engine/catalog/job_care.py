"""The queue at a glance, one file tried again, an ended job forgotten."""

from __future__ import annotations

import time

from cortex_engine.catalog import queue
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.app import QueueProgress
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.reports import FileState, Job, JobState

_NAMES = 5
"""Names of files in work that a glance shows."""

_OPEN = "('queued', 'running', 'paused')"


class JobCare(CatalogPart):
    """The part of the port `Jobs` that pages ask."""

    def retry_file(self, file_id: int) -> Job:
        """Queue one failed, cancelled or quarantined file again; returns its job.

        Raises:
            NotFoundError: no such file.
            UsageError: it is in work, or has gone in already.
        """
        with self._database.write() as connection:
            row = connection.execute("SELECT job, state, name FROM job_file WHERE key = ?", (file_id,)).fetchone()
            if row is None:
                raise NotFoundError("This file is no longer in the list; its job was removed.")
            key, state, name = row
            if state not in {FileState.FAILED, FileState.CANCELLED, FileState.QUARANTINED}:
                raise UsageError(
                    f"'{name}' is {state.replace('_', ' ')}; only a file that did not go in can be retried."
                )
            # The other files of a cancelled job stay as they are: they are no longer queued.
            connection.execute(
                "UPDATE job_file SET state = 'queued', attempts = 0, message = '', lease_owner = '', lease_until = 0 "
                "WHERE key = ?",
                (file_id,),
            )
            connection.execute(
                "UPDATE job SET state = 'queued', message = '' WHERE key = ? AND state IN ('done', 'cancelled')", (key,)
            )
            return queue.jobs(connection, "key = ?", (key,))[0]

    def forget_job(self, job_id: str) -> list[str]:
        """Remove an ended job from the list; returns the hashes of originals that only it may have referred to.

        Raises:
            NotFoundError: no such job.
            UsageError: it has not ended.
        """
        with self._database.write() as connection:
            key = queue.job_key(connection, job_id)
            job = queue.jobs(connection, "key = ?", (key,))[0]
            if job.state not in (JobState.DONE, JobState.CANCELLED) or job.finished < job.total:
                raise UsageError("This job has not ended; cancel it before it is removed from the list.")
            hashes = connection.execute(
                "SELECT DISTINCT sha256 FROM job_file WHERE job = ? AND sha256 != '' "
                "AND state IN ('failed', 'cancelled', 'quarantined')",
                (key,),
            ).fetchall()
            connection.execute("DELETE FROM job WHERE key = ?", (key,))
        return [str(sha256) for (sha256,) in hashes]

    def queue_progress(self) -> QueueProgress:
        """The jobs that have not ended, at a glance (without `trouble`)."""
        with self._database.read() as connection:
            # CROSS JOIN keeps the order: the few open jobs first, never all files that were ever taken in.
            counted = connection.execute(
                "SELECT j.state, f.state, count(*) FROM job j CROSS JOIN job_file f ON f.job = j.key "
                f"WHERE j.state IN {_OPEN} GROUP BY j.state, f.state"
            ).fetchall()
            names = connection.execute(
                f"SELECT name FROM job_file WHERE state IN {queue.WORKING} ORDER BY key LIMIT {_NAMES}"
            ).fetchall()
        states = [(FileState(state), count) for _, state, count in counted]
        bad = (FileState.FAILED, FileState.QUARANTINED)
        return QueueProgress(
            done=sum(count for state, count in states if state.final),
            total=sum(count for _, count in states),
            failed=sum(count for state, count in states if state in bad),
            active=tuple(str(name) for (name,) in names),
            paused=bool(counted) and all(state == JobState.PAUSED for state, _, _ in counted),
        )

    def has_work(self) -> bool:
        """Whether `claim` would find a file."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM job_file f JOIN job j ON j.key = f.job WHERE (f.state = 'queued' "
                f"OR f.state IN {queue.WORKING} AND f.lease_until < ?) AND j.state IN ('queued', 'running'))",
                (time.time(),),
            ).fetchone()
        return bool(found[0])
