"""Marks drawn into the picture of a page: the passage as a soft fill with a bar beside it, words in yellow.

Fills are multiplied with the page, so that ink stays as dark as it is; on dark grounds, where that shows nothing, they
are laid on as light instead.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cortex_engine.core.documents import Box, PagePicture
from cortex_engine.core.errors import ParseError

_Rectangle = tuple[float, float, float, float]
_PASSAGE, _PASSAGE_ON_DARK = (226, 231, 255), (38, 42, 104)
_TERM, _TERM_ON_DARK = (255, 222, 89), (128, 98, 0)
_BAR = (79, 70, 229)
_DARK = 96
"""Mean brightness (0..255) below which a place counts as dark."""
_FAR = 3.0
"""A gap of so many lines' heights interrupts the bar."""
_MOST_PIXELS = 64_000_000
_QUALITY = 86


def mark_picture(
    picture: PagePicture, passage: Sequence[Box], terms: Sequence[Box], edges: Sequence[float] = ()
) -> PagePicture:
    """The picture with marks drawn in.

    Args:
        picture: as the box gave it; its bytes are not believed.
        passage: boxes of the passage's lines in reading order; they become the result's `boxes`.
        terms: boxes of words.
        edges: for each line of the passage, where the bar may stand left of (else the line's own left edge).

    Raises:
        ParseError: the picture cannot be read.
    """
    from PIL import Image, ImageChops, ImageDraw

    base = _opened(picture)
    width, height = base.size
    groups = _groups([_pixels(box, width, height) for box in passage])
    words = [_pixels(box, width, height) for box in terms]
    light, dark = Image.new("RGB", base.size, "white"), Image.new("RGB", base.size, "black")
    on_light, on_dark = ImageDraw.Draw(light), ImageDraw.Draw(dark)
    grey = base.convert("L")
    for box in (line for group in groups for line in _closed_up(group)):
        if _is_dark(grey, box):
            on_dark.rectangle(box, _PASSAGE_ON_DARK)
        else:
            on_light.rectangle(box, _PASSAGE)
    for box in words:
        rounded = max(1.0, 0.16 * (box[3] - box[1]))
        grown = (box[0] - 0.4 * rounded, box[1], box[2] + 0.4 * rounded, box[3])
        if _is_dark(grey, box):
            on_dark.rounded_rectangle(grown, rounded, _TERM_ON_DARK)
        else:
            on_light.rounded_rectangle(grown, rounded, _TERM)
    marked = ImageChops.screen(ImageChops.multiply(base, light), dark)
    pen = ImageDraw.Draw(marked)
    lefts = dict(zip((_pixels(box, width, height) for box in passage), (edge * width for edge in edges), strict=False))
    for bar in _bars(groups, lefts, width):
        pen.rounded_rectangle(bar, max(1.0, width / 512), _BAR)
    return _saved(marked, tuple(passage) or tuple(terms))


def _opened(picture: PagePicture) -> Any:
    """The picture, decoded; only the formats that the box gives, and no larger than it says."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(picture.data), formats=("WEBP", "JPEG", "PNG")) as opened:
            if opened.size != (picture.width, picture.height) or opened.width * opened.height > _MOST_PIXELS:
                raise ParseError("The picture of the page has another size than was said.", "crashed")
            return opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ParseError(f"The picture of the page cannot be read: {error}", "crashed") from error


def _saved(picture: Any, boxes: tuple[Box, ...]) -> PagePicture:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return PagePicture(stream.getvalue(), "image/jpeg", picture.width, picture.height, boxes)


def _pixels(box: Box, width: int, height: int) -> _Rectangle:
    return (box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height)


def _is_dark(grey: Any, box: _Rectangle) -> bool:
    """Whether the ground is dark: the rim around the place, where no ink stands but that of neighbours."""
    x0, y0 = max(0, int(box[0]) - 1), max(0, int(box[1]) - 1)
    x1, y1 = min(grey.width, int(box[2]) + 2), min(grey.height, int(box[3]) + 2)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return False
    rim = ((x0, y0, x1, y0 + 1), (x0, y1 - 1, x1, y1), (x0, y0, x0 + 1, y1), (x1 - 1, y0, x1, y1))
    counts = [grey.crop(edge).histogram() for edge in rim]
    return sum(sum(each[:_DARK]) for each in counts) > 0.5 * sum(map(sum, counts))


def _groups(lines: Sequence[_Rectangle]) -> list[list[_Rectangle]]:
    """Lines by column: a new group where reading goes back up, far down, or on at another place sideways."""
    groups: list[list[_Rectangle]] = []
    for line in lines:
        if groups and _goes_on(groups[-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _goes_on(group: Sequence[_Rectangle], line: _Rectangle) -> bool:
    last = group[-1]
    size = min(last[3] - last[1], line[3] - line[1])
    beside = min(last[3], line[3]) - max(last[1], line[1]) > 0.5 * size
    left, right = min(each[0] for each in group), max(each[2] for each in group)
    near = last[1] < line[1] < last[3] + _FAR * max(last[3] - last[1], size)
    shared = min(right, line[2]) - max(left, line[0])
    below = near and shared > 0.5 * min(right - left, line[2] - line[0])
    return beside or below


def _closed_up(group: Sequence[_Rectangle]) -> list[_Rectangle]:
    """The lines with small padding; where two follow closely, both reach to the middle between them."""
    padded = [
        [x0 - 0.12 * (y1 - y0), y0 - 0.04 * (y1 - y0), x1 + 0.12 * (y1 - y0), y1 + 0.04 * (y1 - y0)]
        for x0, y0, x1, y1 in group
    ]
    for upper, lower in pairwise(padded):
        gap, size = lower[1] - upper[3], min(upper[3] - upper[1], lower[3] - lower[1])
        if 0 < gap < 0.8 * size:
            upper[3] = lower[1] = (upper[3] + lower[1]) / 2
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in padded]


def _bars(groups: Sequence[Sequence[_Rectangle]], lefts: Mapping[_Rectangle, float], width: int) -> list[_Rectangle]:
    """A bar at the left edge of each group's lines; bars that nearly meet are one."""
    thick, gap = max(2.0, width / 256), max(3.0, width / 120)
    bars: list[_Rectangle] = []
    for group in groups:
        right = max(thick, min(lefts.get(line, line[0]) for line in group) - gap)
        bar = (right - thick, min(line[1] for line in group), right, max(line[3] for line in group))
        last = bars[-1] if bars else None
        near = 2 * gap
        if last and abs(last[0] - bar[0]) < near and bar[1] < last[3] + near and last[1] < bar[3] + near:
            left = min(last[0], bar[0])
            bars[-1] = (left, min(last[1], bar[1]), left + thick, max(last[3], bar[3]))
        else:
            bars.append(bar)
    return bars
