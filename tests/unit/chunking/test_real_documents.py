"""Real documents through the real parsers: nothing lost, nothing over the limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_engine.chunking import TextChunker
from cortex_engine.core.options import ChunkOptions, ParseOptions
from cortex_engine.core.protocols import Tokenizer
from cortex_engine.parsing.box import ParseBox

SUFFIXES = {".pdf", ".docx", ".pptx", ".xlsx", ".html", ".md", ".odt", ".csv", ".epub"}


@pytest.mark.slow
def test_real_documents_are_cut_without_loss(data_root: Path, tokenizer: Tokenizer) -> None:
    chunker = TextChunker(tokenizer, 256, ChunkOptions())
    files = sorted(path for path in (data_root / "documents").rglob("*") if path.suffix in SUFFIXES)
    files = [path for path in files if path.stat().st_size < 300_000]
    documents = 0
    with ParseBox(ParseOptions(ocr=False)) as box:
        for path in files:
            parsed = box.parse(path, path.name)
            text, covered = parsed.text, bytearray(len(parsed.text))
            for chunk in chunker.split("d" * 32, parsed):
                assert chunk.text == text[chunk.char_start : chunk.char_end]
                assert chunk.tokens <= 256
                covered[chunk.char_start : chunk.char_end] = b"\1" * len(chunk.text)
            assert [char for index, char in enumerate(text) if not covered[index] and not char.isspace()] == [], path
            documents += bool(text)
    assert documents >= 10
