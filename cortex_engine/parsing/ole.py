"""Compound files ([MS-CFB]): the container of the Office formats of before 2007 and of Outlook messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder

_UTF_8_CODE_PAGES = frozenset({65001, -535})


@contextmanager
def open_ole(source: Path, name: str, options: ParseOptions) -> Iterator[Any]:
    """An open `olefile.OleFileIO`. Raises `ParseError` (damaged, empty, too_large)."""
    import olefile

    size = source.stat().st_size
    if not size:
        raise ParseError(f"{name} is empty: it has no bytes.", "empty")
    if size > options.file_bytes:
        raise ParseError(f"{name} has more than {options.file_bytes} bytes; it was not read.", "too_large")
    try:
        ole = olefile.OleFileIO(str(source))
    except (OSError, ValueError, IndexError) as error:
        raise ParseError(f"{name} is damaged: its container cannot be read ({error}).") from error
    with ole:
        yield ole


def read_stream(ole: Any, stream: str, name: str) -> bytes:
    """Bytes of a stream. Raises `ParseError` (damaged) where it is missing or cut."""
    try:
        data: bytes = ole.openstream(stream).read()
    except (OSError, ValueError, IndexError) as error:
        raise ParseError(f"{name} is damaged: its part {stream} cannot be read ({error}).") from error
    return data


def read_ole_properties(ole: Any, builder: DocumentBuilder) -> None:
    """Title, author, dates, subject and keywords of the summary information stream."""
    try:
        summary = ole.get_metadata()
    except (OSError, ValueError, IndexError):
        builder.warn("The document's properties could not be read.")
        return
    page = summary.codepage or 1252
    builder.describe(
        title=_decoded(summary.title, page),
        author=_decoded(summary.author, page),
        created=_moment(summary.create_time),
        modified=_moment(summary.last_saved_time),
    )
    builder.note("subject", _decoded(summary.subject, page))
    builder.note("keywords", _decoded(summary.keywords, page))


def _decoded(value: bytes | str | None, page: int) -> str:
    if not isinstance(value, bytes):
        return value or ""
    try:
        return value.decode("utf-8" if page in _UTF_8_CODE_PAGES else f"cp{page}")
    except (UnicodeDecodeError, LookupError):
        return value.decode("cp1252", "replace")


def _moment(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) and value.year > 1601 else ""
