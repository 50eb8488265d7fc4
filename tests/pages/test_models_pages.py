"""Models on the pages: switch, cost and setup beside the ingest page, a model for a new collection, moves in the Inspector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.migration import Migration, MigrationState, ParityReport
from cortex_engine.core.planning import ModelChoice, ModelPlan
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.suite import CortexSuite
from cortex_ui import maintenance_inspector, maintenance_reembed, migrations, session, tasks, wording

ROOT = Path(__file__).parents[2]
OLD = HashingEmbedder(64)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CortexSuite]:
    """The open library of the pages, with three small documents of another model than that of the settings."""
    monkeypatch.setenv("CORTEX_DATA_DIR", str(tmp_path / "library"))
    monkeypatch.setenv("CORTEX_CONFIG", str(tmp_path / "cortex_config.json"))
    monkeypatch.setenv("CORTEX_MIN_FREE_BYTES", "0")
    typed = [ModelChoice("hashing", "hashed words", True), ModelChoice("<b>nonsense</b>", "nonsense", True)]
    listed = CortexSuite.model_choices
    monkeypatch.setattr(CortexSuite, "model_choices", lambda suite: [*listed(suite), *typed])  # AppTest cannot type one
    for number, word in enumerate(("tea", "oil", "salt")):
        (tmp_path / f"{word}.txt").write_text(f"Here is told how {word} is made, in the year {1900 + number}.")
    session.stop()
    tasks._tasks.clear()
    opened = session.start(load_config(), background=False)
    opened._library.shelf.put(OLD)
    opened.create_collection("Pantry", spec=OLD.spec)
    opened.ingest(sorted(tmp_path.glob("*.txt")), "Pantry")
    yield opened
    for task in list(tasks._tasks.values()):
        task.wait(20)
    session.stop()


def page(name: str, **state: object) -> AppTest:
    at = AppTest.from_file(str(ROOT / "pages" / name), default_timeout=60)
    for key, value in state.items():
        at.session_state[key] = value
    return at.run()


def text(at: AppTest) -> str:
    assert not at.exception, at.exception
    parts = [
        *at.markdown,
        *at.error,
        *at.warning,
        *at.success,
        *at.info,
        *at.get("html"),
        *at.subheader,
        *at.get("code"),
    ]
    return "\n".join(str(getattr(each, "value", None) or getattr(each.proto, "body", "")) for each in parts)


# -- beside the ingest page --------------------------------------------------------------------------------------------


def test_the_switch_is_saved_and_holds_at_once(
    library: CortexSuite, tmp_path: Path, qwen3_vl_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN3_VL_EMBEDDING_MODEL", str(qwen3_vl_models / "trained_embedding"))
    monkeypatch.setenv("QWEN3_VL_DEVICE", "cpu")
    monkeypatch.setattr(CortexSuite, "start_background", lambda self: None)
    at = page("2_Knowledge_Ingest.py")
    assert not at.toggle(key="qwen3_vl_mode").value
    assert "hf download Qwen/" in text(at) and "pip install -r requirements-qwen3-vl.txt" in text(at)
    at.toggle(key="qwen3_vl_mode").set_value(True).run()
    assert not at.exception
    assert json.loads((tmp_path / "cortex_config.json").read_text())["qwen3_vl_enabled"] is True
    assert session.suite().default_spec().sees
    at.run()
    assert "Pictures and pages are found by their look" in text(at)
    assert at.toggle(key="ingest_page_pictures").value
    at.file_uploader[0].upload("a.txt", b"Green tea is steamed.")
    at.run()
    at.toggle(key="ingest_page_pictures").set_value(False).run()
    at.button(key="ingest_add").click().run()
    (job,) = session.suite().jobs(active_only=True)
    assert job.options.page_pictures is False and job.collection == "Library"


def test_a_model_that_is_not_there_is_told_beside_the_form_and_the_switch(
    library: CortexSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN3_VL_ENABLED", "true")
    monkeypatch.setenv("QWEN3_VL_EMBEDDING_MODEL", str(tmp_path / "gone"))
    session.stop()
    session.start(load_config(), background=False)
    at = page("2_Knowledge_Ingest.py")
    assert at.toggle(key="qwen3_vl_mode").disabled
    assert "The variable QWEN3_VL_ENABLED decides" in text(at)
    assert "gone" in at.warning[0].value and "choose a collection that is there" in at.warning[0].value
    at.button(key="load_models").click().run()
    assert "gone" in "".join(str(each.proto.body) for each in at.sidebar.get("html"))
    assert at.button(key="check_models")


def test_a_new_collection_gets_the_model_that_was_chosen_for_it(library: CortexSuite) -> None:
    at = page("2_Knowledge_Ingest.py")
    at.selectbox(key="ingest_model").set_value("hashing").run()
    assert "words-and-trigrams" in text(at)
    at.file_uploader[0].upload("a.txt", b"Green tea is steamed.")
    at.run()
    at.button(key="ingest_add").click().run()
    assert {each.name: each.spec.backend for each in library.collections()}["Library"] == "hashing"
    library.delete_collection("Library")
    at = page("2_Knowledge_Ingest.py", ingest_model="<b>nonsense</b>")
    assert "names no embedding model" in at.error[0].value and "<b>" not in text(at)


# -- the Inspector -----------------------------------------------------------------------------------------------------


def inspector(library: CortexSuite) -> AppTest:
    at = page("Maintenance.py", reembed_collection="Pantry", reembed_target="hashing")
    for task in list(tasks._tasks.values()):
        task.wait(20)
    return at.run()


def test_a_collection_moves_pauses_switches_goes_back_and_lets_the_new_vectors_go(library: CortexSuite) -> None:
    at = inspector(library)
    assert at.button(key="reembed_begin").label.startswith("Re\\-embed 3 passages with")
    at.button(key="reembed_begin").click().run()
    (move,) = library.migrations()
    at.run()
    assert "0 of 3 vectors" in "".join(str(each.proto) for each in at.get("progress"))
    for name, state in (("pause", "Paused"), ("resume", "Re-embedding")):
        at.button(key=f"{name}_move_{move.id}").click().run()
        assert state in "".join(str(each.value) for each in page("Maintenance.py").markdown), "another tab sees it too"
    library.run_migration(move.id)
    at = inspector(library)
    shown = text(at)
    assert "How the new model answers" in shown and "No search is judged yet" in shown
    assert "In no collection any more" not in shown
    assert "Vectors of the move of 'Pantry'" in shown
    at.button(key=f"switch_move_{move.id}").click().run()
    assert library.collections()[0].spec.dimension == 256
    at = inspector(library)
    assert "so that you can go back" in text(at) and "This frees about" in text(at)
    at.button(key=f"rollback_move_{move.id}").click().run()
    assert library.collections()[0].spec == OLD.spec
    at = inspector(library)
    at.button(key=f"purge_move_{move.id}").click().run()
    assert library.migration(move.id).state is MigrationState.DONE
    assert "done just now" in text(inspector(library))


def test_what_a_move_cannot_do_is_told_on_it(library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    move = library.start_migration("Pantry", "hashing")
    migrations.act("switch", move.id)
    assert "it can be switched when it is ready" in "".join(
        each.value for each in page("Maintenance.py").error
    ).replace("\\", "")


def test_models_are_checked_on_request_and_the_verdict_stands_with_the_collection(library: CortexSuite) -> None:
    at = inspector(library)
    at.button(key="verify_models").click().run()
    task = tasks.find("verify_models")
    assert task is not None and not task.wait(20).running
    shown = text(at.run())
    assert "probes: identical" in shown and "gives the same vectors" in shown


def test_vectors_of_a_move_are_no_remark(library: CortexSuite) -> None:
    library.run_migration(library.start_migration("Pantry", "hashing").id)
    found = library.inspect_vectors()
    assert maintenance_inspector.verdict(found).tone == "fair"
    assert maintenance_inspector.verdict(found, maintenance_inspector.moving()).tone == "good"


def test_home_and_the_cards_tell_of_a_move(library: CortexSuite) -> None:
    library.start_migration("Pantry", "hashing")
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60).run()
    assert "Pantry moves to words\\\\-and\\\\-trigrams" in "".join(str(each.proto) for each in at.get("progress"))
    assert "Moves to words-and-trigrams: running" in text(page("5_Collection_Management.py"))


# -- words -------------------------------------------------------------------------------------------------------------


def test_a_report_in_words() -> None:
    report = ParityReport(4, {1: 1.0, 10: 0.925}, 0.81, 0.5, 0.7, 2, lost=(("q", "d"),))
    said = " ".join(migrations.in_words(report))
    assert "agree in 100% of the first document, 92% of the first 10" in said
    assert "agrees closely (Kendall's tau 0.81" in said
    assert "On 2 judged questions the new model is better: nDCG@10 0.500 before, 0.700 after." in said
    assert "has gone" not in said
    assert list(migrations.in_words(ParityReport(0))) == ["There was nothing to ask both models."]


@pytest.mark.parametrize(
    ("reads", "seconds", "label"),
    [
        ("text and pictures", 95.0, "Re-embed 31 passages and 4 pictures with m (about 2 minutes)"),
        ("text", None, "Re-embed 31 passages with m"),
    ],
)
def test_the_button_says_what_and_how_long(reads: str, seconds: float | None, label: str) -> None:
    plan = ModelPlan("x", "/a/m", 8, 0, 1, 1, "cpu", True, seconds, 31, 4, facts={"Reads": reads})
    assert maintenance_reembed.label(plan) == label


def test_durations() -> None:
    said = [wording.duration(seconds) for seconds in (3, 45, 95, 5000, 8000, 400_000)]
    assert said == [
        "a few seconds",
        "under a minute",
        "about 2 minutes",
        "about 83 minutes",
        "about 2 hours",
        "about 5 days",
    ]


def test_a_move_says_how_far_it_is() -> None:
    move = Migration("i", "c", OLD.spec, OLD.spec, MigrationState.RUNNING, 10, 200, 0.5, 380.0)
    assert migrations._going(move) == "10 of 200 vectors · 30 a minute · about 6 minutes left"
