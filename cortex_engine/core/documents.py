"""What a file becomes: pages of text, blocks of structure, passages.

Characters are counted in *document text*: the page texts joined by one form feed (`PAGE_BREAK`). Offsets are Python
string indices, `char_end` is exclusive. Boxes are fractions of the page (0..1, origin top left), so that they fit a
page picture of any size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

PAGE_BREAK = "\f"


class PageState(StrEnum):
    """Where a page ended: exactly one of these (the ledger counts them)."""

    TEXT = "text"
    """Its own text layer was read."""
    OCR = "ocr"
    """Its picture was read by OCR."""
    BLANK = "blank"
    """It holds no text, by text layer and by OCR (or OCR is switched off: the reason says so)."""
    FAILED = "failed"
    """It could not be read; `Page.reason` says why."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, as fractions of its width and height, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class TextBoxes:
    """Where the words of one page stand.

    Attributes:
        spans: int32 `(n, 2)`, start and end of each word in the page's own text, ascending.
        boxes: float32 `(n, 4)`, `x0 y0 x1 y1` of each word as fractions of the page.
    """

    spans: NDArray[np.int32]
    boxes: NDArray[np.float32]

    def within(self, start: int, end: int) -> list[Box]:
        """Boxes of the words that overlap `[start, end)` of the page's text, in reading order."""
        hit = (self.spans[:, 0] < end) & (self.spans[:, 1] > start)
        return [Box(*(float(value) for value in row)) for row in self.boxes[hit]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page (slide, sheet, frame; formats without pages have one).

    Attributes:
        number: from 1.
        text: its text in reading order, NFC, without NUL, other control characters and form feeds.
        state: how the text was had.
        reason: a sentence when `state` is FAILED (or BLANK for a cause).
        label: what the format calls it ("Sheet1", "Slide 3", "iv"), or "".
        width, height: in points (1/72 inch) for PDF, in pixels for pictures, 0 where a page has no size.
        text_boxes: where the words stand, or None where the format has no fixed layout.
        confidence: mean OCR confidence 0..1, or None.
    """

    number: int
    text: str
    state: PageState
    reason: str = ""
    label: str = ""
    width: float = 0.0
    height: float = 0.0
    text_boxes: TextBoxes | None = None
    confidence: float | None = None


class BlockKind(StrEnum):
    """The structure that chunking respects."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A run of document text that belongs together. Blocks are ascending and do not overlap.

    Attributes:
        kind: what it is.
        char_start, char_end: its place in the document text.
        level: 1..6 for headings, else 0.
        header: for tables the header row's text, repeated in every passage cut from the table; else "".
    """

    kind: BlockKind
    char_start: int
    char_end: int
    level: int = 0
    header: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file (mail attachment, archive member, embedded file of a PDF)."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a document says about itself. Dates are ISO 8601 (`2024-03-01` or with time), "" where unknown.

    Attributes:
        media_type: the family word used in filters: pdf, docx, pptx, xlsx, doc, xls, ppt, odt, rtf, html, markdown,
            text, csv, json, xml, email, epub, zip, image.
        language: ISO 639-1 code ("en", "de", "zh"), or "" where undecided.
    """

    media_type: str
    title: str = ""
    author: str = ""
    created: str = ""
    modified: str = ""
    language: str = ""
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The result of parsing one file."""

    info: DocumentInfo
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    attachments: tuple[Attachment, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()
    """CPU seconds by stage (parse, ocr), for the ingest benchmark."""

    @property
    def text(self) -> str:
        """The document text that all offsets refer to."""
        return PAGE_BREAK.join(page.text for page in self.pages)

    def page_starts(self) -> list[int]:
        """Offset in the document text at which each page begins."""
        starts, position = [], 0
        for page in self.pages:
            starts.append(position)
            position += len(page.text) + len(PAGE_BREAK)
        return starts


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: the unit that is embedded, indexed and shown.

    Attributes:
        id: from content (`identifiers.chunk_id`).
        document_id: the document it belongs to; a chunk never crosses documents.
        ordinal: from 0, in reading order.
        text: exactly `document_text[char_start:char_end]`.
        context: what gives the passage its meaning but stands elsewhere: heading path and table header, or "".
        page, page_end: first and last page number it stands on.
        tokens: length of `embedded_text` in the embedder's own tokens, special tokens included.
    """

    id: str
    document_id: str
    ordinal: int
    text: str
    char_start: int
    char_end: int
    page: int
    page_end: int
    context: str = ""
    tokens: int = 0

    @property
    def embedded_text(self) -> str:
        """What the embedder and the lexical index are given: context, then the passage."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Document:
    """A document in the catalog.

    Attributes:
        id: from the content (`identifiers.document_id`).
        name: file name as the person knows it ("report.pdf", "mail.eml/photo.png" for an attachment).
        pipeline: fingerprint of parser, chunker and their settings that produced it.
        added: when it was first committed, ISO 8601 UTC.
        parent_id: the document that contained it, or "".
    """

    id: str
    sha256: str
    name: str
    bytes: int
    info: DocumentInfo
    page_count: int
    chunk_count: int
    pipeline: str
    added: str
    parent_id: str = ""
    collections: tuple[str, ...] = ()
    """Names of the collections it belongs to."""
    tags: tuple[str, ...] = ()
    source_paths: tuple[str, ...] = ()
    """Where it was taken from (absolute paths on this machine); never sent over HTTP."""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page drawn as a picture, with the places to mark.

    Attributes:
        data: the encoded picture.
        mime: "image/png", "image/jpeg" or "image/webp".
        width, height: pixels.
        boxes: places to mark, as fractions of the picture.
    """

    data: bytes
    mime: str
    width: int
    height: int
    boxes: tuple[Box, ...] = field(default=())


def line_boxes(page: Page, start: int, end: int) -> list[Box]:
    """Places to mark for characters `[start, end)` of the page's own text: the words' boxes, joined line by line.

    Empty where the page has no word boxes or the range holds no word.
    """
    if page.text_boxes is None or end <= start:
        return []
    lines: list[Box] = []
    for box in page.text_boxes.within(start, end):
        last = lines[-1] if lines else None
        if last is not None and _same_line(last, box):
            lines[-1] = Box(min(last.x0, box.x0), min(last.y0, box.y0), max(last.x1, box.x1), max(last.y1, box.y1))
        else:
            lines.append(box)
    return lines


def _same_line(first: Box, other: Box) -> bool:
    """Overlap by more than half of the lower box's height, and no gap as wide as a column's gutter."""
    overlap = min(first.y1, other.y1) - max(first.y0, other.y0)
    gap = max(first.x0, other.x0) - min(first.x1, other.x1)
    return overlap > 0.5 * min(first.y1 - first.y0, other.y1 - other.y0) and gap < _GUTTER


_GUTTER = 0.04
"""Fraction of the page's width."""
