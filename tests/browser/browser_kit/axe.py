"""axe-core: what stands on a page against WCAG 2.1 A and AA."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

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


def script() -> str:
    """axe-core, from the package that carries it."""
    package = pytest.importorskip("axe_playwright_python", reason="pip install -r requirements-dev.txt brings axe-core")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds on the page as it stands, without what Streamlit draws itself and we cannot change."""
    page.evaluate(axe)
    found = list(page.evaluate(_RUN, [TAGS, STREAMLIT_OWN]))
    if found:  # what Streamlit is drawing anew fades for a moment, and axe takes it for weak contrast
        page.wait_for_timeout(1_500)
        found = list(page.evaluate(_RUN, [TAGS, STREAMLIT_OWN]))
    return found
