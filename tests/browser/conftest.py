"""The house of the browser tests: a real server, one Chromium, pages that are watched.

A test asks for `app` (a server of its own with an empty library), `start_app` (as many as it likes), or `sample_app`
(one for all tests, with the samples in it: change nothing in it), and for `page` (a watched page in a new context) or
`open_page`. `ready(page)` waits until what was asked for is drawn. Keys of widgets become CSS classes: `.st-key-<key>`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for browser_kit: test folders are no packages

from browser_kit import watching
from browser_kit.server import App
from browser_kit.watching import FLAGS, Watch
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = Path("/usr/bin/chromium")
StartApp = Callable[..., App]
OpenPage = Callable[..., Page]
PICTURES = HERE.parents[1] / "build" / "failed"
"""What the pages of failed tests looked like."""

SETTINGS = {"CORTEX_MIN_FREE_BYTES": "0", "HF_HUB_OFFLINE": "1", "CORTEX_CALIBRATION": "false"}
"""Of every server; three hundred questions to each new library would take the processor from the pages."""

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker drives all browsers: two at once on a small machine only wait for each other.

    A test that fails is tried once more, and reported as rerun: on a busy machine a click can meet a page that is just
    being drawn anew. The picture of the first failure is kept.
    """
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Leave on the test what came of it, for the picture that is taken when it failed."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, started once."""
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium; `apt-get install chromium` (as root) brings it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., App]]:
    started: list[App] = []

    def make(folder: Path | None = None, *arguments: str, **settings: str) -> App:
        place = folder or tmp_path_factory.mktemp("app") / "library"
        server = App(place, {**SETTINGS, **settings}, arguments)
        started.append(server)
        return server.start()

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def start_app(_servers: Callable[..., App]) -> Iterator[StartApp]:
    """Start a server: `start_app(folder=None, *launcher_arguments, **environment)`; it is stopped after the test."""
    mine: list[App] = []

    def start(folder: Path | None = None, *arguments: str, **settings: str) -> App:
        mine.append(_servers(folder, *arguments, **settings))
        return mine[-1]

    yield start
    for server in mine:
        server.stop()


@pytest.fixture
def app(start_app: StartApp) -> App:
    """A server with an empty library."""
    return start_app()


@pytest.fixture(scope="session")
def sample_app(_servers: Callable[..., App]) -> App:
    """A server with the samples in it, for all tests that change nothing."""
    server = _servers(None, "--samples", CORTEX_CALIBRATION="true")
    _wait_for_samples(server)
    return server


@pytest.fixture(scope="session")
def empty_app(_servers: Callable[..., App]) -> App:
    """A server with nothing in its library, for all tests that add nothing."""
    return _servers()


def _wait_for_samples(server: App) -> None:
    from cortex_engine.config import load_config
    from cortex_engine.suite import CortexSuite

    with CortexSuite.open(loaded=load_config(server.folder, server.settings)) as library:
        watching.eventually(lambda: library.counts().documents >= 11, 120, says="the samples are in the library")
        watching.eventually(lambda: not library.graph_stats().waiting, 120, says="the samples were read for names")


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Open a watched page: `open_page(app_or_None, "search", width=1440, dark=False, q="…")`.

    The page carries its `Watch` as `page.watch`. At the end of the test: no request went to any other host, no script
    dialog opened, nothing failed uncaught.
    """
    contexts: list[tuple[BrowserContext, Watch]] = []

    def open_(
        server: App | None = None, name: str = "home", /, *, width: int = 1280, dark: bool = False, **query: Any
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900 if width > 500 else 844},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(30_000)
        watch = Watch()
        watch.follow(context)
        contexts.append((context, watch))
        page = context.new_page()
        page.watch = watch  # type: ignore[attr-defined]
        if server is not None:
            page.goto(server.url(name, **query))
            watching.ready(page)
        return page

    yield open_
    for number, (context, _) in enumerate(contexts):
        if request.node.stash.get(_FAILED, False) and context.pages:
            context.pages[0].screenshot(path=PICTURES / f"{request.node.name[:80]}-{number}.png")
        context.close()
    for _, watch in contexts:
        watch.assert_clean()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A watched page, nowhere yet: `page.goto(app.url("search", q="ferry")); ready(page)`."""
    return open_page()


@pytest.fixture(scope="session")
def ready() -> Callable[..., None]:
    """`ready(page)` waits until the page has drawn what the last action asked for."""
    return watching.ready


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """`eventually(lambda: …, seconds, page=page)` waits until that gives something true, and returns it."""
    return watching.eventually
