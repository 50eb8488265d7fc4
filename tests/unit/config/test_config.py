"""Settings: precedence, refusal of what is unknown or unfit, writing back, the generated reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cortex_engine.cli.settings_page import reference_markdown
from cortex_engine.config import CortexConfig, load_config, save_setting
from cortex_engine.core.errors import ConfigError

ROOT = Path(__file__).parents[3]

QWEN_DEFAULTS = {
    "QWEN3_VL_ENABLED": False,
    "QWEN3_VL_MODEL_SIZE": "auto",
    "QWEN3_VL_MRL_DIM": None,
    "QWEN3_VL_RERANKER_ENABLED": False,
    "QWEN3_VL_RERANKER_SIZE": "auto",
    "QWEN3_VL_RERANKER_TOP_K": 5,
    "QWEN3_VL_RERANKER_CANDIDATES": 20,
    "QWEN3_VL_USE_FLASH_ATTENTION": True,
    "QWEN3_VL_EMBED_BATCH_SIZE": 8,
    "QWEN3_VL_RERANK_BATCH_SIZE": 4,
}


def test_environment_wins_over_file_and_file_over_default(tmp_path: Path) -> None:
    (tmp_path / "cortex_config.json").write_text('{"candidates": 300, "ocr": false}')
    loaded = load_config(tmp_path, {"CORTEX_CANDIDATES": "400"})
    assert (loaded.config.candidates, loaded.config.ocr, loaded.config.parse_workers) == (400, False, 2)
    assert {state.key: state.source for state in loaded.states()}["candidates"] == "environment"
    assert loaded.sources["ocr"] == "file"


@pytest.mark.parametrize(("name", "default"), QWEN_DEFAULTS.items())
def test_qwen_settings_have_the_documented_defaults(name: str, default: object, tmp_path: Path) -> None:
    assert getattr(load_config(tmp_path, {}).config, name.lower()) == default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("QWEN3_VL_ENABLED", "true", True),
        ("QWEN3_VL_MODEL_SIZE", "8B", "8B"),
        ("QWEN3_VL_MRL_DIM", "1536", 1536),
        ("QWEN3_VL_RERANKER_TOP_K", "7", 7),
        ("QWEN3_VL_USE_FLASH_ATTENTION", "false", False),
    ],
)
def test_qwen_settings_come_from_environment_or_file(name: str, text: str, value: object, tmp_path: Path) -> None:
    assert getattr(load_config(tmp_path, {name: text}).config, name.lower()) == value
    for key in (name, name.lower()):
        (tmp_path / "cortex_config.json").write_text(json.dumps({key: value}))
        assert getattr(load_config(tmp_path, {}).config, name.lower()) == value


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_switches_of_the_hub_are_respected(name: str, tmp_path: Path) -> None:
    assert load_config(tmp_path, {name: "1"}).config.offline
    assert not load_config(tmp_path, {name: "0"}).config.offline


def test_unknown_keys_name_the_nearest_known_one(tmp_path: Path) -> None:
    (tmp_path / "cortex_config.json").write_text('{"candidate": 3}')
    with pytest.raises(ConfigError, match="'candidate'.*Did you mean 'candidates'"):
        load_config(tmp_path, {})


@pytest.mark.parametrize("text", ["[1]", "{", '{"candidates": "many"}', '{"qwen3_vl_model_size": "9B"}'])
def test_unfit_files_are_refused_with_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "cortex_config.json").write_text(text)
    with pytest.raises(ConfigError, match="cortex_config.json"):
        load_config(tmp_path, {})


def test_setting_is_written_and_refused_when_unfit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORTEX_CANDIDATES", raising=False)
    monkeypatch.delenv("CORTEX_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    loaded = save_setting(load_config(tmp_path / "data"), "candidates", "500")
    assert loaded.config.candidates == 500
    before = loaded.file.read_text()
    with pytest.raises(ConfigError):
        save_setting(loaded, "candidates", "1")
    assert loaded.file.read_text() == before
    assert save_setting(loaded, "candidates", "default").config.candidates == 200


def test_a_setting_of_the_environment_cannot_be_changed_in_the_file(tmp_path: Path) -> None:
    loaded = load_config(tmp_path, {"CORTEX_OCR": "0"})
    with pytest.raises(ConfigError, match="CORTEX_OCR"):
        save_setting(loaded, "ocr", "true")


def test_reference_page_is_what_the_class_says() -> None:
    assert (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8") == reference_markdown()


def test_every_setting_has_words_and_a_variable_of_its_own() -> None:
    names = [field.json_schema_extra["env"] for field in CortexConfig.model_fields.values()]  # type: ignore[index, call-overload]
    assert len(set(names)) == len(names)
    assert all(field.description for field in CortexConfig.model_fields.values())
