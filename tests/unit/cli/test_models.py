"""`cortex models`: states, choices, plans, choosing; and what the doctor says of models that are switched on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex_engine import placement as placing
from cortex_engine.cli import cortex
from cortex_engine.config import CortexConfig, load_config
from cortex_engine.core.errors import UsageError
from cortex_engine.core.reports import Severity
from cortex_engine.suite import CortexSuite
from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.smart_model_selector import GB, Device


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder on a machine with a card of 24 GB, with nothing in the environment and nothing in the Hub's cache."""
    for field in CortexConfig.model_fields.values():
        monkeypatch.delenv(field.json_schema_extra["env"], raising=False)  # type: ignore[index, arg-type, call-overload]
    monkeypatch.setenv("CORTEX_OFFLINE", "1")
    monkeypatch.delenv("CORTEX_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    card = Device("cuda", 0, "card", 24 * GB, 24 * GB)
    monkeypatch.setattr(selector, "devices", lambda: (card, Device("cpu", 0, "processor", 64 * GB, 60 * GB)))
    monkeypatch.setattr("cortex_engine.planning.devices", selector.devices)
    placing.forget()
    yield tmp_path / "data"
    placing.forget()


def run(folder: Path, *words: str) -> None:
    cortex(["--data-dir", str(folder), "--no-server", *words], standalone_mode=False)


def test_states_and_choices_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, "models")
    shown = capsys.readouterr().out
    assert "qwen3-vl embedding  off" in shown
    assert "all-MiniLM-L6-v2" in shown
    run(folder, "models", "states", "--json")
    roles = {row["role"]: row["state"] for row in json.loads(capsys.readouterr().out)["models"]}
    assert roles == {"embedding": "idle", "ocr": roles["ocr"], "qwen3-vl embedding": "off", "qwen3-vl reranker": "off"}
    run(folder, "models", "list", "--json")
    choices = {row["target"]: row for row in json.loads(capsys.readouterr().out)["choices"]}
    assert choices["packaged"]["here"]
    assert not choices["qwen3_vl:Qwen/Qwen3-VL-Embedding-8B"]["here"]
    assert "never executed" in choices["sentence_transformer:nvidia/NV-Embed-v2"]["note"]


def test_a_plan_says_what_a_model_costs_before_anything_is_fetched(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, "models", "plan", "qwen3_vl@1024", "--json")
    plan = json.loads(capsys.readouterr().out)
    assert (plan["name"], plan["dimension"], plan["device"]) == ("Qwen/Qwen3-VL-Embedding-8B", 1024, "cuda:0")
    assert (plan["download_bytes"], plan["fits"]) == (16_290_000_000, True)
    assert 16e9 < plan["memory_bytes"] < 17e9
    run(folder, "models", "plan", "qwen3_vl:Qwen/Qwen3-VL-Embedding-2B@4096")
    shown = capsys.readouterr().out
    assert "4.3 GB" in shown
    assert "it gives 2,048 numbers, not more" in shown
    run(folder, "models", "plan", "sentence_transformer:somebody/model")
    assert "It is not on this machine" in capsys.readouterr().out
    with pytest.raises(UsageError, match="names no embedding model"):
        run(folder, "models", "plan", "magic")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("qwen3_vl:/m/vl@512", ("qwen3_vl", "qwen3_vl", "/m/vl", 512)),
        ("sentence_transformer:/m/bge", ("sentence_transformer", "sentence_transformer", "", None)),
        ("packaged", ("packaged", "packaged", "", None)),
    ],
)
def test_choosing_writes_the_settings(target: str, expected: tuple[str, str, str, int | None], folder: Path) -> None:
    run(folder, "models", "choose", target)
    config = load_config(folder).config
    assert (
        config.embedding_backend,
        config.new_collection_backend,
        config.qwen3_vl_embedding_model,
        config.qwen3_vl_mrl_dim,
    ) == expected


def test_choosing_a_text_model_ends_qwen3_vl_mode(folder: Path) -> None:
    run(folder, "config", "set", "qwen3_vl_enabled", "true")
    assert load_config(folder).config.new_collection_backend == "qwen3_vl"
    run(folder, "models", "choose", "packaged")
    assert load_config(folder).config.new_collection_backend == "packaged"


def test_the_doctor_names_what_is_switched_on_and_cannot_be_used(folder: Path) -> None:
    environ = {"QWEN3_VL_ENABLED": "1", "QWEN3_VL_RERANKER_MODEL": str(folder / "none"), "CORTEX_RERANKER": "qwen3_vl"}
    with CortexSuite.open(loaded=load_config(folder, {**environ, "CORTEX_OFFLINE": "1"})) as suite:
        found = {each.check: each for each in suite.doctor()}
        assert found["qwen3-vl embedding"].severity is Severity.WARNING
        assert "hf download Qwen/Qwen3-VL-Embedding-8B" in found["qwen3-vl embedding"].remedy
        assert found["reranker"].severity is Severity.WARNING
        assert "order of fusion" in found["reranker"].message
        assert "qwen3_vl_reranker_model" in found["reranker"].remedy
    with CortexSuite.open(loaded=load_config(folder, {})) as suite:
        assert not {"reranker", "qwen3-vl embedding"} & {each.check for each in suite.doctor()}
