"""Take the pictures of README and tutorial: the application on the sample documents, in Debian's chromium.

    python scripts/make_pictures.py

Needs what `make test` installs. Look at the pictures before you commit them.
"""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
_RESTS = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'
_QUESTION = "/Knowledge_Search?q=Who+discovered+the+comet%3F"


def main() -> None:
    """Write `docs/pictures/*.png`."""
    PICTURES.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="cortex-pictures-") as folder:
        words = ["--no-browser", "--samples", "--port", str(port), "--data-dir", f"{folder}/library"]
        server = subprocess.Popen([sys.executable, str(ROOT / "Cortex_Suite.py"), *words], cwd=ROOT)
        try:
            _take(f"http://localhost:{port}")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def _until_samples_are_in(base: str) -> None:
    for _ in range(120):
        with urllib.request.urlopen(f"{base}/api/v1/jobs", timeout=20) as answer:
            jobs = json.load(answer)["jobs"]
        if jobs and all(job["total"] and job["state"] == "done" for job in jobs):
            return
        time.sleep(1)
    raise SystemExit("The samples did not arrive within two minutes.")


def _take(base: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for _ in range(60):
            try:
                page.goto(base)
                break
            except Exception:  # noqa: BLE001  (the server is still starting)
                page.wait_for_timeout(500)
        _until_samples_are_in(base)
        page.goto(base)
        _save(page, "home")
        page.goto(base + _QUESTION)
        page.wait_for_selector("text=passages in")
        _save(page, "search")
        page.get_by_role("button", name="Open page").first.click()
        page.wait_for_selector("[role=dialog] img")
        _save(page, "drawer")
        page.goto(f"{base}/Knowledge_Ingest")
        _save(page, "ingest")
        page.goto(f"{base}/Maintenance")
        _save(page, "inspector")
        browser.close()


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(800)
    page.wait_for_selector(_RESTS, timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton],[data-stale=true]')")
    page.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
