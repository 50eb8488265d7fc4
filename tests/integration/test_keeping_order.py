"""Keeping a library in order through the suite: what is corrected is found, what is moved is embedded, what goes is told."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.backends import build_embedder
from cortex_engine.core.app import Removal
from cortex_engine.core.errors import CatalogError, ModelMismatchError, NotFoundError, UsageError
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.suite import CortexSuite, query_of

OpenSuite = Callable[..., CortexSuite]


def _found(suite: CortexSuite, text: str, **filters: tuple[str, ...]) -> list[str]:
    query = Query(text, SearchMode.LEXICAL, filters=Filters(**filters))
    return [hit.document for hit in suite.search(query).hits]


def test_a_corrected_title_is_found_at_once_and_by_a_process_that_owns_nothing(
    open_suite: OpenSuite, folder: Path
) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    assert _found(suite, "zeppelin") == []
    document = suite.set_metadata("birds.txt", title="Zeppelins of the coast", date="2019-07-01", language="de")
    assert _found(suite, "zeppelins") == ["birds.txt"]
    suite.close()
    other = open_suite()
    assert _found(other, "zeppelins", languages=("de",)) == ["birds.txt"]
    assert other.metadata_edits(document.id) == {"title": "", "date": "", "language": "en"}
    assert [one.name for one in other.documents(Filters(date_from="2019-01-01", date_to="2019-12-31"))] == ["birds.txt"]
    (folder / "birds.txt").write_text("The cormorant dries its wings.\n")
    other.sync_folder(folder, "Papers")
    fresh = other.document("birds.txt")
    assert fresh.id != document.id
    assert (fresh.info.title, fresh.info.modified) == ("Zeppelins of the coast", "2019-07-01")
    assert _found(other, "zeppelins cormorant") == ["birds.txt"]
    assert not [finding for finding in other.doctor(full=True) if finding.severity == "error"]


def test_documents_move_to_a_collection_of_another_model(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    spec = suite.collections()[0].spec
    suite.create_collection("Lost", spec=replace(spec, dimension=spec.dimension // 2))
    with pytest.raises(ModelMismatchError):  # its model is not to be had: nothing moves
        suite.move_documents(["tea.md"], "Papers", "Lost")
    assert suite.document("tea.md").collections == ("Papers",)
    suite.create_collection("Small", spec=build_embedder(suite.config, "packaged").spec)
    suite.move_documents(["tea.md"], "Papers", "Small")
    assert suite.document("tea.md").collections == ("Small",)
    assert suite.collection_counts("Small").documents == 1
    result = suite.search(Query("green tea", SearchMode.VECTOR, filters=Filters(collections=("Small",))))
    assert [hit.document for hit in result.hits] == ["tea.md"]
    with pytest.raises(ModelMismatchError, match=r"'Small'.*'Papers'"):
        suite.merge_collections(["Small"], "Papers")
    with pytest.raises(NotFoundError, match="'tea.md' is not in 'Papers'"):
        suite.move_documents(["birds.txt", "tea.md"], "Papers", "Small")
    assert suite.document("birds.txt").collections == ("Papers",)
    assert not [finding for finding in suite.doctor(full=True) if finding.severity == "error"]


def test_within_one_model_nothing_is_loaded(
    open_suite: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    suite.create_collection("Copies")
    suite.close()
    again = open_suite()

    def refuse(*_: object) -> None:
        raise AssertionError("a model was asked for")

    monkeypatch.setattr(again._library, "embedder", refuse)
    again.add_to_collection("Copies", ["tea.md"])
    again.move_documents(["birds.txt"], "Papers", "Copies")
    assert [again.document(name).collections for name in ("tea.md", "birds.txt")] == [("Copies", "Papers"), ("Copies",)]
    assert not [finding for finding in again.doctor(full=True) if finding.severity == "error"]


def test_a_contained_passage_that_is_too_long_for_the_model_moves_nothing(
    open_suite: OpenSuite, tmp_path: Path
) -> None:
    suite = open_suite(CORTEX_CHUNK_MAX_TOKENS="400")
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("long.txt", "honey and wax " * 130)
    suite.ingest([archive], "Papers")
    assert suite.count_documents() == 2
    suite.create_collection("Small", spec=build_embedder(suite.config, "packaged").spec)
    for change in (
        lambda: suite.add_to_collection("Small", ["a.zip"]),
        lambda: suite.move_documents(["a.zip"], "Papers", "Small"),
    ):
        with pytest.raises(CatalogError, match=r"'a.zip/long.txt' was cut for a model that reads longer passages"):
            change()
    assert {document.collections for document in suite.documents()} == {("Papers",)}


def test_merged_and_then_deleted_as_foretold(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder / "tea.md"], "Drinks")
    suite.ingest([folder / "birds.txt", folder / "tea.md"], "Animals")
    suite.describe_collection("Animals", "What flies")
    merged = suite.merge_collections(["Drinks"], "Animals")
    assert (merged.description, merged.document_count) == ("What flies", 2)
    assert _found(suite, "tea", collections=("Animals",)) == ["tea.md"]
    size = sum(path.stat().st_size for path in (folder / "tea.md", folder / "birds.txt"))
    foreseen = suite.collection_removal("Animals")
    assert foreseen == Removal(("birds.txt", "tea.md"), 2, 0, suite.counts().passages, size)
    assert suite.documents_removal(["birds.txt", "tea.md"]) == foreseen
    assert len(suite.delete_collection("Animals")) == foreseen.count
    assert _found(suite, "tea puffin") == []
    assert (suite.counts().documents, suite.counts().bytes) == (0, 0)


def test_bulk_tags_facets_and_values_that_nobody_has(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    suite.add_tags(["tea.md", "birds.txt"], ["read", "mine"])
    suite.remove_tags(["tea.md"], ["mine"])
    facets = suite.facets(Filters(tags=("mine",)))
    assert (facets.documents, facets.tags, facets.types) == (1, {"read": 2, "mine": 1}, {"text": 1})
    assert [one.name for one in suite.documents(order="size", limit=1)] == ["tea.md"]
    with pytest.raises(UsageError):
        suite.documents(order="colour")
    result = suite.search(
        Query("tea", SearchMode.LEXICAL, filters=Filters(tags=("read", "Raed"), types=("pdf", "markdown")))
    )
    assert [hit.document for hit in result.hits] == ["tea.md"]
    assert result.warnings == (
        "No document is of the type 'pdf'. Check the filter.",
        "No document has the tag 'Raed'. Check the filter.",
    )


def test_the_notebook(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    query = query_of("puffin", "lexical", filters=Filters(collections=("Papers",)), group=True)
    hit = suite.search(query).hits[0]
    suite.remember_search(query, 1)
    saved = suite.save_search("Birds", query)
    suite.judge(query.text, hit.chunk_id, 1)
    suite.close()
    again = open_suite()
    assert [(one.query, one.hits) for one in again.history()] == [(query, 1)]
    assert again.saved_searches() == [saved]
    assert again.rename_saved_search(saved.id, "Sea birds").name == "Sea birds"
    assert [(one.chunk_id, one.document) for one in again.judgements("puffin")] == [(hit.chunk_id, "birds.txt")]
    again.forget_history(again.history()[0].id)
    again.delete_saved_search(saved.id)
    again.judge(query.text, hit.chunk_id, 0)
    assert (again.history(), again.saved_searches(), again.judgements()) == ([], [], [])
