"""Rich Text Format 1.9: text by striprtf, metadata from the `\\info` group."""

from __future__ import annotations

import re
from pathlib import Path

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.decoding import read_limited

_INFO = re.compile(r"\{\\(title|author|subject|keywords)\s((?:[^{}\\]|\\.)*)\}")
_TIMES = re.compile(r"\{\\(creatim|revtim)((?:\\[a-z]+\d+)+)\s*\}")
_PART = re.compile(r"\\(yr|mo|dy|hr|min|sec)(\d+)")
_INFO_BYTES = 65_536


def parse_rtf(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a rich text file: paragraphs and tables. Raises `ParseError` (damaged, too_large, empty)."""
    from striprtf.striprtf import rtf_to_text

    text = read_limited(source, name, options).decode("latin-1")
    if not text.lstrip().startswith("{\\rtf"):
        raise ParseError(f"{name} is damaged: it does not begin as rich text does.")
    builder = DocumentBuilder("rtf", options, name)
    _read_info(text[:_INFO_BYTES], builder)
    try:
        plain = rtf_to_text(text, encoding="cp1252", errors="replace")
    except (ValueError, IndexError, KeyError, LookupError, RecursionError) as error:
        raise ParseError(f"{name} is damaged: its control words cannot be read ({error!r}).") from error
    rows: list[list[str]] = []
    for line in plain.split("\n"):
        if line.endswith("|"):
            rows.append(line[:-1].split("|"))
            continue
        builder.table(rows)
        rows = []
        builder.paragraph(line)
    builder.table(rows)
    return builder.build()


def _read_info(head: str, builder: DocumentBuilder) -> None:
    from striprtf.striprtf import rtf_to_text

    values = {key: rtf_to_text("{\\rtf1 " + value + "}", errors="replace") for key, value in _INFO.findall(head)}
    times = {key: dict(_PART.findall(parts)) for key, parts in _TIMES.findall(head)}
    builder.describe(
        title=values.get("title", ""),
        author=values.get("author", ""),
        created=_moment(times.get("creatim", {})),
        modified=_moment(times.get("revtim", {})),
    )
    builder.note("subject", values.get("subject", ""))
    builder.note("keywords", values.get("keywords", ""))


def _moment(parts: dict[str, str]) -> str:
    if "yr" not in parts:
        return ""
    year, month, day, hour, minute, second = (
        int(parts.get(key, "0")) for key in ("yr", "mo", "dy", "hr", "min", "sec")
    )
    return f"{year:04d}-{max(month, 1):02d}-{max(day, 1):02d}T{hour:02d}:{minute:02d}:{second:02d}"
