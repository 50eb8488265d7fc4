"""The two lines together: files go in once, whole, and are found; what changes or goes is followed everywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine import embedders
from cortex_engine.core.errors import ModelMismatchError, ModelUnavailableError, NotFoundError
from cortex_engine.core.reports import FileState, IngestEvent, Severity
from cortex_engine.core.search import Filters
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.suite import CortexSuite, query_of

OpenSuite = Callable[..., CortexSuite]


def test_a_folder_goes_in_and_is_found_in_every_mode(open_suite: OpenSuite, folder: Path) -> None:
    suite, events = open_suite(), list[IngestEvent]()
    report = suite.ingest([folder], "Papers", recursive=True, on_event=events.append)
    assert report.failed == []
    assert dict(report.job.counts) == {FileState.DONE: 3}
    assert [event.done for event in events if event.state is FileState.DONE] == [1, 2, 3]
    for mode in ("vector", "lexical", "hybrid"):
        hit = suite.search(query_of("puffin burrow", mode)).hits[0]
        assert hit.document == "birds.txt"
        assert hit.collections == ("Papers",)
        text = "\f".join(page.text for page in suite.pages(hit.document_id))
        assert text[hit.char_start : hit.char_end] == hit.text
    assert all(entry.balanced for entry in suite.ledger())


def test_without_recursion_subfolders_stay_out(open_suite: OpenSuite, folder: Path) -> None:
    assert len(open_suite().ingest([folder], "Papers").files) == 2


def test_a_second_run_does_nothing_and_says_so(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    before = [document.added for document in suite.documents()]
    report = suite.ingest([folder], "Papers", recursive=True)
    assert dict(report.job.counts) == {FileState.ALREADY_HERE: 3}
    assert all("already here" in file.message for file in report.files)
    assert [document.added for document in suite.documents()] == before


def test_the_same_file_in_two_collections_is_one_document(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder / "tea.md"], "One")
    suite.ingest([folder / "tea.md"], "Two")
    (document,) = suite.documents()
    assert document.collections == ("One", "Two")
    suite.delete_collection("One")
    assert suite.search("oxidised").hits[0].collections == ("Two",)


def test_a_changed_file_replaces_its_old_version(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder / "birds.txt"], "Papers")
    (folder / "birds.txt").write_text("The gannet dives from a great height.\n")
    suite.ingest([folder / "birds.txt"], "Papers")
    assert suite.count_documents() == 1
    assert suite.search(query_of("puffin", "lexical")).hits == ()
    assert suite.search(query_of("gannet", "lexical")).hits[0].document == "birds.txt"


def test_sync_follows_additions_changes_and_deletions(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.sync_folder(folder, "Papers")
    (folder / "tea.md").write_text("# Coffee\n\nCoffee is roasted.\n")
    (folder / "birds.txt").unlink()
    (folder / "new.txt").write_text("A lighthouse keeper trims the wick.\n")
    report = suite.sync_folder(folder, "Papers")
    assert (len(report.files), len(report.removed), report.unchanged) == (2, 1, 1)
    assert sorted(document.name for document in suite.documents()) == ["ferry.csv", "new.txt", "tea.md"]
    for gone in ("puffin", "oxidised"):
        assert suite.search(query_of(gone, "lexical")).hits == ()


def test_sync_of_a_missing_folder_deletes_nothing(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.sync_folder(folder, "Papers")
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(NotFoundError, match="Nothing was changed"):
        suite.sync_folder(folder, "Papers")
    assert suite.count_documents() == 3


def test_a_moved_file_is_not_lost(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.sync_folder(folder, "Papers")
    (folder / "birds.txt").rename(folder / "deep" / "seabirds.txt")
    report = suite.sync_folder(folder, "Papers")
    assert report.removed == ()
    assert suite.search(query_of("puffin", "lexical")).hits


def test_deleting_leaves_nothing_anywhere(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    document = suite.document("birds.txt")
    suite.delete_documents(["birds.txt"])
    suite.close()
    again = open_suite()
    for mode in ("vector", "lexical", "hybrid"):
        assert all(hit.document != "birds.txt" for hit in again.search(query_of("puffin burrow", mode)).hits)
    again.forget_flights()  # they hold what was asked just now
    library = again.config.data_dir
    assert not list((library / "blobs").rglob(f"{document.sha256}*"))
    with sqlite3.connect(library / "catalog.db") as connection:
        dump = "\n".join(connection.iterdump())
    job_rows = [line for line in dump.splitlines() if document.sha256 in line and "job_file" not in line]
    assert job_rows == []
    assert "puffin" not in dump


def test_filters_act_inside_the_search(open_suite: OpenSuite, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(40):
        (many / f"{number:02}.txt").write_text(f"The storm of the year {number} broke the pier.")
    (many / "rare.md").write_text("# Note\n\nA storm once broke a mast.")
    suite = open_suite()
    suite.ingest([many], "Papers")
    for mode in ("vector", "lexical", "hybrid"):
        found = suite.search(query_of("storm broke the pier", mode, 1, Filters(types=("markdown",))))
        assert [hit.document for hit in found.hits] == ["rare.md"]


def test_what_cannot_be_read_fails_with_a_sentence_and_the_rest_goes_in(open_suite: OpenSuite, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 not really a document")
    (folder / "unknown.bin").write_bytes(bytes(range(256)) * 10)
    suite = open_suite()
    report = suite.ingest([folder], "Papers", recursive=True)
    assert dict(report.job.counts) == {FileState.DONE: 3, FileState.FAILED: 2}
    for name in ("broken.pdf", "unknown.bin"):
        (message,) = [each for each in report.failed if name in each]
        assert message.endswith(".")


def test_pause_resume_and_cancel(open_suite: OpenSuite, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(12):
        (many / f"{number:02}.txt").write_text(f"Entry {number} of the log of the station.")
    suite = open_suite()

    def pause_at_first(event: IngestEvent) -> None:
        if event.state is FileState.PARSING:
            suite.pause_job(event.job_id)

    report = suite.ingest([many], "Papers", on_event=pause_at_first)
    assert report.job.state == "paused"
    assert 0 < report.job.finished < 12
    suite.resume_job(report.job.id)
    suite.work(on_event=pause_at_first)
    suite.cancel_job(report.job.id)
    job, files = suite.job(report.job.id)
    assert job.state == "cancelled"
    assert {file.state for file in files} == {FileState.DONE, FileState.CANCELLED}
    suite.retry_job(report.job.id)
    suite.work()
    assert dict(suite.job(report.job.id)[0].counts) == {FileState.DONE: 12}


def test_keyword_search_goes_on_when_the_model_cannot_load(
    open_suite: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_suite().ingest([folder], "Papers", recursive=True)

    def unavailable(config: object, model: str) -> object:
        raise ModelUnavailableError("The model is not on this machine. Put its folder there.")

    monkeypatch.setitem(embedders._EMBEDDERS, "hashing", unavailable)  # type: ignore[arg-type]
    suite = open_suite()
    result = suite.search("puffin")
    assert result.hits[0].document == "birds.txt"
    assert result.degraded == ("vector",)
    assert any("Put its folder there." in warning for warning in result.warnings)
    with pytest.raises(ModelUnavailableError, match="Put its folder there"):
        suite.search(query_of("puffin", "vector"))


def test_a_changed_model_is_refused_with_a_sentence(
    open_suite: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_suite().ingest([folder], "Papers", recursive=True)
    monkeypatch.setitem(embedders._EMBEDDERS, "hashing", lambda config, model: HashingEmbedder(dimension=64))
    suite = open_suite()
    with pytest.raises(ModelMismatchError, match="Bring the former model back"):
        suite.search(query_of("puffin", "vector"))
    assert suite.search("puffin").hits[0].document == "birds.txt"


def test_the_doctor_is_content_with_a_sound_library(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    findings = suite.doctor(full=True)
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []


def test_rebuild_gives_the_same_results(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    before = [(hit.chunk_id, hit.score) for hit in suite.search("tea ferry puffin").hits]
    suite.rebuild()
    assert [(hit.chunk_id, hit.score) for hit in suite.search("tea ferry puffin").hits] == before


def test_backup_and_restore_give_the_same_library(open_suite: OpenSuite, folder: Path, tmp_path: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    before = [(hit.chunk_id, hit.score) for hit in suite.search("tea ferry puffin").hits]
    suite.backup(tmp_path / "backup")
    CortexSuite.restore(tmp_path / "backup", tmp_path / "restored")
    restored = open_suite(tmp_path / "restored")
    assert [(hit.chunk_id, hit.score) for hit in restored.search("tea ferry puffin").hits] == before
    assert restored.original("tea.md").read_bytes() == (folder / "tea.md").read_bytes()
    assert [each for each in restored.doctor(full=True) if each.severity is Severity.ERROR] == []
