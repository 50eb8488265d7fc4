"""The contract of `VectorStore`, held by every backend against a brute-force answer."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.core.errors import CortexError, ModelMismatchError, UsageError
from cortex_engine.core.protocols import ScoringVectorStore, VectorStore
from cortex_engine.vector_stores.chroma import ChromaStore
from cortex_engine.vector_stores.exact import ExactStore

DIMENSION = 96
BACKENDS = {"exact": ExactStore, "chroma": lambda folder, dimension: ChromaStore(folder, "passages", dimension)}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request):
    return BACKENDS[request.param]


@pytest.fixture
def store(backend, tmp_path: Path):
    opened = backend(tmp_path / "index", DIMENSION)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def cacm(data_root: Path):
    """Latent semantic vectors of 1,500 real abstracts: hashed words, idf, random projection."""
    texts = []
    with (data_root / "retrieval" / "cacm" / "corpus.jsonl").open(encoding="utf-8") as stream:
        for line in stream:
            record = json.loads(line)
            texts.append(f"{record.get('title', '')} {record.get('text', '')}".lower().split())
    texts = texts[-1500:]
    vocabulary = {word: position for position, word in enumerate(sorted({w for t in texts for w in t}))}
    counts = np.zeros((len(texts), len(vocabulary)), np.float32)
    for row, words in enumerate(texts):
        for word, count in Counter(words).items():
            counts[row, vocabulary[word]] = 1 + np.log(count)
    counts *= np.log(len(texts) / (counts > 0).sum(axis=0))
    sketch = counts @ np.random.default_rng(5).standard_normal((counts.shape[1], DIMENSION)).astype(np.float32)
    basis, _ = np.linalg.qr(counts.T @ sketch)
    vectors = counts @ basis
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def unit(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def names(count: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{position:05d}" for position in range(count)]


def owners(count: int, each: int = 10) -> list[str]:
    return [f"d{position // each}" for position in range(count)]


def brute(vectors: np.ndarray, ids: list[str], query: np.ndarray, top_k: int) -> list[tuple[str, float]]:
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    return sorted(zip(ids, scores.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))[:top_k]


def found(ranking) -> list[str]:
    return [item.chunk_id for item in ranking]


def test_implements_the_port(store):
    assert isinstance(store, VectorStore)
    assert isinstance(store, ScoringVectorStore) == (store.describe().backend == "exact")


def test_real_text_recall_and_true_cosine(store, cacm):
    ids = names(len(cacm))
    store.upsert(ids, owners(len(cacm)), cacm)
    store.flush()
    hits = 0
    for query in cacm[::50]:
        wanted = brute(cacm, ids, query, 10)
        ranking = store.nearest(query, 10)
        assert ranking.stage == "vector"
        assert len(ranking) == 10
        true = dict(brute(cacm, ids, query, len(ids)))
        for item in ranking:
            assert item.score == pytest.approx(true[item.chunk_id], abs=1e-5)
        scores = [item.score for item in ranking]
        assert scores == sorted(scores, reverse=True)
        hits += len({name for name, _ in wanted} & set(found(ranking)))
    assert hits / (10 * len(cacm[::50])) >= (1.0 if isinstance(store, ExactStore) else 0.95)


def test_filter_equals_brute_force(store, cacm):
    ids, documents = names(len(cacm)), owners(len(cacm))
    store.upsert(ids, documents, cacm)
    for chosen in ({"d3"}, {"d3", "d77", "unknown"}, {f"d{number}" for number in range(0, 150, 2)}):
        rows = [row for row, name in enumerate(documents) if name in chosen]
        wanted = [name for name, _ in brute(cacm[rows], [ids[row] for row in rows], cacm[7], 5)]
        answer = found(store.nearest(cacm[7], 5, chosen))
        assert {documents[ids.index(name)] for name in answer} <= chosen
        assert len(set(answer) & set(wanted)) >= (5 if isinstance(store, ExactStore) else 4)


def test_upsert_twice_changes_nothing(store):
    vectors = unit(30)
    for _ in range(2):
        store.upsert(names(30), owners(30), vectors)
    store.flush()
    assert store.describe().count == 30
    assert store.ids() == set(names(30))


def test_upsert_replaces_vector_and_document(store):
    vectors = unit(30)
    store.upsert(names(30), owners(30), vectors)
    store.upsert(["c00004"], ["elsewhere"], vectors[9:10])
    assert store.describe().count == 30
    assert found(store.nearest(vectors[9], 2)) == ["c00004", "c00009"]
    assert found(store.nearest(vectors[9], 5, {"elsewhere"})) == ["c00004"]
    store.delete(["d0"])
    assert "c00004" in store.ids()


def test_the_last_of_equal_ids_in_one_call_wins(store):
    vectors = unit(3)
    store.upsert(["a", "b", "a"], ["x", "x", "y"], vectors)
    assert store.describe().count == 2
    assert store.nearest(vectors[2], 1).items[0].score == pytest.approx(1.0, abs=1e-5)
    assert found(store.nearest(vectors[2], 3, {"y"})) == ["a"]


def test_deleted_is_gone_at_once(store):
    vectors = unit(50)
    store.upsert(names(50), owners(50), vectors)
    store.delete({"d2", "never there"})
    assert store.describe().count == 40
    assert store.ids().isdisjoint(names(50)[20:30])
    assert set(found(store.nearest(vectors[25], 50))).isdisjoint(names(50)[20:30])
    store.upsert(names(50)[20:30], owners(50)[20:30], vectors[20:30])
    assert found(store.nearest(vectors[25], 1)) == ["c00025"]


def test_reopened_it_is_the_same(backend, store, tmp_path):
    vectors = unit(40)
    store.upsert(names(40), owners(40), vectors)
    store.delete(["d1"])
    store.flush()
    before = store.nearest(vectors[3], 10)
    store.close()
    again = backend(tmp_path / "index", DIMENSION)
    assert found(again.nearest(vectors[3], 10)) == found(before)
    assert again.ids() == store.ids()
    assert again.describe().count == 30
    again.close()


def test_a_closed_folder_can_be_deleted_and_made_anew(backend, tmp_path):
    folder = tmp_path / "generation"
    for generation in range(3):
        store = backend(folder, DIMENSION)
        assert store.ids() == set()
        store.upsert([f"g{generation}"], ["d"], unit(1, generation))
        store.flush()
        assert store.ids() == {f"g{generation}"}
        store.close()
        shutil.rmtree(folder)


def test_two_folders_in_one_process(backend, tmp_path):
    first, second = backend(tmp_path / "1", DIMENSION), backend(tmp_path / "2", DIMENSION)
    first.upsert(["a"], ["d"], unit(1))
    second.upsert(["b"], ["d"], unit(1))
    first.close()
    assert second.ids() == {"b"}
    second.close()


def test_empty_store(store):
    assert len(store.nearest(unit(1)[0], 5)) == 0
    assert len(store.nearest(unit(1)[0], 5, {"d"})) == 0
    assert store.ids() == set()
    assert store.describe().count == 0
    assert store.describe().dimension == DIMENSION
    store.delete(["d"])
    store.flush()


def test_no_documents_in_the_filter_find_nothing(store):
    store.upsert(names(5), owners(5), unit(5))
    for nothing in (set(), [], frozenset(), ["unknown"]):
        assert len(store.nearest(unit(1)[0], 5, nothing)) == 0
    store.delete([])
    assert store.describe().count == 5


def test_top_k_beyond_the_count(store):
    vectors = unit(7)
    store.upsert(names(7), owners(7), vectors)
    assert sorted(found(store.nearest(vectors[0], 1000))) == names(7)
    assert sorted(found(store.nearest(vectors[0], 1000, {"d0"}))) == names(7)
    assert len(store.nearest(vectors[0], 0)) == 0


def test_equal_scores_are_ordered_by_chunk_id(store):
    vectors = np.repeat(unit(1), 12, axis=0)
    ids = names(12)[::-1]
    store.upsert(ids, owners(12), vectors)
    assert found(store.nearest(vectors[0], 12)) == sorted(ids)


def test_unicode_ids(store):
    ids = ["日本語-1", "übermäßig", "emoji 🐝", "with\nnewline", "a'b\"c"]
    vectors = unit(5)
    store.upsert(ids, ["Дом", "Дом", "ß", "ß", "x,y"], vectors)
    store.flush()
    assert store.ids() == set(ids)
    assert found(store.nearest(vectors[2], 5, {"ß"}))[0] == "emoji 🐝"
    store.delete(["Дом"])
    assert store.ids() == set(ids[2:])


def test_vectors_of_another_length_are_scaled(store):
    vectors = unit(4)
    store.upsert(names(4), owners(4), vectors * 3)
    assert store.nearest(vectors[1] * 7, 1).items[0].score == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "wrong", [unit(2, dimension=DIMENSION + 1), unit(2, dimension=8), np.zeros((2, 0)), [1.0, 2.0]]
)
def test_another_dimension_is_refused(store, wrong):
    with pytest.raises(ModelMismatchError, match="embedding model"):
        store.upsert(["a", "b"], ["d", "d"], wrong)
    with pytest.raises(ModelMismatchError):
        store.nearest(unit(1, dimension=DIMENSION + 1)[0], 3)
    assert store.describe().count == 0


def test_another_dimension_on_disk_is_refused(backend, store, tmp_path):
    store.upsert(names(3), owners(3), unit(3))
    store.flush()
    store.close()
    other = backend(tmp_path / "index", DIMENSION // 2)
    with pytest.raises(ModelMismatchError, match="another embedding model"):
        other.describe()
    other.close()


def test_lists_arrays_none_and_nothing_are_understood(store):
    vectors = unit(3)
    store.upsert(None, None, None)
    store.upsert([], [], [])
    store.upsert([], [], np.empty((0, DIMENSION), np.float32))
    store.upsert(np.array([]), np.array([]), np.array([]))
    store.upsert(["a"], ["d"], vectors[:1].tolist())
    store.upsert(np.array(["b", "c"]), np.array(["d", "e"]), vectors[1:].astype(np.float64))
    assert store.ids() == {"a", "b", "c"}
    assert found(store.nearest(vectors[1].tolist(), 1)) == ["b"]
    assert found(store.nearest(vectors[1:2], 1, np.array(["d"]))) == ["b"]
    assert found(store.nearest(vectors[1], 1, ("d",))) == ["b"]
    store.delete(np.array(["d"]))
    assert store.ids() == {"c"}
    for refused in ((["x"], ["d"], None), (["x"], None, vectors[:1]), (["x"], ["d"], vectors)):
        with pytest.raises(CortexError, match="must come with their ids"):
            store.upsert(*refused)


def test_broken_vectors_are_refused(store):
    broken = unit(2)
    broken[1, 3] = np.nan
    with pytest.raises(UsageError, match="not finite"):
        store.upsert(["a", "b"], ["d", "d"], broken)
    for query in (broken[1], np.zeros(DIMENSION, np.float32)):
        with pytest.raises(UsageError, match="no direction"):
            store.nearest(query, 3)
    assert store.ids() == set()


def test_many_documents_in_a_filter(store):
    vectors = unit(2500)
    store.upsert(names(2500), owners(2500, 1), vectors)
    chosen = {f"d{number}" for number in range(0, 2500, 2)}
    answer = found(store.nearest(vectors[6], 10, chosen))
    assert answer[0] == "c00006"
    assert all(int(name[1:]) % 2 == 0 for name in answer)
    store.delete(chosen)
    assert store.describe().count == 1250
