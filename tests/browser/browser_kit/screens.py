"""The pages as tests use them: what is clicked, what is read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, TimeoutError

from browser_kit.watching import eventually, ready

FINAL = ("Done", "Already here", "Failed", "Quarantined", "Cancelled")
TITLES = {
    "search": "Knowledge Search",
    "ask": "Ask",
    "graph": "Knowledge Graph",
    "ingest": "Knowledge Ingest",
    "collections": "Collection Management",
    "maintenance": "Maintenance",
    "settings": "Settings",
}


def go(page: Page, title: str) -> None:
    """Switch to another page by the navigation."""
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name=title, exact=True).click()
    page.wait_for_function(
        "(title) => [...document.querySelectorAll('h1')].some((each) => each.innerText.trim() === title)", arg=title
    )
    ready(page)


def button(place: Page | Locator, name: str) -> Locator:
    """The visible button of that name (a button with a tooltip stands in the document twice)."""
    return place.get_by_role("button", name=name, exact=True).first


def choose(page: Page, key: str, value: str) -> None:
    """Choose in a select box, or type what is not on its list."""
    field = page.locator(f".st-key-{key} input").first
    field.click()
    field.fill(value)
    page.wait_for_timeout(150)
    field.press("Enter")
    ready(page)


# -- Knowledge Ingest ------------------------------------------------------------------------------------------------


def upload(page: Page, files: Sequence[Path] | Sequence[dict[str, object]], collection: str = "") -> None:
    """Drop files on Knowledge Ingest and add them; once more where they came while the page was being drawn and were lost."""
    add = page.locator(".st-key-ingest_add button").first
    for last in (False, True):
        ready(page)
        page.locator(".st-key-drop input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]
        ready(page)
        try:
            eventually(add.is_enabled, 60 if last else 20, page, "the files are there to be added")
            break
        except AssertionError:
            if last:
                raise
    if collection:
        choose(page, "ingest_collection", collection)
    add.click()
    ready(page)


def rows(page: Page) -> dict[str, tuple[str, str]]:
    """Name of a file in the queue -> (state in words, reason)."""
    found = page.evaluate(
        """() => [...document.querySelectorAll(".cx-file")].map((row) => [
            row.querySelector(".cx-name")?.innerText || "", row.querySelector(".cx-state")?.innerText || "",
            row.querySelector(".cx-reason")?.innerText || ""])"""
    )
    return {name: (state, reason) for name, state, reason in found}


def wait_until_arrived(page: Page, count: int, seconds: float = 180) -> dict[str, tuple[str, str]]:
    """Wait until so many files of the queue are in a final state; returns the rows."""

    def arrived() -> bool:
        now = rows(page)
        return len(now) >= count and all(state.startswith(FINAL) for state, _ in now.values())

    eventually(arrived, seconds, page, f"{count} files arrived")
    return rows(page)


# -- Knowledge Search ------------------------------------------------------------------------------------------------

CARD = '[class*="st-key-hit_"]'


def ask(page: Page, query: str) -> None:
    """Type a query and wait for its results."""
    field = page.locator(".st-key-q input")
    field.fill(query)
    field.press("Enter")
    ready(page)


def cards(page: Page) -> list[str]:
    """Names of the documents on the cards, best first."""
    return [text.strip() for text in page.locator(f"{CARD} .cx-name").all_inner_texts()]


def card(page: Page, document: str) -> Locator:
    """The first card of a document."""
    return page.locator(CARD).filter(has=page.locator(".cx-name", has_text=document)).first


# -- the drawer ------------------------------------------------------------------------------------------------------


def drawer(page: Page) -> Locator:
    """The open drawer."""
    return page.get_by_role("dialog").first


def open_card(page: Page, document: str) -> Locator:
    """Open the page of a document's first card; returns the drawer."""
    button(card(page, document), "Open page").click()
    ready(page)
    page.wait_for_selector('[role="dialog"]')
    return drawer(page)


def picture(page: Page) -> Image.Image:
    """The picture of the page in the drawer, as it came from the server."""
    image = drawer(page).locator("img").first
    image.wait_for()
    address = image.evaluate("(element) => element.currentSrc || element.src")
    data = page.evaluate(
        "async (address) => Array.from(new Uint8Array(await (await fetch(address)).arrayBuffer()))", address
    )
    return Image.open(io.BytesIO(bytes(data))).convert("RGB")


def marks(image: Image.Image) -> tuple[int, int]:
    """Pixels of the colours that mark words (yellow) and the passage (soft blue)."""
    yellow = blue = 0
    for count, (red, green, blueness) in image.getcolors(maxcolors=1 << 24) or []:
        if red > 215 and green > 190 and blueness < 170 and red - blueness > 60:
            yellow += count
        elif blueness > 225 and blueness - red > 12 and red > 170:
            blue += count
    return yellow, blue


def close_drawer(page: Page) -> None:
    """Esc."""
    page.keyboard.press("Escape")
    page.wait_for_selector('[role="dialog"]', state="detached")
    ready(page)


# -- Collection Management -------------------------------------------------------------------------------------------


def act(page: Page, collection: str, action: str) -> None:
    """Choose what is to be done to a collection, from the menu of its card."""
    place = page.locator('[class*="st-key-collection_"]').filter(has=page.locator(".cx-name", has_text=collection)).last
    try:
        place.wait_for(timeout=15_000)
    except TimeoutError as error:
        text = page.locator('[data-testid="stMain"]').inner_text()
        raise AssertionError(f"no card of {collection} at {page.url}: {text[:1500]}") from error
    button(place, "Change").click()
    page.get_by_text(action, exact=True).last.click()
    ready(page)
    page.wait_for_selector('[role="dialog"]')
