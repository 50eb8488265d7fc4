from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cortex_engine.chunking import TextChunker
from cortex_engine.core.documents import Block, BlockKind, Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import UsageError
from cortex_engine.core.options import ChunkOptions
from cortex_engine.core.protocols import Tokenizer

DOCUMENT = "d" * 32
SENTENCE = "The keeper of the lighthouse wrote down the height of every tide in a green book. "


def build(parts: Sequence[tuple[BlockKind, str, int, str]], media_type: str = "text") -> ParsedDocument:
    """A one-page document of `(kind, text, level, header)` parts, each on lines of its own."""
    text, blocks = "", []
    for kind, content, level, header in parts:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, len(text), len(text) + len(content), level, header))
        text += content
    return ParsedDocument(DocumentInfo(media_type), (Page(1, text, PageState.TEXT),), tuple(blocks))


def heading(text: str, level: int = 1) -> tuple[BlockKind, str, int, str]:
    return BlockKind.HEADING, text, level, ""


def prose(text: str) -> tuple[BlockKind, str, int, str]:
    return BlockKind.PARAGRAPH, text.strip(), 0, ""


def table(text: str, header: str) -> tuple[BlockKind, str, int, str]:
    return BlockKind.TABLE, text, 0, header


def pages(*texts: str, labels: Sequence[str] = (), media_type: str = "pdf") -> ParsedDocument:
    names = list(labels) or [""] * len(texts)
    return ParsedDocument(
        DocumentInfo(media_type),
        tuple(Page(n, t, PageState.TEXT, label=names[n - 1]) for n, t in enumerate(texts, 1)),
        (),
    )


@pytest.fixture
def chunker(tokenizer: Tokenizer) -> TextChunker:
    return TextChunker(tokenizer, 256, ChunkOptions())


def check(parsed: ParsedDocument, chunks: Sequence[Chunk], limit: int, tokenizer: Tokenizer) -> None:
    text = parsed.text
    covered = set(itertools.chain.from_iterable(range(c.char_start, c.char_end) for c in chunks))
    assert all(index in covered or char.isspace() for index, char in enumerate(text))
    assert [c.tokens for c in chunks] == tokenizer.lengths([c.embedded_text for c in chunks])
    assert max((c.tokens for c in chunks), default=0) <= limit
    assert all(c.text == text[c.char_start : c.char_end] for c in chunks)
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))


