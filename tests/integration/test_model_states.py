"""States of Qwen3-VL models in a real library, with tiny checkpoints: absent, broken, healthy, unloaded, taking turns."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex_engine import placement as placing
from cortex_engine.config import load_config
from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.errors import ModelUnavailableError, UsageError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate
from cortex_engine.suite import CortexSuite
from cortex_engine.turns import TurnTakingEmbedder
from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.smart_model_selector import Device

pytestmark = pytest.mark.xdist_group("qwen3_vl")

CANDIDATES = [Candidate("cross", ModelInput("a yellow cross")), Candidate("circle", ModelInput("a red circle"))]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Every test looks at the machine anew, with one thread."""
    import torch

    torch.set_num_threads(1)
    placing.forget()
    yield
    placing.forget()


def opened(folder: Path, **settings: str) -> CortexSuite:
    """A suite with these variables, offline."""
    environ = {"CORTEX_OFFLINE": "1", **{name.upper(): value for name, value in settings.items()}}
    return CortexSuite.open(loaded=load_config(folder, environ))


def status(suite: CortexSuite, role: str) -> ModelStatus:
    """The one status of a role."""
    (found,) = [each for each in suite.model_statuses() if each.role == role]
    return found


def test_what_is_not_here_is_absent_with_its_remedy(tmp_path: Path) -> None:
    folder = str(tmp_path / "nowhere")
    with opened(
        tmp_path / "data",
        qwen3_vl_enabled="1",
        qwen3_vl_embedding_model=folder,
        qwen3_vl_reranker_enabled="1",
        qwen3_vl_reranker_model=folder,
    ) as suite:
        assert status(suite, "qwen3-vl embedding").state is ModelState.IDLE
        assert suite.reranker_status().state is ModelState.IDLE
        suite.load_models()
        for role, setting in (("embedding", "qwen3_vl_embedding_model"), ("reranker", "qwen3_vl_reranker_model")):
            found = status(suite, f"qwen3-vl {role}")
            assert found.state is ModelState.ABSENT
            assert folder in found.reason
            assert setting in found.reason
        with pytest.raises(ModelUnavailableError, match="nowhere"):
            suite._library.reranker()


def test_without_a_graphics_card_the_size_cannot_be_chosen_and_it_is_said_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "devices", lambda: (Device("cpu", 0, "processor", 9, 9),))
    with opened(tmp_path, qwen3_vl_enabled="1", qwen3_vl_reranker_enabled="1") as suite:
        suite.load_models()
        assert "QWEN3_VL_DEVICE=cpu" in status(suite, "qwen3-vl embedding").reason
        assert "QWEN3_VL_DEVICE=cpu" in suite.reranker_status().reason
        assert suite.plan_model("packaged").dimension == 384


