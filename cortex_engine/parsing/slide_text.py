"""Text in a frame: runs of several sizes, wrapped at spaces, made smaller where there is too much of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from cortex_engine.parsing.slide_look import Colour, Frame

_FONTS = {
    False: ("LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf", "DejaVuSans.ttf", "Helvetica.ttc"),
    True: ("LiberationSans-Bold.ttf", "Arial Bold.ttf", "arialbd.ttf", "DejaVuSans-Bold.ttf", "Helvetica.ttc"),
}
_WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "PingFang.ttc", "msyh.ttc", "wqy-zenhei.ttc", "DejaVuSans.ttf")
_FIRST_WIDE = 0x2E80
"""From here on characters are those of East Asia."""
_LEADING = 1.2
_INDENT = 27.0
"""Points that a level of a list stands further in."""
_SMALLEST = 0.4
"""Text is made smaller down to this share of its size before it runs over."""
_SHORTEST = 4
"""Pixels of the smallest letters that are drawn as such."""
_LONGEST_WORD = 100
_LONGEST = 20_000
"""Characters of one frame that are drawn."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one look; `size` in points."""

    text: str
    size: float
    bold: bool
    colour: Colour


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Runs one after another. `align`: "l", "ctr", "r" or another word of DrawingML (then left)."""

    runs: Sequence[Run]
    align: str
    bullet: str
    level: int


@dataclass(frozen=True, slots=True)
class _Line:
    words: list[tuple[Run, str]]
    align: str
    indent: float

    def height(self, scale: float) -> float:
        return _LEADING * scale * max((run.size for run, _ in self.words), default=0.0)


def write(pen: Any, paragraphs: Sequence[Paragraph], box: Frame, anchor: str, scale: float) -> None:
    """Write paragraphs into a box (left, top, right, bottom in pixels).

    Args:
        pen: `PIL.ImageDraw.ImageDraw`.
        anchor: "t", "ctr" or "b".
        scale: pixels of a point.
    """
    paragraphs = _shortened(paragraphs)
    if not paragraphs or box[2] - box[0] < 1:
        return
    lines = list(_lines(paragraphs, box[2] - box[0], scale))
    total = sum(line.height(scale) for line in lines)
    share = 1.0
    while total > box[3] - box[1] and share > _SMALLEST:
        share *= 0.85
        smaller = [
            replace(each, runs=[replace(run, size=run.size * share) for run in each.runs]) for each in paragraphs
        ]
        lines = list(_lines(smaller, box[2] - box[0], scale))
        total = sum(line.height(scale) for line in lines)
    space = max(0.0, box[3] - box[1] - total)
    top = box[1] + {"ctr": space / 2, "b": space}.get(anchor, 0.0)
    for line in lines:
        _write_line(pen, line, box, top, scale)
        top += line.height(scale)


def _shortened(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    kept, left = [], _LONGEST
    for paragraph in paragraphs:
        runs = []
        for run in paragraph.runs:
            runs.append(replace(run, text=run.text[:left]))
            left -= len(runs[-1].text)
        kept.append(replace(paragraph, runs=runs))
        if left <= 0:
            break
    return kept if any(run.text.strip() for each in kept for run in each.runs) else []


def _lines(paragraphs: Sequence[Paragraph], width: float, scale: float) -> Iterator[_Line]:
    for paragraph in paragraphs:
        indent = _INDENT * scale * (paragraph.level + bool(paragraph.bullet)) if paragraph.bullet else 0.0
        indent = min(indent, width / 2)
        words: list[tuple[Run, str]] = []
        used = 0.0
        if paragraph.bullet:
            words.append((paragraph.runs[0], f"{paragraph.bullet} "))
            used = _length(paragraph.runs[0], f"{paragraph.bullet} ", scale)
        for run, word in _words(paragraph):
            length = _length(run, word.rstrip(), scale)
            if word == "\n" or (words and used + length > width - indent):
                yield _Line(words, paragraph.align, indent)
                words, used = [], 0.0
            if word != "\n":
                words.append((run, word))
                used += _length(run, word, scale)
        yield _Line(words or [(run, "") for run in paragraph.runs[:1]], paragraph.align, indent)


def _words(paragraph: Paragraph) -> Iterator[tuple[Run, str]]:
    """Words with the space behind them; wide characters are words of their own."""
    for run in paragraph.runs:
        word = ""
        for character in run.text.replace("\t", " "):
            if character == "\n":
                yield run, word
                yield run, "\n"
                word = ""
                continue
            word += character
            if character == " " or ord(character) >= _FIRST_WIDE or len(word) >= _LONGEST_WORD:
                yield run, word
                word = ""
        if word:
            yield run, word


def _write_line(pen: Any, line: _Line, box: Frame, top: float, scale: float) -> None:
    if top > pen.im.size[1] or top + line.height(scale) < 0:
        return
    width = sum(_length(run, word, scale) for run, word in line.words)
    space = max(0.0, box[2] - box[0] - line.indent - width)
    left = box[0] + line.indent + {"ctr": space / 2, "r": space}.get(line.align, 0.0)
    for run, word in line.words:
        pen.text((left, top), word, fill=run.colour, font=_font(run, word, scale))
        left += _length(run, word, scale)


def _length(run: Run, word: str, scale: float) -> float:
    return float(_font(run, word, scale).getlength(word)) if word else 0.0


def _font(run: Run, word: str, scale: float) -> Any:
    wide = any(ord(character) >= _FIRST_WIDE for character in word)
    return _loaded(run.bold, wide, max(_SHORTEST, min(2_000, round(run.size * scale))))


@lru_cache(maxsize=256)
def _loaded(bold: bool, wide: bool, pixels: int) -> Any:
    from PIL import ImageFont

    for name in (_WIDE_FONTS if wide else ()) + _FONTS[bold]:
        try:
            return ImageFont.truetype(name, pixels)
        except OSError:
            continue
    return ImageFont.load_default(pixels)
