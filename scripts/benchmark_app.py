"""How quickly the application is there and follows: in a real Chromium, beside an empty Streamlit app in the same run.

    python scripts/benchmark_app.py [--data FOLDER] [--passages N] [--rounds N]

Writes docs/benchmarks/app.md (only for the full number of passages).
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmark_search import fill, passages, records
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab
from reporting import DATA, PAGES, ROOT, Page

from cortex_engine.config import load_config
from cortex_engine.library import Library
from cortex_engine.suite import CortexSuite

sys.path.insert(0, str(ROOT / "tests" / "browser"))
from browser_kit.server import App, free_port
from browser_kit.watching import FLAGS, SETTLED

FULL, REAL = 10_000, 2_000
START_RATIO, SWITCH_SECONDS, SEARCH_SECONDS = 1.3, 0.3, 0.5
SEARCHES = 40
CARD = '[class*="st-key-hit_"]'
BARE = "import streamlit as st\nst.title('Hello')\nst.button('Go')\nst.text_input('Name')\n"
TITLES = {
    "Knowledge Ingest": "Knowledge Ingest",
    "Knowledge Search": "Knowledge Search",
    "Collection Management": "Collection Management",
    "Maintenance": "Maintenance",
    "Settings": "Settings",
    "Home": "Home",
}

_CARDS_CHANGED = """
([card, before]) => {
  const app = document.querySelector("[data-testid=stApp]").dataset.testScriptState;
  const all = [...document.querySelectorAll(card)];
  return app === "notRunning" && all.length > 0 && !document.querySelector("[data-stale=true]")
    && all.map((each) => each.className).join("|") !== before;
}
"""
_CARDS = "(card) => [...document.querySelectorAll(card)].map((each) => each.className).join('|')"


class Bare:
    """An empty Streamlit app as a process of its own, served with our configuration."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "hello.py"
        self.file.write_text(BARE, encoding="utf-8")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start; returns when it answers."""
        words = ["run", str(self.file), "--server.port", str(self.port), "--server.headless", "true"]
        words += ["--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.file.parent,
        )
        while True:
            with suppress(OSError):
                urllib.request.urlopen(f"{self.base}/_stcore/health", timeout=2).close()
                return
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def tab(browser: Browser) -> Iterator[Tab]:
    """A page in a context of its own, so that nothing is cached."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


def seconds_until(browser: Browser, start: Callable[[], object], address: Callable[[], str], selector: str) -> float:
    """From the start of the process until the selector is on the screen of a fresh browser."""
    with tab(browser) as page:
        begun = time.perf_counter()
        start()
        page.goto(address())
        page.wait_for_selector(selector)
        return time.perf_counter() - begun


def cold(browser: Browser, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Cold starts, alternating: the bare app, Home of an empty library, first results by a deep link."""
    found: dict[str, list[float]] = {"bare": [], "home": [], "results": []}
    bare, empty = Bare(folder), App(folder / "empty", {"CORTEX_MIN_FREE_BYTES": "0"})
    samples = App(folder / "samples", {"CORTEX_MIN_FREE_BYTES": "0"})
    with CortexSuite.open(loaded=load_config(samples.folder, samples.settings)) as suite:
        suite.load_samples()
    for round_number in range(rounds + 1):
        times = {
            "bare": seconds_until(browser, bare.start, lambda: bare.base, "h1"),
            "home": seconds_until(browser, empty.start, empty.url, "h1"),
            "results": seconds_until(
                browser, samples.start, lambda: samples.url("search", q="Who discovered the comet?"), CARD
            ),
        }
        for server in (bare, empty, samples):
            server.stop()
        if round_number:  # the first round warms the disk cache
            for name, value in times.items():
                found[name].append(value)
    return found


def switches(page: Tab, rounds: int) -> list[float]:
    """From the click in the navigation until the page's title stands there and the script has ended."""
    found = []
    for _ in range(rounds):
        for link, title in TITLES.items():
            begun = time.perf_counter()
            page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name=link, exact=True).click()
            page.wait_for_function(
                """(title) => [...document.querySelectorAll("h1")].some((each) => each.innerText.trim() === title
                    && !each.closest("[data-stale=true]"))
                    && document.querySelector('[data-testid=stApp]').dataset.testScriptState === "notRunning" """,
                arg=title,
                polling=10,
            )
            found.append(time.perf_counter() - begun)
    return found


