"""Maintenance: each tab on a real library, sound and damaged; long work in tasks; nothing hostile is interpreted."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.app import VectorStatistics
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import UsageError
from cortex_engine.core.logbook import open_logbook
from cortex_engine.core.reports import Finding, Severity
from cortex_engine.suite import CortexSuite
from cortex_ui import maintenance_health, maintenance_inspector, maintenance_map, maintenance_storage, session, tasks

ROOT = Path(__file__).parents[2]
PAGE, MAIN = ROOT / "pages" / "Maintenance.py", ROOT / "cortex_ui" / "main.py"
ENVIRON = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
HOSTILE = "<img src=x onerror=alert(1)> :red[x] $a$ {@[1]} **b**.txt"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library with five small documents; to be copied."""
    folder = tmp_path_factory.mktemp("made")
    for number, word in enumerate(("tea", "oil", "salt", "rice")):
        (folder / f"{word}.txt").write_text(f"Here is told how {word} is made, in the year {1900 + number}.")
    (folder / HOSTILE).write_text("Hostile <script>alert(1)</script> text about :green[tea].")
    with CortexSuite.open(loaded=load_config(folder / "library", ENVIRON)) as suite:
        suite.ingest(sorted(folder.glob("*.txt")), "Pantry")
    return folder / "library"


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[CortexSuite]:
    """A copy of that library, open in the process as the application has it."""
    shutil.copytree(made, tmp_path / "library")
    session.stop()
    tasks._tasks.clear()
    yield session.start(load_config(tmp_path / "library", ENVIRON), background=False)
    for task in list(tasks._tasks.values()):
        task.wait(20)
    session.stop()


def page(tab: str = "", **state: Any) -> AppTest:
    at = AppTest.from_file(str(PAGE), default_timeout=30)
    if tab:
        at.query_params["tab"] = tab
    for key, value in state.items():
        at.session_state[key] = value
    return at.run()


def until(at: AppTest, name: str) -> AppTest:
    """The page when the task has ended."""
    task = tasks.find(name)
    assert task is not None
    assert not task.wait(20).running
    return at.run()


def text(at: AppTest) -> str:
    """Everything that stands on the page."""
    assert not at.exception
    parts = [*at.markdown, *at.error, *at.warning, *at.success, *at.info, *at.get("html"), *at.subheader]
    return "\n".join(str(getattr(each, "value", None) or getattr(each.proto, "body", "")) for each in parts)


def damage(library: CortexSuite, change: Callable[[bytes], bytes]) -> None:
    connection = sqlite3.connect(library.config.data_dir / "catalog.db")
    key, data = connection.execute("SELECT key, data FROM vector ORDER BY key").fetchone()
    changed = change(data)
    connection.execute("UPDATE vector SET data = ?, crc32 = ? WHERE key = ?", (changed, zlib.crc32(changed), key))
    connection.commit()
    connection.close()


# -- inspector ---------------------------------------------------------------------------------------------------------


def test_the_first_tab_says_that_the_vectors_are_sound(library: CortexSuite) -> None:
    at = page()
    shown = text(at)
    assert "**The vectors are sound**" in at.success[0].value
    assert "All 5 vectors have 256 dimensions" in at.success[0].value
    assert [(each.label, each.value) for each in at.metric] == [
        ("Vectors", "5"),
        ("Dimensions", "256"),
        ("Norm", "1.000"),
        ("Duplicates", "0"),
    ]
    (spec,) = {collection.spec for collection in library.collections()}
    assert spec.id in shown
    assert "Pantry" in shown
    assert spec.backend in shown
    for word in ("bge-base-en-v1.5", "bge-large-en-v1.5", "Qwen3-VL-Embedding-2B", "NV-Embed-v2", "check source model"):
        assert word in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img" not in shown


def test_an_empty_library_leads_to_adding_documents(tmp_path: Path) -> None:
    session.stop()
    tasks._tasks.clear()
    session.start(load_config(tmp_path / "empty", {"CORTEX_EMBEDDING_BACKEND": "hashing"}), background=False)
    try:
        at = AppTest.from_file(str(MAIN), default_timeout=30).run().switch_page(str(PAGE)).run()
        assert "There are no vectors yet" in at.info[0].value
        assert "Add documents" in [each.proto.label for each in at.get("page_link")]
        assert "There are no documents yet" in text(page("Ledger"))
        assert "Nothing has been examined" in text(page("Health"))
        assert "Nothing has been written down yet" in text(page("Logs"))
        assert not page("Storage").exception
        assert "Nothing has been added yet" in text(page("Jobs"))
    finally:
        session.stop()


