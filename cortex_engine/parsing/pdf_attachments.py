"""Files embedded in a PDF."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import Attachment
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import one_line

_SPECIFICATION = re.compile(rb"/U?F\s*\(([^()\\]{1,200})\)[^<>]{0,200}/EF\s*<<[^<>]{0,200}?/U?F\s+(\d{1,9})\s+\d+\s+R")
_LENGTH = re.compile(rb"/Length\s+(\d{1,9})(?!\s+\d+\s+R)")
_DICTIONARY_BYTES = 2_000


def embedded_files(pdf: Any, source: Path, options: ParseOptions) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """The embedded files, and a warning for each that cannot be taken out.

    Args:
        pdf: an open `pypdfium2.PdfDocument`.
        source: the same file.
    """
    import pypdfium2

    attachments: list[Attachment] = []
    warnings: list[str] = []
    total = 0
    for index in range(pdf.count_attachments()):
        title = f"number {index + 1}"
        try:
            attachment = pdf.get_attachment(index)
            title = one_line(attachment.get_name()) or title
            data = bytes(attachment.get_data())
        except pypdfium2.PdfiumError as error:
            found = _by_other_key(source, title, options.archive_bytes)
            if found is None:
                warnings.append(f"The embedded file {title} cannot be taken out: {error}")
                continue
            data = found
        total += len(data)
        if total > options.archive_bytes or len(attachments) >= options.archive_entries:
            warnings.append(f"The embedded file {title} and those after it are left out: together they are too large.")
            break
        attachments.append(Attachment(title, data))
    return tuple(attachments), tuple(warnings)


def _by_other_key(source: Path, name: str, limit: int) -> bytes | None:
    """The contents of an embedded file whose name stands under /UF and its stream under /F.

    PDFium asks for both under one key, and finds nothing then. Only plain and deflated streams are read.
    """
    data = source.read_bytes()
    for match in _SPECIFICATION.finditer(data):
        if match.group(1).decode("latin-1") != name:
            continue
        head = re.search(rb"(?<!\d)%s\s+\d+\s+obj\b" % match.group(2), data)
        if head is None:
            continue
        begin = data.find(b"stream", head.end(), head.end() + _DICTIONARY_BYTES)
        length = _LENGTH.search(data, head.end(), max(begin, head.end()))
        if begin < 0 or length is None:
            continue
        start = begin + len(b"stream") + (2 if data[begin + 6 : begin + 8] == b"\r\n" else 1)
        content = data[start : start + int(length.group(1))]
        dictionary = data[head.end() : begin]
        if b"/Filter" not in dictionary:
            return content[:limit]
        if re.search(rb"/Filter\s*\[?\s*/FlateDecode\s*\]?\s*(/(?!DecodeParms)|>>)", dictionary):
            return _inflated(content, limit)
    return None


def _inflated(content: bytes, limit: int) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(content, limit)
    except zlib.error:
        return None