def test_a_short_document_stays_whole(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    parsed = build([heading("Tides"), prose(SENTENCE), heading("Storms", 2), prose(SENTENCE)])
    chunks = chunker.split(DOCUMENT, parsed)
    assert len(chunks) == 1
    assert chunks[0].text == parsed.text
    assert chunks[0].context == ""
    check(parsed, chunks, 256, tokenizer)


def test_sections_are_not_mixed_and_carry_their_headings(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    parsed = build(
        [heading("Island"), heading("Tides", 2), prose(SENTENCE * 20), heading("Storms", 2), prose("Gale. " * 150)]
    )
    chunks = chunker.split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    assert not any("keeper" in c.text and "Gale" in c.text for c in chunks)
    assert chunks[0].text.startswith("Island\n\nTides\n\nThe keeper")
    assert chunks[0].context == ""
    assert chunks[1].context == "Island > Tides"
    storms = [c for c in chunks if "Gale" in c.text]
    assert storms[0].text.startswith("Storms\n\nGale.")
    assert storms[0].context == "Island"
    assert {c.context for c in storms[1:]} == {"Island > Storms"}
    assert parsed.text.count("Tides") == sum(c.text.count("Tides") for c in chunks)


def test_a_heading_is_never_alone_at_the_end(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    for length in range(1, 30):
        parts = [prose(SENTENCE * length), heading("Wind and weather", 2), prose(SENTENCE * 9), heading("End", 1)]
        parsed = build(parts)
        chunks = chunker.split(DOCUMENT, parsed)
        check(parsed, chunks, 256, tokenizer)
        assert not any(c.text.endswith("Wind and weather") for c in chunks)


def test_passages_end_with_sentences_and_are_balanced(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    parsed = build([prose(SENTENCE * 60)])
    chunks = chunker.split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    assert all(c.text.endswith("book.") for c in chunks)
    assert min(c.tokens for c in chunks) > 128


def test_small_paragraphs_and_small_sections_are_packed(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    parts = [part for n in range(30) for part in (heading(f"Entry {n}", 2), prose(f"Boat {n} came in at noon."))]
    chunks = chunker.split(DOCUMENT, build(parts))
    check(build(parts), chunks, 256, tokenizer)
    assert len(chunks) <= 5


def test_every_part_of_a_table_has_its_header_and_whole_rows(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    header = "Boat | Harbour | Tonnes"
    rows = [f"Boat number {n} | Port Ellis | {n * 7}" for n in range(120)]
    parsed = build([heading("Fleet"), table("\n".join([header, *rows]), header)])
    chunks = chunker.split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    assert len(chunks) > 3
    assert all(c.embedded_text.count(header) == 1 for c in chunks)
    assert all(line in {"Fleet", "", header, *rows} for c in chunks for line in c.text.splitlines())
    assert chunks[1].context == f"Fleet\n{header}"


def test_a_row_over_the_limit_is_cut_and_nothing_is_lost(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    header = "Key | Text"
    parsed = build([table(f"{header}\na | {SENTENCE * 30}\nb | short", header)])
    check(parsed, chunker.split(DOCUMENT, parsed), 256, tokenizer)


@pytest.mark.parametrize("text", ["x" * 50_000, "字" * 9_000, "🙂" * 5_000, "a,b" * 9_000, "1" + " " * 90_000 + "2"])
def test_monsters_are_cut_between_characters(text: str, chunker: TextChunker, tokenizer: Tokenizer) -> None:
    parsed = build([prose(text)])
    chunks = chunker.split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    assert max(len(c.text) for c in chunks) <= 256 * 12


def test_very_short_lines_and_sentences_are_counted_together(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    for kind, text in ((BlockKind.TABLE, "a\n" * 3_000), (BlockKind.PARAGRAPH, "A. " * 3_000)):
        parsed = build([(kind, text.strip(), 0, "")])
        chunks = chunker.split(DOCUMENT, parsed)
        check(parsed, chunks, 256, tokenizer)
        assert min(c.tokens for c in chunks) > 100


def test_what_is_counted_at_once_is_bounded(tokenizer: Tokenizer) -> None:
    batches: list[int] = []

    class Watched:
        def lengths(self, texts: Sequence[str]) -> list[int]:
            batches.append(sum(map(len, texts)))
            return tokenizer.lengths(texts)

    parsed = build([prose(SENTENCE * 15_000)])
    check(parsed, TextChunker(Watched(), 256, ChunkOptions()).split(DOCUMENT, parsed), 256, tokenizer)
    assert max(batches) < 600_000 < sum(batches)


def test_long_heading_paths_and_headers_are_shortened(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    path = [heading(f"Heading {n} " + "of many words " * 12, n) for n in range(1, 7)]
    header = " | ".join(f"Column number {n}" for n in range(80))
    parsed = build([*path, table("\n".join([header, *("1 | 2" for _ in range(400))]), header), prose(SENTENCE * 20)])
    chunks = chunker.split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    contexts = [c.context for c in chunks if c.context]
    assert contexts
    assert all(tokenizer.lengths([c])[0] <= 130 for c in contexts)
    assert any("…" in c for c in contexts)


def test_a_passage_may_span_pages_of_a_pdf(chunker: TextChunker, tokenizer: Tokenizer) -> None:
    cut = [SENTENCE * 8 + "The keeper", "went home " + SENTENCE * 8 + "He", "slept well. " + SENTENCE * 8]
    parsed = pages(*cut)
    parsed = replace(parsed, blocks=(Block(BlockKind.PARAGRAPH, 0, len(parsed.text)),))
    chunks = chunker.split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    for c in chunks:
        breaks = [parsed.text[:offset].count("\f") for offset in (c.char_start, c.char_end - 1)]
        assert [c.page, c.page_end] == [before + 1 for before in breaks]
    assert any(c.page < c.page_end for c in chunks)


def test_slides_and_sheets_are_never_mixed(chunker: TextChunker) -> None:
    parsed = pages("One", "", "Three", labels=["Slide 1", "Slide 2", "Slide 3"], media_type="pptx")
    assert [(c.page, c.page_end, c.text) for c in chunker.split(DOCUMENT, parsed)] == [(1, 1, "One"), (3, 3, "Three")]
    numbered = pages("One", "Two", labels=["i", "ii"], media_type="pdf")
    assert len(chunker.split(DOCUMENT, numbered)) == 1


def test_overlap_repeats_sentences_inside_a_section_only(tokenizer: Tokenizer) -> None:
    text = " ".join(f"Tide number {n} was written into the green book by the keeper." for n in range(80))
    parsed = build([heading("Tides"), prose(text), heading("Storms"), prose(text)])
    chunks = TextChunker(tokenizer, 256, ChunkOptions(overlap_sentences=1)).split(DOCUMENT, parsed)
    check(parsed, chunks, 256, tokenizer)
    for before, after in itertools.pairwise(chunks):
        repeated = max(0, before.char_end - after.char_start)
        assert repeated == 0 if after.text.startswith("Storms") else 40 < repeated < 80


def test_ids_follow_from_content(chunker: TextChunker) -> None:
    parsed = build([prose(SENTENCE * 40)])
    first, again = chunker.split(DOCUMENT, parsed), chunker.split(DOCUMENT, parsed)
    assert first == again
    other = {c.id for c in chunker.split("e" * 32, parsed)}
    assert not other & {c.id for c in first}
    assert len(other) == len(first)


def test_the_options_lower_the_limit_and_change_the_fingerprint(tokenizer: Tokenizer) -> None:
    parsed = build([prose(SENTENCE * 40)])
    low = TextChunker(tokenizer, 256, ChunkOptions(max_tokens=64))
    check(parsed, low.split(DOCUMENT, parsed), 64, tokenizer)
    above = TextChunker(tokenizer, 256, ChunkOptions(max_tokens=4096))
    check(parsed, above.split(DOCUMENT, parsed), 256, tokenizer)
    prints = {low.fingerprint, above.fingerprint, TextChunker(tokenizer, 256, ChunkOptions(0, 2)).fingerprint}
    assert len(prints) == 3


def test_a_limit_too_small_to_cut_by_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match="too small"):
        TextChunker(tokenizer, 256, ChunkOptions(max_tokens=3)).split(DOCUMENT, build([prose("Hello there.")]))


def test_nothing_comes_of_nothing(chunker: TextChunker) -> None:
    assert chunker.split(DOCUMENT, pages("", " \n\t ", "")) == []
    assert chunker.split(DOCUMENT, ParsedDocument(DocumentInfo("text"), (), ())) == []
