"""The table of limits is the table of the defaults."""

from __future__ import annotations

from pathlib import Path

from cortex_engine.core.options import ParseOptions

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ParseOptions()
EXPECTED = {
    "memory (address space)": f"{OPTIONS.memory_bytes / 1e9:g} GB",
    "processor time": f"{OPTIONS.cpu_seconds:g} s, and {OPTIONS.cpu_seconds_per_page:g} s for each page",
    "OCR": f"{OPTIONS.ocr_seconds_per_page:g} s for each page",
    "wall time, without OCR": f"{OPTIONS.wall_seconds:g} s",
    "size of a file": f"{OPTIONS.file_bytes / 1e6:g} MB",
    "size of the answer": f"{OPTIONS.output_bytes / 1e6:g} MB",
    "pages": f"{OPTIONS.pages:,}",
    "characters": f"{OPTIONS.characters:,}",
    "picture": f"{OPTIONS.image_pixels / 1e6:g} megapixels, {OPTIONS.frames} frames",
    "archive": (
        f"{OPTIONS.archive_entries:,} entries, {OPTIONS.archive_bytes / 1e6:g} MB unpacked, ratio {OPTIONS.archive_ratio}"
    ),
    "table": f"{OPTIONS.table_columns:,} columns, {OPTIONS.table_cells:,} cells",
    "HTML": f"{OPTIONS.html_bytes / 1e6:g} MB, depth {OPTIONS.html_depth}",
    "a page drawn as a picture": f"{OPTIONS.render_pixels / 1e6:g} megapixels",
}


def test_the_limits_table_shows_the_defaults() -> None:
    page = (ROOT / "docs" / "explanation" / "parse-box.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in page.splitlines() if line.startswith("| ")]
    shown = {name: value for name, value in rows if name in EXPECTED}
    assert shown == EXPECTED
