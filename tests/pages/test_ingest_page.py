"""The ingest page by AppTest: uploads, options, states in words, retry, pause, cancel, hostile names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.network import is_loopback
from cortex_engine.core.reports import FileState, JobState
from cortex_engine.suite import CortexSuite
from cortex_ui import copying, ingest_form, session

PAGE = Path(__file__).parents[2] / "pages" / "2_Knowledge_Ingest.py"
HOSTILE = ":red[x] $y$ <img src=x onerror=alert(1)> ![p](http://e.example/p.png) `c` **b**.txt"


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CortexSuite]:
    """The open library of the pages; nothing works in the background unless a test says so."""
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    opened = CortexSuite.open(loaded=load_config(tmp_path / "library", environ))
    monkeypatch.setattr(session, "_open", opened)
    monkeypatch.setattr(ingest_form, "_at_this_computer", lambda: True)
    yield opened
    opened.close()


@pytest.fixture
def page(suite: CortexSuite) -> AppTest:
    return AppTest.from_file(str(PAGE), default_timeout=60)


def text(page: AppTest) -> str:
    """Everything that is on the page as HTML pieces, Markdown and labels."""
    html = [str(getattr(element.proto, "body", "")) for element in page.get("html")]
    return "\n".join([*html, *(element.value for element in page.markdown)])


def button(page: AppTest, prefix: str) -> object:
    return next(each for each in page.button if (each.key or "").startswith(prefix))


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    for name, data in files:
        page.file_uploader[0].upload(name, data)
    return page.run()


def test_an_empty_library_says_what_will_happen(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert "Nothing has been added yet" in text(page)
    assert "OCR" in text(page) and "PDF" in text(page)
    assert page.button(key="ingest_add").disabled


def test_uploads_are_queued_and_the_uploader_is_emptied(page: AppTest, suite: CortexSuite) -> None:
    page.run()
    upload(page, ("tea.txt", b"Green tea is steamed."), ("birds.txt", b"Puffins dig burrows."))
    add = page.button(key="ingest_add")
    assert add.label == "Add 2 files" and not add.disabled
    add.click().run()
    assert not page.exception
    job = suite.jobs()[0]
    assert (job.total, job.collection) == (2, "Library")
    assert page.button(key="ingest_add").disabled, "the uploader was not emptied"
    assert "2 files added" in page.toast[0].value
    assert "tea.txt" in text(page) and "Waiting" in text(page)
    suite.work()
    page.run()
    assert "Done · 1 passage" in text(page)
    assert len(suite.jobs()) == 1, "a rerun must not queue again"


def test_a_quotation_mark_in_a_name_arrives_as_one(page: AppTest, suite: CortexSuite) -> None:
    page.run()
    upload(page, ("the %22best%22 tea.txt", b"Green tea is steamed."))
    page.button(key="ingest_add").click().run()
    assert [file.name for file in suite.job(suite.jobs()[0].id)[1]] == ['the "best" tea.txt']


def test_options_and_collection_go_with_the_job(page: AppTest, suite: CortexSuite) -> None:
    page.run()
    page.toggle(key="ingest_ocr").set_value(False).run()
    suite.create_collection("New papers")
    page.run()
    page.selectbox(key="ingest_collection").set_value("New papers").run()
    page.get_by_key("ingest_passages").set_value("Short").run()
    upload(page, ("tea.txt", b"Green tea is steamed."))
    page.button(key="ingest_add").click().run()
    job = suite.jobs()[0]
    assert job.collection == "New papers"
    assert job.options == IngestOptions(ocr=False, ocr_language="", chunk_max_tokens=128)
    assert "Scans and pictures are not read" in text(page)


def test_states_are_told_in_words_and_failures_with_their_reason(page: AppTest, suite: CortexSuite) -> None:
    page.run()
    upload(page, ("broken.pdf", b"%PDF-1.7 nothing"), ("a.txt", b"the same words"), ("b.txt", b"the same words"))
    page.button(key="ingest_add").click().run()
    suite.work()
    page.run()
    shown = text(page)
    assert "Already here" in shown and "the same content as 'a.txt'" in shown
    assert "Failed" in shown and "broken.pdf" in shown
    reason = next(file.message for file in suite.job(suite.jobs()[0].id)[1] if file.state is FileState.FAILED)
    assert reason in shown
    assert [badge for badge in ("2 done", "1 failed") if badge in shown] == ["2 done", "1 failed"]
    button(page, "retry_file_").click().run()  # type: ignore[attr-defined]
    assert suite.jobs()[0].counts[FileState.QUEUED] == 1


def test_pause_resume_cancel_remove(page: AppTest, suite: CortexSuite) -> None:
    page.run()
    upload(page, ("a.txt", b"a"), ("b.txt", b"b"))
    page.button(key="ingest_add").click().run()
    job_id = suite.jobs()[0].id
    page.button(key=f"pause_{job_id}").click().run()
    assert suite.jobs()[0].state is JobState.PAUSED
    assert "Paused" in text(page)
    page.button(key=f"resume_{job_id}").click().run()
    assert suite.jobs()[0].state is JobState.QUEUED
    page.button(key=f"cancel_{job_id}").click().run()
    assert suite.jobs()[0].state is JobState.CANCELLED
    page.button(key=f"remove_{job_id}").click().run()
    assert suite.jobs() == []
    assert "Nothing has been added yet" in text(page)


def test_hostile_names_are_shown_as_they_are(page: AppTest, suite: CortexSuite) -> None:
    page.run()
    suite.create_collection(":red[c] <b>x</b>")
    page.run()
    page.selectbox(key="ingest_collection").set_value(":red[c] <b>x</b>").run()
    upload(page, (HOSTILE, b"words"))
    page.button(key="ingest_add").click().run()
    assert not page.exception
    shown = text(page)
    assert "<img" not in shown and "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<b>x</b>" not in shown
    suite.work()
    page.run()
    assert "<img" not in text(page)


def test_a_path_of_this_computer_is_copied_and_wrong_ones_are_told(
    page: AppTest, suite: CortexSuite, tmp_path: Path
) -> None:
    papers = tmp_path / "papers"
    (papers / "deep").mkdir(parents=True)
    (papers / "deep" / "a.txt").write_text("words")
    page.run()
    page.get_by_key("ingest_way").set_value(ingest_form.PATH).run()
    page.text_input(key="ingest_path").set_value(f' "{papers}" ').run()
    page.button(key="ingest_add").click().run()
    until(lambda: suite.jobs() and suite.jobs()[0].total == 1)
    page.text_input(key="ingest_path").set_value(str(tmp_path / "absent")).run()
    page.button(key="ingest_add").click().run()
    until(lambda: page.run() and page.error)
    assert "There is no file or folder" in page.error[0].value
    page.text_input(key="ingest_path").set_value("papers").run()
    page.button(key="ingest_add").click().run()
    assert "does not say where it begins" in page.error[0].value


def until(met: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_paths_are_offered_on_this_computer_only(
    page: AppTest, suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_form, "_at_this_computer", lambda: False)
    page.run()
    assert ingest_form.PATH not in list(page.get_by_key("ingest_way").options)
    assert is_loopback("127.0.0.1") and not is_loopback("0.0.0.0")
    assert copying.PROBLEM not in page.session_state


def test_thousands_of_files_come_page_by_page_with_failures_first(page: AppTest, suite: CortexSuite) -> None:
    from cortex_engine.core.records import NewFile

    suite.create_collection("Library")
    files = [NewFile("", f"file{number:04}.txt", "", 1) for number in range(3000)]
    catalog = suite._library.catalog
    catalog._blobs = None  # type: ignore[attr-defined]  # the originals do not matter here
    job = catalog.enqueue("ingest", "Library", [NewFile(f.path, f.name, f"{n:064x}", 1) for n, f in enumerate(files)])
    failed = catalog.job_files(job.id, (), 1, 2999)[0]
    catalog.update_file(failed.id, FileState.FAILED, message="It is broken.")
    page.run()
    assert not page.exception
    shown = text(page)
    assert "file2999.txt" in shown and "It is broken." in shown
    assert shown.count('class="cx-file') == 12
    page.session_state[f"files_page_{job.id}"] = 250
    page.run()
    assert "file2998.txt" in text(page)


def test_quarantine_and_trouble_are_told(page: AppTest, suite: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    page.run()
    upload(page, ("bad.txt", b"words"))
    page.button(key="ingest_add").click().run()
    file = suite.job(suite.jobs()[0].id)[1][0]
    suite._library.catalog.update_file(file.id, FileState.QUARANTINED, message="It was begun 3 times.")
    real = suite.queue_progress
    monkeypatch.setattr(suite, "queue_progress", lambda: replace(real(), trouble="The library is in use by process 7."))
    page.run()
    assert "Quarantined" in text(page) and "It was begun 3 times." in text(page)
    assert any("process 7" in warning.value for warning in page.warning)


def test_the_sidebar_tells_of_every_model(page: AppTest) -> None:
    page.run()
    shown = text(page) + "".join(each.value for each in page.code)
    for word in ("RapidOCR", "Qwen3\\-VL", "Does not read", "Dimensions", "hf download Qwen/Qwen3-VL-Embedding-2B"):
        assert word in shown, word
