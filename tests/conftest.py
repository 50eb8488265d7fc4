"""Fixtures for all tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that take minutes wait for their own run."""
    if item.get_closest_marker("soak") and not os.environ.get("CORTEX_TEST_SOAK"):
        pytest.skip("takes minutes: `make soak` runs it")


@pytest.fixture(scope="session", autouse=True)
def _kept_zygotes() -> Iterator[Any]:
    from tests.kept_zygotes import keep

    with pytest.MonkeyPatch.context() as patch:
        kept = keep(patch)
        yield kept
        kept.end()


@pytest.fixture(autouse=True)
def _zygotes_of_its_own(request: pytest.FixtureRequest, _kept_zygotes: Any) -> Iterator[None]:
    """What proves the box has processes of its own, which end as they do in the application."""
    _kept_zygotes.keeping = ROOT / "tests" / "unit" / "parsing" not in request.path.parents
    yield
    _kept_zygotes.keeping = True


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The development data (documents, images, retrieval sets); tests that need it skip where it is absent."""
    folder = Path(os.environ.get("CORTEX_TEST_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"the development data is not there ({folder}); set CORTEX_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real sentence-transformers model with two small layers and random weights."""
    import torch

    from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision

    ensure_torchvision()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    letters = [chr(code) for code in range(33, 127)] + list("äöüß東京")
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        "honey",
        "bees",
    ]
    bare = folder / "bare"
    bare.mkdir()
    (bare / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(bare)
    BertTokenizerFast(vocab=str(bare / "vocab.txt"), model_max_length=192).save_pretrained(bare)
    body = Transformer(str(bare))
    SentenceTransformer(modules=[body, Pooling(32, "mean")], device="cpu").save_pretrained(str(folder / "tiny-bert"))
    return folder / "tiny-bert"


@pytest.fixture(scope="session")
def qwen3_vl_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny Qwen3-VL checkpoints: embedding, reranker, multivector, trained_embedding, trained_reranker, and bare_…."""
    from tests.qwen3_vl_kit.checkpoints import write_checkpoints

    return write_checkpoints(tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture(scope="session")
def qwen3_vl_pictures() -> Path:
    """The pictures of the reference numbers, and t_COLOUR_SHAPE.png for the trained checkpoints (red, green, blue, yellow; circle, square, triangle, cross)."""
    return ROOT / "tests" / "qwen3_vl_kit" / "pictures"


@pytest.fixture(scope="session")
def qwen3_vl_reference() -> dict[str, Any]:
    """What the official implementation gives for the cases of `tests/qwen3_vl_kit/cases.py`."""
    reference: dict[str, Any] = json.loads((ROOT / "tests" / "qwen3_vl_kit" / "reference.json").read_text())
    return reference


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real cross-encoder with two small layers that knows the pairs of the rerankers' probe."""
    from tests.reranking_kit.tiny_cross_encoder import write_cross_encoder

    return write_cross_encoder(tmp_path_factory.mktemp("cross_encoder") / "tiny-cross-encoder", trained=True)


@pytest.fixture
def vision() -> Iterator[Callable[..., Any]]:
    """Start vision endpoints on this machine; all are stopped at the end."""
    from tests.vision_endpoint import VisionEndpoint

    started: list[VisionEndpoint] = []

    def start(answer: str | int | bytes = "A picture.") -> VisionEndpoint:
        started.append(VisionEndpoint(answer))
        return started[-1]

    yield start
    for endpoint in started:
        if not endpoint.ended.is_set():
            endpoint.close()
