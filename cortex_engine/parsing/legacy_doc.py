"""Word 97-2003 documents (.doc): text by the piece table, structure by paragraph properties ([MS-DOC])."""

from __future__ import annotations

import bisect
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.ole import open_ole, read_ole_properties, read_stream

_ENCRYPTED = 0x0100
_SECOND_TABLE = 0x0200
_CLX, _PAPX = 33, 13
"""Indexes of the piece table and of the paragraph property bins in FibRgFcLcb97."""
_STORIES = ("body", "footnotes", "headers", "macros", "comments", "endnotes", "text boxes")
_LEFT_OUT = frozenset({"headers", "macros"})
_IN_TABLE, _ROW_END, _LIST = 0x2416, 0x2417, 0x460B
_OPERAND_BYTES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
_CELL = "\x07"
_PARAGRAPH_END = re.compile("[\r\x07\x0c]")
_REPLACED = str.maketrans({"\x0b": "\n", "\x1e": "-", "\x1f": "", "\xa0": " "})


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters `[start, end)` and where they stand in the WordDocument stream."""

    start: int
    end: int
    offset: int
    wide: bool


@dataclass(frozen=True, slots=True)
class _Properties:
    """What a paragraph is: style index (1..9 are headings), in a table, end of a row, in a list."""

    style: int = 0
    in_table: bool = False
    row_end: bool = False
    listed: bool = False


def parse_doc(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a Word 97-2003 document: headings, lists, tables, notes, comments and text boxes; headers are left out.

    Raises `ParseError` (damaged, encrypted, unsupported for Word 95 and older, too_large, empty).
    """
    builder = DocumentBuilder("doc", options, name)
    with open_ole(source, name, options) as ole:
        document = read_stream(ole, "WordDocument", name)
        flags = struct.unpack_from("<H", document, 10)[0] if len(document) > 32 else 0
        if len(document) < 0x200 or struct.unpack_from("<H", document)[0] != 0xA5EC:
            raise ParseError(f"{name} is of a Word version before 1997. Save it as .docx and add that.", "unsupported")
        if flags & _ENCRYPTED:
            raise ParseError(
                f"{name} is protected by a password. Save a copy without password and add that.", "encrypted"
            )
        table = read_stream(ole, "1Table" if flags & _SECOND_TABLE else "0Table", name)
        read_ole_properties(ole, builder)
    try:
        _read(document, table, builder)
    except (struct.error, IndexError) as error:
        raise ParseError(f"{name} is damaged: its tables point outside the file ({error}).") from error
    return builder.build()


def _read(document: bytes, table: bytes, builder: DocumentBuilder) -> None:
    counts, pairs = _file_information(document)
    pieces = _pieces(table[pairs[_CLX][0] : sum(pairs[_CLX])])
    properties = _ParagraphProperties(document, table[pairs[_PAPX][0] : sum(pairs[_PAPX])])
    position = 0
    for story, count in zip(_STORIES, counts, strict=True):
        if story not in _LEFT_OUT:
            _add_story(document, pieces, properties, (position, position + count), builder)
        position += count


def _file_information(document: bytes) -> tuple[list[int], list[tuple[int, int]]]:
    """Character counts of the stories, and offset and length of each structure of the table stream."""
    position = 32
    position += 2 + 2 * struct.unpack_from("<H", document, position)[0]
    longs = struct.unpack_from("<H", document, position)[0]
    values = struct.unpack_from(f"<{longs}i", document, position + 2)
    position += 2 + 4 * longs
    amount = struct.unpack_from("<H", document, position)[0]
    pairs = [struct.unpack_from("<II", document, position + 2 + 8 * index) for index in range(amount)]
    return [max(0, count) for count in values[3:10]], pairs


