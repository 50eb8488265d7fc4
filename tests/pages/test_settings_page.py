"""Settings, API keys and About, driven by Streamlit's AppTest."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import COMMAND_LINE, CortexConfig, load_config, setting_facts
from cortex_engine.core.app import QueueProgress, Scope
from cortex_engine.suite import CortexSuite
from cortex_ui import session, settings_form
from cortex_ui import settings_values as values

ROOT = Path(__file__).parents[2]
EVERY = list(CortexConfig.model_fields)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of the open library, named by the environment; all other settings are defaults."""
    for key in EVERY:
        monkeypatch.delenv(setting_facts(key)["env"], raising=False)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CORTEX_DATA_DIR", str(tmp_path / "library"))
    monkeypatch.setenv("CORTEX_CONFIG", str(tmp_path / "library" / "cortex_config.json"))
    session.stop()
    session.start(load_config(), background=False)
    yield tmp_path / "library"
    session.stop()


def page(tab: str = "Settings") -> AppTest:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page("../pages/Settings.py")
    at.session_state["settings_tab"] = tab
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(str(each.value) for kind in (at.markdown, at.html, at.info, at.error, at.toast) for each in kind)


def written(folder: Path) -> dict[str, object]:
    file = folder / "cortex_config.json"
    return json.loads(file.read_text()) if file.exists() else {}


def test_every_setting_is_there_with_its_description_default_variable_and_cost(folder: Path) -> None:
    from cortex_ui import safe

    at = page()
    shown = html.unescape(texts(at)).replace("<code>", "`").replace("</code>", "`")
    for key in EVERY:
        field, facts = CortexConfig.model_fields[key], setting_facts(key)
        assert at.container(key=f"row_{key}")
        assert field.description and field.description in shown, key
        assert f"`{facts['env']}`" in shown
        assert facts["cost"] in shown
        assert f"**{safe.label(values.title(key))}**" in shown
    assert shown.count("Default: ") == len(EVERY)
    assert "No chat endpoint is set, so answers quote the best sentences." in shown, "where the chat model stands"


@pytest.mark.parametrize(
    ("key", "kind", "value"),
    [
        ("ocr", "toggle", False),
        ("candidates", "number_input", 500),
        ("parse_wall_seconds", "number_input", 12.5),
        ("qwen3_vl_mrl_dim", "number_input", 1024),
        ("picture_weight", "number_input", 0.25),
        ("qwen3_vl_enabled", "toggle", True),
        ("fusion", "selectbox", "reciprocal_rank"),
        ("reranker", "selectbox", "local"),
        ("default_collection", "text_input", "default"),
        ("default_collection", "text_input", ":red[x]"),
    ],
)
def test_a_setting_is_saved_with_its_type_and_put_back(key: str, kind: str, value: object, folder: Path) -> None:
    at = page()
    getattr(at, kind)(key=f"setting_{key}").set_value(value).run()
    assert written(folder) == {key: value}
    assert type(written(folder)[key]) is type(value)
    assert not at.exception
    at.button(key=f"reset_{key}").click().run()
    assert written(folder) == {}
    assert getattr(at, kind)(key=f"setting_{key}").value == CortexConfig.model_fields[key].default


def test_every_setting_of_qwen3_vl_can_be_made_on_the_page(folder: Path) -> None:
    wanted: dict[str, tuple[str, object]] = {
        "qwen3_vl_enabled": ("toggle", True),
        "qwen3_vl_model_size": ("selectbox", "8B"),
        "qwen3_vl_mrl_dim": ("number_input", 1536),
        "qwen3_vl_reranker_enabled": ("toggle", True),
        "qwen3_vl_reranker_size": ("selectbox", "2B"),
        "qwen3_vl_reranker_top_k": ("number_input", 7),
        "qwen3_vl_reranker_candidates": ("number_input", 30),
        "qwen3_vl_use_flash_attention": ("toggle", False),
        "qwen3_vl_embed_batch_size": ("number_input", 2),
        "qwen3_vl_rerank_batch_size": ("number_input", 3),
    }
    at = page()
    for key, (kind, value) in wanted.items():
        getattr(at, kind)(key=f"setting_{key}").set_value(value)
    at.run()
    assert not at.exception
    assert written(folder) == {key: value for key, (_, value) in wanted.items()}


