"""The contract of the port `Notebook`, and of a query as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import AlreadyExistsError, NotFoundError, UsageError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id, picture_id
from cortex_engine.core.notebook import HISTORY_LENGTH, query_from_json, query_to_json
from cortex_engine.core.pictures import Picture
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.search import Filters, HitKind, Query, SearchMode

_SPEC = EmbeddingSpec("hashing", "small", "1", 2, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], Catalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}
_HOSTILE = "'; DROP TABLE search_history; -- <script>alert(1)</script> \u202e"


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = _BACKENDS[request.param](tmp_path)
    yield made
    made.close()


def _commit(catalog: Catalog, text: str) -> str:
    """Take a text in; returns the id of its one passage."""
    sha256 = content_hash(text.encode())
    key = document_id(sha256)
    chunk = Chunk(chunk_id(key, 0, len(text), text), key, 0, text, 0, len(text), 1, 1)
    parsed = ParsedDocument(DocumentInfo("text"), (Page(1, text, PageState.TEXT),), ())
    catalog.commit(PreparedDocument(sha256, f"{text}.txt", 1, parsed, [chunk], {}, "pipeline"), "home")
    return chunk.id


def test_history_is_newest_first_and_asking_again_moves_up(catalog: Catalog) -> None:
    first, second = Query("honey"), Query("honey", filters=Filters(tags=("a", _HOSTILE)), mode=SearchMode.LEXICAL)
    catalog.remember_search(first, 3)
    catalog.remember_search(second, 0)
    catalog.remember_search(Query(_HOSTILE, top_k=7, group=True, candidates=50), 1)
    catalog.remember_search(first, 5)
    entries = catalog.history()
    assert [entry.query for entry in entries] == [first, Query(_HOSTILE, top_k=7, group=True, candidates=50), second]
    assert [entry.hits for entry in entries] == [5, 1, 0]
    assert [entry.query for entry in catalog.history(2)] == [entry.query for entry in entries[:2]]
    catalog.forget_history(entries[0].id)
    catalog.forget_history(entries[0].id)
    assert [entry.query for entry in catalog.history()] == [entry.query for entry in entries[1:]]
    catalog.forget_history()
    assert catalog.history() == []
    with pytest.raises(UsageError, match="without words"):
        catalog.remember_search(Query("  "), 0)


def test_history_keeps_the_newest(catalog: Catalog) -> None:
    for number in range(HISTORY_LENGTH + 5):
        catalog.remember_search(Query(f"query {number}"), number)
    catalog.remember_search(Query("query 7"), 1)
    catalog.remember_search(Query("x" * 50_000), 1)
    texts = [entry.query.text for entry in catalog.history(1000)]
    assert len(texts) == HISTORY_LENGTH
    assert texts[:2] == ["query 7", f"query {HISTORY_LENGTH + 4}"]
    assert "query 5" in texts
    assert "query 4" not in texts


def test_saved_searches(catalog: Catalog) -> None:
    query = Query("bees", filters=Filters(collections=("home",), date_from="2020-01-01"))
    made = catalog.save_search(" Bees ", query)
    assert (made.name, made.query) == ("Bees", query)
    other = catalog.save_search(_HOSTILE[:20], query)
    assert catalog.saved_searches() == sorted([made, other], key=lambda one: one.name)
    for wrong in ("", " ", "x" * 201, "a\nb", "\ud800"):
        with pytest.raises(UsageError):
            catalog.save_search(wrong, query)
        with pytest.raises(UsageError):
            catalog.rename_saved_search(made.id, wrong)
    with pytest.raises(AlreadyExistsError, match="'Bees'"):
        catalog.save_search("Bees", query)
    with pytest.raises(AlreadyExistsError):
        catalog.rename_saved_search(other.id, "Bees")
    with pytest.raises(UsageError):
        catalog.save_search("empty", Query(""))
    assert catalog.rename_saved_search(made.id, "Bees") == made
    assert catalog.rename_saved_search(made.id, "Wasps") == replace(made, name="Wasps")
    catalog.delete_saved_search(made.id)
    assert catalog.saved_searches() == [other]
    for gone in (lambda: catalog.delete_saved_search(made.id), lambda: catalog.rename_saved_search(made.id, "x")):
        with pytest.raises(NotFoundError):
            gone()


def test_judgements_are_revised_taken_back_and_outlive_the_document(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    honey, wax = _commit(catalog, "honey"), _commit(catalog, "wax")
    catalog.judge(" sweet ", honey, 1)
    catalog.judge("sweet", wax, 1)
    catalog.judge("sweet", wax, -1)
    catalog.judge("candles", wax, 1)
    found = {(one.query, one.chunk_id): (one.value, one.document) for one in catalog.judgements()}
    assert found == {
        ("sweet", honey): (1, "honey.txt"),
        ("sweet", wax): (-1, "wax.txt"),
        ("candles", wax): (1, "wax.txt"),
    }
    assert {one.chunk_id for one in catalog.judgements("candles ")} == {wax}
    catalog.delete_documents([one.document_id for one in catalog.judgements("candles")])
    assert len(catalog.judgements("sweet")) == 2
    with pytest.raises(NotFoundError, match="gone"):
        catalog.judge("sweet", wax, 1)
    catalog.judge("sweet", wax, 0)
    catalog.judge("sweet", wax, 0)
    assert [one.chunk_id for one in catalog.judgements("sweet")] == [honey]
    for query, value in (("sweet", 2), ("", 1), ("\ud800", 1)):
        with pytest.raises(UsageError):
            catalog.judge(query, honey, value)


_texts = st.text(max_size=8)
_lists = st.lists(_texts, max_size=2).map(tuple)
_queries = st.builds(
    Query,
    _texts,
    st.sampled_from(SearchMode),
    st.integers(1, 1000),
    st.builds(Filters, _lists, _lists, _lists, _lists, _lists, _texts, _texts, _texts),
    st.booleans(),
    st.integers(0, 100),
    _texts,
    st.lists(st.sampled_from(HitKind), max_size=2).map(tuple),
    st.none() | st.booleans(),
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from(["", "picture", "description"]),
    st.none() | st.floats(0, 1),
)


def test_a_query_that_older_versions_knew_is_written_as_they_wrote_it() -> None:
    written = json.loads(query_to_json(Query("honey", filters=Filters(tags=("a",)))))
    assert set(written) == {"text", "mode", "top_k", "filters", "group", "candidates"}


def test_a_picture_alone_is_a_question_that_is_kept(catalog: Catalog) -> None:
    query = Query("", picture="0" * 64, kinds=(HitKind.PICTURE,), rerank=False, picture_weight=0.25)
    catalog.remember_search(query, 3)
    catalog.save_search("like this", query)
    assert [entry.query for entry in catalog.history()] == [query]
    assert [saved.query for saved in catalog.saved_searches()] == [query]


def test_a_picture_is_judged_as_a_passage_is(catalog: Catalog) -> None:
    catalog.create_collection("home", _SPEC)
    document = catalog.lookup([_commit(catalog, "honey")])
    document_id = next(iter(document.values())).chunk.document_id
    picture = Picture(picture_id(document_id, 1), document_id, 1, 64, 64)
    catalog.add_pictures(document_id, [picture])
    catalog.judge("a jar", picture.id, 1)
    assert [(one.chunk_id, one.document) for one in catalog.judgements("a jar")] == [(picture.id, "honey.txt")]


@given(_queries, _queries)
def test_a_query_comes_back_as_it_was_written(query: Query, other: Query) -> None:
    text = query_to_json(query)
    assert query_from_json(text) == query
    assert (text == query_to_json(other)) == (query == other)
    text.encode()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)


@given(_queries, st.dictionaries(_texts.map("new_{}".format), _json, max_size=3))
def test_a_query_of_a_newer_version_is_read_as_far_as_this_one_knows(query: Query, more: dict[str, object]) -> None:
    stored = json.loads(query_to_json(query))
    stored |= more
    stored["filters"] |= more
    assert query_from_json(json.dumps(stored)) == query


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(json.loads(query_to_json(Query(""))), _json)))
def test_values_of_another_kind_count_as_unknown(stored: dict[str, object]) -> None:
    query = query_from_json(json.dumps(stored))
    assert isinstance(query.mode, SearchMode)
    assert isinstance(query.text, str)
    assert type(query.top_k) is int
    assert type(query.group) is bool
    assert query_from_json(query_to_json(query)) == query


def test_what_is_no_object_is_no_query() -> None:
    for text in ("[]", "1", "no json"):
        with pytest.raises(ValueError):
            query_from_json(text)
    assert query_from_json('{"text": "bees", "mode": "telepathy"}') == Query("bees")


def test_searches_saved_under_the_former_name_of_a_mode_still_open() -> None:
    assert query_from_json('{"text": "bees", "mode": "vector"}') == Query("bees", SearchMode.TRADITIONAL)
