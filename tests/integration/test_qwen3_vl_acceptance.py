"""What the mission's lines ask of Qwen3-VL as a whole: sizes as they are published, and pictures found by words they do not carry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cortex_engine import placement as placing
from cortex_engine.backends import build_embedder, build_reranker
from cortex_engine.checkpoints.batches import in_batches
from cortex_engine.config import load_config
from cortex_engine.core.app import ModelState
from cortex_engine.core.migration import MigrationState
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate
from cortex_engine.core.search import Filters, HitKind, Query, SearchMode
from cortex_engine.qwen3_vl_embedding_service import Qwen3VLEmbeddingService
from cortex_engine.suite import CortexSuite
from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.smart_model_selector import GB, Device
from tests.qwen3_vl_kit.architecture import TEXT
from tests.qwen3_vl_kit.checkpoints import write_embedding

pytestmark = pytest.mark.xdist_group("qwen3_vl")

OpenSuite = Callable[..., CortexSuite]
SHAPES = list(product(("red", "green", "blue", "yellow"), ("circle", "square", "triangle", "cross")))
PLAIN = {"CORTEX_OCR": "false", "CORTEX_VECTOR_STORE": "exact", "QWEN3_VL_DEVICE": "cpu"}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints whose vectors are as long as those of the published ones: 2B (2048) and 8B (4096)."""
    out = tmp_path_factory.mktemp("wide")
    with pytest.MonkeyPatch.context() as patch:
        for name, hidden in (("2B", 2048), ("8B", 4096)):
            patch.setitem(TEXT, "hidden", hidden)
            write_embedding(out / name)
    return out


def test_pictures_are_found_by_words_that_stand_nowhere_in_them(
    open_suite: OpenSuite, tmp_path: Path, qwen3_vl_models: Path, qwen3_vl_pictures: Path
) -> None:
    """All 16, by the look alone: names say nothing, there is no text and no description; as files, and as pages of a scan."""
    folder = tmp_path / "in"
    folder.mkdir()
    names = {}
    for number, (colour, shape) in enumerate(SHAPES):
        names[f"a {colour} {shape}"] = f"photo-{number:02d}.png"
        shutil.copy(qwen3_vl_pictures / f"t_{colour}_{shape}.png", folder / f"photo-{number:02d}.png")
    (folder / "ferry.txt").write_text("The ferry leaves the quay at noon. Tickets are sold on board.")
    checkpoint = str(qwen3_vl_models / "trained_embedding")
    # The checkpoint knows pictures of 64 x 64 pixels: pages are drawn larger and made as small.
    seeing = {"QWEN3_VL_EMBEDDING_MODEL": checkpoint, "QWEN3_VL_MAX_PIXELS": "4096"}
    suite = open_suite(**PLAIN, **seeing, CORTEX_EMBEDDING_BACKEND="qwen3_vl")
    assert suite.ingest([folder], "Photos").failed == []
    for mode in (SearchMode.VECTOR, SearchMode.HYBRID):
        for words, name in names.items():
            hit = suite.search(Query(words, mode)).hits[0]
            assert (hit.document, hit.kind, hit.text) == (name, HitKind.PICTURE, ""), (mode, words)

    drawn = [Image.open(picture).convert("RGB") for picture in sorted(folder.glob("*.png"))]
    drawn[0].save(tmp_path / "scan.pdf", save_all=True, append_images=drawn[1:])
    assert suite.ingest([tmp_path / "scan.pdf"], "Scans").failed == []
    for page, words in enumerate(names, start=1):
        hit = suite.search(Query(words, SearchMode.VECTOR, filters=Filters(collections=("Scans",)))).hits[0]
        assert (hit.document, hit.kind, hit.page) == ("scan.pdf", HitKind.PICTURE, page), words


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024, 1536, 2048])
def test_a_vector_of_2048_numbers_may_be_cut_to_any_size(wide: Path, size: int) -> None:
    service = Qwen3VLEmbeddingService(str(wide / "2B"), device="cpu")
    full, cut = (service.embed_text("red circle", dimensions=dimensions) for dimensions in (None, size))
    assert (full.shape, cut.shape, cut.dtype) == ((2048,), (size,), np.float32)
    np.testing.assert_allclose(cut, full[:size] / np.linalg.norm(full[:size]), atol=1e-6)


