"""The queue at a glance, one file tried again, an ended job forgotten, the options that travel with a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_engine.catalog.sqlite import SqliteCatalog
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.records import NewFile
from cortex_engine.core.reports import FileState, JobState

SPEC = EmbeddingSpec("hashing", "hashed words", "1", 8, "none", True, 64)


@pytest.fixture
def catalog(tmp_path: Path) -> SqliteCatalog:
    opened = SqliteCatalog(tmp_path / "catalog.db")
    opened.create_collection("Papers", SPEC)
    return opened


def files(*names: str) -> list[NewFile]:
    return [NewFile("", name, f"{number:064x}", 10) for number, name in enumerate(names, 1)]


def test_options_travel_with_the_job_to_the_claimed_file(catalog: SqliteCatalog) -> None:
    options = IngestOptions(ocr=False, ocr_language="de", chunk_max_tokens=40)
    job = catalog.enqueue("ingest", "Papers", [], options=options)
    catalog.enqueue("ingest", "Papers", files("a.txt"), job.id)
    plain = catalog.enqueue("ingest", "Papers", files("a.txt", "b.txt")[1:])
    assert catalog.job(job.id).options == options
    assert [file.options for file in catalog.claim("me", 5)] == [options, IngestOptions()]
    assert catalog.job(plain.id).options == IngestOptions()


def test_progress_counts_open_jobs_only(catalog: SqliteCatalog) -> None:
    assert catalog.queue_progress().total == 0
    assert not catalog.has_work()
    job = catalog.enqueue("ingest", "Papers", files("a", "b", "c"))
    assert catalog.has_work()
    first, second = catalog.claim("me", 2)
    catalog.update_file(first.id, FileState.FAILED, message="No.")
    progress = catalog.queue_progress()
    assert (progress.done, progress.total, progress.failed, progress.active) == (1, 3, 1, ("b",))
    assert progress.busy and not progress.paused
    catalog.set_job_state(job.id, JobState.PAUSED)
    assert catalog.queue_progress().paused and not catalog.queue_progress().busy
    assert not catalog.has_work()
    catalog.update_file(second.id, FileState.DONE)
    catalog.set_job_state(job.id, JobState.CANCELLED)
    assert catalog.queue_progress().total == 0


def test_progress_reads_no_whole_table(catalog: SqliteCatalog) -> None:
    """Every page asks each second, also when a hundred thousand files were taken in before."""
    asked: list[str] = []
    with catalog._database.plain() as connection:
        connection.set_trace_callback(asked.append)
    catalog.queue_progress()
    catalog.has_work()
    with catalog._database.plain() as connection:
        connection.set_trace_callback(None)
        selects = [query for query in asked if query.lstrip().upper().startswith("SELECT")]
        plans = [str(row) for query in selects for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert len(selects) == 3
    assert not [plan for plan in plans if "SCAN f" in plan or "SCAN job_file" in plan]


def test_one_file_is_tried_again_and_the_others_stay(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("ingest", "Papers", files("a", "b", "c"))
    for file in catalog.claim("me", 2):
        catalog.update_file(file.id, FileState.FAILED, message="No.")
    catalog.set_job_state(job.id, JobState.CANCELLED)
    first, second, third = catalog.job_files(job.id)
    assert catalog.retry_file(first.id).state is JobState.QUEUED
    states = [file.state for file in catalog.job_files(job.id)]
    assert states == [FileState.QUEUED, FileState.FAILED, FileState.CANCELLED]
    assert [file.name for file in catalog.claim("me", 5)] == ["a"]
    with pytest.raises(UsageError, match="'a' is parsing"):
        catalog.retry_file(first.id)
    with pytest.raises(NotFoundError):
        catalog.retry_file(999)
    assert (second.state, third.state) == (FileState.FAILED, FileState.CANCELLED)


def test_only_an_ended_job_is_forgotten(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("ingest", "Papers", files("a", "b"))
    with pytest.raises(UsageError, match="has not ended"):
        catalog.forget_job(job.id)
    first, second = catalog.claim("me", 2)
    catalog.update_file(first.id, FileState.FAILED, message="No.")
    catalog.set_job_state(job.id, JobState.CANCELLED)
    with pytest.raises(UsageError, match="has not ended"):  # one of its files is still in work
        catalog.forget_job(job.id)
    catalog.update_file(second.id, FileState.DONE)
    assert catalog.forget_job(job.id) == [first.sha256]
    assert catalog.jobs() == []
    with pytest.raises(NotFoundError):
        catalog.forget_job(job.id)


def test_files_of_a_job_come_page_by_page(catalog: SqliteCatalog) -> None:
    job = catalog.enqueue("ingest", "Papers", files(*(f"f{number}" for number in range(10))))
    assert [file.name for file in catalog.job_files(job.id, (), 3, 4)] == ["f4", "f5", "f6"]
    assert catalog.job_files(job.id, (FileState.DONE,), 3, 0) == []
    assert len(catalog.job_files(job.id)) == 10


def test_models_of_collections(catalog: SqliteCatalog) -> None:
    other = EmbeddingSpec("hashing", "other", "1", 16, "none", True, 64)
    catalog.create_collection("Notes", other)
    catalog.create_collection("More", SPEC)
    assert catalog.models() == {SPEC.id: SPEC, other.id: other}
    assert catalog.models(["Notes"]) == {other.id: other}
    assert catalog.models(["Nothing of that name"]) == {}
