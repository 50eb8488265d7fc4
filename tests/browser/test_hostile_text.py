"""Hostile text in every place that has a name or a text, on every surface that shows it: shown, never obeyed.

On each page: no script ran, nobody outside was asked (the request log and a trap that listens), nothing lies over the
page, no picture, link, formula, colour or icon came out of the text, and the text itself can be read.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from browser_kit import hostile, hostile_library, screens
from browser_kit.hostile import assert_harmless, mark, shown, visible
from browser_kit.server import PAGES, App, free_port
from browser_kit.trap import Trap
from browser_kit.watching import error_boxes, eventually, ready

LEGIBLE = 60
"""Characters of each text that must be readable; long ones may be cut."""


@pytest.fixture(scope="module")
def _listening():
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture
def trap(_listening) -> Trap:
    """Who nobody may call, with what it heard in this test."""
    _listening.hits.clear()
    return _listening


@pytest.fixture(scope="module")
def vectors(_listening) -> dict[str, str]:
    return hostile.vectors(_listening)


@pytest.fixture(scope="module")
def world(vectors, tmp_path_factory):
    """A running server on a hostile library: (server, what is in it)."""
    server = App(
        tmp_path_factory.mktemp("hostile") / "library",
        {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_EMBEDDING_BACKEND": "hashing", "HF_HUB_OFFLINE": "1"},
        port=free_port(),
    )
    made = hostile_library.build(server, vectors, tmp_path_factory.mktemp("files"))
    server.start()
    yield server, made
    server.stop()


def _legible(text: str) -> str:
    """The beginning of a text as the eye must find it; file names keep one slash of two."""
    return visible(text)[:LEGIBLE].split("http:")[0].strip()


def _unreadable(page, texts: list[str]) -> list[str]:
    on_page = shown(page)
    return [text[:80] for text in texts if _legible(text) not in on_page]


def _names(made, vectors: dict[str, str], count: int) -> list[str]:
    """Vectors whose documents are among the first so many by name, the long one (whose beginning is cut) left out."""
    return [text for name, text in vectors.items() if name not in {"very long", "control characters"}][:count]


def test_the_library_holds_what_was_meant(world, vectors):
    _, made = world
    assert len(vectors) >= 20
    assert len(made.names) == len(vectors), set(made.names)
    assert len(made.whole) == 7, set(made.whole)
    assert {(place, text[:5]) for place, text, _ in made.refused} <= {
        (place, mark) for place in ("tag", "collection") for mark in ("ZQX15", "ZQX16")
    }, "only what is too long or holds control characters is refused"


def test_what_is_looked_for_is_found_where_it_is_let_in(trap, vectors, page):
    """The eye of these tests: the same texts on a page that does not care."""
    texts = [text for name, text in vectors.items() if name != "refresh"]  # that one leads away at once
    page.set_content("<h1>Careless</h1>" + "<hr>".join(texts), wait_until="commit")
    page.wait_for_timeout(500)
    found = " ".join(page.evaluate(hostile.FOUND, trap.address))
    for what in ("a script ran", "an element of the hostile text", "a frame", "has no place", "an address", "a link",
                 "a handler", "an overlay"):  # fmt: skip
        assert what in found, what
    assert trap.hits
    assert page.watch.outside
    assert page.watch.dialogs
    page.goto("about:blank")
    page.wait_for_timeout(200)
    page.watch.forget()


def test_every_page(world, trap, open_page):
    server, _ = world
    page = open_page(server)
    for name in PAGES:
        page.goto(server.url(name))
        ready(page)
        assert_harmless(page, trap, name)
        assert error_boxes(page) == [], name


def test_queries(world, trap, vectors, open_page):
    server, _ = world
    page = open_page(server, "search")
    for name, text in vectors.items():
        if name == "control characters":
            page.goto(server.url("search", q=text))
            ready(page)
        else:
            screens.ask(page, text[:1900])
        assert_harmless(page, trap, f"query: {name}")
        assert error_boxes(page) == [], name
        if name not in {"very long", "control characters"}:
            assert _unreadable(page, [text]) == [], name  # on its card, or where the page says that nothing matches


def test_filters_history_saved_searches_menus_and_debug_log(world, trap, vectors, open_page):
    server, _ = world
    page = open_page(server, "search")
    assert_harmless(page, trap, "recent and saved searches")
    assert _unreadable(page, _names(None, vectors, 30)[-6:]) == []
    _click(page, ".st-key-filters button")
    assert_harmless(page, trap, "filters")
    page.locator(".st-key-search_tag input").first.click()
    page.wait_for_timeout(300)
    assert_harmless(page, trap, "list of tags")
    page.keyboard.press("Escape")
    page.goto(server.url("search", q="ZQX08", tag=vectors["colours and badges"], title=vectors["overlay"]))
    ready(page)
    assert_harmless(page, trap, "chips of filters, no results")
    page.goto(server.url("search", q="ZQX03", mode="words"))
    ready(page)
    card = page.locator(screens.CARD).first
    screens.button(card, "Cite").click()
    ready(page)
    assert_harmless(page, trap, "citation on a card")
    page.keyboard.press("Escape")
    screens.button(card, "More").click()
    ready(page)
    assert_harmless(page, trap, "menu of a card")
    page.keyboard.press("Escape")
    page.locator(".st-key-debug_log summary").click()
    ready(page)
    assert_harmless(page, trap, "debug log")
    page.locator(".st-key-why_not summary").click()
    page.locator(".st-key-why_document input").click()
    page.wait_for_timeout(300)
    assert_harmless(page, trap, "list of documents that did not come back")
    page.locator(".st-key-why_document input").fill(vectors["image with a handler"])
    page.keyboard.press("Enter")
    page.wait_for_selector(".st-key-why_answer")
    ready(page)
    assert_harmless(page, trap, "why a name is not there")


def test_the_drawer(world, trap, vectors, open_page):
    server, made = world
    page = open_page(server)
    for file in ("all.txt", "all.md", "all.csv", "all.json", "all.eml", "all.pdf", "all.docx"):
        page.goto(server.url("search", doc=made.whole[file], page=1, q="ZQX08"))
        ready(page)
        page.wait_for_selector('[role="dialog"]')
        if page.locator(".st-key-drawer_as").count():
            page.locator(".st-key-drawer_as").get_by_text("Text", exact=True).click()
            ready(page)
        assert_harmless(page, trap, file)
        if file in {"all.txt", "all.md"}:
            expected = [text for name, text in vectors.items() if name not in {"control characters", "Markdown"}]
            assert _unreadable(page, expected if file == "all.txt" else expected[8:10]) == []
        for menu in ("drawer_cite", "drawer_link", "drawer_about"):
            page.locator(f".st-key-{menu} button").first.click()
            ready(page)
            assert_harmless(page, trap, f"{file}: {menu}")
            page.locator(f".st-key-{menu} button").first.click()
            page.wait_for_timeout(150)


def test_the_drawer_of_documents_with_hostile_names(world, trap, vectors, open_page):
    server, made = world
    page = open_page(server)
    for position, (name, text) in enumerate(vectors.items(), start=1):
        if position % 3:
            continue
        page.goto(server.url("search", doc=made.names[mark(position)], page=1))
        ready(page)
        page.wait_for_selector('[role="dialog"]')
        assert_harmless(page, trap, f"drawer: {name}")
        if name != "very long":
            assert _unreadable(page, [text]) == [], name


def test_uploads_with_hostile_names(world, trap, vectors, open_page):
    server, _ = world
    page = open_page(server, "ingest")
    assert_harmless(page, trap, "queue")
    names = [text.replace("\x00", "")[:180] for text in vectors.values()]
    files = [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": f"Uploaded {position}: {name}".encode()}
        for position, name in enumerate(names)
    ]
    page.locator(".st-key-drop input[type=file]").set_input_files(files[:12])
    ready(page)
    assert_harmless(page, trap, "files that were chosen")
    screens.choose(page, "ingest_collection", vectors["picture in Markdown"])
    assert_harmless(page, trap, "choice of the collection")
    page.locator(".st-key-ingest_add button").first.click()
    ready(page)
    eventually(
        lambda: not [state for state, _ in screens.rows(page).values() if not state.startswith(screens.FINAL)], 90, page
    )
    assert_harmless(page, trap, "queue after the upload")
    plain = [name for name in names[:12] if "/" not in name and '"' not in name]  # browsers send '"' as %22
    assert plain
    assert _unreadable(page, plain) == []
    page.get_by_text("Path on this computer", exact=True).click()
    ready(page)
    page.locator(".st-key-ingest_path input").fill(vectors["image with a handler"])
    page.locator(".st-key-ingest_path input").press("Enter")
    ready(page)
    page.locator(".st-key-ingest_add button").first.click()
    ready(page)
    assert_harmless(page, trap, "a path that is none")
    assert _unreadable(page, [vectors["image with a handler"]]) == []


def test_collections(world, trap, vectors, open_page):
    server, _ = world
    page = open_page(server, "collections")
    assert_harmless(page, trap, "collections")
    names = [text for name, text in vectors.items() if name not in {"very long", "control characters"}]
    on_cards = shown(page)
    assert sum(_legible(name) in on_cards for name in names) >= 20
    for name, action in (("script", "Rename or describe"), ("picture in Markdown", "Merge into another"),
                         ("formula", "Delete"), ("colours and badges", "Delete")):  # fmt: skip
        screens.act(page, vectors[name][:5], action)
        assert_harmless(page, trap, f"{action}: {name}")
        assert vectors[name][:5] in shown(page)
        page.keyboard.press("Escape")
        page.wait_for_selector('[role="dialog"]', state="detached")
        ready(page)
    for name in ("overlay", "Markdown", "formula"):
        page.goto(f"{server.url('collections')}?in={quote(vectors[name])}")
        ready(page)
        assert_harmless(page, trap, f"documents of {name}")
    page.get_by_role("tab").last.click()
    ready(page)
    assert_harmless(page, trap, "statistics")


def test_maintenance(world, trap, vectors, open_page):
    server, _ = world
    page = open_page(server, "maintenance")
    for tab in ("Database Embedding Inspector", "Jobs", "Ledger", "Health", "Storage", "Logs"):
        page.get_by_role("tab", name=tab).click()
        ready(page)
        page.wait_for_timeout(600)  # what is computed in the background
        ready(page)
        assert_harmless(page, trap, tab)
    assert error_boxes(page) == []


def test_settings(world, trap, vectors, open_page):
    server, _ = world
    page = open_page(server, "settings")
    for name in ("script", "picture in Markdown", "formula", "overlay"):
        page.locator(".st-key-settings_search input").fill(vectors[name])
        page.locator(".st-key-settings_search input").press("Enter")
        ready(page)
        assert_harmless(page, trap, f"search in the settings: {name}")
    page.locator(".st-key-settings_search input").fill("")
    page.locator(".st-key-settings_search input").press("Enter")
    page.get_by_role("tab", name="API keys").click()
    ready(page)
    assert_harmless(page, trap, "keys")


def test_sentences_about_what_a_link_asks_for(world, trap, vectors, open_page):
    server, made = world
    page = open_page(server)
    document = next(iter(made.whole.values()))
    for name in ("picture in Markdown", "overlay", "formula"):
        text = vectors[name]
        for address in (
            server.url("search", q="ZQX01", mode=text, sort=text, n=text, **{"in": text + "?", "from": text}),
            server.url("search", doc=text),
            server.url("search", doc=document, page=text, hit=text),
            server.url("collections", **{"in": text + "?"}),
        ):
            page.goto(address)
            ready(page)
            assert_harmless(page, trap, address)
            page.watch.requests.clear()


def _click(page, selector: str) -> None:
    page.locator(selector).first.click()
    ready(page)