def test_a_value_that_does_not_fit_is_refused_in_plain_words_and_stays_in_the_field(folder: Path) -> None:
    at = page()
    at.number_input(key="setting_candidates").set_value(3).run()
    assert "Not saved" in texts(at)
    assert "It must be at least 10" in texts(at).replace("\\", "")
    assert at.number_input(key="setting_candidates").value == 3
    assert written(folder) == {}
    at.button(key="reset_candidates").click().run()
    assert at.number_input(key="setting_candidates").value == 200
    assert "Not saved" not in texts(at)


def test_nothing_and_empty_are_different_for_the_text_before_queries(folder: Path) -> None:
    at = page()
    name = "embedding_query_instruction"
    at.get_by_key(f"setting_{name}_kind").set_value("This text").run()
    assert written(folder) == {name: ""}
    at.text_input(key=f"setting_{name}").set_value("query: ").run()
    assert written(folder) == {name: "query: "}
    at.get_by_key(f"setting_{name}_kind").set_value("Left to the model").run()
    assert written(folder) == {}


def test_what_the_environment_decides_is_read_only_and_names_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORTEX_CANDIDATES", "321")
    at = page()
    assert at.number_input(key="setting_candidates").disabled
    assert at.number_input(key="setting_candidates").value == 321
    assert "The variable CORTEX_CANDIDATES decides" in texts(at)
    assert at.text_input(key="setting_data_dir").disabled


def test_what_is_saved_but_not_in_use_is_told_and_can_be_used_at_once(folder: Path) -> None:
    at = page()
    assert not [button for button in at.button if button.key == "settings_apply"]
    at.number_input(key="setting_candidates").set_value(500).run()
    assert "used when the library is opened again: Candidates of each recaller" in texts(at)
    assert session.suite().config.candidates == 200
    at.button(key="settings_apply").click().run()
    assert session.suite().config.candidates == 500
    assert "opened again: Candidates" not in texts(at)
    session.suite().stop_background()


def test_the_library_is_not_reopened_while_files_are_added(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CortexSuite, "queue_progress", lambda self: QueueProgress(1, 3))
    at = page()
    at.number_input(key="setting_candidates").set_value(500).run()
    assert at.button(key="settings_apply").disabled
    assert "Files are being added" in texts(at)


def test_what_needs_a_new_start_says_so(folder: Path) -> None:
    at = page()
    at.number_input(key="setting_server_port").set_value(9000).run()
    assert "used when the program is started again: Port" in texts(at)
    assert not [button for button in at.button if button.key == "settings_apply"]
    assert set(EVERY) >= values.NEED_RESTART


def test_reopening_stays_with_the_folder_of_the_command_line(tmp_path: Path, folder: Path) -> None:
    session.stop()
    session.start(load_config(tmp_path / "given"), background=False)
    reopened = session.reopen()
    reopened.stop_background()
    assert reopened.config.data_dir == tmp_path / "given"
    assert reopened.loaded.sources["data_dir"] == COMMAND_LINE


def test_reopening_stays_with_the_open_folder_when_the_file_names_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CORTEX_DATA_DIR")
    file = folder / "cortex_config.json"
    file.write_text(json.dumps({"data_dir": str(folder)}))
    session.stop()
    session.start(load_config(), background=False)
    file.write_text(json.dumps({"data_dir": str(folder.parent / "other"), "candidates": 300}))
    reopened = session.reopen()
    reopened.stop_background()
    assert (reopened.config.data_dir, reopened.config.candidates) == (folder, 300)
    assert values.pending(values.current()) == ["data_dir"]


