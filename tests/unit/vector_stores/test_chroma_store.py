"""What the Chroma adapter adds: its rules, and its errors as sentences."""

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
    store.verify(full=True)


def test_an_empty_store_is_sound(store):
    store.verify()
    store.verify(full=True)


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
