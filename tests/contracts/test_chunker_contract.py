"""What every backend of the port `Chunker` promises."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cortex_engine.chunking import TextChunker
from cortex_engine.core.documents import Block, BlockKind, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.identifiers import chunk_id
from cortex_engine.core.options import ChunkOptions
from cortex_engine.core.protocols import Chunker


class CharacterTokenizer:
    """One token for each character, and two special ones."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(text) + 2 for text in texts]


LIMIT = 100
BACKENDS = {"text": lambda: TextChunker(CharacterTokenizer(), LIMIT, ChunkOptions())}
FIRST, SECOND = "Tides\nThe tide came in at noon. " * 9, "The boats lay dry until the evening. " * 9
PARSED = ParsedDocument(
    DocumentInfo("text"),
    (Page(1, FIRST, PageState.TEXT), Page(2, "", PageState.BLANK), Page(3, SECOND, PageState.OCR)),
    (Block(BlockKind.HEADING, 0, 5, 1),),
)


@pytest.fixture(params=sorted(BACKENDS))
def chunker(request: pytest.FixtureRequest) -> Chunker:
    return BACKENDS[request.param]()


def test_it_is_a_chunker(chunker: Chunker) -> None:
    assert isinstance(chunker, Chunker)


def test_passages_are_exact_ordered_limited_and_identified_by_content(chunker: Chunker) -> None:
    text = PARSED.text
    chunks = chunker.split("d" * 32, PARSED)
    assert len(chunks) > 3
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert sorted(chunks, key=lambda chunk: chunk.char_start) == chunks
    for chunk in chunks:
        assert chunk.text == text[chunk.char_start : chunk.char_end]
        assert chunk.tokens == len(chunk.embedded_text) + 2 <= LIMIT
        assert chunk.id == chunk_id("d" * 32, chunk.char_start, chunk.char_end, chunk.embedded_text)
        assert chunk.document_id == "d" * 32
        assert {chunk.page, chunk.page_end} <= {1, 3}


def test_every_character_that_is_not_white_space_is_covered(chunker: Chunker) -> None:
    covered = {i for chunk in chunker.split("d" * 32, PARSED) for i in range(chunk.char_start, chunk.char_end)}
    assert [char for i, char in enumerate(PARSED.text) if i not in covered and not char.isspace()] == []


def test_doing_it_twice_gives_the_same(chunker: Chunker) -> None:
    assert chunker.split("d" * 32, PARSED) == chunker.split("d" * 32, PARSED)
    assert chunker.fingerprint == chunker.fingerprint != ""


def test_blank_documents_give_no_passages(chunker: Chunker) -> None:
    blank = ParsedDocument(DocumentInfo("image"), (Page(1, "", PageState.BLANK),), ())
    assert chunker.split("d" * 32, blank) == []
