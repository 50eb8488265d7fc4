"""Live approximate searches on a real Chroma store are compared with the exact scan, and widen themselves where it loses too many."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cortex_engine import certifying
from cortex_engine.api.metrics import Figures
from cortex_engine.config import load_config
from cortex_engine.core.calibration import MAX_SAMPLES, RecallSample
from cortex_engine.core.documents import DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.search import Filters, Query, Ranking, SearchMode, SearchResult
from cortex_engine.suite import CortexSuite

WORDS = [
    "amber",
    "basalt",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "garnet",
    "heron",
    "indigo",
    "juniper",
    "kelp",
    "lichen",
    "maple",
    "nectar",
    "opal",
    "pine",
    "quartz",
    "reed",
]


class Losing:
    """The real store, made poor on purpose: asked for fewer than `wide`, it loses every passage whose id falls on a third."""

    def __init__(self, store: Any, wide: int) -> None:
        self.store, self.wide, self.asked = store, wide, []

    def nearest(self, vector: Any, top_k: int, documents: Any = None) -> Ranking:
        self.asked.append(top_k)
        ranking = self.store.nearest(vector, top_k, documents)
        if top_k >= self.wide:
            return ranking
        return Ranking(ranking.stage, tuple(i for i in ranking.items if zlib.crc32(i.chunk_id.encode()) % 3))


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[CortexSuite]:
    environ = {
        "CORTEX_EMBEDDING_BACKEND": "hashing",
        "CORTEX_MIN_FREE_BYTES": "0",
        "CORTEX_VECTOR_STORE": "chroma",
        "CORTEX_EXACT_BELOW": "0",
        "CORTEX_CANDIDATES": "10",
        "CORTEX_RECALL_SAMPLING": "1",
        "CORTEX_GRAPH": "false",
    }
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as opened:
        library = opened._library
        library.own()
        texts = [" ".join(WORDS[(n * k) % len(WORDS)] + str(n % 7) for k in (1, 3, 5, 7)) for n in range(150)]
        parsed = [
            (f"{n}.txt", ParsedDocument(DocumentInfo("text", language="en"), (Page(1, text, PageState.TEXT),), ()))
            for n, text in enumerate(texts)
        ]
        line = library.line()
        line.take_texts(parsed, library.collection("Stones"))
        library.settle()
        yield opened


def ask(suite: CortexSuite, times: int, **values: Any) -> SearchResult:
    """Different live questions, and everything that they left to compare."""
    for number in range(times):
        words = f"{WORDS[number % len(WORDS)]}{number % 7} {WORDS[(number * 5) % len(WORDS)]}{number % 7}"
        result = suite.search(Query(words, SearchMode.TRADITIONAL, **values), record=False)
        while certifying.step(suite._library):
            pass
    return result


def fact(result: SearchResult) -> object:
    return next(step.facts["scan"] for step in result.trace.steps if step.stage == "vector")


def model_id(suite: CortexSuite) -> str:
    (found,) = suite._library.models()
    return found


def lose(monkeypatch: pytest.MonkeyPatch, suite: CortexSuite, wide: int) -> Losing:
    store = suite._library.large_store(model_id(suite))
    assert store is not None
    losing = Losing(store, wide)
    monkeypatch.setattr(suite._library, "large_store", lambda _: losing)
    return losing


def test_a_sound_index_is_certified(suite: CortexSuite) -> None:
    assert suite.recall_certificates()[0].samples == 0
    assert fact(ask(suite, 12)) == "approximate"
    (certificate,) = suite.recall_certificates()
    assert (certificate.samples, certificate.widening, certificate.exact) == (12, 1.0, False)
    assert certificate.recall > 0.95
    assert certificate.low <= certificate.recall <= certificate.high
    page = Figures().page(suite).decode()
    assert 'cortex_recall_at_10{estimate="low"' in page
    assert 'cortex_recall_at_10{estimate="mean"' in page
    assert "cortex_recall_samples{" in page
    said = subprocess.run(
        [
            sys.executable,
            "-m",
            "cortex_engine",
            "--no-server",
            "--data-dir",
            str(suite.config.data_dir),
            "recall",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"CORTEX_EXACT_BELOW": "0", "CORTEX_EMBEDDING_BACKEND": "hashing", "PATH": "/usr/bin:/bin"},
    )
    assert json.loads(said.stdout)["certificates"][0]["samples"] == 12


def test_searches_widen_until_they_find_enough(suite: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    losing = lose(monkeypatch, suite, wide=40)
    result = ask(suite, 5)
    (certificate,) = suite.recall_certificates()
    assert certificate.widening == 2, "five searches leave no doubt"
    assert certificate.samples < 5, "what was asked less widely says nothing of now"
    with monkeypatch.context() as patched:
        patched.setattr(certifying, "next_widening", lambda *_: 8.0)
        (before,) = suite.recall_certificates()
        assert (before.samples, before.low, before.high) == (0, 0.0, 1.0), "nothing was asked so widely yet"
    result = ask(suite, 30)
    assert losing.asked[0] == 10
    assert losing.asked[-1] == 40
    assert fact(result) == "approximate, widened 4 times"
    assert len(result.hits) == 10
    (certificate,) = suite.recall_certificates()
    assert certificate.widening == 4
    assert certificate.recall > 0.95, "only searches that asked so wide count"
    assert suite._library.watch.widening(model_id(suite)) == 4
    # A process that starts again goes on where this one stood.
    suite._library.watch.widen(model_id(suite), 1.0)
    certifying.review(suite._library, model_id(suite))
    assert suite._library.watch.widening(model_id(suite)) == 4


def test_an_index_that_nothing_helps_is_left_and_taken_up_again(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing = lose(monkeypatch, suite, wide=1000)
    result = ask(suite, 70)
    assert suite.recall_certificates()[0].widening == 0
    assert fact(result) == "exact, as the index loses too many"
    assert losing.asked[-1] == 80, "probes go on in the background"
    exact = suite._library.exact_store(model_id(suite))
    vector = suite._library.embedder(suite._library.catalog.spec(model_id(suite))).embed_query(result.query.text)
    assert [hit.chunk_id for hit in result.hits] == [item.chunk_id for item in exact.nearest(vector, 10)]
    losing.wide = 0
    sample = RecallSample(model_id(suite), 10, 10, 80, "", 0.0)
    for _ in range(199):
        suite._library.catalog.keep_recall_sample(sample)
    ask(suite, 1)
    assert suite._library.watch.widening(model_id(suite)) == 8


def test_filtered_searches_are_exact_and_nobody_compares_them(suite: CortexSuite) -> None:
    result = ask(suite, 3, filters=Filters(collections=("Stones",)))
    assert fact(result) == "exact"
    suite.why_not(Query("amber1 cedar2", SearchMode.TRADITIONAL), "3.txt")
    assert suite._library.watch.take() is None, "what the suite asks itself is no question of a person"
    assert suite.recall_certificates()[0].samples == 0


def test_a_search_that_a_change_overtook_is_not_counted(suite: CortexSuite) -> None:
    suite.search(Query("amber1 cedar2", SearchMode.TRADITIONAL), record=False)
    suite.delete_documents([suite.documents()[0].id])
    assert certifying.step(suite._library)
    assert suite.recall_certificates()[0].samples == 0


def test_no_query_waits_and_none_is_kept(suite: CortexSuite) -> None:
    for _ in range(100):
        suite.search(Query("amber1 cedar2", SearchMode.TRADITIONAL), record=False)
    waiting = 0
    while certifying.step(suite._library):
        waiting += 1
    assert 0 < waiting <= 32, "more than that would be work without end"
    with suite._library.catalog._database.read() as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(recall_sample)")]
    assert columns == ["key", "model", "k", "found", "candidates", "asked", "widening"], "numbers only"


def test_the_newest_samples_are_kept(suite: CortexSuite) -> None:
    catalog, key = suite._library.catalog, model_id(suite)
    with catalog._database.write() as connection:
        connection.executemany(
            "INSERT INTO recall_sample (model, k, found, candidates, asked, widening) "
            "SELECT key, 10, ?, 10, '', 1 FROM embedding_spec",
            [(number % 10,) for number in range(MAX_SAMPLES)],
        )
    catalog.keep_recall_sample(RecallSample(key, 10, 10, 10, "2026-01-01"))
    kept = catalog.recall_samples(key)
    assert len(kept) == MAX_SAMPLES
    assert kept[0].asked == "2026-01-01"
    catalog.keep_recall_sample(RecallSample("gone", 10, 10, 10, ""))
    assert catalog.recall_samples("gone") == []