def _pieces(clx: bytes) -> list[_Piece]:
    position = 0
    while clx[position] == 1:
        position += 3 + struct.unpack_from("<H", clx, position + 1)[0]
    size = struct.unpack_from("<I", clx, position + 1)[0]
    amount = (size - 4) // 12
    bounds = struct.unpack_from(f"<{amount + 1}I", clx, position + 5)
    pieces = []
    for index in range(amount):
        stored = struct.unpack_from("<I", clx, position + 5 + 4 * (amount + 1) + 8 * index + 2)[0]
        wide = not stored & 0x40000000
        offset = stored & 0x3FFFFFFF
        pieces.append(_Piece(bounds[index], bounds[index + 1], offset if wide else offset // 2, wide))
    return pieces


class _ParagraphProperties:
    """Paragraph properties by the file position of the paragraph's end ([MS-DOC] 2.8.25, PlcBtePapx)."""

    def __init__(self, document: bytes, bins: bytes) -> None:
        amount = max(0, (len(bins) - 4) // 8)
        pages = struct.unpack_from(f"<{amount}I", bins, 4 * (amount + 1)) if amount else ()
        self._ends: list[int] = []
        self._found: list[_Properties] = []
        for page in pages:
            start = (page & 0x3FFFFF) * 512
            block = document[start : start + 512]
            if len(block) == 512:
                self._read_page(block)

    def at(self, offset: int) -> _Properties:
        """Properties of the paragraph whose characters include the one at `offset`."""
        index = bisect.bisect_right(self._ends, offset)
        return self._found[index] if index < len(self._found) else _Properties()

    def _read_page(self, block: bytes) -> None:
        amount = block[511]
        ends = struct.unpack_from(f"<{amount + 1}I", block)
        for index in range(amount):
            place = block[4 * (amount + 1) + 13 * index] * 2
            words = block[place] if place else 0
            first = place + 1 if words else place + 2
            size = words * 2 - 1 if words else block[place + 1] * 2
            self._ends.append(ends[index + 1])
            self._found.append(_paragraph_properties(block[first : first + size]) if place else _Properties())


def _paragraph_properties(data: bytes) -> _Properties:
    if len(data) < 2:
        return _Properties()
    seen = {}
    position = 2
    while position + 3 <= len(data):
        code = struct.unpack_from("<H", data, position)[0]
        kind = code >> 13
        size = _OPERAND_BYTES.get(kind, 1 + data[position + 2])
        seen[code] = (
            data[position + 2] if kind != 2 else struct.unpack_from("<H", data.ljust(position + 4), position + 2)[0]
        )
        position += 2 + size + (1 if code == 0xD608 else 0)
    style = struct.unpack_from("<H", data)[0]
    return _Properties(style, bool(seen.get(_IN_TABLE)), bool(seen.get(_ROW_END)), bool(seen.get(_LIST)))


def _add_story(
    document: bytes,
    pieces: list[_Piece],
    properties: _ParagraphProperties,
    bounds: tuple[int, int],
    builder: DocumentBuilder,
) -> None:
    rows: list[list[str]] = []
    row: list[str] = []
    cell: list[str] = []
    for text, mark, found in _paragraphs(document, pieces, properties, bounds):
        if found.row_end:
            rows.append(row)
            row = []
        elif found.in_table or mark == _CELL:
            cell.append(text)
            if mark == _CELL:
                row.append("\n".join(cell))
                cell = []
        else:
            builder.table(rows)
            rows = []
            _add_paragraph(text, found, builder)
    builder.table([*rows, [*row, *cell]] if row or cell else rows)


def _add_paragraph(text: str, found: _Properties, builder: DocumentBuilder) -> None:
    if 1 <= found.style <= 9:
        builder.heading(text, found.style)
    elif found.listed:
        builder.item(text)
    else:
        builder.paragraph(text)


def _paragraphs(
    document: bytes, pieces: list[_Piece], properties: _ParagraphProperties, bounds: tuple[int, int]
) -> list[tuple[str, str, _Properties]]:
    """Text, end mark and properties of each paragraph of a story."""
    found = []
    open_text = ""
    for piece in pieces:
        start, end = max(piece.start, bounds[0]), min(piece.end, bounds[1])
        if start >= end:
            continue
        width = 2 if piece.wide else 1
        offset = piece.offset + (start - piece.start) * width
        raw = document[offset : offset + (end - start) * width]
        text = raw.decode("utf-16-le" if piece.wide else "cp1252", "replace")
        last = 0
        for match in _PARAGRAPH_END.finditer(text):
            style = properties.at(offset + match.start() * width)
            found.append((_visible(open_text + text[last : match.start()]), match.group(), style))
            open_text, last = "", match.end()
        open_text += text[last:]
    if open_text:
        found.append((_visible(open_text), "\r", _Properties()))
    return found


def _visible(text: str) -> str:
    """The text without field codes: of a field only its result is shown."""
    previous = None
    while previous != text:
        previous = text
        text = re.sub("\x13[^\x13\x14\x15]*\x15", "", text)
        text = re.sub("\x13[^\x13\x14\x15]*\x14([^\x13\x14\x15]*)\x15", r"\1", text)
    return text.translate(_REPLACED)
