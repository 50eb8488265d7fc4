""" "Why not this one?": each cause is planted in a real library, is named, and what is offered brings the document back.

Stores, words, catalog and queue are the real ones; vectors are hashed words, so that a text can be made near by meaning or by
words at will. The reranker is a real service on this machine that counts shared words (tests/reranking_kit), in place of a model.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.calibration import FUSION_STAGE, Calibration
from cortex_engine.core.documents import Block, BlockKind, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.flights import Cause, Remedy, Suggestion, WhyNot
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.suite import CortexSuite
from tests.reranking_kit.service import serving

_PLAIN = {"rerank": False, "miss_rate": 0.0}


def text_of(words: str, media_type: str = "text", language: str = "en") -> ParsedDocument:
    info = DocumentInfo(media_type, language=language)
    return ParsedDocument(info, (Page(1, words, PageState.TEXT),), (Block(BlockKind.PARAGRAPH, 0, len(words)),))


def two_pages(first: str, second: str) -> ParsedDocument:
    """Each with a heading and so much text that they are passages of their own."""
    texts = [f"{words} " + " ".join(f"{words[:3]}{n}" for n in range(300)) for words in (first, second)]
    pages = tuple(Page(number, text, PageState.TEXT) for number, text in enumerate(texts, start=1))
    second_block = Block(BlockKind.HEADING, len(texts[0]) + 1, sum(map(len, texts)) + 1, 1)
    return ParsedDocument(
        DocumentInfo("text", language="en"), pages, (Block(BlockKind.PARAGRAPH, 0, len(texts[0])), second_block)
    )


def _texts() -> dict[str, dict[str, ParsedDocument]]:
    """Collection -> name -> text. Each question below has documents of its own, in words that no other holds."""
    fill = "granite meadow harbour lantern window copper velvet autumn ledger basket pepper saddle"
    shore = {
        f"kittiwake-{n:02d}.txt": text_of(" ".join(["kittiwake"] * (40 - n) + [f"nest{n}"] * (2 + n)))
        for n in range(1, 31)
    }
    # Near by meaning (one word of the question over and over), while one text alone has its rare word.
    shore |= {f"colony-{n:02d}.txt": text_of(f"colony island colony island remark{n}") for n in range(1, 31)}
    shore["anemone.txt"] = text_of(f"The anemone {fill} {fill.upper()} and so on, without end")
    # The reranker counts shared words: it likes what has both of them, however far away, better than what is near by one.
    shore |= {f"tide-{n}.txt": text_of(f"neap tide {fill} water{n}") for n in range(1, 6)}
    shore["moon.txt"] = text_of("neap neap neap neap moon")
    shore["quay.txt"] = two_pages("The sea wall is old.", "A stone pier leads to it.")
    shore["page.htm"] = text_of("A barnacle grows where the water is rough.", "html")
    shore["muschel.txt"] = text_of("The limpet holds on to the stone, and a brittle shell is broken.", "text", "de")
    return {"Shore": shore, "Hills": {"heather.txt": text_of("Heather blooms late on the moor.")}}


@dataclass
class Planted:
    suite: CortexSuite

    def why(self, query: Query, document: str = "", **place: object) -> WhyNot:
        return self.suite.why_not(query, document, **place)  # type: ignore[arg-type]

    def shown(self, query: Query) -> list[str]:
        return [hit.document for hit in self.suite.search(query, record=False).hits]

    def comes_back(self, answer: WhyNot, document: str, which: int = 0) -> Suggestion:
        """Apply a suggestion as a button does, and look."""
        suggestion = answer.suggestions[which]
        query = self.suite.bring_back(suggestion)
        assert query is not None
        assert document in self.shown(query), suggestion
        return suggestion


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    with serving() as service:
        environ = {
            "CORTEX_EMBEDDING_BACKEND": "hashing",
            "CORTEX_MIN_FREE_BYTES": "0",
            "CORTEX_OCR": "0",
            "CORTEX_RERANKER": "http",
            "CORTEX_RERANKER_URL": f"{service.address}/v1/rerank",
        }
        with CortexSuite.open(loaded=load_config(tmp_path_factory.mktemp("why") / "library", environ)) as suite:
            library = suite._library
            library.own()
            for name, documents in _texts().items():
                library.line().take_texts(list(documents.items()), library.collection(name))
            library.settle()
            yield Planted(suite)


def test_found_is_said_with_its_place(planted: Planted) -> None:
    answer = planted.why(Query("heather moor", **_PLAIN), "heather.txt")
    assert (answer.cause, answer.sentence) == (Cause.FOUND, "'heather.txt' did come back: it is number 1.")
    assert answer.suggestions == ()


def test_never_handed_over_and_then_taken_in(planted: Planted) -> None:
    query = Query("lighthouse beam", **_PLAIN)
    answer = planted.why(query, "lighthouse.txt")
    assert answer.cause is Cause.NOT_INGESTED
    assert "no file of this name was ever handed over" in answer.sentence
    assert [each.remedy for each in answer.suggestions] == [Remedy.INGEST]
    job = planted.suite.receive([("lighthouse.txt", io.BytesIO(b"The beam of the lighthouse turns."))], "Shore")
    waiting = planted.why(query, "lighthouse.txt")
    assert (waiting.cause, waiting.suggestions[0].remedy) == (Cause.NOT_INGESTED, Remedy.WAIT)
    planted.suite.cancel_job(job.id)
    cancelled = planted.why(query, "lighthouse.txt")
    assert cancelled.suggestions[0].remedy is Remedy.RETRY
    assert "its job was cancelled" in cancelled.sentence
    planted.suite.bring_back(cancelled.suggestions[0])
    planted.suite.work()
    assert "lighthouse.txt" in planted.shown(query)


def test_a_file_that_was_refused_is_told_with_the_reason_of_its_job(planted: Planted) -> None:
    planted.suite.receive([("broken.docx", io.BytesIO(b"PK\x03\x04 cut off"))], "Shore")
    planted.suite.work()
    answer = planted.why(Query("anything", **_PLAIN), "broken.docx")
    (file,) = planted.suite._library.catalog.files_called("broken.docx")
    assert answer.cause is Cause.NOT_INGESTED
    assert file.message
    assert answer.sentence == f"'broken.docx' did not go in: {file.message}"
    assert answer.suggestions[0].target == str(file.id)


def test_a_page_that_failed_is_read_again(planted: Planted) -> None:
    text = "The tern dives.\n\fThe skua steals from the tern."
    pages = (
        Page(1, "The tern dives.", PageState.TEXT),
        Page(2, "", PageState.FAILED, "The reading of it was broken off."),
    )
    library = planted.suite._library
    sha256, size = library.blobs.put_bytes(text.encode())
    parsed = ParsedDocument(DocumentInfo("text", language="en"), pages, (Block(BlockKind.PARAGRAPH, 0, 15),))
    collection = library.collection("Shore")
    chunks = library.chunker(collection.spec).split(sha256[:32], parsed)
    vectors = library.embedder(collection.spec).embed_documents([each.embedded_text for each in chunks])
    prepared = PreparedDocument(
        sha256, "tern.txt", size, parsed, chunks, {collection.spec.id: vectors}, "an older reader"
    )
    library.catalog.commit(prepared, "Shore")
    library.settle()
    query = Query("skua steals", **_PLAIN, mode=SearchMode.LEXICAL)
    answer = planted.why(query, "tern.txt", page=2)
    assert (answer.cause, answer.suggestions[0].remedy) == (Cause.PAGE_FAILED, Remedy.RETRY)
    assert answer.sentence == "Page 2 of 'tern.txt' could not be read: The reading of it was broken off."
    whole = planted.why(query, "tern.txt")
    assert whole.sentence.endswith("Page 2 of it could not be read: The reading of it was broken off.")
    original = library.blobs.path(sha256)
    away = original.rename(original.with_name("away"))
    with pytest.raises(NotFoundError, match="original"):
        planted.suite.bring_back(answer.suggestions[0])
    away.rename(original)
    with library.catalog._database.read() as connection:
        assert connection.execute("SELECT 1 FROM document WHERE pipeline = ''").fetchone() is None
    planted.suite.bring_back(answer.suggestions[0])
    assert planted.why(query, "tern.txt", page=2).suggestions[0].remedy is Remedy.WAIT
    planted.suite.work()
    assert planted.shown(query) == ["tern.txt"]


def test_another_collection_is_searched_too_or_the_document_joins(planted: Planted) -> None:
    query = Query("heather blooms", **_PLAIN, filters=Filters(collections=("Shore",)))
    answer = planted.why(query, "heather.txt")
    assert answer.cause is Cause.OTHER_COLLECTION
    assert answer.sentence == "'heather.txt' is in 'Hills', and only 'Shore' was searched."
    assert [each.remedy for each in answer.suggestions] == [Remedy.SEARCH, Remedy.ADD]
    first = planted.comes_back(answer, "heather.txt")
    assert first.query is not None
    assert first.query.filters.collections == ("Shore", "Hills")
    planted.comes_back(answer, "heather.txt", which=1)
    assert set(planted.suite.document("heather.txt").collections) == {"Hills", "Shore"}


@pytest.mark.parametrize(
    ("document", "query", "named", "kept"),
    [
        (
            "page.htm",
            Query("barnacle", filters=Filters(types=("text",), languages=("en",))),
            ["Type"],
            {"languages": ("en",)},
        ),
        ("page.htm", Query("barnacle", filters=Filters(types=("text",), date_from="2020-01-01")), ["Type", "From"], {}),
        ("muschel.txt", Query('"brittle stone" limpet'), ['the phrase "brittle stone"'], {}),
        ("muschel.txt", Query("limpet -broken"), ['the excluded word "broken"'], {}),
    ],
)
def test_exactly_the_conditions_that_fail_are_named_and_dropped(
    planted: Planted, document: str, query: Query, named: list[str], kept: dict[str, object]
) -> None:
    query = replace(query, **_PLAIN)
    answer = planted.why(query, document)
    assert answer.cause is Cause.FILTERED
    assert all(name in answer.sentence for name in named)
    assert answer.sentence.count("the filter") == sum(not name.startswith("the") for name in named)
    suggestion = planted.comes_back(answer, document)
    assert suggestion.query is not None
    assert suggestion.query.filters == Filters(**kept)  # type: ignore[arg-type]


def test_below_the_cut_says_how_many_to_show(planted: Planted) -> None:
    query = Query("kittiwake", **_PLAIN, top_k=5, group=True)
    answer = planted.why(query, "kittiwake-09.txt")
    assert answer.cause is Cause.BELOW_THE_CUT
    assert answer.sentence == "'kittiwake-09.txt' is number 9 of what was found, and 5 documents are shown."
    suggestion = planted.comes_back(answer, "kittiwake-09.txt")
    assert suggestion.title == "Show 9 documents"
    assert suggestion.query == replace(query, top_k=9)


def test_lost_in_recall_tells_the_true_ranks_and_looks_at_more(planted: Planted) -> None:
    query = Query("kittiwake", **_PLAIN, top_k=5, candidates=10)
    answer = planted.why(query, "kittiwake-24.txt")
    assert answer.cause is Cause.LOST_IN_RECALL
    assert answer.standings["lexical"][0] == 24
    assert answer.standings["vector"][0] in {24, 25}  # one of another question may come between: hashes collide
    assert "10 candidates" in answer.sentence
    assert "by words it ranks 24" in answer.sentence
    suggestion = planted.comes_back(answer, "kittiwake-24.txt")
    assert suggestion.query is not None
    assert suggestion.query.candidates == 24
    assert suggestion.query.top_k in {24, 25}


def test_lost_in_fusion_offers_the_way_that_placed_it_well(planted: Planted) -> None:
    query = Query("colony island anemone", **_PLAIN, top_k=3)
    answer = planted.why(query, "anemone.txt")
    assert answer.cause is Cause.LOST_IN_FUSION, answer
    assert answer.standings["lexical"][0] <= 3 < answer.standings["fusion"][0]  # type: ignore[operator]
    suggestion = planted.comes_back(answer, "anemone.txt")
    assert suggestion.query == replace(query, mode=SearchMode.LEXICAL)


def test_lost_in_rerank_is_found_without_the_reranker(planted: Planted) -> None:
    query = Query("neap tide", miss_rate=0.0, top_k=3, rerank=True, rerank_candidates=6, rerank_top_k=3)
    before = planted.shown(replace(query, rerank=False))
    assert "moon.txt" in before
    answer = planted.why(query, "moon.txt")
    assert answer.cause is Cause.LOST_IN_RERANK, answer
    suggestion = planted.comes_back(answer, "moon.txt")
    assert suggestion.query == replace(query, rerank=False)


def test_another_passage_of_the_document_stands_for_a_page(planted: Planted) -> None:
    pages = ["puffin burrow " * 300, "puffin " + " ".join(f"gravel{n}" for n in range(300))]
    text = "\f".join(pages)
    parsed = ParsedDocument(
        DocumentInfo("text", language="en"),
        tuple(Page(number, page, PageState.TEXT) for number, page in enumerate(pages, start=1)),
        (Block(BlockKind.PARAGRAPH, 0, len(pages[0])), Block(BlockKind.HEADING, len(pages[0]) + 1, len(text), 1)),
    )
    library = planted.suite._library
    library.line().take_texts([("puffin.txt", parsed)], library.collection("Shore"))
    library.settle()
    passages = library.catalog.chunks([planted.suite.document("puffin.txt").id])
    assert len(passages) > 1
    query = Query("puffin burrow", **_PLAIN, group=True)
    answer = planted.why(query, chunk_id=passages[-1].id)
    assert answer.cause is Cause.GROUPED
    found = planted.suite.bring_back(answer.suggestions[0])
    assert found is not None
    assert passages[-1].id in [hit.chunk_id for hit in planted.suite.search(found, record=False).hits]


def test_a_document_without_vectors_is_offered_by_words(planted: Planted) -> None:
    library = planted.suite._library
    parsed = text_of("The guillemot stands upright.")
    spec = library.collection("Shore").spec
    sha256, size = library.blobs.put_bytes(b"guillemot")
    chunks = library.chunker(spec).split(sha256[:32], parsed)
    library.catalog.commit(PreparedDocument(sha256, "guillemot.txt", size, parsed, chunks, {}, "waits"), "Shore")
    library.settle()
    answer = planted.why(Query("guillemot upright", **_PLAIN, mode=SearchMode.TRADITIONAL), "guillemot.txt")
    assert answer.cause is Cause.NOT_EMBEDDED
    assert planted.comes_back(answer, "guillemot.txt").query.mode is SearchMode.LEXICAL  # type: ignore[union-attr]
    assert answer.suggestions[-1].remedy is Remedy.WAIT


def test_nothing_of_this_is_recorded_and_nonsense_is_refused(planted: Planted) -> None:
    planted.suite.forget_flights()
    query = Query("kittiwake", **_PLAIN, top_k=5)
    planted.why(query, "kittiwake-09.txt")
    assert planted.suite.flights() == []
    for place in ({"document": ""}, {"document": "heather.txt", "page": 9}):
        with pytest.raises(UsageError):
            planted.why(query, **place)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        planted.why(query, chunk_id="0" * 32)


def test_phrases_that_stand_in_different_passages_are_told_and_one_is_dropped(planted: Planted) -> None:
    answer = planted.why(Query('"sea wall" "stone pier"', **_PLAIN), "quay.txt")
    assert answer.cause is Cause.FILTERED
    assert answer.sentence == (
        "'quay.txt' has no passage that meets all phrases and excluded words of the question at once."
    )
    planted.comes_back(answer, "quay.txt")


def test_the_setting_of_most_passages_is_named_wherever_the_page_ranks(planted: Planted) -> None:
    library, query = planted.suite._library, Query("sea wall stone pier", **_PLAIN, top_k=20)
    before = library.config
    library.config = before.model_copy(update={"max_per_document": 1})
    try:
        shown = next(hit.page for hit in planted.suite.search(query).hits if hit.document == "quay.txt")
        for many in (20, 1):
            answer = planted.why(replace(query, top_k=many), "quay.txt", page=3 - shown)
            assert answer.cause is Cause.GROUPED, answer
            assert "max_per_document" in answer.sentence
        other = planted.why(replace(query, text="colony", top_k=1), "quay.txt", page=3 - shown)
        assert other.suggestions or "max_per_document" in other.sentence, other
    finally:
        library.config = before


def test_what_has_another_name_here_is_explained_under_its_own(planted: Planted, tmp_path: Path) -> None:
    for name in ("first.txt", "copy.txt"):
        (tmp_path / name).write_text("The bittern booms in the reeds.")
        planted.suite.ingest([tmp_path / name], "Hills")
    answer = planted.why(Query("bittern reeds", **_PLAIN), "copy.txt")
    assert answer.sentence == "'first.txt' did come back: it is number 1."


def test_far_below_where_nothing_counts_as_found(planted: Planted) -> None:
    library = planted.suite._library
    (model_id,) = library.models()
    names = [each.name for each in planted.suite.collections()]
    library.catalog.keep_calibrations(
        [Calibration(model_id, name, FUSION_STAGE, (), (0.99,) * 50, passages=50) for name in names]
    )
    query = Query("kittiwake zeppelin quokka", rerank=False, top_k=5)
    assert planted.suite.search(query).abstained
    answer = planted.why(query, "kittiwake-20.txt")
    assert answer.cause is Cause.BELOW_THE_CUT
    assert "near enough to count as found" in answer.sentence
    assert planted.comes_back(answer, "kittiwake-20.txt").title.startswith("Show the nearest anyway, and show ")
