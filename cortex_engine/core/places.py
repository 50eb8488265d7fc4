"""Where runs of a page's text stand on the page, as boxes to mark."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cortex_engine.core.app import Span
from cortex_engine.core.documents import Box, Page, line_boxes

_NARROW = frozenset("ijltfrI1.,;:'’‘\"“”!|()[]{}/-· ")
_WIDE = frozenset("mwMWQ@%—…")
_NEIGHBOUR = 0.012
"""Marks of one line nearer than this fraction of the page's width become one, where only white space divides them."""
_SLACK = 0.001


def word_boxes(page: Page, spans: Sequence[Span]) -> list[Box]:
    """Boxes of the letters in `spans`, cut out of their words' boxes; neighbours on one line are joined.

    Args:
        page: with word boxes (without them the result is empty).
        spans: places in the page's text, ascending, not overlapping.
    """
    if page.text_boxes is None or not spans or not len(page.text_boxes.spans):
        return []
    starts, ends = page.text_boxes.spans[:, 0], page.text_boxes.spans[:, 1]
    boxes: list[Box] = []
    previous = -1
    for start, end in spans:
        # Words ascend, so those that overlap the span are neighbours.
        first, last = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left"))
        for index in range(first, last):
            word = (int(starts[index]), int(ends[index]))
            box = _part(Box(*map(float, page.text_boxes.boxes[index])), page, word, (start, end))
            near = boxes and previous >= 0 and not page.text[previous : max(start, word[0])].strip()
            if near and _neighbours(boxes[-1], box):
                boxes[-1] = _around(boxes[-1], box)
            else:
                boxes.append(box)
            previous = min(end, word[1])
    return boxes


def _part(box: Box, page: Page, word: Span, span: Span) -> Box:
    """The part of a word's box that holds the letters of `span`, by estimated widths; all of a word that stands upright."""
    start, end = max(word[0], span[0]), min(word[1], span[1])
    text = page.text[word[0] : word[1]]
    wide = (box.x1 - box.x0) * (page.width or 1.0) >= 0.8 * (box.y1 - box.y0) * (page.height or 1.0)
    if (start, end) == word or not wide or len(text) < 2:
        return box
    widths = [0.55 if letter in _NARROW else 1.45 if letter in _WIDE else 1.0 for letter in text]
    total = sum(widths)
    left, right = sum(widths[: start - word[0]]) / total, sum(widths[: end - word[0]]) / total
    if any("\u0590" <= letter <= "\u08ff" for letter in text):
        left, right = 1.0 - right, 1.0 - left
    width = box.x1 - box.x0
    return Box(box.x0 + left * width, box.y0, box.x0 + right * width, box.y1)


def _neighbours(first: Box, second: Box) -> bool:
    overlap = min(first.y1, second.y1) - max(first.y0, second.y0)
    gap = max(first.x0, second.x0) - min(first.x1, second.x1)
    return overlap > 0.6 * min(first.y1 - first.y0, second.y1 - second.y0) and gap < _NEIGHBOUR


def _around(first: Box, second: Box) -> Box:
    return Box(min(first.x0, second.x0), min(first.y0, second.y0), max(first.x1, second.x1), max(first.y1, second.y1))


def line_edges(page: Page, span: Span, lines: Sequence[Box]) -> list[float]:
    """For each line of a passage (`line_boxes` of `span`) the left edge of the whole line, so that a bar meets no letter."""
    start = page.text.rfind("\n", 0, span[0]) + 1
    end = page.text.find("\n", span[1])
    whole = line_boxes(page, start, end if end >= 0 else len(page.text))
    edges: list[float] = []
    for line in lines:
        around = (each for each in whole if _holds(each, line))
        edges.append(min((each.x0 for each in around), default=line.x0))
    return edges


def _holds(outer: Box, inner: Box) -> bool:
    level = min(outer.y1, inner.y1) - max(outer.y0, inner.y0) > 0.5 * (inner.y1 - inner.y0)
    return level and outer.x0 <= inner.x0 + _SLACK and outer.x1 >= inner.x1 - _SLACK
