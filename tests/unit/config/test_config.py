"""Settings: precedence, refusal of what is unknown or unfit, writing back, the generated reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cortex_engine.cli.settings_page import reference_markdown
from cortex_engine.config import COMMAND_LINE, CortexConfig, load_config, reset_setting, save_setting
from cortex_engine.core.errors import ConfigError
from cortex_engine.core.settings_file import _WORDS

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
    assert reset_setting(loaded, "candidates").config.candidates == 200


def test_a_setting_of_the_environment_cannot_be_changed_in_the_file(tmp_path: Path) -> None:
    loaded = load_config(tmp_path, {"CORTEX_OCR": "0"})
    with pytest.raises(ConfigError, match="CORTEX_OCR"):
        save_setting(loaded, "ocr", "true")


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own, with no setting in the environment and no file in the working folder."""
    for name in ("CORTEX_CONFIG", "CORTEX_DATA_DIR", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for field in CortexConfig.model_fields.values():
        monkeypatch.delenv(field.json_schema_extra["env"], raising=False)  # type: ignore[index, arg-type, call-overload]
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("candidates", "500", 500),
        ("candidates", 500, 500),
        ("ocr", "no", False),
        ("ocr", False, False),
        ("parse_wall_seconds", "30", 30.0),
        ("parse_wall_seconds", 2.5, 2.5),
        ("qwen3_vl_mrl_dim", "1024", 1024),
        ("qwen3_vl_mrl_dim", "null", None),
        ("qwen3_vl_mrl_dim", None, None),
        ("embedding_query_instruction", "", ""),
        ("default_collection", "default", "default"),
        ("default_collection", "007", "007"),
        ("data_dir", "/tmp/elsewhere", "/tmp/elsewhere"),
    ],
)
def test_what_is_written_has_the_type_of_its_setting(key: str, given: object, kept: object, clean: Path) -> None:
    (clean / "cortex_config.json").parent.mkdir()
    loaded = load_config(clean)
    if key == "data_dir":
        clean.parent.joinpath("cortex_config.json").write_text("{}")
        loaded = load_config()
    saved = save_setting(loaded, key, given)
    written = json.loads(loaded.file.read_text())[key]
    assert (written, type(written)) == (kept, type(kept))
    assert str(getattr(saved.config, key)) == str(kept)


def test_text_that_an_older_version_wrote_becomes_typed_with_the_next_change(clean: Path) -> None:
    clean.mkdir()
    (clean / "cortex_config.json").write_text('{"candidates": "300", "QWEN3_VL_ENABLED": "true"}')
    loaded = save_setting(load_config(clean), "ocr", False)
    assert json.loads(loaded.file.read_text()) == {"candidates": 300, "qwen3_vl_enabled": True, "ocr": False}


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", float("inf"), float("nan"), "1e999"])
def test_numbers_without_an_end_are_refused_with_a_sentence(value: object, clean: Path) -> None:
    loaded = load_config(clean)
    with pytest.raises(ConfigError, match="infinity and NaN are none"):
        save_setting(loaded, "parse_wall_seconds", value)
    assert not loaded.file.exists()


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("candidates", "many", "It must be a whole number."),
        ("candidates", 2.5, "It must be a whole number, without a fraction."),
        ("candidates", 1, "It must be at least 10."),
        ("candidates", 9999, "It must be at most 5,000."),
        ("parse_wall_seconds", 0, "It must be more than 0."),
        ("parse_wall_seconds", "soon", "It must be a number."),
        ("ocr", "perhaps", "It must be true or false."),
        ("fusion", "magic", 'It must be one of "standardised" or "reciprocal_rank".'),
        ("default_collection", "", "It must not be empty."),
        ("default_collection", None, "It must be text."),
    ],
)
def test_unfit_values_are_refused_in_plain_words_that_do_not_repeat_them(
    key: str, value: object, sentence: str, clean: Path
) -> None:
    with pytest.raises(ConfigError) as told:
        save_setting(load_config(clean), key, value)
    assert str(told.value).endswith(sentence)
    assert not isinstance(value, str) or value == "" or value not in str(told.value)


def test_every_complaint_of_the_schema_has_words_of_its_own(clean: Path) -> None:
    for key in CortexConfig.model_fields:
        for value in ([], {}, object, -1, "\ud800"):
            try:
                CortexConfig(**{key: value})
            except ValueError as error:
                kinds = {each["type"] for each in error.errors()}  # type: ignore[attr-defined]
                assert kinds <= set(_WORDS), (key, value, kinds)


def test_the_folder_of_the_command_line_is_named_as_its_source(clean: Path) -> None:
    loaded = load_config(clean)
    assert loaded.sources["data_dir"] == COMMAND_LINE
    with pytest.raises(ConfigError, match="when the program was started"):
        save_setting(loaded, "data_dir", "/tmp/elsewhere")
    assert save_setting(loaded, "ocr", False).sources["data_dir"] == COMMAND_LINE


def test_a_file_that_cannot_be_written_is_told_and_left_alone(clean: Path) -> None:
    clean.mkdir()
    loaded = load_config(clean)
    (clean / "cortex_config.tmp").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        save_setting(loaded, "ocr", False)


def test_reference_page_is_what_the_class_says() -> None:
    assert (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8") == reference_markdown()


def test_every_setting_has_words_and_a_variable_of_its_own() -> None:
    names = [field.json_schema_extra["env"] for field in CortexConfig.model_fields.values()]  # type: ignore[index, call-overload]
    assert len(set(names)) == len(names)
    assert all(field.description for field in CortexConfig.model_fields.values())
