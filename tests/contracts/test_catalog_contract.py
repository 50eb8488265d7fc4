"""The contract of the ports `Catalog` and `BlobStore`: what every backend has to keep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.catalog import FileBlobStore, SqliteCatalog
from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import AlreadyExistsError, ModelMismatchError, NotFoundError, UsageError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.records import NewFile, PreparedDocument, Source
from cortex_engine.core.reports import FileState, IndexState, JobState, OutboxEntry
from cortex_engine.core.search import Filters

_SPEC = EmbeddingSpec("hashing", "small", "1", 2, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], Catalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = _BACKENDS[request.param](tmp_path)
    yield made
    made.close()


def _document(text: str, vectors: bool = True) -> PreparedDocument:
    sha256 = content_hash(text.encode())
    key = document_id(sha256)
    chunk = Chunk(chunk_id(key, 0, len(text), text), key, 0, text, 0, len(text), 1, 1)
    values = {_SPEC.id: np.array([[0.6, 0.8]], np.float32)} if vectors else {}
    parsed = ParsedDocument(DocumentInfo("text", language="en"), (Page(1, text, PageState.TEXT),), ())
    return PreparedDocument(sha256, f"{text}.txt", len(text), parsed, [chunk], values, "pipeline")


@pytest.mark.parametrize(("port", "backend"), [(Catalog, SqliteCatalog), (BlobStore, FileBlobStore)])
def test_every_method_of_the_port_is_there_with_its_parameters(port: type, backend: type) -> None:
    names = [name for name in dir(port) if not name.startswith("_")]
    assert len(names) > 4
    for name in names:
        asked = inspect.signature(getattr(port, name)).parameters
        given = inspect.signature(getattr(backend, name)).parameters
        assert {key: value.default for key, value in asked.items()} == {
            key: value.default for key, value in given.items()
        }, name
        assert getattr(backend, name).__doc__, name


def test_collections(catalog: Catalog) -> None:
    made = catalog.create_collection("Briefe", _SPEC, "letters")
    assert catalog.collections() == [made]
    assert (made.spec, made.description, made.document_count) == (_SPEC, "letters", 0)
    for wrong in ("", " ", "x" * 201, "a\nb", "\x00", "\ud800"):
        with pytest.raises(UsageError):
            catalog.create_collection(wrong, _SPEC)
    with pytest.raises(AlreadyExistsError):
        catalog.create_collection("Briefe", _SPEC)
    with pytest.raises(NotFoundError, match="'Briefe'"):
        catalog.collection("briefe")
    assert catalog.rename_collection("Briefe", "'; DROP TABLE document; --").id == made.id
    assert catalog.delete_collection("'; DROP TABLE document; --") == []
    assert catalog.collections() == []


def test_a_document_goes_in_is_found_and_goes(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    prepared = _document("honey")
    outcome = catalog.commit(prepared, "home", Source("home", "/in/honey.txt", "", 5, 5))
    assert (outcome.created, outcome.replaced) == (True, ())
    document = catalog.document(outcome.document_id)
    assert (document.name, document.page_count, document.chunk_count) == ("honey.txt", 1, 1)
    assert catalog.pages(document.id) == prepared.parsed.pages
    assert catalog.chunks([document.id]) == prepared.chunks
    assert catalog.documents() == [document]
    assert catalog.count_documents(Filters(types=("pdf",))) == 0
    assert catalog.collection("home").chunk_count == 1
    assert catalog.sources("home", "/in") == [Source("home", "/in/honey.txt", document.id, 5, 5)]
    assert catalog.chunk_ids(_SPEC.id) == catalog.chunk_ids() == {prepared.chunks[0].id}
    assert catalog.ledger()[0].balanced
    assert not catalog.commit(prepared, "home").created
    assert catalog.delete_documents([document.id, "unknown"]) == [document.id]
    with pytest.raises(NotFoundError):
        catalog.document(document.id)
    assert catalog.outbox(0)[-1] == OutboxEntry(2, "delete", document.id)


def test_vectors_may_follow_later(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    prepared = _document("honey", vectors=False)
    key = catalog.commit(prepared, "home").document_id
    assert catalog.unembedded() == [(key, _SPEC)]
    assert not catalog.ledger()[0].balanced
    with pytest.raises(ModelMismatchError):
        catalog.add_vectors(_SPEC.id, [prepared.chunks[0].id], np.ones((1, 3), np.float32))
    catalog.add_vectors(_SPEC.id, [prepared.chunks[0].id], np.array([[0.6, 0.8]], np.float32))
    (batch,) = catalog.vectors(_SPEC.id, [key])
    assert (batch.vectors.dtype, batch.vectors.shape) == (np.float32, (1, 2))
    assert catalog.unembedded() == []
    assert catalog.outbox(1) == [OutboxEntry(2, "upsert", key)]
    assert catalog.spec(_SPEC.id) == _SPEC
    with pytest.raises(NotFoundError):
        list(catalog.vectors("unknown"))


def test_indexes_follow_the_outbox(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    for text in ("a", "b", "c"):
        catalog.commit(_document(text), "home")
    catalog.begin_index_write("words")
    assert catalog.index_states() == {"words": IndexState("words", 0, 0, True)}
    catalog.end_index_write("words", 2)
    catalog.swap_generation("vectors", 4, 3, "settings")
    assert catalog.index_states()["vectors"] == IndexState("vectors", 4, 3, False, "settings")
    catalog.trim_outbox()
    assert [entry.seq for entry in catalog.outbox(0)] == [3]
    catalog.forget_index("words")
    catalog.trim_outbox()
    assert (catalog.outbox(0), catalog.last_seq()) == ([], 3)
    with pytest.raises(NotFoundError):
        catalog.end_index_write("words", 3)


def test_documents_without_a_file_are_committed_together_or_not_at_all(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    good, wrong = _document("honey"), _document("bees")
    wrong = replace(wrong, vectors={_SPEC.id: np.zeros((1, 3), np.float32)})
    with pytest.raises(ModelMismatchError):
        catalog.commit_many([good, wrong], "home")
    assert catalog.counts().documents == 0
    outcomes = catalog.commit_many([good, _document("bees"), good], "home")
    assert [outcome.created for outcome in outcomes] == [True, True, False]
    assert [entry.document_id for entry in catalog.outbox(0)] == [outcome.document_id for outcome in outcomes[:2]]
    assert (catalog.counts().documents, catalog.counts().chunks) == (2, 2)
    assert catalog.collection("home").document_count == 2


def test_a_commit_ends_its_file_and_the_job(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    prepared = _document("honey")
    for state in (FileState.DONE, FileState.ALREADY_HERE):
        job = catalog.enqueue("ingest", "home", [NewFile("/in/h", "h", prepared.sha256, 5)])
        (file,) = catalog.claim("me")
        catalog.commit(prepared, "home", None, file.id)
        ended = catalog.job(job.id)
        assert (ended.state, ended.counts) == (JobState.DONE, {state: 1})
    assert catalog.blob_hashes() == {prepared.sha256}
