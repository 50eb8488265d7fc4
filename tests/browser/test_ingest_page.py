"""Knowledge Ingest in a real browser: the queue outlives what people do with pages; every control does what it says."""

from __future__ import annotations

import re
from pathlib import Path

from browser_kit import screens
from browser_kit.files import SAMPLES
from browser_kit.watching import error_boxes, eventually, ready, text_of

from cortex_engine.config import load_config
from cortex_engine.core.app import IngestOptions
from cortex_engine.suite import CortexSuite


def _texts(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    for number in range(count):
        words = " ".join(f"The {number} observation of day {day} was quiet." for day in range(60))
        (folder / f"log{number:02}.txt").write_text(words)
    return sorted(folder.iterdir())


def test_the_queue_outlives_page_switch_reload_and_a_closed_tab(app, open_page, tmp_path):
    page = open_page(app, "ingest")
    paths = _texts(tmp_path / "texts", 24)
    screens.upload(page, paths, "Logs")
    assert eventually(lambda: len(screens.rows(page)) == 12, 30, page, "a page of the queue")
    screens.go(page, "Knowledge Search")
    screens.go(page, "Knowledge Ingest")
    assert "24 files" in text_of(page)
    page.reload()
    ready(page)
    assert "24 files" in text_of(page)
    page.close()
    other = open_page(app, "ingest")
    eventually(lambda: "24 done" in text_of(other), 180, other, "all files went in while nobody looked")
    assert set(screens.rows(other)) <= {path.name for path in paths}
    assert error_boxes(other) == []


def test_pause_resume_cancel_retry_open_and_clear(app, open_page, tmp_path):
    page = open_page(app, "ingest")
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing more")
    screens.upload(page, [broken, SAMPLES / "inselbrief.txt"])
    rows = screens.wait_until_arrived(page, 2)
    assert rows["broken.pdf"][0] == "Failed" and "broken.pdf" in rows["broken.pdf"][1]
    assert re.fullmatch(r"Done · \d+ passages?", rows["inselbrief.txt"][0])
    page.locator('[class*="st-key-retry_file_"] button').first.click()
    ready(page)
    with CortexSuite.open(loaded=load_config(app.folder, app.settings)) as library:
        eventually(lambda: not library.queue_progress().busy, 60, page, "it was tried again")
    assert eventually(lambda: screens.rows(page).get("broken.pdf", ("",))[0] == "Failed", 60, page, "it failed again")
    page.wait_for_timeout(2_500)  # the list follows the queue once more; a click at that very moment can be lost
    ready(page)
    page.locator('[class*="st-key-open_file_"] button').first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("inselbrief.txt").first.wait_for()
    assert "doc=" in page.url
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    screens.upload(page, _texts(tmp_path / "texts", 30))
    screens.button(page, "Pause").click()
    eventually(lambda: "Paused ·" in text_of(page), 30, page, "the job is paused")
    screens.button(page, "Resume").click()
    eventually(lambda: "Paused ·" not in text_of(page), 30, page, "the job goes on")
    if page.get_by_role("button", name="Cancel", exact=True).count():
        screens.button(page, "Cancel").click()
    eventually(lambda: page.locator(".st-key-clear_jobs button").count(), 120, page, "a job has ended")
    eventually(lambda: " to go" not in text_of(page), 120, page, "what was in work when it was cancelled has ended")
    page.locator(".st-key-clear_jobs button").first.click()
    eventually(lambda: "Nothing has been added yet" in text_of(page), 60, page, "the list is empty")
    with CortexSuite.open(loaded=load_config(app.folder, app.settings)) as library:
        assert "inselbrief.txt" in {document.name for document in library.documents()}, "documents stay"


def test_options_and_a_path_of_this_computer(app, open_page, tmp_path):
    paths = _texts(tmp_path / "papers", 3)
    (tmp_path / "papers" / "deep").mkdir()
    (tmp_path / "papers" / "deep" / "more.txt").write_text("Deep down there is more.")
    page = open_page(app, "ingest")
    screens.button(page, "Options").click()
    page.locator('[data-testid="stPopoverBody"]').get_by_text("Short · 128").click()
    ready(page)
    page.keyboard.press("Escape")
    assert "passages of up to 128 tokens" in text_of(page)
    page.get_by_text("Path on this computer").first.click()
    field = page.locator(".st-key-ingest_path input")
    field.fill(str(tmp_path / "absent"))
    field.press("Enter")
    ready(page)
    page.locator(".st-key-ingest_add button").first.click()
    eventually(lambda: "There is no file or folder" in text_of(page), 30, page, "the sentence")
    field.fill(str(tmp_path / "papers"))
    field.press("Enter")
    ready(page)
    page.locator(".st-key-ingest_add button").first.click()
    rows = screens.wait_until_arrived(page, 4)
    assert set(rows) == {*(path.name for path in paths), "more.txt"}
    with CortexSuite.open(loaded=load_config(app.folder, app.settings)) as library:
        assert library.jobs()[0].options == IngestOptions(ocr=True, chunk_max_tokens=128)
    assert error_boxes(page) == []
