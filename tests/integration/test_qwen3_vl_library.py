"""A library whose model is Qwen3-VL: it finds its folder again, and says so where it cannot."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.errors import ConfigError, ModelMismatchError, ModelUnavailableError, UsageError
from cortex_engine.core.search import Query, SearchMode
from cortex_engine.suite import CortexSuite

OpenSuite = Callable[..., CortexSuite]
pytestmark = pytest.mark.xdist_group("qwen3_vl")


@pytest.fixture
def config(tmp_path: Path) -> CortexConfig:
    (tmp_path / "library").mkdir()
    return CortexConfig(data_dir=tmp_path / "library", offline=True, qwen3_vl_device="cpu")


def test_a_library_opened_without_the_setting_still_finds_the_model_of_its_collection(
    open_suite: OpenSuite, folder: Path, qwen3_vl_models: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(qwen3_vl_models / "trained_embedding", tmp_path / "models" / "shapes"))
    named = {"CORTEX_EMBEDDING_BACKEND": "packaged", "QWEN3_VL_ENABLED": "true", "QWEN3_VL_DEVICE": "cpu"}
    suite = open_suite(**named, QWEN3_VL_EMBEDDING_MODEL=str(model), QWEN3_VL_MRL_DIM="32")
    suite.ingest([folder], "Papers", recursive=True)
    spec = suite.collections()[0].spec
    assert (spec.backend, spec.model, spec.dimension, spec.truncated_from) == ("qwen3_vl", "shapes", 32, 64)
    before = [hit.chunk_id for hit in suite.search(Query("a yellow cross", SearchMode.VECTOR)).hits]
    suite.close()
    other = open_suite(HF_HUB_OFFLINE="1")
    assert [hit.chunk_id for hit in other.search(Query("a yellow cross", SearchMode.VECTOR)).hits] == before
    other.close()
    model.rename(model.with_name("gone"))
    lost = open_suite(HF_HUB_OFFLINE="1")
    result = lost.search(Query("puffin"))
    assert result.hits
    assert any(f"{model} of the embedding model is not there" in str(remark) for remark in result.warnings)


def test_every_target_has_its_identity(config: CortexConfig, qwen3_vl_models: Path) -> None:
    folder = qwen3_vl_models / "embedding"
    set_up = config.model_copy(update={"qwen3_vl_embedding_model": str(folder), "qwen3_vl_mrl_dim": 48})
    assert backends.spec_for(config, "packaged").backend == "packaged"
    assert backends.spec_for(config, f"qwen3_vl:{folder}").dimension == 64
    assert backends.spec_for(config, f"qwen3_vl:{folder}@32").truncated_from == 64
    assert backends.spec_for(set_up, "qwen3_vl").dimension == 48
    assert backends.spec_for(set_up, "qwen3_vl@16").dimension == 16
    assert backends.spec_for(set_up, f"qwen3_vl:{folder}@64").id == backends.spec_for(config, f"qwen3_vl:{folder}").id
    with pytest.raises(ConfigError, match="have 64 numbers"):
        backends.spec_for(config, f"qwen3_vl:{folder}@65")
    with pytest.raises(UsageError, match="names no embedding model"):
        backends.spec_for(config, "qwen4")
    with pytest.raises(ModelUnavailableError, match="offline"):
        backends.spec_for(config, "qwen3_vl:Qwen/Qwen3-VL-Embedding-2B")


def test_a_stored_identity_leads_back_to_its_own_model(
    config: CortexConfig, qwen3_vl_models: Path, tmp_path: Path
) -> None:
    """Two folders of one name: the content decides."""
    first = Path(shutil.copytree(qwen3_vl_models / "embedding", tmp_path / "a" / "model"))
    second = Path(shutil.copytree(qwen3_vl_models / "trained_embedding", tmp_path / "b" / "model"))
    told = config.model_copy(update={"embedding_query_instruction": "Find birds", "qwen3_vl_max_pixels": 500_000})
    specs = [
        backends.spec_for(config, f"qwen3_vl:{first}@32"),
        backends.spec_for(config, f"qwen3_vl:{second}"),
        backends.spec_for(told, f"qwen3_vl:{second}"),
    ]
    assert len({spec.id for spec in specs}) == 3
    for spec in specs:
        assert backends.embedder_of(config, spec).spec == spec
    shutil.copy(first / "model.safetensors", second / "model.safetensors")
    with pytest.raises(ModelMismatchError, match="is now revision"):
        backends.embedder_of(config, specs[1])
    shutil.rmtree(tmp_path / "b")
    with pytest.raises(ModelMismatchError, match="is now revision"):
        backends.embedder_of(config, specs[1])
    shutil.rmtree(tmp_path / "a")
    with pytest.raises(ModelUnavailableError, match="is not there"):
        backends.embedder_of(config, specs[0])


def test_a_model_behind_a_link_is_found_again(config: CortexConfig, qwen3_vl_models: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(qwen3_vl_models / "embedding", target_is_directory=True)
    linked = config.model_copy(update={"qwen3_vl_embedding_model": str(link), "data_dir": tmp_path / "not made yet"})
    spec = backends.spec_for(linked, "qwen3_vl")
    assert backends.embedder_of(linked, spec).spec == spec
