"""OCR by rapidocr (PP-OCR models, which lie in its wheel) on onnxruntime. Runs inside the box.

The models read Chinese (simplified, traditional), Japanese, English and other languages in Latin letters. They do not
read Arabic, Hebrew, Cyrillic, Korean or the scripts of India; models for those would have to be downloaded, which
this module never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.documents import Block, Page, PageState
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.optional import require
from cortex_engine.parsing.builder import clean_text
from cortex_engine.parsing.composing import Composer
from cortex_engine.parsing.layout import Rectangle, Segment, Word, arrange
from cortex_engine.parsing.pdf_text import turn
from cortex_engine.parsing.registry import OCR_MODELS

_DETECTOR, _RECOGNISER, _CLASSIFIER = OCR_MODELS
_TALL = 1.5
_DOUBTFUL = 0.85
"""Mean confidence below which a page may lie on its head (receipts: upright .97, on their heads .65 to .79)."""
_WIDE_LETTERS = 0x2E80

_engine: Any = None


@dataclass(slots=True)
class _Line:
    """A recognised line: its quadrangle in pixels (clockwise from its own top left), text and confidence."""

    corners: NDArray[np.float32]
    text: str
    score: float


def load() -> None:
    """Load the models once; children of the zygote share them.

    Raises:
        ModelUnavailableError: rapidocr or its models are not there.
    """
    global _engine
    if _engine is not None:
        return
    rapidocr = require("rapidocr", "to read pictures", "pip install rapidocr onnxruntime")
    cv2 = require("cv2", "to read pictures", "pip install rapidocr")
    cv2.setNumThreads(1)
    models = Path(str(rapidocr.__file__)).parent / "models"
    paths = {"Det": models / _DETECTOR, "Rec": models / _RECOGNISER, "Cls": models / _CLASSIFIER}
    for path in paths.values():
        if not path.is_file():
            raise ModelUnavailableError(
                f"The OCR model {path.name} is missing. Install rapidocr 3.10.0 again: its package carries the models."
            )
    # With a path given, rapidocr loads that file and has no reason to look for another one on the network.
    parameters: dict[str, Any] = {f"{part}.model_path": str(path) for part, path in paths.items()}
    parameters |= {
        "Global.log_level": "error",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    _engine = rapidocr.RapidOCR(params=parameters)
    blank = np.full((64, 256, 3), 255, dtype=np.uint8)
    cv2.putText(blank, "warm", (10, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 3)
    _recognise(blank)


def read_picture(picture: Any, number: int) -> tuple[Page, list[Block]]:
    """Read a page's picture.

    Args:
        picture: RGB `PIL.Image.Image`.
        number: of the page.

    Returns:
        The page (state OCR, or BLANK when nothing was found; boxes as fractions of the picture) and its blocks, with
        offsets in the page's text.
    """
    load()
    pixels: NDArray[np.uint8] = np.asarray(picture)[:, :, ::-1]
    lines, quarters = _upright(pixels)
    height, width = pixels.shape[:2] if quarters % 2 == 0 else pixels.shape[1::-1]
    segments = [segment for line in lines if (segment := _segment(line, width, height, quarters))]
    composer = Composer(_vocabulary(segments))
    for paragraph in arrange(segments):
        composer.add(paragraph)
    composed = composer.finish()
    size = (float(picture.width), float(picture.height))
    if not composed.text:
        return Page(number, "", PageState.BLANK, width=size[0], height=size[1]), []
    weights = [max(1, len(line.text)) for line in lines]
    confidence = float(np.average([line.score for line in lines], weights=weights))
    page = Page(
        number, composed.text, PageState.OCR, width=size[0], height=size[1], text_boxes=composed.text_boxes(),
        confidence=confidence,
    )  # fmt: skip
    return page, composed.blocks


def _recognise(pixels: NDArray[np.uint8]) -> list[_Line]:
    # Without the direction classifier a page on its head reads badly as a whole, which `_upright` then notices.
    result = _engine(np.ascontiguousarray(pixels), use_cls=False)
    if result.txts is None:
        return []
    lines = []
    for corners, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
        cleaned = clean_text(text).strip()
        if cleaned:
            lines.append(_Line(np.asarray(corners, dtype=np.float32), cleaned, float(score)))
    return lines


def _upright(pixels: NDArray[np.uint8]) -> tuple[list[_Line], int]:
    """The lines, and by how many quarters clockwise the picture was turned to read them."""
    lines = _recognise(pixels)
    if not lines:
        return lines, 0
    letters = sum(len(line.text) for line in lines)
    tall = sum(len(line.text) for line in lines if len(line.text) > 1 and _is_tall(line)) > 0.5 * letters
    doubtful = _worth(lines) < _DOUBTFUL * letters
    best, turned = lines, 0
    for quarters in (1, 3) if tall else (2,) if doubtful else ():
        other = _recognise(np.rot90(pixels, -quarters))
        if _worth(other) > _worth(best):
            best, turned = other, quarters
    return best, turned


def _worth(lines: list[_Line]) -> float:
    return sum(line.score * len(line.text) for line in lines)


def _is_tall(line: _Line) -> bool:
    width, height = np.ptp(line.corners[:, 0]), np.ptp(line.corners[:, 1])
    return bool(height > _TALL * width)


def _segment(line: _Line, width: int, height: int, quarters: int) -> Segment | None:
    """The line with its words, whose boxes are shares of the line's box by the width of their letters."""
    corners = line.corners
    x0, y0 = (float(value) for value in corners.min(axis=0))
    x1, y1 = (float(value) for value in corners.max(axis=0))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    down = _is_tall(line) and len(line.text) > 1
    total = sum(_letter_width(letter) for letter in line.text)
    words: list[Word] = []
    position = 0.0
    space = False
    for piece in _pieces(line.text):
        share = sum(_letter_width(letter) for letter in piece)
        if piece == " ":
            space = True
        else:
            part = (position / total, (position + share) / total)
            box = _word_box(corners, part, down)
            words.append(Word(piece, _display(box, width, height, quarters), space))
            space = False
        position += share
    # Detected boxes are wider than the letters; the layout wants the height of a line of text.
    return Segment(words, x0, y0, x1, y1, min(x1 - x0, y1 - y0)) if words else None


