"""The contract of the port `FlightRecords`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.flights import Flight
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id, picture_id
from cortex_engine.core.pictures import Picture, PreparedPicture
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.search import Filters, HitKind, Query, SearchMode, SearchTrace, TraceStep
from cortex_engine.core.stages import FlightCandidate, FlightStage

_SPEC = EmbeddingSpec("hashing", "small", "1", 2, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], Catalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("home", _SPEC)
    yield made
    made.close()


def commit(catalog: Catalog, name: str, pipeline: str = "pipeline", text: str = "") -> tuple[str, str, str]:
    """Take a document in; ids of it, its one passage and its one picture."""
    sha256 = content_hash(name.encode())
    key = document_id(sha256)
    text = text or f"text of {name}"
    chunk = Chunk(chunk_id(key, 0, len(text), text), key, 0, text, 0, len(text), 3, 3)
    parsed = ParsedDocument(DocumentInfo("text"), (Page(1, text, PageState.TEXT),), ())
    picture = PreparedPicture(Picture(picture_id(key, 1), key, 1, 10, 10))
    catalog.commit(PreparedDocument(sha256, name, 1, parsed, [chunk], {}, pipeline, pictures=[picture]), "home")
    return key, chunk.id, picture.picture.id


def flight(number: int, ids: list[str], query: Query = Query("honey"), warnings: tuple[str, ...] = ()) -> Flight:  # noqa: B008
    candidates = tuple(FlightCandidate(each, rank, 1 / rank, rank / 4) for rank, each in enumerate(ids, start=1))
    stages = (
        FlightStage("vector", (*candidates, FlightCandidate(ids[0], None, -0.25)), 200, 3),
        FlightStage("fusion", candidates, 0, 2),
    )
    steps = (TraceStep("scope", 1.5, 7, facts={"documents": "all", "mean": 0.5}), TraceStep("fusion", 2.5, 2, "Hm."))
    return Flight(
        *(f"{number:016x}", f"2026-11-21T10:00:{number % 60:02d}", query, SearchTrace(steps), stages, tuple(ids)),
        terms={"honey": 2.5},
        models={"m1": "small 1"},
        settings={"candidates": 200, "fusion": "standardised", "rerank": False},
        moment=17,
        degraded=("lexical",),
        warnings=warnings,
        door="page",
    )


def test_a_flight_comes_back_as_it_was_kept(catalog: Catalog) -> None:
    _, passage, picture = commit(catalog, "one.txt")
    asked = Query(
        "honey", SearchMode.GRAPHRAG, 7, Filters(tags=("a",)), True, candidates=50, kinds=(HitKind.TEXT,), rerank=False
    )
    kept = flight(1, [passage, picture], asked, ("The word index is missing.",))
    catalog.keep_flights([kept], 10)
    found = catalog.flight(kept.id)
    assert found.query == asked
    assert found.hits == (passage, picture)
    assert [(stage.name, stage.limit, stage.total) for stage in found.stages] == [("vector", 200, 3), ("fusion", 0, 2)]
    assert found.stages[0].candidates == kept.stages[0].candidates
    assert found.trace.steps == kept.trace.steps
    for field in ("asked", "terms", "models", "settings", "moment", "degraded", "warnings", "door"):
        assert getattr(found, field) == getattr(kept, field)
    assert catalog.flight(kept.id[:6]).id == kept.id
    assert catalog.candidate_places([passage, picture, "gone"])[passage].page == 3
    assert {each.document for each in catalog.candidate_places([passage, picture]).values()} == {"one.txt"}


def test_only_the_newest_are_kept_and_any_can_be_forgotten(catalog: Catalog) -> None:
    _, passage, _ = commit(catalog, "one.txt")
    for number in range(1, 8):
        catalog.keep_flights([flight(number, [passage], Query(f"question {number}"))], 5)
    assert [each.text for each in catalog.flights()] == [f"question {number}" for number in (7, 6, 5, 4, 3)]
    summary = catalog.flights(1)[0]
    assert (summary.hits, summary.mode, summary.milliseconds) == (1, "hybrid", 4.0)
    catalog.forget_flights(summary.id)
    catalog.forget_flights(summary.id)
    with pytest.raises(NotFoundError):
        catalog.flight(summary.id)
    assert len(catalog.flights()) == 4
    catalog.forget_flights()
    assert catalog.flights() == []


def test_what_is_gone_is_left_out_and_counted(catalog: Catalog) -> None:
    (first, passage, picture), (_, other, _) = commit(catalog, "one.txt"), commit(catalog, "two.txt")
    kept = flight(1, [passage, other, picture])
    catalog.keep_flights([kept], 5)
    catalog.delete_documents([first])
    found = catalog.flight(kept.id)
    assert found.hits == (other,)
    assert [each.rank for each in found.stages[1].candidates] == [2]
    assert found.gone == 2 + 3 + 2
    # The same file again has passages with other keys: what was said of the former ones is not said of these.
    commit(catalog, "one.txt")
    assert catalog.flight(kept.id).hits == (other,)


def test_passages_that_another_reading_replaced_are_gone_too(catalog: Catalog) -> None:
    _, passage, _ = commit(catalog, "one.txt")
    catalog.keep_flights([flight(1, [passage])], 5)
    commit(catalog, "one.txt", "another pipeline", "other words")
    assert catalog.flight(f"{1:016x}").hits == ()


@pytest.mark.parametrize(
    ("query", "warnings"),
    [
        (Query("honey", filters=Filters(documents=("NAME",))), ()),
        (Query("honey", filters=Filters(documents=("ID", "other"))), ()),
        (Query("", picture="ID:3"), ()),
        (Query("", picture="PICTURE"), ()),
        (Query("where is NAME?"), ()),
        (Query('"NAME" summary'), ()),
        (Query("honey"), ("The picture of 'NAME' could not be shown to the reranker.",)),
    ],
)
def test_a_search_that_names_a_deleted_document_is_forgotten(
    catalog: Catalog, query: Query, warnings: tuple[str, ...]
) -> None:
    (first, passage, picture), (_, other, _) = commit(catalog, "one.txt"), commit(catalog, "other")

    def filled(text: str) -> str:
        return text.replace("NAME", "one.txt").replace("PICTURE", picture).replace("ID", first)

    documents = tuple(filled(each) for each in query.filters.documents)
    asked = replace(query, text=filled(query.text), picture=filled(query.picture), filters=Filters(documents=documents))
    catalog.keep_flights([flight(1, [other], asked, tuple(map(filled, warnings))), flight(2, [other, passage])], 5)
    assert len(catalog.flights()) == 2
    catalog.delete_documents([first])
    assert [each.id for each in catalog.flights()] == [f"{2:016x}"]
    catalog.keep_flights([flight(3, [other], Query("honey", filters=Filters(documents=("one.txt",))))], 5)
    catalog.keep_flights(
        [flight(4, [other], Query("", picture=f"{first}:1")), flight(5, [other], Query("", picture=picture))], 5
    )
    assert len(catalog.flights()) == 1, "the name of a deleted document was written down again"
    catalog.keep_flights([flight(6, [other], Query("", picture="0" * 64))], 5)
    assert len(catalog.flights()) == 2, "a picture that was handed over"


@pytest.mark.parametrize(
    "text", ["what does the Annual  Report.pdf say?", "honey (annual report.pdf), bees", "“annual report.pdf”"]
)
def test_a_name_of_several_words_is_found_in_a_question(catalog: Catalog, text: str) -> None:
    (first, *_), (_, other, _) = commit(catalog, "annual report.pdf"), commit(catalog, "other")
    catalog.keep_flights([flight(1, [other], Query(text)), flight(2, [other], Query("an annual report ? pdf"))], 5)
    catalog.delete_documents([first])
    assert [each.id for each in catalog.flights()] == [f"{2:016x}"]
