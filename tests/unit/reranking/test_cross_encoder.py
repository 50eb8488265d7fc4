"""Cross-encoders by folder: agreement with the library, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cortex_engine.backends import build_reranker
from cortex_engine.config import CortexConfig
from cortex_engine.core.errors import ConfigError, ModelUnavailableError, ModelUnhealthyError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate
from cortex_engine.reranking.cross_encoder import DEFAULT_MODEL, CrossEncoderReranker
from cortex_engine.reranking.http import HttpReranker
from tests.reranking_kit.damage import with_json
from tests.reranking_kit.tiny_cross_encoder import write_cross_encoder

pytestmark = pytest.mark.xdist_group("qwen3_vl")

TEXTS = ["Bees make honey.", "x", "The invoice for March was paid.", "http://127.0.0.1:9/x.png", "honey " * 400]


def test_raw_scores_are_the_library_s_logits_and_scores_their_sigmoid(tiny_cross_encoder: Path) -> None:
    from sentence_transformers import CrossEncoder
    from torch.nn import Identity

    library = CrossEncoder(str(tiny_cross_encoder), device="cpu")
    expected = library.predict([("How do bees make honey?", text) for text in TEXTS], activation_fn=Identity())
    reranker = CrossEncoderReranker(str(tiny_cross_encoder), device="cpu", batch_size=2)
    candidates = [Candidate(str(place), ModelInput(text)) for place, text in enumerate(TEXTS)]
    judged = {each.id: each for each in reranker.rerank(ModelInput("How do bees make honey?"), candidates)}
    for place, logit in enumerate(expected):
        assert judged[str(place)].raw == pytest.approx(float(logit), abs=1e-5)
        assert judged[str(place)].score == pytest.approx(1 / (1 + np.exp(-float(logit))), abs=1e-5)
    assert (reranker.device, reranker.precision) == ("cpu", "float32")


def test_random_weights_are_caught(tmp_path: Path) -> None:
    with pytest.raises(ModelUnhealthyError, match="is not used: scores (look random|are inverted)"):
        CrossEncoderReranker(str(write_cross_encoder(tmp_path / "random", trained=False)), device="cpu").load()


def test_what_is_no_reranker_is_refused(
    tiny_cross_encoder: Path, tiny_model: Path, qwen3_vl_models: Path, tmp_path: Path
) -> None:
    for folder, words in (
        (tiny_model, "is no cross-encoder: its config.json names BertModel"),
        (qwen3_vl_models / "reranker", "for Qwen3-VL set 'reranker' to 'qwen3_vl'"),
        (write_cross_encoder(tmp_path / "three", trained=False, labels=3), "gives 3 classes for a pair"),
        (tmp_path / "nowhere", "is not there.*reranker_model"),
    ):
        with pytest.raises(ModelUnavailableError, match=words):
            CrossEncoderReranker(str(folder)).load()
    broken = with_json(
        tiny_cross_encoder, tmp_path / "broken", "config.json", lambda value: value.update(hidden_size=16)
    )
    with pytest.raises(ModelUnavailableError, match="cannot be loaded from"):
        CrossEncoderReranker(str(broken)).load()


def test_offline_an_absent_model_fails_at_once(tmp_path: Path) -> None:
    reranker = build_reranker(CortexConfig(data_dir=tmp_path, reranker="cross_encoder", offline=True))
    assert isinstance(reranker, CrossEncoderReranker)
    assert reranker.name == DEFAULT_MODEL
    with pytest.raises(
        ModelUnavailableError, match=r"reranker BAAI/bge-reranker-v2-m3 is not on this machine.*offline"
    ):
        reranker.load()


def test_the_settings_name_the_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_reranker(CortexConfig(data_dir=tmp_path)) is None
    with pytest.raises(ConfigError, match="'reranker_url' is empty"):
        build_reranker(CortexConfig(data_dir=tmp_path, reranker="http"))
    monkeypatch.setenv("CORTEX_RERANKER_API_KEY", "k")
    service = build_reranker(
        CortexConfig(data_dir=tmp_path, reranker="http", reranker_url="http://h/v1", reranker_model="m")
    )
    assert isinstance(service, HttpReranker)
    assert service.name == "m at h"
