"""Reading data sets in BEIR layout, and the sentences for what is wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.evaluation.datasets import read_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "toy"
    (root / "qrels").mkdir(parents=True)
    documents = [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "two\u2028lines"}]
    (root / "corpus.jsonl").write_text(
        "\n".join(json.dumps(d, ensure_ascii=False) for d in documents) + "\n\n", "utf-8"
    )
    (root / "queries.jsonl").write_text('{"_id": "q1", "text": "eins"}\n{"_id": "q2", "text": "zwei"}\n')
    (root / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n")
    return root


def test_reads_queries_judgements_and_corpus(folder):
    data = read_dataset(folder)
    assert data.name == "toy" and data.queries == {"q1": "eins", "q2": "zwei"}
    assert data.judgements == {"q1": {"d1": 2, "d2": 0}}
    assert list(data.corpus()) == [("d1", "T", "one"), ("d2", "", "two\u2028lines")]


def test_judgements_without_header_and_other_splits(folder):
    (folder / "qrels" / "dev.tsv").write_text("q2\td2\t1\n")
    assert read_dataset(folder, "dev").judgements == {"q2": {"d2": 1}}
    assert read_dataset(folder).judgements["q1"]
    with pytest.raises(NotFoundError, match=r"train\.tsv \(found: dev\.tsv, test\.tsv\)"):
        read_dataset(folder, "train")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(NotFoundError, match=name.split("/")[-1]):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("queries.jsonl", '{"_id": "q1", "text": "x"}\n{oops\n', "line 2.*not JSON"),
        ("queries.jsonl", '{"_id": "q1", "text": "x"}\n\n{"_id": "q1", "text": "y"}\n', "line 3.*second time"),
        ("queries.jsonl", '{"_id": 7, "text": "x"}\n', "line 1.*'_id'"),
        ("queries.jsonl", '["q1"]\n', "line 1.*JSON object"),
        ("corpus.jsonl", '{"_id": "d1"}\n', "line 1.*'text'"),
        ("corpus.jsonl", '{"_id": "d", "text": ""}\n{"_id": "d", "text": ""}\n', "line 2.*second time"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\n", "line 2.*tabs"),
        ("qrels/test.tsv", "q1\td1\tyes\n", "line 1.*whole number"),
    ],
)
def test_malformed_lines_are_told_with_file_and_number(folder, name, content, expected):
    (folder / name).write_text(content)
    with pytest.raises(UsageError, match=f"{name.split('/')[-1]}, {expected}"):
        list(read_dataset(folder).corpus())


def test_other_encodings_are_refused(folder):
    (folder / "queries.jsonl").write_bytes('{"_id": "q1", "text": "Äpfel"}\n'.encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        read_dataset(folder)


def test_real_sets_can_be_read():
    root = Path(os.environ.get("CORTEX_TEST_DATA", Path(__file__).parents[4] / "shared" / "data")) / "retrieval"
    if not root.is_dir():
        pytest.skip("the development data is not here (set CORTEX_TEST_DATA)")
    data = read_dataset(root / "cacm")
    assert len(data.queries) == 64 and len(data.judgements) == 52
    assert sum(len(each) for each in data.judgements.values()) == 796
    assert sum(1 for _ in data.corpus()) == 3204
