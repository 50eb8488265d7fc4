""" "Why not this one?", the waterfall and the debug log in a real browser: walked in light and dark, on a desk and a phone.

The pictures in build/screens (why-…, waterfall-…, debug-…) are there to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_kit.axe import script, violations
from browser_kit.watching import error_boxes
from playwright.sync_api import Page

SCREENS = Path(__file__).parents[2] / "build" / "screens"
Ready = Callable[..., None]
_TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


def _shot(page: Page, name: str, place: str = "") -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)  # fades of Streamlit
    if place:
        page.locator(place).first.scroll_into_view_if_needed()
    page.screenshot(path=SCREENS / f"{name}.png")


def _choose(page: Page, typed: str, name: str) -> None:
    field = page.locator(".st-key-why_document input")
    field.click()
    field.fill(typed)
    page.get_by_role("option", name=re.compile(re.escape(name))).first.click()


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)], ids=["light", "dark phone"])
def test_it_is_found_out_and_brought_back(
    sample_app: Any, open_page: Any, ready: Ready, width: int, dark: bool
) -> None:
    kind = f"{width}-{'dark' if dark else 'light'}"
    page = open_page(sample_app, "search", width=width, dark=dark, q="Who discovered the comet?", n=3)
    card = page.locator('.st-key-results [class*="st-key-hit_"]').first
    card.locator('[class*="st-key-more_"] button').first.click()
    page.wait_for_selector(".cx-falls")
    ready(page)
    _shot(page, f"waterfall-{kind}", ".cx-falls")
    found = {"waterfall": violations(page, script())} if dark else {}
    page.keyboard.press("Escape")
    page.locator(".st-key-why_not summary").click()
    page.wait_for_selector(".st-key-why_document input")
    _choose(page, "inselbrief", "inselbrief.txt")
    page.wait_for_selector(".st-key-why_apply_0 button")
    ready(page)
    assert "3 documents are shown" in page.locator(".st-key-why_answer").inner_text()
    _shot(page, f"why-{kind}", ".st-key-why_answer")
    found["why"] = violations(page, script())
    assert not page.evaluate(_TOO_WIDE)
    page.locator(".st-key-why_apply_0 button").click()
    page.wait_for_url(lambda url: "n=3" not in url.split("&"))
    page.get_by_text("It did come back").wait_for()
    ready(page)
    assert "inselbrief.txt" in page.locator(".st-key-results").inner_text()
    page.locator(".st-key-debug_log summary").click()
    page.locator('.st-key-debug_log [data-testid="stDataFrame"]').nth(2).wait_for()
    page.locator(".st-key-debug_again button").click()
    page.get_by_text("The same results in the same order.").wait_for()
    ready(page)
    _shot(page, f"debug-{kind}", ".st-key-debug_actions")
    assert not page.evaluate(_TOO_WIDE)
    assert error_boxes(page) == []
    assert {name: each for name, each in found.items() if each} == {}


def test_nothing_found_and_a_file_that_was_never_there(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", dark=True, q="comet", mode="words", type="pptx")
    page.wait_for_selector(".st-key-no_results")
    page.locator(".st-key-why_not summary").click()
    page.wait_for_selector(".st-key-why_document input")
    field = page.locator(".st-key-why_document input")
    field.click()
    field.fill("moon landing.pdf")
    field.press("Enter")
    page.locator(".st-key-why_answer .stMarkdownBadge").get_by_text("Not in the library").wait_for()
    ready(page)
    assert page.locator(".st-key-why_ways").get_by_text("Add the file").count()
    _shot(page, "why-nothing-1440-dark", ".st-key-why_answer")
    _choose(page, "observatory", "observatory-annual-report.pdf")
    page.get_by_text("Filtered out").wait_for()
    ready(page)
    page.locator(".st-key-why_apply_0 button").click()
    page.wait_for_url(lambda url: "type=" not in url)
    page.get_by_text("It did come back").wait_for()
