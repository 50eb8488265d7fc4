"""The states of models and queue on every page, and Home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.app import ModelState, ModelStatus, QueueProgress
from cortex_engine.suite import CortexSuite
from cortex_ui import session

ROOT = Path(__file__).parents[2]
PAGES = ["", *sorted(path.name for path in (ROOT / "pages").glob("*.py"))]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[CortexSuite]:
    """An empty library without background work."""
    session.stop()
    yield session.start(load_config(tmp_path / "library"), background=False)
    session.stop()


def _open(page: str = "") -> AppTest:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60).run()
    if page:
        at = at.switch_page(str(ROOT / "pages" / page)).run()
    assert not at.exception, at.exception
    return at


def _sidebar(at: AppTest) -> str:
    return "\n".join(str(each.value) for kind in (at.sidebar.html, at.sidebar.warning) for each in kind)


def _says(monkeypatch: pytest.MonkeyPatch, library: CortexSuite, *statuses: ModelStatus) -> None:
    monkeypatch.setattr(library, "model_statuses", lambda: list(statuses))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_the_models_and_qwen3_vl(library: CortexSuite, page: str) -> None:
    text = _sidebar(_open(page))
    assert "all-MiniLM-L6-v2 ·" in text
    assert "Qwen3-VL · off" in text
    assert "Qwen3-VL reranker · off" in text


WORDS = {
    ModelState.OFF: "off",
    ModelState.ABSENT: "not installed",
    ModelState.IDLE: "loads with its first use",
    ModelState.LOADING: "loading",
    ModelState.HEALTHY: "ready",
    ModelState.UNHEALTHY: "cannot be used",
}


@pytest.mark.parametrize("state", ModelState)
def test_each_state_has_its_words_and_what_is_wrong_its_reason(
    library: CortexSuite, monkeypatch: pytest.MonkeyPatch, state: ModelState
) -> None:
    reason = "Every score is <b>1.0</b>. Install it again."
    _says(monkeypatch, library, ModelStatus("qwen3-vl reranker", "Qwen3-VL-Reranker-2B", state, reason))
    text = _sidebar(_open())
    assert f"Qwen3-VL reranker · {WORDS[state]}</div>" in text
    assert "<b>" not in text
    told = '<div class="cx-quiet">Every score is &lt;b&gt;1.0&lt;/b&gt;' in text
    assert told == (state in {ModelState.ABSENT, ModelState.UNHEALTHY})


def test_home_warns_when_the_embedding_model_cannot_be_used(
    library: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.load_samples()
    _says(monkeypatch, library, ModelStatus("embedding", "a_model", ModelState.UNHEALTHY, "Its weights are damaged."))
    at = _open()
    assert any("a\\_model cannot be used: Its weights are damaged\\." in each.value for each in at.warning)


def test_the_search_page_tells_the_model_and_the_reranker(library: CortexSuite) -> None:
    library.load_samples()
    text = _sidebar(_open("3_Knowledge_Search.py"))
    assert "<div>all-MiniLM-L6-v2</div>" in text and "384 dimensions · text only" in text
    assert "No reranker orders results anew." in text


def test_the_queue_and_its_trouble_are_on_every_page(library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = QueueProgress(done=3, total=12, active=("a.pdf",), trouble="The disk is full; :red[free] some room.")
    monkeypatch.setattr(library, "queue_progress", lambda: progress)
    at = _open("Settings.py")
    assert "The disk is full; :\u2060red\\[free\\] some room\\." in _sidebar(at)
    assert any("3 of 12 done" in str(each.proto) for each in at.sidebar.get("progress"))


def test_the_first_steps_load_the_samples(library: CortexSuite) -> None:
    at = _open()
    assert at.title[0].value == "Find anything in your own documents"
    at.button(key="load_samples").click().run()
    assert at.title[0].value == "The first documents are on their way"
    assert library.queue_progress().total == 11


def test_home_shows_what_is_there_and_asks_the_search_page(library: CortexSuite) -> None:
    library.load_samples()
    at = _open()
    assert [each.value for each in at.metric][:1] == ["12"]
    assert "in storm-warning.eml" in "".join(str(each.value) for each in at.html)
    at.button(key="question_0").click().run()
    assert not at.exception
    assert at.query_params["q"] in ("Who discovered the comet?", ["Who discovered the comet?"])
    assert at.title[0].value == "Knowledge Search"


def test_a_library_that_cannot_be_opened_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.stop()
    (tmp_path / "catalog.db").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("CORTEX_DATA_DIR", str(tmp_path))
    at = _open()
    assert at.title[0].value == "The library cannot be opened"
    assert "Restore the library from a backup" in at.error[0].value
    session.stop()


def test_no_work_of_a_thread_touches_streamlit() -> None:
    """S2-K11: what runs in a thread (`Thread(target=…)`, `tasks.begin`, `tasks.current`) names neither `st` nor its state."""
    seen = 0
    for path in (ROOT / "cortex_ui").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            work = [each.value for each in call.keywords if each.arg == "target"] if name.endswith("Thread") else []
            work += call.args[1:2] if name in {"tasks.begin", "tasks.current"} else []
            for each in work:
                body = functions.get(ast.unparse(each).split(".")[-1], each)
                used = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
                assert "st" not in used, f"{path.name}: {ast.unparse(each)}"
                seen += 1
    assert seen >= 6
