"""What the settings mean for models: which backend wins, which reranker, where, and that keys never leave the environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex_engine import placement as placing
from cortex_engine.cli import cortex
from cortex_engine.config import SECRETS, CortexConfig, load_config, save_setting, secret, setting_facts
from cortex_engine.core.errors import ConfigError
from cortex_engine.placement import placement
from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.smart_model_selector import GB, Device

CPU = Device("cpu", 0, "processor", 64 * GB, 60 * GB)


@pytest.mark.parametrize(
    ("settings", "backend"),
    [
        ({}, "packaged"),
        ({"qwen3_vl_enabled": True}, "qwen3_vl"),
        ({"qwen3_vl_enabled": True, "embedding_backend": "hashing"}, "hashing"),
        ({"qwen3_vl_enabled": True, "embedding_backend": "sentence_transformer"}, "sentence_transformer"),
        ({"embedding_backend": "qwen3_vl"}, "qwen3_vl"),
    ],
)
def test_the_backend_of_new_collections(settings: dict[str, object], backend: str) -> None:
    assert CortexConfig(**settings).new_collection_backend == backend  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "reranker"),
    [
        ({}, "none"),
        ({"qwen3_vl_reranker_enabled": True}, "qwen3_vl"),
        ({"qwen3_vl_reranker_enabled": True, "reranker": "local"}, "local"),
        ({"reranker": "http"}, "http"),
    ],
)
def test_the_reranker_in_use(settings: dict[str, object], reranker: str) -> None:
    config = CortexConfig(**settings)  # type: ignore[arg-type]
    assert config.reranker_in_use == reranker
    assert config.search_options().rerank is (reranker != "none")


def test_numbers_of_reranking_reach_the_query_line(tmp_path: Path) -> None:
    environ = {"QWEN3_VL_RERANKER_CANDIDATES": "30", "QWEN3_VL_RERANKER_TOP_K": "7", "CORTEX_PICTURE_WEIGHT": "0.25"}
    options = load_config(tmp_path, environ).config.search_options()
    assert (options.rerank_candidates, options.rerank_top_k, options.picture_weight) == (30, 7, 0.25)


def test_none_is_a_word_where_it_is_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config(tmp_path, {"CORTEX_RERANKER": "none"}).config.reranker == "none"
    assert load_config(tmp_path, {"QWEN3_VL_MRL_DIM": "none"}).config.qwen3_vl_mrl_dim is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CORTEX_CONFIG", raising=False)
    monkeypatch.delenv("CORTEX_RERANKER", raising=False)
    loaded = save_setting(load_config(tmp_path), "reranker", "local")
    assert save_setting(loaded, "reranker", "none").config.reranker == "none"


def test_keys_come_from_the_environment_only_and_are_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, f"hush-{name}")
        assert secret(name) == f"hush-{name}"
        assert secret(name, {}) == ""
        with pytest.raises(ConfigError):
            save_setting(load_config(tmp_path), name, "hush")
    with pytest.raises(ConfigError, match="no secret called"):
        secret("HOME")
    for options in (["config", "show"], ["config", "show", "--json"], ["config", "reference"]):
        cortex(["--data-dir", str(tmp_path), *options], standalone_mode=False)
    assert "hush" not in capsys.readouterr().out
    assert "hush" not in json.dumps([str(state) for state in load_config(tmp_path).states()])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Device]]:
    """The devices that are there; the test fills them in."""
    found: list[Device] = []
    monkeypatch.setattr(selector, "devices", lambda: (*found, CPU))
    placing.forget()
    yield found
    placing.forget()


def test_sizes_come_from_the_memory_that_is_free_at_the_first_look(machine: list[Device]) -> None:
    machine.append(Device("cuda", 0, "card", 24 * GB, 24 * GB))
    config = CortexConfig(qwen3_vl_enabled=True, qwen3_vl_reranker_enabled=True)
    first = placement(config)
    assert (first.tier, first.embedding_model, first.reranker_model) == (
        "High",
        "Qwen/Qwen3-VL-Embedding-8B",
        "Qwen/Qwen3-VL-Reranker-2B",
    )
    machine[0] = Device("cuda", 0, "card", 24 * GB, 3 * GB)  # the models are loaded meanwhile
    assert placement(config) is first
    assert placement(config.model_copy(update={"candidates": 100})).embedding_model == first.embedding_model


def test_the_reranker_alone_may_take_the_card(machine: list[Device]) -> None:
    machine.append(Device("cuda", 0, "card", 8 * GB, 7 * GB))
    both = placement(CortexConfig(qwen3_vl_enabled=True, qwen3_vl_reranker_enabled=True))
    assert (both.embedding_model, both.reranker_model) == ("Qwen/Qwen3-VL-Embedding-2B", "")
    assert "CORTEX_RERANKER=local" in both.reranker_fault
    alone = placement(CortexConfig(qwen3_vl_reranker_enabled=True))
    assert (alone.reranker_model, alone.reranker_device) == ("Qwen/Qwen3-VL-Reranker-2B", "cuda:0")


def test_without_a_card_only_what_was_named_runs_on_the_processor(machine: list[Device], tmp_path: Path) -> None:
    assert machine == []
    assert "QWEN3_VL_DEVICE=cpu" in placement(CortexConfig(qwen3_vl_enabled=True)).embedding_fault
    named = CortexConfig(qwen3_vl_enabled=True, qwen3_vl_embedding_model="Qwen/Qwen3-VL-Embedding-2B")
    assert (placement(named).embedding_device, placement(named).embedding_fault) == ("cpu", "")
    folder = CortexConfig(qwen3_vl_enabled=True, qwen3_vl_embedding_model=str(tmp_path))
    assert (placement(folder).embedding_device, placement(folder).embedding_model) == ("cpu", str(tmp_path))
    asked = placement(CortexConfig(qwen3_vl_enabled=True, qwen3_vl_device="cpu"))
    assert asked.embedding_device == "cpu"
    assert "seconds to minutes" in asked.remark


def test_the_example_file_names_every_variable_of_models_with_its_default() -> None:
    lines = (Path(__file__).parents[3] / ".env.example").read_text(encoding="utf-8").splitlines()
    shown = dict(line[2:].split("=", 1) for line in lines if line.startswith("# ") and line[2:].split("=")[0].isupper())
    config = load_config(environ={name: value for name, value in shown.items() if name not in SECRETS}).config
    example = {"reranker_url", "offline"}
    for key, field in CortexConfig.model_fields.items():
        facts = setting_facts(key)
        if facts["group"] in {"Qwen3-VL", "Reranking", "Pictures"}:
            assert facts["env"] in shown, key
            assert key in example or getattr(config, key) == field.default, key
    assert set(SECRETS) <= set(shown)
    assert all(shown[name] == "" for name in SECRETS)
