"""Tags and corrected metadata outlive new versions of a file, new pipelines, moves and merges."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.documents import DocumentInfo
from cortex_engine.core.notebook import HISTORY_LENGTH
from cortex_engine.core.records import PreparedDocument, Source
from cortex_engine.core.search import Filters, Query

Prepare = Callable[..., PreparedDocument]

_FORK = multiprocessing.get_context("fork")
_SAID = {"name": "Yearly report", "title": "Bees", "author": "Me", "date": "2020-02-03", "language": "de"}


def _at(path: str, collection: str = "home") -> Source:
    return Source(collection, path, "", 1, 2)


def _what_was_said(catalog: SqliteCatalog, key: str) -> tuple[object, ...]:
    document = catalog.document(key)
    info = document.info
    return document.name, info.title, info.author, info.modified, info.language, document.tags


def test_a_new_version_of_the_file_keeps_what_people_said(catalog: SqliteCatalog, prepare: Prepare) -> None:
    old = catalog.commit(prepare("first", name="report.txt"), "home", _at("/in/report.txt")).document_id
    catalog.set_metadata(old, _SAID)
    catalog.add_tags([old], ["red"])
    said = ("Yearly report.txt", "Bees", "Me", "2020-02-03", "de", ("red",))
    for version in range(3):
        info = DocumentInfo("text", title=f"Version {version}", modified="2025-05-05", language="fr")
        outcome = catalog.commit(
            prepare(f"version {version}", name="report.txt", info=info), "home", _at("/in/report.txt")
        )
        assert outcome.replaced == (old,)
        old = outcome.document_id
        assert _what_was_said(catalog, old) == said
        own = {
            "name": "report.txt",
            "title": f"Version {version}",
            "author": "",
            "date": "2025-05-05",
            "language": "fr",
        }
        assert catalog.metadata_edits(old) == own
    assert catalog.count_documents(Filters(title="yearly bees", languages=("de",), tags=("red",))) == 1
    assert {entry.title for entry in catalog.passages()} == {"Bees"}


def test_a_correction_survives_a_version_that_happens_to_agree(catalog: SqliteCatalog, prepare: Prepare) -> None:
    for title in ("First", "Bees", "Third"):
        prepared = prepare(title, info=DocumentInfo("text", title=title))
        key = catalog.commit(prepared, "home", _at("/in/report.txt")).document_id
        if title == "First":
            catalog.set_metadata(key, {"title": "Bees"})
        assert catalog.document(key).info.title == "Bees"
    assert catalog.metadata_edits(key) == {"title": "Third"}


def test_a_correction_that_was_taken_back_is_none(catalog: SqliteCatalog, prepare: Prepare) -> None:
    for title in ("First", "Same", "Third"):
        prepared = prepare(title, info=DocumentInfo("text", title=title))
        key = catalog.commit(prepared, "home", _at("/in/report.txt")).document_id
        if title == "First":
            catalog.set_metadata(key, {"title": "Bees", "author": "Same"})
            catalog.set_metadata(key, {"title": "First"})
        if title == "Same":
            catalog.set_metadata(key, {"language": "de"})
        assert catalog.document(key).info.title == title
    assert catalog.metadata_edits(key) == {"author": "", "language": ""}


def test_a_correction_that_agrees_is_kept_while_others_are_made(catalog: SqliteCatalog, prepare: Prepare) -> None:
    for title in ("First", "Bees", "Third"):
        prepared = prepare(title, info=DocumentInfo("text", title=title))
        key = catalog.commit(prepared, "home", _at("/in/report.txt")).document_id
        catalog.set_metadata(key, {"title": "Bees"} if title == "First" else {"author": title})
    assert catalog.document(key).info.title == "Bees"


def test_what_was_said_of_the_new_one_itself_goes_before(catalog: SqliteCatalog, prepare: Prepare) -> None:
    old = catalog.commit(prepare("old"), "home", _at("/in/report.txt")).document_id
    new = catalog.commit(prepare("new"), "home", _at("/in/other.txt")).document_id
    catalog.set_metadata(old, {"title": "Old", "author": "Me"})
    catalog.set_metadata(new, {"title": "New"})
    catalog.add_tags([old], ["red"])
    catalog.add_tags([new], ["blue"])
    before = catalog.last_seq()
    catalog.adopt(new, "home", _at("/in/report.txt"))
    document = catalog.document(new)
    assert (document.info.title, document.info.author, document.tags) == ("New", "Me", ("blue", "red"))
    assert [entry.operation for entry in catalog.outbox(before)] == ["delete"]


def test_an_index_hears_of_a_correction_that_came_with_a_file(catalog: SqliteCatalog, prepare: Prepare) -> None:
    old = catalog.commit(prepare("old"), "home", _at("/in/report.txt")).document_id
    new = catalog.commit(prepare("new"), "home", _at("/in/other.txt")).document_id
    catalog.set_metadata(old, {"title": "Old"})
    before = catalog.last_seq()
    catalog.adopt(new, "home", _at("/in/report.txt"))
    assert [(entry.operation, entry.document_id) for entry in catalog.outbox(before)] == [
        ("upsert", new),
        ("delete", old),
    ]


def test_another_pipeline_keeps_what_people_said(catalog: SqliteCatalog, prepare: Prepare) -> None:
    key = catalog.commit(prepare("text", name="report.txt"), "home").document_id
    catalog.set_metadata(key, _SAID)
    catalog.add_tags([key], ["red"])
    info = DocumentInfo("text", title="Read anew", author="Someone", modified="2025-05-05", language="fr")
    catalog.commit(prepare("text", name="another.txt", pipeline="p2", info=info), "home")
    assert _what_was_said(catalog, key) == ("Yearly report.txt", "Bees", "Me", "2020-02-03", "de", ("red",))
    own = {"name": "report.txt", "title": "Read anew", "author": "Someone", "date": "2025-05-05", "language": "fr"}
    assert catalog.metadata_edits(key) == own
    assert catalog.document(catalog.set_metadata(key, own).id).info.author == "Someone"


def test_what_was_said_goes_with_the_document(catalog: SqliteCatalog, prepare: Prepare, tmp_path: Path) -> None:
    key = catalog.commit(prepare("text"), "home").document_id
    catalog.set_metadata(key, _SAID)
    catalog.add_tags([key], ["red"])
    catalog.delete_documents([key])
    connection = sqlite3.connect(tmp_path / "catalog.db")
    for table in ("document_edit", "tag"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    ("own", "asked", "given"),
    [
        ("report.pdf", "Bees", "Bees.pdf"),
        ("report.pdf", "Bees.PDF", "Bees.PDF"),
        ("report.pdf", "Bees.txt", "Bees.txt.pdf"),
        ("README", "Bees", "Bees"),
        ("Letter of Mr. Smith", "Bees", "Bees"),
        ("mail.eml/photo.png", "Photo", "Photo.png"),
    ],
)
def test_a_name_keeps_the_ending_of_the_file(
    catalog: SqliteCatalog, prepare: Prepare, own: str, asked: str, given: str
) -> None:
    key = catalog.commit(prepare("text", name=own), "home").document_id
    assert catalog.set_metadata(key, {"name": asked}).name == given
    assert catalog.set_metadata(key, {"name": own}).name == own
    assert catalog.metadata_edits(key) == {}


def _search(path: Path, word: str) -> None:
    catalog = SqliteCatalog(path)
    for number in range(110):
        catalog.remember_search(Query(f"{word} {number}"), number)
        catalog.remember_search(Query("asked by both"), number)
    catalog.close()


def test_two_processes_write_the_history_at_once(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    SqliteCatalog(path).close()
    processes = [_FORK.Process(target=_search, args=(path, word)) for word in ("honey", "wax")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    catalog = SqliteCatalog(path)
    entries = catalog.history(1000)
    assert len(entries) == len({entry.query for entry in entries}) == HISTORY_LENGTH
    assert entries[0].query.text == "asked by both"
    assert {"honey 109", "wax 109"} <= {entry.query.text for entry in entries}
    for word in ("honey", "wax"):
        numbers = [int(entry.query.text.split()[1]) for entry in entries if entry.query.text.startswith(word)]
        assert numbers == sorted(numbers, reverse=True)
    catalog.close()


def _waiting(path: Path) -> int:
    connection = sqlite3.connect(path)
    count = connection.execute("SELECT count(*) FROM meta").fetchone()[0]
    connection.close()
    return int(count)


def test_a_new_version_of_an_archive_keeps_what_people_said_of_its_contents(
    catalog: SqliteCatalog, prepare: Prepare, tmp_path: Path
) -> None:
    def take(version: int, contents: list[str]) -> dict[str, str]:
        """The archive, a mail in it, and files in the mail, as the document line commits them."""
        archive = catalog.commit(prepare(f"archive {version}", name="a.zip"), "home", _at("/in/a.zip")).document_id
        mail = catalog.commit(prepare("mail", name="a.zip/m.eml", parent=archive), "home").document_id
        return {
            name: catalog.commit(
                prepare(content, name=f"a.zip/m.eml/{name}", parent=mail, info=DocumentInfo("text", title=content)),
                "home",
            ).document_id
            for name, content in (one.split("=") for one in contents)
        } | {"mail": mail, "archive": archive}

    ids = take(1, ["same=same", "changed=old", "pause=pause"])
    for name in ("same", "changed", "pause", "mail"):
        catalog.add_tags([ids[name]], [f"my {name}"])
        catalog.set_metadata(ids[name], {"name": f"My {name}", "author": "Me"})
    catalog.add_tags([ids["archive"]], ["red"])
    ids = take(2, ["same=same", "changed=new", "fresh=fresh"])
    for name, ending in (("same", ""), ("changed", ""), ("mail", ".eml")):
        document = catalog.document(ids[name])
        assert (document.name, document.info.author, document.tags) == (f"My {name}{ending}", "Me", (f"my {name}",))
    assert catalog.document(ids["archive"]).tags == ("red",)
    assert catalog.document(ids["fresh"]).tags == ()
    assert catalog.metadata_edits(ids["changed"])["name"] == "a.zip/m.eml/changed"
    assert catalog.count_documents() == 5
    assert _waiting(tmp_path / "catalog.db") == 1
    take(3, ["same=same"])
    ids = take(4, ["pause=pause"])
    assert catalog.document(ids["pause"]).tags == ("my pause",)
    assert catalog.document(ids["pause"]).name == "My pause"
    assert _waiting(tmp_path / "catalog.db") == 2  # of "same" and "changed", which are in the archive no more
    assert set(catalog.delete_documents([ids["archive"]])) == {ids["archive"], ids["mail"], ids["pause"]}
    assert _waiting(tmp_path / "catalog.db") == 0


def test_contents_that_are_there_already_take_over_when_the_old_version_leaves_its_last_collection(
    catalog: SqliteCatalog, prepare: Prepare, spec, tmp_path: Path
) -> None:
    catalog.create_collection("second", spec)
    old = catalog.commit(prepare("archive 1", name="a.zip"), "home", _at("/in/a.zip")).document_id
    inside = catalog.commit(prepare("old", name="a.zip/f", parent=old), "home").document_id
    catalog.adopt(old, "second", _at("/in/a.zip", "second"))
    catalog.add_tags([inside], ["red"])
    new = catalog.commit(prepare("archive 2", name="a.zip"), "home", _at("/in/a.zip")).document_id
    fresh = catalog.commit(prepare("new", name="a.zip/f", parent=new), "home").document_id
    assert catalog.document(fresh).tags == ()
    assert set(catalog.adopt(new, "second", _at("/in/a.zip", "second")).replaced) == {old, inside}
    assert catalog.document(fresh).tags == ("red",)
    assert _waiting(tmp_path / "catalog.db") == 0
