"""Pictures by Pillow: an allow-list of formats, limits before anything is decoded, one page a frame."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import iso_date, one_line
from cortex_engine.parsing.registry import AWAITS_OCR, OCR_OFF

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
_ANIMATED = {"GIF", "PNG", "WEBP"}
_EXIF_DESCRIPTION, _EXIF_ORIENTATION, _EXIF_DATE, _EXIF_ARTIST = 270, 274, 306, 315
_TURNED_ORIENTATIONS = {5, 6, 7, 8}


def parse_image(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """A page for each frame, waiting for OCR; width and height are pixels, as displayed.

    Raises:
        ParseError: damaged, or too_large (pixels, frames).
    """
    with open_image(source, name, options) as picture:
        count = frame_count(picture)
        remarks: tuple[str, ...] = ()
        if count > 1 and picture.format in _ANIMATED:
            remarks = (f"The picture is animated ({count} frames); only its first frame is read.",)
            count = 1
        if count > options.frames:
            raise ParseError(f"'{name}' has {count} frames; up to {options.frames} are read.", "too_large")
        info = _info(picture)
        pages = tuple(_page(picture, index, name, options) for index in range(count))
    if all(page.reason not in {AWAITS_OCR, OCR_OFF} for page in pages):
        raise ParseError(f"'{name}' is a damaged picture: {pages[0].reason}", "damaged")
    return ParsedDocument(info, pages, (), (), remarks)


@contextlib.contextmanager
def open_image(source: Path, name: str, options: ParseOptions) -> Iterator[Any]:
    """The picture as `PIL.Image.Image`, not yet decoded.

    Raises:
        ParseError: damaged, or too_large (more pixels than the limit).
    """
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = options.image_pixels
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with source.open("rb") as stream, Image.open(stream, formats=FORMATS) as picture:
                yield picture
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            limit = options.image_pixels / 1e6
            raise ParseError(f"'{name}' is larger than {limit:g} million pixels.", "too_large") from error
        except UnidentifiedImageError as error:
            raise ParseError(f"'{name}' is a damaged picture: its header makes no sense.", "damaged") from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise ParseError(f"'{name}' is a damaged picture: {one_line(str(error))}.", "damaged") from error


def frame_count(picture: Any) -> int:
    """Frames of a picture, 1 where the format has none."""
    return int(getattr(picture, "n_frames", 1))


def load_frame(picture: Any, index: int, options: ParseOptions) -> Any:
    """A frame decoded, upright by its EXIF orientation, on white, as RGB.

    Raises:
        ParseError: too_large.
        OSError, SyntaxError, ValueError: it cannot be decoded.
    """
    from PIL import Image, ImageOps

    if index:
        picture.seek(index)
    if picture.width * picture.height > options.image_pixels:
        raise ParseError(f"A frame is larger than {options.image_pixels / 1e6:g} million pixels.", "too_large")
    picture.load()
    frame: Any = picture
    with contextlib.suppress(ValueError, TypeError, KeyError, SyntaxError, OSError):  # broken EXIF: as it lies
        frame = ImageOps.exif_transpose(picture)
    if frame.mode in {"RGBA", "LA", "PA"} or "transparency" in frame.info:
        layer = frame.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    if frame.mode in {"I", "I;16", "I;16B", "F"}:  # wide grey values: stretch to what can be seen
        low, high = frame.getextrema()
        frame = frame.point(lambda value: value * (255.0 / max(1, high - low)) - low * 255.0 / max(1, high - low))
        return frame.convert("L").convert("RGB")
    return frame.convert("RGB")


def _page(picture: Any, index: int, name: str, options: ParseOptions) -> Page:
    try:
        if index:
            picture.seek(index)
        width, height = picture.size
        if width * height > options.image_pixels:
            raise ParseError(f"'{name}' is larger than {options.image_pixels / 1e6:g} million pixels.", "too_large")
        picture.load()  # a frame that cannot be decoded is known here, not by every reader
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return Page(index + 1, "", PageState.FAILED, f"Frame {index + 1} cannot be decoded: {one_line(str(error))}.")
    if _orientation(picture) in _TURNED_ORIENTATIONS:
        width, height = height, width
    state, reason = (PageState.FAILED, AWAITS_OCR) if options.ocr else (PageState.BLANK, OCR_OFF)
    return Page(index + 1, "", state, reason, width=float(width), height=float(height))


def _orientation(picture: Any) -> int:
    try:
        return int(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except (ValueError, TypeError, KeyError, SyntaxError, OSError):
        return 1


def _info(picture: Any) -> DocumentInfo:
    try:
        exif = dict(picture.getexif())
    except (ValueError, TypeError, KeyError, SyntaxError, OSError):
        exif = {}
    date = str(exif.get(_EXIF_DATE, ""))
    return DocumentInfo(
        media_type="image",
        title=one_line(str(exif.get(_EXIF_DESCRIPTION, ""))),
        author=one_line(str(exif.get(_EXIF_ARTIST, ""))),
        created=iso_date(date[:10].replace(":", "-") + date[10:]),
        extra=(("format", str(picture.format)),),
    )
