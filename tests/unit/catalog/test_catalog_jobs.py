"""The queue: leases, quarantine, pause, cancel, retry."""

from __future__ import annotations

import time

import pytest

from cortex_engine.catalog import FileBlobStore, SqliteCatalog
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.records import NewFile, Source
from cortex_engine.core.reports import FileState, JobState


def _file(number: int, content: int | None = None) -> NewFile:
    digit = f"{number if content is None else content:064x}"
    return NewFile(f"/in/{number}", f"{number}.txt", digit, 10, 7)


def test_a_job_runs_to_its_end(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("ingest", "home", [_file(1), _file(2)])
    assert (job.state, job.total) == (JobState.QUEUED, 2)
    one, two = catalog.claim("me", limit=5)
    assert (one.name, one.state, one.attempts, one.mtime_ns) == ("1.txt", FileState.PARSING, 1, 7)
    assert catalog.job(job.id[:6]).owner == "me"
    assert catalog.claim("you") == []
    catalog.update_file(one.id, FileState.EMBEDDING)
    catalog.update_file(one.id, FileState.DONE, document_id="d", pages=3, seconds=0.5)
    catalog.update_file(one.id, FileState.INDEXING)
    catalog.update_file(two.id, FileState.FAILED, message="It is encrypted.")
    ended = catalog.job(job.id)
    assert (ended.state, ended.finished, ended.owner) == (JobState.DONE, 2, "")
    done, failed = catalog.job_files(job.id)
    assert (done.state, done.document_id, done.pages, done.seconds) == (FileState.DONE, "d", 3, 0.5)
    assert catalog.job_files(job.id, [FileState.FAILED]) == [failed]
    assert catalog.retry_job(job.id).counts == {FileState.DONE: 1, FileState.QUEUED: 1}
    assert [file.id for file in catalog.claim("me")] == [two.id]


def test_an_expired_lease_is_given_to_another_and_a_heartbeat_keeps_it(catalog: SqliteCatalog) -> None:
    catalog.enqueue("ingest", "home", [_file(1)])
    (mine,) = catalog.claim("me", lease_seconds=0.2)
    catalog.heartbeat("me", lease_seconds=60)
    time.sleep(0.3)
    assert catalog.claim("you") == []
    catalog.heartbeat("me", lease_seconds=-1)
    (yours,) = catalog.claim("you")
    assert (yours.id, yours.attempts) == (mine.id, 2)


def test_three_crashes_put_a_file_and_its_twins_in_quarantine(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("ingest", "home", [_file(1)])
    twin = catalog.enqueue("ingest", "home", [_file(1)])
    for attempt in (1, 2, 3):
        (file,) = catalog.claim("me")
        assert file.attempts == attempt
        assert catalog.release_claims() == 1
    assert catalog.claim("me") == []
    (held,) = catalog.job_files(job.id)
    assert held.state is FileState.QUARANTINED
    assert "3 times" in held.message
    assert catalog.job(job.id).state is catalog.job(twin.id).state is JobState.DONE
    catalog.retry_job(job.id)
    assert catalog.claim("me")[0].attempts == 1


def test_a_file_given_back_in_order_is_no_failed_attempt(catalog: SqliteCatalog) -> None:
    catalog.enqueue("ingest", "home", [_file(1)])
    for _ in range(5):
        (file,) = catalog.claim("me")
        assert file.attempts == 1
        catalog.update_file(file.id, FileState.QUEUED)


def test_twins_are_never_in_work_at_once(catalog: SqliteCatalog) -> None:
    catalog.enqueue("ingest", "home", [_file(1), _file(1), _file(2, content=1)])
    second = catalog.enqueue("ingest", "home", [_file(1)])
    (first,) = catalog.claim("me", limit=9)
    assert catalog.claim("you", limit=9) == []
    catalog.update_file(first.id, FileState.DONE)
    (other,) = catalog.claim("you", limit=9)
    assert other.name == "2.txt"
    catalog.update_file(other.id, FileState.ALREADY_HERE)
    assert [file.job_id for file in catalog.claim("you", limit=9)] == [second.id]


def test_paused_jobs_give_nothing_and_cancelled_ones_end(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("ingest", "home", [_file(1), _file(2)])
    (file,) = catalog.claim("me")
    catalog.set_job_state(job.id, JobState.PAUSED)
    assert catalog.claim("me") == []
    catalog.set_job_state(job.id, JobState.RUNNING)
    with pytest.raises(UsageError):
        catalog.set_job_state(job.id, JobState.DONE)
    cancelled = catalog.set_job_state(job.id, JobState.CANCELLED)
    assert cancelled.counts == {FileState.PARSING: 1, FileState.CANCELLED: 1}
    with pytest.raises(UsageError):
        catalog.set_job_state(job.id, JobState.RUNNING)
    catalog.release_claims("me")
    assert catalog.job(job.id).counts == {FileState.CANCELLED: 2}
    assert catalog.jobs(active_only=True) == []
    with pytest.raises(NotFoundError):
        catalog.update_file(file.id + 99, FileState.DONE)
    with pytest.raises(NotFoundError):
        catalog.job("nothing")


def test_files_added_to_a_job_that_was_done_open_it_again(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("sync", "home", [])
    assert job.state is JobState.DONE
    assert catalog.enqueue("sync", "home", [_file(1)], job.id).state is JobState.QUEUED
    (file,) = catalog.claim("me")
    catalog.update_file(file.id, FileState.FAILED, message="broken")
    again = catalog.enqueue("sync", "home", [_file(1)], job.id)
    assert (again.state, again.counts) == (JobState.QUEUED, {FileState.QUEUED: 1})
    assert [one.id for one in catalog.jobs()] == [job.id]


def test_originals_are_dropped_only_when_nothing_waits_for_them(tmp_path, spec, prepare) -> None:
    blobs = FileBlobStore(tmp_path / "blobs", min_free_bytes=0)
    catalog = SqliteCatalog(tmp_path / "with-blobs.db", blobs=blobs)
    catalog.create_collection("home", spec)
    sha256, size = blobs.put_bytes(b"honey")
    key = catalog.commit(prepare("honey"), "home").document_id
    catalog.enqueue("ingest", "home", [NewFile("/in/h", "h", sha256, size)])
    catalog.delete_documents([key])
    assert catalog.drop_blobs([sha256]) == []
    (file,) = catalog.claim("me")
    catalog.update_file(file.id, FileState.DONE)
    assert catalog.drop_blobs() == [sha256]
    assert list(blobs.all()) == []
    # The race: the content was put (it was still there), then dropped, then queued.
    with pytest.raises(NotFoundError, match="Ingest the file again"):
        catalog.enqueue("ingest", "home", [NewFile("/in/h", "h", sha256, size)])
    with pytest.raises(NotFoundError):
        catalog.commit(prepare("honey"), "home", Source("home", "/in/h", "", 1, 5))
    assert catalog.counts().documents == 0
    assert len(catalog.jobs()) == 1
    catalog.close()
