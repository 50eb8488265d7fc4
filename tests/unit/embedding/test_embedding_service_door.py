"""The door `embedding_service` follows the settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cortex_engine import embedding_service
from cortex_engine.core.errors import ConfigError, ModelUnavailableError, UsageError


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORTEX_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CORTEX_EMBEDDING_BACKEND", "hashing")


def test_vectors_come_from_the_backend_that_is_set() -> None:
    assert embedding_service.get_embedder().spec.backend == "hashing"
    documents = embedding_service.embed_documents(["Bees make honey.", "An invoice."])
    assert int(np.argmax(documents @ embedding_service.embed_query("honey"))) == 0


def test_the_embedder_is_made_once_and_again_when_the_settings_change(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    first = embedding_service.get_embedder()
    assert embedding_service.get_embedder() is first
    monkeypatch.setenv("CORTEX_EMBEDDING_BACKEND", "sentence_transformer")
    monkeypatch.setenv("CORTEX_EMBEDDING_MODEL", str(tiny_model))
    assert embedding_service.get_embedder().spec.backend == "sentence_transformer"


def test_what_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CORTEX_EMBEDDING_BACKEND", "sentence_transformer")
    monkeypatch.setenv("CORTEX_EMBEDDING_MODEL", str(tmp_path / "nowhere"))
    with pytest.raises(ModelUnavailableError, match="nowhere"):
        embedding_service.embed_query("honey")
    monkeypatch.setenv("CORTEX_EMBEDDING_MODEL", "")
    with pytest.raises(ConfigError, match="embedding_model"):
        embedding_service.embed_query("honey")


def test_backends_are_switched_by_name(qwen3_vl_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN3_VL_EMBEDDING_MODEL", str(qwen3_vl_models / "trained_embedding"))
    seeing = embedding_service.get_embedder("Qwen3-VL")
    assert (seeing.spec.backend, seeing.spec.dimension) == ("qwen3_vl", 64)
    assert embedding_service.get_embedder("Qwen3-VL") is seeing
    assert embedding_service.embed_query("honey", "hashing").shape == (256,)
    assert embedding_service.get_embedder("all-MiniLM-L6-v2").spec.dimension == 384
    assert embedding_service.get_embedder("qwen3_vl@32").spec.dimension == 32


def test_backends_that_cannot_be_had_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailableError, match="never executed"):
        embedding_service.get_embedder("NV-Embed")
    monkeypatch.setenv("CORTEX_OFFLINE", "1")
    with pytest.raises(ModelUnavailableError, match="bge-base-en-v1.5 is not on this machine"):
        embedding_service.embed_query("honey", "BGE")
    with pytest.raises(UsageError, match="names no embedding model"):
        embedding_service.get_embedder("word2vec")
