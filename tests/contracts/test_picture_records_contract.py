"""The contract of the port `PictureRecords`: pictures and their named vectors, in one transaction with their document."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import CatalogError, ModelMismatchError, NotFoundError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id, picture_id
from cortex_engine.core.pictures import DescribedBy, Picture, PreparedPicture, VectorName, WaitingPictures
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.reports import OutboxEntry

_SEES = EmbeddingSpec("qwen3_vl", "tiny", "1", 2, "lasttoken", True, 64, min_pixels=4096, max_pixels=16384)
_READS = EmbeddingSpec("hashing", "small", "1", 2, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], SqliteCatalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}
_LOOK, _WORDS = VectorName.PICTURE, VectorName.DESCRIPTION


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteCatalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("pictures", _SEES, "")
    made.create_collection("letters", _READS, "")
    yield made
    made.close()


def _unit(angle: float) -> NDArray[np.float32]:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def _document(texts: tuple[str, ...], vectors: bool = True, pipeline: str = "p", width: int = 64) -> PreparedDocument:
    sha256 = content_hash("\f".join(texts).encode())
    key = document_id(sha256)
    pages = tuple(
        Page(number, text, PageState.TEXT if text else PageState.BLANK, label=f"p{number}")
        for number, text in enumerate(texts, 1)
    )
    parsed = ParsedDocument(DocumentInfo("pdf", title="Plan", language="en"), pages, ())
    whole = parsed.text
    chunks = [Chunk(chunk_id(key, 0, len(whole), whole), key, 0, whole, 0, len(whole), 1, len(texts))]
    pictures = [_picture(key, number, text, vectors, width) for number, text in enumerate(texts, 1)]
    passages = {_SEES.id: np.array([[0.6, 0.8]], np.float32)}
    return PreparedDocument(sha256, "plan.pdf", 9, parsed, chunks, passages, pipeline, pictures=pictures, drawn=True)


def _picture(key: str, page: int, text: str, vectors: bool = True, width: int = 64) -> PreparedPicture:
    by = DescribedBy.OCR if text else DescribedBy.NOBODY
    named = {_LOOK: _unit(page)} | ({_WORDS: _unit(-page)} if text else {})
    picture = Picture(picture_id(key, page), key, page, width, 32, text, by)
    return PreparedPicture(picture, {_SEES.id: named} if vectors else {})


def _ids(catalog: SqliteCatalog, name: VectorName) -> list[str]:
    return [one for batch in catalog.picture_vectors(_SEES.id, name) for one in batch.chunk_ids]


def test_pictures_are_committed_found_and_gone_with_their_document(catalog: SqliteCatalog) -> None:
    prepared = _document(("Café", "", "third"))
    key = catalog.commit(prepared, "pictures").document_id
    pictures = [each.picture for each in prepared.pictures]
    assert catalog.pictures([key]) == pictures
    assert (catalog.picture_counts(), catalog.picture_counts([key]), catalog.picture_counts([])) == (3, 3, 0)
    assert catalog.counts().pictures == 3
    assert catalog.picture_vector_counts(_SEES.id) == {_LOOK: 3, _WORDS: 2}
    (batch,) = catalog.picture_vectors(_SEES.id, _LOOK)
    assert batch.chunk_ids == [picture.id for picture in pictures] and batch.document_ids == [key] * 3
    assert (batch.vectors == np.stack([_unit(1), _unit(2), _unit(3)])).all() and batch.vectors.dtype == np.float32
    assert _ids(catalog, _WORDS) == [pictures[0].id, pictures[2].id]
    assert list(catalog.picture_vectors(_SEES.id, _LOOK, ["0" * 32])) == []
    assert (catalog.picture_vector(_SEES.id, _WORDS, pictures[2].id) == _unit(-3)).all()
    assert catalog.picture_vector(_SEES.id, _WORDS, pictures[1].id) is None
    passages = catalog.lookup_pictures([pictures[2].id, "unknown", pictures[0].id])
    third = passages[pictures[2].id]
    assert set(passages) == {pictures[0].id, pictures[2].id}
    assert (third.picture, third.document, third.title, third.page_label) == (pictures[2], "plan.pdf", "Plan", "p3")
    assert (third.collections, third.text) == (("pictures",), "third")
    assert prepared.parsed.text[third.char_start : third.char_end] == "third"
    assert catalog.waiting_pictures() == catalog.undrawn(["pdf"]) == []
    assert [finding for finding in catalog.check(full=True) if finding.severity == "error"] == []
    catalog.delete_documents([key])
    assert catalog.outbox(0)[-1] == OutboxEntry(2, "delete", key)
    assert catalog.pictures([key]) == [] and catalog.lookup_pictures([pictures[0].id]) == {}
    assert list(catalog.picture_vectors(_SEES.id, _LOOK)) == []


def test_wrong_vectors_undo_the_whole_commit(catalog: SqliteCatalog) -> None:
    prepared = _document(("one",))
    wrong = replace(prepared.pictures[0], vectors={_SEES.id: {_LOOK: np.zeros(3, np.float32)}})
    with pytest.raises(ModelMismatchError):
        catalog.commit(replace(prepared, pictures=[wrong]), "pictures")
    assert (catalog.counts().documents, catalog.counts().pictures) == (0, 0)


def test_pictures_wait_for_their_vectors(catalog: SqliteCatalog) -> None:
    prepared = _document(("one", ""), vectors=False)
    key = catalog.commit(prepared, "pictures").document_id
    first, second = (each.picture for each in prepared.pictures)
    (waiting,) = catalog.waiting_pictures()
    assert waiting == WaitingPictures(key, _SEES.id, {first: (_LOOK, _WORDS), second: (_LOOK,)})
    with pytest.raises(ModelMismatchError):
        catalog.add_picture_vectors(_SEES.id, {first.id: {_LOOK: np.ones(3, np.float32)}})
    catalog.add_picture_vectors(_SEES.id, {second.id: {_LOOK: _unit(2)}, "deleted": {_LOOK: _unit(1)}})
    assert catalog.outbox(1) == [OutboxEntry(2, "vectors", key)]
    assert catalog.waiting_pictures()[0].missing == {first: (_LOOK, _WORDS)}
    catalog.add_picture_vectors(_SEES.id, {first.id: {_LOOK: _unit(1), _WORDS: _unit(-1)}})
    assert catalog.waiting_pictures() == []


def test_what_waits_for_one_model_hides_nothing_that_waits_for_another(catalog: SqliteCatalog) -> None:
    other = replace(_SEES, model="other")
    catalog.create_collection("drawings", other, "")
    for collection, text in (("pictures", "one"), ("pictures", "two"), ("drawings", "three")):
        catalog.commit(replace(_document((text,), vectors=False), vectors={}), collection)
    assert {each.model_id for each in catalog.waiting_pictures(limit=1)} == {_SEES.id, other.id}


def test_a_new_description_waits_for_its_vector_and_is_not_replaced_by_ocr(catalog: SqliteCatalog) -> None:
    key = catalog.commit(_document(("one",)), "pictures").document_id
    (picture,) = catalog.pictures([key])
    catalog.describe_picture(picture.id, "A harbour at dusk.", DescribedBy.MODEL)
    (described,) = catalog.pictures([key])
    assert (described.description, described.described_by) == ("A harbour at dusk.", DescribedBy.MODEL)
    assert catalog.waiting_pictures()[0].missing == {described: (_WORDS,)}
    assert catalog.outbox(1) == [OutboxEntry(2, "upsert", key)]
    catalog.commit(_document(("one",), pipeline="other"), "pictures")
    assert catalog.pictures([key]) == [described]
    assert catalog.waiting_pictures()[0].missing == {described: (_WORDS,)}, (
        "OCR's vector is not that of the description"
    )
    with pytest.raises(NotFoundError):
        catalog.describe_picture("unknown", "", DescribedBy.NOBODY)


def test_another_drawing_needs_another_vector(catalog: SqliteCatalog) -> None:
    key = catalog.commit(_document(("one",)), "pictures").document_id
    catalog.commit(_document(("one",), vectors=False, pipeline="other", width=80), "pictures")
    (picture,) = catalog.pictures([key])
    assert picture.width == 80
    assert catalog.waiting_pictures()[0].missing == {picture: (_LOOK,)}


def test_a_document_of_a_collection_that_reads_only_is_drawn_when_it_joins_one_that_sees(
    catalog: SqliteCatalog,
) -> None:
    prepared = replace(_document(("one",)), pictures=(), drawn=False, vectors={})
    key = catalog.commit(prepared, "letters").document_id
    assert catalog.undrawn(["pdf"]) == []
    catalog.add_to_collection("pictures", [key])
    assert catalog.undrawn(["pdf", "image"]) == [(key, _SEES)]
    assert catalog.undrawn(["image"]) == []
    picture = _picture(key, 1, "one").picture
    catalog.add_pictures(key, [picture])
    assert catalog.undrawn(["pdf"]) == []
    assert catalog.waiting_pictures() == [WaitingPictures(key, _SEES.id, {picture: (_LOOK, _WORDS)})]
    assert catalog.waiting_pictures(document_ids=["0" * 32]) == []
    catalog.remove_from_collection("pictures", [key])
    assert catalog.waiting_pictures() == []


def test_a_picture_that_cannot_be_embedded_waits_no_longer(catalog: SqliteCatalog) -> None:
    key = catalog.commit(_document(("one", "two"), vectors=False), "pictures").document_id
    first, second = catalog.pictures([key])
    catalog.drop_pictures([first.id, "unknown"])
    assert catalog.pictures([key]) == [second]
    assert list(catalog.waiting_pictures(document_ids=[key])[0].missing) == [second]
    assert catalog.outbox(1) == [OutboxEntry(2, "upsert", key)]
    assert catalog.undrawn(["pdf"]) == []


def test_a_damaged_vector_is_named_left_out_and_dropped(catalog: SqliteCatalog, tmp_path: Path) -> None:
    key = catalog.commit(_document(("one", "two")), "pictures").document_id
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("UPDATE picture_vector SET data = zeroblob(8) WHERE key = 1")
        connection.execute("UPDATE vector SET data = x'00'")
    connection.close()
    first, second = catalog.pictures([key])
    assert _ids(catalog, _LOOK) == [second.id]
    assert catalog.damaged_picture_vectors(_SEES.id, _LOOK) == {first.id: key}
    assert catalog.damaged_picture_vectors(_SEES.id, _WORDS) == {}
    with pytest.raises(CatalogError, match=r"plan\.pdf"):
        catalog.picture_vector(_SEES.id, _LOOK, first.id)
    (finding,) = (finding for finding in catalog.check() if finding.check == "catalog-vectors")
    assert "'plan.pdf'" in finding.message and finding.fixable
    assert catalog.drop_damaged_vectors() == [key]
    assert catalog.unembedded() == [(key, _SEES)]
    assert catalog.waiting_pictures()[0].missing == {first: (_LOOK,)}
    assert [finding for finding in catalog.check(full=True) if finding.severity == "error"] == []
