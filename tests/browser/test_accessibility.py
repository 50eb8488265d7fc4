"""axe-core on every page: WCAG 2.1 A and AA, light and dark, with documents and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_kit import screens
from browser_kit.server import PAGES

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]

STREAMLIT_OWN = {
    # rule -> (selector of the element or of one around it, reason)
    "list": [("[data-testid=stSidebarNav]", "the headings of the navigation's sections stand inside its list")],
    "listitem": [("[data-testid=stSidebarNav]", "the items of the navigation's sections stand outside of a list")],
}
"""What axe finds in elements that Streamlit 1.67 draws and that we cannot change. Nothing of ours may be added here."""

_RUN = """
async ([tags, own]) => {
  const result = await axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
  const theirs = (rule, target) => (own[rule] || []).some(([selector]) => {
    const element = document.querySelector(target[target.length - 1]);
    return element !== null && element.closest(selector) !== null;
  });
  return result.violations.flatMap((rule) => rule.nodes
    .filter((node) => !theirs(rule.id, node.target))
    .slice(0, 4)
    .map((node) => rule.id + ": " + node.target.join(" ") + " " + node.html.slice(0, 220) + " " + node.failureSummary));
}
"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, from the package that carries it."""
    package = pytest.importorskip("axe_playwright_python", reason="pip install -r requirements-dev.txt brings axe-core")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def _violations(page, axe: str) -> list[str]:
    page.evaluate(axe)
    return list(page.evaluate(_RUN, [TAGS, STREAMLIT_OWN]))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_with_documents(sample_app, open_page, axe, name, dark):
    assert _violations(open_page(sample_app, name, dark=dark), axe) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_of_an_empty_library(empty_app, open_page, ready, axe, dark):
    page = open_page(empty_app, "home", dark=dark)
    found = {}
    for name in PAGES:
        page.goto(empty_app.url(name))
        ready(page)
        found[name] = _violations(page, axe)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_results_menus_and_an_open_source(sample_app, open_page, ready, axe, dark):
    page = open_page(sample_app, "search", dark=dark, q="Who discovered the comet?")
    found = {"results": _violations(page, axe)}
    page.locator(".st-key-filters button").first.click()
    ready(page)
    found["filters"] = _violations(page, axe)
    page.keyboard.press("Escape")
    page.locator(".st-key-debug_log summary").click()
    ready(page)
    found["debug log"] = _violations(page, axe)
    screens.open_card(page, "observatory-annual-report.pdf")
    found["page with a picture"] = _violations(page, axe)
    screens.button(screens.drawer(page), "Cite").click()
    ready(page)
    found["citation"] = _violations(page, axe)
    page.goto(sample_app.url("search", q="island", doc="island-walk.pptx", page=1))
    ready(page)
    found["page of text"] = _violations(page, axe)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_tabs_and_dialogs(sample_app, open_page, ready, axe, dark):
    page = open_page(sample_app, "maintenance", dark=dark)
    found = {}
    for tab in ("Jobs", "Ledger", "Health", "Storage", "Logs"):
        page.get_by_role("tab", name=tab).click()
        ready(page)
        page.wait_for_timeout(400)
        found[tab] = _violations(page, axe)
    screens.go(page, "Collection Management")
    screens.act(page, "Samples", "Rename or describe")
    found["dialog"] = _violations(page, axe)
    page.goto(sample_app.url("collections", **{"in": "Samples"}))
    ready(page)
    found["documents"] = _violations(page, axe)
    screens.go(page, "Settings")
    page.get_by_role("tab", name="API keys").click()
    ready(page)
    found["keys"] = _violations(page, axe)
    assert {name: each for name, each in found.items() if each} == {}


def test_the_watch_sees_a_violation(page, axe):
    """Broken on purpose: a picture without words and pale text."""
    page.set_content(
        "<html lang=en><title>x</title><main><img src='data:,'><p style='color:#bbb'>pale</p></main></html>"
    )
    assert {line.split(":")[0] for line in _violations(page, axe)} >= {"image-alt", "color-contrast"}