def test_damage_is_named_with_its_document(library: CortexSuite) -> None:
    damage(library, lambda data: bytes(len(data)))
    at = page()
    assert "Some vectors are damaged" in at.error[0].value
    assert "1 vector of length 0" in at.error[0].value
    assert "They belong to:" in at.error[0].value


def test_the_map_has_a_point_for_each_passage_and_shows_names_only_as_values(library: CortexSuite) -> None:
    (seen,) = library.inspect_vectors()
    drawn = library.embedding_map(seen.spec.id)
    groups = [[position] for position in range(5)]
    spec = maintenance_map.spec(drawn, groups)
    assert len(spec["series"]) == 5
    assert spec["tooltip"]["formatter"] == "<b>{@[2]}</b><br>{@[3]}"
    assert "onerror" not in str({**spec, "series": [{**each, "data": []} for each in spec["series"]]})
    assert {each["data"][0][2] for each in spec["series"]} == set(drawn.documents)


def test_a_change_of_the_library_is_seen(library: CortexSuite, tmp_path: Path) -> None:
    assert page().metric[0].value == "5"
    (tmp_path / "late.txt").write_text("Later there was vinegar.")
    library.ingest([tmp_path / "late.txt"], "Pantry")
    assert page().metric[0].value == "6"


def statistics(**changes: Any) -> VectorStatistics:
    spec = EmbeddingSpec("packaged", "some-model", "r1", 384, "mean", True, 256)
    sound = VectorStatistics(spec, ("Papers",), 100, 100, {384: 100}, 1.0, 1.0, 1.0, 0, 0, 0)
    return replace(sound, **changes)


@pytest.mark.parametrize(
    ("changes", "tone", "words"),
    [
        ({}, "good", "All 100 vectors have 384 dimensions, as the model some-model makes them."),
        ({"zero": 2, "norm_low": 0.0, "affected": ("a.pdf",)}, "bad", "2 vectors of length 0"),
        ({"not_finite": 1}, "bad", "values that are no numbers"),
        ({"dimensions": {384: 98, 768: 2}}, "bad", "stored are 2 vectors with 768"),
        ({"vectors": 90}, "fair", "10 passages"),
        ({"norm_high": 1.4}, "fair", "should have the length 1"),
        ({"norm_low": 0.7}, "fair", "should have the length 1"),
        ({"usable": False, "reason": "Its weights are gone."}, "fair", "Its weights are gone."),
        ({"collections": ()}, "fair", "In no collection any more"),
        ({"vectors": 0, "expected": 0, "dimensions": {}}, "empty", "when documents are added"),
    ],
)
def test_the_verdict_in_words(changes: dict[str, Any], tone: str, words: str) -> None:
    said = maintenance_inspector.verdict([statistics(**changes)])
    assert said.tone == tone
    assert words in " ".join(said.sentences)


def test_a_model_that_does_not_normalise_may_have_any_length() -> None:
    free = replace(statistics().spec, normalised=False)
    assert maintenance_inspector.verdict([statistics(spec=free, norm_low=3, norm_mean=5, norm_high=9)]).tone == "good"


# -- jobs, ledger ------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_and_can_be_removed(library: CortexSuite) -> None:
    at = page("Jobs")
    (job,) = library.jobs()
    at.button(key=f"remove_{job.id}").click().run()
    assert library.jobs() == []
    assert not at.exception


def test_the_ledger_balances_and_shows_names_as_they_are(library: CortexSuite) -> None:
    at = until(page("Ledger"), "ledger")
    assert "The accounts of 5 documents balance" in at.success[0].value
    assert text(at).count("cx-chip good") == 5
    assert "<img" not in text(at)


