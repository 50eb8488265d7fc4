"""Models in the real application: Qwen3-VL is switched on, sees, takes over a collection and gives it back; or cannot be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser_kit import screens
from browser_kit.axe import script, violations
from browser_kit.server import App
from browser_kit.watching import error_boxes, eventually, ready
from playwright.sync_api import Locator, Page, TimeoutError

SCREENS = Path(__file__).parents[2] / "build" / "screens"
PLAIN = {"QWEN3_VL_DEVICE": "cpu", "CORTEX_OCR": "false", "OMP_NUM_THREADS": "1"}
MOVE = '[class*="st-key-move_"][data-testid="stVerticalBlock"]'


def shot(page: Page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(300)  # fades of Streamlit
    page.screenshot(path=SCREENS / f"models-{name}.png")


def sidebar(page: Page) -> str:
    return page.locator('[data-testid="stSidebar"]').inner_text()


def main(page: Page) -> str:
    return page.locator('[data-testid="stMain"]').inner_text()


def files(qwen3_vl_pictures: Path) -> list[Path]:
    return sorted(qwen3_vl_pictures.glob("t_*.png"))


def book() -> dict[str, object]:
    """A text of many passages, in which one tells of a ferry."""
    words = "The keeper of the lamp noted wind, tide and every ship that passed the island on that day of the year."
    days = [f"Day {number}. " + f"{words} " * 9 for number in range(180)]
    days[100] = (
        "Day 100. The ferry to Saltholm sank off the northern quay, and all hands were saved by the pilots. " * 6
    )
    return {"name": "logbook.txt", "mimeType": "text/plain", "buffer": "\n\n".join(days).encode()}


@pytest.fixture
def server(start_app, qwen3_vl_models) -> App:
    """A server with an empty library on which Qwen3-VL is there, and off."""
    started: App = start_app(None, **PLAIN, QWEN3_VL_EMBEDDING_MODEL=str(qwen3_vl_models / "trained_embedding"))
    return started


def new_collection(page: Page, name: str, model: str) -> None:
    """Make a collection with a model that is typed."""
    screens.button(page, "New collection").click()
    page.wait_for_selector('[role="dialog"]')
    page.locator(".st-key-create_name input").fill(name)
    screens.choose(page, "create_model", model)
    eventually(screens.button(page, "Make the collection").is_enabled, 30, page, "the model is known")
    screens.button(page, "Make the collection").click()
    page.wait_for_selector('[role="dialog"]', state="detached")
    ready(page)


def answer(page: Page, server: App, collection: str) -> str:
    """The first document found in a collection by meaning."""
    page.goto(
        server.url("search", q="the ferry sank and all hands were saved", mode="traditional", **{"in": collection})
    )
    ready(page)
    return str(eventually(lambda: screens.cards(page), 60, page, "something is found")[0])


def pausing(page: Page, card: Locator) -> bool:
    """Pause a move that has begun; False when it was too quick for that."""
    eventually(lambda: re.search("Pause|Ready to switch", card.inner_text()), 60, page, "the move is shown")
    button = card.get_by_role("button", name="Pause").first
    try:
        button.click(timeout=3000)
    except TimeoutError:
        return False
    eventually(lambda: re.search("Resume|Ready to switch", card.inner_text()), 60, page, "the move pauses")
    return "Resume" in card.inner_text()


def test_qwen3_vl_from_its_switch_to_a_collection_moved_and_given_back(server, open_page, qwen3_vl_pictures):
    page = open_page(server, "collections", width=1440)
    new_collection(page, "Logbooks", "hashing")
    assert "hashing" in main(page) or "256 dimensions" in main(page)
    screens.go(page, "Knowledge Ingest")
    screens.upload(page, [book()], "Logbooks")
    screens.wait_until_arrived(page, 1)

    assert "Qwen3-VL · off" in sidebar(page)
    page.locator(".st-key-qwen3_vl_cost summary").click()
    eventually(lambda: "To download\nnothing" in sidebar(page), 60, page, "the plan is told")
    shot(page, "ingest-off")
    page.locator(".st-key-qwen3_vl_mode label").first.click()
    eventually(lambda: "Qwen3-VL · ready" in sidebar(page), 90, page, "Qwen3-VL is loaded")
    eventually(lambda: "Attention: sdpa" in sidebar(page), 30, page, "its facts are told")
    assert "Device: cpu" in sidebar(page) and "Precision: float32" in sidebar(page)
    shot(page, "ingest-on")
    screens.upload(page, files(qwen3_vl_pictures), "Shapes")
    eventually(lambda: "16 done" in main(page), 120, page, "the pictures arrived")
    screens.go(page, "Collection Management")
    eventually(lambda: "16 pictures" in main(page), 30, page, "the pictures are counted")
    assert "text and pictures" in main(page)
    shot(page, "collections")

    screens.go(page, "Maintenance")
    screens.choose(page, "reembed_collection", "Logbooks")
    screens.choose(page, "reembed_target", "trained_embedding")
    begin = page.locator(".st-key-reembed_begin button").first
    eventually(lambda: begin.is_visible() and "Re-embed" in begin.inner_text(), 60, page, "the plan is told")
    assert re.search(r"Re-embed \d+ passages with trained_embedding \(", begin.inner_text())
    page.locator(".st-key-reembed").scroll_into_view_if_needed()
    shot(page, "plan")
    begin.click()
    card = page.locator(MOVE).first
    other = open_page()
    if pausing(page, card):  # else it was over before a person could click; AppTest has it in every order
        page.reload()
        ready(page)
        eventually(lambda: "Resume" in card.inner_text(), 30, page, "it is still paused")
        shot(page, "paused")
        assert answer(other, server, "Logbooks") == "logbook.txt"
        card.get_by_role("button", name="Resume").first.click()
    assert answer(other, server, "Logbooks") == "logbook.txt"
    other.goto(server.url("home"))
    ready(other)
    moves = other.locator(".st-key-home_moves")
    eventually(lambda: "Logbooks" in moves.inner_text(), 30, other, "Home tells of the move")
    shot(other, "home")
    eventually(lambda: "Ready to switch" in card.inner_text(), 90, page, "all vectors are there")
    assert "agree in 100% of the first document" in card.inner_text()
    shot(page, "ready")
    card.get_by_role("button", name="Switch").first.click()
    eventually(lambda: "Go back" in card.inner_text(), 60, page, "it is switched")
    assert answer(other, server, "Logbooks") == "logbook.txt"
    shot(page, "switched")
    assert looked_at(open_page, server, ("ingest", "maintenance", "collections"), 1440, dark=False) == {}
    assert looked_at(open_page, server, ("maintenance", "settings", "home"), 390, dark=True) == {}
    card.get_by_role("button", name="Go back").first.click()
    eventually(lambda: "Gone back" in card.inner_text(), 60, page, "the former model is back")
    assert answer(other, server, "Logbooks") == "logbook.txt"
    card.get_by_role("button", name="Remove the new vectors").first.click()
    page.get_by_role("button", name="Remove them").first.click()
    eventually(lambda: "Earlier moves: 1" in main(page), 60, page, "the move is over")
    page.set_viewport_size({"width": 1440, "height": 2600})
    shot(page, "inspector")
    assert error_boxes(page) == []


def looked_at(open_page, server: App, names: tuple[str, ...], width: int, dark: bool) -> dict[str, list[str]]:
    """What axe finds on the pages that tell of models, and whether they run out of the screen; pictures of them are kept."""
    axe = script()
    found = {}
    page = open_page(None, dark=dark, width=width)
    for name in names:
        page.goto(server.url(name))
        ready(page)
        shot(page, f"{name}-{width}-{'dark' if dark else 'light'}")
        found[name] = violations(page, axe)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found[name].append("it runs out of the screen")
    return {name: each for name, each in found.items() if each}


def test_a_broken_folder_is_told_where_people_look(start_app, open_page, qwen3_vl_models, tmp_path):
    broken = tmp_path / "Qwen3-VL-Embedding-2B"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "qwen3_vl", "archit')
    server = start_app(None, "--samples", **PLAIN, QWEN3_VL_ENABLED="true", QWEN3_VL_EMBEDDING_MODEL=str(broken))
    page = open_page(server, "ingest", width=1440)
    eventually(lambda: "not installed" in sidebar(page) or "cannot be used" in sidebar(page), 60, page, "it is told")
    part = page.locator(".st-key-qwen3_vl")  # follows by itself, a moment after the state of all models above it
    eventually(lambda: "config.json" in part.inner_text(), 30, page, "the reason is told")
    shot(page, "broken-ingest")
    page.goto(server.url("settings"))
    ready(page)
    page.locator(".st-key-settings_group").get_by_text("Qwen3-VL", exact=True).click()
    ready(page)
    assert "config.json" in page.locator(".st-key-group_qwen3_vl").inner_text()
    shot(page, "broken-settings")
    page.goto(server.url("home"))
    ready(page)
    shot(page, "broken-home")
    page.goto(server.url("maintenance"))
    ready(page)
    shot(page, "broken-maintenance")
