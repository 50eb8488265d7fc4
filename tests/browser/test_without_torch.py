"""Without torch: what the pages say of Qwen3-VL that is switched on, and that everything else goes on."""

from __future__ import annotations

from pathlib import Path

from browser_kit import screens
from browser_kit.watching import error_boxes, eventually, ready, text_of

from tests.absent_kit import without

SHOTS = Path(__file__).parents[2] / "build" / "screens"
SAID = "The package 'torch' is needed for the embedding model"
COMMAND = "pip install -r requirements-qwen3-vl.txt"


def test_the_pages_say_what_is_missing_and_how_to_get_it(start_app, open_page, qwen3_vl_models, tmp_path):
    tea = tmp_path / "tea.txt"
    tea.write_text("Saltwind tea is dried on the roofs of the harbour.", encoding="utf-8")
    app = start_app(
        None,
        QWEN3_VL_ENABLED="true",
        QWEN3_VL_DEVICE="cpu",
        QWEN3_VL_EMBEDDING_MODEL=str(qwen3_vl_models / "trained_embedding"),
        QWEN3_VL_RERANKER_ENABLED="true",
        QWEN3_VL_RERANKER_MODEL=str(qwen3_vl_models / "trained_reranker"),
        CORTEX_OCR="false",
        **without("torch", "torchvision"),
    )
    page = open_page(app)
    warning = page.locator('[data-testid="stAlert"]')
    eventually(lambda: warning.count() and SAID in warning.first.inner_text(), 60, page, "Home says what is missing")
    sidebar = page.locator(".st-key-status_models")
    for line in ("Qwen3-VL · not installed", "Qwen3-VL reranker · not installed"):
        sidebar.get_by_text(line).wait_for()
    assert COMMAND in text_of(page)
    page.screenshot(path=SHOTS / "without-torch-home.png", full_page=True)

    screens.go(page, screens.TITLES["ingest"])
    screens.upload(page, [tea], "Teas")
    eventually(lambda: "Found by words only until the model is there" in text_of(page), 60, page, "the file is in")
    page.screenshot(path=SHOTS / "without-torch-ingest.png", full_page=True)
    assert SAID in page.locator(".st-key-qwen3_vl").inner_text()

    page.goto(app.url("search", q="tea on the roofs"))
    ready(page)
    assert "tea.txt" in page.locator(".st-key-results").inner_text()
    said = text_of(page)
    assert SAID in said and COMMAND in said
    page.screenshot(path=SHOTS / "without-torch-search.png", full_page=True)

    page.goto(app.url("settings"))
    ready(page)
    assert SAID in text_of(page)
    page.screenshot(path=SHOTS / "without-torch-settings.png", full_page=True)
    assert error_boxes(page) == []
    assert "Traceback" not in app.log
