"""The box for files that are read otherwise, and its end for good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.core.errors import CortexError
from cortex_engine.core.options import ParseOptions
from cortex_engine.ingestion.submission import upload_name
from cortex_engine.parsing.box import ParseBox
from cortex_engine.parsing.registry import OCR_MODELS, ocr_absence


def test_other_options_share_the_processes_and_change_the_fingerprint(tmp_path: Path) -> None:
    with ParseBox(ParseOptions()) as box:
        other = box.reading(replace(ParseOptions(), ocr=False))
        assert other.fingerprint != box.fingerprint
        assert box.reading(ParseOptions()).fingerprint == box.fingerprint
        file = tmp_path / "a.txt"
        file.write_text("words")
        assert other.parse(file, "a.txt").text == "words"
        assert box._readers is other._readers
        assert not box.ocr_running


def test_a_halted_box_reads_nothing_any_more(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("words")
    box = ParseBox(ParseOptions())
    box.parse(file, "a.txt")
    box.halt()
    with pytest.raises(CortexError, match="about to end"):
        box.parse(file, "a.txt")


def test_what_ocr_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ocr_absence() == ""
    monkeypatch.setattr("cortex_engine.parsing.registry.OCR_MODELS", (*OCR_MODELS, "another.onnx"))
    assert "another.onnx is missing" in ocr_absence()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "'rapidocr' is not installed" in ocr_absence()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.txt", "a.txt"),
        ("folder/sub/a.txt", "folder/sub/a.txt"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\a.txt", "a.txt"),
        ("folder/.DS_Store", ""),
        ("folder/__MACOSX/a.txt", ""),
        (".hidden", ".hidden"),  # named by itself: somebody means it
        ("a\x00\x1b[31m.txt", "a[31m.txt"),
        ("全角　空白.txt", "全角　空白.txt"),
        ("\ud800.txt", "\\ud800.txt"),
        ("..", "file"),
    ],
)
def test_names_of_uploads(given: str, name: str) -> None:
    assert upload_name(given) == name