def test_a_broken_checkpoint_is_named_and_everything_else_works(tmp_path: Path, qwen3_vl_models: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(qwen3_vl_models / "trained_embedding", broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with opened(tmp_path / "data", qwen3_vl_enabled="1", qwen3_vl_embedding_model=str(broken)) as suite:
        suite.load_models()
        found = status(suite, "qwen3-vl embedding")
        assert found.state in {ModelState.ABSENT, ModelState.UNHEALTHY}
        assert "broken" in found.reason
        assert suite.reranker_status().state is ModelState.OFF


def test_healthy_models_tell_how_they_run_and_give_their_memory_back(tmp_path: Path, qwen3_vl_models: Path) -> None:
    with opened(
        tmp_path,
        qwen3_vl_enabled="1",
        qwen3_vl_embedding_model=str(qwen3_vl_models / "trained_embedding"),
        qwen3_vl_mrl_dim="32",
        cortex_reranker="qwen3_vl",
        qwen3_vl_reranker_model=str(qwen3_vl_models / "trained_reranker"),
    ) as suite:
        suite.load_models("embedding")
        assert suite.reranker_status().state is ModelState.IDLE
        found = status(suite, "qwen3-vl embedding")
        assert (found.state, found.reason, found.name) == (ModelState.HEALTHY, "", "trained_embedding")
        assert found.model_id
        assert found.facts["Dimensions"] == "32 (the first of 64)"
        assert (found.facts["Device"], found.facts["Precision"]) == ("cpu", "float32")
        assert found.facts["Attention"].startswith("sdpa. Flash attention needs a CUDA device")
        suite.load_models("reranker")
        ranked = suite.reranker_status()
        assert (ranked.role, ranked.state, ranked.facts["Device"]) == ("qwen3-vl reranker", ModelState.HEALTHY, "cpu")
        reranker = suite._library.reranker()
        assert reranker is not None
        assert reranker.rerank(ModelInput("a yellow cross"), CANDIDATES)[0].id == "cross"
        suite.unload_models()
        assert suite.reranker_status().state is ModelState.IDLE
        assert status(suite, "qwen3-vl embedding").state is ModelState.IDLE
        assert suite._library.embedder(suite._library.default_spec()).embed_query("a red circle").shape == (32,)
        with pytest.raises(UsageError, match="no role 'cook'"):
            suite.load_models("cook")


def test_a_plan_of_a_loaded_model_is_measured(tmp_path: Path, qwen3_vl_models: Path, qwen3_vl_pictures: Path) -> None:
    text = tmp_path / "note.txt"
    text.write_text("Bees make honey. " * 40, encoding="utf-8")
    folder = str(qwen3_vl_models / "trained_embedding")
    with opened(tmp_path / "data", cortex_embedding_backend="hashing", qwen3_vl_embedding_model=folder) as suite:
        suite.ingest([text], "Notes")
        before = suite.plan_model("qwen3_vl", "Notes")
        assert (before.dimension, before.download_bytes, before.device, before.fits) == (64, 0, "cpu", True)
        assert before.passages >= 1
        assert before.seconds is None
        assert before.disk_bytes > 0
        assert suite.plan_model("hashing", "Notes").notes[0] == "'Notes' uses this model already."
    with opened(
        tmp_path / "data", qwen3_vl_enabled="1", qwen3_vl_embedding_model=folder, cortex_embedding_backend="packaged"
    ) as suite:
        suite.load_models("embedding")
        plan = suite.plan_model("qwen3_vl", "Notes")
        assert plan.seconds is not None
        assert plan.seconds > 0
        suite.ingest([next(qwen3_vl_pictures.glob("t_*.png"))], "Pictures")
        seen = suite.plan_model("qwen3_vl", "Pictures")
        assert seen.pictures == 1
        assert seen.seconds is not None
        assert any("a picture of the same size" in note for note in seen.notes)
        assert "'Pictures' uses this model already." in seen.notes
        assert any("reads text only" in note for note in suite.plan_model("packaged", "Pictures").notes)


def test_models_that_do_not_fit_together_take_turns(
    tmp_path: Path, qwen3_vl_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "devices", lambda: (Device("cpu", 0, "processor", 500_000_000, 500_000_000),))
    with opened(
        tmp_path,
        qwen3_vl_enabled="1",
        qwen3_vl_embedding_model=str(qwen3_vl_models / "trained_embedding"),
        qwen3_vl_reranker_enabled="1",
        qwen3_vl_reranker_model=str(qwen3_vl_models / "trained_reranker"),
    ) as suite:
        suite.load_models()
        library = suite._library
        spec = library.default_spec()
        embedder = library.shelf.made(spec.id)
        assert isinstance(embedder, TurnTakingEmbedder)
        assert embedder.is_loaded
        assert suite.reranker_status().state is ModelState.IDLE  # it comes in when its turn comes
        reranker = library.reranker()
        assert reranker is not None
        assert reranker.rerank(ModelInput("a yellow cross"), CANDIDATES)[0].id == "cross"
        assert not embedder.is_loaded
        library.embedder(spec).embed_query("a red circle")
        assert embedder.is_loaded
        assert status(suite, "qwen3-vl embedding").state is ModelState.HEALTHY
