"""What real folders and real terminals hold: odd names, closed folders, copies, the library inside its own folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.reports import FileState, IngestEvent
from cortex_engine.ingestion import submission
from cortex_engine.ingestion.folder_sync import compare
from cortex_engine.ingestion.submission import collect, in_words, normalised
from cortex_engine.suite import CortexSuite, query_of

OpenSuite = Callable[..., CortexSuite]


def test_copies_in_one_folder_all_end(open_suite: OpenSuite, tmp_path: Path) -> None:
    """The last copy once stayed queued: it waited for its twin, and nobody looked again."""
    place = tmp_path / "copies"
    place.mkdir()
    for name in ("a", "b", "c", "d"):
        (place / f"{name}.txt").write_text("The heron stands in the shallow water.\n")
    report = open_suite().ingest([place], "Birds")
    assert dict(report.job.counts) == {FileState.DONE: 1, FileState.ALREADY_HERE: 3}


def test_names_that_are_no_utf8_go_in_stay_apart_and_are_followed(open_suite: OpenSuite, tmp_path: Path) -> None:
    place = tmp_path / "odd"
    place.mkdir()
    paths = [os.fsencode(place) + b"/" + name for name in (b"latin\xfc.txt", b"latin\xe4.txt")]
    for path, text in zip(paths, ("Submarines dive.\n", "Volcanoes erupt.\n"), strict=True):
        try:
            Path(os.fsdecode(path)).write_text(text)
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
    suite = open_suite()
    report = suite.sync_folder(place, "Odd")
    assert report.failed == []
    assert sorted(row.name for row in suite.documents()) == ["latin\\xe4.txt", "latin\\xfc.txt"]
    assert suite.sync_folder(place, "Odd").unchanged == 2
    assert suite.document(os.fsdecode(paths[0])).name == "latin\\xfc.txt"
    Path(os.fsdecode(paths[0])).unlink()
    assert len(suite.sync_folder(place, "Odd").removed) == 1
    assert [row.name for row in suite.documents()] == ["latin\\xe4.txt"]


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let a folder refuse to be listed, for root as well."""
    scandir, refused = os.scandir, set[str]()

    def listing(path: str | Path = ".") -> object:
        if os.fspath(path) in refused:
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(submission.os, "scandir", listing)
    return lambda path: refused.add(os.fspath(path))


def test_a_closed_folder_is_reported_and_the_rest_goes_in(
    open_suite: OpenSuite, folder: Path, closed: Callable[[Path], None]
) -> None:
    closed(folder / "deep")
    report = open_suite().ingest([folder], "Papers", recursive=True)
    assert dict(report.job.counts) == {FileState.DONE: 2}
    assert report.failed == ["'deep' cannot be read: Permission denied."]


def test_sync_deletes_nothing_because_a_folder_is_closed(
    open_suite: OpenSuite, folder: Path, closed: Callable[[Path], None]
) -> None:
    suite = open_suite()
    suite.sync_folder(folder, "Papers")
    closed(folder / "deep")
    report = suite.sync_folder(folder, "Papers")
    assert (report.removed, len(report.unreadable)) == ((), 1)
    assert suite.count_documents() == 3


def test_sync_that_is_stopped_deletes_nothing(open_suite: OpenSuite, folder: Path) -> None:
    suite, stop = open_suite(), threading.Event()
    suite.sync_folder(folder, "Papers")
    (folder / "birds.txt").unlink()
    (folder / "new.txt").write_text("A gannet dives.\n")
    stop.set()
    report = suite.sync_folder(folder, "Papers", stop=stop)
    assert report.removed == ()
    assert report.failed == ["1 files were not copied before the stop; give them again."]
    assert suite.count_documents() == 3
    assert len(suite.sync_folder(folder, "Papers").removed) == 1


def test_sync_of_a_missing_folder_makes_no_collection(open_suite: OpenSuite, tmp_path: Path) -> None:
    suite = open_suite()
    with pytest.raises(NotFoundError, match="Nothing was changed"):
        suite.sync_folder(tmp_path / "nowhere", "Papers")
    assert suite.collections() == []


