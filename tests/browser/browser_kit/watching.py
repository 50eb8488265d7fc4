"""A page that is watched: every request, every message of the console, every dialog."""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from playwright.sync_api import BrowserContext, Page

from browser_kit.server import App

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTLED = (
    '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
    ':is([data-test-script-state="notRunning"],[data-test-script-state="initial"])'
)
_NOISE = re.compile(r"/_stcore/(health|host-config)|WebSocket connection to|ERR_CONNECTION_REFUSED|favicon")
"""What Streamlit 1.67 prints by itself: two 404s for each page below the root, a socket that is opened again."""

T = TypeVar("T")
PROOF = "cortexProof"
"""Hostile text that runs as a script sets this on the window."""


@dataclass
class Watch:
    """What a page (and its context) did; it may talk to the servers of this test run only."""

    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """Requests to anybody but the servers of this test."""
        found = []
        for address in self.requests:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme in {"data", "blob", "about"}:
                continue
            if parts.netloc not in App.served:
                found.append(address)
        return found

    def follow(self, context: BrowserContext) -> None:
        """Listen to everything that happens in this context."""
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("page", self._follow_page)
        context.on("dialog", self._dialog)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", self._console)

    def _follow_page(self, page: Page) -> None:
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("download", lambda download: self.downloads.append(download.suggested_filename))

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        place = str(message.location.get("url", "")) if message.location else ""
        if message.type == "error" and not _NOISE.search(f"{message.text} {place}"):
            self.console.append(f"{message.text} ({place})")

    def forget(self) -> None:
        """Begin anew."""
        for kept in (self.requests, self.console, self.errors, self.dialogs, self.downloads):
            kept.clear()

    def assert_clean(self) -> None:
        """No request to anybody else, no script dialog, no uncaught error."""
        assert self.outside == [], f"requests to other hosts: {self.outside[:10]}"
        assert self.dialogs == [], f"script dialogs: {self.dialogs[:5]}"
        assert self.errors == [], f"uncaught errors in the page: {self.errors[:5]}"


def ready(page: Page, seconds: float = 60.0) -> None:
    """Wait until the page has drawn what the last action asked for."""
    milliseconds = seconds * 1000
    page.wait_for_timeout(200)  # the click must reach the server first (Streamlit's own tests wait 155 ms)
    page.wait_for_selector(SETTLED, timeout=milliseconds, state="attached")
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton],[data-testid=stAppSkeleton],[data-stale=true]')",
        timeout=milliseconds,
    )


def eventually(what: Callable[[], T], seconds: float = 60.0, page: Page | None = None, says: str = "") -> T:
    """Wait until `what` gives something true, and return it; the page's events go on meanwhile."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {says or what} (last: {found!r})")
        if page is not None:
            page.wait_for_timeout(250)
        else:
            time.sleep(0.25)


def text_of(page: Page) -> str:
    """What a person can read on the whole page."""
    return page.locator("body").inner_text()


def error_boxes(page: Page) -> list[str]:
    """Red boxes and tracebacks on the page."""
    boxes = page.locator(
        '[data-testid="stException"], [data-testid="stAlertContentError"], [data-testid="stAlertContainer"]:has([data-testid="stAlertContentError"])'
    )
    return list(dict.fromkeys(boxes.all_inner_texts()))
