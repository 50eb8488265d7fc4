"""Knowledge Search in a real browser: keyboard, drawer, links, back button, downloads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

Ready = Callable[..., None]
FIRST_OPEN = '.st-key-results [class*="st-key-open_"] button'


def params(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def first_card(page: Page) -> str:
    return page.locator('.st-key-results [class*="st-key-hit_"] .cx-name').first.inner_text()


def test_slash_goes_to_the_search_box_and_enter_searches(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search")
    page.locator("body").press("/")
    page.keyboard.type("caffeine")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=caffeine"))
    ready(page)
    assert first_card(page) == "saltwind-tea-catalogue.docx"
    assert page.locator("mark").count()


def test_from_the_result_to_the_marked_page_and_out_again(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", q="Who discovered the comet?")
    page.locator(FIRST_OPEN).first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    ready(page)
    asked = params(page)
    assert asked["q"] == ["Who discovered the comet?"] and asked["doc"] and asked["hit"] and asked["page"] == ["1"]
    picture = page.locator('[data-testid="stDialog"] img').first
    picture.wait_for()
    assert picture.evaluate("each => each.complete && each.naturalWidth") == 1280
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("page=2"))
    ready(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile("page=1"))
    ready(page)
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "doc=" not in url)
    ready(page)
    assert params(page) == {"q": ["Who discovered the comet?"]}
    assert not page.locator('[data-testid="stDialog"]').count()


def test_a_link_of_the_drawer_opens_it_on_the_first_visit(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", q="generator")
    page.locator(FIRST_OPEN).first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    url = page.url
    other = open_page()
    other.goto(url)
    other.wait_for_selector(".st-key-drawer_actions")
    ready(other)
    assert other.locator('[data-testid="stDialog"] mark.passage').count()
    assert other.locator('[data-testid="stDialog"] mark.passage mark').first.inner_text().lower() == "generator"


def test_the_back_button_brings_the_search_before(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", q="seals")
    field = page.locator(".st-key-q input")
    field.fill("caffeine")
    field.press("Enter")
    page.wait_for_url(re.compile("q=caffeine"))
    ready(page)
    page.wait_for_timeout(1600)  # an address this young could still be on its way from the browser
    page.go_back()
    page.wait_for_url(re.compile("q=seals"))
    page.wait_for_function("() => document.querySelector('.st-key-q input').value === 'seals'")
    ready(page)
    assert first_card(page) == "island-walk.pptx"
    page.go_forward()
    page.wait_for_function("() => document.querySelector('.st-key-q input').value === 'caffeine'")


def test_quick_changes_are_not_undone_by_a_late_url(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", q="seals")
    field = page.locator(".st-key-q input")
    field.fill("caffeine tea")
    field.press("Enter")
    page.locator(".st-key-mode").get_by_text("Words", exact=True).click()
    page.wait_for_url(re.compile("mode=words"))
    ready(page)
    assert params(page) == {"q": ["caffeine tea"], "mode": ["words"]}
    assert field.input_value() == "caffeine tea"


def test_the_original_and_the_citation_come_down_under_their_names(
    sample_app: Any, open_page: Any, ready: Ready
) -> None:
    page = open_page(sample_app, "search", q="Who discovered the comet?")
    page.locator(FIRST_OPEN).first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    ready(page)
    with page.expect_download() as original:
        page.locator(".st-key-drawer_original button").first.click()
    assert original.value.suggested_filename == "observatory-annual-report.pdf"
    assert original.value.path().read_bytes().startswith(b"%PDF")
    page.locator(".st-key-drawer_cite button").first.click()
    page.get_by_text("BibTeX", exact=True).click()
    page.wait_for_selector(".st-key-drawer_download_bibtex")
    with page.expect_download() as citation:
        page.locator(".st-key-drawer_download_bibtex button").first.click()
    assert citation.value.suggested_filename == "observatory-annual-report-p1.bib"
    assert citation.value.path().read_text().startswith("@")


def test_the_results_come_down_as_files(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", q="comet")
    page.locator(".st-key-export button").first.click()
    for kind in ("csv", "md", "json"):
        with page.expect_download() as file:
            page.locator(f".st-key-export_{kind} button").first.click()
        assert file.value.suggested_filename == f"comet.{kind}"
        assert "observatory-annual-report.pdf" in file.value.path().read_text().replace("\\", "")


def test_the_lists_that_load_when_they_are_opened(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", q="comet")
    card = page.locator('.st-key-results [class*="st-key-hit_"]').first
    card.locator('[class*="st-key-passages_"] summary').click()
    card.locator('[class*="st-key-open_other_"] button').first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "doc=" not in url)
    ready(page)
    page.locator(".st-key-debug_log summary").click()
    tables = page.locator('.st-key-debug_log [data-testid="stDataFrame"]')
    tables.nth(2).wait_for()
    assert tables.count() == 3


def test_on_a_phone_nothing_is_wider_than_the_screen(sample_app: Any, open_page: Any, ready: Ready) -> None:
    page = open_page(sample_app, "search", width=390, q="island", type="pdf")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    card = page.locator('.st-key-results [class*="st-key-hit_"]').first
    assert card.locator('[class*="st-key-thumb_"]').first.bounding_box()["width"] <= 60
    card.locator('[class*="st-key-open_"] button').first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    ready(page)
    assert page.locator('[data-testid="stDialog"] img').first.bounding_box()["width"] <= 390
