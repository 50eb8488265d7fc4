"""Pictures in the real application: found by words and by pictures, ordered anew, with a tiny trained Qwen3-VL."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from browser_kit import hostile, pictures, screens
from browser_kit.axe import script, violations
from browser_kit.server import App
from browser_kit.trap import Trap
from browser_kit.watching import error_boxes, eventually, ready
from playwright.sync_api import Browser, Page

SCREENS = Path(__file__).parents[2] / "build" / "screens"
HOSTILE = ("image with a handler", "picture in Markdown", "colours and badges", "right to left")
TILE = '[class*="st-key-tile_"]'
SEES = {"QWEN3_VL_ENABLED": "true", "QWEN3_VL_DEVICE": "cpu", "CORTEX_OCR": "false"}


@pytest.fixture(scope="module")
def trap():
    listening = Trap()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def shapes(_servers, browser: Browser, trap: Trap, qwen3_vl_models, qwen3_vl_pictures, tmp_path_factory) -> App:
    """A server that sees, with the 16 shapes, 24 other pictures, 8 notes and 4 pictures with hostile names."""
    server = _servers(
        None,
        **SEES,
        QWEN3_VL_EMBEDDING_MODEL=str(qwen3_vl_models / "trained_embedding"),
        QWEN3_VL_RERANKER_MODEL=str(qwen3_vl_models / "trained_reranker"),
        QWEN3_VL_RERANKER_ENABLED="true",
    )
    files = sorted(qwen3_vl_pictures.glob("t_*.png")) + pictures.distractors(tmp_path_factory.mktemp("distractors"))
    given = [{"name": each.name, "mimeType": "", "buffer": each.read_bytes()} for each in files]
    vectors = hostile.vectors(trap)
    for number, name in enumerate(HOSTILE):
        given.append({"name": f"{vectors[name]}.png", "mimeType": "image/png", "buffer": pictures.speckled(number)})
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(server.url("ingest"))
    ready(page)
    screens.upload(page, given, "Shapes")
    eventually(lambda: _count(page, server) == 44, 120, page, "every picture can be found by its look")
    context.close()
    return server


def _count(page: Page, server: App) -> int:
    """Tiles of a search that every picture is a result of."""
    page.goto(server.url("search", q="picture", kind="pictures", mode="traditional", rerank=0, n=100))
    ready(page)
    return page.locator(TILE).count()


def names(page: Page) -> list[str]:
    """The names on the tiles, in order."""
    return [text.strip() for text in page.locator(f'{TILE} > [class*="st-key-open_"]').all_inner_texts()]


def relevances(page: Page) -> list[str]:
    return re.findall(r"relevance ([<>]?[\d.]+)", page.locator(".st-key-results").inner_text())


def params(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_words_find_their_picture_by_embedding_alone_and_after_reranking(shapes, open_page):
    page = open_page(shapes, "search", q="a yellow cross", mode="traditional", rerank=0)
    assert page.locator(".st-key-results > *").locator(f"{TILE}, {screens.CARD}").count()
    assert names(page)[0] == "t_yellow_cross.png"
    assert "No. 1" in page.locator(TILE).first.inner_text()
    assert relevances(page) == []
    assert (
        page.locator(".st-key-search_rerank")
        .get_by_role("switch")
        .or_(page.locator(".st-key-search_rerank input"))
        .count()
    )
    page.locator(".st-key-search_rerank label").click()
    ready(page)
    eventually(lambda: relevances(page), 30, page, "results are ordered anew")
    assert "rerank" not in params(page)
    assert names(page)[0] == "t_yellow_cross.png"
    found = relevances(page)
    assert len(found) >= 5 and len(set(found)) > 1, found
    for colour, shape in (("red", "circle"), ("blue", "triangle")):
        screens.ask(page, f"a {colour} {shape}")
        assert names(page)[0] == f"t_{colour}_{shape}.png"


def test_a_picture_finds_its_like_and_goes_with_the_link(shapes, open_page):
    page = open_page(shapes, "search", q="", kind="pictures", n=50)
    given = {"name": "mine.png", "mimeType": "image/png", "buffer": pictures.circle("#dc2828")}
    page.locator(".st-key-picture_file input[type=file]").set_input_files(given)
    page.wait_for_url(re.compile("picture="))
    ready(page)
    page.locator(".st-key-picture_chip img").wait_for()
    assert names(page)[0] == "t_red_circle.png"
    other = open_page()
    other.goto(page.url)
    other.locator(".st-key-picture_chip img").wait_for()
    ready(other)
    assert names(other)[0] == "t_red_circle.png"
    page.wait_for_timeout(1600)  # an address this young could still be on its way from the browser
    like = page.locator(TILE).filter(has_text="t_blue_square.png").locator('[class*="st-key-like_"] button').first
    like.click()
    eventually(lambda: params(page)["picture"] != params(other)["picture"], 30, page, "another picture is asked for")
    ready(page)
    eventually(lambda: len(names(page)) == 43, 30, page, "all others are there, by their look")
    assert "t_blue_square.png" not in names(page)
    page.wait_for_timeout(1600)
    page.go_back()
    eventually(lambda: params(page)["picture"] == params(other)["picture"], 30, page, "back to the picture before")
    ready(page)
    eventually(lambda: names(page)[0] == "t_red_circle.png", 30, page, "its results are there again")
    page.locator(".st-key-picture_drop button").first.click()
    page.wait_for_url(lambda url: "picture=" not in url)
    ready(page)
    assert not page.locator(".st-key-picture_chip").count()


def test_a_pasted_picture_is_searched_for(shapes, open_page):
    page = open_page(shapes, "search", kind="pictures")
    page.evaluate(
        """(bytes) => {
            const given = new DataTransfer();
            given.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
            document.querySelector(".st-key-q input").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true }));
        }""",
        list(pictures.circle("#28b43c")),
    )
    page.wait_for_url(re.compile("picture="))
    ready(page)
    page.locator(".st-key-picture_chip img").wait_for()
    assert names(page)[0] == "t_green_circle.png"


def test_kinds_tiles_and_the_page_behind_a_tile(shapes, open_page):
    page = open_page(shapes, "search", q="a yellow cross", rerank=0)
    assert page.locator(TILE).count() <= 6 and page.locator(screens.CARD).count()
    page.locator(".st-key-search_kind").get_by_text("Text", exact=True).click()
    page.wait_for_url(re.compile("kind=text"))
    ready(page)
    assert not page.locator(TILE).count() and page.locator(screens.CARD).count()
    page.locator(".st-key-search_kind").get_by_text("Pictures", exact=True).click()
    page.wait_for_url(re.compile("kind=pictures"))
    ready(page)
    assert not page.locator(screens.CARD).count() and page.locator(TILE).count() == 20
    box = page.locator(f"{TILE} img").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # the picture itself, not the name
    page.wait_for_selector(".st-key-drawer_actions")
    ready(page)
    assert not page.locator('[data-testid="stAlertContainer"]').count(), "its id is no passage that is missed"
    assert params(page)["hit"] and page.get_by_role("dialog").get_by_text("t_yellow_cross.png").count()
    page.locator(".st-key-drawer_like button").click()
    page.wait_for_url(lambda url: "picture=" in url and "doc=" not in url)


def test_what_is_set_beside_the_search_is_used_and_kept(shapes, open_page):
    page = open_page(shapes, "search", q="a red square", kind="pictures", weight="0.80", prefetch="picture", best=7)
    assert len(relevances(page)) >= 7
    assert "80%" in page.locator(".st-key-search_weight").inner_text()
    page.locator(".st-key-debug_log summary").click()
    page.locator('.st-key-debug_log [data-testid="stDataFrame"]').nth(1).wait_for()
    assert params(page)["weight"] == ["0.80"] and params(page)["prefetch"] == ["picture"]
    text = page.locator('[data-testid="stSidebar"]').inner_text()
    assert "64 dimensions · text and pictures" in text and "on cpu" in text and "Qwen3-VL reranker · ready" in text


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 390)], ids=["light", "dark phone"])
def test_gallery_and_strip_are_fit_to_be_seen_by_everybody(shapes, open_page, trap, dark, width):
    axe = script()
    found = {}
    page = open_page(None, dark=dark, width=width)
    for name, query in (
        ("mixed", {"q": "a yellow cross"}),
        ("gallery", {"q": "a red circle", "kind": "pictures", "n": 50}),
        ("gone", {"q": "", "picture": "ffffffffffffffff"}),
    ):
        page.goto(shapes.url("search", **query))
        ready(page)
        page.wait_for_timeout(400)
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / f"pictures-{name}-{width}-{'dark' if dark else 'light'}.png")
        found[name] = violations(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        hostile.assert_harmless(page, trap, name)
    assert {name: each for name, each in found.items() if each} == {}
    assert error_boxes(page) or page.locator('[data-testid="stAlertContainer"]').count(), (
        "a picture that is gone is told"
    )


def test_a_reranker_that_cannot_be_used_is_told_and_search_goes_on(start_app, open_page, qwen3_vl_models):
    server = start_app(
        None,
        "--samples",
        QWEN3_VL_RERANKER_ENABLED="true",
        QWEN3_VL_DEVICE="cpu",
        QWEN3_VL_RERANKER_MODEL=str(qwen3_vl_models / "reranker"),
    )
    page = open_page(server, "search", q="Who discovered the comet?")
    side = page.locator('[data-testid="stSidebar"]')
    eventually(lambda: "cannot be used" in side.inner_text(), 60, page, "the reranker's state is shown")
    page.reload()
    ready(page)
    eventually(lambda: screens.cards(page), 60, page, "search goes on")
    page.locator(".st-key-reranker_setup summary").click()
    assert "pip install -r requirements-qwen3-vl.txt" in side.inner_text()
    assert "Weak" in page.locator(".st-key-results").inner_text()
    page.screenshot(path=SCREENS / "reranker-broken.png")
