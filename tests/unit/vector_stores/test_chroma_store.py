"""What the Chroma adapter adds: its rules, its errors as sentences, and the canaries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cortex_engine.core.errors import IndexUnavailableError, ModelMismatchError
from cortex_engine.vector_stores.chroma import ChromaStore


def unit(count: int) -> np.ndarray:
    vectors = np.random.default_rng(1).standard_normal((count, 24)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def store(tmp_path: Path):
    opened = ChromaStore(tmp_path / "chroma", "passages", 24)
    yield opened
    opened.close()


def test_batches_beyond_chromas_limit(store):
    vectors = unit(5200)
    store.upsert([f"c{n}" for n in range(5200)], [f"d{n // 100}" for n in range(5200)], vectors)
    assert store.describe().count == 5200
    assert store.canaries() == 1.0


def test_canaries_of_an_empty_store_and_of_equal_vectors(store):
    assert store.canaries() == 1.0
    store.upsert([f"c{n}" for n in range(100)], ["d"] * 100, np.repeat(unit(1), 100, axis=0))
    assert store.canaries() == 1.0


def test_canaries_fall_when_vectors_do_not_find_themselves(store):
    vectors = unit(200)
    store.upsert([f"c{n}" for n in range(200)], ["d"] * 200, vectors)
    with store._collection("tested") as collection:

        class Torn:
            count = collection.count
            get = collection.get

            def query(self, **arguments):
                answer = collection.query(**arguments)
                odd = [int(name[1:]) % 2 for name in answer["ids"][0]]
                for key in ("ids", "distances"):
                    answer[key][0] = [value for value, lost in zip(answer[key][0], odd, strict=True) if not lost]
                return answer

    store._opened = Torn()
    assert 0.2 < store.canaries() < 0.8


def test_a_broken_folder_is_a_sentence(tmp_path):
    folder = tmp_path / "chroma"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"this is no database" * 1000)
    store = ChromaStore(folder, "passages", 24)
    with pytest.raises(IndexUnavailableError, match="cortex rebuild"):
        store.describe()
    store.close()


def test_a_missing_index_file_is_a_sentence_or_a_right_answer(tmp_path):
    folder = tmp_path / "chroma"
    vectors = unit(3000)
    store = ChromaStore(folder, "passages", 24)
    store.upsert([f"c{n}" for n in range(3000)], ["d"] * 3000, vectors)
    store.close()
    damaged = [path for path in folder.rglob("*.bin") if "length" not in path.name]
    assert damaged
    for path in damaged:
        path.write_bytes(b"")
    again = ChromaStore(folder, "passages", 24)
    with pytest.raises(IndexUnavailableError, match="cortex rebuild"):
        again.nearest(vectors[0], 5)
    again.close()


def test_a_collection_of_another_program_is_refused(tmp_path):
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False, allow_reset=False)
    client = chromadb.PersistentClient(path=str(tmp_path / "chroma"), settings=settings)
    client.create_collection("passages", embedding_function=None)
    store = ChromaStore(tmp_path / "chroma", "passages", 24, client=client)
    with pytest.raises(ModelMismatchError, match="another program"):
        store.upsert(["a"], ["d"], unit(1))
    store.close()
    assert client.heartbeat() > 0
    client.close()