def _pieces(text: str) -> list[str]:
    """Words, single ideographs, and a " " for each run of spaces between them."""
    pieces: list[str] = []
    for number, part in enumerate(text.split()):
        if number:
            pieces.append(" ")
        word = ""
        for letter in part:
            if ord(letter) >= _WIDE_LETTERS and not 0xAC00 <= ord(letter) < 0xD7B0:
                pieces += [word, letter] if word else [letter]
                word = ""
            else:
                word += letter
        pieces += [word] if word else []
    return pieces


def _letter_width(letter: str) -> float:
    if ord(letter) >= _WIDE_LETTERS:
        return 2.0
    if letter in " .,:;'|!ijl()[]":
        return 0.6
    return 1.5 if letter in "mwMW@%" else 1.2 if letter.isupper() else 1.0


def _word_box(corners: NDArray[np.float32], part: tuple[float, float], down: bool) -> Rectangle:
    """The part of a line's quadrangle, along its long side, as an upright rectangle in pixels."""
    top_left, top_right, bottom_right, bottom_left = corners
    starts = (top_left, top_right) if down else (top_left, bottom_left)
    ends = (bottom_left, bottom_right) if down else (top_right, bottom_right)
    points = [start + (end - start) * share for start, end in zip(starts, ends, strict=True) for share in part]
    xs, ys = [float(point[0]) for point in points], [float(point[1]) for point in points]
    return (min(xs), min(ys), max(xs), max(ys))


def _display(box: Rectangle, width: int, height: int, quarters: int) -> Rectangle:
    """From pixels of the turned picture to fractions of the picture as it is displayed."""
    fractions = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    a, b, c, d = (min(1.0, max(0.0, value)) for value in turn(fractions, -quarters % 4))
    return (a, b, c, d)


def _vocabulary(segments: list[Segment]) -> set[str]:
    return {word.text.strip(".,;:()").lower() for segment in segments for word in segment.words}
