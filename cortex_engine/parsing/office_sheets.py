"""Excel workbooks (.xlsx), read from their XML: ISO/IEC 29500-1, 18 (SpreadsheetML).

Cells are kept sparse, so that a sheet whose one cell stands in the last row and column costs one cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.grids import Cell, Grid, add_sheet, format_number
from cortex_engine.parsing.ooxml import (
    A,
    C,
    Package,
    R,
    add_chart,
    attach_pictures,
    drawing_text,
    read_properties,
    tidy_number,
)
from cortex_engine.parsing.packages import local, whole_number

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT_SPACE = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})$")
_BUILT_IN = {
    2: "0.00", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 18: "h:mm", 19: "h:mm", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 39: "#,##0.00", 40: "#,##0.00", 44: "0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
}  # fmt: skip
_BUILT_IN_DATES = frozenset({14, 15, 16, 17, *range(27, 37), *range(50, 59)})


def parse_xlsx(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a workbook: a page a sheet (hidden ones too), tables parted by blank rows and columns.

    Raises `ParseError` (damaged, encrypted, too_large, empty).
    """
    package = Package(source, name, options)
    with package.archive:
        builder = DocumentBuilder("xlsx", options, name)
        main = package.main_part("xl/workbook.xml")
        workbook = package.root(main)
        read_properties(package, builder)
        reader = _SheetReader(package, main, workbook, options)
        hidden = []
        for sheet in workbook.iter(f"{S}sheet"):
            label = sheet.get("name", "")
            builder.page(label)
            if sheet.get("state", "visible") != "visible":
                hidden.append(label)
            part = package.target(main, sheet.get(f"{R}id", ""))
            if part:
                add_sheet(builder, label, reader.grid(part))
                _add_surroundings(package, part, builder)
            else:
                builder.warn(f"The sheet {label} is missing in the file.")
        builder.note("hidden_sheets", ", ".join(hidden))
        attach_pictures(package, builder, "xl/media/")
        return builder.build()


class _SheetReader:
    """Reads sheet parts with the workbook's shared strings and number formats."""

    def __init__(self, package: Package, main: str, workbook: Any, options: ParseOptions) -> None:
        self._package = package
        self._options = options
        self._cells = 0
        properties = workbook.find(f"{S}workbookPr")
        self._epoch_1904 = properties is not None and properties.get("date1904") in {"1", "true"}
        self._strings = [
            _rich_text(item) for part in package.related(main, "sharedStrings") for item in self._elements(part, "si")
        ]
        self._formats = _cell_formats(package, main)

    def grid(self, part: str) -> Grid:
        """Non-empty cells of a sheet part."""
        grid: Grid = {}
        number = -1
        for row in self._elements(part, "row"):
            given = row.get("r", "")
            number = whole_number(given, number + 2) - 1
            column = -1
            for element in row.iter(f"{S}c"):
                place = _REFERENCE.match(element.get("r", ""))
                column = _column_number(place.group(1)) if place else column + 1
                cell = self._cell(element)
                if cell.text:
                    grid.setdefault(number, {})[column] = cell
                    self._count()
        return grid

    def _count(self) -> None:
        self._cells += 1
        if self._cells > self._options.table_cells:
            limit = self._options.table_cells
            raise ParseError(f"{self._package.name} has more than {limit} cells; it was not read.", "too_large")

    def _elements(self, part: str, tag: str) -> Iterator[Any]:
        """Elements of a part one after the other, each forgotten when the next is asked for."""
        from lxml import etree

        data = self._package.archive.read(part)
        if _STRICT_SPACE in data:
            data = data.replace(_STRICT_SPACE, S[1:-1].encode())
        events = etree.iterparse(
            BytesIO(data), tag=f"{S}{tag}", resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False
        )
        try:
            for _, element in events:
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise ParseError(f"{self._package.name} is damaged: its part {part} is no XML ({error}).") from error

    def _cell(self, element: Any) -> Cell:
        kind = element.get("t", "n")
        if kind == "inlineStr":
            inline = element.find(f"{S}is")
            return Cell(_rich_text(inline) if inline is not None else "", True)
        value = element.findtext(f"{S}v") or ""
        if not value:
            # Files written by programs hold formulas without results: the formula is all there is to show.
            formula = element.findtext(f"{S}f") or ""
            return Cell(f"={formula}" if formula else "", False)
        if kind == "s":
            index = whole_number(value, -1)
            return Cell(self._strings[index] if 0 <= index < len(self._strings) else "", True)
        if kind == "n":
            return Cell(self._number(value, element.get("s", "0")), False)
        if kind == "b":
            return Cell("TRUE" if value == "1" else "FALSE", False)
        return Cell(value, kind == "str")

    def _number(self, value: str, style: str) -> str:
        code = self._formats.get(style, "General")
        try:
            return format_number(float(value), code, self._epoch_1904)
        except (ValueError, OverflowError):
            return tidy_number(value)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _rich_text(element: Any) -> str:
    """Text of a string item without its phonetic readings."""
    return "".join(node.text or "" for node in element.iter(f"{S}t") if local(node.getparent()) != "rPh")


def _cell_formats(package: Package, main: str) -> dict[str, str]:
    """Number format code by cell style index."""
    parts = package.related(main, "styles")
    if not parts:
        return {}
    root = package.root(parts[0])
    custom = {element.get("numFmtId", ""): element.get("formatCode", "General") for element in root.iter(f"{S}numFmt")}
    formats = {}
    for index, style in enumerate(root.findall(f"{S}cellXfs/{S}xf")):
        identifier = style.get("numFmtId", "0")
        number = whole_number(identifier, 0)
        built_in = "yyyy-mm-dd" if number in _BUILT_IN_DATES else _BUILT_IN.get(number, "General")
        formats[str(index)] = custom.get(identifier, built_in)
    return formats


def _add_surroundings(package: Package, part: str, builder: DocumentBuilder) -> None:
    """Comments, text boxes and charts of a sheet."""
    for comments in package.related(part, "comments"):
        for comment in package.root(comments).iter(f"{S}comment"):
            text = _rich_text(comment)
            builder.paragraph(f"Comment on {comment.get('ref', '')}: {text}" if text else "")
    for drawing in package.related(part, "drawing"):
        root = package.root(drawing)
        for element in root.iter():
            if local(element) == "txBody":
                builder.paragraph("\n".join(drawing_text(paragraph) for paragraph in element.iter(f"{A}p")))
            elif element.tag == f"{C}chart" and (target := package.target(drawing, element.get(f"{R}id", ""))):
                add_chart(package, target, builder)
