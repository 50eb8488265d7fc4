"""axe-core on every page: WCAG 2.1 A and AA, light and dark, with documents and without."""

from __future__ import annotations

import pytest
from browser_kit import screens
from browser_kit.axe import script, violations
from browser_kit.server import PAGES


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    return script()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("library", ["sample_app", "empty_app"])
def test_pages(library, request, open_page, ready, axe, dark):
    """One browser for all pages: the application is loaded into it once."""
    app = request.getfixturevalue(library)
    page = open_page(app, "home", dark=dark)
    found = {}
    for name in PAGES:
        page.goto(app.url(name))
        ready(page)
        found[name] = violations(page, axe)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_results_menus_and_an_open_source(sample_app, open_page, ready, axe, dark):
    page = open_page(sample_app, "search", dark=dark, q="Who discovered the comet?")
    found = {"results": violations(page, axe)}
    page.locator(".st-key-filters button").first.click()
    ready(page)
    found["filters"] = violations(page, axe)
    page.keyboard.press("Escape")
    page.locator(".st-key-debug_log summary").click()
    ready(page)
    found["debug log"] = violations(page, axe)
    screens.open_card(page, "observatory-annual-report.pdf")
    found["page with a picture"] = violations(page, axe)
    screens.button(screens.drawer(page), "Cite").click()
    ready(page)
    found["citation"] = violations(page, axe)
    page.goto(sample_app.url("search", q="island", doc="island-walk.pptx", page=1))
    ready(page)
    found["page of text"] = violations(page, axe)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_tabs_and_dialogs(sample_app, open_page, ready, axe, dark):
    page = open_page(sample_app, "maintenance", dark=dark)
    found = {}
    for tab in ("Jobs", "Ledger", "Health", "Storage", "Logs"):
        page.get_by_role("tab", name=tab).click()
        ready(page)
        page.wait_for_timeout(400)
        found[tab] = violations(page, axe)
    screens.go(page, "Collection Management")
    screens.act(page, "Samples", "Rename or describe")
    found["dialog"] = violations(page, axe)
    page.goto(sample_app.url("collections", **{"in": "Samples"}))
    ready(page)
    found["documents"] = violations(page, axe)
    screens.go(page, "Settings")
    page.get_by_role("tab", name="API keys").click()
    ready(page)
    found["keys"] = violations(page, axe)
    assert {name: each for name, each in found.items() if each} == {}


def test_the_watch_sees_a_violation(page, axe):
    """Broken on purpose: a picture without words and pale text."""
    page.set_content(
        "<html lang=en><title>x</title><main><img src='data:,'><p style='color:#bbb'>pale</p></main></html>"
    )
    assert {line.split(":")[0] for line in violations(page, axe)} >= {"image-alt", "color-contrast"}
