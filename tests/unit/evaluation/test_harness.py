"""The harness over a search whose answers are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_engine.core.errors import UsageError
from cortex_engine.core.search import Query, SearchHit, SearchMode, SearchResult, SearchTrace
from cortex_engine.evaluation.datasets import EvaluationDataset
from cortex_engine.evaluation.harness import evaluate, without_operators

ANSWERS = {"first": ["d1", "d2"], "second": ["d2", "d1", "d3"], "third": ["d1"]}


@pytest.fixture
def dataset(tmp_path: Path) -> EvaluationDataset:
    (tmp_path / "corpus.jsonl").write_text("".join(f'{{"_id": "d{n}", "text": "x"}}\n' for n in range(1, 4)))
    queries = {"q1": "first", "q2": "second", "q3": "third"}
    return EvaluationDataset("toy", tmp_path, queries, {"q1": {"d1": 1}, "q2": {"d1": 1, "d3": 1}, "q3": {"d1": 0}})


def search(query: Query, degraded: tuple[str, ...] = ()) -> SearchResult:
    assert query.group and query.top_k == 100
    names = ANSWERS[query.text] if query.mode is not SearchMode.LEXICAL else []
    hits = tuple(
        SearchHit(rank, 1.0, f"id-{name}", name, (), 1, f"c{rank}", "x", 0, 1, {}) for rank, name in enumerate(names, 1)
    )
    return SearchResult(query, hits, SearchTrace(), degraded)


def test_means_run_over_judged_queries_and_the_others_are_counted(dataset):
    report = evaluate(dataset, search)
    assert (report.dataset, report.queries, report.unjudged, report.documents) == ("toy", 2, 1, 3)
    hybrid = report.modes["hybrid"]
    assert hybrid.metrics["mrr"].value == pytest.approx((1 + 1 / 2) / 2)
    assert hybrid.metrics["recall@1"].value == pytest.approx(1 / 2)
    assert hybrid.metrics["recall@100"].value == 1.0
    assert hybrid.p95_ms >= hybrid.p50_ms > 0


def test_an_empty_answer_counts_as_nothing_found(dataset):
    report = evaluate(dataset, search, [SearchMode.LEXICAL])
    assert set(report.modes) == {"lexical"} and report.modes["lexical"].metrics["ndcg@10"].value == 0.0


def test_degraded_searches_are_not_measured(dataset):
    with pytest.raises(UsageError, match=r"degraded \(vector\)"):
        evaluate(dataset, lambda query: search(query, ("vector",)))


def test_a_set_without_judgements_is_refused(dataset):
    empty = EvaluationDataset("bare", dataset.folder, dataset.queries, {"q1": {"d1": 0}})
    with pytest.raises(UsageError, match="'bare'"):
        evaluate(empty, search)


def test_quotation_marks_of_a_data_set_are_no_operators(dataset):
    assert without_operators('a "b c" -d e-f - „g“') == "a  b c   d e-f -  g "
    assert without_operators('der "Fischglas"-Helm') == "der  Fischglas  Helm"
    quoted = EvaluationDataset("quoted", dataset.folder, {"q1": '"first"'}, {"q1": {"d1": 1}})
    asked = []

    def recording(query: Query) -> SearchResult:
        asked.append(query.text)
        return SearchResult(query, (), SearchTrace())

    evaluate(quoted, recording, [SearchMode.HYBRID])
    assert asked == [" first "]
