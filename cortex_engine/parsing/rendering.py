"""Pages as pictures: for OCR, and for people who look at a page. Runs inside the box."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.images import frame_count, load_frame, open_image
from cortex_engine.parsing.pdf import open_pdf
from cortex_engine.parsing.slide_drawing import draw_slide

OCR_SIDE = 2_000
"""Pixels of the longer side of a page that is drawn for OCR (the detector takes no more)."""
_WEBP_SIDE = 16_383
_WEBP_QUALITY = 82


def picture_for_ocr(source: Path, kind: str, name: str, number: int, options: ParseOptions) -> Any:
    """Page or frame `number` (from 1) as an RGB `PIL.Image.Image`.

    Raises:
        ParseError: it cannot be drawn.
    """
    if kind == "image":
        return _frame(source, name, number, options)
    return _pdf_page(source, name, number, 0, options)


def draw(
    source: Path, kind: str, name: str, number: int, width: int, options: ParseOptions, lossless: bool = False
) -> tuple[bytes, int, int]:
    """Page, slide or frame `number` as a WebP (or lossless PNG) picture about `width` pixels wide: its bytes, width and height.

    Frames are never enlarged.

    Raises:
        ParseError: it cannot be drawn, or does not exist.
    """
    if kind == "image":
        picture = _frame(source, name, number, options)
        factor = _scale(picture.width, picture.height, width, options)
        if factor < 1.0:
            size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
            picture = picture.resize(size)
    elif kind == "pptx":
        picture = draw_slide(source, name, number, width, options)
    else:
        picture = _pdf_page(source, name, number, width, options)
    stream = io.BytesIO()
    if lossless:
        picture.save(stream, "PNG", compress_level=1)
    else:
        picture.save(stream, "WEBP", quality=_WEBP_QUALITY, method=2)
    return stream.getvalue(), picture.width, picture.height


def _scale(page_width: float, page_height: float, width: int, options: ParseOptions) -> float:
    """Factor to `width` pixels, smaller where the pixel budget or WebP's longest side asks for it.

    `width` 0 means: as OCR likes it.
    """
    page_width, page_height = max(page_width, 1e-3), max(page_height, 1e-3)
    factor = width / page_width if width else OCR_SIDE / max(page_width, page_height)
    budget = math.sqrt(options.render_pixels / (page_width * page_height))
    return min(factor, budget, (_WEBP_SIDE - 1) / max(page_width, page_height))


def _frame(source: Path, name: str, number: int, options: ParseOptions) -> Any:
    with open_image(source, name, options) as picture:
        if not 1 <= number <= frame_count(picture):
            raise _no_page(name, number, frame_count(picture))
        return load_frame(picture, number - 1, options)


def _pdf_page(source: Path, name: str, number: int, width: int, options: ParseOptions) -> Any:
    import pypdfium2

    with open_pdf(source, name) as pdf:
        if not 1 <= number <= len(pdf):
            raise _no_page(name, number, len(pdf))
        try:
            page = pdf[number - 1]
            # Converted here, as a bitmap lives only as long as its document.
            page_width, page_height = page.get_size()
            bitmap = page.render(scale=_scale(page_width, page_height, width, options), may_draw_forms=True)
            return bitmap.to_pil().convert("RGB")
        except pypdfium2.PdfiumError as error:
            raise ParseError(f"Page {number} of '{name}' cannot be drawn: {error}", "damaged") from error


def _no_page(name: str, number: int, count: int) -> ParseError:
    return ParseError(f"'{name}' has no page {number}: it has {count}.", "unsupported")