def test_a_collection_moves_to_the_sizes_of_the_published_models(
    open_suite: OpenSuite, tmp_path: Path, wide: Path, folder: Path
) -> None:
    suite = open_suite(**PLAIN)
    suite.ingest([folder], "Things")
    for target, dimension in (("2B@1536", 1536), ("2B", 2048), ("8B", 4096)):
        migration = suite.run_migration(suite.start_migration("Things", f"qwen3_vl:{wide / target}").id)
        assert migration.state is MigrationState.READY, migration.message
        suite.switch_migration(migration.id)
        spec = suite._library.models()[next(iter(suite._library.models()))]
        assert (spec.backend, spec.dimension) == ("qwen3_vl", dimension)
        assert suite._library.shelf.state(spec.id)[0] is ModelState.HEALTHY
        result = suite.search(Query("green tea", SearchMode.VECTOR))
        assert len(result.hits) == suite.counts().documents
        assert not result.degraded
        suite.purge_migration(migration.id)


def test_every_variable_of_the_mission_does_what_it_says(
    tmp_path: Path, qwen3_vl_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment to the models: sizes by hand, dimensions, batches, flash attention."""
    card = Device("cuda", 0, "card", 96 * GB, 96 * GB)
    sizes = {"QWEN3_VL_ENABLED": "true", "QWEN3_VL_MODEL_SIZE": "2B"}
    sizes |= {"QWEN3_VL_RERANKER_ENABLED": "true", "QWEN3_VL_RERANKER_SIZE": "8B"}
    with monkeypatch.context() as patch:
        patch.setattr(selector, "devices", lambda: (card,))
        placing.forget()
        chosen = placing.placement(load_config(tmp_path, sizes).config)
        assert (chosen.embedding_model, chosen.reranker_model) == (
            "Qwen/Qwen3-VL-Embedding-2B",
            "Qwen/Qwen3-VL-Reranker-8B",
        )
        auto = placing.placement(load_config(tmp_path, sizes | {"QWEN3_VL_MODEL_SIZE": "auto"}).config)
        assert auto.embedding_model == "Qwen/Qwen3-VL-Embedding-8B"
    placing.forget()

    steps: dict[str, list[int]] = {"embedding": [], "reranking": []}

    def spied(kind: str) -> Callable[..., Any]:
        def run(work: Callable[[list[Any]], Any], items: Any, size: int, remedy: str) -> Any:
            return in_batches(lambda batch: steps[kind].append(len(batch)) or work(batch), items, size, remedy)

        return run

    monkeypatch.setattr("cortex_engine.embedding.qwen3_vl.in_batches", spied("embedding"))
    monkeypatch.setattr("cortex_engine.reranking.qwen3_vl.in_batches", spied("reranking"))
    environ = {
        "QWEN3_VL_ENABLED": "true",
        "QWEN3_VL_EMBEDDING_MODEL": str(qwen3_vl_models / "trained_embedding"),
        "QWEN3_VL_RERANKER_ENABLED": "true",
        "QWEN3_VL_RERANKER_MODEL": str(qwen3_vl_models / "trained_reranker"),
        "QWEN3_VL_MRL_DIM": "16",
        "QWEN3_VL_EMBED_BATCH_SIZE": "3",
        "QWEN3_VL_RERANK_BATCH_SIZE": "2",
        "QWEN3_VL_DEVICE": "cpu",
    }
    words = ["a red cross", "a blue square", "a green circle", "a yellow cross", "a red circle"]
    for flash in ("true", "false"):
        config = load_config(tmp_path, {**environ, "QWEN3_VL_USE_FLASH_ATTENTION": flash}).config
        embedder, reranker = build_embedder(config), build_reranker(config)
        assert reranker is not None
        assert embedder.embed_documents(words).shape == (5, 16)
        reranker.load()
        steps["reranking"].clear()
        assert len(reranker.rerank(ModelInput(words[0]), [Candidate(each, ModelInput(each)) for each in words])) == 5
        for remark in (getattr(embedder, "attention_note", None), getattr(reranker, "attention_remark", None)):
            assert remark is not None
            assert remark.startswith("Flash attention needs a CUDA device") == (flash == "true")
        assert steps == {"embedding": [3, 2], "reranking": [2, 2, 1]}
        steps["embedding"].clear()
