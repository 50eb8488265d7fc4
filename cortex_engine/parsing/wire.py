"""How a parsed document crosses the pipe out of the box, and the checks that it has to pass there.

The sender is not believed: it has read a stranger's file. Nothing here executes what it reads (no pickle).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from cortex_engine.core.documents import (
    Attachment,
    Block,
    BlockKind,
    DocumentInfo,
    Page,
    PageState,
    ParsedDocument,
    TextBoxes,
)
from cortex_engine.core.options import ParseOptions

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BOX_SCALE = 65535.0
_SHORT = 2_000


class MalformedAnswerError(Exception):
    """The answer breaks a promise of `ParsedDocument`."""


def encode_document(parsed: ParsedDocument) -> tuple[dict[str, Any], bytes]:
    """The JSON part and the binary part (contents of the attachments, one after the other)."""
    value = {
        "info": list(astuple(parsed.info)),
        "pages": [encode_page(page) for page in parsed.pages],
        "blocks": [
            [block.kind.value, block.char_start, block.char_end, block.level, block.header] for block in parsed.blocks
        ],
        "attachments": [[attachment.name, len(attachment.data)] for attachment in parsed.attachments],
        "warnings": list(parsed.warnings),
    }
    return value, b"".join(attachment.data for attachment in parsed.attachments)


def encode_page(page: Page) -> list[Any]:
    """One page; boxes travel as 16-bit fractions (a page of 2,000 pixels is hit to a thirtieth of a pixel)."""
    spans = boxes = ""
    if page.text_boxes is not None:
        clipped = np.clip(np.nan_to_num(page.text_boxes.boxes), 0.0, 1.0)
        spans = base64.b64encode(page.text_boxes.spans.astype("<i4").tobytes()).decode()
        boxes = base64.b64encode(np.rint(clipped * _BOX_SCALE).astype("<u2").tobytes()).decode()
    has_boxes = page.text_boxes is not None
    described = [page.number, page.text, page.state.value, page.reason, page.label]
    measured = [round(page.width, 3), round(page.height, 3), page.confidence]
    return [*described, *measured, has_boxes, spans, boxes]


def decode_document(value: Any, blob: bytes, options: ParseOptions) -> ParsedDocument:
    """Build the document again and check it.

    Raises:
        MalformedAnswerError: a promise of `ParsedDocument` is broken.
    """
    try:
        *words, extra = value["info"]
        media_type, title, author, created, modified, language = (_line(word) for word in words)
        facts = tuple((_line(key), _line(fact)) for key, fact in extra)
        info = DocumentInfo(media_type, title, author, created, modified, language, facts)
        pages = tuple(decode_page(page) for page in value["pages"])
        _check_pages(pages, options)
        blocks = tuple(_decode_block(block) for block in value["blocks"])
        _check_blocks(blocks, pages)
        attachments = _decode_attachments(value["attachments"], blob)
        warnings = tuple(_line(warning) for warning in value["warnings"])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise MalformedAnswerError(f"{type(error).__name__}: {error}") from error
    return ParsedDocument(info, pages, blocks, attachments, warnings)


def decode_page(values: Sequence[Any]) -> Page:
    """One page, checked.

    Raises:
        MalformedAnswerError: its text is not clean, or a box or span is out of bounds.
    """
    number, text, state, reason, label, width, height, confidence, has_boxes, spans, boxes = values
    if not isinstance(text, str) or _FORBIDDEN.search(text) or not unicodedata.is_normalized("NFC", text):
        raise MalformedAnswerError("the text of a page is not clean")
    page_confidence = None if confidence is None else min(1.0, max(0.0, float(confidence)))
    return Page(
        number=int(number),
        text=text,
        state=PageState(state),
        reason=_line(reason),
        label=_line(label),
        width=max(0.0, float(width)),
        height=max(0.0, float(height)),
        text_boxes=_decode_boxes(spans, boxes, len(text)) if has_boxes else None,
        confidence=page_confidence,
    )


def _decode_boxes(spans_text: str, boxes_text: str, length: int) -> TextBoxes:
    spans = np.frombuffer(base64.b64decode(spans_text, validate=True), "<i4").reshape(-1, 2).astype(np.int32)
    boxes = np.frombuffer(base64.b64decode(boxes_text, validate=True), "<u2").reshape(-1, 4)
    if len(spans) != len(boxes):
        raise MalformedAnswerError("words and boxes differ in number")
    if len(spans):
        starts, ends = spans[:, 0], spans[:, 1]
        if starts[0] < 0 or ends[-1] > length or np.any(ends <= starts) or np.any(starts[1:] < ends[:-1]):
            raise MalformedAnswerError("words are out of order or outside of the text")
    fractions = (boxes / _BOX_SCALE).astype(np.float32)
    if np.any(fractions[:, 0] > fractions[:, 2]) or np.any(fractions[:, 1] > fractions[:, 3]):
        raise MalformedAnswerError("a box ends before it begins")
    return TextBoxes(spans, fractions)


def _decode_block(values: Sequence[Any]) -> Block:
    kind, start, end, level, header = values
    if not 0 <= int(level) <= 6:
        raise MalformedAnswerError("a heading has no level 1 to 6")
    return Block(BlockKind(kind), int(start), int(end), int(level), _line(header, limit=1_000_000))


def _check_pages(pages: Sequence[Page], options: ParseOptions) -> None:
    if not pages or len(pages) > max(options.pages, options.frames):
        raise MalformedAnswerError("the number of pages is out of bounds")
    if [page.number for page in pages] != list(range(1, len(pages) + 1)):
        raise MalformedAnswerError("pages are not numbered from 1")
    if sum(len(page.text) for page in pages) > options.characters + len(pages):
        raise MalformedAnswerError("there are more characters than allowed")


def _check_blocks(blocks: Sequence[Block], pages: Sequence[Page]) -> None:
    length = sum(len(page.text) for page in pages) + len(pages) - 1
    position = 0
    for block in blocks:
        if not position <= block.char_start < block.char_end <= length:
            raise MalformedAnswerError("blocks overlap or lie outside of the text")
        position = block.char_end


def _decode_attachments(entries: Sequence[Any], blob: bytes) -> tuple[Attachment, ...]:
    attachments, position = [], 0
    for name, size in entries:
        if int(size) < 0 or position + int(size) > len(blob):
            raise MalformedAnswerError("an attachment is longer than what came")
        attachments.append(Attachment(_line(name) or "attachment", blob[position : position + int(size)]))
        position += int(size)
    return tuple(attachments)


def _line(text: Any, limit: int = _SHORT) -> str:
    """A short text of an untrusted answer: NFC, without control characters, cut."""
    if not isinstance(text, str):
        raise MalformedAnswerError("a text is not a text")
    return unicodedata.normalize("NFC", _FORBIDDEN.sub("", text))[:limit]
