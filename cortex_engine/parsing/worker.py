"""What runs inside a child of the box: find out the kind of a file, read it, draw it, read a picture by OCR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.core.pictures import DRAWN
from cortex_engine.parsing.detect import detect
from cortex_engine.parsing.registry import family_parser
from cortex_engine.parsing.wire import encode_document, encode_page


def _path(source: int) -> Path:
    proc = Path(f"/proc/self/fd/{source}")
    return proc if proc.exists() else Path(f"/dev/fd/{source}")


def parse_file(source: int, arguments: Mapping[str, Any]) -> tuple[Any, bytes]:
    """Read the file; the answer is a document as `wire.encode_document` gives it, with the file's kind."""
    from cortex_engine.parsing.language import detect_language

    options, name, path = ParseOptions(**arguments["options"]), arguments["name"], _path(source)
    kind = detect(path, name)
    parsed = family_parser(kind)(path, name, options)
    if not parsed.info.language:
        parsed = replace(parsed, info=replace(parsed.info, language=detect_language(parsed.text)))
    value, blob = encode_document(parsed)
    return {"kind": kind, "document": value}, blob


def language_of(source: int, arguments: Mapping[str, Any]) -> tuple[Any, bytes]:
    """The language of a UTF-8 text."""
    from cortex_engine.parsing.language import detect_language

    del arguments
    return detect_language(_path(source).read_text("utf-8")), b""


def read_page(source: int, arguments: Mapping[str, Any]) -> tuple[Any, bytes]:
    """Read one page or frame by OCR; the answer is a page and its blocks, whose offsets are in the page's text."""
    from cortex_engine.parsing.ocr import read_picture
    from cortex_engine.parsing.rendering import picture_for_ocr

    options, number = ParseOptions(**arguments["options"]), int(arguments["page"])
    picture = picture_for_ocr(_path(source), arguments["kind"], arguments["name"], number, options)
    page, blocks = read_picture(picture, number)
    return {"page": encode_page(page), "blocks": [[b.kind.value, b.char_start, b.char_end] for b in blocks]}, b""


def render_page(source: int, arguments: Mapping[str, Any]) -> tuple[Any, bytes]:
    """Draw one page or frame; the binary part is a WebP picture, or a PNG where it is to be lossless."""
    from cortex_engine.parsing.rendering import draw

    options, name, path = ParseOptions(**arguments["options"]), arguments["name"], _path(source)
    kind = detect(path, name)
    if kind not in DRAWN:
        raise ParseError(f"'{name}' has no fixed pages that could be drawn ({kind}).", "unsupported")
    lossless = bool(arguments["lossless"])
    data, width, height = draw(path, kind, name, int(arguments["page"]), int(arguments["width"]), options, lossless)
    return {"mime": "image/png" if lossless else "image/webp", "width": width, "height": height}, data
