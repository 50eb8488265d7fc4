"""Collection Management and Settings in a real browser: what AppTest cannot drive (rows, menus, dialogs, widths)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browser_kit import screens
from browser_kit.server import App, free_port
from browser_kit.watching import error_boxes, eventually, ready, text_of

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite

HOSTILE = ":red[x] $y$ <img src=x onerror=alert(1)>"
_ROW, _HEAD = 36, 35


@pytest.fixture
def library(tmp_path):
    """A server on a library of two collections; "Letters" has 60 documents, "Minutes" three of its own."""
    server = App(
        tmp_path / "library",
        {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_EMBEDDING_BACKEND": "hashing", "HF_HUB_OFFLINE": "1"},
        port=free_port(),
    )
    with CortexSuite.open(loaded=load_config(server.folder, server.settings)) as suite:
        for name, count in {"Letters": 60, "Minutes": 3}.items():
            folder = tmp_path / name
            folder.mkdir()
            for number in range(count):
                text = f"The harbour and its lighthouse in {name}, number {number}."
                (folder / f"{name.lower()}-{number:02}.txt").write_text(text, encoding="utf-8")
            suite.ingest([folder], name, recursive=True)
        suite.describe_collection("Minutes", HOSTILE)
    server.start()
    yield server
    server.stop()


def _table(page):
    return page.locator('[class*="st-key-documents_table"]').first


def _click_cell(page, row: int, x: int) -> None:
    """Click into the table, which is drawn on a canvas: row -1 is the head."""
    _table(page).scroll_into_view_if_needed()
    box = _table(page).bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + (_HEAD / 2 if row < 0 else _HEAD + _ROW * row + _ROW / 2))
    ready(page)


def _tick(page, row: int) -> None:
    _click_cell(page, row, 17)


def _button(page, key: str):
    return page.locator(f".st-key-{key} button").first


def _press(page, key: str) -> None:
    _button(page, key).click()
    ready(page)


def _menu(page, collection: str, action: str) -> None:
    """By the name on the card: while the page is drawn anew the cards change places."""
    ready(page)
    screens.act(page, collection, action)


def test_a_collection_is_made_renamed_merged_and_deleted(library, open_page) -> None:
    page = open_page(library, "collections")
    _press(page, "new_collection")
    page.locator(".st-key-create_name input").fill("Drafts")
    page.get_by_role("button", name="Make the collection").click()
    page.get_by_text("The collection 'Drafts' is there").wait_for()
    _menu(page, "Drafts", "Rename or describe")
    page.locator(".st-key-edit_name input").fill("Sketches")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("'Drafts' is now called 'Sketches'").wait_for()
    _menu(page, "Minutes", "Merge into another")
    page.locator(".st-key-merge_target input").click()
    page.get_by_role("option", name="Sketches").click()
    ready(page)
    assert "No document is deleted" in text_of(page)
    _press(page, "merge_send")
    page.get_by_text("which now holds 3 documents").wait_for()
    _menu(page, "Sketches", "Delete")
    assert "3 documents with 3 passages" in text_of(page)
    assert "minutes-02.txt" in text_of(page)
    _press(page, "delete_send")
    page.get_by_text("is deleted, with 3 documents").wait_for()
    ready(page)
    assert "Sketches" not in page.locator(".st-key-collections").inner_text()
    assert error_boxes(page) == []


def test_rows_are_ticked_tagged_moved_and_deleted(library, open_page) -> None:
    page = open_page(library, "collections", **{"in": "Minutes"})
    _tick(page, 0)
    _tick(page, 1)
    assert "2 selected" in text_of(page)
    assert _button(page, "selected_details").count() == 0
    _press(page, "selected_tags")
    box = page.locator(".st-key-tags_add input")
    box.fill("urgent")
    box.press("Enter")
    ready(page)
    page.keyboard.press("Tab")
    _press(page, "tags_send")
    page.get_by_text("Tags of 2 documents: added urgent").wait_for()
    _tick(page, 2)
    _press(page, "selected_move")
    page.locator(".st-key-place_target input").click()
    page.get_by_role("option", name="Letters").click()
    ready(page)
    _press(page, "place_send")
    page.get_by_text("Moved 1 document from 'Minutes' to 'Letters'").wait_for()
    _tick(page, 0)
    _press(page, "selected_delete")
    assert "1 document with 1 passage" in text_of(page)
    _press(page, "delete_documents_send")
    page.get_by_text("Deleted 1 document.").wait_for()
    ready(page)
    assert "1 document" in page.locator(".st-key-documents_line").inner_text()
    assert error_boxes(page) == []


def test_everything_that_meets_the_filters_can_be_selected_at_once(library, open_page) -> None:
    page = open_page(library, "collections", **{"in": "Letters"})
    assert "1 to 50 of 60 documents" in text_of(page)
    _click_cell(page, -1, 17)
    page.get_by_text("Select all 60, on every page").click()
    ready(page)
    assert "60 selected" in text_of(page)
    _press(page, "selected_copy")
    page.locator(".st-key-place_target input").click()
    page.get_by_role("option", name="Minutes").click()
    ready(page)
    _press(page, "place_send")
    page.get_by_text("Copied 60 documents to 'Minutes'").wait_for()
    page.goto(library.url("collections", **{"in": "Minutes"}))
    ready(page)
    assert "of 63 documents" in text_of(page)


def test_a_row_opens_in_the_drawer_and_details_are_saved(library, open_page) -> None:
    page = open_page(library, "collections", **{"in": "Minutes"})
    _click_cell(page, 1, 62)
    page.get_by_role("dialog").wait_for()
    assert "minutes-01.txt" in page.get_by_role("dialog").inner_text()
    assert "doc=" in page.url
    page.keyboard.press("Escape")
    ready(page)
    _tick(page, 1)
    _press(page, "selected_details")
    page.get_by_role("textbox", name="Title", exact=True).fill(HOSTILE)
    page.keyboard.press("Tab")
    ready(page)
    _press(page, "details_send")
    page.get_by_text("Saved title of").wait_for()
    ready(page)
    _tick(page, 1)
    _press(page, "selected_details")
    assert page.get_by_role("textbox", name="Title", exact=True).input_value() == HOSTILE
    assert "The file itself says nothing" in text_of(page)
    with page.expect_download() as download:
        page.locator(".st-key-details_original button").first.click()
    assert Path(download.value.path()).read_text() == "The harbour and its lighthouse in Minutes, number 1."


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", ["collections", "settings"])
def test_nothing_is_wider_than_the_window(name: str, width: int, library, open_page) -> None:
    page = open_page(library, name, width=width, **({"in": "Letters"} if name == "collections" else {}))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert error_boxes(page) == []


def test_hostile_descriptions_are_read_as_they_are(library, open_page) -> None:
    page = open_page(library, "collections")
    assert HOSTILE in text_of(page)
    assert page.locator(".st-key-collections img").count() == 0


def test_ticking_a_document_moves_nothing(library, open_page) -> None:
    page = open_page(library, "collections", width=390, **{"in": "Minutes"})
    before = _table(page).bounding_box()["y"]
    _tick(page, 0)
    page.evaluate("window.scrollTo(0, 0)")
    assert abs(_table(page).bounding_box()["y"] - before) <= 4


def test_a_setting_is_saved_and_used_at_once(library, open_page) -> None:
    page = open_page(library, "settings")
    page.get_by_placeholder("Find a setting").fill("CORTEX_CANDIDATES")
    ready(page)
    field = page.locator(".st-key-setting_candidates input")
    eventually(lambda: page.locator('[class*="st-key-row_"]').count() == 1, 10, page, "one setting is found")
    ready(page)
    field.fill("3")
    field.press("Enter")
    page.get_by_text("It must be at least 10").wait_for()
    assert field.input_value() == "3"
    field.fill("500")
    field.press("Enter")
    page.get_by_text("used when the library is opened again").wait_for()
    assert json.loads((library.folder / "cortex_config.json").read_text()) == {"candidates": 500}
    _press(page, "settings_apply")
    page.get_by_text("The library was opened again").wait_for()
    ready(page)
    assert page.locator(".st-key-settings_pending").count() == 0
    page.goto(library.url("collections"))
    ready(page)
    assert "Letters" in text_of(page)
