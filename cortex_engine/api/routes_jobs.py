"""Bringing files in over HTTP, the sample documents, and the jobs that take them in."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from cortex_engine.api.calls import READ, WRITE, HexId, Limit, Offset, Suite
from cortex_engine.api.shapes import Job, JobFile, JobWithFiles
from cortex_engine.api.uploads import UPLOAD_SCHEMA, Upload
from cortex_engine.core import reports
from cortex_engine.core.reports import FileState
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1", tags=["ingest"])


class Jobs(BaseModel):
    """Jobs, newest first."""

    total: int
    jobs: list[Job]


class Samples(BaseModel):
    """The job that brings the sample documents in; none when they are here already."""

    job: Job | None


@router.post("/ingest", status_code=202, dependencies=WRITE, openapi_extra={"requestBody": UPLOAD_SCHEMA})
async def ingest(request: Request, suite: Suite) -> Job:
    """Take files in; the answer is the job, and the files are read in the background.

    A request may be sent again without harm, so there is no Idempotency-Key: a document's id is made from its bytes, and
    files that are here already end as `already_here` (in the collection that was named, and nothing is read twice).
    """
    with Upload(suite.config) as upload:
        await upload.read(request)
        job = await anyio.to_thread.run_sync(_receive, suite, upload)
    return Job.of(job)


def _receive(suite: CortexSuite, upload: Upload) -> reports.Job:
    return suite.receive(upload.files, upload.collection, upload.options)


@router.post("/samples", status_code=202, dependencies=WRITE)
def samples(suite: Suite) -> Samples:
    """Bring the sample documents in."""
    job = suite.submit_samples()
    return Samples(job=Job.of(job) if job else None)


@router.get("/jobs", dependencies=READ)
def list_jobs(suite: Suite, active: bool = False, limit: Limit = 100, offset: Offset = 0) -> Jobs:
    """Ingests, newest first."""
    rows = suite.jobs(active)
    return Jobs(total=len(rows), jobs=[Job.of(row) for row in rows[offset : offset + limit]])


@router.get("/jobs/{job_id}", dependencies=READ)
def get_job(
    job_id: HexId,
    suite: Suite,
    state: Annotated[list[FileState], Query(max_length=20)] = [],  # noqa: B006  (FastAPI copies defaults)
    limit: Limit = 100,
    offset: Offset = 0,
) -> JobWithFiles:
    """One job with a page of its files."""
    job, files = suite.job(job_id)
    wanted = [file for file in files if not state or file.state in state]
    page = [JobFile.of(file) for file in wanted[offset : offset + limit]]
    return JobWithFiles(job=Job.of(job), total=len(wanted), files=page)


@router.post("/jobs/{job_id}/pause", dependencies=WRITE)
def pause_job(job_id: HexId, suite: Suite) -> Job:
    """Begin no further file of this job."""
    return Job.of(suite.pause_job(job_id))


@router.post("/jobs/{job_id}/resume", dependencies=WRITE)
def resume_job(job_id: HexId, suite: Suite) -> Job:
    """Let a paused job go on."""
    return Job.of(suite.resume_job(job_id))


@router.post("/jobs/{job_id}/cancel", dependencies=WRITE)
def cancel_job(job_id: HexId, suite: Suite) -> Job:
    """Drop the files that have not been begun."""
    return Job.of(suite.cancel_job(job_id))


@router.post("/jobs/{job_id}/retry", dependencies=WRITE)
def retry_job(job_id: HexId, suite: Suite) -> Job:
    """Queue failed, cancelled and quarantined files again."""
    return Job.of(suite.retry_job(job_id))


@router.post("/jobs/files/{file_id}/retry", dependencies=WRITE)
def retry_file(file_id: Annotated[int, Path(ge=1, le=2**62)], suite: Suite) -> Job:
    """Queue one file again."""
    return Job.of(suite.retry_file(file_id))
