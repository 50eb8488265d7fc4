"""Every page at three widths, light and dark: kept as pictures in build/screens, nothing runs out of the screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_kit.screens import CARD
from browser_kit.server import PAGES
from browser_kit.watching import error_boxes
from playwright.sync_api import expect

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite

SCREENS = Path(__file__).parents[2] / "build" / "screens"

_TOO_WIDE = """
() => {
  const main = document.querySelector('[data-testid="stMain"]') || document.scrollingElement;
  const wide = [document.scrollingElement, main].filter((each) => each.scrollWidth > each.clientWidth + 1);
  return wide.map((each) => each.tagName + " " + each.scrollWidth + " > " + each.clientWidth);
}
"""


def _shot(page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)  # fades of Streamlit
    page.screenshot(path=SCREENS / f"{name}.png")


def _calibrated(server) -> bool:
    with CortexSuite.open(loaded=load_config(server.folder, server.settings)) as library:
        return bool(library.calibrations())


# Colours do not depend on the width: each width is looked at once, the widest in both.
@pytest.mark.parametrize(
    ("width", "dark"),
    [(1440, False), (1440, True), (1024, False), (390, True)],
    ids=["1440-light", "1440-dark", "1024-light", "390-dark"],
)
def test_every_page(sample_app, open_page, ready, eventually, width, dark):
    page = open_page(None, width=width, dark=dark)
    trouble = {}
    for name in PAGES:
        page.goto(sample_app.url(name))
        ready(page)
        _shot(page, f"{name}-{width}-{'dark' if dark else 'light'}")
        trouble[name] = [*page.evaluate(_TOO_WIDE), *error_boxes(page)]
    page.goto(sample_app.url("search", q="Who discovered the comet?"))
    ready(page)
    _shot(page, f"results-{width}-{'dark' if dark else 'light'}")
    trouble["results"] = [*page.evaluate(_TOO_WIDE), *error_boxes(page)]
    if (width, dark) in {(1440, False), (390, True)}:
        trouble["nothing"] = _nothing(sample_app, page, ready, eventually, f"{width}-{'dark' if dark else 'light'}")
    assert {name: each for name, each in trouble.items() if each} == {}


def _nothing(server, page, ready, eventually, suffix: str) -> list[str]:
    """A question that the library does not answer: its near misses are folded away."""
    eventually(lambda: _calibrated(server), 90, page, "the scores of the samples are calibrated in the background")
    page.goto(server.url("search", q="How do bees make honey?"))
    ready(page)
    expect(page.get_by_role("heading", name="Nothing in your library answers this")).to_be_visible()
    expect(page.locator(CARD)).to_have_count(0)
    _shot(page, f"nothing-{suffix}")
    page.get_by_text("The nearest misses").click()
    expect(page.locator(CARD).first).to_contain_text("of unrelated passages")
    _shot(page, f"misses-{suffix}")
    return [*page.evaluate(_TOO_WIDE), *error_boxes(page)]


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)], ids=["1440-light", "390-dark"])
def test_an_empty_library(empty_app, open_page, ready, width, dark):
    page = open_page(None, width=width, dark=dark)
    trouble = {}
    for name in PAGES:
        page.goto(empty_app.url(name))
        ready(page)
        _shot(page, f"empty-{name}-{width}-{'dark' if dark else 'light'}")
        trouble[name] = [*page.evaluate(_TOO_WIDE), *error_boxes(page)]
    assert {name: each for name, each in trouble.items() if each} == {}