def test_unbalanced_accounts_alone(library: CortexSuite) -> None:
    connection = sqlite3.connect(library.config.data_dir / "catalog.db")
    connection.execute("UPDATE document SET characters = characters + 7 WHERE name = 'tea.txt'")
    connection.commit()
    connection.close()
    at = until(page("Ledger"), "ledger")
    assert "1 of 5" in at.warning[0].value
    at.toggle(key="ledger_unbalanced").set_value(True).run()
    assert "7 characters in no passage" in text(at)
    assert "tea.txt" in text(at)
    assert "oil.txt" not in text(at)
    at.text_input(key="ledger_name").set_value("oil").run()
    assert "No account fits" in text(at)


def test_a_long_ledger_comes_in_pages(library: CortexSuite, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"note{number:02d}.txt").write_text(f"Note of number {number}.")
    library.ingest(sorted(tmp_path.glob("note*.txt")), "Pantry")
    at = until(page("Ledger"), "ledger")
    assert text(at).count("cx-chip good") == 25
    at = until(page("Ledger", ledger_page=2), "ledger")
    assert text(at).count("cx-chip good") == 10


# -- health ------------------------------------------------------------------------------------------------------------


def test_examine_and_mend(library: CortexSuite) -> None:
    library.config.data_dir.chmod(0o755)
    at = page("Health")
    at.button(key="doctor_examine").click().run()
    at = until(at, "doctor")
    assert "Other users of this machine" in text(at)
    assert "Mend makes it private" in text(at)
    at.button(key="doctor_mend").click().run()
    at = until(at, "doctor")
    assert library.config.data_dir.stat().st_mode & 0o077 == 0
    assert "Mended just now" in text(at)
    assert not [each for each in at.button if each.key == "doctor_mend"]


def test_findings_survive_reruns_and_other_sessions(library: CortexSuite) -> None:
    at = page("Health")
    at.button(key="doctor_full").click().run()
    until(at, "doctor")
    assert "in order" in page("Health").expander[0].label


def test_while_the_doctor_works_others_search_and_see_it(library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    library.search("tea")
    gate = threading.Event()

    def slow(fix: bool = False, full: bool = False) -> list[Finding]:
        with library._library.sync._lock:
            gate.wait(20)
        return []

    monkeypatch.setattr(library, "doctor", slow)
    at = page("Health")
    at.button(key="doctor_examine").click().run()
    try:
        assert at.button(key="doctor_examine").disabled
        assert "Examining the library" in text(page("Health"))
        hits: list[Any] = []
        thread = threading.Thread(target=lambda: hits.extend(library.search("salt").hits), daemon=True)
        thread.start()
        thread.join(5)
        assert hits, "a search waits for the doctor"
    finally:
        gate.set()
    assert "The library is healthy" in until(at, "doctor").success[0].value


def test_a_defect_in_a_task_has_a_number(library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fix: bool = False, full: bool = False) -> list[Finding]:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(library, "doctor", broken)
    at = page("Health")
    at.button(key="doctor_examine").click().run()
    at = until(at, "doctor")
    assert "number " in at.error[0].value
    assert "secret detail" not in text(at)
    assert not at.button(key="doctor_examine").disabled


@pytest.mark.parametrize(("button", "full"), [("doctor_examine", False), ("doctor_full", True)])
def test_mending_looks_as_closely_as_the_examination(
    button: str, full: bool, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, bool]] = []

    def doctor(fix: bool = False, full: bool = False) -> list[Finding]:
        asked.append((fix, full))
        return [Finding("index", Severity.ERROR, "It is damaged.", "`doctor --fix` builds it anew.", True, fix)]

    monkeypatch.setattr(library, "doctor", doctor)
    at = page("Health")
    at.button(key=button).click().run()
    at = until(at, "doctor")
    assert "1 thing to mend" in at.error[0].value
    at.button(key="doctor_mend").click().run()
    assert "1 thing mended" in until(at, "doctor").success[0].value
    assert asked == [(False, full), (True, full)]


def test_remedies_are_told_in_terms_of_the_page() -> None:
    found = Finding("x", Severity.WARNING, "m", "`doctor --fix` makes it private.", True)
    assert maintenance_health.remedy_here(found) == "Mend makes it private."
    assert maintenance_health.with_code("run `rm <x>` & go") == "run <code>rm &lt;x&gt;</code> &amp; go"


# -- storage -----------------------------------------------------------------------------------------------------------


