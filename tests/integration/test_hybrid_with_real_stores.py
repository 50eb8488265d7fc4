"""The query line on the real catalog, vectors, words and model: a small corpus, and the samples with their questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.config import load_config
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.embedding.packaged import PackagedEmbedder
from cortex_engine.lexical.tantivy_index import TantivyIndex
from cortex_engine.retrieval.hybrid import DenseStores, HybridRetriever
from cortex_engine.suite import CortexSuite
from cortex_engine.vector_stores.exact import ExactStore

CORPUS = {
    "heart": ("en", "Myocardial infarction happens when blood stops flowing to a part of the muscle."),
    "bread": ("en", "Sourdough rises slowly, because wild yeast works at room temperature."),
    "ships": ("en", "The vessel carried forty passengers across the strait in bad weather."),
    "part": ("en", "Order part number ZX-4711 for the pump; the older seal leaks under pressure."),
    "pumps": ("en", "Pumps move water by pressure. Seals wear and have to be replaced every year."),
    "haus": ("de", "Die Häuser am See wurden im Jahr 1901 von einem Baumeister aus Bremen errichtet."),
    "normandie": ("de", "Die Normannen kamen aus der Normandie und siedelten in Süditalien."),
    "tee": ("zh", "茶园里养了三十只鸭子，它们吃掉茶树上的害虫。"),
    "letter": ("en", "My dear, I may take the train on Monday, and I do hope that you can be on time."),
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HybridRetriever]:
    folder = tmp_path_factory.mktemp("real-stores")
    model = PackagedEmbedder(folder / "cache", threads=1)
    catalog, words = SqliteCatalog(folder / "catalog.db"), TantivyIndex(folder / "words")
    store = ExactStore(folder / "vectors", model.spec.dimension)
    catalog.create_collection("small", model.spec)
    for name, (language, text) in CORPUS.items():
        _take(catalog, store, model, name, language, text)
    store.flush()
    words.add(catalog.passages())
    words.flush()
    yield HybridRetriever(catalog, lambda _: model, lambda _: DenseStores(exact=store), lambda: words)
    words.close()
    store.close()
    catalog.close()


def _take(
    catalog: SqliteCatalog, store: ExactStore, model: PackagedEmbedder, name: str, language: str, text: str
) -> None:
    sha256 = content_hash(text.encode())
    key = document_id(sha256)
    chunk = Chunk(chunk_id(key, 0, len(text), text), key, 0, text, 0, len(text), 1, 1)
    vectors = model.embed_documents([text])
    parsed = ParsedDocument(DocumentInfo("text", language=language), (Page(1, text, PageState.TEXT),), ())
    catalog.commit(
        PreparedDocument(sha256, name, len(text), parsed, [chunk], {model.spec.id: vectors}, "test"), "small"
    )
    store.upsert([chunk.id], [key], vectors)


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("heart attack", "heart"),
        ("ZX-4711", "part"),
        ("Haus am See", "haus"),
        ("Normans of Normandy", "normandie"),
        ("怎样对付害虫", "tee"),
        ("crossing the sea by boat", "ships"),
    ],
)
def test_by_meaning_by_word_by_stem_and_across_languages(line, query, document):
    result = line.retrieve(Query(query, top_k=3))
    assert result.hits[0].document == document
    assert not result.degraded and not result.warnings
    first = result.hits[0]
    assert set(first.stages) >= {"vector", "lexical", "characters", "fusion"}
    alone = {hit.chunk_id: hit.score for hit in line.retrieve(Query(query, SearchMode.VECTOR, top_k=9)).hits}
    assert first.stages["vector"].score == pytest.approx(alone[first.chunk_id], abs=1e-6), "the true cosine"


def test_filters_phrases_and_exclusions_hold_in_the_real_stores(line):
    german = line.retrieve(Query("water pressure", filters=Filters(languages=("de",))))
    assert {hit.document for hit in german.hits} == {"haus", "normandie"}
    assert [hit.document for hit in line.retrieve(Query('"part number" pump')).hits] == ["part"]
    assert "part" not in {hit.document for hit in line.retrieve(Query("pump seals -number")).hits}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    folder: Path = tmp_path_factory.mktemp("samples")
    environ = {"CORTEX_VECTOR_STORE": "exact", "CORTEX_MIN_FREE_BYTES": "0"}
    suite = CortexSuite.open(loaded=load_config(folder, environ))
    suite.load_samples()
    yield suite
    suite.close()


@pytest.mark.slow
def test_every_question_on_the_samples_finds_its_document_first(samples):
    questions = json.loads((files("cortex_engine") / "samples" / "queries.json").read_text("utf-8"))
    asked = [(each["query"], each["document"]) for each in questions]
    asked.append(("when does the ferry leave in winter?", "ferry-timetable.html"))
    found = {query: samples.search(query).hits[0].document for query, _ in asked}
    assert found == dict(asked)


@pytest.mark.slow
def test_function_words_do_not_outweigh_the_meaning_in_a_small_library(samples):
    """A letter of 1931 alone holds "may", "my", "take" and "board"; the model's choice speaks of a dog."""
    hits = samples.search("May I take my dog on board?").hits
    assert "dog" in hits[0].text
