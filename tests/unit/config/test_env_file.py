"""A file `.env` in the working folder: below the environment, above `cortex_config.json`, never in the environment of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cortex_engine.config import ConfigError, load_config, save_setting, secret


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RUNPOD_API_KEY", "RUNPOD_API_BASE", "QWEN3_VL_MODEL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_settings_and_keys_come_from_it(folder: Path) -> None:
    (folder / ".env").write_text(
        "# a comment\nRUNPOD_API_BASE=https://example.invalid/v1\nexport RUNPOD_API_KEY='rp_secret$HOME'\nQWEN3_VL_MODEL_SIZE=2B\n"
    )
    loaded = load_config(folder / "library")
    assert loaded.config.vision_api_base == "https://example.invalid/v1"
    assert loaded.config.qwen3_vl_model_size == "2B"
    assert loaded.sources["qwen3_vl_model_size"] == "environment"
    assert secret("RUNPOD_API_KEY") == "rp_secret$HOME"
    assert "RUNPOD_API_KEY" not in os.environ
    with pytest.raises(ConfigError, match="QWEN3_VL_MODEL_SIZE"):
        save_setting(loaded, "qwen3_vl_model_size", "8B")


def test_the_environment_itself_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("QWEN3_VL_MODEL_SIZE=2B\nRUNPOD_API_KEY=from-the-file\n")
    monkeypatch.setenv("QWEN3_VL_MODEL_SIZE", "8B")
    monkeypatch.setenv("RUNPOD_API_KEY", "")
    assert load_config(folder / "library").config.qwen3_vl_model_size == "8B"
    assert secret("RUNPOD_API_KEY") == ""


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"QWEN3_VL_MODEL_SIZE=\xff\xfe2B\n")
    with pytest.raises(ConfigError, match=r"\.env cannot be read"):
        load_config(folder / "library")
