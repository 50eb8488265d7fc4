"""The outline of a document: its blocks and the gaps between them as segments, each under its headings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from cortex_engine.chunking.sentences import paragraphs
from cortex_engine.core.documents import Block, BlockKind, ParsedDocument


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text of one kind.

    Attributes:
        path: headings that stand above it, outermost first; a heading is not under itself.
        header: for tables, the row that names the columns.
        level: of a heading, else 0.
        part: number of the page group; passages never cross from one part to another.
    """

    kind: BlockKind
    start: int
    end: int
    path: tuple[str, ...]
    header: str = ""
    level: int = 0
    part: int = 0


def outline(parsed: ParsedDocument, text: str) -> list[Segment]:
    """Segments that together hold every character of the document that is not white space, in order.

    Pages of slides, sheets and the like (named pages of anything but a PDF) are parts of their own.
    """
    starts = parsed.page_starts()
    apart = parsed.info.media_type != "pdf" and any(page.label for page in parsed.pages)
    borders = starts if apart else []
    segments: list[Segment] = []
    stack: list[tuple[int, str]] = []
    for block in _blocks(parsed.blocks, text):
        if block.kind is BlockKind.HEADING:
            while stack and stack[-1][0] >= block.level:
                stack.pop()
        path = tuple(title for _, title in stack)
        for part, start, end in _parts(block.char_start, block.char_end, borders):
            first, last = _trim(text, start, end)
            if first < last:
                segments.append(Segment(block.kind, first, last, path, block.header, block.level, part))
        if block.kind is BlockKind.HEADING:
            title = " ".join(text[block.char_start : block.char_end].split())
            if title:
                stack.append((block.level, title))
    return segments


def _blocks(blocks: tuple[Block, ...], text: str) -> Iterator[Block]:
    """The blocks, clipped to the text and to one another, and what lies between them as paragraphs."""
    position = 0
    for block in blocks:
        start, end = max(block.char_start, position), min(block.char_end, len(text))
        if start >= end:
            continue
        yield from _gap(text, position, start)
        level = max(1, block.level) if block.kind is BlockKind.HEADING else 0
        yield Block(block.kind, start, end, level, block.header)
        position = end
    yield from _gap(text, position, len(text))


def _gap(text: str, start: int, end: int) -> Iterator[Block]:
    if start < end and not text[start:end].isspace():
        for first, last in paragraphs(text, start, end):
            yield Block(BlockKind.PARAGRAPH, first, last)


def _parts(start: int, end: int, borders: list[int]) -> Iterator[tuple[int, int, int]]:
    """`(part, start, end)` of a range, cut where parts begin."""
    if not borders:
        yield 0, start, end
        return
    part = bisect_right(borders, start) - 1
    while start < end:
        after = min(end, borders[part + 1]) if part + 1 < len(borders) else end
        yield part, start, after
        part, start = part + 1, after


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    run = text[start:end]
    return start + len(run) - len(run.lstrip()), start + len(run.rstrip())
