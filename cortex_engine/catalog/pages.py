"""Pages as rows: text, and word boxes in a compact form."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from cortex_engine.core.documents import Page, PageState, TextBoxes

COLUMNS = "number, text, state, reason, label, width, height, confidence, boxes"
_STEPS = 65535
"""Places of a box are kept in steps of 1/65535 of the page: a hundredth of a point on A4."""


def pack_boxes(boxes: TextBoxes | None) -> bytes | None:
    """Spans as int32 and boxes as uint16, compressed."""
    if boxes is None:
        return None
    steps = np.rint(np.clip(np.nan_to_num(boxes.boxes), 0.0, 1.0) * _STEPS).astype("<u2")
    return zlib.compress(boxes.spans.astype("<i4").tobytes() + steps.tobytes(), 1)


def unpack_boxes(data: bytes | None) -> TextBoxes | None:
    """The reverse of `pack_boxes`."""
    if data is None:
        return None
    raw = zlib.decompress(data)
    words = len(raw) // 16
    spans = np.frombuffer(raw, dtype="<i4", count=words * 2).reshape(words, 2)
    steps = np.frombuffer(raw, dtype="<u2", count=words * 4, offset=words * 8).reshape(words, 4)
    return TextBoxes(spans.astype(np.int32), (steps / np.float32(_STEPS)).astype(np.float32))


def page_row(page: Page) -> tuple[Any, ...]:
    """Values for `COLUMNS`."""
    return (
        page.number,
        page.text,
        page.state.value,
        page.reason,
        page.label,
        float(page.width),
        float(page.height),
        page.confidence,
        pack_boxes(page.text_boxes),
    )


def page_from(row: tuple[Any, ...]) -> Page:
    """A page from `COLUMNS`."""
    number, text, state, reason, label, width, height, confidence, boxes = row
    return Page(number, text, PageState(state), reason, label, width, height, unpack_boxes(boxes), confidence)
