"""The text layer of a PDF page as segments of lines: characters and their places, asked of PDFium one by one."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cortex_engine.parsing.builder import clean_text
from cortex_engine.parsing.layout import Rectangle, Segment, Word

_SPACES = frozenset({0x20, 0x09, 0xA0, 0x3000, 0x2002, 0x2003, 0x2009})
_BREAKS = frozenset({0x0A, 0x0D})
_SOFT_HYPHENS = frozenset({0x02, 0xFFFE})
"""What PDFium gives for a hyphen that divides a word at the end of a line."""
_SAMPLE = 7
_GAP = 1.3


@dataclass(slots=True)
class _RawWord:
    text: str
    box: Rectangle
    space_before: bool


@dataclass(slots=True)
class _Line:
    """Characters between two line ends of PDFium, all at one angle."""

    first: int
    quarter: int
    last: int = 0
    words: list[_RawWord] = field(default_factory=list)


@dataclass(slots=True)
class TextLayer:
    """What a page's text layer holds.

    Attributes:
        segments: upright in the frame in which most of the text is upright, in source order.
        turned: segments of text at other angles (margin notes, axis labels), each in its own upright frame.
        characters: that are not white space.
        unusable: share of them that stands for no known character.
        right_to_left: most letters are Hebrew, Arabic or the like.
    """

    segments: list[Segment]
    turned: list[Segment]
    characters: int
    unusable: float
    right_to_left: bool


def turn(box: Rectangle, quarters: int) -> Rectangle:
    """A box in fractions of a page, after the page was turned clockwise by so many quarters."""
    x0, y0, x1, y1 = box
    for _ in range(quarters % 4):
        x0, y0, x1, y1 = 1.0 - y1, x0, 1.0 - y0, x1
    return (x0, y0, x1, y1)


class TextLayerReader:
    """Reads one page.

    Args:
        page: a `pypdfium2.PdfPage`.
        textpage: its `PdfTextPage`.
    """

    def __init__(self, page: Any, textpage: Any) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._textpage = textpage.raw
        self._rotation = page.get_rotation() // 90
        left, bottom, right, top = page.get_bbox()
        self._origin = (left, top)
        self._size = (max(right - left, 1e-3), max(top - bottom, 1e-3))
        self._rect = pdfium.FS_RECTF()
        self._rect_pointer = ctypes.byref(self._rect)
        self._unusable = 0
        self._characters = 0
        self._directions: Counter[str] = Counter()

    def read(self) -> TextLayer:
        """All text of the page."""
        lines = self._lines(self._pdfium.FPDFText_CountChars(self._textpage))
        votes: Counter[int] = Counter()
        for line in lines:
            votes[line.quarter] += sum(len(word.text) for word in line.words)
        main = votes.most_common(1)[0][0] if votes else 0
        segments: list[Segment] = []
        turned: list[Segment] = []
        for line in lines:
            (segments if line.quarter == main else turned).extend(self._segments(line))
        rtl = self._directions["R"] + self._directions["AL"] > self._directions["L"]
        share = self._unusable / max(1, self._characters)
        return TextLayer(segments, turned, self._characters, share, rtl)

    def _lines(self, count: int) -> list[_Line]:
        lines: list[_Line] = []
        line: _Line | None = None
        letters: list[str] = []
        boxes: list[Rectangle] = []
        space = False

        def end_word() -> None:
            nonlocal space
            if letters and line is not None:
                self._end_word(line, "".join(letters), boxes, space)
                space = False
            letters.clear()
            boxes.clear()

        for index in range(count):
            code = self._code(index, count)
            if code in _BREAKS or code in _SPACES:
                end_word()
                space = True
                line = None if code in _BREAKS else line
                continue
            if code < 0:
                continue
            letter = self._letter(code, index)
            box = self._box(index)
            if line is None:
                line = _Line(index, self._quarter(index))
                lines.append(line)
            if letters and (_stands_alone(letter) or _stands_alone(letters[-1])):
                end_word()
            letters.insert(_place(letter, box, letters, boxes), letter)
            boxes.append(box)
            line.last = index
            if code in _SOFT_HYPHENS:  # PDFium gives no line end after it
                end_word()
                line, space = None, True
        end_word()
        return [line for line in lines if line.words]

    def _code(self, index: int, count: int) -> int:
        """The code point at `index`; -1 for what is none (the second half of a surrogate pair)."""
        code = int(self._pdfium.FPDFText_GetUnicode(self._textpage, index))
        if 0xD800 <= code < 0xDC00 and index + 1 < count:
            low = int(self._pdfium.FPDFText_GetUnicode(self._textpage, index + 1))
            if 0xDC00 <= low < 0xE000:
                return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        return -1 if 0xDC00 <= code < 0xE000 or code > 0x10FFFF else code

    def _letter(self, code: int, index: int) -> str:
        self._characters += 1
        if code in _SOFT_HYPHENS:
            return "-"
        if code in {0, 0xFFFD} or 0xE000 <= code < 0xF900 or 0xD800 <= code < 0xE000:
            self._unusable += 1
            return "\ufffd"
        if index % _SAMPLE == 0 and self._pdfium.FPDFText_HasUnicodeMapError(self._textpage, index) == 1:
            self._unusable += _SAMPLE
        letter = chr(code)
        if 0xFB00 <= code < 0xFB50 or 0xFB50 <= code < 0xFE00 or 0xFE70 <= code < 0xFF00:
            letter = unicodedata.normalize("NFKC", letter)  # ligatures and presentation forms: nobody types them
        if code > 0x7F or letter.isalpha():
            self._directions[unicodedata.bidirectional(letter[0])] += 1
        return letter

    def _box(self, index: int) -> Rectangle:
        """The character's place as fractions of the unturned page, y down."""
        rect = self._rect
        self._pdfium.FPDFText_GetLooseCharBox(self._textpage, index, self._rect_pointer)
        (left, top), (width, height) = self._origin, self._size
        x0, x1 = sorted((rect.left, rect.right))
        y0, y1 = sorted((rect.bottom, rect.top))
        return ((x0 - left) / width, (top - y1) / height, (x1 - left) / width, (top - y0) / height)

    def _quarter(self, index: int) -> int:
        """Quarter turns (counter-clockwise, on the unturned page) at which the text runs."""
        angle = float(self._pdfium.FPDFText_GetCharAngle(self._textpage, index))
        return round(angle / (math.pi / 2)) % 4 if math.isfinite(angle) else 0

    def _end_word(self, line: _Line, text: str, boxes: list[Rectangle], space: bool) -> None:
        text = clean_text(text).strip()
        if text:
            x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
            x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
            line.words.append(_RawWord(text, (x0, y0, x1, y1), space))

    def _segments(self, line: _Line) -> list[Segment]:
        """Cut a line of PDFium at wide gaps; coordinates in points, upright for this line's angle."""
        width, height = self._size if line.quarter % 2 == 0 else self._size[::-1]
        bold = self._bold(line.first) and self._bold(line.last)
        segments: list[Segment] = []
        for raw in line.words:
            u0, v0, u1, v1 = turn(raw.box, line.quarter)
            x0, y0, x1, y1 = u0 * width, v0 * height, u1 * width, v1 * height
            display = tuple(min(1.0, max(0.0, value)) for value in turn(raw.box, self._rotation))
            word = Word(raw.text, (display[0], display[1], display[2], display[3]), raw.space_before)
            last = segments[-1] if segments else None
            if last is not None and _joins(last, (x0, y0, x1, y1), raw.space_before):
                last.words.append(word)
                last.x0, last.x1 = min(last.x0, x0), max(last.x1, x1)
                last.y0, last.y1 = min(last.y0, y0), max(last.y1, y1)
            else:
                segments.append(Segment([word], x0, y0, x1, y1, max(y1 - y0, 0.1), bold))
        return segments

    def _bold(self, index: int) -> bool:
        if self._pdfium.FPDFText_GetFontWeight(self._textpage, index) >= 600:
            return True
        buffer, flags = ctypes.create_string_buffer(256), ctypes.c_int()
        length = self._pdfium.FPDFText_GetFontInfo(self._textpage, index, buffer, 256, flags)
        name = buffer.raw[: max(0, min(length, 256))].lower()
        return b"bold" in name or b"black" in name or b"heavy" in name


def _joins(segment: Segment, box: Rectangle, space: bool) -> bool:
    x0, y0, x1, y1 = box
    gap = max(x0 - segment.x1, segment.x0 - x1)
    level = abs((y0 + y1) - (segment.y0 + segment.y1)) / 2 < 0.7 * max(segment.size, y1 - y0)
    return level and gap < _GAP * segment.size * (1.0 if space else 1.5)


def _is_right_to_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter[0]) in {"R", "AL"}


def _place(letter: str, box: Rectangle, letters: list[str], boxes: list[Rectangle]) -> int:
    """Where in its word a letter goes: to the end, but for letters of one right-to-left glyph (lam-alef).

    PDFium turns lines around, and the letters of such a glyph with them.
    """
    if letters and box == boxes[-1] and _is_right_to_left(letter) and _is_right_to_left(letters[-1]):
        return boxes.index(box)
    return len(letters)


def _stands_alone(letter: str) -> bool:
    """Ideographs and kana are words of their own: lines of them have no spaces."""
    code = ord(letter[0])
    return 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFFEF or code >= 0x20000
