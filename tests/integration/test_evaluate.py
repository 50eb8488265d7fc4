"""`evaluate` on the command line: the shape that other tools read, and the quality that was agreed on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

METRICS = {"ndcg@10", "mrr", "recall@1", "recall@5", "recall@10", "recall@20", "recall@100"}


def evaluate(library: Path, *arguments: str | Path, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("CORTEX_", "QWEN3_"))}
    command = [sys.executable, "-m", "cortex_engine", "--data-dir", str(library), "evaluate", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ | settings, timeout=250, check=False, cwd=library.parent
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three documents; of three questions one has no judgement."""
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": "d1", "title": "Puffins", "text": "The puffin digs a burrow."},
        {"_id": "d2", "title": "", "text": "Green tea is steamed."},
        {"_id": "d3", "title": "Ferries", "text": "The ferry leaves at half past seven."},
    ]
    queries = [
        {"_id": "q1", "text": "puffin burrow"},
        {"_id": "q2", "text": 'the "never heard of" ferry -leaves'},
        {"_id": "q3", "text": "nobody judged this"},
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t2\n")
    return folder


def test_json_has_the_agreed_shape(tmp_path: Path, dataset: Path) -> None:
    done = evaluate(tmp_path / "library", dataset, "--json", CORTEX_EMBEDDING_BACKEND="hashing")
    report = json.loads(done.stdout)
    assert (report["dataset"], report["queries"], report["documents"]) == ("tiny", 2, 3)
    assert set(report["modes"]) == {"traditional", "lexical", "hybrid", "graphrag"}
    for figures in report["modes"].values():
        assert METRICS | {"p50_ms", "p95_ms"} <= set(figures)
        assert all(isinstance(figures[name], float) for name in METRICS)
        assert figures["recall@100"] == 1.0
        assert 0 < figures["p50_ms"] <= figures["p95_ms"]
        low, high = figures["ndcg@10_interval"]
        assert 0 <= low <= figures["ndcg@10"] <= high <= 1
    assert report["modes"]["lexical"]["ndcg@10"] == 1.0, "operators of our search line are only words in a data set"


def test_chosen_modes_only_and_the_own_library_is_not_touched(tmp_path: Path, dataset: Path) -> None:
    done = evaluate(tmp_path / "library", dataset, "--mode", "lexical", "--json", CORTEX_EMBEDDING_BACKEND="hashing")
    assert set(json.loads(done.stdout)["modes"]) == {"lexical"}
    assert not (tmp_path / "library" / "catalog.db").exists()


def test_what_is_no_data_set_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = evaluate(tmp_path / "library", tmp_path / "empty", code=1)
    assert "corpus.jsonl" in done.stderr


@pytest.mark.soak
@pytest.mark.parametrize(("name", "least"), [("xquad-de-to-en", 0.70)])
def test_agreed_quality_is_reached(tmp_path: Path, data_root: Path, name: str, least: float) -> None:
    folder = data_root / "retrieval" / name
    report: dict[str, Any] = json.loads(evaluate(tmp_path / "library", folder, "--json").stdout)
    value = {mode: figures["ndcg@10"] for mode, figures in report["modes"].items()}
    assert value["hybrid"] >= least
    assert value["hybrid"] >= max(value["traditional"], value["lexical"])
