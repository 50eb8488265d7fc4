"""Real documents of many formats through the whole line, with the packaged model (S2-P7, text side)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.search import Filters
from cortex_engine.suite import CortexSuite, query_of

FILES = (
    "tracemonkey.pdf",
    "loremipsum-flat.pdf",
    "fr_olap.pdf",
    "right_to_left_01.pdf",
    "docx-tables.docx",
    "teams_chat.docx",
    "sample-presentation.pptx",
    "2023-half-year-analyses-by-segment.xlsx",
    "tests-example.xls",
    "fake-doc-emphasized-text.doc",
    "simple.odt",
    "fake-doc.rtf",
    "wiki_duck.html",
    "wiki.md",
    "stanley-cups-utf-16.csv",
    "fake-email-b64.eml",
    "fake-email.msg",
    "winter-sports.epub",
    "chi_sim_image.jpeg",
    "ipa20180000016.xml",
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real-documents")]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Iterator[CortexSuite]:
    folder = tmp_path_factory.mktemp("real")
    loaded = load_config(folder / "library", {"CORTEX_MIN_FREE_BYTES": "0"})
    with CortexSuite.open(loaded=loaded) as opened:
        report = opened.ingest([data_root / "documents" / name for name in FILES], "Real")
        assert report.failed == []
        yield opened


def test_every_account_balances(suite: CortexSuite) -> None:
    accounts = {entry.document: entry for entry in suite.ledger()}
    assert set(FILES) <= set(accounts)
    assert [name for name, entry in accounts.items() if not entry.balanced] == []
    assert accounts["loremipsum-flat.pdf"].pages == {"ocr": 1}
    assert accounts["tracemonkey.pdf"].pages == {"text": 14}


@pytest.mark.parametrize(
    ("question", "document", "pages"),
    [
        ("How does trace compilation handle nested loops?", "tracemonkey.pdf", {6, 7}),
        ("lorem ipsum dolor sit amet", "loremipsum-flat.pdf", {1}),
        ("exploitation des logs de requêtes OLAP", "fr_olap.pdf", {1}),
        ("which predators hunt ducklings", "wiki_duck.html", {1}),
        ("Stanley cups won by the Maple Leafs", "stanley-cups-utf-16.csv", {1}),
        ("skiing and bobsleigh at St. Moritz", "winter-sports.epub", set(range(1, 11))),
    ],
)
def test_questions_find_their_document(suite: CortexSuite, question: str, document: str, pages: set[int]) -> None:
    hit = suite.search(query_of(question, top_k=1)).hits[0]
    assert hit.document == document
    assert hit.page in pages
    whole = "\f".join(each.text for each in suite.pages(hit.document_id))
    assert whole[hit.char_start : hit.char_end] == hit.text
    cosine = hit.stages["vector"].score
    assert -1.0 <= cosine <= 1.0


def test_filters_by_what_documents_say_of_themselves(suite: CortexSuite) -> None:
    french = suite.search(query_of("requête", top_k=5, filters=Filters(languages=("fr",)))).hits
    assert {hit.document for hit in french} == {"fr_olap.pdf"}
    sheets = suite.documents(Filters(types=("xlsx", "xls")))
    assert [document.name for document in sheets] == ["2023-half-year-analyses-by-segment.xlsx", "tests-example.xls"]
    patent = suite.document("ipa20180000016.xml")
    assert patent.info.title


def test_a_phrase_and_an_excluded_word(suite: CortexSuite) -> None:
    with_phrase = suite.search('"trace tree" recording')
    assert with_phrase.hits
    assert all("trace tree" in (hit.context + hit.text).lower() for hit in with_phrase.hits)
    without = suite.search("trace tree -recording")
    assert without.hits
    assert not any("recording" in hit.text.lower().split() for hit in without.hits)


def test_large_collections_are_asked_of_chroma(suite: CortexSuite) -> None:
    """With the limit of exact scans at 0 the default store answers, and its scores are true cosines (S2-18)."""
    exact = {hit.chunk_id: hit.score for hit in suite.search(query_of("nested loops", "vector", 5)).hits}
    assert list(suite.config.data_dir.joinpath("derived").glob("knowledge_hub_db-*"))
    large = CortexSuite(suite.loaded, suite._library)
    suite._library.own()
    config = suite._library.config
    suite._library.config = config.model_copy(update={"exact_below": 0})
    try:
        result = large.search(query_of("nested loops", "vector", 5))
    finally:
        suite._library.config = config
    assert result.degraded == ()
    assert suite._library.large_store(next(iter(suite._library.models()))) is not None
    found = {hit.chunk_id: hit.score for hit in result.hits}
    assert found == pytest.approx(exact, abs=1e-4)
