"""From arranged paragraphs to the text of a page, with the place of every word in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from cortex_engine.core.documents import Block, BlockKind, TextBoxes
from cortex_engine.parsing.builder import BLOCK_BREAK, CELL_BREAK
from cortex_engine.parsing.layout import Paragraph, Rectangle, Segment, Word


@dataclass(slots=True)
class PageText:
    """The text of a page, the spans and boxes of its words, and its blocks with offsets in the page."""

    text: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)
    boxes: list[Rectangle] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def text_boxes(self) -> TextBoxes:
        """The words as `Page.text_boxes`."""
        spans = np.array(self.spans, dtype=np.int32).reshape(-1, 2)
        return TextBoxes(spans, np.array(self.boxes, dtype=np.float32).reshape(-1, 4))


class Composer:
    """Writes paragraphs one after the other.

    Args:
        vocabulary: words (lower case) of the document; a word divided at a line's end is joined only when the
            joined form stands here, so that "well-known" keeps its hyphen.
    """

    def __init__(self, vocabulary: Collection[str] = ()) -> None:
        self._vocabulary = vocabulary
        self._page = PageText()
        self._parts: list[str] = []
        self._position = 0

    def add(self, paragraph: Paragraph, level: int = 0) -> None:
        """Append a paragraph; `level` above 0 makes it a heading."""
        if self._parts:
            self._write(BLOCK_BREAK)
        start = self._position
        table = paragraph.kind is BlockKind.TABLE
        header = ""
        for number, row in enumerate(paragraph.rows):
            if number:
                self._line_break(paragraph.rows[number - 1], row, table or level > 0)
            for cell, segment in enumerate(row):
                if cell:
                    self._write(CELL_BREAK if table else " ")
                self._segment(segment)
            if table and number == 0:
                header = self._tail(start)
        kind = BlockKind.HEADING if level else paragraph.kind
        if self._position > start:
            self._page.blocks.append(Block(kind, start, self._position, level, header))

    def finish(self) -> PageText:
        """The page."""
        self._page.text = "".join(self._parts)
        return self._page

    def _tail(self, start: int) -> str:
        length, parts = self._position - start, []
        for part in reversed(self._parts):
            parts.append(part)
            length -= len(part)
            if length <= 0:
                break
        return "".join(reversed(parts))[-(self._position - start) :]

    def _line_break(self, above: Sequence[Segment], below: Sequence[Segment], keep: bool) -> None:
        last, first = above[-1].words[-1], below[0].words[0]
        if not keep and self._divided(last, first):
            self._parts[-1] = self._parts[-1][:-1]
            self._position -= 1
            begin, end = self._page.spans[-1]
            self._page.spans[-1] = (begin, end - 1)
            return
        self._write("\n")

    def _divided(self, last: Word, first: Word) -> bool:
        if len(last.text) < 3 or not last.text.endswith("-") or not first.text[:1].islower():
            return False
        joined = (last.text[:-1] + first.text).strip("()[]{}.,;:!?\"'“”‘’").lower()
        return joined in self._vocabulary

    def _segment(self, segment: Segment) -> None:
        for number, word in enumerate(segment.words):
            if number and word.space_before:
                self._write(" ")
            self._page.spans.append((self._position, self._position + len(word.text)))
            self._page.boxes.append(word.box)
            self._write(word.text)

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._position += len(text)
