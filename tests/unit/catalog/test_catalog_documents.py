"""Why documents stay, how they go, and what the ledger says of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import DocumentInfo, Page, PageState, TextBoxes
from cortex_engine.core.errors import ModelMismatchError, NotFoundError, UsageError
from cortex_engine.core.identifiers import text_hash
from cortex_engine.core.records import NewFile, PreparedDocument, Source
from cortex_engine.core.reports import FileState, JobState
from cortex_engine.core.search import Filters

Prepare = Callable[..., PreparedDocument]


def _at(path: str) -> Source:
    return Source("home", path, "", 1, 2)


def _mentions(path: Path, words: list[str]) -> dict[str, int]:
    """Rows of every table that hold one of the words in any column."""
    connection = sqlite3.connect(path)
    found = {}
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        rows = [str(row) for row in connection.execute(f"SELECT * FROM {table}")]
        count = sum(any(word in row for word in words) for row in rows)
        if count:
            found[table] = count
    connection.close()
    return found


def test_delete_leaves_nothing_but_one_outbox_entry(catalog: SqliteCatalog, prepare: Prepare, tmp_path: Path) -> None:
    prepared = prepare("secret honey")
    job = catalog.enqueue("ingest", "home", [NewFile("/in/secret honey.txt", "secret honey.txt", prepared.sha256, 12)])
    file = catalog.claim("me")[0]
    outcome = catalog.commit(prepared, "home", _at("/in/secret honey.txt"), file.id)
    catalog.set_tags(outcome.document_id, ["sweet"])
    words = [outcome.document_id, "secret honey", prepared.chunks[0].id]
    assert set(_mentions(tmp_path / "catalog.db", words)) >= {
        "document",
        "page",
        "chunk",
        "source",
        "job_file",
        "outbox",
    }
    assert catalog.delete_documents([outcome.document_id]) == [outcome.document_id]
    assert _mentions(tmp_path / "catalog.db", words) == {"outbox": 1}
    assert [entry.operation for entry in catalog.outbox(0)] == ["delete"]
    counts = {
        table: catalog_count(tmp_path / "catalog.db", table)
        for table in ("document", "page", "chunk", "vector", "document_model", "membership", "source", "parent", "tag")
    }
    assert set(counts.values()) == {0}, counts
    assert catalog.blob_hashes() == set()
    assert catalog.job(job.id).counts == {FileState.DONE: 1}


def catalog_count(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return int(count)


def test_a_changed_file_replaces_its_old_version_with_what_it_contained(
    catalog: SqliteCatalog, prepare: Prepare
) -> None:
    mail = catalog.commit(prepare("mail"), "home", _at("/in/mail.eml")).document_id
    photo = catalog.commit(prepare("photo", parent=mail), "home").document_id
    shared = catalog.commit(prepare("shared", parent=mail), "home").document_id
    catalog.adopt(shared, "home", _at("/in/shared.pdf"))
    outcome = catalog.commit(prepare("mail, changed"), "home", _at("/in/mail.eml"))
    assert outcome.created
    assert set(outcome.replaced) == {mail, photo}
    assert catalog.document(shared).parent_id == ""
    assert [one.document_id for one in catalog.sources("home", "/in")] == [outcome.document_id, shared]


def test_pinned_documents_outlive_their_folder(catalog: SqliteCatalog, prepare: Prepare) -> None:
    both = catalog.commit(prepare("both"), "home", _at("/in/both.txt")).document_id
    catalog.adopt(both, "home")
    assert catalog.remove_source("home", "/in/both.txt") == []
    assert catalog.remove_from_collection("home", [both]) == [both]


def test_the_same_bytes_twice_are_adopted_and_vectors_follow_the_second_model(
    catalog: SqliteCatalog, prepare: Prepare, spec: EmbeddingSpec
) -> None:
    other = EmbeddingSpec("hashing", "wide", "1", 8, "none", True, 256)
    catalog.create_collection("other", other)
    first = catalog.commit(prepare("same"), "home", _at("/in/a.txt"))
    again = catalog.commit(prepare("same"), "home", _at("/in/b.txt"))
    assert (first.created, again.created) == (True, False)
    assert catalog.document(first.document_id).source_paths == ("/in/a.txt", "/in/b.txt")
    catalog.add_to_collection("other", [first.document_id])
    assert catalog.unembedded() == [(first.document_id, other)]
    ids = [chunk.id for chunk in catalog.chunks([first.document_id])]
    catalog.add_vectors(other.id, ids, np.ones((3, 8), np.float32))
    assert catalog.unembedded() == []
    assert catalog.specs(None) == {spec.id: spec, other.id: other}
    assert catalog.counts().vectors == {spec.id: 3, other.id: 3}
    assert catalog.remove_source("home", "/in/a.txt") == []


def test_another_pipeline_replaces_passages_and_vectors(catalog: SqliteCatalog, prepare: Prepare) -> None:
    first = catalog.commit(prepare("text", sentences=5), "home")
    old = catalog.chunk_ids()
    second = catalog.commit(prepare("text", sentences=2, pipeline="p2"), "home")
    assert second.document_id == first.document_id
    assert second.created
    assert not old & catalog.chunk_ids()
    assert catalog.document(first.document_id).chunk_count == 2
    assert [entry.operation for entry in catalog.outbox(0)] == ["upsert", "delete", "upsert"]
    assert all(finding.severity != "error" for finding in catalog.check(full=True))


def test_wrong_vectors_are_refused_and_nothing_is_written(catalog: SqliteCatalog, prepare: Prepare) -> None:
    prepared = prepare("text")
    (model_id,) = prepared.vectors
    for shape in ((3, 5), (2, 4)):
        vectors = {model_id: np.ones(shape, np.float32)}
        wrong = PreparedDocument(prepared.sha256, "n", 1, prepared.parsed, prepared.chunks, vectors, prepared.pipeline)
        with pytest.raises(ModelMismatchError):
            catalog.commit(wrong, "home")
    with pytest.raises(NotFoundError):
        catalog.commit(prepare("child", parent="0" * 32), "home")
    assert catalog.counts().documents == 0
    assert catalog.last_seq() == 0


def test_ledger_counts_characters_once_however_passages_overlap(catalog: SqliteCatalog, prepare: Prepare) -> None:
    pages = (
        Page(1, "Honey is sweet.", PageState.TEXT),
        Page(2, "", PageState.BLANK, reason="nothing on it"),
        Page(3, "", PageState.FAILED, reason="its picture is damaged"),
        Page(4, "Bees fly.", PageState.OCR, confidence=0.5),
    )
    prepared = prepare("x", sentences=2, pages=pages)
    text = prepared.parsed.text
    first, second = prepared.chunks
    spans = ((first, 0, 10), (second, 6, 15))
    chunks = [
        type(one)(one.id, one.document_id, one.ordinal, text[start:end], start, end, 1, 1) for one, start, end in spans
    ]
    key = catalog.commit(
        PreparedDocument(prepared.sha256, "x", 1, prepared.parsed, chunks, prepared.vectors, "p"), "home"
    ).document_id
    (entry,) = catalog.ledger([key])
    assert entry.pages == {"text": 1, "blank": 1, "failed": 1, "ocr": 1}
    assert entry.failures == ("page 3: its picture is damaged",)
    assert (entry.characters, entry.characters_embedded) == (13 + 8, 13)
    assert (entry.chunks, entry.vectors, entry.lexical, entry.balanced) == (2, 2, 2, False)


def test_pages_keep_text_and_word_boxes(catalog: SqliteCatalog, prepare: Prepare) -> None:
    spans = np.array([[0, 5], [6, 8]], np.int32)
    boxes = np.array([[0.1, 0.2, 0.30001, 0.4], [0.0, -0.1, 1.0, 1.2]], np.float32)
    page = Page(1, "Honey is", PageState.OCR, "", "iv", 595.0, 842.0, TextBoxes(spans, boxes), 0.75)
    key = catalog.commit(prepare("x", sentences=0, pages=(page,)), "home").document_id
    (kept,) = catalog.pages(key)
    assert kept.text_boxes is not None
    assert (kept.text, kept.label, kept.width, kept.confidence) == ("Honey is", "iv", 595.0, 0.75)
    assert kept.text_boxes.spans.tolist() == spans.tolist()
    assert np.abs(kept.text_boxes.boxes - boxes.clip(0, 1)).max() < 1e-5


def test_filters_mean_what_they_say_and_values_are_never_sql(catalog: SqliteCatalog, prepare: Prepare) -> None:
    def put(name: str, kind: str, title: str, language: str, modified: str) -> str:
        info = DocumentInfo(kind, title=title, language=language, modified=modified)
        return catalog.commit(prepare(name, name=name, info=info), "home").document_id

    bees = put("bees.pdf", "pdf", "Über Bienen", "de", "2024-03-01T10:00:00")
    wasps = put("wasps.docx", "docx", "100% wasps_", "en", "2023-01-31")
    undated = put("x.txt", "text", "", "", "")
    catalog.set_tags(bees, ["garden", " garden ", ""])

    def scope(**conditions: object) -> set[str]:
        return set(catalog.scope(Filters(**conditions)) or ())  # type: ignore[arg-type]

    assert catalog.scope(Filters()) is None
    assert scope(types=("pdf", "docx")) == {bees, wasps}
    assert scope(languages=("DE",)) == {bees}
    assert scope(title="BIENEN über") == {bees}
    assert scope(title="%") == {wasps}
    assert scope(title="wasps_ docx") == {wasps}
    assert scope(tags=("garden",)) == {bees}
    assert scope(date_from="2023-01-31", date_to="2024-03-01") == {bees, wasps}
    assert scope(date_to="2023-12-31") == {wasps}
    assert scope(documents=("x.txt", bees)) == {undated, bees}
    assert scope(collections=("home",), types=("pdf",)) == {bees}
    assert scope(tags=("' OR 1=1 --",), title="x') OR ('1") == set()
    for wrong in (Filters(date_from="yesterday"), Filters(languages=("english!",))):
        with pytest.raises(UsageError):
            catalog.scope(wrong)
    with pytest.raises(NotFoundError, match="'home'"):
        catalog.scope(Filters(collections=("hom",)))
    assert catalog.languages(None) == {"": 3, "de": 3, "en": 3}
    assert catalog.passage_count(frozenset({bees})) == 3


def test_found_by_id_prefix_name_and_path(catalog: SqliteCatalog, prepare: Prepare) -> None:
    key = catalog.commit(prepare("honey"), "home", _at("/in/h.txt")).document_id
    for word in (key, key[:8], key[:8].upper(), "honey.txt", "/in/h.txt"):
        assert [one.id for one in catalog.find_documents(word)] == [key]
    assert catalog.find_documents(key[:7]) == []


def test_sources_of_a_folder_are_not_those_of_its_neighbour(catalog: SqliteCatalog, prepare: Prepare) -> None:
    for path in ("/in/a.txt", "/in/sub/b.txt", "/inn/c.txt", "/in.txt"):
        catalog.commit(prepare(path), "home", _at(path))
    assert [one.path for one in catalog.sources("home", "/in")] == ["/in/a.txt", "/in/sub/b.txt"]
    assert len(catalog.sources("home")) == len(catalog.sources("home", "/")) == 4


def test_vectors_come_back_whole_and_a_flipped_bit_is_found(
    catalog: SqliteCatalog, prepare: Prepare, spec: EmbeddingSpec, tmp_path: Path
) -> None:
    prepared = prepare("honey")
    key = catalog.commit(prepared, "home").document_id
    (batch,) = catalog.vectors(spec.id)
    assert batch.chunk_ids == [chunk.id for chunk in prepared.chunks]
    assert (batch.vectors == prepared.vectors[spec.id]).all()
    assert list(catalog.vectors(spec.id, ["0" * 32])) == []
    hashes = [text_hash(prepared.chunks[0].embedded_text), "0" * 64]
    assert catalog.known_vectors(spec.id, hashes) == {hashes[0]: prepared.vectors[spec.id][0].tobytes()}
    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.execute("UPDATE vector SET data = zeroblob(16) WHERE key = 1")
    connection.commit()
    connection.close()
    (batch,) = catalog.vectors(spec.id)
    assert batch.chunk_ids == [chunk.id for chunk in prepared.chunks[1:]]
    assert catalog.damaged_vectors(spec.id) == {prepared.chunks[0].id: key}
    assert catalog.known_vectors(spec.id, hashes) == {}
    assert [f.check for f in catalog.check(full=True) if f.severity == "error"] == ["catalog-vectors"]


def test_check_finds_counts_that_do_not_agree(catalog: SqliteCatalog, prepare: Prepare, tmp_path: Path) -> None:
    catalog.commit(prepare("honey"), "home")
    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.execute("DELETE FROM chunk WHERE ordinal = 1")
    connection.commit()
    connection.close()
    found = {finding.check for finding in catalog.check() if finding.severity == "error"}
    assert found == {"catalog-foreign-keys", "catalog-counts"}


def test_lookup_joins_and_leaves_out_what_is_gone(catalog: SqliteCatalog, prepare: Prepare) -> None:
    prepared = prepare("honey")
    key = catalog.commit(prepared, "home").document_id
    first = prepared.chunks[0]
    passage = catalog.lookup([first.id, "unknown"])[first.id]
    assert passage.chunk == first
    assert (passage.document, passage.page_label, passage.collections) == ("honey.txt", "First", ("home",))
    entries = list(catalog.passages([key]))
    assert [(e.text, e.title) for e in entries] == [(c.embedded_text, "About honey") for c in prepared.chunks]
    catalog.delete_documents([key])
    assert catalog.lookup([first.id]) == {}


def test_a_deleted_collection_takes_its_documents_and_ends_its_jobs(
    catalog: SqliteCatalog, prepare: Prepare, spec: EmbeddingSpec
) -> None:
    catalog.create_collection("keep", spec)
    mail = catalog.commit(prepare("mail"), "home").document_id
    photo = catalog.commit(prepare("photo", parent=mail), "home").document_id
    alone = catalog.commit(prepare("alone"), "home").document_id
    catalog.add_to_collection("keep", [mail])
    job = catalog.enqueue("ingest", "home", [NewFile("/f", "f", "0" * 64, 1)])
    assert catalog.delete_collection("home") == [alone]
    assert catalog.document(photo).collections == ("keep",)
    assert catalog.job(job.id).state is JobState.CANCELLED
    assert catalog.retry_job(job.id).counts == {FileState.CANCELLED: 1}
    assert set(catalog.delete_documents([mail])) == {mail, photo}
