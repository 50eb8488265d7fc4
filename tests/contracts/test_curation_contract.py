"""The contract of the ports `Curation` and `DocumentCuration`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.app import Facets, LibraryCounts, Removal
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.curation import EDITABLE
from cortex_engine.core.documents import Chunk, Document, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import ModelMismatchError, NotFoundError, UsageError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.records import NewFile, PreparedDocument, Source
from cortex_engine.core.search import Filters

_SPEC = EmbeddingSpec("hashing", "small", "1", 2, "none", True, 64)
_OTHER = EmbeddingSpec("hashing", "wide", "1", 3, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], Catalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}
_HOSTILE = "'; DROP TABLE document; -- <img src=x onerror=alert(1)> 🐝"


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("home", _SPEC)
    yield made
    made.close()


def _commit(
    catalog: Catalog, text: str, collection: str = "home", path: str = "", time: int = 1, parent: str = "", **info: str
) -> str:
    sha256 = content_hash(text.encode())
    key = document_id(sha256)
    chunk = Chunk(chunk_id(key, 0, len(text), text), key, 0, text, 0, len(text), 1, 1)
    said = DocumentInfo(**{"media_type": "text", "title": "", "language": "en", **info})
    parsed = ParsedDocument(said, (Page(1, text, PageState.TEXT),), ())
    vectors = {_SPEC.id: np.array([[0.6, 0.8]], np.float32)}
    prepared = PreparedDocument(sha256, f"{text}.txt", len(text), parsed, [chunk], vectors, "pipeline", parent)
    return catalog.commit(prepared, collection, Source(collection, path, "", time, 1) if path else None).document_id


def _names(documents: list[Document]) -> list[str]:
    return [document.name for document in documents]


def test_a_collection_is_described(catalog: Catalog) -> None:
    assert catalog.describe_collection("home", f" {_HOSTILE}\nsecond line ").description == f"{_HOSTILE}\nsecond line"
    with pytest.raises(NotFoundError):
        catalog.describe_collection("away", "x")
    for wrong in ("x" * 5001, "\ud800"):
        with pytest.raises(UsageError):
            catalog.describe_collection("home", wrong)


def test_collections_merge_and_nothing_is_lost(catalog: Catalog) -> None:
    for name in ("letters", "notes"):
        catalog.create_collection(name, _SPEC)
    both = _commit(catalog, "both", path="/in/both")
    _commit(catalog, "both", "letters")
    mail = _commit(catalog, "mail", "letters", path="/in/mail")
    photo = _commit(catalog, "photo", "letters", parent=mail)
    note = _commit(catalog, "note", "notes")
    job = catalog.enqueue("ingest", "letters", [NewFile("/q", "q", "0" * 64, 1)])
    merged = catalog.merge_collections(["letters", "notes"], "home")
    assert (merged.name, merged.document_count) == ("home", 4)
    assert [one.name for one in catalog.collections()] == ["home"]
    assert catalog.job(job.id).collection == "home"
    assert [(one.path, one.document_id) for one in catalog.sources("home")] == [("/in/both", both), ("/in/mail", mail)]
    # The reasons to belong moved too: what only a folder held goes with it, what was pinned stays.
    assert catalog.remove_source("home", "/in/both") == []
    assert set(catalog.remove_source("home", "/in/mail")) == {mail, photo}
    assert {one.id for one in catalog.documents()} == {both, note}


@pytest.mark.parametrize(("ours", "theirs", "winner"), [(1, 2, "new"), (2, 1, "old"), (1, 1, "old")])
def test_the_newest_file_of_a_path_stays_its_source(catalog: Catalog, ours: int, theirs: int, winner: str) -> None:
    catalog.create_collection("letters", _SPEC)
    ids = {"old": _commit(catalog, "old", path="/in/a", time=ours)}
    ids["new"] = _commit(catalog, "new", "letters", path="/in/a", time=theirs)
    catalog.merge_collections(["letters"], "home")
    (source,) = catalog.sources("home")
    assert (source.document_id, source.mtime_ns) == (ids[winner], max(ours, theirs))
    assert catalog.count_documents() == 2
    assert catalog.remove_source("home", "/in/a") == [ids[winner]]
    assert not [finding for finding in catalog.check(full=True) if finding.severity == "error"]


def test_what_cannot_be_merged(catalog: Catalog) -> None:
    catalog.create_collection("wide", _OTHER)
    catalog.create_collection("letters", _SPEC)
    _commit(catalog, "a", "letters")
    before = catalog.collections()
    with pytest.raises(ModelMismatchError, match=r"'wide' was embedded with 'wide'.*'home' with 'small'.*Move the doc"):
        catalog.merge_collections(["letters", "wide"], "home")
    with pytest.raises(NotFoundError, match="'nowhere'"):
        catalog.merge_collections(["letters", "nowhere"], "home")
    with pytest.raises(NotFoundError, match="'nowhere'"):
        catalog.merge_collections(["letters"], "nowhere")
    for sources in ([], ["home"], ["letters", "home"]):
        with pytest.raises(UsageError):
            catalog.merge_collections(sources, "home")
    assert catalog.collections() == before


def test_documents_move_with_what_they_contain(catalog: Catalog) -> None:
    catalog.create_collection("wide", _OTHER)
    mail = _commit(catalog, "mail", path="/in/mail")
    photo = _commit(catalog, "photo", parent=mail)
    shared = _commit(catalog, "shared", parent=mail)
    _commit(catalog, "shared", path="/in/shared")
    catalog.move_documents([mail], "home", "wide")
    belongs = {document.id: document.collections for document in catalog.documents()}
    assert belongs == {mail: ("wide",), photo: ("wide",), shared: ("home", "wide")}
    assert catalog.document(mail).source_paths == ("/in/mail",)
    assert {document for document, spec in catalog.unembedded() if spec == _OTHER} == {mail, photo, shared}
    assert [entry.operation for entry in catalog.outbox(0)] == ["upsert"] * 3
    for documents, error in (([shared, mail], NotFoundError), (["0" * 32], NotFoundError)):
        with pytest.raises(error):
            catalog.move_documents(documents, "home", "wide")
    with pytest.raises(UsageError):
        catalog.move_documents([mail], "wide", "wide")
    assert {document.id: document.collections for document in catalog.documents()} == belongs
    # What is moved out of its container stays where a person put it.
    catalog.move_documents([photo], "wide", "home")
    assert catalog.document(photo).collections == ("home",)
    assert catalog.delete_documents([mail]) == [mail]
    assert not [finding for finding in catalog.check(full=True) if finding.severity == "error"]


def test_what_would_go_is_what_goes(catalog: Catalog) -> None:
    catalog.create_collection("letters", _SPEC)
    archive = _commit(catalog, "archive", "letters")
    mail = _commit(catalog, "mail", "letters", parent=archive)
    photo = _commit(catalog, "photo", "letters", parent=mail)
    kept = _commit(catalog, "kept", "letters", parent=mail)
    catalog.add_to_collection("home", [kept])
    foreseen = catalog.documents_removal([archive, "unknown"])
    assert foreseen == Removal(("archive.txt", "mail.txt", "photo.txt"), 3, 1, 3, len("archivemailphoto"))
    assert catalog.collection_removal("letters") == foreseen
    assert catalog.collection_removal("home") == Removal((), 0, 1, 0, 0)
    with pytest.raises(NotFoundError):
        catalog.collection_removal("nowhere")
    assert catalog.count_documents() == 4
    assert set(catalog.delete_documents([archive])) == {archive, mail, photo}
    assert catalog.documents_removal([]) == Removal((), 0, 0, 0, 0)


def test_counts(catalog: Catalog) -> None:
    assert catalog.library_counts() == LibraryCounts(0, 0, 0, 0, 1)
    catalog.create_collection("letters", _SPEC)
    _commit(catalog, "abc")
    _commit(catalog, "abcd", "letters")
    _commit(catalog, "abc", "letters")
    assert catalog.library_counts() == LibraryCounts(2, 2, 2, 7, 2)
    assert catalog.library_counts("home") == LibraryCounts(1, 1, 1, 3)
    with pytest.raises(NotFoundError):
        catalog.library_counts("nowhere")


def test_facets_leave_their_own_condition_out(catalog: Catalog) -> None:
    catalog.create_collection("letters", _SPEC)
    for number, (kind, language, tags, place) in enumerate(
        [
            ("pdf", "en", ["red"], "home"),
            ("pdf", "de", ["red", "blue"], "home"),
            ("email", "de", [], "letters"),
            ("text", "", ["blue"], "letters"),
        ]
    ):
        key = _commit(catalog, f"document {number}", place, media_type=kind, language=language)
        catalog.set_tags(key, tags)
    everything = catalog.facets()
    assert everything == Facets(
        4, {"pdf": 2, "email": 1, "text": 1}, {"de": 2, "en": 1}, {"blue": 2, "red": 2}, {"home": 2, "letters": 2}
    )
    assert list(everything.types) == ["pdf", "email", "text"]
    assert catalog.facets(Filters(types=("pdf",))) == Facets(
        2, everything.types, {"de": 1, "en": 1}, {"red": 2, "blue": 1}, {"home": 2}
    )
    assert catalog.facets(Filters(tags=("blue",), collections=("home",))) == Facets(
        1, {"pdf": 1}, {"de": 1}, {"red": 2, "blue": 1}, {"home": 1, "letters": 1}
    )
    for kind, field in (
        ("types", "types"),
        ("languages", "languages"),
        ("tags", "tags"),
        ("collections", "collections"),
    ):
        for value, count in getattr(catalog.facets(Filters(title="document")), kind).items():
            assert catalog.count_documents(Filters(**{field: (value,)})) == count
    with pytest.raises(NotFoundError):
        catalog.facets(Filters(collections=("nowhere",)))


def test_orders_and_pages_of_documents(catalog: Catalog) -> None:
    for text, kind in (("cc", "pdf"), ("a", "text"), ("bbb", "pdf"), ("dddd", "email")):
        _commit(catalog, text, media_type=kind)
    orders = {
        "name": ["a.txt", "bbb.txt", "cc.txt", "dddd.txt"],
        "added": ["dddd.txt", "bbb.txt", "a.txt", "cc.txt"],
        "size": ["dddd.txt", "bbb.txt", "cc.txt", "a.txt"],
        "pages": ["a.txt", "bbb.txt", "cc.txt", "dddd.txt"],
        "type": ["dddd.txt", "bbb.txt", "cc.txt", "a.txt"],
    }
    for order, names in orders.items():
        assert _names(catalog.documents(order=order)) == names, order
        pages = [_names(catalog.documents(Filters(), 3, offset, order)) for offset in (0, 3, 6)]
        assert pages == [names[:3], names[3:], []], order
    assert _names(catalog.documents(Filters(types=("pdf",)), order="size")) == ["bbb.txt", "cc.txt"]
    with pytest.raises(UsageError, match="colour.*name, added, size, pages, type"):
        catalog.documents(order="colour; DROP TABLE document")


def test_corrected_metadata_and_the_files_own(catalog: Catalog) -> None:
    key = _commit(catalog, "honey", title="Draft", created="2001-01-01", modified="2002-02-02T10:00:00")
    edits = {"name": "Bees 🐝", "title": _HOSTILE, "author": "Ä. Müller", "date": "2020-03-01", "language": "DE"}
    document = catalog.set_metadata(key, edits)
    assert document == catalog.document(key)
    assert (document.name, document.info.title, document.info.author) == ("Bees 🐝.txt", _HOSTILE, "Ä. Müller")
    assert (document.info.modified, document.info.created, document.info.language) == ("2020-03-01", "2001-01-01", "de")
    own = {"name": "honey.txt", "title": "Draft", "author": "", "date": "2002-02-02", "language": "en"}
    assert catalog.metadata_edits(key) == own
    assert tuple(own) == EDITABLE
    assert catalog.outbox(1)[-1].operation == "upsert"
    (entry,) = catalog.passages([key])
    assert (entry.title, entry.language) == (_HOSTILE, "de")
    for filters in (Filters(title="bees drop"), Filters(languages=("de",)), Filters(date_from="2020-03-01")):
        assert catalog.count_documents(filters) == 1, filters
    for filters in (Filters(title="draft"), Filters(languages=("en",)), Filters(date_to="2019-12-31")):
        assert catalog.count_documents(filters) == 0, filters
    back = catalog.set_metadata(key, own)
    assert catalog.metadata_edits(key) == {}
    assert (back.name, back.info.title, back.info.modified) == ("honey.txt", "Draft", "2002-02-02T10:00:00")
    nothing = catalog.set_metadata(key, {"date": "", "title": "", "language": ""})
    assert (nothing.info.modified, nothing.info.created, nothing.info.language) == ("", "", "")
    assert catalog.count_documents(Filters(date_to="2030-01-01")) == 0


def test_only_what_is_indexed_goes_into_the_outbox(catalog: Catalog) -> None:
    key = _commit(catalog, "honey", title="Draft")
    for edits, changes in (
        ({"author": "Me", "date": "2020-01-01"}, 0),
        ({"name": "other"}, 0),  # the index holds the title
        ({"title": "Draft"}, 0),
        ({"title": ""}, 1),
        ({"name": "third"}, 1),
        ({"language": "de"}, 1),
        ({}, 0),
    ):
        before = catalog.last_seq()
        catalog.set_metadata(key, edits)
        assert catalog.last_seq() - before == changes, edits


@pytest.mark.parametrize(
    "edits",
    [
        {"name": ""},
        {"name": " \u00a0"},
        {"name": "ä" * 121},
        {"title": "a\nb"},
        {"title": "\x00"},
        {"author": "\ud800"},
        {"author": "x" * 1001},
        {"date": "yesterday"},
        {"date": "2020-13-01"},
        {"language": "english"},
        {"pages": "7"},
        {"title": "fine", "date": "never"},
    ],
)
def test_metadata_that_makes_no_sense_changes_nothing(catalog: Catalog, edits: dict[str, str]) -> None:
    key = _commit(catalog, "honey", title="Draft")
    before = catalog.document(key)
    with pytest.raises(UsageError):
        catalog.set_metadata(key, edits)
    assert catalog.document(key) == before
    assert catalog.metadata_edits(key) == {}
    with pytest.raises(NotFoundError):
        catalog.set_metadata("0" * 32, {"title": "x"})
    with pytest.raises(NotFoundError):
        catalog.metadata_edits("0" * 32)


def test_tags_of_many_documents(catalog: Catalog) -> None:
    first, second = _commit(catalog, "a"), _commit(catalog, "b")
    catalog.add_tags([first, second], ["red ", _HOSTILE, "", "red"])
    catalog.add_tags([second], ["blue"])
    catalog.remove_tags([first, second], ["red", "never there"])
    assert catalog.document(first).tags == (_HOSTILE,)
    assert catalog.document(second).tags == tuple(sorted((_HOSTILE, "blue")))
    for wrong in ("x" * 201, "a\nb", "\ud800"):
        for change in (catalog.add_tags, catalog.remove_tags, lambda ids, tags: catalog.set_tags(ids[0], tags)):
            with pytest.raises(UsageError):
                change([first], [wrong])
    with pytest.raises(NotFoundError):
        catalog.add_tags([first, "0" * 32], ["green"])
    assert catalog.count_documents(Filters(tags=("green",))) == 0


def test_values_that_no_document_has(catalog: Catalog) -> None:
    key = _commit(catalog, "honey")
    catalog.set_tags(key, ["sweet"])
    known = Filters(("home",), (key, "honey.txt"), ("TEXT",), ("EN",), ("sweet",))
    assert catalog.unknown(known) == {}
    wrong = Filters((), ("honey", key), ("pdf", "text"), ("fr",), ("Sweet", _HOSTILE))
    assert catalog.unknown(wrong) == {
        "document": ["honey"],
        "type": ["pdf"],
        "language": ["fr"],
        "tag": ["Sweet", _HOSTILE],
    }