def test_a_library_inside_the_folder_does_not_take_itself_in(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite(folder / "library")
    assert len(suite.ingest([folder], "Papers", recursive=True).files) == 3
    assert suite.sync_folder(folder, "Papers").unchanged == 3
    for path in (folder / "library", folder / "library" / "catalog.db"):
        with pytest.raises(UsageError, match="cannot go into itself"):
            suite.ingest([path], "Papers", recursive=True)


def test_paths_that_cannot_be_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("broken", "link that leads nowhere"), ("y" * 300, "too long"), ("loop", "cannot be reached")):
        with pytest.raises(NotFoundError, match=words):
            collect([tmp_path / name], recursive=False)
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        collect([tmp_path / "pipe"], recursive=False)
    listing = collect([tmp_path], recursive=True)
    assert listing.files == ()
    assert [each.path.name for each in listing.unreadable] == ["loop"]


def test_dots_after_a_link_lead_where_the_system_goes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    assert normalised(tmp_path / "link" / ".." / "x.txt") == (tmp_path / "a").resolve() / "x.txt"
    assert normalised(tmp_path / "link" / "x.txt") == tmp_path / "link" / "x.txt"


def test_a_file_that_goes_while_a_folder_is_compared_is_no_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = collect([folder], recursive=True)
    (folder / "birds.txt").unlink()
    monkeypatch.setattr("cortex_engine.ingestion.folder_sync.collect", lambda *_, **__: listing)
    assert sorted(path.name for path in compare(folder, []).take) == ["ferry.csv", "tea.md"]


def test_documents_are_named_by_relative_path_and_near_names_are_told(
    open_suite: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    monkeypatch.chdir(folder)
    assert suite.document("deep/../birds.txt").name == "birds.txt"
    with pytest.raises(NotFoundError, match=r"Did you mean 'birds\.txt'"):
        suite.document("bird")


def test_a_document_that_is_not_in_a_collection_is_not_taken_out(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    suite.create_collection("Other")
    with pytest.raises(NotFoundError, match="is not in 'Other'"):
        suite.remove_from_collection("Other", ["tea.md"])
    assert suite.count_documents() == 2


def test_attachments_go_with_their_mail_unless_they_came_by_themselves(open_suite: OpenSuite, tmp_path: Path) -> None:
    from email.message import EmailMessage

    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Notes", "a@example.org", "b@example.org"
    mail.set_content("Please find the notes attached.")
    for name in ("walnut", "chestnut"):
        mail.add_attachment(f"{name} harvest\n".encode(), maintype="text", subtype="plain", filename=f"{name}.txt")
    (tmp_path / "mail.eml").write_bytes(bytes(mail))
    (tmp_path / "chestnut.txt").write_bytes(b"chestnut harvest\n")
    suite = open_suite()
    suite.ingest([tmp_path / "mail.eml", tmp_path / "chestnut.txt"], "Mail")
    suite.delete_documents(["mail.eml"])
    assert suite.count_documents() == 1
    assert suite.search(query_of("walnut", "lexical")).hits == ()
    assert len(suite.search(query_of("chestnut", "lexical")).hits) == 1


def test_a_stop_in_the_middle_leaves_the_rest_queued(open_suite: OpenSuite, tmp_path: Path) -> None:
    place, stop = tmp_path / "many", threading.Event()
    place.mkdir()
    for number in range(12):
        (place / f"{number:02}.txt").write_text(f"Entry {number} of the log.\n")
    suite = open_suite()

    def stop_at_first(event: IngestEvent) -> None:
        if event.state is FileState.PARSING:
            stop.set()

    report = suite.ingest([place], "Log", on_event=stop_at_first, stop=stop)
    assert 0 < report.job.finished < report.job.total == 12
    suite.work()
    assert dict(suite.job(report.job.id)[0].counts) == {FileState.DONE: 12}


def test_a_backup_inside_the_library_is_refused(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    with pytest.raises(UsageError, match="would be lost with it"):
        suite.backup(suite.config.data_dir / "backup")


def test_names_in_words_can_be_written_anywhere() -> None:
    assert in_words(os.fsdecode(b"a\xffb")) == "a\\xffb"
    assert in_words("Übergröße") == "Übergröße"
