"""Plain text, delimited tables and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.decoding import decode, read_limited

_ORG_HEADING = re.compile(r"(\*{1,6}) (.+)$")
_ORG_ITEM = re.compile(r"\s*(?:[-+]|\d+[.)])\s+(.+)$")
_ORG_LINK = re.compile(r"\[\[([^\]]+)\]\[([^\]]+)\]\]|\[\[([^\]]+)\]\]")
_ORG_SETTING = re.compile(r"#\+(title|author|date|language):\s*(.*)$", re.IGNORECASE)
_SNIFFED = 65_536
_DELIMITERS = ",;\t|"
_DEEPEST = 200
_UTF_8 = frozenset({"utf-8", "utf-8-sig"})


def parse_text(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read plain text: paragraphs are what blank lines separate. Files named .org are read as org-mode.

    Raises `ParseError` (empty, too_large).
    """
    builder = DocumentBuilder("text", options, name)
    text = _decoded(source, name, options, builder)
    if name.lower().endswith(".org"):
        _add_org(text, builder)
    else:
        add_paragraphs(text, builder)
    return builder.build()


def add_paragraphs(text: str, builder: DocumentBuilder) -> None:
    """Add a text by paragraphs; a form feed, as printers use it, parts paragraphs too."""
    for part in re.split(r"\n[ \t]*(?:\n[ \t]*)+|\f", text.replace("\r\n", "\n").replace("\r", "\n")):
        builder.paragraph(part)


def _decoded(source: Path, name: str, options: ParseOptions, builder: DocumentBuilder) -> str:
    text, encoding = decode(read_limited(source, name, options))
    if encoding not in _UTF_8:
        builder.note("encoding", encoding)
    return text


def _add_org(text: str, builder: DocumentBuilder) -> None:
    """Org-mode: headings, lists, source blocks, settings; links by their description."""
    lines: list[str] = []
    add = builder.paragraph
    code: list[str] | None = None
    for line in [*text.splitlines(), ""]:
        lowered = line.strip().lower()
        if code is not None:
            if lowered.startswith(("#+end_src", "#+end_example")):
                builder.code("\n".join(code))
                code = None
            else:
                code.append(line)
            continue
        shown = _ORG_LINK.sub(lambda match: match.group(2) or match.group(3) or match.group(1), line)
        heading, item = _ORG_HEADING.match(shown), _ORG_ITEM.match(shown)
        if not (heading or item or lowered == "" or lowered.startswith("#+")):
            lines.append(shown.strip())
            continue
        add("\n".join(lines))
        lines, add = [], builder.paragraph
        if heading:
            builder.heading(heading.group(2), len(heading.group(1)))
        elif item:
            lines, add = [item.group(1)], builder.item
        elif setting := _ORG_SETTING.match(line.strip()):
            _describe_org(setting.group(1).lower(), setting.group(2), builder)
        elif lowered.startswith(("#+begin_src", "#+begin_example")):
            code = []
    builder.code("\n".join(code or []))


def _describe_org(key: str, value: str, builder: DocumentBuilder) -> None:
    if key == "title":
        builder.describe(title=value)
    elif key == "author":
        builder.describe(author=value)
    elif key == "date":
        builder.describe(created=value.strip("<>[] \t"))
    else:
        builder.describe(language=value)


def parse_csv(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read delimited text (comma, semicolon, tab, bar) as one table.

    Raises `ParseError` (empty, too_large).
    """
    builder = DocumentBuilder("csv", options, name)
    text = _decoded(source, name, options, builder)
    delimiter = "\t" if name.lower().endswith((".tsv", ".tab")) else _delimiter(text[:_SNIFFED])
    csv.field_size_limit(options.file_bytes)
    rows = [row for row in _rows(text, delimiter, name) if any(cell.strip() for cell in row)]
    width = max((len(row) for row in rows), default=0)
    while len(rows) > 1 and width > 1 and sum(bool(cell.strip()) for cell in rows[0]) == 1:
        builder.paragraph("".join(rows.pop(0)))
    builder.table(rows, header=_has_header(rows))
    return builder.build()


def _rows(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise ParseError(f"{name} is damaged: it is no table of delimited text ({error}).") from error


def _delimiter(sample: str) -> str:
    """The delimiter that parts the first lines into the same number of cells, more than one."""
    lines = [line for line in sample.splitlines()[:50] if line.strip()]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        if not counts or max(counts) < 2:
            continue
        usual = max(set(counts), key=counts.count)
        score = counts.count(usual) / len(counts) if usual > 1 else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row holds names: no numbers, nothing twice."""
    named = [cell.strip() for cell in rows[0] if cell.strip()] if rows else []
    return bool(named) and len(set(named)) == len(named) and not any(_is_number(cell) for cell in named)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.,\s]*\d[%€$]?", text))


def parse_json(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read JSON or JSON Lines as lines "path: value", an entry of the outermost list a paragraph.

    Text that is no JSON is kept as text, with a warning. Raises `ParseError` (empty, too_large).
    """
    builder = DocumentBuilder("json", options, name)
    text = _decoded(source, name, options, builder).strip()
    try:
        entries = _entries(text)
    except (ValueError, RecursionError) as error:
        builder.warn(f"{name} is not complete JSON ({error}); it was read as plain text.")
        add_paragraphs(text, builder)
        return builder.build()
    for entry in entries:
        builder.paragraph("\n".join(_lines(entry, "", 0)))
    return builder.build()


def _entries(text: str) -> list[object]:
    try:
        value = json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0]):
            raise
        return [json.loads(line) for line in lines]
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and any(isinstance(inner, dict | list) for inner in value.values()):
        return [{key: inner} for key, inner in value.items()]
    return [value]


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _lines(value: object, path: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"{path}: (nested deeper than {_DEEPEST} levels)"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        if value and not any(isinstance(inner, dict | list) for inner in value):
            yield f"{path}: {', '.join(map(_scalar, value))}" if path else "\n".join(map(_scalar, value))
            return
        for number, inner in enumerate(value, start=1):
            yield from _lines(inner, f"{path}[{number}]", depth + 1)
    else:
        yield f"{path}: {_scalar(value)}" if path else _scalar(value)


def _scalar(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)