def test_storage_tells_what_lies_where(library: CortexSuite) -> None:
    at = page("Storage")
    shown = text(at)
    for word in ("Catalog", "Originals", "Word index", "must be kept", "can be rebuilt"):
        assert word in shown
    assert [each.label for each in at.metric] == ["Library", "To be backed up", "Free on the disk", "Last backup"]
    assert at.metric[3].value == "never"


def test_a_backup_into_a_folder(library: CortexSuite, tmp_path: Path) -> None:
    at = page("Storage")
    at.text_input(key="backup_folder").set_value(str(tmp_path / "stick" / "copy"))
    at.button(key="backup_begin").click().run()
    at = until(at, "backup")
    assert "is complete" in at.success[0].value
    assert (tmp_path / "stick" / "copy" / "manifest.json").is_file()
    assert at.metric[3].value != "never"
    assert "stick" in text(at)


@pytest.mark.parametrize("folder", ["", "  ", "backup", "../backup"])
def test_a_backup_needs_a_whole_path(library: CortexSuite, folder: str) -> None:
    with pytest.raises(UsageError):
        maintenance_storage.backup_target(folder)
    at = page("Storage")
    at.text_input(key="backup_folder").set_value(folder)
    at.button(key="backup_begin").click().run()
    assert at.error
    assert tasks.find("backup") is None


def test_a_backup_into_the_library_is_refused(library: CortexSuite) -> None:
    at = page("Storage")
    at.text_input(key="backup_folder").set_value(str(library.config.data_dir / "backup"))
    at.button(key="backup_begin").click().run()
    assert "elsewhere" in until(at, "backup").error[0].value


def test_rebuild_asks_first(library: CortexSuite) -> None:
    before = library._library.catalog.index_states()["lexical"].generation
    at = page("Storage")
    at.button(key="rebuild").click().run()
    assert tasks.find("rebuild") is None
    at.button(key="rebuild_keep").click().run()
    assert tasks.find("rebuild") is None
    at.button(key="rebuild").click().run()
    at.button(key="rebuild_confirm").click().run()
    at = until(at, "rebuild")
    assert "built anew" in at.success[0].value
    assert library._library.catalog.index_states()["lexical"].generation > before
    assert library.search("salt").hits


# -- logs --------------------------------------------------------------------------------------------------------------


def test_the_log_by_level_and_text(library: CortexSuite) -> None:
    import logging

    open_logbook(library.config.data_dir, console=False)
    log = logging.getLogger("cortex_engine.kitchen")
    log.info("The kettle is on")
    log.warning("It boils: <script>alert(1)</script> Bearer abcdefgh12345678")
    at = page("Logs")
    shown = text(at)
    assert shown.index("It boils") < shown.index("The kettle")
    assert "<script>" not in shown
    assert "abcdefgh12345678" not in shown
    at.selectbox(key="log_level").set_value("WARNING").run()
    assert "The kettle" not in text(at)
    at.selectbox(key="log_level").set_value("INFO").run()
    at.text_input(key="log_search").set_value("KETTLE").run()
    assert "It boils" not in text(at)
    assert "The kettle" in text(at)
    at.text_input(key="log_search").set_value("no such thing").run()
    assert "No line fits" in text(at)


# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_task_runs_once_at_a_time_and_the_newest_is_kept(library: CortexSuite) -> None:
    gate = threading.Event()
    first = tasks.begin("slow", lambda _: gate.wait(10))
    assert tasks.begin("slow", lambda _: "second") is first
    gate.set()
    first.wait(10)
    assert tasks.begin("slow", lambda _: "third").wait(10).result == "third"
    assert tasks.current("slow", lambda _: "fourth", None).result == "third"
    assert tasks.current("slow", lambda _: "fifth", "another").result == "fifth"


def test_old_tasks_are_forgotten(library: CortexSuite) -> None:
    for number in range(40):
        tasks.begin(f"quick{number}", lambda _: None).wait(5)
    assert len(tasks._tasks) <= 13


def test_quick_work_needs_no_waiting_sign(library: CortexSuite) -> None:
    started = time.monotonic()
    page()
    assert time.monotonic() - started < 15
    task = tasks.find("vectors")
    assert task is not None
    assert not task.running
