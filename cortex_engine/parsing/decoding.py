"""Bytes to text: byte order mark, then UTF-16 by its zeros, then UTF-8, then a guess that is said aloud."""

from __future__ import annotations

import codecs
from pathlib import Path

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 100_000


def read_limited(source: Path, name: str, options: ParseOptions, limit: int = 0) -> bytes:
    """All bytes of a file. Raises `ParseError`: empty, or too_large above `limit` (0: `file_bytes`)."""
    limit = limit or options.file_bytes
    size = source.stat().st_size
    if size > limit:
        raise ParseError(f"{name} has more than {limit} bytes; it was not read. Split it and try again.", "too_large")
    data = source.read_bytes()
    if not data:
        raise ParseError(f"{name} is empty: it has no bytes.", "empty")
    return data


def decode(data: bytes) -> tuple[str, str]:
    """Text and the name of its encoding; never fails, undecodable bytes become U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    if encoding := _wide_encoding(data[:_SAMPLE]):
        return data.decode(encoding, "replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        encoding = _guess(data)
        return data.decode(encoding, "replace"), encoding


def _wide_encoding(sample: bytes) -> str:
    """UTF-16 without a mark: every second byte of western text is zero."""
    half = len(sample) // 2
    if half < 2:
        return ""
    if sample[1::2].count(0) > half * 0.4 and sample[0::2].count(0) < half * 0.1:
        return "utf-16-le"
    if sample[0::2].count(0) > half * 0.4 and sample[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return ""


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    # Short texts hold too little for statistics; there, Windows' western code page is the likeliest by far.
    if len(data) < 64:
        return "cp1252"
    best = from_bytes(data[:_SAMPLE]).best()
    return best.encoding if best is not None else "cp1252"
