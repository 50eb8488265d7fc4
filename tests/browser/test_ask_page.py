"""Ask in a real browser: quotes and a written answer, the way from a sentence to its place, what survives a reload."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from browser_kit import hostile, screens
from browser_kit.axe import script, violations
from browser_kit.server import App, free_port
from browser_kit.trap import Trap
from browser_kit.watching import eventually, ready

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite

sys.path.insert(0, str(Path(__file__).parents[1]))  # test folders are no packages
from chat_endpoint import ChatEndpoint

SCREENS = Path(__file__).parents[2] / "build" / "screens"
COMET = "Comet Quill has a period of about 71 years"
REFUSAL = "NOT_IN_YOUR_LIBRARY"
ASKED = '[class*="st-key-acts_"]'
"""What stands below an answer that is there."""


@pytest.fixture(scope="module")
def axe() -> str:
    return script()


def ask(page, text: str) -> None:
    box = page.locator(".st-key-ask_box textarea")
    box.fill(text)
    box.press("Enter")


def answered(page, what: str = ASKED) -> None:
    """Wait until something of an answer is there, also on a busy machine."""
    page.wait_for_selector(what, timeout=90_000)
    ready(page)


def conversation(page) -> str:
    return parse_qs(urlsplit(page.url).query).get("c", [""])[0]


def shot(page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)  # fades of Streamlit
    page.screenshot(path=SCREENS / f"ask-{name}.png")


def test_quotes_their_place_a_second_turn_reload_export_and_deletion(sample_app, open_page, axe):
    page = open_page(sample_app, "ask")
    page.locator("body").press("/")
    page.keyboard.type("What period has Comet Quill?")
    page.keyboard.press("Enter")
    answered(page)
    shot(page, "quotes-light")
    assert violations(page, axe) == []

    quote = page.locator('[class*="st-key-quote_"]').filter(has_text=COMET).first
    quote.get_by_role("button").first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    ready(page)
    assert "span=" in page.url
    screens.drawer(page).locator(".st-key-drawer_as").get_by_text("Text", exact=True).click()
    ready(page)
    marked = screens.drawer(page).locator("mark.passage")
    assert COMET in " ".join(marked.inner_text().split()) and marked.count() == 1
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "doc=" not in url)
    ready(page)

    ask(page, "When does the ferry leave Stonequay?")
    eventually(lambda: page.locator(ASKED).count() == 2, 90, page)
    ready(page)
    second = page.locator(".cx-question").nth(1).bounding_box()
    assert second["y"] < 200, "the newest question is scrolled to"
    assert conversation(page)
    page.reload()
    answered(page)
    assert [each.strip() for each in page.locator(".cx-question").all_inner_texts()] == [
        "What period has Comet Quill?",
        "When does the ferry leave Stonequay?",
    ]
    with page.expect_download() as file:
        page.locator(".st-key-ask_export button").first.click()
    assert file.value.suggested_filename == "What period has Comet Quill_.md"
    assert COMET in file.value.path().read_text(encoding="utf-8")

    mine = f".st-key-conversation_{conversation(page)}"
    assert page.locator(mine).count()
    page.locator(".st-key-ask_delete button").first.click()
    page.locator(".st-key-ask_delete_send button").click()
    page.wait_for_selector(".st-key-ask_examples")
    ready(page)
    assert not conversation(page) and not page.locator(mine).count()


class Halting(ChatEndpoint):
    """Stops in the middle of an answer until it may go on; a refusal, and a question made to stand alone, come at once."""

    def __init__(self, *answers: str | int | bytes) -> None:
        super().__init__(*answers)
        self.go_on = threading.Event()

    def _stream(self, request, answer: str) -> None:
        if answer == REFUSAL or self.messages()[0].startswith("Rewrite the last question"):
            super()._stream(request, answer)
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        self._pieces(request, [answer[place : place + 40] for place in range(0, len(answer), 40)])
        self.go_on.wait(60)
        self._pieces(request, [" This is the last sentence."])
        self._pieces(request, [""], "stop")


@pytest.fixture(scope="module")
def trap():
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def hostile_texts(trap) -> list[str]:
    """What a model could write to whoever shows it carelessly."""
    wanted = ("script", "image from outside", "picture in Markdown", "link in Markdown", "colours and badges", "formula",
              "javascript link", "overlay", "style")  # fmt: skip
    return [text for name, text in hostile.vectors(trap).items() if name in wanted]


@pytest.fixture(scope="module")
def endpoint():
    with Halting("") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def writing_app(endpoint, tmp_path_factory):
    """The samples, and an endpoint that writes what a test says."""
    settings = {"CORTEX_MIN_FREE_BYTES": "0", "HF_HUB_OFFLINE": "1", "CORTEX_EMBEDDING_BACKEND": "hashing"}
    settings |= {"CORTEX_CHAT_API_BASE": endpoint.address, "CORTEX_CHAT_MODEL": "tiny"}
    server = App(tmp_path_factory.mktemp("ask") / "library", settings, ("--samples",), port=free_port()).start()
    with CortexSuite.open(loaded=load_config(server.folder, server.settings)) as library:
        eventually(lambda: library.counts().documents >= 11, 120, says="the samples are in the library")
    yield server
    server.stop()


def test_a_written_answer_streams_and_each_sentence_is_marked(
    writing_app, endpoint, hostile_texts, trap, open_page, axe
):
    endpoint.answers = [f"{COMET} and will come closest to the Sun in April 2026, when it may be visible with binoculars "
                        f"[1]. {' '.join(hostile_texts)} [2]."]  # fmt: skip
    page = open_page(writing_app, "ask", width=1440)
    assert "sent to tiny at 127.0.0.1" in page.locator(".st-key-ask_how").inner_text()
    ask(page, "What period has Comet Quill?")
    page.wait_for_selector(".cx-writing", timeout=90_000)
    eventually(lambda: "ZQX19" in page.locator(".cx-writing").inner_text(), 30, page)
    hostile.assert_harmless(page, trap, "while the text comes")
    shot(page, "streaming-light")
    page.reload()  # it is written on without anybody who looks
    page.wait_for_selector(".cx-writing", timeout=90_000)
    endpoint.go_on.set()
    answered(page)
    assert len(endpoint.asked) == 1
    hostile.assert_harmless(page, trap, "the checked answer")
    assert all(text[:40].split("http")[0].strip() in hostile.shown(page) for text in hostile_texts[:2])
    first = page.locator('[class*="st-key-prose_"] .cx-said').first
    assert COMET in first.inner_text() and "quoted" in first.get_attribute("class")
    assert page.locator(".cx-said.unverified .cx-tag").count() >= 1
    assert page.locator('[class*="st-key-ask_checked_"]').get_by_text("borne out by").count()
    page.locator('[class*="st-key-ask_checked_"] summary').click()
    ready(page)
    assert violations(page, axe) == []
    shot(page, "written-light")
    page.locator('[class*="st-key-cite_"] button').first.click()
    page.wait_for_selector(".st-key-drawer_actions")
    ready(page)
    hostile.assert_harmless(page, trap, "the source beside the answer")
    shot(page, "source-light")

    dark = open_page(writing_app, "ask", width=1440, dark=True, c=conversation(page))
    answered(dark)
    assert violations(dark, axe) == []
    shot(dark, "written-dark")
    phone = open_page(writing_app, "ask", width=390, c=conversation(page))
    answered(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    shot(phone, "written-phone")


def test_not_in_the_library_an_endpoint_that_fails_and_one_that_is_stopped(writing_app, endpoint, open_page, axe):
    endpoint.answers = [REFUSAL]
    endpoint.go_on.set()
    page = open_page(writing_app, "ask", dark=True)
    ask(page, "Which unicorn owns the lighthouse?")
    answered(page, '[class*="st-key-missing_"]')
    assert violations(page, axe) == []
    shot(page, "missing-dark")

    endpoint.answers = [f"{COMET} [1]."]
    endpoint.go_on.clear()
    ask(page, "Who wrote the letter?")
    page.wait_for_selector(".cx-writing", timeout=90_000)
    page.locator(".st-key-ask_stop button").first.click()
    page.wait_for_selector(".st-key-ask_again")
    endpoint.go_on.set()
    ready(page)
    assert "Who wrote the letter?" in page.locator(".cx-question").last.inner_text()
    page.locator(".st-key-ask_edit button").first.click()
    ready(page)
    assert page.locator(".st-key-ask_box textarea").input_value() == "Who wrote the letter?"

    endpoint.answers = [500]
    page.locator(".st-key-ask_box textarea").press("Enter")  # what stands in it
    answered(page, '[class*="st-key-again_"]')
    assert page.locator('[class*="st-key-quote_"]').count()
    shot(page, "failed-dark")