def test_the_search_box_finds_by_name_purpose_and_variable(folder: Path) -> None:
    at = page()

    def found(words: str) -> set[str]:
        at.text_input(key="settings_search").set_value(words).run()
        return {key for key in EVERY if f"<code>{key}</code>" in texts(at)}

    assert found("CORTEX_PARSE_WALL") == {"parse_wall_seconds"}
    assert "ocr" in found("text layer")
    assert found("no such words") == set()
    assert "No setting has these words" in texts(at)
    at.text_input(key="settings_search").set_value("").run()
    at.get_by_key("settings_group").set_value("Logs").run()
    assert {key for key in EVERY if f"<code>{key}</code>" in texts(at)} == {"log_level"}


def test_a_damaged_file_is_told(folder: Path) -> None:
    (folder / "cortex_config.json").write_text("{")
    at = page()
    assert at.error and "not valid JSON" in at.error[0].value.replace("\\", "")


def test_no_secret_of_the_environment_reaches_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "SOME_PASSWORD", "CORTEX_API_KEY"):
        monkeypatch.setenv(name, "s3cr3t-value")
    for tab in ("Settings", "API keys", "About"):
        assert "s3cr3t-value" not in texts(page(tab))


def test_a_key_is_made_shown_once_and_revoked(folder: Path) -> None:
    at = page("API keys")
    assert "There is no key yet" in texts(at)
    at.text_input(key="key_name").set_value(":red[robot]")
    at.checkbox(key="key_write").check()
    at.button(key="key_send").click().run()
    text = at.code[0].value
    key = session.suite().check_key(text)
    assert key is not None
    assert (key.name, set(key.scopes)) == (":red[robot]", {Scope.READ, Scope.WRITE})
    at.button(key="key_copied").click().run()
    assert not at.code
    assert text not in texts(at) + texts(page("API keys"))
    at.button(key=f"revoke_{key.id}").click().run()
    at.button(key="revoke_send").click().run()
    assert session.suite().check_key(text) is None
    assert not [button for button in at.button if button.key == f"revoke_{key.id}"]


def test_a_key_without_name_or_right_is_refused_with_a_sentence(folder: Path) -> None:
    at = page("API keys")
    at.button(key="key_send").click().run()
    assert at.error
    at.text_input(key="key_name").set_value("x")
    at.checkbox(key="key_read").uncheck()
    at.button(key="key_send").click().run()
    assert at.error
    assert session.suite().keys() == []


def test_about_says_version_places_and_licences(folder: Path) -> None:
    at = page("About")
    shown = texts(at)
    assert str(folder) in shown
    assert "cortex_config.json" in shown
    assert "MIT" in shown


def test_keys_of_services_are_only_said_to_be_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder
    monkeypatch.setenv("RUNPOD_API_KEY", "hush")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shown = texts(page("About"))
    assert "<th>RUNPOD_API_KEY</th><td>set in the environment</td>" in shown
    assert "<th>OPENAI_API_KEY</th><td>not set</td>" in shown
    assert "hush" not in shown


def test_values_of_settings_in_words() -> None:
    words = settings_form._in_words
    assert (words("ocr", True), words("qwen3_vl_mrl_dim", None)) == ("on", "left to the model")
    assert (words("parse_file_bytes", 100_000_000), words("embedding_model", "")) == ("100 MB", "empty")
    assert values.title("qwen3_vl_mrl_dim") == "Qwen3-VL Matryoshka dimension"


def test_a_link_opens_a_group_of_settings(folder: Path) -> None:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page("../pages/Settings.py")
    at.query_params["group"] = "Answers"
    at.run()
    assert at.pills(key="settings_group").value == "Answers"
    assert "CORTEX_CHAT_API_BASE" in texts(at) and "CORTEX_DATA_DIR" not in texts(at)