def searches(page: Tab, questions: list[str]) -> list[float]:
    """From Enter until all cards of this query stand there and the script has ended."""
    found = []
    for question in questions:
        field = page.locator(".st-key-q input")
        before = page.evaluate(_CARDS, CARD)
        field.fill(question)
        begun = time.perf_counter()
        field.press("Enter")
        page.wait_for_function(_CARDS_CHANGED, arg=[CARD, before], polling=10)
        found.append(time.perf_counter() - begun)
        page.wait_for_timeout(300)  # nothing of this search may be taken for the next one
        page.wait_for_selector(SETTLED)
    return found


def warm(browser: Browser, folder: Path, options: argparse.Namespace) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Page switches and searches in a library with many passages, and what the process holds meanwhile."""
    server = App(folder / "large", {"CORTEX_MIN_FREE_BYTES": "0"})
    library = Library(load_config(server.folder, server.settings).config, "benchmark")
    try:
        library.own()
        fill(library, list(passages(options.data, options.passages)), min(REAL, options.passages))
        library.settle()
    finally:
        library.close()
    asked = [" ".join(text.split()) for text in records(options.data, "queries", ("text",))]
    asked = [text for text in asked if len(text) < 150 and not re.search(r'"|\s-', text)]  # what surely finds something
    questions = random.Random(5).sample(sorted(set(asked)), SEARCHES + 5)
    memory: dict[str, int] = {}
    server.start()
    try:
        memory["after the start"] = server.resident_bytes()
        with tab(browser) as page:
            page.goto(server.url())
            page.wait_for_selector("h1")
            memory["after Home"] = server.resident_bytes()
            page.goto(server.url("search", q=questions[0]))
            page.wait_for_selector(CARD)
            page.wait_for_timeout(20_000)  # the model warms up in the background
            searches(page, questions[1:5])
            memory["after 5 searches"] = server.resident_bytes()
            shown = searches(page, questions[5:])
            memory[f"after {len(questions)} searches"] = server.resident_bytes()
            page.goto(server.url())
            page.wait_for_selector("h1")
            switches(page, 1)
            return {"search": shown, "switch": switches(page, options.rounds)}, memory
    finally:
        server.stop()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--passages", type=int, default=FULL)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    page = Page("The application in the browser", f"python scripts/benchmark_app.py --rounds {options.rounds}")
    page.add(
        "Real Chromium, headless, without a graphics card, on the same machine as the server. Cold: a new server process and",
        "a browser with an empty cache, warm disk, from the start of the process; rounds alternate with an empty Streamlit",
        f"app (`st.title`, a button, a field). Warm: {options.passages:,} passages ({min(REAL, options.passages):,} with",
        "MiniLM's vectors, the others mixtures of two of those), one browser, from the click or Enter until the new page",
        "or all new cards stand there and the script has ended.",
        "",
    )
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        started = cold(browser, Path(place), options.rounds)
        followed, memory = warm(browser, Path(place), options)
        browser.close()
    write(page, started, followed, memory, options.passages)


def write(
    page: Page, started: dict[str, list[float]], followed: dict[str, list[float]], memory: dict[str, int], count: int
) -> None:
    """The page of figures."""
    middle = {name: statistics.median(values) for name, values in {**started, **followed}.items()}
    ratio = middle["home"] / middle["bare"]
    page.goals(
        [
            (f"cold start to the first page at most {START_RATIO} times an empty app", ratio <= START_RATIO, f"{ratio:.2f}"),
            (f"page switch, median, at most {SWITCH_SECONDS} s", middle["switch"] <= SWITCH_SECONDS, f"{middle['switch']:.2f} s"),
            (f"warm search, {count:,} passages, shown in at most {SEARCH_SECONDS} s (median)",
             middle["search"] <= SEARCH_SECONDS, f"{middle['search']:.2f} s"),
        ]
    )  # fmt: skip
    names = {
        "bare": "process start to the first page, empty Streamlit app",
        "home": "process start to Home (empty library)",
        "results": "process start to the first results (samples, by a deep link, nothing loaded)",
        "switch": "page switch",
        "search": "warm search",
    }
    page.table(
        ["what", "times", "best s", "median s", "worst s"],
        [
            (text, len(values), f"{min(values):.2f}", f"{statistics.median(values):.2f}", f"{max(values):.2f}")
            for name, text in names.items()
            for values in [{**started, **followed}[name]]
        ],
    )
    page.table(
        ["resident memory of the server", "MB"], [(name, f"{value / 1e6:,.0f}") for name, value in memory.items()]
    )
    if count >= FULL:
        page.write(PAGES / "app.md")


if __name__ == "__main__":
    main()
